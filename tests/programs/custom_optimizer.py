"""An optimizer and a warm-up of one's own, in the form that most of them are passed on in, and samplers by hand."""

import numpy as np
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import _LRScheduler
from torch.optim.optimizer import Optimizer, required
from torch.utils.data import DataLoader, sampler
from torch.utils.data.dataloader import default_collate
from torch.utils.data.dataset import TensorDataset
from torch.utils.data.sampler import Sampler


class Lion(Optimizer):
    """Evolved sign momentum (Chen et al., 2023)."""

    def __init__(self, params, lr=required, betas=(0.9, 0.99), weight_decay=0.0):
        if lr is not required and lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.grad.is_sparse:
                    raise RuntimeError("Lion does not support sparse gradients")
                p.data.mul_(1 - group["lr"] * group["weight_decay"])
                state = self.state[p]
                if len(state) == 0:
                    state["exp_avg"] = torch.zeros_like(p)
                beta1, beta2 = group["betas"]
                update = state["exp_avg"].clone().mul_(beta1).add_(p.grad, alpha=1 - beta1).sign_()
                p.add_(update, alpha=-group["lr"])
                state["exp_avg"].mul_(beta2).add_(p.grad, alpha=1 - beta2)
        return loss


class WarmUpLR(_LRScheduler):
    def __init__(self, optimizer, total_iters, last_epoch=-1):
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base_lr * min(1.0, (self.last_epoch + 1) / self.total_iters) for base_lr in self.base_lrs]


class Backwards(Sampler):
    def __init__(self, data_source):
        self.data_source = data_source

    def __iter__(self):
        return iter(range(len(self.data_source) - 1, -1, -1))

    def __len__(self):
        return len(self.data_source)


rng = np.random.default_rng(3)
x = torch.from_numpy(rng.normal(size=(20, 4)).astype(np.float32))
y = (x[:, 0] > x[:, 1]).long()
dataset = TensorDataset(x, y)
model = nn.Linear(4, 2)
nn.init.zeros_(model.weight)
nn.init.zeros_(model.bias)
optimizer = Lion(model.parameters(), lr=0.1, weight_decay=0.01)
warmup = WarmUpLR(optimizer, 4)
criterion = nn.CrossEntropyLoss()
losses, rates, seen = [], [], []
for epoch in range(3):
    order = Backwards(dataset) if epoch % 2 else sampler.SequentialSampler(dataset)
    for inputs, labels in DataLoader(dataset, 8, sampler=order, collate_fn=default_collate):
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
        losses.append(loss.item())
        seen.append(labels.tolist())
        warmup.step()

results = {
    "losses": losses,
    "rates": rates,
    "last rate": warmup.get_last_lr(),
    "order": seen[3],
    "weight": model.weight,
    "averages": [state["exp_avg"] for state in optimizer.state.values()],
    "required": repr(required),
}
