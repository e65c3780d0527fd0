"""Losses beside PyTorch's: values, gradients of both orders, hard points, errors."""

from itertools import product

import numpy as np
import pytest
from parity import RNG, compare, functional, labels, like, normal, refused, ties

REDUCTIONS = ["mean", "sum", "none"]
PRECISION = pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-5)])
pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")  # PyTorch's, of kl_div


def bad(name, *arguments, **options):
    """A call of ``functional`` that PyTorch refuses, for `refused`; arrays in it become tensors."""

    def f(m):
        def made(a):
            return m.tensor(a) if isinstance(a, np.ndarray) else a

        return getattr(m.F, name)(*map(made, arguments), **{key: made(a) for key, a in options.items()})

    return pytest.param(name, f, id=name)


# --- elementwise ------------------------------------------------------------------------------------------------------

ELEMENTWISE = {
    "mse_loss": [{}],
    "l1_loss": [{}],
    "smooth_l1_loss": [{}, {"beta": 0.5}, {"beta": 2}, {"beta": 0}],
    "huber_loss": [{}, {"delta": 0.5}, {"delta": 2}],
    "binary_cross_entropy": [{}],
    "binary_cross_entropy_with_logits": [{}],
    "kl_div": [{}, {"log_target": True}],
}
OPTIONS = [(name, options) for name, several in ELEMENTWISE.items() for options in several]
BROADCASTING = [case for case in OPTIONS if "binary" not in case[0]]
SIZES = [(), (4,), (3, 5), (2, 3, 4), (2, 3, 2, 2), (0, 3)]
PAIRS = [((2, 3), (3,)), ((3, 1), (1, 4)), ((3,), (2, 3)), ((), (3,)), ((2, 3), ()), ((0, 3), (1, 3))]


def attainable(name, tol):
    """PyTorch adds a small number to the denominator of this one's derivatives, and that in single precision."""
    return max(tol, 1e-8) if name == "binary_cross_entropy" else tol


def between(*size):
    """Probabilities, some of them 0 and 1."""
    return np.clip(RNG.uniform(-0.2, 1.2, size), 0, 1)


def pair_for(name, size, other, options, dtype="float64"):
    """An input and a target of these sizes, in the function's range."""
    x, y = 2 * normal(*size), between(*other)
    if name == "binary_cross_entropy":
        x = RNG.uniform(0.2, 0.8, size)
    elif "binary" not in name and (name != "kl_div" or options):
        y = normal(*other)
    return np.asarray(x, dtype), np.asarray(y, dtype)


@PRECISION
@pytest.mark.parametrize("name, options", OPTIONS, ids=str)
def test_elementwise(name, options, dtype, tol):
    for reduction in [*REDUCTIONS, *["batchmean"] * (name == "kl_div")]:
        for size in SIZES:
            arrays = pair_for(name, size, size, options, dtype)
            compare(functional(name, reduction=reduction, **options), *arrays, tol=attainable(name, tol), scale=1)
    compare(functional(name, **options), *arrays, tol=attainable(name, tol), scale=1)  # the default reduction


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name, options", BROADCASTING, ids=str)
def test_broadcasting_target(name, options, reduction):
    def f(m, x, y):
        if name == "kl_div":
            return m.F.kl_div(x, y, reduction=reduction, **options)
        with pytest.warns(UserWarning, match="target"):
            return getattr(m.F, name)(x, y, reduction=reduction, **options)

    for size, other in PAIRS:
        compare(f, *pair_for(name, size, other, options), scale=1)


@PRECISION
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "name, options", [case for case in OPTIONS if case[0] in ("mse_loss", "l1_loss", "huber_loss")]
)
def test_weighted(name, options, reduction, dtype, tol):
    def f(m, x, y, weight):
        return getattr(m.F, name)(x, y, reduction=reduction, weight=weight, **options)

    for size in SIZES:
        x, y = pair_for(name, size, size, options, dtype)
        compare(f, x, y, np.asarray(abs(normal(*size)), dtype), tol=tol)


@PRECISION
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight, pos_weight", [*product([None, (), (4,), (3, 1), (2, 3, 4)], repeat=2)])
def test_weighted_binary_cross_entropy(weight, pos_weight, reduction, dtype, tol):
    weights = {"weight": weight, "pos_weight": pos_weight}
    weights = {name: abs(normal(*size)) for name, size in weights.items() if size is not None}
    names = ["binary_cross_entropy"] * (pos_weight is None) + ["binary_cross_entropy_with_logits"]
    for name in names:

        def f(m, x, y, name=name):
            given = {key: like(m, x, value) for key, value in weights.items()}
            return getattr(m.F, name)(x, y, reduction=reduction, **given)

        compare(f, *pair_for(name, (2, 3, 4), (2, 3, 4), {}, dtype), tol=attainable(name, tol))


@pytest.mark.parametrize("name, options", [case for case in BROADCASTING if case[0] != "kl_div"], ids=str)
def test_kinks(name, options):
    """Differences of 0, and on the bounds."""
    compare(functional(name, reduction="none", **options), ties(40) / 2, ties(40) / 2)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss"])
