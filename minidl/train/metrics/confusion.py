"""Which classes are taken for which, and what is computed of it: precision, recall and F1."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minidl.backend import dims, dtypes
from minidl.backend.modes import no_grad
from minidl.backend.transfer import require_range
from minidl.data.sampler import require_count
from minidl.engine.core import Tensor
from minidl.ops.create import ones_like, zeros
from minidl.train.metrics.accuracy import predictions
from minidl.train.metrics.metric import Metric

AVERAGES = ("binary", "macro", "micro", "weighted", None)
NORMALISED = ("true", "pred", "all", None)


class ConfusionMatrix(Metric):
    """How often samples of class i are predicted as class j, at [i, j] (``sklearn.metrics.confusion_matrix``).

    Parameters
    ----------
    num_classes : int, optional
        C; by default as many as there are scores of a sample, 2 for one. It is needed where the input is classes.
    normalize : {"true", "pred", "all"}, optional
        Shares of the samples of each class, of those predicted as it, or of all, instead of counts; 0 where there are
        none.
    threshold : float, default 0.5
        The least score of class 1, where there is one score a sample: 0.5 for probabilities, 0 for logits.

    Raises
    ------
    ValueError
        For an argument out of range; in `update`, for shapes and classes that don't fit.
    """

    state = ("counts",)

    def __init__(self, num_classes: int | None = None, normalize: str | None = None, threshold: float = 0.5) -> None:
        if normalize not in NORMALISED:
            raise ValueError(f"ConfusionMatrix: normalize must be 'true', 'pred', 'all' or None, got {normalize!r}")
        self.normalize = normalize
        self._count(num_classes, threshold)

    def _count(self, num_classes: int | None, threshold: float) -> None:
        name = type(self).__name__
        self.num_classes = None if num_classes is None else require_count(name, "num_classes", num_classes, least=2)
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        self.counts: Tensor | None = None

    @no_grad()
    def update(self, input: Tensor, target: Tensor) -> ConfusionMatrix:
        """Add a batch.

        Parameters
        ----------
        input : Tensor (N, C, …) of scores; or (N, …) or (N, 1, …) of the scores of class 1; or (N, …) of classes
        target : Tensor (N, …) of classes
        """
        name = type(self).__name__
        predicted = predictions(name, input, target, self.threshold).flatten()
        scores = input.shape[1] if input.ndim > target.ndim and input.shape[1] > 1 else 2
        if self.num_classes is None and input.dtype.kind in "iu":
            raise ValueError(f"{name}: say num_classes where the input is classes")
        size = self.num_classes or scores
        if self.counts is None:
            self.counts = zeros(size, size, dtype=dtypes.int64, device=target.device)
        if self.counts.shape != (size, size):
            raise ValueError(f"{name}: scores of {size} classes, after such of {len(self.counts)}: {dims(input.shape)}")
        labels = target.flatten().long()
        for values in labels, predicted:
            require_range(values.array, 0, size - 1, lambda low, high: outside(name, size, low, high))
        places = labels * size + predicted
        counts = self.counts.to(target.device).flatten()
        self.counts = counts.index_add(0, places, ones_like(places)).reshape(size, size)
        return self

    def compute(self) -> Tensor:
        """The counts (C, C), int64, or the shares, float64; of 2 classes where nothing was counted or said of them."""
        counts = self._counted()
        if self.normalize is None:
            return counts
        total = {"true": counts.sum(1, keepdim=True), "pred": counts.sum(0, keepdim=True), "all": counts.sum()}
        return counts.double() / total[self.normalize].clip(min=1)

    def _counted(self) -> Tensor:
        size = self.num_classes or 2
        return zeros(size, size, dtype=dtypes.int64, device="cpu") if self.counts is None else self.counts


def outside(name: str, size: int, low: int, high: int) -> ValueError:
    """The error for labels that are no classes."""
    return ValueError(f"{name}: classes must be from 0 to {size - 1}, got {low if low < 0 else high}")


class Rate(ConfusionMatrix):
    """A share of right predictions by class: what the subclasses are."""

    direction = "max"
    weights: ClassVar[tuple[float, float]]  # of the samples of a class, and of those predicted as it, in the divisor

    def __init__(
        self,
        average: str | None = "macro",
        zero_division: float = 0.0,
        num_classes: int | None = None,
        threshold: float = 0.5,
    ) -> None:
        name = type(self).__name__
        if average not in AVERAGES:
            raise ValueError(f"{name}: average must be one of {', '.join(map(str, AVERAGES))}, got {average!r}")
        if zero_division not in (0, 1) and zero_division == zero_division:
            raise ValueError(f"{name}: zero_division must be 0, 1 or NaN, got {zero_division!r}")
        self.average, self.zero_division = average, float(zero_division)
        self._count(num_classes, threshold)

    def compute(self) -> Tensor:
        """The rate, float64: a scalar, or (C,) if `average` is None."""
        counts = self._counted().double()
        right, actual, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
        if self.average == "micro":
            right, actual, predicted = right.sum(), actual.sum(), predicted.sum()
        of_actual, of_predicted = self.weights
        of_all = actual * of_actual + predicted * of_predicted
        rates = (right / of_all.clip(min=0.5)).masked_fill(of_all == 0, self.zero_division)
        if self.average == "binary":
            if len(counts) != 2:
                raise ValueError(f"{type(self).__name__}: average='binary' is of 2 classes, there are {len(counts)}")
            return rates[1]
        if self.average in ("micro", None):
            return rates
        known = ~rates.isnan()
        weights = known.double() * (actual if self.average == "weighted" else 1)
        total = weights.sum()
        return rates.masked_fill(~known, 0).dot(weights) / total.masked_fill(total == 0, np.nan)


RATE = """

    It is computed by class, as by scikit-learn with ``labels=range(C)``; a class counts, too, that no sample has.

    Parameters
    ----------
    average : {"macro", "micro", "weighted", "binary"} or None
        The mean over classes; the rate over all samples together; the mean weighted by their samples; that of class 1;
        or one for each class.
    zero_division : {0, 1, NaN}
        What it is where it would be 0 / 0; of NaN, means are over the other classes.
    num_classes, threshold
        As in `ConfusionMatrix`.

    Raises
    ------
    ValueError
        For an argument out of range; in `update`, for shapes and classes that don't fit.
    """


class Precision(Rate):
    __doc__ = f"How many of those predicted as a class are of it (``sklearn.metrics.precision_score``).{RATE}"
    weights = (0, 1)


class Recall(Rate):
    __doc__ = f"How many of a class are predicted as it (``sklearn.metrics.recall_score``).{RATE}"
    weights = (1, 0)


class F1Score(Rate):
    __doc__ = f"The harmonic mean of precision and recall (``sklearn.metrics.f1_score``).{RATE}"
    name = "f1_score"
    weights = (0.5, 0.5)
