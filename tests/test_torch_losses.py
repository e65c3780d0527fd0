"""Losses beside PyTorch's."""

import numpy as np
import pytest
from parity import compare, labels, like, normal

CLASS_WEIGHTS = np.array([0.2, 1.0, 3.0, 0.5, 2.0])
TARGETS = {
    "labels": (normal(6, 5), labels(6), -100),
    "some ignored": (normal(6, 5), np.array([0, 2, 4, 2, 1, 3]), 2),
    "ignored under another name": (normal(3, 5), np.array([0, -1, 4]), -1),
    "all ignored": (normal(2, 5), np.array([-100, -100]), -100),
    "unbatched": (normal(5), labels(), -100),
    "unbatched ignored": (normal(5), np.array(2), 2),
    "images": (normal(2, 5, 3, 2), labels(2, 3, 2), 3),
    "confident": (10 * normal(6, 5), labels(6), -100),
    "probabilities": (normal(6, 5), abs(normal(6, 5)), -100),
    "probabilities of images": (normal(2, 5, 3), abs(normal(2, 5, 3)), -100),
    "unbatched probabilities": (normal(5), abs(normal(5)), -100),
}


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_cross_entropy(target, weighted, reduction, smoothing):
    scores, wanted, ignore_index = TARGETS[target]

    def f(m, x, y):
        weight = like(m, x, CLASS_WEIGHTS) if weighted else None
        options = dict(reduction=reduction, label_smoothing=smoothing)
        return m.F.cross_entropy(x, y, weight, ignore_index=ignore_index, **options)

    compare(f, scores, wanted)
    compare(f, scores.astype("float32"), wanted.astype(wanted.dtype.str.replace("f8", "f4")), order=1, tol=1e-5)
