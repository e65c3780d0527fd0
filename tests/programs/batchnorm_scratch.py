"""Batch normalisation written out, with moving statistics in buffers, beside the layer."""

import numpy as np
import torch
from torch import nn


def batch_norm(X, gamma, beta, moving_mean, moving_var, eps, momentum, training):
    if not training:
        X_hat = (X - moving_mean) / torch.sqrt(moving_var + eps)
    else:
        assert len(X.shape) in (2, 4)
        if len(X.shape) == 2:
            mean = X.mean(dim=0)
            var = ((X - mean) ** 2).mean(dim=0)
        else:
            mean = X.mean(dim=(0, 2, 3), keepdim=True)
            var = ((X - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
        X_hat = (X - mean) / torch.sqrt(var + eps)
        moving_mean = (1.0 - momentum) * moving_mean + momentum * mean
        moving_var = (1.0 - momentum) * moving_var + momentum * var
    Y = gamma * X_hat + beta
    return Y, moving_mean.data, moving_var.data


class BatchNorm(nn.Module):
    def __init__(self, num_features, num_dims):
        super().__init__()
        shape = (1, num_features) if num_dims == 2 else (1, num_features, 1, 1)
        self.gamma = nn.Parameter(torch.ones(shape))
        self.beta = nn.Parameter(torch.zeros(shape))
        self.register_buffer("moving_mean", torch.zeros(shape))
        self.register_buffer("moving_var", torch.ones(shape))

    def forward(self, X):
        if self.moving_mean.device != X.device:
            self.moving_mean = self.moving_mean.to(X.device)
        Y, self.moving_mean, self.moving_var = batch_norm(
            X, self.gamma, self.beta, self.moving_mean, self.moving_var, 1e-5, 0.1, self.training
        )
        return Y


rng = np.random.default_rng(16)
images = torch.tensor(rng.normal(2, 3, (8, 3, 5, 5)), dtype=torch.float32)
mine, layer = BatchNorm(3, 4), nn.BatchNorm2d(3)
differences = []
for _ in range(3):
    a, b = mine(images), layer(images)
    differences.append((a - b).abs().max().item() < 1e-5)
(a * torch.arange(3).reshape(1, -1, 1, 1)).pow(2).sum().backward()
mine.eval()
net = nn.Sequential(nn.Linear(4, 5), BatchNorm(5, 2), nn.Sigmoid(), nn.Linear(5, 2))
for p in net[0].parameters():
    nn.init.constant_(p, 0.25)
results = {
    "differences": differences,
    "mean": mine.moving_mean.flatten(),
    "var": mine.moving_var.reshape(-1),
    "beta": mine.beta.grad.view(-1),
    "evaluated": mine(images)[0, :, 0],
    "keys": sorted(net.state_dict().keys()),
    "normalised": net[:2](torch.tensor([[1.0, 2, 3, 4], [4, 3, 2, 2], [0, 0, 0, 1]])),
}
