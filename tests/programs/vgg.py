"""VGG made from a list of widths, its weights by the kind of layer, its classifier a Sequential on a flat view."""

import math

import numpy as np
import torch
import torch.nn as nn

cfg = {"A": [8, "M", 16, "M", 16, 16, "M"], "B": [8, 8, "M", 16, 16, "M"]}


class VGG(nn.Module):
    def __init__(self, features, num_classes=4):
        super(VGG, self).__init__()
        self.features = features
        self.classifier = nn.Sequential(
            nn.Dropout(p=0.0), nn.Linear(16 * 4, 32), nn.ReLU(True), nn.Dropout(p=0.0), nn.Linear(32, num_classes)
        )
        rng = np.random.default_rng(8)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                n = m.kernel_size[0] * m.kernel_size[1] * m.out_channels
                m.weight.data.copy_(torch.from_numpy(rng.normal(0, math.sqrt(2.0 / n), m.weight.shape)))
                m.bias.data.zero_()
            elif isinstance(m, nn.BatchNorm2d):
                m.weight.data.fill_(1)
                m.bias.data.zero_()
            elif isinstance(m, nn.Linear):
                m.weight.data = torch.from_numpy(rng.normal(0, 0.2, m.weight.size())).float()
                m.bias.data.zero_()

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        x = self.classifier(x)
        return x


def make_layers(cfg, batch_norm=False):
    layers = []
    in_channels = 3
    for v in cfg:
        if v == "M":
            layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
        else:
            conv2d = nn.Conv2d(in_channels, v, kernel_size=3, padding=1)
            if batch_norm:
                layers += [conv2d, nn.BatchNorm2d(v), nn.ReLU(inplace=True)]
            else:
                layers += [conv2d, nn.ReLU(inplace=True)]
            in_channels = v
    return nn.Sequential(*layers)


x = torch.from_numpy(np.random.default_rng(9).standard_normal((4, 3, 16, 16))).float()
target = torch.tensor([0, 3, 1, 1])
outputs, losses, norms = [], [], []
for model in (VGG(make_layers(cfg["A"])), VGG(make_layers(cfg["A"], batch_norm=True))):
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()
    for _ in range(2):
        output = model(x)
        loss = criterion(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    outputs.append(output)
    norms += [p.grad.norm().item() for p in model.parameters()][:4]
results = {"outputs": outputs, "losses": losses, "norms": norms, "keys": list(model.state_dict())}
