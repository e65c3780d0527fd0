"""A generative adversarial network of dense layers that learns a line: real and fake labels, two optimizers, detach."""

import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(20)
latent_dim = 4


class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()

        def block(in_feat, out_feat, normalize=True):
            layers = [nn.Linear(in_feat, out_feat)]
            if normalize:
                layers.append(nn.BatchNorm1d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(*block(latent_dim, 8, normalize=False), *block(8, 12), nn.Linear(12, 9), nn.Tanh())

    def forward(self, z):
        img = self.model(z)
        img = img.view(img.size(0), *(1, 3, 3))
        return img


class Discriminator(nn.Module):
    def __init__(self):
        super(Discriminator, self).__init__()
        self.model = nn.Sequential(
            nn.Linear(9, 12), nn.LeakyReLU(0.2, inplace=True), nn.Linear(12, 6), nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(6, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, img):
        img_flat = img.view(img.size(0), -1)
        validity = self.model(img_flat)
        return validity


adversarial_loss = torch.nn.BCELoss()
generator, discriminator = Generator(), Discriminator()
for net in (generator, discriminator):
    for param in net.parameters():
        if param.dim() > 1:
            param.data = torch.tensor(rng.normal(0, 0.3, param.shape), dtype=torch.float32)
        elif param.data.mean() != 1:
            param.data.zero_()
optimizer_G = torch.optim.Adam(generator.parameters(), lr=0.01, betas=(0.5, 0.999))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.5, 0.999))
losses = []
for _ in range(6):
    imgs = torch.tensor(np.tile(rng.uniform(-1, 1, (16, 1, 3, 1)), (1, 1, 1, 3)), dtype=torch.float)
    valid = torch.ones(imgs.size(0), 1, requires_grad=False)
    fake = torch.zeros((imgs.shape[0], 1))

    optimizer_G.zero_grad()
    z = torch.tensor(rng.normal(0, 1, (imgs.shape[0], latent_dim))).float()
    gen_imgs = generator(z)
    g_loss = adversarial_loss(discriminator(gen_imgs), valid)
    g_loss.backward()
    optimizer_G.step()

    optimizer_D.zero_grad()
    real_loss = adversarial_loss(discriminator(imgs), valid)
    fake_loss = adversarial_loss(discriminator(gen_imgs.detach()), fake)
    d_loss = (real_loss + fake_loss) / 2
    d_loss.backward()
    optimizer_D.step()
    losses.append((g_loss.item(), d_loss.item()))
results = {"losses": losses, "images": gen_imgs[0], "running": generator.model[3].running_var}
