"""Comparisons and logic, elementwise: their results are bools, and have no gradient."""

from collections.abc import Callable
from typing import Any

from minidl.engine.op import elementwise


def predicate(name: str, says: str, forward: Callable[..., Any], **flags: bool) -> Any:
    """An op of that name without derivatives, which tells whether something holds."""
    forward.__name__, forward.__doc__ = name, f"Whether {says}, elementwise. No gradient."
    return elementwise(forward, **flags)


BINARY = dict(promotes=True)
eq = predicate("eq", "x = y", lambda xp, x, y: x == y, **BINARY)
ne = predicate("ne", "x ≠ y", lambda xp, x, y: x != y, **BINARY)
lt = predicate("lt", "x < y", lambda xp, x, y: x < y, **BINARY)
le = predicate("le", "x ≤ y", lambda xp, x, y: x <= y, **BINARY)
gt = predicate("gt", "x > y", lambda xp, x, y: x > y, **BINARY)
ge = predicate("ge", "x ≥ y", lambda xp, x, y: x >= y, **BINARY)
logical_and = predicate("logical_and", "x and y are not zero", lambda xp, x, y: xp.logical_and(x, y), **BINARY)
logical_or = predicate("logical_or", "x or y is not zero", lambda xp, x, y: xp.logical_or(x, y), **BINARY)
logical_xor = predicate("logical_xor", "one of x and y is not zero", lambda xp, x, y: xp.logical_xor(x, y), **BINARY)
logical_not = predicate("logical_not", "x is zero", lambda xp, x: xp.logical_not(x))
isnan = predicate("isnan", "x is NaN", lambda xp, x: xp.isnan(x))
isinf = predicate("isinf", "x is infinite", lambda xp, x: xp.isinf(x))
isfinite = predicate("isfinite", "x is a finite number", lambda xp, x: xp.isfinite(x))
