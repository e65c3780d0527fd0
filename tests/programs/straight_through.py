"""Functions with gradients by hand: a quantiser, a gradient that is reversed, a clamp that lets gradients in."""

import torch
from torch import nn
from torch.autograd import Function


class Quantise(Function):
    @staticmethod
    def forward(ctx, x, scale, bits=4):
        top = 2 ** (bits - 1) - 1
        q = torch.clamp(torch.round(x / scale), -top - 1, top)
        ctx.save_for_backward(x, scale)
        ctx.top = top
        return q * scale

    @staticmethod
    def backward(ctx, grad_output):
        x, scale = ctx.saved_tensors
        inside = (x / scale).abs() <= ctx.top
        grad_x = grad_scale = None
        if ctx.needs_input_grad[0]:
            grad_x = grad_output * inside
        if ctx.needs_input_grad[1]:
            ratio = x / scale
            each = torch.where(inside, ratio.round() - ratio, ratio.sign() * ctx.top)
            grad_scale = (grad_output * each).sum().reshape(scale.shape)
        return grad_x, grad_scale, None


class Reverse(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.alpha, None


class TopK(Function):
    @staticmethod
    def forward(ctx, x, k):
        values, places = x.topk(k, dim=-1)
        ctx.mark_non_differentiable(places)
        ctx.save_for_backward(places)
        ctx.shape = x.shape
        return values, places

    @staticmethod
    def backward(ctx, g, _):
        (places,) = ctx.saved_tensors
        return torch.zeros(ctx.shape, dtype=g.dtype).scatter_(-1, places, g), None


class QuantLinear(nn.Linear):
    def __init__(self, *args, bits=4, **kwargs):
        super().__init__(*args, **kwargs)
        self.bits = bits
        self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self, x):
        return nn.functional.linear(x, Quantise.apply(self.weight, self.scale, self.bits), self.bias)

    def extra_repr(self):
        return super().extra_repr() + f", bits={self.bits}"


def wave(*shape, k=1.0):
    n = 1
    for s in shape:
        n *= s
    return torch.sin(torch.arange(n, dtype=torch.float32) * k).reshape(shape)


class Domain(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(QuantLinear(3, 8), nn.PReLU(), QuantLinear(8, 6, bits=3))
        self.task, self.domain = nn.Linear(6, 2), nn.Linear(6, 1)

    def forward(self, x, alpha):
        z = self.features(x)
        return self.task(z), self.domain(Reverse.apply(z, alpha)).flatten()


model = Domain()
for i, p in enumerate(model.parameters()):
    if p.dim() > 0 and p.numel() > 1:
        p.data = wave(*p.shape, k=1.0 + i)
    elif p.dim():
        nn.init.constant_(p, 0.25)
x, labels, where = wave(20, 3, k=0.37), torch.arange(20) % 2, (torch.arange(20) < 10).float()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
losses = []
for step in range(10):
    alpha = 2 / (1 + 2.718281828 ** (-step / 3)) - 1
    task, domain = model(x, alpha)
    loss = nn.CrossEntropyLoss()(task, labels) + nn.BCEWithLogitsLoss()(domain, where)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

a = wave(3, 5, k=2.0).requires_grad_()
values, places = TopK.apply(a, 2)
(values * torch.tensor([1.0, 10.0])).sum().backward()
double = wave(4, k=0.5).double().requires_grad_()
checked = torch.autograd.gradcheck(lambda t: Reverse.apply(t * t, -1.0), (double,))
results = {
    "losses": losses,
    "scales": [m.scale.item() for m in model.modules() if isinstance(m, QuantLinear)],
    "scale_grads": [m.scale.grad.item() for m in model.modules() if isinstance(m, QuantLinear)],
    "values": values,
    "places": places,
    "places_learn": places.requires_grad,
    "grad": a.grad,
    "checked": checked,
    "repr": repr(model.features[0]),
    "names": [n for n, _ in model.named_parameters()],
}
