"""Functions that are made of ops."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from minidl.backend import dtypes, transfer
from minidl.engine.absent import unexpected
from minidl.engine.core import Tensor
from minidl.engine.declaration import NUMPYS, in_pytorchs_words
from minidl.engine.op import cast, registry

Function = TypeVar("Function", bound=Callable[..., Any])
composed: set[str] = set()  # the names of functions that are made of ops


def named(function: Function) -> Function:
    """A function that is made of ops, with errors in its own name, whichever of them they come from."""
    name, known = function.__name__, inspect.signature(function).parameters
    composed.add(name)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            if options and not NUMPYS.keys().isdisjoint(options):
                options = in_pytorchs_words(name, options, known)
            return function(*args, **options)
        except (ValueError, TypeError, RuntimeError, IndexError) as error:
            if transfer.is_late(error):
                raise
            said = str(error)
            while (head := said.partition(": "))[0] in registry or head[0] in composed:
                said = head[2]
            error.args = (f"{name}: {said}{unexpected(said)}",)
            raise
        except AttributeError:
            if all(isinstance(a, Tensor) for a in args):
                raise
            given = ", ".join(type(a).__name__ for a in (*args, *options.values()))
            raise TypeError(f"{name}: expected a Tensor, got {given}") from None

    return call  # type: ignore[return-value]


def in_single(function: Function) -> Function:
    """A function that computes in float32 what it is given, as its first argument, in float16: sums overflow there."""

    @functools.wraps(function)
    def call(input: Any, *args: Any, **options: Any) -> Any:
        if getattr(input, "dtype", None) != dtypes.float16:
            return function(input, *args, **options)

        def widened(a: Any) -> Any:
            return cast(a, dtypes.float32) if getattr(a, "dtype", None) == dtypes.float16 else a

        options = {name: widened(a) for name, a in options.items()}
        return cast(function(*map(widened, (input, *args)), **options), dtypes.float16)

    return call  # type: ignore[return-value]
