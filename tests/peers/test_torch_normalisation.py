"""Normalisation, dropout, the linear map, embeddings and similarity beside PyTorch's."""

from itertools import product

import numpy as np
import pytest
from parity import THEIRS, agree, call, compare, functional, labels, like, normal, refused, ties
from peers.test_torch_losses import bad

PRECISION = pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-4)])
ORDER = {"float64": 2, "float32": 1}
AFFINE = pytest.mark.parametrize("vectors", [(), ("weight",), ("bias",), ("weight", "bias")], ids=str)


def scaled(*size):
    """Far from mean 0 and variance 1."""
    return 3 * normal(*size) + 2


def flat(*size):
    """The same number all along the last dimension, an integer, so that the variance is exactly 0."""
    return np.repeat(ties(*size[:-1], 1), size[-1], -1)


def statistics(size):
    """A running mean and variance."""
    return normal(size[1]), abs(normal(size[1])) + 0.1


def affine(m, x, vectors, given):
    """The weight and the bias by name. For a bias alone PyTorch has no gradients: it is given a weight of ones."""
    ones = {"weight": like(m, x, np.ones(tuple(given[0].shape)))} if m is THEIRS and vectors == ("bias",) else {}
    return dict(zip(vectors, given, strict=True)) | ones


def normalised(name, running=None, vectors=(), **options):
    """A case: the result, and the running mean and variance after it if there are any."""

    def f(m, x, *given):
        now = [like(m, x, s) for s in running] if running else [None, None]
        z = getattr(m.F, name)(x, *now, **affine(m, x, vectors, given), **options)
        return z, *(now if running else [])

    return f


# --- normalisation ----------------------------------------------------------------------------------------------------

MOMENTA = [{}, {"momentum": 0.3, "eps": 1e-3}, {"momentum": 0.0}, {"momentum": 1.0, "eps": 1.0}, {"momentum": 1}]
EPSILONS = [{}, {"eps": 1e-3}, {"eps": 1.0}]
BATCHES = [(5, 3), (4, 3, 2), (1, 3, 4), (2, 3, 2, 2), (2, 3, 1, 2, 2), (4, 1), (0, 3, 2), (2, 3, 0)]
INSTANCES = [(2, 3, 4), (3, 1, 3), (2, 3, 2, 2), (2, 3, 1, 2, 2), (2, 3, 0)]
LAYERS = [
    ((4,), (4,)), ((3, 4), (4,)), ((2, 3, 4), [3, 4]), ((2, 3, 4), (2, 3, 4)), ((2, 3, 2, 2), (2, 2)), ((3, 1), (1,)),
    ((0, 4), (4,)), ((2, 0), (0,)), ((0, 2, 3), (2, 3)),
]  # fmt: skip
GROUPS = [
    ((2, 4, 3), 1), ((2, 4, 3), 2), ((2, 4, 3), 4), ((3, 6), 2), ((2, 4), 4), ((2, 6, 2, 2), 3), ((1, 2, 1, 2, 2), 2),
    ((0, 4, 3), 2),
]  # fmt: skip


@PRECISION
@AFFINE
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(training, vectors, dtype, tol):
    for size, options in product(BATCHES, MOMENTA):
        arrays = [a.astype(dtype) for a in (scaled(*size), *(normal(size[1]) for _ in vectors))]
        for running in [statistics(size)] + [None] * training:
            f = normalised("batch_norm", running, vectors, training=training, **options)
            compare(f, *arrays, order=ORDER[dtype], tol=tol)


@PRECISION
@AFFINE
@pytest.mark.parametrize("use", [True, False])
def test_instance_norm(use, vectors, dtype, tol):
    for size, options in product(INSTANCES + [(2, 3, 1), (2, 3)] * (not use), MOMENTA):
        arrays = [a.astype(dtype) for a in (scaled(*size), *(normal(size[1]) for _ in vectors))]
        for running in [statistics(size)] + [None] * use:
            f = normalised("instance_norm", running, vectors, use_input_stats=use, **options)
            compare(f, *arrays, order=ORDER[dtype], tol=tol, scale=1)


