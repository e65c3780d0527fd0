"""A GAN whose critic has spectral norms: hinge losses, patches of images, imports that are not used."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.parallel
import torch.utils.model_zoo as model_zoo
from torch.nn.utils import remove_spectral_norm, spectral_norm

model_urls = {"critic": "critic.pth"}
rng = np.random.default_rng(32)


def settled(net):
    """The network with weights and vectors from NumPy."""
    with torch.no_grad():
        for p in [*net.parameters(), *net.buffers()]:
            p.copy_(torch.from_numpy(rng.normal(0.0, 0.4, p.shape)))
    return net


class Critic(nn.Module):
    def __init__(self, pretrained=False):
        super().__init__()
        self.conv1 = spectral_norm(nn.Conv2d(1, 4, 3, 2, 1))
        self.conv2 = spectral_norm(nn.Conv2d(4, 8, 3, 2, 1), n_power_iterations=2)
        self.fc = spectral_norm(nn.Linear(8, 1))
        if pretrained:
            self.load_state_dict(model_zoo.load_url(model_urls["critic"]))

    def forward(self, x):
        x = F.leaky_relu(self.conv1(x), 0.1, inplace=True)
        x = F.leaky_relu(self.conv2(x), 0.1, inplace=True)
        return self.fc(x.sum(dim=(2, 3))).squeeze(1)


generator = settled(nn.Sequential(nn.Linear(3, 16), nn.ReLU(True), nn.Linear(16, 64), nn.Tanh()))
critic = settled(Critic())
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-2, betas=(0.0, 0.9))
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-2, betas=(0.0, 0.9))
images = torch.from_numpy(rng.normal(0.0, 1.0, (1, 1, 16, 24))).float()
real = images.unfold(2, 8, 4).unfold(3, 8, 8).reshape(-1, 1, 8, 8)
losses = []
for step in range(4):
    z = torch.from_numpy(rng.normal(0.0, 1.0, (len(real), 3))).float()
    fake = generator(z).view(-1, 1, 8, 8)
    loss_c = F.relu(1.0 - critic(real)).mean() + F.relu(1.0 + critic(fake.detach())).mean()
    opt_c.zero_grad()
    loss_c.backward()
    opt_c.step()
    loss_g = -critic(fake).mean()
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    losses.append([loss_c.item(), loss_g.item()])
critic.eval()
scores = critic(real).detach()
remove_spectral_norm(critic.fc)

results = {
    "losses": losses,
    "scores": scores,
    "afterwards": critic(real).detach(),
    "keys": list(critic.state_dict()),
    "largest": np.linalg.norm(critic.fc.weight.detach().numpy(), 2),
    "patches": list(real.shape),
}
