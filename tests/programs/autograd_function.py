"""Ops with a backward of one's own: a relu, an exponential, a linear layer, a straight-through sign."""

import numpy as np
import torch
from torch import nn
from torch.autograd import Function, gradcheck

rng = np.random.default_rng(39)


class MyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input


class Exp(Function):
    @staticmethod
    def forward(ctx, i):
        result = i.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        (result,) = ctx.saved_tensors
        return grad_output * result


class LinearFunction(Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class Binarize(Function):
    @staticmethod
    def forward(ctx, x, scale):
        ctx.scale = scale
        return torch.sign(x) * scale

    @staticmethod
    def backward(ctx, g):
        return g * ctx.scale, None


class Linear(nn.Module):
    def __init__(self, input_features, output_features):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(rng.normal(size=(output_features, input_features))))
        self.bias = nn.Parameter(torch.zeros(output_features, dtype=torch.double))

    def forward(self, input):
        return LinearFunction.apply(input, self.weight, self.bias)


x = torch.tensor(rng.normal(size=(5, 4)), requires_grad=True)
layer = Linear(4, 3)
relu = MyReLU.apply
out = relu(layer(x))
loss = Exp.apply(-out).sum() + Binarize.apply(out, 0.5).sum()
loss.backward()
frozen = layer(x.detach())
results = {
    "loss": loss,
    "x": x.grad,
    "weight": layer.weight.grad,
    "bias": layer.bias.grad,
    "checked": gradcheck(LinearFunction.apply, (x, layer.weight), eps=1e-6, atol=1e-4),
    "exp": gradcheck(Exp.apply, (torch.ones(3, dtype=torch.double, requires_grad=True),)),
    "frozen": frozen.requires_grad,
}
