"""Random index expressions beside PyTorch's: values, gradients, writes, and what is refused."""

import warnings

import numpy as np
import pytest
from parity import MISTAKES, OURS, THEIRS, same


class Draw:
    """One expression: the array, its index as a function of the library, and what is strange about it."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.shape = tuple(
            map(int, self.rng.choice([0, 1, 2, 3, 4], self.rng.integers(0, 5), p=[0.04, 0.16, 0.3, 0.3, 0.2]))
        )
        self.x = self.rng.standard_normal(self.shape)
        self.strange = set()
        self.parts, dim = [], 0
        for _ in range(self.rng.integers(1, 5)):
            make, used = self.part(dim)
            self.parts.append(make)
            dim += used
        self.alone = len(self.parts) == 1 and self.chance(0.6)

    def chance(self, p):
        return self.rng.random() < p

    def size(self, dim):
        return self.shape[dim] if 0 <= dim < len(self.shape) else 2

    def part(self, dim):
        """A function m -> part of an index, and how many dimensions it stands for."""
        n = self.size(dim)
        kind = self.rng.choice(
            ["int", "slice", "none", "dots", "bool", "array", "mask", "sequence", "odd"],
            p=[0.2, 0.2, 0.1, 0.08, 0.04, 0.2, 0.1, 0.06, 0.02],
        )
        return getattr(self, f"_{kind}")(n, dim)

    def place(self, n):
        return int(self.rng.integers(-n - 1, n + 1)) if self.chance(0.03) or not n else int(self.rng.integers(-n, n))

    def _int(self, n, dim):
        i = self.place(n)
        kind = self.rng.choice(["int", "tensor", "array", "scalar"], p=[0.7, 0.1, 0.1, 0.1])
        dtype = self.rng.choice(["int64", "int32", "int16", "int8"])
        return (
            lambda m: {
                "int": lambda: i,
                "tensor": lambda: m.tensor(np.array(i, dtype)),
                "array": lambda: np.array(i, dtype),
                "scalar": lambda: np.dtype(dtype).type(i),
            }[kind]()
        ), 1

    def _slice(self, n, dim):
        start, stop = (None if self.chance(0.3) else int(self.rng.integers(-n - 2, n + 3)) for _ in range(2))
        step = None if self.chance(0.5) else int(self.rng.choice([1, 2, 3, -1, 0], p=[0.4, 0.35, 0.2, 0.03, 0.02]))
        return (lambda m: slice(start, stop, step)), 1

    def _none(self, n, dim):
        return (lambda m: None), 0

    def _dots(self, n, dim):
        return (lambda m: ...), len(self.shape) - dim - int(self.rng.integers(0, 2))

    def _bool(self, n, dim):
        value, as_tensor = bool(self.chance(0.7)), self.chance(0.4)
        return (lambda m: m.tensor(np.array(value)) if as_tensor else value), 0

    def _array(self, n, dim):
        shape = ((), (2,), (1,), (3,), (2, 1), (2, 2), (1, 2), (0,))[
            self.rng.choice(8, p=[0.05, 0.4, 0.1, 0.05, 0.1, 0.15, 0.1, 0.05])
        ]
        values = np.array([self.place(n) for _ in range(int(np.prod(shape)))], int).reshape(shape)
        as_array = self.chance(0.3)  # but for masks, of which PyTorch counts one dimension
        dtype = (
            "int64"
            if self.chance(0.7)
            else str(self.rng.choice(["int32", "int16", "int8", "uint16", "uint8"], p=[0.6, 0.1, 0.1, 0.1, 0.1]))
        )
        values = (values % 2 if dtype == "uint8" else abs(values) if dtype == "uint16" else values).astype(dtype)
        return (lambda m: values if as_array and dtype != "uint8" else m.tensor(values)), 1

    def _mask(self, n, dim):
        deep = 2 if self.chance(0.3) else 1
        shape = tuple(self.size(d) + self.chance(0.02) for d in range(dim, dim + deep))
        values = self.rng.random(shape) < self.rng.choice([0.5, 0.0, 1.0], p=[0.8, 0.1, 0.1])
        kind = self.rng.choice(["tensor", "uint8", "array", "list"], p=[0.5, 0.1, 0.2, 0.2])
        kind = (
            "tensor" if deep == 2 and kind in ("array", "list") else kind
        )  # PyTorch counts the dimensions of others as 1
        return (
            lambda m: {
                "tensor": lambda: m.tensor(values),
                "array": lambda: values,
                "list": values.tolist,
                "uint8": lambda: m.tensor(values.astype("uint8")),
            }[kind]()
        ), deep

    def _sequence(self, n, dim):
        values = [self.place(n) for _ in range(self.rng.integers(0, 4))]
        kind = self.rng.choice(["list", "tuple", "range", "nested", "numbers"])
        if kind in ("nested", "tuple"):
            self.strange.add("nested")
        forms = {
            "list": values,
            "tuple": tuple(values),
            "range": range(n),
            "nested": [values, values[::-1]],
            "numbers": [np.int64(v) for v in values],
        }
        return (lambda m: forms[kind]), 1

    def _odd(self, n, dim):
        kind = int(self.rng.integers(0, 7))
        forms = [0.0, np.float64(0), [0.5], np.zeros(2), "a", {}, 1j]
        if kind in (2, 3):
            self.strange.add("floats")
        if kind == 6:
            return (lambda m: m.tensor(np.zeros(2))), 1
        return (lambda m: forms[kind]), 1

    def index(self, m):
        parts = tuple(make(m) for make in self.parts)
        return parts[0] if self.alone else parts

    def value(self, size):
        """What to write where an index gives `size`: a number, what broadcasts, or what does not."""
        kind = self.rng.choice(["number", "whole", "less", "more", "wrong"], p=[0.2, 0.35, 0.25, 0.15, 0.05])
        if kind == "number":
            return None
        if kind == "less":
            size = [1 if self.chance(0.4) else n for n in size][int(self.rng.integers(0, len(size) + 1)) :]
        elif kind == "more":
            size = [1] * int(self.rng.integers(1, 3)) + list(size)
        elif kind == "wrong":
            size = [n + 1 for n in size] if size else [2]
        return self.rng.standard_normal(tuple(size))

    def lenient(self, theirs):
        """Whether minidl may refuse what gave `theirs`: floats cut to integers, lists of lists, places in nothing."""
        dots = not self.alone and sum(make(THEIRS) is ... for make in self.parts) > 1
        return bool(self.strange) or dots or 0 in theirs.shape


def attempt(m, draw, value):
    """The value, the gradient and the array after a write; or the error."""
    x = m.tensor(draw.x, requires_grad=True)
    try:
        z = x[draw.index(m)]
        (z * z * z).sum().backward()
        into = m.tensor(draw.x.copy())
        if value is not ...:
            try:
                into[draw.index(m)] = 0.5 if value is None else m.tensor(value)
            except MISTAKES as error:
                return [z, x.grad], error
        return [z, x.grad, into], None
    except MISTAKES as error:
        return [], error


def check(seed):
    draw = Draw(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*uint8|Using a non-tuple sequence|.*non-writable")
        theirs, error = attempt(THEIRS, draw, ...)
        value = ... if error else draw.value(tuple(theirs[0].shape))
        theirs, error = attempt(THEIRS, draw, value)
        ours, mistake = attempt(OURS, draw, value)
    shown = f"seed {seed}: {draw.shape}[{draw.index(OURS)!r}]"
    if error:  # but where PyTorch reads by a mask of uint8, and does not write
        assert mistake or "masked_fill_ only" in str(error), f"{shown}: PyTorch says {error}"
        return
    if mistake:
        assert draw.lenient(theirs[0]), f"{shown}: minidl alone says {mistake}"
        assert str(mistake).startswith(("getitem: ", "in-place write")), mistake
        return
    try:
        same(ours, theirs)
    except AssertionError as wrong:
        raise AssertionError(f"{shown}: {wrong}") from None


@pytest.mark.parametrize("block", range(4))
def test_random_indices(block):
    for seed in range(100 * block, 100 * block + 100):
        check(seed)


@pytest.mark.deep
@pytest.mark.parametrize("block", range(60))
def test_many_random_indices(block):
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        check(seed)
