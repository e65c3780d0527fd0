"""Metrics against scikit-learn's."""

import warnings

import numpy as np
import pytest

import minidl as md
from minidl.train import metrics

sklearn = pytest.importorskip("sklearn.metrics", reason="of the extra peers")
pytestmark = pytest.mark.filterwarnings("ignore")


def drawn(seed, classes, n=50):
    """Probabilities (n, classes) and labels, of few values, so that there are ties; not every class must occur."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    scores = np.round(random.random((n, classes)) + 0.3 * np.eye(classes)[labels], 1) + 1e-3
    return scores / scores.sum(1, keepdims=True), labels


def of(metric, scores, labels):
    """Our value, over two batches."""
    half = len(labels) // 2
    for part in slice(half), slice(half, None):
        metric.update(md.tensor(scores[part]), md.tensor(labels[part]))
    return metric.compute().numpy()


@pytest.mark.parametrize(("classes", "seed"), [
    (2, 0), (3, 3), *[pytest.param(c, s, marks=pytest.mark.deep) for c in (2, 3, 7) for s in (1, 2, 3)]
])  # fmt: skip
def test_they_are_equal(classes, seed):
    scores, labels = drawn(seed, classes, 8 if seed == 3 else 50)
    guesses, every = scores.argmax(1), list(range(classes))
    close = np.testing.assert_allclose
    close(of(metrics.Accuracy(), scores, labels), sklearn.accuracy_score(labels, guesses))
    for normalize in None, "true", "pred", "all":
        expected = sklearn.confusion_matrix(labels, guesses, labels=every, normalize=normalize)
        close(of(metrics.ConfusionMatrix(normalize=normalize), scores, labels), expected)
    for name, theirs in ("Precision", "precision"), ("Recall", "recall"), ("F1Score", "f1"):
        for average in ("macro", "micro", "weighted", None, *["binary"] * (classes == 2)):
            for zero in 0.0, 1.0, np.nan:
                ours = of(getattr(metrics, name)(average, zero), scores, labels)
                named = {} if average == "binary" else {"labels": every}
                expected = getattr(sklearn, f"{theirs}_score")(
                    labels, guesses, average=average, zero_division=zero, **named
                )
                close(ours, expected, err_msg=f"{name} {average} {zero}")
    for k in range(1, min(classes, 3)):
        strict = scores + 1e-6 * np.arange(classes)  # which of equal scores is higher is not said
        close(of(metrics.TopKAccuracy(k), strict, labels), np.mean(
            [label in np.argsort(row)[-k:] for label, row in zip(labels, strict, strict=True)]
        ))  # fmt: skip
        if classes > 2:
            close(
                of(metrics.TopKAccuracy(k), strict, labels),
                sklearn.top_k_accuracy_score(labels, strict, k=k, labels=every),
            )
    close(of(metrics.MeanLoss(lambda x, y: md.nn.functional.nll_loss(x.log(), y)), scores, labels),
          sklearn.log_loss(labels, scores, labels=every))  # fmt: skip
    if classes == 2:
        close(of(metrics.ROCAUC(), scores[:, 1], labels), sklearn.roc_auc_score(labels, scores[:, 1]))
        close(of(metrics.CalibrationError(5), scores[:, 1], labels), calibration(scores[:, 1], labels, 5))
    elif len(set(labels)) == classes:
        for average in "macro", "weighted", None:
            expected = sklearn.roc_auc_score(labels, scores, multi_class="ovr", average=average)
            close(of(metrics.ROCAUC(average), scores, labels), expected)


def calibration(chances, labels, bins):
    """The expected calibration error by scikit-learn's curve."""
    from sklearn.calibration import calibration_curve

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right, sure = calibration_curve(labels, chances, n_bins=bins)
    places = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], chances)
    counts = np.bincount(places, minlength=bins)
    return (np.abs(right - sure) * counts[counts > 0] / len(labels)).sum()
