"""Whether a network is right as often as it is sure."""

from __future__ import annotations

from minidl.backend import dims, dtypes
from minidl.backend.modes import no_grad, require_flag
from minidl.data.sampler import require_count
from minidl.engine.core import Tensor
from minidl.ops.arithmetic import nan_to_num
from minidl.ops.create import zeros
from minidl.ops.elementwise import sigmoid
from minidl.ops.joining import stack
from minidl.ops.loss import softmax
from minidl.train.metrics.metric import Metric

NORMS = ("l1", "l2", "max")


class CalibrationError(Metric):
    """How far accuracy is from confidence, in bins of equal confidence: the expected calibration error.

    Guo et al. (2017), "On calibration of modern neural networks", equation 3. A sample's confidence is its highest
    probability; of one probability a sample it is that of class 1, and class 1 is right.

    Parameters
    ----------
    n_bins : int, default 15
        M bins ((m − 1) / M, m / M]; 0 is in the first.
    norm : {"l1", "l2", "max"}
        The mean over samples of the difference in their bin; the root of the mean of its square; the largest.
    from_logits : bool, default False
        Whether the input is logits, of which softmax, or of one a sample sigmoid, makes probabilities.

    Raises
    ------
    ValueError, TypeError
        For an argument out of range; in `update`, for shapes that don't fit.
    """

    state = ("bins",)
    direction = "min"

    def __init__(self, n_bins: int = 15, norm: str = "l1", from_logits: bool = False) -> None:
        if norm not in NORMS:
            raise ValueError(f"CalibrationError: norm must be 'l1', 'l2' or 'max', got {norm!r}")
        self.n_bins = require_count("CalibrationError", "n_bins", n_bins)
        self.norm, self.from_logits = norm, require_flag("CalibrationError", "from_logits", from_logits)
        super().__init__()

    def reset(self) -> None:
        self.bins = zeros(self.n_bins, 3, dtype=dtypes.float64, device="cpu")  # samples, confidence, right ones

    @no_grad()
    def update(self, input: Tensor, target: Tensor) -> CalibrationError:
        """Add a batch: probabilities (N, C), or (N,) or (N, 1) of class 1; and classes (N,)."""
        scores = input.detach().squeeze(1) if input.ndim == 2 and input.shape[1] == 1 else input.detach()
        if scores.ndim not in (1, 2) or target.shape not in (scores.shape[:1], (len(scores), 1)):
            raise ValueError(
                f"CalibrationError: input is {dims(input.shape)}, target {dims(target.shape)}; expected probabilities "
                "(N, C) or (N,), and labels (N,)"
            )
        labels = target.flatten()
        if scores.ndim == 1:
            confidence, right = sigmoid(scores) if self.from_logits else scores, labels == 1
        else:
            probabilities = softmax(scores, 1) if self.from_logits else scores
            confidence, predicted = probabilities.max(1)
            right = predicted == labels
        confidence = confidence.double()
        places = nan_to_num((confidence * self.n_bins).ceil() - 1).clip(0, self.n_bins - 1).long()
        rows = stack([confidence * 0 + 1, confidence, right.double()], 1)
        self.bins = self.bins.to(rows.device).index_add(0, places, rows)
        return self

    def compute(self) -> Tensor:
        """The error, a float64 in [0, 1]; NaN where there are no samples."""
        count, confidence, right = self.bins.unbind(1)
        gaps = (right - confidence).abs() / count.clip(min=1)
        total = count.sum()
        shares = count / total.masked_fill(total == 0, float("nan"))
        if self.norm == "max":
            return gaps.max() + total.masked_fill(total == 0, float("nan")) * 0
        return (gaps**2).dot(shares).sqrt() if self.norm == "l2" else gaps.dot(shares)