def test_instance_norm_of_no_images():
    compare(normalised("instance_norm"), normal(0, 3, 4))


@PRECISION
@AFFINE
@pytest.mark.parametrize("name, cases", [("layer_norm", LAYERS), ("group_norm", GROUPS)])
def test_normalised_by_sample(name, cases, vectors, dtype, tol):
    for (size, over), options, (draw, scale) in product(cases, EPSILONS, ((scaled, 10), (flat, 1e3))):

        def f(m, x, *given, over=over, options=options):
            return getattr(m.F, name)(x, over, **affine(m, x, vectors, given), **options)

        vector = over if name == "layer_norm" else size[1:2]
        arrays = [a.astype(dtype) for a in (draw(*size), *(normal(*vector) for _ in vectors))]
        compare(f, *arrays, order=ORDER[dtype], tol=tol, scale=scale)


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
@pytest.mark.parametrize("vectors", [(), ("weight", "bias")])
def test_no_variance(name, vectors):
    """Equal numbers, and a weight of 0."""
    options = {"training": True} if name == "batch_norm" else {}
    x = np.broadcast_to(ties(3, 1), (2, 3, 4)).copy()
    for weight in (normal(3), np.zeros(3)):
        compare(normalised(name, None, vectors, **options), x, *[weight, normal(3)][: len(vectors)])


@pytest.mark.parametrize("eps", [0.0, 1e-12])
def test_tiny_eps(eps):
    """Which batch_norm takes in evaluation, and the others always."""
    compare(normalised("batch_norm", statistics((2, 3)), eps=eps), normal(2, 3, 4))
    compare(functional("layer_norm", (4,), eps=eps), normal(2, 3, 4))
    compare(functional("group_norm", 3, eps=eps), normal(2, 3, 4))
    compare(normalised("instance_norm", statistics((2, 3)), eps=eps), normal(2, 3, 4))


def test_by_position():
    """Every argument in PyTorch's place."""
    x, *vectors = normal(2, 3, 4), normal(3), normal(3)
    mean, variance = statistics(x.shape)

    def running(name, *options):
        return lambda m, x, w, b: getattr(m.F, name)(x, like(m, x, mean), like(m, x, variance), w, b, *options)

    compare(running("batch_norm", True, 0.2, 1e-2), x, *vectors)
    compare(running("batch_norm", False, 0.2, 1e-2), x, *vectors)
    compare(running("instance_norm", False, 0.2, 1e-2), x, *vectors)
    compare(running("instance_norm", True, 0.2, 1e-2), x, *vectors)
    compare(lambda m, x, w, b: m.F.layer_norm(x, (4,), w, b, 1e-2), x, normal(4), normal(4))
    compare(lambda m, x, w, b: m.F.group_norm(x, 3, w, b, 1e-2), x, *vectors)
    compare(functional("normalize", 3.0, 0, 1e-2), x)
    compare(functional("cosine_similarity", 0, 1e-2), x, normal(2, 3, 4))


# --- dropout: what does not depend on chance --------------------------------------------------------------------------


@PRECISION
@pytest.mark.parametrize("size", [(2, 3, 4), (2, 3, 2, 2), (0, 3, 2, 2)])
@pytest.mark.parametrize("p, training", [(0.0, True), (0, True), (1.0, True), (1, True), (0.5, False), (1.0, False)])
@pytest.mark.parametrize("name", ["dropout", "dropout2d"])
@pytest.mark.filterwarnings("ignore:dropout2d. Received a")
def test_dropout(name, p, training, size, dtype, tol):
    compare(functional(name, p, training), normal(*size).astype(dtype), tol=tol)


# --- linear, embedding, one_hot ---------------------------------------------------------------------------------------


