"""Patience by hand: learning rates cut in the parameter groups, the best model copied, the loop left."""

import copy

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

rng = np.random.default_rng(33)
x = torch.from_numpy(np.linspace(-1, 1, 60, dtype=np.float32)).unsqueeze(1)
y = x.pow(2) + 0.2 * torch.from_numpy(rng.random(x.shape)).float()


class EarlyStopping:
    def __init__(self, patience=5, min_delta=0.0):
        self.patience, self.min_delta = patience, min_delta
        self.counter, self.best_loss, self.early_stop, self.best_state = 0, None, False, None

    def __call__(self, val_loss, model):
        if self.best_loss is None or val_loss < self.best_loss - self.min_delta:
            self.best_loss = val_loss
            self.best_state = copy.deepcopy(model.state_dict())
            self.counter = 0
        else:
            self.counter += 1
            if self.counter >= self.patience:
                self.early_stop = True


def adjust_learning_rate(optimizer, epoch, base):
    lr = base * (0.5 ** (epoch // 4))
    for param_group in optimizer.param_groups:
        param_group["lr"] = lr
    return lr


dataset = TensorDataset(x, y)
train_set, val_set = random_split(dataset, [48, 12], generator=torch.Generator().manual_seed(42))
sizes = [len(train_set), len(val_set), sorted(train_set.indices + val_set.indices) == list(range(60))]
train_loader = DataLoader(TensorDataset(x[::2], y[::2]), batch_size=10, shuffle=False, drop_last=True)
model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
for p in model.parameters():
    p.data = torch.linspace(-1, 1, p.numel()).view_as(p)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
stopper = EarlyStopping(patience=2, min_delta=0.002)
train_losses, valid_losses, lrs = [], [], []
for epoch in range(30):
    lrs.append(adjust_learning_rate(optimizer, epoch, 0.05))
    model.train()
    losses = []
    for xb, yb in train_loader:
        loss = torch.nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        valid_loss = nn.MSELoss()(model(x[1::2]), y[1::2]).item()
    train_losses.append(np.average(losses))
    valid_losses.append(valid_loss)
    stopper(valid_loss, model)
    if stopper.early_stop:
        break
model.load_state_dict(stopper.best_state)
results = {
    "epochs": epoch,
    "train": train_losses,
    "valid": valid_losses,
    "lrs": lrs,
    "best": stopper.best_loss,
    "sizes": sizes,
}
