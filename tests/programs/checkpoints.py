"""Saving and loading: the state of a model and of its optimizer, training resumed to the same numbers."""

import os
import tempfile

import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(32)
X = torch.tensor(rng.normal(size=(16, 5)), dtype=torch.float32)
Y = torch.tensor(rng.normal(size=(16, 2)), dtype=torch.float32)


def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6, bias=False), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 2))


def fit(model, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X), Y)
        loss.backward()
        optimizer.step()
    return loss.item()


model = build()
for i, p in enumerate(model.parameters()):
    nn.init.constant_(p, 0.1 * (i + 1))
    p.data += torch.arange(p.numel()).reshape(p.shape) * 0.01
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
fit(model, optimizer, 3)
with tempfile.TemporaryDirectory() as folder:
    PATH = os.path.join(folder, "model.pth")
    torch.save(model.state_dict(), PATH)
    checkpoint = torch.load(PATH, map_location="cpu", weights_only=True)
state = optimizer.state_dict()
straight = fit(model, optimizer, 3)

again = build()
missing = again.load_state_dict(checkpoint)
optimizer = torch.optim.Adam(again.parameters(), lr=0.001)
optimizer.load_state_dict(state)
lr = optimizer.param_groups[0]["lr"]
resumed = fit(again, optimizer, 3)

partial = {k: v for k, v in checkpoint.items() if k.startswith("0.")}
other = build()
keys = other.load_state_dict(partial, strict=False)
try:
    other.load_state_dict(partial)
    refused = False
except RuntimeError:
    refused = True
results = {
    "straight": straight,
    "difference": abs(straight - resumed) < 1e-6,
    "lr": lr,
    "missing": [missing.missing_keys, sorted(keys.missing_keys)[-2:], keys.unexpected_keys],
    "refused": refused,
    "tracked": checkpoint["1.num_batches_tracked"],
    "norms": {k: v.float().norm() for k, v in sorted(checkpoint.items())},
}
