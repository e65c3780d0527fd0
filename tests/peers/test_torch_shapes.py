"""Shapes, indexing, padding and joining beside PyTorch's: values, gradients of both orders, dtypes, refusals."""

from itertools import permutations, product

import numpy as np
import pytest
from parity import agree, call, compare, functional, method, normal, refused

X = normal(3, 2, 4)
DIMS = [-4, -3, -1, 0, 1, 2, 3]

# --- arguments in a grid, good and bad --------------------------------------------------------------------------------

SIZES = [(3, 2, 4), (1, 2, 1), (1,), (4,), (), (0, 3), (2, 0, 1)]
SHAPES = [
    (), (24,), (4, 6), (-1,), (2, -1), (-1, 1), (3, 2, 4), (1, -1, 4), (2, 2, 2, 3),
    (0,), (0, -1), (-1, -1), (5, 5), (-2, 12),
]  # fmt: skip
SECTIONS = [1, 2, 3, 5, 0, -1, [1, 2], (3,), [1, 1, 1], [0, 3, 0], [2, 2], [4, -1], [], [4], [1]]
EXPANSIONS = [
    (3, 2, 4), (-1, -1, -1), (5, 3, 2, 4), (6, 2, 5), (3, 2, -1), (0, 2, 1), (7, 1), (4,), (0,), (),
    (2, 3), (2, 4), (-1, 3, 2, 4),
]  # fmt: skip
ORDERS = [*permutations(range(3)), (-1, 0, -2), (), (0,), (0, 1), [1, 0], (0, 0), (0, 1, 3), (0, 1, -3)]
FLIPS = [(0,), (1,), (-1,), (0, -1), (0, 1, 2), [2, 0], (), (3,), (-4,), (0, 0), (0, -3)]
TILES = [(), (2,), (1,), [3, 1], (1, 2, 3), (2, 1, 1, 2), (0,), (2, 0), (-1,), (2, -1)]
GRID = {
    "squeeze": [(), *product([*DIMS, (0, 2), (-1, 0), (), [1], (0, 0), (0, 5)])],
    "unsqueeze": [*product([*DIMS, 4, -5])],
    "split": [(2,), ([1, 2],), *product(SECTIONS, [0, 1, -1, 3])],
    "chunk": [(2,), *product([1, 2, 3, 4, 7, 0, -1], [0, 1, -1, 3])],
    "flip": [*product(FLIPS)],
    "tile": [*product(TILES)],
    "transpose": [*product(DIMS, DIMS)],
    "permute": [*product(ORDERS)],
    "flatten": [(), *product(DIMS), *product(DIMS, DIMS)],
    "reshape": [*product(SHAPES)],
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", GRID)
def test_grid(name, size):
    for args in GRID[name]:
        agree(name, call(name, *args), normal(*size))


METHODS = {"reshape": SHAPES, "view": SHAPES, "expand": EXPANSIONS, "permute": ORDERS, "flip": FLIPS, "tile": TILES}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_method(name, size):
    """Sizes and dimensions, together and one by one; `view` of what lies in one piece."""
    for given in METHODS[name]:
        agree(name.replace("view", "(view|reshape)"), method(name, given), normal(*size))
        if given:
            agree(name.replace("view", "(view|reshape)"), method(name, *given), normal(*size))


KEYWORDS = {
    "expand": lambda m, x: x.expand(size=(2, 3, 2, 4)),
    "reshape": lambda m, x: x.reshape(shape=(4, 6)),
    "view": lambda m, x: x.view(size=(4, 6)),
    "permute": lambda m, x: x.permute(dims=(2, 0, 1)),
    "flip": lambda m, x: x.flip(dims=(2, 0)),
    "tile": lambda m, x: x.tile(dims=(2, 1)),
    "transpose": lambda m, x: x.transpose(dim0=0, dim1=2),
    "flatten": lambda m, x: x.flatten(start_dim=1),
    "unsqueeze": lambda m, x: x.unsqueeze(dim=1),
    "chunk": lambda m, x: x.chunk(chunks=2, dim=2),
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_keyword_of_a_method(name):
    compare(KEYWORDS[name], X)


CHAINS = {
    "x.T": (lambda m, x: x.T * x.T, normal(3, 2)),
    "reshape of a permuted": (lambda m, x: m.permute(x * x, (2, 0, 1)).reshape(6, 4), X),
    "flatten of a transposed": (lambda m, x: m.flatten(m.transpose(x, 0, 2), 1) ** 2, X),
    "split and joined": (lambda m, x: m.cat([y * y for y in m.split(x, [1, 3], -1)][::-1], -1), X),
    "one of many chunks": (lambda m, x: m.chunk(x, 2, -1)[1] ** 2, X),
    "flip twice": (lambda m, x: m.flip(m.flip(x, (0, 1)) ** 3, (1,)), X),
    "tile of expanded": (lambda m, x: m.tile(x.expand(2, 3, 2, 4), (2, 1)) ** 2, X),
}


@pytest.mark.parametrize("case", CHAINS)
def test_chain(case):
    compare(*CHAINS[case])


# --- padding ----------------------------------------------------------------------------------------------------------

WIDTHS = [
    (1, 2), (0, 3), (3, 0), (-1, 2), (2, -2), (-1, -1), (0, 0), (4, 1), (5, 5), (-4, 0), (-3, -2), [1, 1],
    (1, 2, 0, 1), (-1, 1, 2, -2), (1, 1, 1, 1), (0, 0, 1, 1), (3, 3, 4, 4),
    (1, 1, 0, 2, 1, 0), (-1, 2, 1, -1, 0, 1), (2, 2, 2, 2, 2, 2), (), (1,), (1, 2, 3), (1,) * 8,
]  # fmt: skip


@pytest.mark.parametrize("size", [(4,), (2, 4), (2, 3, 4), (2, 2, 3, 4), (1, 2, 3, 3, 4), (0, 2, 3, 4), ()], ids=str)
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular", "nonsense"])
def test_pad(mode, size):
    for widths in WIDTHS:
        if mode == "circular" and widths == (-1, 1, 2, -2):
            continue  # which wraps around twice: PyTorch returns anything
        if 0 not in size or len(widths) != 6:  # of nothing, nothing is repeated, which PyTorch refuses
            agree("pad", functional("pad", widths, mode), normal(*size))


@pytest.mark.parametrize("value", [None, 0, 1, -1.5, np.inf, np.nan])
@pytest.mark.parametrize("widths", [(1, 2), [0, 1, 2, 0], (-1, 1, 1, -1), (-1, -1)])
def test_pad_with_a_value(widths, value):
    compare(functional("pad", widths, "constant", value), normal(3, 4))
    compare(functional("pad", pad=widths, value=value), normal(3, 4).astype("float32"))
    agree("pad", functional("pad", widths, "reflect", value), normal(2, 3, 3, 4))


# --- joining ----------------------------------------------------------------------------------------------------------

PARTS = {
    "same": [(2, 3, 2)] * 3,
    "one": [(2, 3, 2)],
    "of 0-d": [(), ()],
    "along 0": [(1, 3, 2), (4, 3, 2), (0, 3, 2)],
    "along 1": [(2, 3, 2), (2, 1, 2)],
    "along -1": [(3,), (1,), (5,)],
    "ranks": [(2, 3), (3,)],
    "nothing": [(0, 3), (0, 3)],
    "empty vectors": [(0,), (2, 3), (0,)],
    "none": [],
}


@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("name", ["cat", "stack"])
def test_joining(name, parts, dim):
    arrays = [normal(*size) for size in PARTS[parts]]
    agree(name, lambda m, *xs: getattr(m, name)(xs, dim), *arrays)
    agree(name, lambda m, *xs: getattr(m, name)(tensors=list(xs), dim=dim), *arrays)


@pytest.mark.parametrize("name", ["cat", "stack"])
def test_joining_dtypes(name):
    dtypes = ["bool", "uint8", "int32", "int64", "float16", "float32", "float64"]
    for a, b in product(dtypes, dtypes):
        compare(lambda m, *xs: getattr(m, name)(xs), np.ones(2, a), np.zeros(2, b), order=1)
    compare(lambda m, x: getattr(m, name)([x, x * x, x], -1), normal(2, 2))


# --- refusals ---------------------------------------------------------------------------------------------------------


BY_DIM = {
    "unsqueeze": lambda m, x, dim: m.unsqueeze(x, dim),
    "split": lambda m, x, dim: m.split(x, 2, dim),
    "chunk": lambda m, x, dim: m.chunk(x, 2, dim),
    "transpose": lambda m, x, dim: m.transpose(x, dim, 0),
    "flatten": lambda m, x, dim: m.flatten(x, dim),
    "flip": lambda m, x, dim: m.flip(x, (dim,)),
    "permute": lambda m, x, dim: m.permute(x, (0, dim, 2)),
    "squeeze": lambda m, x, dim: m.squeeze(x, dim),
    "cat": lambda m, x, dim: m.cat([x, x], dim),
    "stack": lambda m, x, dim: m.stack([x, x], dim),
}


@pytest.mark.parametrize("dim", [1.0, "a", True, (0, 1.0)], ids=repr)
@pytest.mark.parametrize("name", BY_DIM)
def test_bad_dim(name, dim):
    if (name, dim) != ("permute", True):  # which PyTorch takes for 1
        refused(name, lambda m, x: BY_DIM[name](m, x, dim), X)


MISUSED = {
    "split by a fraction": ("split", call("split", 1.5), X),
    "split by None": ("split", call("split", None), X),
    "split by text": ("split", call("split", "ab"), X),
    "split by fractions": ("split", call("split", [1.0, 2.0]), X),
    "split of a scalar": ("split", call("split", 1), normal()),
    "chunk by a fraction": ("chunk", call("chunk", 2.0), X),
    "chunk by None": ("chunk", call("chunk", None), X),
    "flip over None": ("flip", call("flip", None), X),
    "tile by an int": ("tile", call("tile", 2), X),
    "tile by a fraction": ("tile", call("tile", (1.5,)), X),
    "tile by None": ("tile", call("tile", None), X),
    "reshape to an int": ("reshape", call("reshape", 24), X),
    "reshape to fractions": ("reshape", call("reshape", (4.0, 6.0)), X),
    "reshape to text": ("reshape", call("reshape", "24"), X),
    "reshape to None": ("reshape", call("reshape", None), X),
    "view as fractions": ("(view|reshape)", method("view", 4.0, 6), X),
    "expand to fractions": ("expand", method("expand", 3.0, 2, 4), X),
    "expand to nothing": ("expand", method("expand"), X),
    "permute by an int": ("permute", call("permute", 0), X),
    "permute by None": ("permute", call("permute", None), X),
    "transpose by one": ("transpose", call("transpose", 0), X),
    "pad by an int": ("pad", functional("pad", 1), X),
    "pad by fractions": ("pad", functional("pad", (1.0, 1)), X),
    "pad by None": ("pad", functional("pad", None), X),
    "pad in no mode": ("pad", functional("pad", (1, 1), None), X),
    "pad with text": ("pad", functional("pad", (1, 1), "constant", "0"), X),
    "pad with a tensor": ("pad", functional("pad", (1, 1), "constant", [0.0]), X),
    "cat of a tensor": ("cat", call("cat"), X),
    "cat of lists": ("cat", lambda m, x: m.cat([x, [1.0]]), X),
    "cat of None": ("cat", call("cat", None)),
    "cat of numbers": ("cat", lambda m, x: m.cat([x, 1.0]), X),
    "stack of a tensor": ("stack", call("stack"), X),
    "stack of numbers": ("stack", lambda m, x: m.stack([x, 1.0]), X),
    "stack of shapes": ("stack", lambda m, *xs: m.stack(xs), normal(2, 1), normal(2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("case", MISUSED)
def test_refused(case):
    refused(*MISUSED[case])
