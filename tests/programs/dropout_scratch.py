"""Dropout written out: a mask of uniform numbers, scaled so that the mean stays; the layer at its extremes."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(17)


def dropout_layer(X, dropout):
    assert 0 <= dropout <= 1
    if dropout == 1:
        return torch.zeros_like(X)
    if dropout == 0:
        return X
    mask = (torch.from_numpy(rng.random(X.shape)) > dropout).float()
    return mask * X / (1.0 - dropout)


class Net(nn.Module):
    def __init__(self, is_training=True):
        super(Net, self).__init__()
        self.training = is_training
        self.lin1 = nn.Linear(6, 8)
        self.lin2 = nn.Linear(8, 2)
        self.relu = nn.ReLU()

    def forward(self, X):
        H1 = self.relu(self.lin1(X.reshape((-1, 6))))
        if self.training == True:  # noqa: E712
            H1 = dropout_layer(H1, 0.5)
        return self.lin2(H1)


X = torch.arange(16, dtype=torch.float32).reshape((2, 8))
half = dropout_layer(X, 0.5)
net = Net()
for i, p in enumerate(net.parameters()):
    p.data = torch.linspace(-1, 1, p.numel()).view(p.shape) * (i + 1)
Z = torch.tensor(rng.normal(size=(3, 6)), dtype=torch.float)
trained = net(Z)
net.eval()
torch.manual_seed(0)
ones = torch.ones(2000)
dropped = nn.Dropout(0.25)(ones)
results = {
    "half": half,
    "all": dropout_layer(X, 1.0).sum(),
    "same": dropout_layer(X, 0.0) is X,
    "trained": trained,
    "eval": net(Z),
    "values": sorted(set(dropped.tolist())),
    "kept": bool(0.7 < (dropped > 0).float().mean() < 0.8),
    "off": torch.equal(nn.Dropout(0.9).eval()(ones), ones),
}
