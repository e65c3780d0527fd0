"""Images made by climbing: a class, a channel as in deep dream, and an image inverted from its features."""

import numpy as np
import torch
import torch.nn as nn

rng = np.random.default_rng(30)
net = nn.Sequential(
    nn.Conv2d(3, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, 6, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(54, 4)
)
for m in net:
    if hasattr(m, "weight"):
        m.weight.data = torch.tensor(rng.normal(0, 0.3, m.weight.shape), dtype=torch.float32)
        m.bias.data *= 0


def jitter(X, ox, oy):
    if ox != 0:
        left = X[:, :, :, :-ox]
        right = X[:, :, :, -ox:]
        X = torch.cat([right, left], dim=3)
    if oy != 0:
        top = X[:, :, :-oy]
        bottom = X[:, :, -oy:]
        X = torch.cat([bottom, top], dim=2)
    return X


def tv_loss(img, weight):
    w_variance = torch.sum(torch.pow(img[:, :, :, :-1] - img[:, :, :, 1:], 2))
    h_variance = torch.sum(torch.pow(img[:, :, :-1, :] - img[:, :, 1:, :], 2))
    return weight * (h_variance + w_variance)


img = torch.tensor(rng.normal(size=(1, 3, 8, 8)), dtype=torch.float32).requires_grad_()
for t in range(6):
    ox, oy = t % 3, (t + 1) % 2
    img.data.copy_(jitter(img.data, ox, oy))
    score = net(img)[0, 1] - 1e-3 * (img * img).sum()
    score.backward()
    with torch.no_grad():
        g = img.grad
        img += 0.5 * g / g.norm()
        img.grad.zero_()
    img.data.clamp_(-2, 2)

dream = torch.tensor(rng.uniform(size=(1, 3, 8, 8)), dtype=torch.float32, requires_grad=True)
for _ in range(5):
    loss = net[:3](dream)[:, 2].norm()
    loss.backward()
    grad = dream.grad.data
    grad /= grad.std() + 1e-8
    dream.data += 0.05 * grad
    dream.grad.data.zero_()

target = net[:3](torch.ones(1, 3, 8, 8) * 0.3).detach()
x = torch.zeros(1, 3, 8, 8, requires_grad=True)
optimizer = torch.optim.SGD([x], lr=0.5, momentum=0.5)
history = []
for epoch in range(6):
    optimizer.zero_grad()
    loss = ((net[:3](x) - target) ** 2).sum() / target.norm() ** 2 + tv_loss(x, 1e-3)
    loss.backward()
    optimizer.step()
    history.append(loss.item())
    if epoch == 3:
        for param_group in optimizer.param_groups:
            param_group["lr"] *= 1 / 10
results = {"score": score, "img": img[0, 0, 0], "dream": [loss.item(), dream.detach().mean()], "history": history}
