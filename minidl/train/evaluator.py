"""A network with its loss and its metrics: evaluated, and asked for predictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any

from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.nn.modes import modes_kept
from minidl.nn.module import Module
from minidl.nn.regularizers import regularization
from minidl.ops.joining import cat, stack
from minidl.train import batches as feed
from minidl.train.callbacks.callback import Callbacks
from minidl.train.logs import Measured, named
from minidl.train.weights import ClassWeights, Loss, of_each, product, weighted


class Evaluator:
    """What of a `Trainer` needs no optimizer."""

    def __init__(self, model: Module, loss: Loss | None, metrics: Any, device: Any) -> None:
        require("model", model, isinstance(model, Module), "a Module")
        require("loss", loss, loss is None or callable(loss), "a function of outputs and targets")
        self.model, self.metrics = model, named(metrics)
        self.loss: Any = loss
        if device is not None:
            model.to(device)

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
    ) -> dict[str, Any]:
        """The mean loss and the metrics over data, in evaluation mode; Keras's ``Model.evaluate``.

        Parameters
        ----------
        x, y, batch_size, sample_weight, callbacks
            As in `fit`.
        steps : int, optional
            The batches to stop after, such as of a stream without an end; by default all are taken.

        Returns
        -------
        dict
            ``{"loss": …, "accuracy": …}``, of floats, and lists where a metric has several numbers.

        Raises
        ------
        ValueError, TypeError
            For data that don't fit together, or are none.
        """
        loader = feed.loader_of("evaluate", x, [y, sample_weight], batch_size, shares="exact")
        count = feed.count(loader, feed.limit("evaluate", "steps", steps))
        called = Callbacks(listed(callbacks), self, epochs=1, steps=count, verbose=0)
        with called.cleaned():
            return self._evaluate(loader, called, steps)

    def _evaluate(self, loader: Iterable[Any], called: Callbacks, steps: int | None) -> dict[str, Any]:
        """The batches of an evaluation, or the first of them."""
        measured = Measured(self.metrics)
        with modes_kept(self.model), no_grad():
            self.model.eval()
            called("on_test_begin", {})
            for batch, (inputs, targets, weights) in enumerate(islice(self._fed(loader), steps)):
                called("on_test_batch_begin", batch, measured)
                outputs = self.run(inputs)
                measured.update(outputs, targets, self.loss_of(outputs, targets, weights), feed.size(inputs))
                called("on_test_batch_end", batch, measured)
        if not measured.loss.weight:
            raise ValueError("evaluate: there are no batches; is the data empty, or used up?")
        logs = dict(measured.of_all_ranks())
        called("on_test_end", logs)
        return logs

    def predict(self, x: Any, batch_size: int | None = None, steps: int | None = None, callbacks: Any = None) -> Any:
        """What the network gives for data, in evaluation mode; Keras's ``Model.predict``.

        Parameters
        ----------
        x : Tensor or array of inputs (N, …), Dataset, or DataLoader
            Of samples or batches that are tuples the first part is the input.
        batch_size, callbacks
            As in `fit`.
        steps : int, optional
            The batches to stop after; by default all are taken.

        Returns
        -------
        Tensor (N, …)
            The outputs of all batches, on the device of the network; where these are tuples or dicts, one of tensors.

        Raises
        ------
        ValueError, TypeError
            For data that are none, and for outputs that hold anything but tensors.
        """
        loader = feed.loader_of("predict", x, (), batch_size)
        count = feed.count(loader, feed.limit("predict", "steps", steps))
        called = Callbacks(listed(callbacks), self, epochs=1, steps=count, verbose=0)
        device, parts = self.device, []
        with modes_kept(self.model), no_grad(), called.cleaned():
            self.model.eval()
            called("on_predict_begin", {})
            for batch, data in enumerate(islice(loader, steps)):
                called("on_predict_batch_begin", batch, {})
                parts.append(self.run(feed.moved(feed.inputs_of(data), device)))
                called("on_predict_batch_end", batch, {"outputs": parts[-1]})
            called("on_predict_end", {})
        if not parts:
            raise ValueError("predict: there are no batches; is the data empty, or used up?")
        return joined(parts)

    def run(self, inputs: Any) -> Any:
        """The network's outputs for the inputs of a batch: one tensor, or tuples or dicts of its arguments."""
        if isinstance(inputs, Mapping):
            return self.model(**inputs)
        return self.model(*inputs) if isinstance(inputs, (tuple, list)) else self.model(inputs)

    def loss_of(self, outputs: Any, targets: Any, weights: Tensor | None = None) -> Tensor:
        """The loss of a batch, a scalar, with the penalties on weights that `nn.regularizers.regularized` declares."""
        require("loss", self.loss, self.loss is not None, "a function of outputs and targets, to fit and to evaluate")
        if weights is None:
            loss = self.loss(outputs, targets)
        else:
            loss = weighted(self.loss_of_each(outputs, targets), weights)
        if not isinstance(loss, Tensor) or loss.array.size != 1:
            got = dims(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(f"Trainer: the loss of a batch must be a scalar, got {got}; losses have reduction='mean'")
        penalty = regularization(self.model)
        return loss + penalty if isinstance(penalty, Tensor) else loss

    @cached_property
    def loss_of_each(self) -> Loss:
        """The loss of each sample."""
        return of_each(self.loss)

    @property
    def device(self) -> str:
        """Where the network is."""
        return next((p.device for p in self.model.parameters()), "cpu")

    def _fed(self, loader: Iterable[Any], class_weights: ClassWeights | None = None) -> Iterator[tuple[Any, Any, Any]]:
        """Inputs, targets and weights of each batch, where the network is."""
        device = self.device
        for batch in loader:
            inputs, targets, weights = feed.moved(feed.parted(batch), device)
            if class_weights is not None:
                of_class = class_weights(targets)
                weights = of_class if weights is None else product(weights, of_class)
            yield inputs, targets, weights


def require(name: str, given: Any, fits: bool, expected: str) -> None:
    """Raise TypeError for an argument that is a class in place of an instance, or does not fit."""
    if isinstance(given, type):
        raise TypeError(f"Trainer: {name}: {given.__name__} is a class; give an instance, {given.__name__}(…)")
    if not fits:
        raise TypeError(f"Trainer: {name} must be {expected}, got {type(given).__name__}")


def listed(callbacks: Any) -> list[Any]:
    """Callbacks in a list."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]


def joined(parts: list[Any]) -> Any:
    """The outputs of batches as one; ValueError where they hold anything but tensors."""
    first = parts[0]
    if isinstance(first, Tensor):
        return cat(parts) if first.ndim else stack(parts)
    if isinstance(first, Mapping):
        return {key: joined([part[key] for part in parts]) for key in first}
    if isinstance(first, (tuple, list)):
        return tuple(joined(list(fields)) for fields in zip(*parts, strict=True))
    raise ValueError(f"predict: expected tensors as outputs of the network, got {type(first).__name__}")
