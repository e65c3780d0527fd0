"""Linear regression with a loader, a layer whose weights are filled through .data, a loss and an optimizer."""

import numpy as np
import torch
from torch import nn
from torch.utils import data

rng = np.random.default_rng(2)
features = torch.from_numpy(rng.normal(size=(120, 2)).astype(np.float32))
labels = features @ torch.tensor([[2.0], [-3.4]]) + 4.2


def load_array(data_arrays, batch_size, is_train=True):
    dataset = data.TensorDataset(*data_arrays)
    return data.DataLoader(dataset, batch_size, shuffle=is_train)


data_iter = load_array((features, labels), 10, is_train=False)
first = next(iter(data_iter))

net = nn.Sequential(nn.Linear(2, 1))
net[0].weight.data.fill_(0.05)
net[0].bias.data.zero_()
loss = nn.MSELoss()
trainer = torch.optim.SGD(net.parameters(), lr=0.03)
losses = []
for _ in range(3):
    for X, y in data_iter:
        l = loss(net(X), y)
        trainer.zero_grad()
        l.backward()
        trainer.step()
    losses.append(loss(net(features), labels).item())
w = net[0].weight.data
b = net[0].bias.data
results = {"first": first[0], "batches": len(data_iter), "losses": losses, "w": w, "b": b, "grad": net[0].weight.grad}
