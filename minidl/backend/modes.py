"""Thread-local switches of the engine: recording, anomaly detection, fused kernels."""

from __future__ import annotations

import contextlib
import inspect
import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np


class _Mode(threading.local):
    recording = True
    anomaly = False
    check_nan = True  # in anomaly mode
    fused = os.environ.get("MINIDL_FUSED", "1") != "0"
    bare = False  # `nn.init` leaves tensors as they are


mode = _Mode()


def require_flag(name: str, argument: str, value: Any) -> bool:
    """A bool; TypeError, in the name of its caller, for any other value."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: {argument} must be True or False, got {value!r}")
    return bool(value)


class _Switch(contextlib.ContextDecorator):
    """Values of `mode` within a ``with`` block, or in a function that it decorates (with parentheses or without)."""

    settings: Mapping[str, bool]
    arguments: tuple[Any, ...] = ()

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        plain = len(arguments) == 1 and not options and inspect.isroutine(arguments[0])  # @no_grad
        return cls()(arguments[0]) if plain else super().__new__(cls)

    def __enter__(self) -> None:
        self.before = {name: getattr(mode, name) for name in self.settings}
        vars(mode).update(self.settings)

    def __exit__(self, *exception: object) -> None:
        vars(mode).update(self.before)

    def __call__(self, func: Any) -> Any:
        if inspect.isgeneratorfunction(func):
            raise TypeError(f"{type(self).__name__}: {func.__name__} is a generator; use the with statement inside it")
        return super().__call__(func)

    def _recreate_cm(self) -> _Switch:  # each call of a decorated function gets a state of its own
        return type(self)(*self.arguments)


class _AtOnce(_Switch):
    """A switch that acts when it is made; in a ``with`` statement only until the end of the block."""

    def __init__(self) -> None:
        super().__enter__()

    def __enter__(self) -> None:
        vars(mode).update(self.settings)

    def __call__(self, func: Any) -> Any:
        self.__exit__()
        return super().__call__(func)


class no_grad(_Switch):
    """Ops compute and record nothing, within it or in a function that it decorates (``@md.no_grad()``)."""

    settings = {"recording": False}


class enable_grad(_Switch):
    """Ops record again, inside a `no_grad`."""

    settings = {"recording": True}


class set_grad_enabled(_AtOnce):
    """From now on ops record, or do not; in a ``with`` statement or as a decorator, within it alone.

    Raises
    ------
    TypeError
        If `mode` is not a bool.
    """

    def __init__(self, mode: bool) -> None:
        self.arguments = (mode,)
        self.settings = {"recording": require_flag("set_grad_enabled", "mode", mode)}
        super().__init__()


class inference_mode(_Switch):
    """`no_grad`, or with ``mode=False`` `enable_grad`. What is computed in it is a tensor like any other.

    Raises
    ------
    TypeError
        If `mode` is not a bool.
    """

    def __init__(self, mode: bool = True) -> None:
        self.arguments = (mode,)
        self.settings = {"recording": not require_flag("inference_mode", "mode", mode)}


class bare_parameters(_Switch):
    """`nn.init` leaves tensors as they are: layers have what their memory held, until weights are loaded."""

    settings = {"bare": True}


class detect_anomaly(_Switch):
    """Find bugs, slowly: nodes fingerprint what they keep, and backward checks it and every gradient.

    A raw write into ``tensor.array`` between forward and backward, invisible otherwise, raises RuntimeError with the
    op's name; so does, if `check_nan`, a gradient that is NaN.

    Raises
    ------
    TypeError
        If `check_nan` is not a bool.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.arguments = (check_nan,)
        self.settings = {"anomaly": True, "check_nan": require_flag("detect_anomaly", "check_nan", check_nan)}


class set_detect_anomaly(_AtOnce):
    """From now on `detect_anomaly`, or no more; in a ``with`` statement within it alone.

    Raises
    ------
    TypeError
        If an argument is not a bool.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.arguments = (mode, check_nan)
        self.settings = {
            "anomaly": require_flag("set_detect_anomaly", "mode", mode),
            "check_nan": require_flag("set_detect_anomaly", "check_nan", check_nan),
        }
        super().__init__()


class no_fusion(_Switch):
    """Every composite runs by its readable reference (as with ``MINIDL_FUSED=0`` in the environment)."""

    settings = {"fused": False}


def is_grad_enabled() -> bool:
    """Whether ops record in this thread."""
    return mode.recording


def is_anomaly_enabled() -> bool:
    """Whether `detect_anomaly` is on in this thread."""
    return mode.anomaly
