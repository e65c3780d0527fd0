"""Inverted residuals: expansion, depthwise convolution, linear projection, with ReLU6 and Hardswish."""

import numpy as np
import torch
from torch import nn


class ConvBNReLU(nn.Sequential):
    def __init__(self, in_planes, out_planes, kernel_size=3, stride=1, groups=1, act=nn.ReLU6):
        padding = (kernel_size - 1) // 2
        super(ConvBNReLU, self).__init__(
            nn.Conv2d(in_planes, out_planes, kernel_size, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(out_planes),
            act(inplace=True),
        )


class InvertedResidual(nn.Module):
    def __init__(self, inp, oup, stride, expand_ratio, act=nn.ReLU6):
        super(InvertedResidual, self).__init__()
        self.stride = stride
        assert stride in [1, 2]
        hidden_dim = int(round(inp * expand_ratio))
        self.use_res_connect = self.stride == 1 and inp == oup
        layers = []
        if expand_ratio != 1:
            layers.append(ConvBNReLU(inp, hidden_dim, kernel_size=1, act=act))
        layers.extend(
            [
                ConvBNReLU(hidden_dim, hidden_dim, stride=stride, groups=hidden_dim, act=act),
                nn.Conv2d(hidden_dim, oup, 1, 1, 0, bias=False),
                nn.BatchNorm2d(oup),
            ]
        )
        self.conv = nn.Sequential(*layers)

    def forward(self, x):
        if self.use_res_connect:
            return x + self.conv(x)
        else:
            return self.conv(x)


rng = np.random.default_rng(14)
features = nn.Sequential(
    ConvBNReLU(3, 8, stride=2),
    InvertedResidual(8, 8, 1, 1),
    InvertedResidual(8, 12, 2, 4),
    InvertedResidual(12, 12, 1, 4, act=nn.Hardswish),
)
for m in features.modules():
    if isinstance(m, nn.Conv2d):
        m.weight.data.copy_(torch.as_tensor(rng.normal(0, 0.4, m.weight.shape)))
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.ones_(m.weight)
        nn.init.zeros_(m.bias)
classifier = nn.Linear(12, 3)
nn.init.eye_(classifier.weight)
nn.init.zeros_(classifier.bias)
x = torch.as_tensor(rng.normal(size=(3, 3, 16, 16)), dtype=torch.float)
out = classifier(features(x).mean([2, 3]))
out.pow(2).sum().backward()
depthwise = features[2].conv[1][0]
results = {"out": out, "depthwise": depthwise.weight.grad.flatten(1).sum(1), "shape": list(depthwise.weight.shape)}
