"""Weights by kind of layer, by apply, by name; activations' spread with depth; symmetric weights that stay so."""

import math

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(49)


def init_normal(module):
    if type(module) == nn.Linear:  # noqa: E721
        nn.init.normal_(module.weight, mean=0, std=0.01)
        nn.init.zeros_(module.bias)


def my_init(module):
    if type(module) == nn.Linear:  # noqa: E721
        seen.append([(name, tuple(param.shape)) for name, param in module.named_parameters()][0])
        nn.init.uniform_(module.weight, -10, 10)
        module.weight.data *= module.weight.data.abs() >= 5


seen = []
net = nn.Sequential(nn.Linear(40, 80), nn.ReLU(), nn.Linear(80, 1))
net.apply(init_normal)
small = [net[0].weight.std().item() < 0.02, net[0].bias.abs().sum().item()]
net.apply(my_init)
w = net[0].weight.data.abs()
split = bool(((w == 0) | (w >= 5)).all()) and 0.3 < (w == 0).float().mean().item() < 0.7
net[0].weight.data[:] += 1
net[0].weight.data[0, 0] = 42
set_by_hand = net[0].weight.data[0][0].item()

stats = []
for gain in (1.0, nn.init.calculate_gain("tanh"), nn.init.calculate_gain("relu")):
    h = torch.from_numpy(rng.normal(size=(50, 64))).float()
    for _ in range(5):
        layer = nn.Linear(64, 64, bias=False)
        layer.weight.data.copy_(torch.from_numpy(rng.normal(0, gain / math.sqrt(64), (64, 64))))
        h = torch.tanh(layer(h)).data
    stats.append(h.std().item())

spreads = {}
for name, init in (
    ("xavier_uniform", nn.init.xavier_uniform_),
    ("xavier_normal", nn.init.xavier_normal_),
    ("kaiming_uniform", lambda t: nn.init.kaiming_uniform_(t, a=math.sqrt(5))),
    ("kaiming_normal", lambda t: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="leaky_relu")),
    ("trunc_normal", lambda t: nn.init.trunc_normal_(t, std=0.02)),
    ("orthogonal", nn.init.orthogonal_),
):
    weight = torch.empty(64, 32, 3, 3)
    spreads[name] = round(math.log2(init(weight).std().item()))

same = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2))
for layer in same:
    if isinstance(layer, nn.Linear):
        nn.init.constant_(layer.weight, 0.3)
        nn.init.constant_(layer.bias, 0.0)
opt = torch.optim.SGD(same.parameters(), lr=1.0)
for _ in range(3):
    opt.zero_grad()
    nn.functional.cross_entropy(
        same(torch.tensor(rng.normal(size=(5, 3))).float()), torch.tensor([0, 1, 0, 1, 1])
    ).backward()
    opt.step()
eye, dirac = nn.init.eye_(torch.empty(2, 3)), nn.init.dirac_(torch.empty(2, 2, 3))
results = {
    "seen": seen,
    "small": small,
    "split": split,
    "set": set_by_hand,
    "stats": stats,
    "spreads": spreads,
    "symmetric": bool((same[0].weight == same[0].weight[0]).all()),
    "eye": eye,
    "dirac": dirac,
}
