"""One trunk, several heads: dicts of modules, learned uncertainties, a loss with a state of its own, a partial load."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Toy(Dataset):
    def __init__(self, n=40):
        t = torch.arange(n, dtype=torch.float32)
        self.images = torch.sin(t.view(-1, 1, 1, 1) * 0.3 + torch.arange(64.0).view(1, 1, 8, 8) * 0.2)
        self.angle = (t * 0.3) % 3.1
        self.kind = (t % 4).long()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return {
            "image": self.images[i],
            "target": {"kind": self.kind[i], "angle": self.angle[i]},
            "name": f"toy{i:02d}",
        }


class Trunk(nn.Sequential):
    def __init__(self, width):
        super().__init__()
        self.add_module("conv", nn.Conv2d(1, width, 3, padding=1, padding_mode="reflect"))
        self.add_module("norm", nn.GroupNorm(2, width))
        self.add_module("act", nn.SiLU(inplace=True))
        self.add_module("pool", nn.AdaptiveAvgPool2d(2))
        self.add_module("flat", nn.Flatten())


class MultiTask(nn.Module):
    def __init__(self, tasks, width=8):
        super().__init__()
        self.trunk = Trunk(width)
        self.heads = nn.ModuleDict({name: nn.Linear(width * 4, size) for name, size in tasks.items()})
        self.log_vars = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in tasks})

    def forward(self, x):
        z = self.trunk(x)
        return {name: head(z) for name, head in self.heads.items()}


class Uncertainty(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("running", torch.zeros(2))
        self.register_buffer("steps", torch.tensor(0), persistent=False)

    def forward(self, model, outputs, target):
        losses = torch.stack(
            [
                F.cross_entropy(outputs["kind"], target["kind"]),
                F.smooth_l1_loss(outputs["angle"].squeeze(-1), target["angle"], beta=0.5),
            ]
        )
        with torch.no_grad():
            self.running.mul_(0.9).add_(0.1 * losses)
            self.steps += 1
        s = torch.stack([model.log_vars["kind"], model.log_vars["angle"]])
        return (losses * torch.exp(-s) + s).sum()


def fill(module):
    for i, (name, p) in enumerate(module.named_parameters()):
        if "log_vars" not in name:
            with torch.no_grad():
                p.copy_(torch.cos(torch.arange(p.numel()) * 0.9 + i).reshape(p.shape) * 0.3)


model = MultiTask({"kind": 4, "angle": 1})
fill(model)
criterion = Uncertainty()
optimizer = torch.optim.NAdam(
    [
        {"params": model.trunk.parameters(), "lr": 2e-3},
        {"params": model.heads.parameters()},
        {"params": list(model.log_vars.values()), "weight_decay": 0.0},
    ],
    lr=1e-2,
    weight_decay=1e-4,
)
warm = torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.2, total_iters=4)
main = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
scheduler = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, main], milestones=[4])
loader = DataLoader(Toy(), batch_size=12)
losses, rates, names = [], [], []
for epoch in range(3):
    model.train()
    for batch in loader:
        loss = criterion(model, model(batch["image"]), batch["target"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        rates.append([g["lr"] for g in optimizer.param_groups])
        names.append(batch["name"][-1])

bigger = MultiTask({"kind": 4, "angle": 1, "depth": 3})
state = model.state_dict()
missing, unexpected = bigger.load_state_dict(state, strict=False)
try:
    MultiTask({"kind": 5, "angle": 1}).load_state_dict(state)
    refused = False
except RuntimeError as e:
    refused = "heads.kind.weight" in str(e)
removed = bigger.heads.pop("depth")
for p in bigger.trunk.parameters():
    p.requires_grad = False
trainable = [n for n, p in bigger.named_parameters() if p.requires_grad]
results = {
    "losses": losses,
    "rates": rates,
    "names": names,
    "log_vars": {k: v.item() for k, v in model.log_vars.items()},
    "running": criterion.running,
    "steps": criterion.steps.item(),
    "buffers": [n for n, _ in criterion.named_buffers()],
    "state": list(criterion.state_dict()),
    "missing": missing,
    "unexpected": unexpected,
    "refused": refused,
    "removed": removed.out_features,
    "heads": [list(bigger.heads.keys()), "angle" in bigger.heads, len(bigger.heads)],
    "trainable": trainable,
    "children": [n for n, _ in model.named_children()],
    "modules": [n for n, m in model.named_modules() if isinstance(m, nn.Linear)],
    "extra": str(model.trunk),
}