def test_mixed_dtypes(name):
    """An integer target, and one of higher precision."""
    compare(functional(name), normal(4), labels(4), order=1)
    compare(functional(name), normal(4).astype("float32"), normal(4), order=1, tol=1e-6)


HARD = {
    "probabilities of 0 and 1": ("binary_cross_entropy", [0, 0, 0, 1, 1, 1, 1e-30, 0.01], [0, 1, 0.3, 0, 1, 0.3, 1, 1]),
    "large logits": (
        "binary_cross_entropy_with_logits",
        [1e4, 1e4, -1e4, -1e4, 100, -100, 40, -40, 0],
        [0, 1, 0, 1, 0, 1, 0.3, 0.3, 0],
    ),
    "targets beyond [0, 1]": ("binary_cross_entropy_with_logits", [1, -2, 3], [-1, 2, 5]),
    "targets of 0": ("kl_div", [-1, -2, -1e4, 3], [0, 0, 0, 0.5]),
    "an input of -inf": ("kl_div", [-np.inf, -np.inf, 0], [0.5, 1, 0.5]),
    "a log target of -inf": ("kl_div", [-1, -2], [-np.inf, 0], {"log_target": True}),
    "large errors": ("mse_loss", [1e4, -1e4, 1e150], [-1e4, 1, 0]),
    "large errors, smooth": ("smooth_l1_loss", [1e4, -1e4, 1e300], [-1e4, 1, 0]),
    "large errors, huber": ("huber_loss", [1e4, -1e4, 1e300], [-1e4, 1, 0]),
    "infinite errors": ("l1_loss", [np.inf, 1, -np.inf], [1, np.inf, 1]),
    "infinite errors, smooth": ("smooth_l1_loss", [np.inf, 1, -np.inf], [1, np.inf, 1]),
    "infinite errors, huber": ("huber_loss", [np.inf, 1, -np.inf], [1, np.inf, 1]),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_points(case):
    """One at a time, so that the large do not hide the small."""
    name, inputs, targets, *options = HARD[case]
    options = options[0] if options else {}
    for x, y in zip(inputs, targets, strict=True):
        f = functional(name, reduction="sum", **options)
        order = 1 if name == "binary_cross_entropy" else 2
        compare(f, np.array([float(x)]), np.array([float(y)]), order=order, tol=attainable(name, 1e-11))


# --- of classes -------------------------------------------------------------------------------------------------------

CLASS_WEIGHTS = np.array([0.2, 1.0, 3.0, 0.5, 2.0])
LABELS = {
    "labels": (normal(6, 5), labels(6), -100),
    "some ignored": (normal(6, 5), np.array([0, 2, 4, 2, 1, 3]), 2),
    "ignored under another name": (normal(3, 5), np.array([0, -1, 4]), -1),
    "ignored beyond the classes": (normal(3, 5), np.array([0, 255, 4]), 255),
    "all ignored": (normal(2, 5), np.array([-100, -100]), -100),
    "one class": (normal(3, 5)[:, :1], np.zeros(3, "int64"), -100),
    "unbatched": (normal(5), labels(), -100),
    "unbatched ignored": (normal(5), np.array(2), 2),
    "images": (normal(2, 5, 3, 2), labels(2, 3, 2), 3),
    "sequences": (normal(2, 5, 3), labels(2, 3), -100),
    "volumes": (normal(2, 5, 1, 3, 2), labels(2, 1, 3, 2), 1),
    "no samples": (normal(0, 5), labels(0), -100),
    "no pixels": (normal(2, 5, 0), labels(2, 0), -100),
    "confident": (10 * normal(6, 5), labels(6), -100),
    "saturated": (1e4 * normal(6, 5), labels(6), -100),
}
PROBABILITIES = {
    "probabilities": (normal(6, 5), abs(normal(6, 5))),
    "probabilities of images": (normal(2, 5, 3, 2), abs(normal(2, 5, 3, 2))),
    "probabilities of sequences": (normal(2, 5, 3), abs(normal(2, 5, 3))),
    "unbatched probabilities": (normal(5), abs(normal(5))),
    "probabilities of no samples": (normal(0, 5), normal(0, 5)),
    "one-hot probabilities": (100 * normal(5, 5), np.eye(5)),
    "negative probabilities": (normal(2, 5), normal(2, 5)),
}


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", LABELS)
def test_cross_entropy(target, weighted, reduction, smoothing):
    scores, wanted, ignore_index = LABELS[target]
    classes = scores.shape[min(1, scores.ndim - 1)]

    def f(m, x, y):
        weight = like(m, x, CLASS_WEIGHTS[:classes]) if weighted else None
        options = dict(reduction=reduction, label_smoothing=smoothing)
        return m.F.cross_entropy(x, y, weight, ignore_index=ignore_index, **options)

    compare(f, scores, wanted, scale=1)
    compare(f, scores.astype("float32"), wanted, order=1, tol=1e-5, scale=1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", PROBABILITIES)
def test_cross_entropy_against_probabilities(target, weighted, reduction, smoothing):
    """By scores, targets and, if there are any, class weights."""
    arrays = PROBABILITIES[target] + (CLASS_WEIGHTS,) * weighted
    f = functional("cross_entropy", reduction=reduction, label_smoothing=smoothing)
    compare(f, *arrays, scale=1)
    compare(f, *(a.astype("float32") for a in arrays), order=1, tol=1e-5, scale=1)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", LABELS)
def test_nll_loss(target, weighted, reduction):
    scores, wanted, ignore_index = LABELS[target]
    classes = scores.shape[min(1, scores.ndim - 1)]

    def f(m, x, y):
        weight = like(m, x, CLASS_WEIGHTS[:classes]) if weighted else None
        return m.F.nll_loss(x, y, weight, ignore_index=ignore_index, reduction=reduction)

    compare(f, scores, wanted)
    compare(f, scores.astype("float32"), wanted, tol=1e-5)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_labels_in_bytes(name):
    compare(functional(name), normal(6, 5), labels(6).astype("uint8"))


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_infinite_scores(name):
    """The other classes impossible; the right one impossible; both."""
    for scores in ([[-np.inf, 0.0, 1.0]], [[1.0, -np.inf, 0.0]], [[-np.inf, -np.inf, 0.0]]):
        for label in (0, 1, 2):
            compare(functional(name, reduction="none"), np.array(scores), np.array([label]), order=1)


# --- mistakes ---------------------------------------------------------------------------------------------------------

X, P, INTEGERS = normal(2, 3), RNG.uniform(0.1, 0.9, (2, 3)), labels(2, 3, classes=2)
Y = np.array([0, 1])
BAD = [
    *(bad(name, P, P, reduction=wrong) for name in ELEMENTWISE for wrong in ("max", None, "MEAN", 1)),
    *(bad(name, P, P, reduction="batchmean") for name in ELEMENTWISE if name != "kl_div"),
    *(bad(name, P, P[:, :2]) for name in ELEMENTWISE),
    *(bad(name, INTEGERS, INTEGERS) for name in ELEMENTWISE),
    *(bad(name, P, P, weight=P[0]) for name in ("mse_loss", "l1_loss", "huber_loss")),
    *(bad(name, P, P, weight=P[:, :1]) for name in ("mse_loss", "l1_loss", "huber_loss")),
    bad("smooth_l1_loss", X, X, beta=-1.0),
    bad("huber_loss", X, X, delta=0.0),
    bad("huber_loss", X, X, delta=-1.0),
    bad("binary_cross_entropy", P, INTEGERS),
    bad("binary_cross_entropy", P, P.astype("float32")),
    bad("binary_cross_entropy", P + 1, P),
    bad("binary_cross_entropy", -P, P),
    bad("binary_cross_entropy", P, P + 1),
    bad("binary_cross_entropy", P, -P),
    bad("binary_cross_entropy", P * np.nan, P),
    bad("binary_cross_entropy", P, P[:1]),
    bad("binary_cross_entropy", P, P, weight=normal(2)),
    bad("binary_cross_entropy", P, P, weight=normal(2, 2, 3)),
    bad("binary_cross_entropy_with_logits", X, P[:1]),
    bad("binary_cross_entropy_with_logits", X, P, weight=normal(2)),
    bad("binary_cross_entropy_with_logits", X, P, weight=normal(2, 2, 3)),
    bad("binary_cross_entropy_with_logits", X, P, pos_weight=normal(2)),
    bad("binary_cross_entropy_with_logits", X, P, pos_weight=normal(2, 2, 3)),
    *(
        bad(name, *arguments, **options)
        for name in ("nll_loss", "cross_entropy")
        for *arguments, options in (
            (X, np.array([0, 3]), {}),
            (X, np.array([0, -1]), {}),
            (X, np.array([0, -100]), {"ignore_index": 0}),
            (X, np.array([0, 1, 2]), {}),
            (X, np.array([[0], [1]]), {}),
            (X, Y.astype("float64"), {}),
            (X, Y.astype("bool"), {}),
            (X, Y, {"weight": normal(2)}),
            (X, Y, {"weight": normal(3).astype("float32")}),
            (X, Y, {"reduction": "max"}),
            (X, Y, {"reduction": "batchmean"}),
            (normal(), np.array(0), {}),
            (normal(3), np.array(3), {}),
            (normal(1, 3), np.array(0), {}),
            (normal(2, 0), Y, {}),
            (normal(2, 3, 4), labels(2, 5, classes=3), {}),
            (INTEGERS, Y, {}),
        )
    ),
    bad("cross_entropy", X, normal(2, 4)),
    bad("cross_entropy", X, normal(2, 3, 1)),
    bad("cross_entropy", X, P, ignore_index=0),
    bad("cross_entropy", X, P, weight=normal(2)),
    bad("cross_entropy", X, Y, label_smoothing=1.5),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name, f", BAD)
def test_refused(name, f):
    refused(name, f)
