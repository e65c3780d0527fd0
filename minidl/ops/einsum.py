"""Einstein's summation: products of tensors written by the names of their dimensions."""

import math
import re
import string
from typing import Any

from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.op import expand
from minidl.engine.require import require_arrays, same_device
from minidl.ops.diagonal import diagonal
from minidl.ops.linalg import matrix_product
from minidl.ops.reduce import sum
from minidl.ops.shape import permute, reshape


@named
def einsum(equation: str, *operands: Any) -> Any:
    """The products of all operands, summed over the dimensions that the result does not name.

    Parameters
    ----------
    equation : str
        A letter for each dimension of each operand, and after ``->`` of the result: ``"bij,bjk->bik"``. Dimensions of
        one letter have one size, or 1; a letter twice in an operand stands for its diagonal; ``...`` for any other
        dimensions. Without ``->`` the result has the letters that occur once, in the order of the alphabet.

    Raises
    ------
    ValueError
        For an equation that does not fit the operands.

    >>> md.einsum("ij,j->i", matrix, vector)
    """
    given = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (tuple, list)) else list(operands)
    if not isinstance(equation, str):
        raise TypeError(f"expected an equation like 'ij,jk->ik' first, got {type(equation).__name__}")
    require_arrays("einsum", *given)
    same_device("einsum", *given)
    terms, result = _parsed(equation, given)
    sizes = _sizes(equation, terms, given)
    parts = [_plain(x, term, result, terms, i) for i, (x, term) in enumerate(zip(given, terms, strict=True))]
    x, names = parts[0]
    for i, (y, others) in enumerate(parts[1:], 1):
        later = {*result, *(name for _, term in parts[i + 1 :] for name in term)}
        x, names = _contracted(x, names, y, others, later)
    x = _summed(x, names, result)
    names = "".join(name for name in names if name in result)
    x = permute(x, tuple(names.index(name) for name in result)) if names != result else x
    whole = tuple(sizes[name] for name in result)
    return x if x.shape == whole else expand(x, whole)


def _parsed(equation: str, operands: list[Any]) -> tuple[list[str], str]:
    """The letters of each operand and of the result; what ``...`` stands for has letters of its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands) or not operands:
        raise ValueError(f"{equation!r} is of {len(terms)} tensors, got {len(operands)}")
    for term in (*terms, right):
        if not re.fullmatch(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*", term):
            raise ValueError(f"{equation!r}: expected letters, and '...' at most once, got {term!r}")
    spare = [letter for letter in string.ascii_letters if letter not in equation]
    hidden = [x.ndim - len(term.replace("...", "")) for term, x in zip(terms, operands, strict=True)]
    for term, x, more in zip(terms, operands, hidden, strict=True):
        if more < 0 or (more and "..." not in term):
            raise ValueError(f"{equation!r}: {term!r} does not name each dimension of {dims(x.shape)}")
    most = max((more for term, more in zip(terms, hidden, strict=True) if "..." in term), default=0)
    if most > len(spare):
        raise ValueError(f"{equation!r}: too many dimensions for the letters there are")
    dots = "".join(spare[:most])
    whole = [t.replace("...", dots[len(dots) - n :]) for t, n in zip(terms, hidden, strict=True)]
    if not arrow:
        letters = left.replace("...", "").replace(",", "")
        return whole, dots + "".join(sorted(name for name in {*letters} if letters.count(name) == 1))
    result = right.replace("...", dots)
    if len({*result}) < len(result) or not {*result} <= {*"".join(whole)}:
        raise ValueError(
            f"{equation!r}: the result must name dimensions of what is multiplied, each once, got {right!r}"
        )
    return whole, result


def _sizes(equation: str, terms: list[str], operands: list[Any]) -> dict[str, int]:
    """The size that each letter stands for."""
    sizes: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for name, n in zip(term, x.shape, strict=True):
            known = sizes.setdefault(name, n)
            if known != n and 1 not in (known, n):
                shapes = ", ".join(dims(x.shape) for x in operands)
                raise ValueError(f"{equation!r}: {name} is {known} and {n}, in {shapes}")
            sizes[name] = n if known == 1 else known
    return sizes


def _plain(x: Any, term: str, result: str, terms: list[str], i: int) -> tuple[Any, str]:
    """An operand with each letter once: diagonals taken, and summed over what is nowhere else."""
    for name in dict.fromkeys(term):
        while term.count(name) > 1:
            first = term.index(name)
            second = term.index(name, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ValueError(f"{name} is {x.shape[first]} and {x.shape[second]} in one tensor {dims(x.shape)}")
            x = diagonal(x, 0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + name
    elsewhere = {*result, *"".join(terms[:i] + terms[i + 1 :])}
    return _summed(x, term, elsewhere), "".join(name for name in term if name in elsewhere)


def _summed(x: Any, names: str, wanted: Any) -> Any:
    over = tuple(i for i, name in enumerate(names) if name not in wanted)
    return sum(x, over) if over else x


def _contracted(x: Any, left: str, y: Any, right: str, later: set[str]) -> tuple[Any, str]:
    """The product of two operands, summed over what both have and nobody needs later: one batch of matrix products.

    Letters of both that are needed later are the batch; those that one has alone are its rows or columns.
    """
    batch = [name for name in left if name in right and name in later]
    inner = [name for name in left if name in right and name not in later]
    rows, columns = [n for n in left if n not in right], [n for n in right if n not in left]
    a, b = dict(zip(left, x.shape, strict=True)), dict(zip(right, y.shape, strict=True))
    full = {name: max(a[name], b[name]) if 0 not in (a[name], b[name]) else 0 for name in inner}
    x, y = _spread(x, left, full), _spread(y, right, full)
    shapes = [[sizes[name] for name in batch] for sizes in (a, b)]
    k, n, m = (math.prod(s[name] for name in over) for s, over in ((full, inner), (a, rows), (b, columns)))
    x = permute(x, tuple(left.index(name) for name in (*batch, *rows, *inner)))
    y = permute(y, tuple(right.index(name) for name in (*batch, *inner, *columns)))
    z = matrix_product(reshape(x, (*shapes[0], n, k)), reshape(y, (*shapes[1], k, m)))
    free = [*[a[name] for name in rows], *[b[name] for name in columns]]
    return reshape(z, (*z.shape[: len(batch)], *free)), "".join((*batch, *rows, *columns))


def _spread(x: Any, names: str, full: dict[str, int]) -> Any:
    """x expanded to its whole size along the dimensions that are summed over."""
    size = tuple(full.get(name, n) for name, n in zip(names, x.shape, strict=True))
    return x if x.shape == size else expand(x, size)
