"""minidl beside PyTorch, on the same numbers: what the `test_torch_*` files share.

A case is a function ``f(m, *tensors)`` that runs on either library: `m` is `OURS` or `THEIRS`.
"""

from types import SimpleNamespace

import numpy as np
import pytest

import minidl as md

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")
torch.set_num_threads(1)

OURS = SimpleNamespace(**vars(md) | dict(F=md.functional))
THEIRS = SimpleNamespace(**vars(torch) | dict(F=torch.nn.functional, grad=torch.autograd.grad))
RNG = np.random.default_rng(0)


def normal(*size):
    return np.asarray(RNG.standard_normal(size))


def ties(*size):
    """Few different numbers."""
    return RNG.integers(-2, 3, size).astype(float)


def labels(*size, classes=5):
    return RNG.integers(0, classes, size)


def call(name, *args, **options):
    """A case: the function of that name, with these arguments after the tensors."""
    return lambda m, *xs: getattr(m, name)(*xs, *args, **options)


def functional(name, *args, **options):
    """A case: the same, of ``functional``."""
    return lambda m, *xs: getattr(m.F, name)(*xs, *args, **options)


def dtype_name(x):
    return str(x.dtype).removeprefix("torch.")


def like(m, x, values):
    """A constant in the dtype of x."""
    return m.tensor(np.asarray(values, dtype_name(x)))


def same(got, want, tol=1e-11):
    """Equal dtypes and shapes, and values within `tol` of the largest."""
    for a, b in zip(got, want, strict=True):
        a, b = a.detach().numpy(), b.detach().numpy(force=True)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol * np.abs(b[np.isfinite(b)] * 1.0).max(initial=0))


def pull(m, outputs, inputs, create_graph):
    """The gradients of the outputs that have any, under random cotangents; zeros where none has."""
    rng = np.random.default_rng(1)
    pairs = [(z, like(m, z, rng.standard_normal(tuple(z.shape)))) for z in outputs]
    pairs = [(z, v) for z, v in pairs if z.requires_grad]
    if not pairs or not inputs:
        return [like(m, x, np.zeros(tuple(x.shape))) for x in inputs]
    options = dict(retain_graph=True, create_graph=create_graph, materialize_grads=True)
    return m.grad([z for z, _ in pairs], inputs, [v for _, v in pairs], **options)


def results(m, f, arrays, order):
    """What f gives; its gradients; for order 2 the same recorded, and the gradients of those."""
    tensors = [m.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    inputs = [x for x in tensors if x.requires_grad]
    z = f(m, *tensors)
    z = list(z) if isinstance(z, tuple) else [z]
    yield z
    yield pull(m, z, inputs, create_graph=False)
    if order == 2:
        yield (first := pull(m, z, inputs, create_graph=True))
        yield pull(m, first, inputs, create_graph=False)


def compare(f, *arrays, order=2, tol=1e-11):
    """f(m, *tensors) and its gradients up to `order` are the same on both."""
    for got, want in zip(results(OURS, f, arrays, order), results(THEIRS, f, arrays, order), strict=True):
        same(got, want, tol)
