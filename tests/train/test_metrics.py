"""Metrics against formulas written plainly, over batches, through a saved state, and what they refuse."""

import math

import numpy as np
import pytest
from standin import no_sync, standin  # noqa: F401

import minidl as md
from minidl import nn
from minidl.functional import cross_entropy
from minidl.train import metrics
from minidl.train.metrics import (
    ROCAUC,
    Accuracy,
    CalibrationError,
    ConfusionMatrix,
    F1Score,
    Mean,
    MeanLoss,
    Metric,
    Precision,
    Recall,
    TopKAccuracy,
)

random = np.random.default_rng(3)
LABELS = random.integers(0, 4, 60)
SCORES = random.standard_normal((60, 4)) + 1.5 * np.eye(4)[LABELS]
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
BINARY = random.integers(0, 2, 60)
CHANCES = np.round(np.clip(0.3 * BINARY + random.random(60) * 0.7, 0, 1), 2)  # some come twice
GUESSES = SCORES.argmax(1)


def measured(metric, scores, labels, batches=(7, 20, 60)):
    """The value after several batches, of which one is added again by another metric that goes on from its state."""
    start = 0
    for end in batches:
        other = metric.__class__(metric.loss) if isinstance(metric, MeanLoss) else metric
        other.load_state_dict(metric.state_dict())
        assert other.update(md.tensor(scores[start:end]), md.tensor(labels[start:end])) is other
        metric, start = other, end
    return metric.compute().numpy()


def matrix(labels, guesses, size=4):
    """Counts of pairs, one by one."""
    counts = np.zeros((size, size), int)
    for label, guess in zip(labels, guesses, strict=True):
        counts[label, guess] += 1
    return counts


COUNTS = matrix(LABELS, GUESSES)
ONE = np.r_[4, LABELS[1:]]  # sample of a class
RIGHT, ACTUAL, PREDICTED = COUNTS.diagonal(), COUNTS.sum(1), COUNTS.sum(0)
F1 = 2 * RIGHT / (ACTUAL + PREDICTED)
HITS = CHANCES >= 0.5


def pairs_won(scores, positive):
    """The share of pairs of a positive and another sample in which the positive one has the higher score."""
    higher = scores[positive][:, None] - scores[~positive][None]
    return ((higher > 0) + 0.5 * (higher == 0)).mean()


AREAS = np.array([pairs_won(SHARES[:, i], i == LABELS) for i in range(4)])


def gaps(confidence, right, bins):
    """The difference between accuracy and confidence in each bin, and the share of samples in it."""
    edges = np.linspace(0, 1, bins + 1)
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (confidence > low) & (confidence <= high) | (low == 0) & (confidence == 0)
        yield (abs(right[inside].mean() - confidence[inside].mean()) if inside.any() else 0), inside.mean()


def ece(confidence, right, bins=15, power=1):
    """The calibration error in a norm."""
    return sum(gap**power * share for gap, share in gaps(confidence, right, bins)) ** (1 / power)


SURE, CORRECT = SHARES.max(1), GUESSES == LABELS
TOP2 = np.mean([label in np.argsort(row)[-2:] for label, row in zip(LABELS, SCORES, strict=True)])
TOP3 = np.mean([label in np.argsort(row)[-3:] for label, row in zip(LABELS, SCORES, strict=True)])

