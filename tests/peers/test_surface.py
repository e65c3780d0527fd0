"""All that can be said about a tensor, said to both: values, types, gradients, what is shared, and what is refused.

`tensor.txt` holds the expressions. Each is evaluated on tensors of many kinds, as a constant, as a leaf that requires a
gradient and in a graph. Where the two may differ stands in `differs.txt`, with the reason.
"""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from parity import MISTAKES, OURS, RAW, THEIRS, torch

import minidl as md

HERE = Path(__file__).parent


def lines(name):
    """The lines of a file that say something, each with the comment above it."""
    reason = ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            reason = line.strip("# ")
        elif line:
            yield line, reason


LINES = [line for line, _ in lines("tensor.txt")]
RNG = np.random.default_rng(0)
SUBJECTS = {  # x and y
    "floats": (RNG.uniform(-2, 2, (2, 3)).astype("float32"), RNG.uniform(-2, 2, (2, 3)).astype("float32")),
    "cube": (RNG.uniform(0.1, 0.9, (3, 2, 3)), RNG.uniform(0.1, 2, (3, 2, 3))),
    "square": (RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))),
    "integers": (np.array([[3, -1, 2], [0, 5, 3]]), np.array([[2, 1, 2], [-3, 1, 4]])),
    "bytes": (np.array([3, 200, 7], np.uint8), np.array([2, 100, 7], np.uint8)),
    "bools": (np.array([[True, False, True], [False, False, True]]), np.array([[True, True, False]] * 2)),
    "scalar": (np.array(1.5, np.float32), np.array(0.5, np.float32)),
    "empty": (np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)),
}
ROLES = {"constant": [*SUBJECTS], "leaf": ["floats", "cube", "scalar"], "graph": ["floats", "cube", "square"]}
CELLS = [(subject, role) for role, subjects in ROLES.items() for subject in subjects]
QUICK = [("floats", "constant"), ("integers", "constant"), ("floats", "graph")]


def names(m, subject, role):
    """What an expression may name: x, y, mask, i, v, m and some modules; and the leaf behind x."""
    a, b = SUBJECTS[subject]
    leaf = x = m.tensor(a)
    if role != "constant":
        leaf = x.requires_grad_()
        x = leaf * 1 if role == "graph" else leaf
    rows = np.array([0, 1])
    i = m.tensor(rows if a.ndim < 2 else np.stack([rows, 1 - rows])[: len(a)])
    v = m.tensor(b[:2] if a.ndim else b)
    given = dict(m=m, x=x, y=m.tensor(b), mask=m.tensor(np.asarray(a) > 0.5), i=i, v=v)
    return given | dict(np=np, copy=copy, pickle=pickle), leaf


def raw(t):
    return t.detach().numpy() if isinstance(t, md.Tensor) else t.detach().numpy(force=True)


def start(t):
    """Where the memory of a tensor lies, and how much of it there is."""
    array = t.array if isinstance(t, md.Tensor) else t.detach().numpy()
    return np.lib.array_utils.byte_bounds(array)


def share(s, t):
    (a, b), (c, d) = start(s), start(t)
    return raw(s).size > 0 and raw(t).size > 0 and a < d and c < b


def told(result, x):
    """What can be seen of a result: its type, and of tensors all but how they print."""
    if isinstance(result, (md.Tensor, torch.Tensor)):
        return dict(
            value=raw(result),
            grad=result.requires_grad,
            leaf=result.is_leaf,
            itself=result is x,
            shared=share(result, x),
        )
    if isinstance(result, (tuple, list)) and any(isinstance(part, (md.Tensor, torch.Tensor)) for part in result):
        return [told(part, x) for part in result]
    if isinstance(result, (np.ndarray, np.generic)):
        return dict(value=np.asarray(result))
    if isinstance(result, (torch.dtype, np.dtype)):
        return str(result).removeprefix("torch.")
    if isinstance(result, (tuple, list)):
        return [told(part, x) for part in result]
    if isinstance(result, torch.device) or type(result).__name__ == "device":
        return str(result)
    return result


