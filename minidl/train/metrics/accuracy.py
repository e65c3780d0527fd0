"""How often a network is right: by its highest score, or by its k highest."""

from __future__ import annotations

from minidl.backend import dims, dtypes
from minidl.backend.modes import no_grad
from minidl.data.sampler import require_count
from minidl.engine.core import Tensor
from minidl.ops.extremes import topk
from minidl.train.metrics.metric import Mean


def predictions(name: str, input: Tensor, target: Tensor, threshold: float) -> Tensor:
    """The class that is predicted for each target; ValueError, in the name of its caller, where shapes don't fit.

    That is the highest of the scores along dimension 1; or 1 for scores of one class that reach the threshold; or the
    input, if it holds integers.
    """
    if input.ndim == target.ndim + 1 and (input.shape[0], *input.shape[2:]) == target.shape:
        if input.shape[1] != 1:
            return input.argmax(1)
        input = input.squeeze(1)
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: input is {dims(input.shape)}, target {dims(target.shape)}; expected scores (N, C, …) of classes "
            "or (N, …) of one, and labels (N, …)"
        )
    return input if input.dtype.kind in "iu" else (input >= threshold).to(dtypes.int64)


class Accuracy(Mean):
    """The share of right predictions.

    Parameters
    ----------
    threshold : float, default 0.5
        The least score of class 1, where there is one score a sample: 0.5 for probabilities, 0 for logits.
    """

    direction = "max"

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold
        super().__init__()

    @no_grad()
    def update(self, input: Tensor, target: Tensor) -> Accuracy:
        """Add a batch.

        Parameters
        ----------
        input : Tensor (N, C, …) of scores; or (N, …) or (N, 1, …) of the scores of class 1; or (N, …) of classes
        target : Tensor (N, …) of classes

        Raises
        ------
        ValueError
            For shapes that don't fit.
        """
        super().update(predictions("Accuracy", input, target, self.threshold).eq(target))
        return self


class TopKAccuracy(Mean):
    """The share of samples whose class is among those of the `k` highest scores."""

    direction = "max"

    def __init__(self, k: int = 5) -> None:
        self.k = require_count("TopKAccuracy", "k", k)
        self.name = f"top_{k}_accuracy"
        super().__init__()

    @no_grad()
    def update(self, input: Tensor, target: Tensor) -> TopKAccuracy:
        """Add a batch: scores (N, C) and classes (N,); ValueError for other shapes, or for fewer classes than `k`."""
        if input.ndim != 2 or target.shape != input.shape[:1] or input.shape[1] < self.k:
            raise ValueError(
                f"TopKAccuracy: expected scores (N, C) of {self.k} classes or more, and labels (N,); "
                f"got {dims(input.shape)} and {dims(target.shape)}"
            )
        super().update((topk(input, self.k, 1)[1] == target.reshape(-1, 1)).any(1))
        return self
