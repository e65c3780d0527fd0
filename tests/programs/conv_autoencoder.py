"""A convolutional autoencoder that removes noise, with pooling indices, upsampling and transposed convolutions."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(25)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc1 = nn.Conv2d(1, 6, 3, padding=1)
        self.enc2 = nn.Conv2d(6, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(2, 2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2, 2)
        self.dec1 = nn.ConvTranspose2d(4, 6, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.dec2 = nn.ConvTranspose2d(6, 1, 3, stride=1, padding=1)

    def forward(self, x):
        x = F.relu(self.enc1(x))
        x, idx = self.pool(x)
        x = F.relu(self.enc2(x))
        x = F.max_pool2d(x, 2)
        x = self.up(x)
        x = F.relu(self.dec1(x))
        x = self.unpool(x, idx, output_size=None)
        return torch.sigmoid(self.dec2(x))


model = Denoiser()
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.from_numpy(rng.normal(0, 0.25, p.shape)))
clean = torch.tensor(rng.uniform(size=(4, 1, 12, 12)), dtype=torch.float32).round()
noisy = torch.clamp(clean + 0.4 * torch.from_numpy(rng.normal(size=clean.shape)).float(), 0.0, 1.0)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
losses = []
for _ in range(4):
    loss = F.mse_loss(model(noisy), clean)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
psnr = 10 * torch.log10(1 / F.mse_loss(noisy, clean))
resized = F.interpolate(clean, scale_factor=0.5, mode="bilinear", align_corners=False)
results = {"losses": losses, "psnr": psnr, "resized": resized[0, 0, :2], "first": model(noisy)[0, 0, 0]}
