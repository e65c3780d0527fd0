"""What a network looks at: the gradient of a score by the image, gradient × image, smoothed, occluded."""

import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(27)
model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(6 * 4 * 4, 5))
for p in model.parameters():
    p.data.copy_(torch.tensor(rng.normal(0, 0.3, p.shape)))
for param in model.parameters():
    param.requires_grad = False
X = torch.tensor(rng.normal(size=(3, 3, 10, 10)), dtype=torch.float32)
y = torch.tensor([4, 0, 2])


def compute_saliency_maps(X, y, model):
    model.eval()
    X = X.clone().requires_grad_()
    scores = model(X)
    correct = scores.gather(1, y.view(-1, 1)).squeeze()
    correct.backward(torch.ones(correct.size()))
    saliency, _ = torch.max(X.grad.data.abs(), dim=1)
    return saliency


saliency = compute_saliency_maps(X, y, model)

image = X[:1].clone()
image.requires_grad = True
score, index = model(image).max(1)
score.backward()
slc, _ = torch.max(torch.abs(image.grad[0]), dim=0)
slc = (slc - slc.min()) / (slc.max() - slc.min())
attribution = (image.grad * image).sum(1).detach()

grads = []
for _ in range(4):
    noisy = (X[:1] + 0.1 * torch.from_numpy(rng.normal(size=(1, 3, 10, 10))).float()).requires_grad_()
    model(noisy)[0, index.item()].backward()
    grads.append(noisy.grad.data)
smooth = torch.stack(grads).mean(dim=0).squeeze(0)

heat = torch.zeros(5, 5)
with torch.no_grad():
    for i in range(0, 10, 2):
        for j in range(0, 10, 2):
            occluded = X[0].clone()
            occluded[:, i : i + 2, j : j + 2] = 0.0
            heat[i // 2, j // 2] = score.item() - model(occluded.unsqueeze(0))[0][index]
steps = torch.linspace(0, 1, 8)
path = (steps.view(-1, 1, 1, 1) * X[:1]).requires_grad_()
model(path)[:, index.item()].sum().backward()
integrated = (path.grad.mean(0) * X[0]).sum()
results = {
    "saliency": saliency[:, 0],
    "index": index,
    "slc": slc[3],
    "attribution": attribution.sum(),
    "smooth": smooth[:, 2, 2],
    "heat": heat,
    "integrated": integrated,
}
