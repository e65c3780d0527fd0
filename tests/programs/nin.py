"""Network in network: blocks of 1 x 1 convolutions, lazy layers, a walk through the shapes."""

import numpy as np
import torch
from torch import nn


def nin_block(out_channels, kernel_size, strides, padding):
    return nn.Sequential(
        nn.LazyConv2d(out_channels, kernel_size, strides, padding),
        nn.ReLU(),
        nn.LazyConv2d(out_channels, kernel_size=1),
        nn.ReLU(),
        nn.LazyConv2d(out_channels, kernel_size=1),
        nn.ReLU(),
    )


net = nn.Sequential(
    nin_block(8, kernel_size=5, strides=2, padding=0),
    nn.MaxPool2d(3, stride=2),
    nin_block(12, kernel_size=3, strides=1, padding=1),
    nn.Dropout(0.5),
    nin_block(5, kernel_size=3, strides=1, padding=1),
    nn.AdaptiveAvgPool2d((1, 1)),
    nn.Flatten(),
)
rng = np.random.default_rng(10)
X = torch.tensor(rng.uniform(size=(2, 1, 24, 24)), dtype=torch.float32)
net(X)  # makes the weights


def init_weights(m):
    if type(m) in (nn.Linear, nn.Conv2d):
        with torch.no_grad():
            m.weight.copy_(torch.tensor(rng.normal(0, 0.2, m.weight.shape)))
            m.bias.fill_(0.1)


net.apply(init_weights)
net.eval()
shapes = []
Y = X
for layer in net:
    Y = layer(Y)
    shapes.append((layer.__class__.__name__, tuple(Y.shape)))
Y.max(dim=1).values.sum().backward()
results = {"shapes": shapes, "Y": Y, "grad": net[0][0].weight.grad.abs().mean(), "in": net[2][0].in_channels}
