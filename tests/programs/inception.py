"""A GoogLeNet block with four paths, and an auxiliary classifier whose loss is added in training only."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    def __init__(self, in_channels, c1, c2, c3, c4):
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, c1, kernel_size=1)
        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, c2[0], kernel_size=1), BasicConv2d(c2[0], c2[1], kernel_size=3, padding=1)
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, c3[0], kernel_size=1), BasicConv2d(c3[0], c3[1], kernel_size=5, padding=2)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            BasicConv2d(in_channels, c4, kernel_size=1),
        )

    def _forward(self, x):
        return [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)]

    def forward(self, x):
        return torch.cat(self._forward(x), 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inception = Inception(4, 3, (2, 4), (2, 3), 2)
        self.aux = nn.Linear(12, 3)
        self.fc = nn.Linear(12, 3)

    def forward(self, x):
        x = self.inception(x)
        aux = self.aux(F.adaptive_avg_pool2d(x, 1).flatten(1)) if self.training else None
        x = F.max_pool2d(x, 2, ceil_mode=True)
        x = self.fc(x.amax(dim=(-1, -2)))
        if self.training:
            return x, aux
        return x


rng = np.random.default_rng(15)
net = Net()
with torch.no_grad():
    for p in net.parameters():
        p.copy_(torch.from_numpy(rng.normal(0, 0.5, p.shape)))
x = torch.from_numpy(rng.normal(size=(5, 4, 7, 7)).astype("float32"))
y = torch.tensor([0, 1, 2, 1, 0])
output, aux_output = net(x)
loss1 = F.cross_entropy(output, y)
loss2 = F.cross_entropy(aux_output, y)
loss = loss1 + 0.4 * loss2
loss.backward()
net.eval()
results = {
    "loss": [loss1.item(), loss2.item(), loss.item()],
    "grad": net.inception.branch3[1].conv.weight.grad.sum(dim=(0, 1)),
    "eval": net(x),
    "width": sum(b.shape[1] for b in net.inception._forward(x)),
}
