"""Squeeze and excitation, convolutional block attention, a residual block that carries them, stochastic depth."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(43)


class SELayer(nn.Module):
    def __init__(self, channel, reduction=4):
        super(SELayer, self).__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channel, channel // reduction, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(channel // reduction, channel, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        b, c, _, _ = x.size()
        y = self.avg_pool(x).view(b, c)
        y = self.fc(y).view(b, c, 1, 1)
        return x * y.expand_as(x)


class ChannelPool(nn.Module):
    def forward(self, x):
        return torch.cat((torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)), dim=1)


class SpatialGate(nn.Module):
    def __init__(self):
        super(SpatialGate, self).__init__()
        self.compress = ChannelPool()
        self.spatial = nn.Conv2d(2, 1, 3, stride=1, padding=(3 - 1) // 2)

    def forward(self, x):
        return x * torch.sigmoid(self.spatial(self.compress(x)))


def channel_shuffle(x, groups):
    batchsize, num_channels, height, width = x.data.size()
    channels_per_group = num_channels // groups
    x = x.view(batchsize, groups, channels_per_group, height, width)
    x = torch.transpose(x, 1, 2).contiguous()
    return x.view(batchsize, -1, height, width)


def drop_path(x, keep, drop_prob: float = 0.0, training: bool = False):
    if drop_prob == 0.0 or not training:
        return x
    keep_prob = 1 - drop_prob
    shape = (x.shape[0],) + (1,) * (x.ndim - 1)
    random_tensor = x.new_empty(shape).copy_(keep.view(shape))
    return x.div(keep_prob) * random_tensor


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dw, self.pw = nn.Conv2d(dim, dim, 3, padding=1, groups=dim), nn.Conv2d(dim, dim, 1, groups=2)
        self.norm = nn.GroupNorm(2, dim)
        self.se, self.gate = SELayer(dim), SpatialGate()
        self.gamma = nn.Parameter(1e-1 * torch.ones((dim)), requires_grad=True)

    def forward(self, x):
        shortcut = x
        x = nn.functional.gelu(self.norm(self.pw(channel_shuffle(self.dw(x), 2))))
        x = self.gate(self.se(x)) * self.gamma[:, None, None]
        return shortcut + drop_path(x, torch.tensor([1.0, 0.0]), 0.5, self.training)


block = Block(8)
for p in block.parameters():
    p.data = torch.from_numpy(rng.normal(0, 0.5, p.shape)).to(p.dtype)
x = torch.from_numpy(rng.normal(size=(2, 8, 5, 5))).float().requires_grad_()
trained = block(x)
trained.mean().backward()
block.eval()
shuffled = channel_shuffle(torch.arange(8).view(1, 8, 1, 1), 2)
results = {
    "trained": trained[:, :, 2, 2],
    "grad": x.grad.sum((2, 3)),
    "gamma": block.gamma.grad,
    "eval": block(x).detach().mean(dim=(1, 2, 3)),
    "shuffled": shuffled.flatten(),
    "dropped": torch.equal(trained[1], x[1]),
}
