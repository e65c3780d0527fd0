"""The devices that tests go over, and what is on one of them carried to another."""

import collections
import contextlib

import emulator
import numpy as np
import pytest

import minidl as md

DEVICES = ["cpu", "standin", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.fixture
def device(request):
    """The name by which minidl knows a device: the strict stand-in takes the place of CuPy where it is asked for."""
    if request.param == "standin":
        request.getfixturevalue("standin")
        return "cuda"
    return request.param


def tensors(arrays, device, requires_grad=()):
    """Arrays as tensors on a device, those at some positions with a gradient; None stays None."""
    return [
        a if a is None else md.tensor(a, device=device).requires_grad_(i in requires_grad) for i, a in enumerate(arrays)
    ]


def on_device(a, memory="channels first", dtype=None):
    """A NumPy array as one of CuPy's, in memory of some order; what lies between its elements is NaN."""
    cupy = md.backend.cupy()
    x = cupy.asarray(a.astype(dtype or a.dtype))
    if memory == "channels last" and a.ndim > 2:
        return cupy.moveaxis(cupy.ascontiguousarray(cupy.moveaxis(x, 1, -1)), -1, 1)
    if memory == "apart":
        room = cupy.full([2 * n for n in a.shape], np.nan if x.dtype.kind == "f" else 1, x.dtype)
        room[(slice(None, None, -2),) * a.ndim] = x
        return room[(slice(None, None, -2),) * a.ndim]
    return x


def pattern(z):
    """An incoming gradient of small integers, where the array z is."""
    v = np.resize(np.array([1, 2, -1, 3, -2, 1, -1], z.dtype), z.shape)
    return md.backend.namespace(z).asarray(v)


def carried(value, device):
    """An option of an op with the arrays in it on a device."""
    if isinstance(value, np.ndarray):
        return md.tensor(value, device=device).array
    if type(value) is tuple:
        return tuple(carried(part, device) for part in value)
    if type(value) is dict:
        return {name: carried(part, device) for name, part in value.items()}
    return value


def same(ours, theirs, tol, least=0.0):
    """Two lists of tensors have the same dtypes and values, but for `tol` of the largest of each, or of `least`."""
    for a, b in zip(ours, theirs, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        a, b = a.detach().numpy(), b.detach().numpy()
        size = np.abs(b[np.isfinite(b)]).max(initial=least) if b.dtype.kind == "f" else 0
        np.testing.assert_allclose(a, b, 0, tol * size)


@contextlib.contextmanager
def counted():
    """What a GPU was asked for within: launches, matrix products among them, allocations, copies, waiting for it.

    Only the emulated driver tells.
    """
    driver = emulator.loaded()
    if driver is None:
        pytest.skip("this driver does not count launches")
    driver.C.clear()
    driver.gemm_stats()
    counts = collections.Counter()
    yield counts
    counts.update(driver.C)
    counts["launch"] += driver.gemm_stats()["calls"]


def asked(call):
    """What a call asks a GPU for the second time, when all is compiled and memory is in the pool; see `counted`."""
    call()
    with counted() as counts:
        call()
    return counts


@contextlib.contextmanager
def allocated():
    """The sizes of memory that a GPU's driver is asked for within, as its pool tells: none, where it has enough."""
    sizes = []

    class Hook(md.backend.cupy().cuda.MemoryHook):
        name = "allocated"

        def alloc_preprocess(self, device_id, mem_size):
            sizes.append(mem_size)

    with Hook():
        yield sizes


# Ops that the emulated driver has no code for, and what it says: it can't sort, nor multiply some float64 matrices.
SORTS = ("top_indices", "median_index", "middle")
LACKING = dict.fromkeys(SORTS, "precompiled device code") | {"matrix_product": "CUBLAS_STATUS_NOT_SUPPORTED"}


@contextlib.contextmanager
def emulated_as_far_as_it_goes(op):
    """Skip an op where it is known that the emulated driver has no code for it."""
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:
        if not emulator.loaded() or op not in LACKING or LACKING[op] not in str(error):
            raise
        pytest.skip(f"not emulated: {error}")
