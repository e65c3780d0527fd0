"""Measures of a classifier: accuracy among the first k, a confusion matrix, precision, recall, average precision."""

import numpy as np
import torch

rng = np.random.default_rng(37)
outputs = torch.tensor(rng.normal(size=(40, 5)), dtype=torch.float32)
targets = torch.tensor(rng.integers(0, 5, 40))
outputs[torch.arange(40), targets] += 1.0


def accuracy(output, target, topk=(1,)):
    with torch.no_grad():
        maxk = max(topk)
        batch_size = target.size(0)
        _, pred = output.topk(maxk, 1, True, True)
        pred = pred.t()
        correct = pred.eq(target.view(1, -1).expand_as(pred))
        res = []
        for k in topk:
            correct_k = correct[:k].reshape(-1).float().sum(0, keepdim=True)
            res.append(correct_k.mul_(100.0 / batch_size))
        return res


confusion_matrix = torch.zeros(5, 5)
_, preds = torch.max(outputs, 1)
for t, p in zip(targets.view(-1), preds.view(-1)):
    confusion_matrix[t.long(), p.long()] += 1
counted = torch.bincount(targets * 5 + preds, minlength=25).reshape(5, 5)
per_class = confusion_matrix.diag() / confusion_matrix.sum(1)
precision = confusion_matrix.diagonal() / confusion_matrix.sum(0).clamp(min=1)
f1 = 2 * precision * per_class / (precision + per_class)


class AverageMeter(object):
    def __init__(self, name, fmt=":f"):
        self.name, self.fmt = name, fmt
        self.val = self.avg = self.sum = self.count = 0

    def update(self, val, n=1):
        self.val = val
        self.sum += val * n
        self.count += n
        self.avg = self.sum / self.count

    def __str__(self):
        fmtstr = "{name} {val" + self.fmt + "} ({avg" + self.fmt + "})"
        return fmtstr.format(**self.__dict__)


meter = AverageMeter("Acc@1", ":6.2f")
for out, tgt in zip(outputs.split(16), targets.split(16)):
    acc1, acc3 = accuracy(out, tgt, topk=(1, 3))
    meter.update(acc1[0], out.size(0))

scores = outputs.softmax(1)[:, 0]
order = scores.argsort(descending=True)
hits = (targets[order] == 0).float()
ranks = hits.cumsum(0) / torch.arange(1, 41)
results = {
    "topk": accuracy(outputs, targets, (1, 2, 5)),
    "matrix": confusion_matrix.int(),
    "same": torch.equal(confusion_matrix.long(), counted),
    "normalised": confusion_matrix / confusion_matrix.sum(dim=1, keepdim=True),
    "f1": f1,
    "average precision": (ranks * hits).sum() / hits.sum(),
    "meter": str(meter),
    "wrong": (preds != targets).nonzero().squeeze()[:5],
    "predicted": preds.unique(return_counts=True)[1],
}
