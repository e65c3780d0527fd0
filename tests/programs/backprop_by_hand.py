"""A backward pass by hand that leaves gradients beside the tensors, ``x.g``; layers as classes; what is printed."""

import numpy as np
import torch
import torch.nn.functional as F

torch.set_printoptions(precision=3, linewidth=120, sci_mode=False)
rng = np.random.default_rng(33)


def randn(*size):
    return torch.from_numpy(rng.normal(0.0, 1.0, size)).float()


class Layer:
    def __call__(self, *args):
        self.args = args
        self.out = self.forward(*args)
        return self.out

    def backward(self):
        self.bwd(self.out, *self.args)


class Relu(Layer):
    def forward(self, inp):
        return inp.clamp_min(0.0)

    def bwd(self, out, inp):
        inp.g = (inp > 0).float() * out.g


class Lin(Layer):
    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, inp):
        return inp @ self.w + self.b

    def bwd(self, out, inp):
        inp.g = out.g @ self.w.t()
        self.w.g = torch.einsum("bi,bj->ij", inp, out.g)
        self.b.g = out.g.sum(0)


class CrossEntropy(Layer):
    def forward(self, inp, target):
        return F.cross_entropy(inp, target)

    def bwd(self, out, inp, target):
        inp.g = (inp.softmax(dim=1) - F.one_hot(target, inp.shape[1])) / len(target)


x, y = randn(8, 5), torch.empty(8, dtype=torch.long).random_(3, 4)
layers = [Lin(randn(5, 6), torch.zeros(6)), Relu(), Lin(randn(6, 4), torch.zeros(4))]
loss_func = CrossEntropy()
out = x
for layer in layers:
    out = layer(out)
loss = loss_func(out, y)
loss_func.backward()
for layer in reversed(layers):
    layer.backward()

leaves = [x, *[p for layer in (layers[0], layers[2]) for p in (layer.w, layer.b)]]
again = [p.clone().requires_grad_() for p in leaves]
F.cross_entropy(F.relu(again[0] @ again[1] + again[2]) @ again[3] + again[4], y).backward()
mask = torch.ones(4, 4, dtype=torch.bool).fill_diagonal_(False)

results = {
    "loss": loss.item(),
    "gradients": [p.g.abs().sum() for p in leaves],
    "autograd agrees": [torch.allclose(p.g, q.grad, atol=1e-5) for p, q in zip(leaves, again)],
    "printed": [str(torch.tensor([0.12345, 0.98765])), str(torch.tensor([1e-5, 0.5]) + 0.1234)],
    "type": x.type(),
    "mask": mask.sum().item(),
    "kept": hasattr(x, "g") and not hasattr(x * 1, "g"),
}
torch.set_printoptions(profile="default")
