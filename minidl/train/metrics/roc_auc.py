"""How well scores tell a class from the others, wherever the threshold is set."""

from __future__ import annotations

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import no_grad, require_flag
from minidl.engine.core import Tensor
from minidl.ops.from_data import tensor
from minidl.ops.loss import softmax
from minidl.train.metrics.metric import Metric

AVERAGES = ("macro", "weighted", None)


class ROCAUC(Metric):
    """The area under the ROC curve: how likely a sample of a class has a higher score than another one.

    Of one score a sample it is that of class 1; of several, that of each class against the rest
    (``sklearn.metrics.roc_auc_score``, with ``multi_class="ovr"``). All scores are kept until `reset`.

    Parameters
    ----------
    average : {"macro", "weighted"} or None
        The mean over classes; the mean weighted by their samples; or one for each class.
    from_logits : bool, default False
        Whether scores of several classes are logits, of which softmax makes probabilities.

    Raises
    ------
    ValueError, TypeError
        For an argument out of range; in `update`, for shapes that don't fit.
    """

    state = ("scores", "targets")
    direction = "max"
    name = "roc_auc"

    def __init__(self, average: str | None = "macro", from_logits: bool = False) -> None:
        if average not in AVERAGES:
            raise ValueError(f"ROCAUC: average must be 'macro', 'weighted' or None, got {average!r}")
        self.average, self.from_logits = average, require_flag("ROCAUC", "from_logits", from_logits)
        super().__init__()

    def reset(self) -> None:
        self.scores: list[Tensor] = []
        self.targets: list[Tensor] = []

    @no_grad()
    def update(self, input: Tensor, target: Tensor) -> ROCAUC:
        """Add a batch: scores (N, C), or (N,) or (N, 1) of class 1; and classes (N,)."""
        scores = input.detach().reshape(-1, 1) if input.shape == target.shape else input.detach()
        known = self.scores[0].shape[1] if self.scores else scores.shape[-1]
        if scores.ndim != 2 or target.shape not in (scores.shape[:1], (len(scores), 1)) or scores.shape[1] != known:
            raise ValueError(
                f"ROCAUC: input is {dims(input.shape)}, target {dims(target.shape)}; expected scores (N, C) or (N,) "
                "of as many classes as before, and labels (N,)"
            )
        self.scores.append(softmax(scores, 1) if self.from_logits and known > 1 else scores.clone())
        self.targets.append(target.detach().flatten().clone())
        return self

    def compute(self) -> Tensor:
        """The area, float64: a scalar, or (C,) if `average` is None.

        It is NaN where a class has no or all samples, or a score is NaN.
        """
        if not self.scores:
            return tensor(np.nan, dtype=np.dtype(np.float64))
        scores, targets = (np.concatenate([part.numpy() for part in kept]) for kept in (self.scores, self.targets))
        if scores.shape[1] == 1:
            return tensor(area(scores[:, 0], targets == 1))
        classes = range(scores.shape[1])
        areas = np.array([area(scores[:, i], targets == i) for i in classes])
        if self.average is None:
            return tensor(areas)
        weights = [(targets == i).sum() if self.average == "weighted" else 1 for i in classes]
        return tensor(np.average(areas, weights=weights))


def area(scores: np.ndarray, positive: np.ndarray) -> np.float64:
    """The area under the ROC curve by ranks (Mann and Whitney 1947): ties count half; NaN has no rank."""
    if np.isnan(scores).any():
        return np.float64(np.nan)
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    n, m = positive.sum(), (~positive).sum()
    return np.float64((ranks[positive].sum() - n * (n + 1) / 2) / (n * m)) if n and m else np.float64(np.nan)
