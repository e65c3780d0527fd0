import torch
import torch.nn as nn
import torch.nn.functional as F


def pairwise_distances(x, y=None):
    x_norm = (x**2).sum(1).view(-1, 1)
    if y is not None:
        y_norm = (y**2).sum(1).view(1, -1)
    else:
        y = x
        y_norm = x_norm.view(1, -1)
    dist = x_norm + y_norm - 2.0 * torch.mm(x, torch.transpose(y, 0, 1))
    return torch.clamp(dist, 0.0, float("inf"))


class ContrastiveLoss(torch.nn.Module):
    def __init__(self, margin=2.0):
        super(ContrastiveLoss, self).__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        euclidean_distance = F.pairwise_distance(output1, output2, keepdim=True)
        return torch.mean(
            (1 - label) * torch.pow(euclidean_distance, 2)
            + (label) * torch.pow(torch.clamp(self.margin - euclidean_distance, min=0.0), 2)
        )


class TripletLoss(nn.Module):
    """Batch-hard triplet loss."""

    def __init__(self, margin=0.3):
        super().__init__()
        self.margin = margin
        self.ranking_loss = nn.MarginRankingLoss(margin=margin)

    def forward(self, inputs, targets):
        n = inputs.size(0)
        dist = torch.pow(inputs, 2).sum(dim=1, keepdim=True).expand(n, n)
        dist = dist + dist.t()
        dist.addmm_(inputs, inputs.t(), beta=1, alpha=-2)
        dist = dist.clamp(min=1e-12).sqrt()
        mask = targets.expand(n, n).eq(targets.expand(n, n).t())
        dist_ap, dist_an = [], []
        for i in range(n):
            dist_ap.append(dist[i][mask[i]].max().unsqueeze(0))
            dist_an.append(dist[i][mask[i] == 0].min().unsqueeze(0))
        dist_ap = torch.cat(dist_ap)
        dist_an = torch.cat(dist_an)
        y = torch.ones_like(dist_an)
        return self.ranking_loss(dist_an, dist_ap, y)


class CenterLoss(nn.Module):
    def __init__(self, num_classes=3, feat_dim=4):
        super().__init__()
        self.num_classes = num_classes
        self.centers = nn.Parameter(torch.linspace(-1, 1, num_classes * feat_dim).reshape(num_classes, feat_dim))

    def forward(self, x, labels):
        batch_size = x.size(0)
        distmat = (
            torch.pow(x, 2).sum(dim=1, keepdim=True).expand(batch_size, self.num_classes)
            + torch.pow(self.centers, 2).sum(dim=1, keepdim=True).expand(self.num_classes, batch_size).t()
        )
        distmat.addmm_(x, self.centers.t(), beta=1, alpha=-2)
        classes = torch.arange(self.num_classes).long()
        labels = labels.unsqueeze(1).expand(batch_size, self.num_classes)
        mask = labels.eq(classes.expand(batch_size, self.num_classes))
        dist = distmat * mask.float()
        return dist.clamp(min=1e-12, max=1e12).sum() / batch_size


e = torch.arange(24.0).sin().view(6, 4).requires_grad_()
t = torch.tensor([0, 0, 1, 1, 2, 2])
f = F.normalize(e, p=2, dim=1)
c = CenterLoss()
l1 = TripletLoss()(f, t)
l2 = c(f, t)
l3 = ContrastiveLoss()(f[:3], f[3:], torch.tensor([[1.0], [0.0], [1.0]]))
l4 = F.triplet_margin_loss(f[0:2], f[2:4], f[4:6], margin=1.0, p=2)
l5 = nn.CosineEmbeddingLoss(margin=0.1)(f[:3], f[3:], torch.tensor([1, -1, 1]))
(l1 + l2 + l3 + l4 + l5).backward()
sim = F.cosine_similarity(f.unsqueeze(1), f.unsqueeze(0), dim=-1)
sim.masked_fill_(torch.eye(6).bool(), -1)
results = [
    l1,
    l2,
    l3,
    l4,
    l5,
    e.grad,
    c.centers.grad,
    pairwise_distances(f),
    sim.argmax(dim=1),
    torch.cdist(f, f, p=2)[0],
    torch.triu(sim, diagonal=1).sum(),
]
