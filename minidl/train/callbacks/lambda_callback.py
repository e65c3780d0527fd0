"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.train.callbacks.callback import HOOKS, Callback, refuse_hook

Hook = Callable[..., Any]


class LambdaCallback(Callback):
    """Calls functions as hooks (``keras.callbacks.LambdaCallback``).

    Parameters
    ----------
    on_epoch_begin, on_epoch_end : callable, optional
        Of ``epoch`` and ``logs``.
    on_train_begin, on_train_end : callable, optional
        Of ``logs``.
    on_train_batch_begin, on_train_batch_end : callable, optional
        Of ``batch`` and ``logs``.
    **kwargs : callable
        Any other hook of `Callback`, by its name.

    Raises
    ------
    TypeError
        For a name that no hook has, and for what is no function.
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        **kwargs: Hook,
    ) -> None:
        own = dict(on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end, on_train_begin=on_train_begin)
        own |= dict(on_train_end=on_train_end, on_train_batch_begin=on_train_batch_begin)
        own |= dict(on_train_batch_end=on_train_batch_end)
        for name, hook in {**{k: v for k, v in own.items() if v is not None}, **kwargs}.items():
            if name not in HOOKS:
                refuse_hook("LambdaCallback", name)
            if not callable(hook):
                raise TypeError(f"LambdaCallback: {name} must be a function, got {type(hook).__name__}")
            setattr(self, name, hook)
