"""Large batches from small ones: gradients accumulated, clipped by norm and by value, an average of the weights."""

import copy

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(34)
model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).double()
for p in model.parameters():
    p.data = torch.from_numpy(rng.normal(0, 0.5, p.shape))
X, y = torch.from_numpy(rng.normal(size=(16, 2, 6, 6))), torch.from_numpy(rng.integers(0, 3, 16))

model.zero_grad()
nn.CrossEntropyLoss()(model(X), y).backward()
whole = [p.grad.clone() for p in model.parameters()]
model.zero_grad()
accumulation_steps = 4
for inputs, labels in zip(X.split(4), y.split(4)):
    loss = nn.CrossEntropyLoss()(model(inputs), labels) / accumulation_steps
    loss.backward()
same = all(torch.allclose(a, p.grad) for a, p in zip(whole, model.parameters()))

total_norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
clipped = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
nn.utils.clip_grad_value_(model.parameters(), clip_value=0.05)
largest = max(p.grad.abs().max().item() for p in model.parameters())


def grad_clipping(net, theta):
    params = [p for p in net.parameters() if p.requires_grad]
    norm = torch.sqrt(sum(torch.sum((p.grad**2)) for p in params))
    if norm > theta:
        for param in params:
            param.grad[:] *= theta / norm


grad_clipping(model, 0.1)
ema = copy.deepcopy(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
for i in range(6):
    loss = nn.functional.cross_entropy(model(X), y)
    loss.backward()
    if (i + 1) % 2 == 0:
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            for e, p in zip(ema.parameters(), model.parameters()):
                e.mul_(0.9).add_(p, alpha=0.1)
vector = torch.nn.utils.parameters_to_vector(ema.parameters())
results = {
    "same": same,
    "total_norm": total_norm,
    "clipped": clipped,
    "largest": largest,
    "loss": loss,
    "ema": [vector.mean(), vector.std(), vector.numel()],
    "l2": sum(p.pow(2.0).sum() for p in model.parameters()),
    "l1": sum(torch.norm(p, 1) for p in model.parameters()),
}
