"""A dense autoencoder with weight decay, its encoder used alone, and images clamped back to their range."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(24)


class autoencoder(nn.Module):
    def __init__(self):
        super(autoencoder, self).__init__()
        self.encoder = nn.Sequential(
            nn.Linear(8 * 8, 16), nn.ReLU(True), nn.Linear(16, 6), nn.ReLU(True), nn.Linear(6, 3)
        )
        self.decoder = nn.Sequential(
            nn.Linear(3, 6), nn.ReLU(True), nn.Linear(6, 16), nn.ReLU(True), nn.Linear(16, 64), nn.Tanh()
        )

    def forward(self, x):
        x = self.encoder(x)
        x = self.decoder(x)
        return x


def to_img(x):
    x = 0.5 * (x + 1)
    x = x.clamp(0, 1)
    x = x.view(x.size(0), 1, 8, 8)
    return x


model = autoencoder()
for module in model.modules():
    if isinstance(module, nn.Linear):
        bound = 1 / module.in_features**0.5
        module.weight.data.copy_(torch.tensor(rng.uniform(-bound, bound, module.weight.shape)))
        module.bias.data.zero_()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-5)
data = torch.tensor(rng.uniform(size=(24, 1, 8, 8)), dtype=torch.float32).sub(0.5).div(0.5)
losses = []
for _ in range(5):
    img = data.view(data.size(0), -1)
    output = model(img)
    loss = criterion(output, img)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
pic = to_img(output.cpu().data)
code = model.encoder(img[:4])
results = {
    "losses": losses,
    "code": code.detach().numpy(),
    "range": [pic.min().item(), pic.max().item()],
    "pic": pic[0, 0, 0],
}
