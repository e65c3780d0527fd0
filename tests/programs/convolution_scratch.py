"""Cross-correlation with loops, an edge detector that is learned by writing into weight.data, channels by stacking."""

import numpy as np
import torch
from torch import nn


def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def corr2d_multi_in(X, K):
    return sum(corr2d(x, k) for x, k in zip(X, K))


def corr2d_multi_in_out(X, K):
    return torch.stack([corr2d_multi_in(X, k) for k in K], 0)


def pool2d(X, pool_size, mode="max"):
    p_h, p_w = pool_size
    Y = torch.zeros((X.shape[0] - p_h + 1, X.shape[1] - p_w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            if mode == "max":
                Y[i, j] = X[i : i + p_h, j : j + p_w].max()
            elif mode == "avg":
                Y[i, j] = X[i : i + p_h, j : j + p_w].mean()
    return Y


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        self.weight = nn.Parameter(torch.full(kernel_size, 0.5))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return corr2d(x, self.weight) + self.bias


X = torch.ones((6, 8))
X[:, 2:6] = 0
K = torch.tensor([[1.0, -1.0]])
Y = corr2d(X, K)

conv2d = nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False)
conv2d.weight.data = torch.tensor([[[[0.3, 0.1]]]])
X4, Y4 = X.reshape((1, 1, 6, 8)), Y.reshape((1, 1, 6, 7))
losses = []
for i in range(10):
    l = (conv2d(X4) - Y4) ** 2
    conv2d.zero_grad()
    l.sum().backward()
    conv2d.weight.data[:] -= 3e-2 * conv2d.weight.grad
    if (i + 1) % 2 == 0:
        losses.append(float(l.sum()))

layer = Conv2D((2, 2))
out = layer(torch.arange(9.0).reshape(3, 3))
out.sum().backward()
rng = np.random.default_rng(18)
images, kernels = (torch.tensor(rng.normal(size=size), dtype=torch.float32) for size in [(3, 4, 5), (2, 3, 2, 2)])
many = corr2d_multi_in_out(images, kernels)
same = torch.allclose(many, nn.functional.conv2d(images.unsqueeze(0), kernels).squeeze(0), atol=1e-5)
results = {
    "Y": Y,
    "losses": losses,
    "learned": conv2d.weight.data.reshape((1, 2)),
    "out": out,
    "grads": [layer.weight.grad, layer.bias.grad],
    "many": many,
    "same": same,
    "pooled": [pool2d(torch.arange(9.0).view(3, 3), (2, 2)), pool2d(torch.arange(9.0).view(3, 3), (2, 2), "avg")],
}