CASES = [
    (Accuracy(), SCORES, LABELS, CORRECT.mean()),
    (Accuracy(), CHANCES, BINARY, (HITS == BINARY).mean()),
    (Accuracy(0.3), CHANCES[:, None], BINARY, ((CHANCES >= 0.3) == BINARY).mean()),
    (Accuracy(threshold=0), np.log(CHANCES + 1e-9) - np.log(1.0001 - CHANCES), BINARY, None),
    (Accuracy(), GUESSES, LABELS, CORRECT.mean()),
    (Accuracy(), SCORES.reshape(12, 5, 4).swapaxes(1, 2), LABELS.reshape(12, 5), CORRECT.mean()),
    (TopKAccuracy(2), SCORES, LABELS, TOP2),
    (TopKAccuracy(k=3), SCORES, LABELS[:, None][:, 0], TOP3),
    (ConfusionMatrix(), SCORES, LABELS, COUNTS),
    (ConfusionMatrix(num_classes=4), GUESSES, LABELS, COUNTS),
    (ConfusionMatrix(normalize="true"), SCORES, LABELS, COUNTS / ACTUAL[:, None]),
    (ConfusionMatrix(None, "pred"), SCORES, LABELS, COUNTS / PREDICTED),
    (ConfusionMatrix(None, "all"), SCORES, LABELS, COUNTS / 60),
    (ConfusionMatrix(threshold=0.3), CHANCES, BINARY, matrix(BINARY, (CHANCES >= 0.3) * 1, 2)),
    (ConfusionMatrix(), CHANCES[:, None], BINARY, matrix(BINARY, HITS * 1, 2)),
    (ConfusionMatrix(), CHANCES.reshape(20, 3), BINARY.reshape(20, 3), matrix(BINARY, HITS * 1, 2)),
    (ConfusionMatrix(), SCORES.reshape(12, 5, 4).swapaxes(1, 2), LABELS.reshape(12, 5), COUNTS),
    (ConfusionMatrix(5, "true"), GUESSES, LABELS, np.pad(COUNTS / ACTUAL[:, None], (0, 1))),
    (ConfusionMatrix(5, "true"), GUESSES, ONE, matrix(ONE, GUESSES, 5) / np.bincount(ONE)[:, None]),
    (Precision(), SCORES, LABELS, (RIGHT / PREDICTED).mean()),
    (Precision(None), SCORES, LABELS, RIGHT / PREDICTED),
    (Precision("binary"), CHANCES, BINARY, BINARY[HITS].mean()),
    (Precision("binary", threshold=0.8), CHANCES, BINARY, BINARY[CHANCES >= 0.8].mean()),
    (Recall(), SCORES, LABELS, (RIGHT / ACTUAL).mean()),
    (Recall("weighted"), SCORES, LABELS, RIGHT.sum() / 60),
    (Recall("micro"), SCORES, LABELS, CORRECT.mean()),
    (Recall("binary"), CHANCES, BINARY, HITS[BINARY == 1].mean()),
    (F1Score(), SCORES, LABELS, F1.mean()),
    (F1Score("weighted"), SCORES, LABELS, F1 @ ACTUAL / 60),
    (F1Score(None), SCORES, LABELS, F1),
    (Precision(None, num_classes=5), GUESSES, LABELS, [*RIGHT / PREDICTED, 0]),
    (Precision(None, 1, 5), GUESSES, LABELS, [*RIGHT / PREDICTED, 1]),
    (Precision("macro", 1, 5), GUESSES, LABELS, (sum(RIGHT / PREDICTED) + 1) / 5),
    (Precision("macro", math.nan, 5), GUESSES, LABELS, (RIGHT / PREDICTED).mean()),
    (F1Score(None, math.nan, 5), GUESSES, LABELS, [*F1, math.nan]),
    (ROCAUC(), CHANCES, BINARY, pairs_won(CHANCES, BINARY == 1)),
    (ROCAUC(), CHANCES[:, None], BINARY, pairs_won(CHANCES, BINARY == 1)),
    (ROCAUC(), SHARES, LABELS, AREAS.mean()),
    (ROCAUC("weighted"), SHARES, LABELS, AREAS @ ACTUAL / 60),
    (ROCAUC(None), SHARES, LABELS, AREAS),
    (ROCAUC(None, from_logits=True), SCORES, LABELS, AREAS),
    (ROCAUC(None), np.c_[SHARES, SHARES[:, 0]], LABELS, [*AREAS, math.nan]),
    (CalibrationError(), SHARES, LABELS, ece(SURE, CORRECT)),
    (CalibrationError(5), SHARES, LABELS, ece(SURE, CORRECT, 5)),
    (CalibrationError(norm="l2"), SHARES, LABELS, ece(SURE, CORRECT, power=2)),
    (CalibrationError(norm="max"), SHARES, LABELS, max(gap for gap, _ in gaps(SURE, CORRECT, 15))),
    (CalibrationError(from_logits=True), SCORES, LABELS, ece(SURE, CORRECT)),
    (CalibrationError(10), CHANCES, BINARY, ece(CHANCES, BINARY, 10)),
    (CalibrationError(10, from_logits=True), SCORES[:, :1], BINARY, ece(1 / (1 + np.exp(-SCORES[:, 0])), BINARY, 10)),
    (MeanLoss(nn.CrossEntropyLoss()), SCORES, LABELS, cross_entropy(md.tensor(SCORES), md.tensor(LABELS)).item()),
]
CASES[3] = (*CASES[3][:3], ((CASES[3][1] >= 0) == BINARY).mean())


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: f"{i}-{type(CASES[i][0]).__name__}")
def test_values(case):
    metric, scores, labels, expected = CASES[case]
    metric.reset()
    np.testing.assert_allclose(measured(metric, scores, labels), expected, rtol=1e-9)


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: f"{i}-{type(CASES[i][0]).__name__}")
def test_nothing_waits_for_a_gpu(case, standin):  # noqa: F811
    """Batches are added without a copy from or to it; the value is that of the CPU, from a state on the CPU, too."""
    metric, scores, labels, expected = CASES[case]
    metric.reset()
    batches = [
        (md.tensor(scores[part]).to("cuda"), md.tensor(labels[part]).to("cuda")) for part in (slice(9), slice(9, 60))
    ]
    metric.update(*batches[0])
    with no_sync():
        metric.update(*batches[1])
    np.testing.assert_allclose(metric.compute().cpu().numpy(), expected, rtol=1e-9)
    metric.reset()
    metric.update(md.tensor(scores[:9]), md.tensor(labels[:9]))
    metric.update(*batches[1])
    np.testing.assert_allclose(metric.compute().cpu().numpy(), expected, rtol=1e-9)