@PRECISION
@pytest.mark.parametrize("size", [(3,), (2, 3), (4, 2, 3), (2, 1, 2, 3), (0, 3), (2, 0, 3)])
@pytest.mark.parametrize("out", [4, 1, 0])
def test_linear(out, size, dtype, tol):
    x, weight, bias = (a.astype(dtype) for a in (normal(*size), normal(out, 3), normal(out)))
    compare(functional("linear"), x, weight, tol=tol)
    compare(functional("linear"), x, weight, bias, tol=tol)
    compare(lambda m, x, w, b: m.F.linear(bias=b, weight=w, input=x), x, weight, bias, tol=tol)


def test_linear_of_nothing():
    compare(functional("linear"), normal(2, 0), normal(4, 0), normal(4))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("padding_idx", [None, 0, 4, -1, -5])
def test_embedding(padding_idx, dtype):
    """Row 2 is looked up more than once; the padding gets no gradient."""
    for index in (np.array([2, 0, 2, 4, 2]), np.array(4), labels(2, 3), labels(2, 1, 2), labels(0), labels(2, 0, 3)):
        for i in (index, index.astype("int32")):
            compare(functional("embedding", padding_idx=padding_idx), i, normal(5, 3).astype(dtype), tol=1e-6)
            compare(functional("embedding", padding_idx), i, normal(5, 1).astype(dtype), tol=1e-6)
    compare(functional("embedding"), labels(0), normal(0, 3).astype(dtype))


@pytest.mark.parametrize("num_classes", [-1, 5, 7])
def test_one_hot(num_classes):
    for index in (np.array([4, 0, 2]), np.array(3), labels(2, 3), labels(2, 1, 3)):
        compare(functional("one_hot", num_classes), index)
        compare(functional("one_hot", num_classes=num_classes), index)
    if num_classes > 0:
        compare(functional("one_hot", num_classes), labels(0))
        compare(functional("one_hot", num_classes), labels(2, 0))
    compare(functional("one_hot"), labels(3))


# --- similarity -------------------------------------------------------------------------------------------------------


@PRECISION
@pytest.mark.parametrize("p", [2.0, 2, 1, 3, 0.5, 1.5, 0, -1.0, np.inf, -np.inf])
def test_normalize(p, dtype, tol):
    for size, dims in [((4,), (0, -1)), ((2, 3), (0, 1, -1)), ((2, 3, 4), (0, 1, -1, (1, 2))), ((2, 3, 2, 2), (1,))]:
        for dim in dims:
            compare(functional("normalize", p, dim), normal(*size).astype(dtype), tol=tol)
    compare(functional("normalize", p), normal(0, 3).astype(dtype), tol=tol)
    compare(functional("normalize", p=p, eps=10.0), normal(2, 3).astype(dtype), tol=tol)


@pytest.mark.parametrize("p", [1, 2, 3, np.inf])
def test_normalize_ties_and_nothing(p):
    """Rows of equal numbers, rows of zeros, and no columns at all."""
    compare(functional("normalize", p), np.array([[1.0, -1.0, 1.0], [2.0, 2.0, 0.5], [0.0, 3.0, 0.0]]))
    compare(functional("normalize", p), np.zeros((2, 3)), order=1)
    if p != np.inf:
        compare(functional("normalize", p), normal(3, 0))


COSINES = [
    ((4,), (4,), 0), ((2, 3), (2, 3), 1), ((2, 3), (2, 3), -2), ((2, 3), (3,), 1), ((3,), (2, 3), 1),
    ((2, 1, 3), (4, 3), -1), ((1, 2, 3), (2, 1, 3), -2), ((2, 3), (2, 1), 1),
    ((2, 3, 4), (2, 3, 4), 1), ((2, 3, 4, 2), (2, 3, 4, 2), 1), ((0, 3), (0, 3), 1),
    ((3, 0), (3, 0), 1), ((), (), 0),
]  # fmt: skip


