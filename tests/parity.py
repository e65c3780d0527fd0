"""minidl beside PyTorch, on the same numbers: what the `test_torch_*` files share.

A case is a function ``f(m, *tensors)`` that runs on either library: `m` is `OURS` or `THEIRS`.
"""

import re
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
MISTAKES = (ValueError, TypeError, RuntimeError, IndexError)
RAW = re.compile(  # the words of NumPy, of Python and of private names
    r"numpy|ufunc|ndarray|operands|\baxis\b|\barray\b|unpack|object is not|has no attribute|\b_[a-z]"
)


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


def method(name, *args, **options):
    """A case: the method of that name."""
    return lambda m, x, *xs: getattr(x, name)(*xs, *args, **options)


def dtype_name(x):
    return str(x.dtype).removeprefix("torch.")


def like(m, x, values):
    """A constant in the dtype of x."""
    return m.tensor(np.asarray(values, dtype_name(x)))


def same(got, want, tol=1e-11, scale=None):
    """Equal dtypes and shapes, and values within `tol` of their own size and of `scale`, by default the largest.

    What differs by less than rounding leaves of numbers about 1 is taken for a sum that cancels to 0.
    """
    for a, b in zip(got, want, strict=True):
        a, b = a.detach().numpy(), b.detach().numpy(force=True)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        largest = np.abs(b[np.isfinite(b)] * 1.0).max(initial=0) if scale is None else scale
        cancelled = 4 * np.finfo(a.dtype).eps if a.dtype.kind == "f" else 0
        np.testing.assert_allclose(a, b, rtol=tol, atol=max(tol * largest, cancelled))


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
    """What f gives; for order 1 its gradients; for order 2 the same recorded, and the gradients of those."""
    tensors = [m.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    inputs = [x for x in tensors if x.requires_grad]
    z = f(m, *tensors)
    z = list(z) if isinstance(z, tuple) else [z]
    yield z
    if order:
        yield pull(m, z, inputs, create_graph=False)
    if order == 2:
        yield (first := pull(m, z, inputs, create_graph=True))
        yield pull(m, first, inputs, create_graph=False)


def compare(f, *arrays, order=2, tol=1e-11, scale=None):
    """f(m, *tensors) and its gradients up to `order` are the same on both."""
    for got, want in zip(results(OURS, f, arrays, order), results(THEIRS, f, arrays, order), strict=True):
        same(got, want, tol, scale)


def refused(name, f, *arrays):
    """Both refuse f(m, *tensors); minidl in the name of the function, and not in NumPy's words."""
    with pytest.raises((*MISTAKES, AttributeError)):
        f(THEIRS, *map(torch.tensor, arrays))
    with pytest.raises(MISTAKES) as caught:
        f(OURS, *map(md.tensor, arrays))
    message = str(caught.value)
    assert re.search(rf"\b{name}\b", message) and not RAW.search(message), message


def agree(name, f, *arrays, **options):
    """Both give the same, or both refuse; what PyTorch only has no code for, in a dtype, is left open."""
    try:
        f(THEIRS, *map(torch.tensor, arrays))
    except MISTAKES as error:
        if "not implemented for" not in str(error):
            refused(name, f, *arrays)
    else:
        compare(f, *arrays, **options)
