"""Losses written as in repositories: smoothed labels, focal, dice, triplet, contrastive, and a log of sums by hand."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(35)
logits = torch.tensor(rng.normal(size=(6, 4)), dtype=torch.float32, requires_grad=True)
target = torch.tensor([0, 3, 1, 1, 2, 0])


class LabelSmoothingLoss(nn.Module):
    def __init__(self, classes, smoothing=0.1, dim=-1):
        super(LabelSmoothingLoss, self).__init__()
        self.confidence = 1.0 - smoothing
        self.smoothing = smoothing
        self.cls = classes
        self.dim = dim

    def forward(self, pred, target):
        pred = pred.log_softmax(dim=self.dim)
        with torch.no_grad():
            true_dist = torch.zeros_like(pred)
            true_dist.fill_(self.smoothing / (self.cls - 1))
            true_dist.scatter_(1, target.data.unsqueeze(1), self.confidence)
        return torch.mean(torch.sum(-true_dist * pred, dim=self.dim))


class FocalLoss(nn.Module):
    def __init__(self, gamma=2.0, alpha=None):
        super().__init__()
        self.gamma, self.alpha = gamma, alpha

    def forward(self, input, target):
        target = target.view(-1, 1)
        logpt = F.log_softmax(input, dim=1).gather(1, target).view(-1)
        pt = logpt.data.exp()
        if self.alpha is not None:
            logpt = logpt * self.alpha.gather(0, target.data.view(-1))
        loss = -1 * (1 - pt) ** self.gamma * logpt
        return loss.mean()


def dice_loss(pred, target, smooth=1.0):
    pred = pred.contiguous()
    intersection = (pred * target).sum(dim=1)
    return (1 - (2.0 * intersection + smooth) / (pred.sum(dim=1) + target.sum(dim=1) + smooth)).mean()


def contrastive(a, b, label, margin=2.0):
    distance = F.pairwise_distance(a, b, keepdim=True)
    return torch.mean(
        (1 - label) * torch.pow(distance, 2) + label * torch.pow(torch.clamp(margin - distance, min=0.0), 2)
    )


def log_sum_exp(x):
    x_max = x.data.max()
    return torch.log(torch.sum(torch.exp(x - x_max), 1, keepdim=True)) + x_max


losses = {
    "smooth": LabelSmoothingLoss(4, 0.2)(logits, target),
    "built in": nn.CrossEntropyLoss(label_smoothing=0.2)(logits, target),
    "focal": FocalLoss(alpha=torch.tensor([0.1, 0.2, 0.3, 0.4]))(logits, target),
    "dice": dice_loss(torch.sigmoid(logits), F.one_hot(target, 4).float()),
    "triplet": F.relu((logits[0] - logits[1]).pow(2).sum() - (logits[0] - logits[2]).pow(2).sum() + 1),
    "contrastive": contrastive(logits[:3], logits[3:], torch.tensor([[1.0], [0.0], [1.0]])),
    "log_sum_exp": log_sum_exp(logits).mean(),
    "weighted": nn.NLLLoss(weight=torch.tensor([1.0, 2.0, 3.0, 0.5]))(nn.LogSoftmax(dim=1)(logits), target),
    "bce": nn.BCEWithLogitsLoss(pos_weight=torch.full([4], 2.0))(
        logits, F.one_hot(target, num_classes=4).to(torch.float)
    ),
    "kl": nn.KLDivLoss(reduction="batchmean")(F.log_softmax(logits / 2, 1), F.softmax(logits.detach().flip(0) / 2, 1))
    * 4,
    "cosine": 1 - F.cosine_similarity(logits[:3], logits[3:]).mean(),
    "huber": F.smooth_l1_loss(logits, torch.zeros_like(logits)),
}
grads = {}
for name, loss in losses.items():
    (g,) = torch.autograd.grad(loss, logits, retain_graph=True)
    grads[name] = g.abs().sum()
results = {"losses": losses, "grads": grads}
