"""What all metrics are: a state that batches are added to, and a value computed of it; and the plainest, a mean."""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from minidl.backend import dims, dtypes
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.engine.op import clone
from minidl.ops.from_data import tensor

Self = TypeVar("Self", bound="Metric")


class Metric:
    """Measures over all batches since `reset`: a subclass defines ``reset``, ``update`` and ``compute``.

    What ``reset`` sets under the names in `state` is what it knows: tensors, or lists of them.

    Attributes
    ----------
    name : str
        What a `Trainer` calls it, such as "accuracy"; by default that of its class, in words joined by underscores.
    direction : {"min", "max"}, optional
        Where better values lie; None where that can't be said.
    """

    state: ClassVar[tuple[str, ...]] = ()
    direction: str | None = None
    name: str

    def __init_subclass__(cls) -> None:
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError(f"{type(self).__name__} must define reset()")

    def update(self: Self, input: Tensor, target: Tensor) -> Self:
        """Add a batch: what a network gave, and what it should have; returns the metric."""
        raise NotImplementedError(f"{type(self).__name__} must define update(input, target)")

    def compute(self) -> Tensor:
        """The value over all batches; NaN where there is none."""
        raise NotImplementedError(f"{type(self).__name__} must define compute()")

    def merge_state(self: Self, metrics: Iterable[Metric]) -> Self:
        """Add what other metrics of this kind know, such as those of other processes; returns the metric.

        Numbers and tensors are added, lists joined; a metric whose state is of another kind defines this anew.
        """
        for metric in metrics:
            for name in self.state:
                parts = [own(part) for part in (getattr(self, name), getattr(metric, name)) if part is not None]
                setattr(self, name, functools.reduce(operator.add, parts) if parts else None)
        return self

    def state_dict(self) -> dict[str, Any]:
        """What it knows, as `load_state_dict` takes it."""
        return {name: own(getattr(self, name)) for name in self.state}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`.

        Raises
        ------
        ValueError
            If its names are not those of this metric. Nothing is then loaded.
        """
        if not isinstance(state_dict, Mapping) or set(state_dict) != set(self.state):
            given = ", ".join(map(str, state_dict)) if isinstance(state_dict, Mapping) else type(state_dict).__name__
            raise ValueError(
                f"{type(self).__name__}: load_state_dict: expected a state of {', '.join(self.state)}, got {given}"
            )
        for name, value in state_dict.items():
            setattr(self, name, own(value))


def own(value: Any) -> Any:
    """Tensors on memory of their own, in lists, too."""
    if isinstance(value, list):
        return [own(part) for part in value]
    return Tensor(clone(value.array)) if isinstance(value, Tensor) else value


class Mean(Metric):
    """The mean of values, each with its weight, in float64."""

    state = ("total", "weight")

    def reset(self) -> None:
        self.total: Any = 0.0  # a Tensor where batches are on a GPU
        self.weight = 0.0

    def update(self, input: Tensor, weight: float = 1.0) -> Mean:  # type: ignore[override]
        """Add the elements of a tensor, each of them with this weight.

        Raises
        ------
        ValueError
            For a weight that is negative, or no number.
        """
        if not weight >= 0:
            raise ValueError(f"Mean: weight must be a number, not negative, got {weight!r}")
        if input.is_cuda:
            self.total = input.detach().double().sum() * float(weight) + self.total
        else:
            self.total = float(input.array.sum(dtype=dtypes.float64)) * weight + self.total
        self.weight += weight * input.array.size
        return self

    def compute(self) -> Tensor:
        mean = self.total / (self.weight or math.nan)
        return mean if isinstance(mean, Tensor) else tensor(mean, dtype=dtypes.float64)


class MeanLoss(Mean):
    """The mean of a loss over all samples.

    Parameters
    ----------
    loss : callable
        ``loss(input, target)`` gives the mean over a batch, as ``nn.MSELoss()`` does.
    """

    direction: str | None = "min"

    def __init__(self, loss: Callable[[Any, Any], Tensor]) -> None:
        if isinstance(loss, type) or not callable(loss):
            raise TypeError(f"MeanLoss: loss must be a function of input and target, got {loss!r}")
        self.loss = loss
        self.name = str(getattr(loss, "__name__", type(loss).__name__)).lower()
        super().__init__()

    @no_grad()
    def update(self, input: Any, target: Any) -> MeanLoss:
        """Add the loss of a batch, with the number of its samples as its weight."""
        value = self.loss(input, target)
        if value.numel() != 1:
            raise ValueError(f"MeanLoss: the loss of a batch must be one number, got {dims(value.shape)}")
        super().update(value, len(target))
        return self