def say(m, line, subject, role):
    """What comes of an expression: what is told of the result, of x afterwards, and the gradient; or the error."""
    given, leaf = names(m, subject, role)
    *statements, expression = line.rsplit("; ", 1)
    try:
        exec("".join(statements), given)
        result = eval(expression, given)
        seen = told(result, given["x"])
        after = raw(given["x"])
        gradient = None
        outputs = [
            t for t in (result if isinstance(result, (tuple, list)) else [result]) if hasattr(t, "requires_grad")
        ]
        if role == "graph" and any(t.requires_grad for t in outputs):
            pulled = sum((t * m.tensor(weights(raw(t)))).sum() for t in outputs if t.requires_grad)
            gradient = m.autograd.grad(pulled, leaf, allow_unused=True)[0]
            gradient = None if gradient is None else raw(gradient)
    except (*MISTAKES, AttributeError, OverflowError, NotImplementedError) as error:
        return error
    return [seen, after, gradient]


def weights(a):
    """A cotangent for it."""
    return np.cos(np.arange(a.size)).reshape(a.shape).astype(a.dtype)


def alike(a, b):
    """Equal, arrays up to rounding."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return False
        tol = {"float64": 1e-10, "float16": 1e-2}.get(a.dtype.name, 2e-5)
        return np.allclose(a, b, rtol=tol, atol=tol, equal_nan=True)
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=2e-5, atol=2e-5, equal_nan=True))
    return type(a) is type(b) and a == b


def difference(line, subject, role):
    """How the two differ in this, or None."""
    ours, theirs = say(OURS, line, subject, role), say(THEIRS, line, subject, role)
    if isinstance(theirs, Exception):
        if "not implemented for" in str(theirs):
            return None  # it only has no code for the dtype
        if not isinstance(ours, Exception):
            return f"gives {ours}, PyTorch refuses: {theirs}"
        words = re.sub(r"^numpy:|\.numpy\(.*?\)", "", str(ours))
        if RAW.search(words) and not isinstance(ours, AttributeError):
            return f"raw words: {type(ours).__name__}: {ours}"
        return None
    if isinstance(ours, Exception):
        return f"{type(ours).__name__}: {ours}; PyTorch gives {theirs}"
    return None if alike(ours, theirs) else f"gives {ours}, PyTorch {theirs}"


def differs():
    """``(expression, cells)`` for what may differ: words name a role, a subject and a role, or ``everywhere``."""
    for line, _ in lines("differs.txt"):
        expression, _, where = line.rpartition(" | ")
        yield expression, [cell for cell in CELLS if {cell[1], "/".join(cell), "everywhere"} & {*where.split()}]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "subject, role", [pytest.param(*cell, marks=[] if cell in QUICK else pytest.mark.deep) for cell in CELLS]
)
def test_tensor(subject, role):
    known = {expression for expression, cells in differs() if (subject, role) in cells}
    found = {line: difference(line, subject, role) for line in LINES if line not in known}
    assert not {line: how for line, how in found.items() if how}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line, cells", list(differs()))
def test_what_differs(line, cells):
    """What is said to differ does."""
    assert line in LINES and any(difference(line, *cell) for cell in cells)


def public(tensor):
    return {name for name in dir(tensor) if not name.startswith("_") and hasattr(tensor, name)}


OUR_OWN = {"array", "gradient", "node", "ties", "tracked", "backward_steps"}  # beyond PyTorch's
ABSENT = {name: reason for line, reason in lines("absent.txt") for name in line.split()}


def test_everything_is_said():
    """Each attribute and method that both have stands in an expression; the others are listed, with a verdict."""
    said = set(re.findall(r"\b[xz]\.(\w+)", "\n".join(LINES)))
    ours, theirs = public(md.ones(1, 1)), {name for name in dir(torch.Tensor) if not name.startswith("_")}
    assert not ours & theirs - said
    assert ours - theirs == OUR_OWN
    assert theirs - ours == ABSENT.keys()


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_absent(name):
    """It is an AttributeError, so that hasattr works."""
    with pytest.raises(AttributeError, match=rf"\b{name}\b"):
        getattr(md.ones(1, 1), name)
