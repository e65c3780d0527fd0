"""A small U-Net: skips by concatenation, padding to the size of the other, loss on pixels, intersection over union."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(42)


class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels, mid_channels=None):
        super().__init__()
        if not mid_channels:
            mid_channels = out_channels
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, mid_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Up(nn.Module):
    def __init__(self, in_channels, out_channels, bilinear):
        super().__init__()
        if bilinear:
            self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.conv = DoubleConv(in_channels + in_channels // 2, out_channels)
        else:
            self.up = nn.ConvTranspose2d(in_channels, in_channels // 2, kernel_size=2, stride=2)
            self.conv = DoubleConv(in_channels, out_channels)

    def forward(self, x1, x2):
        x1 = self.up(x1)
        diffY = x2.size()[2] - x1.size()[2]
        diffX = x2.size()[3] - x1.size()[3]
        x1 = F.pad(x1, [diffX // 2, diffX - diffX // 2, diffY // 2, diffY - diffY // 2])
        x = torch.cat([x2, x1], dim=1)
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, n_classes, bilinear):
        super().__init__()
        self.inc = DoubleConv(1, 4)
        self.down = nn.Sequential(nn.MaxPool2d(2), DoubleConv(4, 8))
        self.up = Up(8, 4, bilinear)
        self.outc = nn.Conv2d(4, n_classes, kernel_size=1)

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down(x1)
        return self.outc(self.up(x2, x1))


x = torch.from_numpy(rng.normal(size=(2, 1, 11, 10))).float()
masks = torch.from_numpy(rng.integers(0, 3, (2, 11, 10)))
masks[0, 0, :2] = 255
out = {}
for bilinear in (False, True):
    net = UNet(3, bilinear)
    for p in net.parameters():
        if p.ndim > 1:
            p.data = torch.from_numpy(rng.normal(0, 0.3, p.shape)).float()
        else:
            p.data.fill_(0.5)
    logits = net(x)
    loss = F.cross_entropy(logits, masks, ignore_index=255)
    loss.backward()
    pred = logits.argmax(dim=1)
    valid = masks != 255
    iou = []
    for c in range(3):
        inter = ((pred == c) & (masks == c) & valid).sum()
        union = (((pred == c) | (masks == c)) & valid).sum()
        iou.append((inter / union).item())
    out[f"bilinear={bilinear}"] = [loss.item(), iou, net.outc.bias.grad, net.inc.double_conv[0].weight.grad.norm()]
results = {"out": out, "logits": logits[0, :, 0, 0]}
