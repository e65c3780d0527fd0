"""A linear support vector machine and a two-layer network with their gradients by hand, checked by autograd."""

import numpy as np
import torch

rng = np.random.default_rng(47)
X = torch.tensor(rng.normal(size=(20, 6)))
y = torch.tensor(rng.integers(0, 3, 20))
W = torch.tensor(rng.normal(0, 0.1, (6, 3)))


def svm_loss_naive(W, X, y, reg):
    dW = torch.zeros_like(W)
    num_classes, num_train = W.shape[1], X.shape[0]
    loss = 0.0
    for i in range(num_train):
        scores = W.t().mv(X[i])
        correct_class_score = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct_class_score + 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    loss /= num_train
    loss += reg * torch.sum(W * W)
    dW = dW / num_train + 2 * reg * W
    return loss, dW


def svm_loss_vectorized(W, X, y, reg):
    n = X.shape[0]
    scores = X.mm(W)
    margins = (scores - scores[torch.arange(n), y].view(-1, 1) + 1).clamp(min=0)
    margins[range(n), y] = 0
    mask = (margins > 0).to(W.dtype)
    mask[range(n), y] = -mask.sum(dim=1)
    return margins.sum() / n + reg * (W**2).sum(), X.t().mm(mask) / n + 2 * reg * W


loss1, grad1 = svm_loss_naive(W, X, y, 0.01)
loss2, grad2 = svm_loss_vectorized(W, X, y, 0.01)

N, D_in, H, D_out = 8, 6, 5, 3
x, t = torch.tensor(rng.normal(size=(N, D_in))), torch.tensor(rng.normal(size=(N, D_out)))
w1, w2 = torch.tensor(rng.normal(size=(D_in, H))), torch.tensor(rng.normal(size=(H, D_out)))
for _ in range(5):
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    y_pred = h_relu.mm(w2)
    loss = (y_pred - t).pow(2).sum()
    grad_y_pred = 2.0 * (y_pred - t)
    grad_w2 = h_relu.t().mm(grad_y_pred)
    grad_h_relu = grad_y_pred.mm(w2.t())
    grad_h = grad_h_relu.clone()
    grad_h[h < 0] = 0
    grad_w1 = x.t().mm(grad_h)
    w1 -= 1e-3 * grad_w1
    w2 -= 1e-3 * grad_w2
w1.requires_grad_()
x.mm(w1).relu().mm(w2).sub(t).square().sum().backward()
weights = {"W": W, "momentum": torch.zeros_like(W)}
for _ in range(5):
    batch = torch.from_numpy(rng.integers(0, 20, 8))
    _, grad = svm_loss_vectorized(weights["W"], X[batch], y[batch], 0.01)
    weights["momentum"] = 0.9 * weights["momentum"] - 0.1 * grad
    weights["W"] += weights["momentum"]
results = {
    "loss": [loss1, loss2],
    "grads": (grad1 - grad2).abs().max().item() < 1e-12,
    "seen": W is weights["W"],
    "W": W,
    "two layers": loss.item(),
    "grad": w1.grad,
}