@PRECISION
@pytest.mark.parametrize("size, other, dim", COSINES)
def test_cosine_similarity(size, other, dim, dtype, tol):
    x1, x2 = normal(*size).astype(dtype), normal(*other).astype(dtype)
    for options in ({}, {"eps": 1e-3}, {"eps": 0.0}):
        compare(functional("cosine_similarity", dim=dim, **options), x1, x2, tol=tol, scale=1)
    if dim == 1:
        compare(functional("cosine_similarity"), x1, x2, tol=tol, scale=1)


def test_cosine_similarity_at_the_ends():
    """Parallel, opposite, zero, large and mixed vectors; shorter than eps, the value only."""
    x = normal(3, 4)
    compare(functional("cosine_similarity"), x, 3 * x, scale=1)
    compare(functional("cosine_similarity"), x, -x, scale=1)
    compare(functional("cosine_similarity"), x, 0 * x, order=1)
    compare(functional("cosine_similarity"), 1e100 * x, 1e100 * normal(3, 4))
    compare(functional("cosine_similarity"), x, normal(3, 4).astype("float32"), order=1, tol=1e-6)
    compare(lambda m, x, y: m.F.cosine_similarity(x, y, eps=10.0).detach(), x, normal(3, 4))


@PRECISION
@pytest.mark.parametrize("size, other, _", COSINES)
def test_pairwise_distance(size, other, _, dtype, tol):
    x1, x2 = normal(*size).astype(dtype), normal(*other).astype(dtype)
    for options in ({}, {"p": 1}, {"p": 3.0, "eps": 0.5}, {"p": np.inf, "keepdim": True}):
        agree("pairwise_distance", functional("pairwise_distance", **options), x1, x2, tol=tol, scale=1)


CDISTS = [((4, 3), (5, 3)), ((2, 1, 4, 3), (3, 5, 3)), ((0, 3), (2, 3)), ((3,), (2, 3)), ((2, 3), (2, 4))]


@PRECISION
@pytest.mark.parametrize("size, other", CDISTS)
def test_cdist(size, other, dtype, tol):
    x1, x2 = normal(*size).astype(dtype), normal(*other).astype(dtype)
    for options in ({}, {"p": 1.0}, {"p": 3.0}, {"p": np.inf}):
        agree("cdist", call("cdist", **options), x1, x2, tol=tol, scale=1, order=1)
    if size[-1:] == other[-1:] and len(size) > 1:
        agree("cdist", lambda m, x: m.cdist(x, x), x1, tol=max(tol, 1e-6), scale=1, order=1)


# --- mistakes ---------------------------------------------------------------------------------------------------------

