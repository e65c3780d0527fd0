"""Softmax regression by hand: exponentials, a cross-entropy that indexes with lists, an accumulator of accuracy."""

import numpy as np
import torch

rng = np.random.default_rng(3)
num_inputs, num_outputs = 36, 4
prototypes = rng.normal(size=(num_outputs, num_inputs))
targets = torch.from_numpy(rng.integers(0, num_outputs, 128))
images = torch.tensor(prototypes[targets.numpy()] + rng.normal(0, 2, (128, num_inputs))).float().view(-1, 1, 6, 6)

W = torch.tensor(rng.normal(0, 0.01, (num_inputs, num_outputs)), dtype=torch.float32, requires_grad=True)
b = torch.zeros(num_outputs, requires_grad=True)


def softmax(X):
    X_exp = torch.exp(X)
    partition = X_exp.sum(1, keepdim=True)
    return X_exp / partition


def net(X):
    return softmax(torch.matmul(X.reshape((-1, W.shape[0])), W) + b)


def cross_entropy(y_hat, y):
    return -torch.log(y_hat[range(len(y_hat)), y])


def accuracy(y_hat, y):
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return float(cmp.type(y.dtype).sum())


class Accumulator:
    def __init__(self, n):
        self.data = [0.0] * n

    def add(self, *args):
        self.data = [a + float(b) for a, b in zip(self.data, args)]

    def __getitem__(self, idx):
        return self.data[idx]


history = []
for _ in range(3):
    metric = Accumulator(3)
    for X, y in zip(images.split(32), targets.split(32)):
        y_hat = net(X)
        l = cross_entropy(y_hat, y)
        l.sum().backward()
        with torch.no_grad():
            for param in (W, b):
                param -= 0.1 * param.grad / X.shape[0]
                param.grad.zero_()
        metric.add(l.sum(), accuracy(y_hat, y), y.numel())
    history.append([metric[0] / metric[2], metric[1] / metric[2]])
X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
results = {"sums": [X.sum(0, keepdim=True), X.sum(1, keepdim=True)], "history": history, "b": b}