def test_means():
    mean = Mean()
    assert math.isnan(mean.compute().item())
    mean.update(md.tensor([1.0, 2.0])).update(md.tensor(4.0), weight=2).update(md.tensor(100.0), 0)
    assert mean.compute().item() == (1 + 2 + 8) / 4 and mean.compute().dtype == md.float64
    many = Mean()
    for _ in range(3):
        many.update(md.tensor([1e8, 1.0], dtype=md.float32))
    assert many.compute().item() == (1e8 + 1) / 2
    learning = md.tensor(2.0, requires_grad=True)
    assert not Mean().update(learning * 3).compute().requires_grad


def test_nothing_counted_is_nan_or_nothing():
    for metric in Accuracy(), TopKAccuracy(), ROCAUC(), CalibrationError(), CalibrationError(norm="max"):
        assert math.isnan(metric.compute().item()), metric
    assert Precision().compute() == 0 and ConfusionMatrix(3).compute().tolist() == [[0] * 3] * 3
    assert ConfusionMatrix().compute().tolist() == [[0] * 2] * 2
    assert math.isnan(Recall(zero_division=math.nan).compute())
    assert math.isnan(CalibrationError().update(md.tensor([math.nan]), md.tensor([1])).compute().item())


def test_classes_of_bytes():
    """The place of a pair is a larger number than a byte holds."""
    labels = md.tensor([19, 3], dtype=md.uint8)
    counts = ConfusionMatrix(20).update(labels, labels).compute().numpy()
    assert counts.sum() == counts[19, 19] + counts[3, 3] == 2


def test_scores_that_are_nan_have_no_area():
    scores = np.array([[0.9, np.nan], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9]])
    two = ROCAUC(average=None).update(md.tensor(scores), md.tensor([0, 1, 0, 1])).compute().numpy()
    assert two[0] == 1 and np.isnan(two[1])
    assert np.isnan(ROCAUC().update(md.tensor(scores[:, 1]), md.tensor([1, 0, 0, 1])).compute().item())


def test_names_and_directions():
    names = {type(metric).__name__: (metric.name, metric.direction) for metric, *_ in CASES}
    assert names == {
        "Accuracy": ("accuracy", "max"),
        "TopKAccuracy": ("top_3_accuracy", "max"),
        "ConfusionMatrix": ("confusion_matrix", None),
        "Precision": ("precision", "max"),
        "Recall": ("recall", "max"),
        "F1Score": ("f1_score", "max"),
        "ROCAUC": ("roc_auc", "max"),
        "CalibrationError": ("calibration_error", "min"),
        "MeanLoss": ("crossentropyloss", "min"),
    }
    assert MeanLoss(cross_entropy).name == "cross_entropy" and Mean.name == "mean" and Mean.direction is None


