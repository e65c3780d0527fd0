"""A first notebook on gradients: leaves and what is computed from them, accumulation, cutting the graph, hooks."""

import torch

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
w = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.0, -0.5]], requires_grad=True)
b = torch.zeros(2, requires_grad=True)

hidden = torch.matmul(w, x) + b
hidden.retain_grad()
seen = []
handle = hidden.register_hook(lambda grad: seen.append(grad.clone()))
out = (hidden**2).sum()
out.backward()
first = x.grad.clone()
handle.remove()

out = (torch.matmul(w, x) + b).prod()
out.backward()  # adds to what is there
second = x.grad.clone()
x.grad.zero_()

doubled = x * 2
doubled.register_hook(lambda grad: grad * 10)
doubled.sum().backward()
scaled = x.grad.clone()

with torch.no_grad():
    nothing = (w @ x).requires_grad
detached = hidden.detach()


@torch.no_grad()
def evaluate(t):
    return (t * 2).requires_grad


x.grad = None
inp = torch.eye(4, 5, requires_grad=True)
res = (inp + 1).pow(2).t()
res.backward(torch.ones_like(res), retain_graph=True)
res.backward(torch.ones_like(res))
grad_of_grad = torch.autograd.grad((x**3).sum(), x, create_graph=True)[0]
(curvature,) = torch.autograd.grad(grad_of_grad.sum(), x)

results = {
    "leaves": [x.is_leaf, hidden.is_leaf, detached.is_leaf],
    "required": [hidden.requires_grad, detached.requires_grad, nothing, evaluate(x)],
    "function": hidden.grad_fn is not None and x.grad_fn is None,
    "first": first,
    "hidden": hidden.grad,
    "seen": seen,
    "second": second,
    "scaled": scaled,
    "w": w.grad,
    "b": b.grad,
    "twice": inp.grad,
    "curvature": curvature,
}
