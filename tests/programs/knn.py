"""Nearest neighbours with two loops, with one and with none, and means of clusters."""

import numpy as np
import torch

rng = np.random.default_rng(38)
x_train = torch.tensor(rng.normal(size=(30, 3, 4, 4)), dtype=torch.float64)
y_train = torch.tensor(rng.integers(0, 4, 30))
x_test = torch.tensor(rng.normal(size=(6, 3, 4, 4)), dtype=torch.float64)


def two_loops(x_train, x_test):
    num_train, num_test = x_train.shape[0], x_test.shape[0]
    dists = x_train.new_zeros(num_train, num_test)
    for i in range(num_train):
        for j in range(num_test):
            dists[i][j] = ((x_train[i] - x_test[j]) ** 2).sum()
    return dists


def one_loop(x_train, x_test):
    dists = torch.zeros(x_train.size(0), x_test.size(0), dtype=x_train.dtype)
    train, test = x_train.reshape(x_train.size(0), -1), x_test.reshape(x_test.size(0), -1)
    for i in range(train.size(0)):
        dists[i] = torch.sum((test - train[i]) ** 2, dim=1)
    return dists


def no_loops(x_train, x_test):
    train, test = x_train.view(x_train.shape[0], -1), x_test.view(x_test.shape[0], -1)
    return (train**2).sum(1).unsqueeze(1) + (test**2).sum(1) - 2 * train.mm(test.t())


def predict_labels(dists, y_train, k=1):
    num_test = dists.shape[1]
    y_pred = torch.zeros(num_test, dtype=torch.int64)
    for j in range(num_test):
        _, idx = torch.topk(dists[:, j], k, largest=False)
        votes = torch.bincount(y_train[idx], minlength=4)
        y_pred[j] = torch.argmax(votes)
    return y_pred


all_dists = [f(x_train, x_test) for f in (two_loops, one_loop, no_loops)]
agree = [(all_dists[0] - d).pow(2).sum().sqrt().item() < 1e-8 for d in all_dists]
cdist = torch.cdist(x_train.flatten(1), x_test.flatten(1))

points = torch.cat([torch.tensor(rng.normal(m, 0.3, (15, 2))) for m in (0.0, 2.0, 4.0)])
centroids = points[[0, 20, 40]].clone()
for _ in range(4):
    assignment = ((points[:, None, :] - centroids[None, :, :]) ** 2).sum(-1).argmin(dim=1)
    for k in range(3):
        members = points[assignment == k]
        if len(members) > 0:
            centroids[k] = members.mean(dim=0)
folds = torch.chunk(x_train, 3)
results = {
    "agree": agree,
    "nearest": all_dists[2].min(0).values,
    "labels": [predict_labels(all_dists[2], y_train, k) for k in (1, 3, 7)],
    "cdist": torch.allclose(cdist**2, all_dists[0]),
    "centroids": centroids,
    "sizes": [(assignment == k).sum().item() for k in range(3)],
    "folds": torch.cat([fold for i, fold in enumerate(folds) if i != 1]).shape,
}