X, IMAGES, SINGLE = normal(2, 4), normal(2, 4, 3), abs(normal(4)).astype("float32")
S3, S4, INDEX = abs(normal(3)), abs(normal(4)), np.array([0, 1])
BAD = [
    bad("batch_norm", S4, S4, S4),
    bad("batch_norm", X, None, None),
    bad("batch_norm", X, S4, None),
    bad("batch_norm", X, S4, None, training=True),
    bad("batch_norm", X, None, S4, training=True),
    bad("batch_norm", X[:1], None, None, training=True),
    bad("batch_norm", X, S3, S3),
    bad("batch_norm", X, S4, S4, S3),
    bad("batch_norm", X, S4, S4, S4, S3),
    bad("batch_norm", X, S4, S4, training=True, momentum=None),
    bad("batch_norm", X, S4, S4, eps=-1.0),
    *[bad("batch_norm", X, S4, S4, training=training, eps="a") for training in (False, True)],
    bad("batch_norm", X, S4, S4, training=True, eps=0.0),
    bad("batch_norm", X, SINGLE, SINGLE),
    bad("batch_norm", X.astype("float32"), S4, S4),
    bad("batch_norm", X, S4, S4, SINGLE),
    bad("layer_norm", X, (2,)),
    bad("layer_norm", X, (3, 4)),
    bad("layer_norm", S4, (2, 4)),
    bad("layer_norm", X, ()),
    bad("layer_norm", X, 4),
    bad("layer_norm", X, None),
    bad("layer_norm", X, (4,), SINGLE),
    bad("layer_norm", X, "4"),
    bad("layer_norm", X, (4,), S3),
    bad("layer_norm", X, (4,), S4[None]),
    bad("layer_norm", X, (4,), None, S3),
    bad("group_norm", IMAGES, 2.0),
    bad("group_norm", IMAGES, 2, SINGLE),
    bad("group_norm", S4, 2),
    bad("group_norm", X[:1], 4),
    bad("group_norm", IMAGES, 3),
    bad("group_norm", IMAGES, -2),
    bad("group_norm", IMAGES, 2, abs(normal(2))),
    bad("group_norm", IMAGES, 2, S4, S3),
    bad("group_norm", IMAGES, 2, S4[:, None]),
    bad("instance_norm", IMAGES, S4, None),
    bad("instance_norm", IMAGES, None, S4),
    bad("instance_norm", S4),
    bad("instance_norm", X),
    bad("instance_norm", IMAGES[:, :, :1]),
    bad("instance_norm", IMAGES, use_input_stats=False),
    bad("instance_norm", IMAGES, S3, S3),
    bad("instance_norm", IMAGES, None, None, S3),
    bad("instance_norm", IMAGES, None, None, S4, S3),
    bad("batch_norm", labels(2, 4, 3), None, None, training=True),
    bad("layer_norm", labels(2, 4), (4,)),
    bad("group_norm", labels(2, 4, 3), 2),
    bad("instance_norm", labels(2, 4, 3)),
    bad("normalize", labels(2, 4)),
    *(bad(name, X, p) for name in ("dropout", "dropout2d") for p in (1.5, -0.5, np.nan, "0.5", None)),
    *(bad(name, labels(2, 4)) for name in ("dropout", "dropout2d")),
    bad("dropout2d", S4),
    bad("linear", X, normal(4, 3)),
    bad("linear", X, normal(2, 4, 3)),
    bad("linear", normal(), normal(3, 4)),
    bad("linear", X, normal(3, 4), S4),
    bad("linear", X, normal(3, 4).astype("float32")),
    bad("linear", X, normal(3, 4), normal(3).astype("float32")),
    bad("linear", X, None),
    bad("embedding", np.array([0, 3]), normal(3, 2)),
    bad("embedding", np.array([0, -1]), normal(3, 2)),
    bad("embedding", np.array([0.0, 1.0]), normal(3, 2)),
    bad("embedding", np.array([True, False]), normal(3, 2)),
    bad("embedding", INDEX, normal(3)),
    bad("embedding", INDEX, normal(3, 2, 2)),
    bad("embedding", np.array([0]), normal(0, 2)),
    bad("one_hot", np.array([0, 2]), 2),
    bad("one_hot", np.array([0, -1]), 4),
    bad("one_hot", np.array([0, -1])),
    bad("one_hot", np.array([0.0, 1.0])),
    bad("one_hot", labels(0)),
    bad("one_hot", labels(0), 0),
    bad("one_hot", INDEX, 0),
    bad("one_hot", INDEX, -2),
    bad("one_hot", INDEX, 2.0),
    bad("normalize", X, p="2"),
    bad("normalize", S4),
    bad("normalize", X, dim=2),
    bad("normalize", normal(3, 0), p=np.inf),
    bad("cosine_similarity", X, X, dim=None),
    bad("cosine_similarity", X, X, eps=-1.0),
    bad("cosine_similarity", S4, S4),
    bad("cosine_similarity", X, normal(3, 4)),
    bad("cosine_similarity", X, X, dim=2),
    bad("cosine_similarity", labels(2, 4), labels(2, 4)),
]  # fmt: skip


@pytest.mark.parametrize("name, f", BAD)
@pytest.mark.filterwarnings("ignore:dropout2d. Received a")
def test_refused(name, f):
    refused(name, f)
