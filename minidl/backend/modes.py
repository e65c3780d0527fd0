"""Thread-local switches of the engine: recording, anomaly detection, fused kernels."""

from __future__ import annotations

import contextlib
import inspect
import os
import threading
from typing import Any


class _Mode(threading.local):
    recording = True
    anomaly = False
    fused = os.environ.get("MINIDL_FUSED", "1") != "0"


mode = _Mode()


class _Switch(contextlib.ContextDecorator):
    setting: tuple[str, bool]

    def __enter__(self) -> None:
        name, value = self.setting
        self.before = getattr(mode, name)
        setattr(mode, name, value)

    def __exit__(self, *exception: object) -> None:
        setattr(mode, self.setting[0], self.before)

    def __call__(self, func: Any) -> Any:
        if inspect.isgeneratorfunction(func):
            raise TypeError(f"{type(self).__name__}: {func.__name__} is a generator; use the with statement inside it")
        return super().__call__(func)

    def _recreate_cm(self) -> _Switch:  # each call of a decorated function gets a state of its own
        return type(self)()


class no_grad(_Switch):
    """Ops compute and record nothing, within it or in a function that it decorates (``@md.no_grad()``)."""

    setting = ("recording", False)


class enable_grad(_Switch):
    """Ops record again, inside a `no_grad`."""

    setting = ("recording", True)


class detect_anomaly(_Switch):
    """Find bugs, slowly: nodes fingerprint what they keep, and backward checks it and every gradient.

    A raw write into ``tensor.array`` between forward and backward, invisible otherwise, raises RuntimeError with the
    op's name; so does a gradient that is NaN.
    """

    setting = ("anomaly", True)


class no_fusion(_Switch):
    """Every composite runs by its readable reference (as with ``MINIDL_FUSED=0`` in the environment)."""

    setting = ("fused", False)


def is_grad_enabled() -> bool:
    """Whether ops record in this thread."""
    return mode.recording
