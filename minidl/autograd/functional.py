"""Derivatives of functions: products with Jacobians and Hessians, and whole Jacobians.

Signatures and results are those of ``torch.autograd.functional``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.autograd.gradients import as_tensors, grad
from minidl.backend import transfer
from minidl.backend.modes import enable_grad
from minidl.engine.core import Tensor, as_tuple
from minidl.engine.op import alias
from minidl.ops.create import zeros_like
from minidl.ops.joining import stack

Tensors = Tensor | Sequence[Tensor]


def vjp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), vᵀJ)``: the product of the cotangent `v` with the Jacobian; `v` may be omitted for a scalar."""
    xs, ys, outputs = _evaluate(func, inputs, create_graph)
    return _like(outputs, ys, create_graph), _like(inputs, _pull(ys, xs, v, create_graph), create_graph)


def jvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), Jv)``: the derivative along `v`, by differentiating u ↦ uᵀJ, which is linear in u."""
    xs, ys, outputs = _evaluate(func, inputs, create_graph)
    us = tuple(zeros_like(y).requires_grad_() for y in ys)
    pulled = _pull(ys, xs, us, create_graph=True)
    return _like(outputs, ys, create_graph), _like(outputs, _pull(pulled, us, v, create_graph), create_graph)


def hvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors | None = None, create_graph: bool = False
) -> tuple[Any, Any]:
    """``(func(*inputs), Hv)``: the Hessian of a scalar function times `v`, without the Hessian."""
    xs, ys, outputs = _evaluate(func, inputs, create_graph)
    gradients = _pull(ys, xs, None, create_graph=True)
    return _like(outputs, ys, create_graph), _like(inputs, _pull(gradients, xs, v, create_graph), create_graph)


def jacobian(func: Callable[..., Any], inputs: Tensors, create_graph: bool = False) -> Any:
    """All partial derivatives: for each output and input an array of shape ``(*output.shape, *input.shape)``.

    A Tensor for one output and one input; a tuple, over outputs, inputs or both in this order, where there are several.
    """
    xs, ys, outputs = _evaluate(func, inputs, create_graph)
    blocks = []
    for y in ys:
        rows = []
        for i in range(y.array.size):
            one_hot = np.zeros(y.array.size, y.dtype)
            one_hot[i] = 1
            u = Tensor(transfer.move(one_hot.reshape(y.shape), y.device))
            rows.append(_pull((y,), xs, u, create_graph, retain_graph=True))
        with enable_grad():
            columns = [stack([row[j] for row in rows]).reshape(*y.shape, *x.shape) for j, x in enumerate(xs)]
        blocks.append(_like(inputs, columns, create_graph))
    return blocks[0] if isinstance(outputs, Tensor) else tuple(blocks)


def _evaluate(func: Callable[..., Any], inputs: Tensors, create_graph: bool) -> tuple[Any, Any, Any]:
    """Fresh inputs that require grad, the outputs as a tuple, and the outputs as `func` gave them."""
    given = as_tensors("inputs", inputs)
    with enable_grad():
        xs = tuple(alias(x) if create_graph and x.tracked else x.detach().requires_grad_() for x in given)
        outputs = func(*xs)
    ys = tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)
    for y in ys:
        if not isinstance(y, Tensor):
            raise TypeError(f"func: expected to return tensors, got {type(y).__name__}")
    return xs, ys, outputs


def _pull(ys: Any, xs: Any, v: Tensors | None, create_graph: bool, retain_graph: bool | None = None) -> tuple[Any, ...]:
    """vᵀJ of ys by xs; zero where they are not connected."""
    vs = (None,) * len(ys) if v is None else as_tuple(v)
    if len(vs) != len(ys):
        raise ValueError(f"expected {len(ys)} cotangents or tangents v, got {len(vs)}")
    connected = [(y, u) for y, u in zip(ys, vs, strict=True) if y.tracked]
    if not connected:
        return tuple(zeros_like(x) for x in xs)
    outputs, cotangents = zip(*connected, strict=True)
    return grad(outputs, xs, cotangents, retain_graph, create_graph, materialize_grads=True)


def _like(structure: Tensors, tensors: Sequence[Tensor], create_graph: bool) -> Any:
    """The tensors as one or as a tuple, as `structure` was; without history unless `create_graph`."""
    tensors = tuple(t if create_graph else t.detach() for t in tensors)
    return tensors[0] if isinstance(structure, Tensor) else tensors