def test_a_metric_of_ones_own():
    class Biggest(Metric):
        state = ("best",)

        def reset(self):
            self.best = -math.inf

        def update(self, input, target):
            self.best = max(self.best, input.max().item())
            return self

        def compute(self):
            return md.tensor(self.best)

    biggest = Biggest().update(md.tensor([1.0, 3.0]), None)
    assert biggest.name == "biggest" and biggest.state_dict() == {"best": 3.0} and biggest.compute() == 3
    for method in "reset", "compute":
        with pytest.raises(NotImplementedError, match=rf"Metric must define {method}"):
            getattr(Metric, method)(biggest.__class__.__new__(Metric))
    with pytest.raises(NotImplementedError, match="Metric must define update"):
        Metric.update(Metric.__new__(Metric), None, None)


S, L = md.tensor(SCORES), md.tensor(LABELS)


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: Accuracy().update(S, L[:3]), ValueError, r"Accuracy: input is 60×4, target 3; expected scores"),
    (lambda: TopKAccuracy(0), ValueError, "TopKAccuracy: k must be an integer of 1"),
    (lambda: TopKAccuracy(5).update(S, L), ValueError, "of 5 classes or more, and labels .* got 60×4 and 60"),
    (lambda: TopKAccuracy(2).update(S, L[:5]), ValueError, "got 60×4 and 5"),
    (lambda: ConfusionMatrix(1), ValueError, "num_classes must be an integer of 2"),
    (lambda: ConfusionMatrix(normalize=True), ValueError, "normalize must be 'true', 'pred', 'all' or None"),
    (lambda: ConfusionMatrix().update(L, L), ValueError, "say num_classes where the input is classes"),
    (lambda: ConfusionMatrix(3).update(S, L), ValueError, "classes must be from 0 to 2, got 3"),
    (lambda: Recall(num_classes=3).update(L - 1, L - 1), ValueError, "Recall: classes must be from 0 to 2, got -1"),
    (lambda: ConfusionMatrix().update(S, L).update(S[:, :3], L), ValueError, "scores of 3 classes, after such of 4"),
    (lambda: Precision("samples"), ValueError, "average must be one of binary, macro, micro, weighted, None"),
    (lambda: F1Score(zero_division=2), ValueError, "F1Score: zero_division must be 0, 1 or NaN, got 2"),
    (lambda: Recall("binary").update(S, L).compute(), ValueError, "average='binary' is of 2 classes, there are 4"),
    (lambda: ROCAUC("micro"), ValueError, "ROCAUC: average must be 'macro', 'weighted' or None, got 'micro'"),
    (lambda: ROCAUC(from_logits=1), TypeError, "ROCAUC: from_logits must be True or False"),
    (lambda: ROCAUC().update(S, L[:3]), ValueError, "ROCAUC: input is 60×4, target 3"),
    (lambda: ROCAUC().update(S, L).update(S[:, :3], L), ValueError, "of as many classes as before"),
    (lambda: CalibrationError(0), ValueError, "CalibrationError: n_bins must be an integer of 1"),
    (lambda: CalibrationError(norm="l3"), ValueError, "norm must be 'l1', 'l2' or 'max', got 'l3'"),
    (lambda: CalibrationError(from_logits=None), TypeError, "from_logits must be True or False"),
    (lambda: CalibrationError().update(S[None], L), ValueError, "CalibrationError: input is 1×60×4, target 60"),
    (lambda: Mean().update(S, -1), ValueError, "Mean: weight must be a number, not negative, got -1"),
    (lambda: MeanLoss(nn.CrossEntropyLoss), TypeError, "MeanLoss: loss must be a function of input and target"),
    (lambda: MeanLoss(3), TypeError, "MeanLoss: loss must be a function of input and target, got 3"),
    (lambda: MeanLoss(lambda a, b: a).update(S, L), ValueError, "the loss of a batch must be one number, got 60×4"),
    (lambda: Mean().load_state_dict({"total": 1}), ValueError, "expected a state of total, weight, got total"),
    (lambda: Mean().load_state_dict(3), ValueError, "expected a state of total, weight, got int"),
])  # fmt: skip
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_all_are_here():
    tried = {type(metric).__name__ for metric, *_ in CASES} | {"Mean", "Metric"}
    assert tried == {name for name, value in vars(metrics).items() if isinstance(value, type)}
