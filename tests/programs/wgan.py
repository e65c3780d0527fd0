"""A Wasserstein GAN: a critic whose weights are clamped, then one whose gradient's norm is penalised instead."""

import numpy as np
import torch
import torch.nn as nn
from torch import autograd

rng = np.random.default_rng(22)
clip_value, n_critic, lambda_gp = 0.05, 2, 10


def dense(*sizes):
    layers = []
    for i, o in zip(sizes[:-1], sizes[1:]):
        layers += [nn.Linear(i, o), nn.LeakyReLU(0.2)]
    net = nn.Sequential(*layers[:-1])
    for p in net.parameters():
        p.data.copy_(torch.from_numpy(rng.normal(0, 0.4, p.data.shape)))
    return net


def compute_gradient_penalty(D, real_samples, fake_samples):
    alpha = torch.tensor(rng.random((real_samples.size(0), 1)), dtype=torch.float32)
    interpolates = (alpha * real_samples + ((1 - alpha) * fake_samples)).requires_grad_(True)
    d_interpolates = D(interpolates)
    fake = torch.ones(real_samples.shape[0], 1)
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=fake,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    gradient_penalty = ((gradients.norm(2, dim=1) - 1) ** 2).mean()
    return gradient_penalty


def train(penalised):
    generator, critic = dense(3, 8, 4), dense(4, 8, 1)
    optimizer_G = torch.optim.SGD(generator.parameters(), lr=0.05)
    optimizer_D = torch.optim.SGD(critic.parameters(), lr=0.02)
    history = []
    for i in range(6):
        real = torch.tensor(rng.normal(1, 0.3, (16, 4))).float()
        z = torch.tensor(rng.normal(size=(16, 3))).float()
        optimizer_D.zero_grad()
        fake_imgs = generator(z).detach()
        loss_D = -torch.mean(critic(real)) + torch.mean(critic(fake_imgs))
        if penalised:
            loss_D = loss_D + lambda_gp * compute_gradient_penalty(critic, real.data, fake_imgs.data)
        loss_D.backward()
        optimizer_D.step()
        if not penalised:
            for p in critic.parameters():
                p.data.clamp_(-clip_value, clip_value)
        if i % n_critic == 0:
            for p in critic.parameters():
                p.requires_grad = False
            optimizer_G.zero_grad()
            loss_G = -torch.mean(critic(generator(z)))
            loss_G.backward()
            optimizer_G.step()
            for p in critic.parameters():
                p.requires_grad = True
        history.append([loss_D.item(), loss_G.item()])
    return history, max(p.data.abs().max().item() for p in critic.parameters())


results = {"clamped": train(False), "penalised": train(True)}
