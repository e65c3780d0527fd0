"""A perceptron with one hidden layer from Parameters and matrix products, its relu a maximum with zeros."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(4)
num_inputs, num_outputs, num_hiddens = 20, 3, 16
W1 = nn.Parameter(torch.tensor(rng.normal(size=(num_inputs, num_hiddens)), dtype=torch.float32) * 0.3)
b1 = nn.Parameter(torch.zeros(num_hiddens, requires_grad=True))
W2 = nn.Parameter(torch.tensor(rng.normal(size=(num_hiddens, num_outputs)), dtype=torch.float32) * 0.3)
b2 = nn.Parameter(torch.zeros(num_outputs, requires_grad=True))
params = [W1, b1, W2, b2]


def relu(X):
    a = torch.zeros_like(X)
    return torch.max(X, a)


def net(X):
    X = X.reshape((-1, num_inputs))
    H = relu(X @ W1 + b1)
    return H @ W2 + b2


X = torch.tensor(rng.normal(size=(64, 4, 5)), dtype=torch.float32)
y = (X.sum(dim=(1, 2)) > 0).long() + (X[:, 0, 0] > 1).long()
loss = nn.CrossEntropyLoss(reduction="none")
updater = torch.optim.SGD(params, lr=0.5)
losses = []
for _ in range(10):
    l = loss(net(X), y)
    updater.zero_grad()
    l.mean().backward()
    updater.step()
    losses.append(l.mean().item())
with torch.no_grad():
    preds = net(X).argmax(dim=1)
results = {
    "losses": losses,
    "counts": torch.bincount(y),
    "right": (preds == y).float().mean(),
    "norms": [p.norm() for p in params],
}
