"""Sums over the rows of CuPy arrays, which a kernel makes."""

import numpy as np
import pytest
from composites import bits, each_dtype
from devices import asked, on_device

import minidl as md
from minidl.engine.core import Tensor
from minidl.engine.op import sum_to
from minidl.kernels.cuda import reduce

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)
MATRICES = [(1, 1), (31, 3), (32, 32), (33, 33), (257, 10), (512, 1), (513, 33), (2049, 64), (20011, 5), (1, 1000)]


def whole(*shape):
    """Small integers, whose sums every dtype has exactly, but for one rounding at the end."""
    return RNG.integers(-2, 3, shape).astype(np.float64)


@each_dtype
@pytest.mark.parametrize("shape", [*MATRICES, (0, 3), (3, 0)])
def test_sums_of_columns(shape, dtype):
    x = whole(*shape)
    z = reduce.column_sums(on_device(x, dtype=dtype))
    assert z.dtype == dtype
    np.testing.assert_array_equal(md.backend.transfer.fetched(z), x.sum(0).astype(dtype))


def test_halves_are_summed_in_single():
    z = reduce.column_sums(on_device(np.ones((5001, 2)), dtype="float16"))
    np.testing.assert_array_equal(md.backend.transfer.fetched(z), np.float16([5000, 5000]))


@pytest.mark.parametrize("rows", [64, 520])  # by one kernel, and by two
def test_a_thread_sums_halves_in_single(rows):
    x = np.ones((rows, 40))
    x[0] = 2048  # beyond which every second integer is a half
    z = reduce.column_sums(on_device(x, dtype="float16"))
    np.testing.assert_array_equal(md.backend.transfer.fetched(z), x.sum(0).astype("float16"))


SUMS = {  # shape, size, memory, and whether rows are summed by the kernel
    "bias": ((70, 10), (10,), "channels first", True),
    "kept dimension": ((70, 10), (1, 10), "channels first", True),
    "channels": ((3, 5, 4, 6), (1, 5, 1, 1), "channels last", True),
    "channels of sequences": ((3, 5, 40), (5, 1), "channels last", True),
    "all": ((30, 5, 4, 6), (), "channels first", True),
    "batch": ((9, 4, 6), (4, 6), "channels first", True),
    "nothing": ((3, 4), (3, 4), "channels first", False),
    "rows": ((3, 4), (3, 1), "channels first", False),
    "channels first": ((3, 5, 4, 6), (1, 5, 1, 1), "channels first", False),
    "apart": ((7, 4), (4,), "apart", False),
    "empty": ((0, 4), (4,), "channels first", False),
}


@each_dtype
@pytest.mark.parametrize("case", SUMS.values(), ids=SUMS)
def test_sums_to_a_size(case, dtype, monkeypatch):
    shape, size, memory, by_kernel = case
    served, x = [], whole(*shape)
    sums = reduce.column_sums
    monkeypatch.setattr(reduce, "column_sums", lambda *given: served.append(0) or sums(*given))
    z = sum_to(Tensor(on_device(x, memory, dtype)), size=size)
    assert len(served) == by_kernel and z.dtype == dtype and z.shape == size
    assert z.array.base is None or not by_kernel
    np.testing.assert_array_equal(z.numpy(), sum_to(x, size=size).astype(dtype))


def test_sums_of_integers_go_by_the_op():
    x = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(sum_to(Tensor(on_device(x)), size=(4,)).numpy(), x.sum(0))


@each_dtype
def test_the_same_bits_each_time(dtype):
    x = on_device(RNG.standard_normal((544, 33)), dtype=dtype)
    first, again = ([reduce.column_sums(x), reduce.column_sums(x[:500])] for _ in range(2))
    assert bits(first) == bits(again)


def test_launches():
    x = on_device(RNG.standard_normal((544, 33)))
    assert asked(lambda: reduce.column_sums(x)) == {"launch": 2}
