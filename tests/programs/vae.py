"""A variational autoencoder: reparameterisation, binary cross-entropy summed, and the divergence from a normal."""

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F

rng = np.random.default_rng(23)
torch.manual_seed(1)


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(36, 16)
        self.fc21 = nn.Linear(16, 4)
        self.fc22 = nn.Linear(16, 4)
        self.fc3 = nn.Linear(4, 16)
        self.fc4 = nn.Linear(16, 36)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        eps.copy_(torch.from_numpy(rng.normal(size=std.shape)))
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 36))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 36), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


model = VAE()
for p in model.parameters():
    p.data = torch.from_numpy(rng.normal(0, 0.2, p.shape).astype(np.float32))
optimizer = optim.Adam(model.parameters(), lr=1e-2)
images = torch.from_numpy((rng.random((32, 1, 6, 6)) > 0.7).astype(np.float32))
losses = []
model.train()
for epoch in range(3):
    train_loss = 0
    for batch_idx, data in enumerate(images.chunk(4)):
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(data)
        loss = loss_function(recon_batch, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
    losses.append(train_loss / len(images))
    print("====> Epoch: {} Average loss: {:.4f}".format(epoch, losses[-1]))
with torch.no_grad():
    sample = model.decode(torch.zeros(1, 4)).cpu()
results = {"losses": losses, "mu": mu.mean(0), "sample": sample.view(6, 6)[0]}
