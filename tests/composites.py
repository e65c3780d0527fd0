"""A composite by its kernel on CuPy arrays, beside its ops in float64 on NumPy arrays."""

import contextlib

import numpy as np
import pytest
from devices import counted, on_device, pattern

import minidl as md
from minidl.backend.modes import no_fusion
from minidl.engine.core import Tensor

TOLERANCE = {"float16": 2e-3, "float32": 1e-5, "float64": 1e-10}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
each_memory = pytest.mark.parametrize("memory", ["channels first", "channels last", "apart"])


def near(z, expected, tol):
    """Equal but for `tol` of the largest element, or of 1."""
    z = np.asarray(md.backend.transfer.fetched(z) if md.backend.on_gpu(z) else z, np.float64)
    size = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    np.testing.assert_allclose(z, expected, 0, tol * size)


def run(composite, x, *others, fused=True, second=False, v=None, **options):
    """What a composite gives, its auxiliary arrays, and its gradients, times v; then, if asked for, the second ones."""
    arguments = [None if a is None else Tensor(a, requires_grad=a.dtype.kind == "f") for a in (x, *others)]
    with contextlib.nullcontext() if fused else no_fusion():
        z = composite(*arguments, **options)
        z, *auxiliary = z if isinstance(z, tuple) else (z,)
        if fused:
            assert "kernel" in z.node.kept
        wanted = [a for a in arguments if a is not None and a.requires_grad]
        v = Tensor(pattern(z.array) if v is None else v, requires_grad=second)
        ds = md.grad(z, wanted, v, create_graph=second)
        if second:
            ds = [*ds, *md.grad(sum((d * d).sum() for d in ds), [*wanted, v], materialize_grads=True)]
    return [z.array, *auxiliary, *[d.array for d in ds]]


def compare(composite, arrays, dtype, memory="channels first", condition=1, **options):
    """A kernel on the GPU beside the ops on the CPU; `arrays` are of numbers that every dtype holds.

    `condition` is what the problem itself makes of rounding errors, beyond what is tolerated anyway.
    """
    device = [
        None
        if a is None
        else on_device(a, memory if i == 0 else "channels first", dtype if a.dtype.kind == "f" else None)
        for i, a in enumerate(arrays)
    ]
    for z, expected in zip(
        run(composite, *device, **options), run(composite, *arrays, fused=False, **options), strict=True
    ):
        assert z.dtype == dtype
        near(z, expected, condition * TOLERANCE[dtype])


def bits(results):
    """The bytes of arrays on the GPU."""
    return [md.backend.transfer.fetched(z).tobytes() for z in results]


def launches(kernel, *arrays, **options):
    """What a GPU is asked for forward, and backward, once all is compiled and memory is in the pool."""
    for _ in range(2):
        with counted() as forward:
            z, saved, *_ = kernel.forward(*arrays, **options)
        g = md.backend.cupy().ones_like(z)
        with counted() as backward:
            ds = kernel.backward(g, saved, {0, 1, 2}, *arrays, **options)
        del z, saved, ds, _, g
    return forward, backward
