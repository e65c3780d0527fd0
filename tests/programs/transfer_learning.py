"""Transfer: a body is frozen, its head replaced, the best weights kept; then all is tuned with two rates."""

import copy

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

rng = np.random.default_rng(31)


class Backbone(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.fc = nn.Linear(32, num_classes)

    def forward(self, x):
        return self.fc(torch.flatten(self.pool(self.conv(x)), 1))


def pretrained():
    model = Backbone()
    for p in model.parameters():
        p.data = torch.tensor(rng.normal(0, 0.4, p.shape)).float()
    return model


inputs = {x: torch.tensor(rng.normal(size=(n, 3, 6, 6))).float() for x, n in (("train", 24), ("val", 12))}
labels = {x: (inputs[x][:, 0].mean((1, 2)) > 0).long() for x in ["train", "val"]}
model_ft = pretrained()
for param in model_ft.parameters():
    param.requires_grad = False
num_ftrs = model_ft.fc.in_features
model_ft.fc = nn.Linear(num_ftrs, 2)
nn.init.constant_(model_ft.fc.weight, 0.01)
nn.init.constant_(model_ft.fc.bias, 0)
frozen_before = copy.deepcopy(model_ft.conv.state_dict())
criterion = nn.CrossEntropyLoss()
optimizer_ft = optim.SGD(filter(lambda p: p.requires_grad, model_ft.parameters()), lr=0.5, momentum=0.9)


def train_model(model, criterion, optimizer, num_epochs):
    best_model_wts = copy.deepcopy(model.state_dict())
    best_acc = 0.0
    log = []
    for _ in range(num_epochs):
        for phase in ["train", "val"]:
            if phase == "train":
                model.train()
            else:
                model.eval()
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = model(inputs[phase])
                _, preds = torch.max(outputs, 1)
                loss = criterion(outputs, labels[phase])
                if phase == "train":
                    loss.backward()
                    optimizer.step()
            running_corrects = torch.sum(preds == labels[phase].data)
            epoch_acc = running_corrects.double() / len(preds)
            log.append((phase, loss.item(), epoch_acc.item()))
            if phase == "val" and epoch_acc > best_acc:
                best_acc = epoch_acc
                best_model_wts = copy.deepcopy(model.state_dict())
    model.load_state_dict(best_model_wts)
    return model, log, best_acc


model_ft, log, best = train_model(model_ft, criterion, optimizer_ft, 4)
trainable = [n for n, p in model_ft.named_parameters() if p.requires_grad]
unchanged = torch.equal(frozen_before["0.weight"], model_ft.conv[0].weight)
moved = not torch.equal(frozen_before["1.running_mean"], model_ft.conv[1].running_mean)

for param in model_ft.parameters():
    param.requires_grad = True
params_1x = [param for name, param in model_ft.named_parameters() if name not in ["fc.weight", "fc.bias"]]
trainer = optim.SGD(
    [{"params": params_1x}, {"params": model_ft.fc.parameters(), "lr": 1e-1}], lr=1e-2, weight_decay=0.001
)
model_ft, tuned, _ = train_model(model_ft, criterion, trainer, 2)
results = {
    "log": log,
    "best": best,
    "trainable": trainable,
    "unchanged": unchanged,
    "moved": moved,
    "tuned": tuned,
    "lrs": [g["lr"] for g in trainer.param_groups],
}
