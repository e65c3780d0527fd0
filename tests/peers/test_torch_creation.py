"""How tensors come to be, beside PyTorch: the same values, shapes and dtypes, or both refuse, over grids of calls."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from parity import MISTAKES, dtype_name, torch

import minidl as md

RAW = re.compile(r"ufunc|unpack|object is not|has no attribute|Python int|\b_[a-z]")  # words that are not minidl's
NAMES = dict(np=np, nan=math.nan, inf=math.inf, F8=np.float64, ARRAY=np.array([[1.0, 2], [3, 4]]))

VALUES = """
tensor(1) | tensor(1.5) | tensor(True) | tensor([]) | tensor(()) | tensor([[]]) | tensor(range(3)) | tensor([True, 2])
tensor([True, 2.5]) | tensor([[1, 2], [3.5, True]]) | tensor(F8(1)) | tensor([F8(1)]) | tensor([np.float32(1), 2.0])
tensor([F8(1), np.float32(2)]) | tensor([1, np.int8(2)]) | tensor([np.int8(2)]) | tensor([np.float16(1), 1.0])
tensor([np.float16(1), 1]) | tensor([ARRAY[0], [3.0, 4]]) | tensor([m.tensor([1.0]), m.tensor([2.0])]) | tensor(ARRAY)
tensor([m.tensor(1.0), 2]) | tensor([m.tensor(1.0, dtype=m.float64), 2]) | tensor([[m.tensor(1, dtype=m.int16)], [2]])
tensor([m.ones(2), m.ones(2)]) | tensor([[1], [2, 3]]) | tensor([1, [2]]) | tensor([[1], 2]) | tensor("a")
tensor(["a"]) | tensor(b"ab") | tensor(None) | tensor([None]) | tensor([1, None]) | tensor({1: 2}) | tensor({1})
tensor(iter([1])) | tensor(300, dtype=m.uint8) | tensor([300], dtype=m.uint8) | tensor(-256, dtype=m.uint8)
tensor(255, dtype=m.uint8) | tensor(200, dtype=m.int8) | tensor(-129, dtype=m.int8) | tensor(-128, dtype=m.int8)
tensor(2.7, dtype=m.int64) | tensor([2.7, -2.7], dtype=m.int64) | tensor(nan, dtype=m.int64)
tensor([nan], dtype=m.int64) | tensor(inf, dtype=m.int64) | tensor([-inf], dtype=m.int32)
tensor(1e30, dtype=m.int64) | tensor([1e30], dtype=m.int32) | tensor(nan, dtype=m.bool) | tensor(5, dtype=m.bool)
tensor([5, 0], dtype=m.bool) | tensor(2**63) | tensor(2**63 - 1) | tensor(-(2**63)) | tensor(2**64) | tensor([2**63])
tensor([2**64]) | tensor([10**400]) | tensor(10**400) | tensor(2**63, dtype=m.float32)
tensor([2**63], dtype=m.float32) | tensor([2**64], dtype=m.float64) | tensor(10**400, dtype=m.float32)
tensor(2**63, dtype=m.uint8) | tensor(2**63, dtype=m.bool) | tensor(1e39) | tensor([1e39])
tensor(70000.0, dtype=m.float16) | tensor([70000], dtype=m.float16) | tensor(65519, dtype=m.float16)
tensor(inf, dtype=m.float16) | tensor(np.array([300]), dtype=m.uint8) | tensor(np.array([nan]), dtype=m.int64)
tensor(np.int64(300), dtype=m.uint8) | tensor(np.longdouble(1)) | tensor(np.array([1], "g")) | tensor(np.array(["a"]))
tensor(np.array([[1], [None]])) | tensor([1, 2], requires_grad=True) | tensor([1.0, 2], requires_grad=True)
tensor([1.0], dtype=float) | tensor([1.5], dtype=int) | tensor([1.5], dtype=bool) | tensor([1.0], m.float64)
tensor([1.0], device="cpu") | tensor(np.bool_(True)) | tensor(data=[1.0]) | tensor([1.0], device="foo")
tensor([1.0], dtype="nonsense") | as_tensor([1, 2]) | as_tensor(ARRAY) | as_tensor(ARRAY, dtype=m.float32)
as_tensor(5) | as_tensor(None) | as_tensor(m.ones(2), dtype=m.int64) | from_numpy(ARRAY) | from_numpy([1])
from_numpy(F8(1)) | from_numpy(np.array("a")) | from_numpy(np.array([1], "g")) | from_numpy(np.array([1.0], ">f4"))
zeros(2, 3) | zeros((2, 3)) | zeros([2, 3]) | zeros(size=(2, 3)) | zeros(size=2) | zeros() | zeros(()) | zeros([])
zeros(2.0) | zeros((2.0,)) | zeros(-1) | zeros(2, -1) | zeros(True) | zeros((True,)) | zeros(np.int64(2))
zeros(np.array(2)) | zeros(np.array([2, 3])) | zeros(m.tensor(2)) | zeros((m.tensor(2), 3)) | zeros((2, 3), 4)
zeros(2, size=(2,)) | zeros("2") | zeros(None) | zeros(2, None) | zeros(F8(2)) | zeros(m.tensor(2.0))
zeros(range(2)) | zeros(2, dtype=m.int64) | zeros(0, 3) | zeros(2, dtype=m.int64, requires_grad=True)
zeros(2, dtype=None) | zeros(2, dtype=float) | zeros(2, device="cpu") | zeros(2, device=m.device("cpu"))
zeros(2, device="foo") | zeros(2, requires_grad=True) | zeros(2**40, 2**40) | ones(2, 3) | ones((2, 1), dtype=m.bool)
ones(size=(1,), dtype=m.float16) | ones(2, -3) | full((2,), 1) | full((2,), 1.5) | full((2,), True)
full((2,), nan, dtype=m.int64) | full((2,), 300, dtype=m.uint8) | full((2,), 256.5, dtype=m.uint8)
full((2,), 2.7, dtype=m.int64) | full((2,), 2**63) | full((2,), 2**63, dtype=m.float32)
full((2,), 10**400, dtype=m.float32) | full((2,), 1e39) | full((2,), 1e39, dtype=m.float16)
full((2,), 5, dtype=m.bool) | full((2,), inf, dtype=m.float16) | full(2, 1) | full((), 1) | full((2,), m.tensor(3.0))
full((2,), m.tensor(3)) | full((2,), m.tensor([3.0, 4])) | full((2,), F8(3)) | full((2,), np.int64(3))
full((2,), np.array(3.0)) | full((2,), "a") | full((2,), None) | full((2,), [1]) | full(size=(2,), fill_value=1.0)
full((2,), 1, requires_grad=True) | full((2,), 1.0, requires_grad=True) | full((2,), 1, dtype=m.float64)
full((-1,), 2) | arange(5) | arange(5.0) | arange(1, 5) | arange(1, 5, 2) | arange(0, 1, 0.3) | arange(5, 1)
arange(5, 1, -1) | arange(5, 1, -2) | arange(1, 5, 0) | arange(nan) | arange(inf) | arange(end=5)
arange(start=1, end=5) | arange(start=1, end=5, step=2) | arange(1, step=2, end=9) | arange(start=5)
arange(5, dtype=m.float16) | arange(2**63 - 2, 2**63 - 1) | arange(0, 0) | arange(2**63, 2**63 + 2) | arange(True)
arange(m.tensor(3)) | arange(m.tensor(3.0)) | arange(np.int64(3)) | arange(F8(3)) | arange("3") | arange(None)
arange() | arange(1, 2, 3, 4) | arange(5, requires_grad=True) | arange(5.0, requires_grad=True)
arange(0, 5, 1.5, dtype=m.int64) | arange(0.5, 5, dtype=m.int64) | arange(0, 5, 0.5, dtype=m.int64) | arange(-3, 3)
arange(0.9, 5.9, 1.1, dtype=m.int64) | arange(3, dtype=m.bool) | arange(0.0, 1.0, 0.1) | arange(1, 2, 0.1)
arange(0, 2.0000001, 0.1) | arange(10, dtype=m.float64) | arange(250, 256, dtype=m.uint8) | arange(-2.5, 2.5)
linspace(0, 1, 5) | linspace(0, 10, 5, dtype=m.int64) | linspace(0, 1, 1) | linspace(0, 1, 0) | linspace(0, 1, -1)
linspace(0, 1) | linspace(start=0, end=1, steps=3) | linspace(0, 1, 5.0) | linspace(0, 1, True)
linspace(0, 1, m.tensor(3)) | linspace(m.tensor(0.0), m.tensor(1.0), 3) | linspace(m.tensor(0), 1, 3)
linspace(m.tensor([0.0]), 1, 3) | linspace(1, 0, 3) | linspace(nan, 1, 3) | linspace(0, 300, 4, dtype=m.uint8)
linspace(0, 10, 4, dtype=m.int64) | linspace(-3, 7, 6, dtype=m.int64) | linspace(0.5, 7.5, 6, dtype=m.int64)
linspace(0, 1, 3, dtype=m.bool) | linspace(0, 1, 3, dtype=m.float16) | linspace(0, 1, 3, requires_grad=True)
linspace(0, 1, 3, dtype=m.int64, requires_grad=True) | linspace("0", 1, 3) | linspace(-10, 10, 5, dtype=m.float64)
linspace(0, 10**400, 3) | linspace(-1, 1, 100) | linspace(0, 99, 12, dtype=m.int32) | logspace(0, 2, 3)
logspace(0, 2, 3, 2) | logspace(0, 2, 3, base=2.0, dtype=m.int64) | logspace(0, 2, 3, base=-2.0)
logspace(-1, 1, 4, dtype=m.float64) | eye(3) | eye(2, 3) | eye(3, m=2) | eye(n=2) | eye(0) | eye(-1) | eye(2, -1)
eye(2.0) | eye(True) | eye((2, 3)) | eye(m.tensor(2)) | eye(2, dtype=m.bool) | eye(2, dtype=m.int64)
eye(2, requires_grad=True) | eye("2") | meshgrid(A2, A3, indexing="ij") | meshgrid(A2, A3, indexing="xy")
meshgrid([A2, A3], indexing="xy") | meshgrid(A2, A3, A2, indexing="xy") | meshgrid(A2, indexing="xy")
meshgrid(m.tensor(2), A3, indexing="ij") | meshgrid(A2, indexing="zz") | meshgrid(indexing="ij")
meshgrid([], indexing="ij") | meshgrid(m.ones(2, 2), indexing="ij") | meshgrid(A2, m.ones(3), indexing="ij")
meshgrid(2, 3, indexing="ij") | meshgrid(G, G, indexing="ij") | zeros_like(X, dtype=m.int64)
zeros_like(X, requires_grad=True) | zeros_like(I, requires_grad=True) | zeros_like(G) | zeros_like(ARRAY)
zeros_like([1]) | zeros_like(2.0) | zeros_like(input=X) | ones_like(I) | ones_like(G, dtype=m.float16)
full_like(X, 2) | full_like(I, 2.5) | full_like(I, nan) | full_like(I, 2**63) | full_like(X.byte(), 300)
full_like(X, m.tensor(2.0)) | full_like(X, 2, dtype=m.int64) | full_like(X, "a") | X.new_zeros(2, 3)
I.new_zeros((2, 3)) | I.new_zeros(2, dtype=m.float32, requires_grad=True) | X.new_ones(2) | X.new_ones(size=(2,))
X.new_full((2,), 3.0) | I.new_full((2,), 3.5) | I.new_full((2,), 300, dtype=m.uint8) | X.new_full(2, 3.0)
X.new_tensor([1, 2]) | I.new_tensor([1.5, 2]) | I.new_tensor(1.5) | X.new_tensor(ARRAY)
X.new_tensor([1], dtype=m.int64) | X.new_tensor([1.0], requires_grad=True) | G.new_zeros(2) | X.new_zeros(-1)
X.float() | X.double() | X.half() | X.int() | X.long() | X.short() | X.byte() | X.char() | X.bool() | G.float()
G.long() | X.type(m.int64) | X.type(dtype=m.int64) | X.type_as(I) | X.to(I) | X.to(m.int64) | X.to("cpu")
X.to("cpu", m.int64) | X.to() | X.to(device="cpu", dtype=m.int64) | X.to(dtype=m.int64) | X.to(m.int64, True)
X.to(m.int64, True, True) | X.to(None) | X.to(m.int64, non_blocking=True) | X.to(m.int64, "cpu") | X.to(None, m.int64)
X.to("cpu", None) | X.to("foo") | X.to(float) | X.to(m.float32, dtype=m.int64) | X.to("cpu", device="cpu")
X.float(5) | X.to(m.device("cpu")) | X.to(int) | G.to(m.float32) | m.tensor([2.7, -2.7, 0.0]).to(m.int64)
m.tensor([300, -1]).to(m.uint8) | m.tensor([0.5, 0.0, nan]).bool() | is_tensor(X) | is_tensor(ARRAY)
is_floating_point(I) | is_floating_point(X) | is_floating_point(2.0) | numel(X) | numel([1]) | X.is_floating_point()
I.is_floating_point() | finfo(m.float32).bits | iinfo(m.int8).max | iinfo(m.uint8).min | I.clone().fill_(2.5)
I.clone().fill_(nan) | I.clone().fill_(2**63) | X.byte().fill_(300) | X.clone().fill_(10**400) | X.clone().fill_(1e39)
X.bool().fill_(5) | X.byte().masked_fill(B, 300) | X.byte().masked_fill(B, 2.5) | X.byte().masked_fill(B, nan)
X.masked_fill(B, 1e39) | X.bool().masked_fill(B, 0) | I.masked_fill(m.tensor(True), -1.5)
I.masked_fill(m.tensor(True), m.tensor(2.5)) | X.bool().masked_fill(B, -inf) | I.clone().fill_(m.tensor(2.5))
I.clone().fill_(m.ones(2)) | I.masked_fill(m.tensor(True), m.ones(2)) | I.clone().bernoulli_(1) | (X * 0).bernoulli()
(X.sum() * 0).bernoulli() | X.clone().fill_(m.ones(2, 3)) | I + 2**63 | I + 2**64 | X + 2**63 | X * 10**400
I * 10**400 | I == 2**64 | X.byte() < 300 | X.byte() == -1 | X.byte() + 300 | X.byte() * 300 | X.byte() * 2.5
X * 1e39 | X.half() * 70000 | X.half() + 1e39 | 2**64 - I | I != 10**400 | I / 10**400
"""

RANDOM = """
rand(2, 3) | rand((2, 3)) | rand(size=(2, 3)) | rand(2, dtype=m.int64) | rand(2, dtype=m.bool)
rand(2, generator=GEN) | rand(2, generator=5) | rand(2, generator=None) | rand(2, requires_grad=True) | rand(2.0)
rand(2, dtype=m.float16) | rand() | randn(2, 3) | randn(size=[2]) | randn(2, dtype=m.int64)
randn(2, dtype=m.float64) | randn(()) | rand(-2) | rand_like(X) | rand_like(I) | rand_like(I, dtype=m.float32)
rand_like(X, requires_grad=True) | rand_like(X, generator=GEN) | randn_like(I) | randn_like(G)
randn_like(X, dtype=m.float64) | rand_like(ARRAY) | empty(2, 3) | empty_like(I) | X.new_empty(2)
empty(2, dtype=m.int8) | empty_like(X, dtype=m.float64, requires_grad=True) | randint(5, (2,)) | randint(2, 5, (2,))
randint(high=5, size=(2,)) | randint(low=2, high=5, size=(2,)) | randint(5, size=(2,)) | randint(2, 5, size=(2,))
randint(2, high=5, size=(2,)) | randint(low=2, size=(2,)) | randint(5) | randint(5, 5, (2,)) | randint(5, 4, (2,))
randint(0, (2,)) | randint(-3, (2,)) | randint(5, 2) | randint(0, 5, 2) | randint(0.0, 5.0, (2,))
randint(0, 5.5, (2,)) | randint(True, (2,)) | randint(0, 5, (2,), dtype=m.float32)
randint(0, 5, (2,), dtype=m.uint8) | randint(0, 300, (2,), dtype=m.uint8) | randint(0, 256, (2,), dtype=m.uint8)
randint(0, 257, (2,), dtype=m.uint8) | randint(-1, 256, (2,), dtype=m.uint8) | randint(-128, 128, (2,), dtype=m.int8)
randint(-129, 128, (2,), dtype=m.int8) | randint(0, 2, (2,), dtype=m.bool) | randint(0, 3, (2,), dtype=m.bool)
randint(0, 70000, (2,), dtype=m.float16) | randint(0, 2**63 - 1, (2,)) | randint(-(2**63), 2**63 - 1, (2,))
randint(0, 2**31, (2,), dtype=m.int32) | randint(0, 2**31 + 1, (2,), dtype=m.int32) | randint(nan, 5, (2,))
randint("a", 5, (2,)) | randint(m.tensor(5), (2,)) | randint(0, np.int64(5), (2,))
randint(0, 5, (2,), requires_grad=True) | randint(0, 5, (2,), generator=GEN)
randint(0, 5, (2,), dtype=m.float32, requires_grad=True) | randint(0, 5, ()) | randint(0, 5, (2, -1))
randint_like(X, 5) | randint_like(X, 2, 5) | randint_like(I, low=1, high=5) | randint_like(X, 5, 5)
randint_like(ARRAY, 5) | randperm(5) | randperm(0) | randperm(-1) | randperm(5.0) | randperm(True)
randperm(5, dtype=m.float32) | randperm(n=5) | randperm(300, dtype=m.uint8) | randperm(3, dtype=m.bool)
randperm(5, generator=GEN) | normal(0, 1, (2,)) | normal(0.0, 1.0, size=(2,)) | normal(mean=0.0, std=1.0, size=(2,))
normal(0.0, -1.0, (2,)) | normal(0.0, nan, (2,)) | normal(0.0, 1.0) | normal(m.zeros(2), 1.0) | normal(m.zeros(2))
normal(m.zeros(2), m.ones(2)) | normal(m.zeros(2, 1), m.ones(3)) | normal(0.0, m.ones(3))
normal(m.zeros(2), m.ones(3)) | normal(m.zeros(2).double(), m.ones(2)) | normal(m.zeros(2), m.ones(2).double())
normal(m.zeros(2).long(), 1.0) | normal(0.0, m.ones(2).long()) | normal(m.zeros(2), -m.ones(2))
normal(m.zeros(2), -1.0) | normal(0.0, 1.0, (2,), dtype=m.float64) | normal(0.0, 1.0, (2,), dtype=m.int64)
normal(0.0, 1.0, (2,), requires_grad=True) | normal(0.0, 1.0, (2,), generator=GEN) | normal(0.0, 1.0, 2)
normal(m.zeros(2), 1.0, (2,)) | normal(m.zeros(2), 1.0, dtype=m.float64) | normal(m.zeros(()), 1.0)
normal(1, 1, (2,), dtype=m.float16) | bernoulli(X) | bernoulli(X * 2) | bernoulli(X * nan) | bernoulli(-X)
bernoulli(I) | bernoulli(X, 0.5) | bernoulli(X, p=1.0) | bernoulli(X, 2.0) | bernoulli(I, 0.5)
bernoulli(X, generator=GEN) | bernoulli(0.5) | bernoulli(X.bool()) | X.bernoulli() | X.bernoulli(0.5)
bernoulli(X.half() / 2) | multinomial(W, 1) | multinomial(W, 3) | multinomial(W, 4) | multinomial(W, 4, True)
multinomial(W, 4, replacement=True) | multinomial(m.stack([W, W]), 2) | multinomial(m.zeros(2), 1)
multinomial(m.zeros(2), 1, True) | multinomial(-W, 1) | multinomial(W * nan, 1) | multinomial(W / 0, 1)
multinomial(I, 1) | multinomial(W.half(), 1) | multinomial(m.tensor(1.0), 1) | multinomial(m.ones(2, 2, 2), 1)
multinomial(W, 0) | multinomial(W, -1) | multinomial(W, 1.0) | multinomial(W, True) | multinomial(m.ones(0), 1)
multinomial(m.ones(0, 2), 1) | multinomial(W, 1, generator=GEN) | W.multinomial(1)
multinomial(input=W, num_samples=1)
"""

# Where minidl does something else, and why.
DIFFERS = {
    "tensor(-1, dtype=m.uint8)": "a number out of range is refused, not wrapped",
    "tensor([[], [1]])": "ragged",
    "arange(300, dtype=m.uint8)": "PyTorch wraps",
    "logspace(0, 3, 2, dtype=m.uint8)": "PyTorch wraps",
    "from_numpy(ARRAY[::-1])": "NumPy's negative strides are fine here",
    "full((2,), 2**64, dtype=m.float32)": "a float holds it",
    "normal(G, 1.0)": "no gradient flows, where PyTorch lets zeros flow",
    "full((2,), -1, dtype=m.uint8)": "a number out of range is refused, not wrapped",
    "I < 2**63": "PyTorch wraps",
    "X + 2**64": "a float holds it",
    'm.device("cpu") == "cpu"': "a device is its name",
}


def lines(text):
    return [part for line in text.strip().splitlines() for part in line.split(" | ")]


def outcome(m, line, values):
    """What a line gives: shape, dtype, whether it requires a gradient, and its values; or the error."""
    torch.manual_seed(0)
    names = SimpleNamespace(
        m=m, A2=m.arange(2), A3=m.arange(3), X=m.ones(2, 3), I=m.ones(2, dtype=m.int64), B=m.ones(2, 3) > 0,
        G=m.ones(3, dtype=m.float64, requires_grad=True), W=m.tensor([0.0, 1, 2]), GEN=m.Generator(),
    )  # fmt: skip
    text = line if line.startswith(("X", "I", "G", "W", "m.", "2", "(")) else f"m.{line}"
    try:
        with np.errstate(all="raise"):
            result = eval(text, NAMES | vars(names))
    except (*MISTAKES, AttributeError, OverflowError, NotImplementedError, MemoryError) as error:
        return error
    parts = result if isinstance(result, tuple) else (result,)
    return [
        (tuple(t.shape), dtype_name(t), t.requires_grad, t.detach().numpy().astype("O").tolist() if values else 0)
        if isinstance(t, (md.Tensor, torch.Tensor))
        else t
        for t in parts
    ]


def alike(ours, theirs):
    """Equal, but for the last bits of floats."""
    if isinstance(ours, (list, tuple)):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours == pytest.approx(theirs, rel=3e-7, abs=1e-7, nan_ok=True)
    return ours == theirs


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.filterwarnings("ignore:.*(To copy construct|from a list of numpy|to - 1 is out|non-writable):UserWarning")
@pytest.mark.parametrize(
    "values, line", [(True, line) for line in lines(VALUES)] + [(0, line) for line in lines(RANDOM)]
)
def test_as_pytorch(line, values):
    ours, theirs = outcome(md, line, values), outcome(torch, line, values)
    if isinstance(theirs, Exception):
        assert isinstance(ours, MISTAKES), f"PyTorch refuses: {theirs}; minidl gives {ours}"
        assert not RAW.search(str(ours)), ours
    else:
        assert not isinstance(ours, Exception), f"minidl refuses: {ours}; PyTorch gives {theirs}"
        assert alike(ours, theirs), (ours, theirs)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("line", DIFFERS)
def test_where_minidl_differs(line):
    ours, theirs = outcome(md, line, True), outcome(torch, line, True)
    assert isinstance(ours, Exception) or isinstance(theirs, Exception) or not alike(ours, theirs)
