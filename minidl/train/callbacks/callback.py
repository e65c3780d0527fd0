"""What a callback is: hooks, called around a training, its epochs and its batches; and those of a training together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, NoReturn, Protocol

from minidl.distributed.group import joined
from minidl.distributed.parallel import bare
from minidl.engine.core import Tensor
from minidl.nn.module import Module
from minidl.train.logs import Measured

Logs = Mapping[str, Any]


class Training(Protocol):
    """What a callback may ask of its trainer."""

    model: Module
    optimizer: Any
    scheduler: Any
    metrics: Mapping[str, Any]
    epoch: int
    stop_training: bool
    current: Any
    loss_value: Tensor | None
    measured: Measured

    def run(self, inputs: Any) -> Any:
        """The network's outputs for the inputs of a batch."""

    def loss_of(self, outputs: Any, targets: Any, weights: Tensor | None = None) -> Tensor:
        """The loss of a batch."""

    def state_dict(self) -> dict[str, Any]:
        """All that a training can go on from."""

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Let the next `fit` go on from a state."""


class Callback:
    """Does something at moments of a training (``keras.callbacks.Callback``): a subclass defines hooks.

    Hooks come in pairs, ``on_…_begin`` and ``on_…_end``, around ``train``, ``epoch``, ``train_batch``, ``test`` and
    ``test_batch`` (evaluation, within `fit`, too), ``predict`` and ``predict_batch``. Those of epochs and batches are
    given their number, from 0, and all of them `logs`: what has been measured, by name. In batches, a value is computed
    when it is read, for which a GPU is waited. `on_epoch_end` may add to its logs, which are a row of the `History`.

    Attributes
    ----------
    trainer : Trainer
        The one that calls it.
    model : Module
        That of the trainer.
    params : dict
        ``"epochs"``, ``"steps"`` (the batches of an epoch, None where they can't be counted) and ``"verbose"``.
    last : int
        Where it comes among others: those with 0 first, and what saves their state, with 1, after them. What lets a
        training go on, with 2, saves that of all.
    first_rank_only : bool
        Whether its hooks are called on rank 0 alone, where there are several: it must not wait for others.

    Raises
    ------
    TypeError
        When a subclass is made, for a method ``on_…`` that is no hook.
    """

    trainer: Training
    params: dict[str, Any]
    last: ClassVar[int] = 0
    first_rank_only: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        for name in vars(cls):
            if name.startswith("on_") and name not in HOOKS:
                refuse_hook(cls.__name__, name)

    @property
    def model(self) -> Module:
        """The network that is trained, without what shares it among ranks."""
        return bare(self.trainer.model)

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch of a `fit`."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, unless an error ended it; `logs` are those of that epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before the batches of an epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        """After an epoch and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a batch is learnt from."""

    def on_before_optimizer_step(self, batch: int, logs: Logs) -> None:
        """When the gradients are there, limited already, and the parameters have not moved yet."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch."""

    def on_test_begin(self, logs: Logs) -> None:
        """Before an evaluation."""

    def on_test_end(self, logs: Logs) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch of an evaluation."""

    def on_predict_begin(self, logs: Logs) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch of a prediction; ``logs["outputs"]`` are the network's."""

    def cleanup(self) -> None:
        """At the very end, after an error, too: close files, take hooks off."""

    def state_dict(self) -> dict[str, Any]:
        """What it needs to go on in another process: tensors, and what JSON can hold."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`; called after `on_train_begin`."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


def refuse_hook(where: str, name: str) -> NoReturn:
    """Raise TypeError for a name that no hook has, with those that are like it."""
    near = difflib.get_close_matches(name, HOOKS) or HOOKS
    raise TypeError(f"{where}: {name} is no hook; is it {' or '.join(near)}?")


class Callbacks:
    """The callbacks of one `fit`, `evaluate` or `predict`: called by the name of a hook, one after the other.

    Raises
    ------
    TypeError
        For what is no callback, and for a class in place of one.
    """

    def __init__(self, callbacks: Iterable[Any], trainer: Any, **params: Any) -> None:
        given = list(callbacks)
        for callback in given:
            if isinstance(callback, type):
                raise TypeError(f"callbacks: {callback.__name__} is a class; give an instance, {callback.__name__}(…)")
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks: expected instances of Callback, got {type(callback).__name__}")
        self.callbacks: list[Callback] = sorted(given, key=lambda callback: callback.last)
        for callback in self.callbacks:
            callback.trainer, callback.params = trainer, params
        self.called = [each for each in self.callbacks if not each.first_rank_only or joined().rank == 0]
        self.hooks = {
            name: [
                getattr(callback, name)
                for callback in self.called
                if name in vars(callback) or getattr(type(callback), name) is not getattr(Callback, name)
            ]
            for name in HOOKS
        }

    def __call__(self, hook: str, *args: Any) -> None:
        for call in self.hooks[hook]:
            call(*args)

    @contextmanager
    def cleaned(self) -> Iterator[None]:
        """A ``with`` block after which each callback cleans up, whatever happens in it, or in another's `cleanup`."""
        with ExitStack() as stack:
            for callback in self.callbacks:
                stack.callback(callback.cleanup)
            yield

    def state_dict(self) -> list[dict[str, Any]]:
        """The state of each callback, with its class's name."""
        return [{"name": type(each).__name__, "state": each.state_dict()} for each in self.callbacks]

    def load_state_dict(self, states: Any) -> None:
        """Let the same callbacks, in the same order, go on from their states; ValueError for others."""
        theirs, ours = [state["name"] for state in states], [type(each).__name__ for each in self.callbacks]
        if theirs != ours:
            raise ValueError(f"fit: the state is of the callbacks {theirs}, these are {ours}; give the same")
        for callback, state in zip(self.callbacks, states, strict=True):
            if callback in self.called:
                callback.load_state_dict(state["state"])
