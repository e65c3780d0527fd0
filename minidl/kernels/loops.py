"""Loops over arrays: plain Python, which numba (extra ``fast``) compiles when they are first called.

A loop reads as the textbook writes it. Compiled, it runs without the interpreter's lock, so that chunks go on side by
side, and its machine code is kept on disk for the next process. ``MINIDL_COMPILED=0`` leaves loops to the interpreter,
where a debugger steps through them; without numba, the kernels that consist of loops do not serve.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

# A sum may be taken in any order, and x·y + z be rounded once. NaN, infinity and division are what they are.
FREEDOM = {"contract", "reassoc", "nsz"}
COMPILED = os.environ.get("MINIDL_COMPILED", "1") != "0"
declared: list[Loop] = []
told: list[str] = []  # the loop that was compiled when it was told that some are


@functools.cache
def installed() -> bool:
    """Whether numba is; it is imported when a loop is first called."""
    return importlib.util.find_spec("numba") is not None


def serve() -> bool:
    """Whether kernels may call loops: compiled, or by the interpreter where that is asked for."""
    return installed() or not COMPILED


class Loop:
    """A function over arrays of T, which is float32 or float64, compiled for either when it is first called with it.

    It may call the loops of its own file alone: when that changes, what is kept on disk is compiled anew.
    """

    def __init__(self, function: Callable[..., Any], signature: str) -> None:
        functools.update_wrapper(self, function)
        self.function, self.signature = function, signature
        self.dtypes: set[np.dtype] = set()
        declared.append(self)

    def __call__(self, *args: Any) -> Any:
        if not COMPILED or not installed():
            return self.function(*args)
        if args[0].dtype not in self.dtypes:
            self.compile(args[0].dtype)
        return self.dispatcher(*args)

    @functools.cached_property
    def dispatcher(self) -> Any:
        """numba's form of it."""
        import numba

        dispatcher = numba.njit(nogil=True, fastmath=FREEDOM, error_model="numpy")(self.function)
        with contextlib.suppress(RuntimeError):  # where nothing can be written, beside the file or in the user's folder
            dispatcher.enable_caching()
        return dispatcher

    @property
    def _numba_type_(self) -> Any:
        """What another loop sees of it."""
        return self.dispatcher._numba_type_

    def compile(self, dtype: Any) -> None:
        """For arrays of one dtype; from the disk, if it has been done before."""
        dtype = np.dtype(dtype)
        self.dispatcher.compile(re.sub(r"\bT\b", dtype.name, self.signature))
        self.dtypes.add(dtype)
        if self.dispatcher.stats.cache_misses and not told:
            told.append(self.function.__name__)
            print("minidl: compiling loops, which are kept for the next time", file=sys.stderr)


def loop(signature: str) -> Callable[[Callable[..., Any]], Loop]:
    """Declare a loop by the types that it takes, as numba writes them, ``(T[:, ::1], int64)``; the first is of T."""
    return lambda function: Loop(function, signature)
