"""The functions of ``functional`` that are made of ops: their derivatives; their arguments; dropout, which is drawn."""

import contextlib
import inspect
import re

import numpy as np
import pytest
from engine.test_errors import MISTAKES

import minidl as md
import minidl.functional as F

RNG = np.random.default_rng(0)
PUBLIC = {name: f for name, f in vars(F).items() if inspect.isfunction(f) and name[0] != "_"}
COMPOSITIONS = sorted(
    name for name, f in PUBLIC.items() if f.__module__.startswith("minidl.functional") and name[-1] != "_"
)


def normal(*size):
    return np.asarray(RNG.standard_normal(size))


def between(*size):
    return np.asarray(RNG.uniform(0.1, 0.9, size))


def distinct(*size):
    """Numbers with gaps between them, so that no step makes another the largest."""
    return RNG.permutation(np.arange(np.prod(size, dtype=int))).reshape(size) / 4


def constant(*values):
    return md.tensor(np.array(values))


def call(name, *arguments, **options):
    """The function with these arguments after the tensors."""
    return lambda *xs: getattr(F, name)(*xs, *arguments, **options)


def running(name, **options):
    """The same with running statistics: from one start at each call, as it moves them."""
    return lambda x, *vectors: getattr(F, name)(x, constant(0.3, -0.2), constant(0.5, 2.0), *vectors, **options)


PIECES = np.array([-7.2, -4.1, -2.3, -0.6, 0.4, 1.7, 4.3, 7.5])  # on all sides of the activations' corners
SCORES, LABELS, CLASS_WEIGHTS = normal(3, 4), constant(2, 0, 3), constant(0.5, 1.0, 2.0, 0.2)
APART = normal(2, 3) + 3, normal(2, 3)  # no difference is near 0, and few are near 1
ERRORS = np.array([-2.5, -0.7, 0.3, 1.6]), np.zeros(4)
SIGNAL, IMAGE = normal(1, 2, 5), normal(1, 2, 4, 4)
PLACES = np.array([[[[-0.8, 0.3], [0.1, -0.2]], [[0.6, 0.7], [-1.4, 1.3]]]])

# name: its cases, each a function and the arrays that it is differentiated by
CASES = {
    "prelu": [(F.prelu, PIECES.reshape(2, 4), normal(4)), (F.prelu, PIECES, normal(1))],
    "elu": [(F.elu, PIECES), (call("elu", 0.5), PIECES)],
    "gelu": [(F.gelu, PIECES), (call("gelu", approximate="tanh"), PIECES)],
    "leaky_relu": [(F.leaky_relu, PIECES), (call("leaky_relu", -0.5), PIECES)],
    "softmax": [(call("softmax", 1), SCORES)],
    "log_softmax": [(call("log_softmax", 1), SCORES)],
    **{
        name: [(call(name), PIECES)]
        for name in ("relu6", "selu", "silu", "softsign", "hardsigmoid", "hardswish", "mish", "tanhshrink")
    },
    **{name: [(call(name), PIECES), (call(name, 2.0), PIECES)] for name in ("hardshrink", "softshrink")},
    "cross_entropy": [
        (call("cross_entropy", LABELS, CLASS_WEIGHTS, label_smoothing=0.1), SCORES),
        (call("cross_entropy", LABELS, ignore_index=2, reduction="none"), SCORES),
        (call("cross_entropy", label_smoothing=0.1), SCORES, between(3, 4), between(4)),
    ],
    "nll_loss": [
        (call("nll_loss", LABELS, CLASS_WEIGHTS), SCORES),
        (call("nll_loss", LABELS, ignore_index=2, reduction="none"), SCORES),
    ],
    "mse_loss": [(F.mse_loss, *APART), (lambda x, y, w: F.mse_loss(x, y, weight=w), *APART, between(2, 3))],
    "l1_loss": [(F.l1_loss, *APART), (lambda x, y, w: F.l1_loss(x, y, weight=w), *APART, between(2, 3))],
    "smooth_l1_loss": [(call("smooth_l1_loss", beta=beta), *ERRORS) for beta in (1.0, 0.5, 0)],
    "huber_loss": [
        (call("huber_loss", delta=0.5), *ERRORS),
        (lambda x, y, w: F.huber_loss(x, y, weight=w), *ERRORS, between(4)),
    ],
    "binary_cross_entropy": [
        (F.binary_cross_entropy, between(3), between(3)),
        (call("binary_cross_entropy", weight=CLASS_WEIGHTS, reduction="none"), between(2, 4), between(2, 4)),
    ],
    "binary_cross_entropy_with_logits": [
        (F.binary_cross_entropy_with_logits, normal(3), between(3)),
        (
            call("binary_cross_entropy_with_logits", weight=CLASS_WEIGHTS, pos_weight=CLASS_WEIGHTS),
            normal(2, 4),
            between(2, 4),
        ),
    ],
    "kl_div": [
        (call("kl_div", reduction="batchmean"), normal(2, 3), between(2, 3)),
        (call("kl_div", reduction="sum", log_target=True), normal(2, 3), normal(2, 3)),
    ],
    "batch_norm": [
        (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), normal(3, 2, 2), normal(2), normal(2)),
        (running("batch_norm", training=True), normal(3, 2), normal(2), normal(2)),
        (running("batch_norm", training=False), normal(3, 2), normal(2), normal(2)),
    ],
    "instance_norm": [
        (lambda x, w, b: F.instance_norm(x, weight=w, bias=b), normal(2, 2, 3), normal(2), normal(2)),
        (running("instance_norm"), normal(2, 2, 3), normal(2), normal(2)),
        (running("instance_norm", use_input_stats=False), normal(2, 2, 2), normal(2), normal(2)),
    ],
    "layer_norm": [(lambda x, w, b: F.layer_norm(x, (2, 2), w, b), normal(2, 2, 2), normal(2, 2), normal(2, 2))],
    "group_norm": [(lambda x, w, b: F.group_norm(x, 2, w, b), normal(2, 4, 2), normal(4), normal(4))],
    "celu": [(F.celu, PIECES), (call("celu", 0.5), PIECES)],
    "threshold": [(call("threshold", 0.5, -3.0), PIECES)],
    "glu": [(F.glu, normal(2, 4)), (call("glu", 0), normal(2, 3))],
    "softmin": [(call("softmin", 1), SCORES)],
    "cosine_embedding_loss": [
        (lambda x, y: F.cosine_embedding_loss(x, y, constant(1.0, -1.0), -0.9), normal(2, 3), normal(2, 3))
    ],
    "hinge_embedding_loss": [(lambda x: F.hinge_embedding_loss(x, constant(1.0, -1.0, -1.0)), APART[1][:, :3])],
    "margin_ranking_loss": [
        (lambda x, y: F.margin_ranking_loss(x, y, constant([1.0, -1.0, 1.0]), 0.1), *[a[:1] for a in APART])
    ],
    "soft_margin_loss": [(lambda x: F.soft_margin_loss(x, constant(1.0, -1.0, 1.0)), normal(2, 3))],
    "triplet_margin_loss": [
        (call("triplet_margin_loss", swap=True), normal(2, 3), normal(2, 3), normal(2, 3)),
        (call("triplet_margin_loss", 3.0, p=3.0), normal(2, 3), normal(2, 3), normal(2, 3)),
    ],
    "bilinear": [
        (F.bilinear, normal(2, 3), normal(2, 2), normal(4, 3, 2), normal(4)),
        (F.bilinear, normal(3), normal(2), normal(1, 3, 2)),
    ],
    "linear": [(F.linear, normal(2, 3), normal(2, 3), normal(2)), (F.linear, normal(3), normal(2, 3))],
    "dropout": [(lambda x: F.dropout(x, 0.4, generator=md.Generator()), normal(8))],
    "alpha_dropout": [(lambda x: F.alpha_dropout(x, 0.4, True, generator=md.Generator()), normal(8))],
    "dropout1d": [(lambda x: F.dropout1d(x, 0.4, generator=md.Generator()), normal(2, 3, 2))],
    "dropout2d": [(lambda x: F.dropout2d(x, 0.4, generator=md.Generator()), normal(2, 3, 1, 2))],
    "embedding": [(lambda w: F.embedding(LABELS, w, padding_idx=1), normal(4, 2))],
    "normalize": [(call("normalize", p), normal(2, 3)) for p in (2.0, 1.0, 3.0, np.inf)],
    "cosine_similarity": [(F.cosine_similarity, normal(2, 3), normal(2, 3))],
    "pairwise_distance": [(call("pairwise_distance", p=p), normal(2, 3), normal(2, 3)) for p in (2.0, 1.0, 3.0)],
    "cdist": [(lambda x, y, p=p: md.cdist(x, y, p), normal(2, 1, 4, 3), normal(5, 3)) for p in (2.0, 1.0, 3.0)],
    "pad": [
        (call("pad", (1, 2, 0, -1), value=2.0), normal(2, 3)),
        (call("pad", (2, 1), mode="reflect"), normal(2, 3)),
        (call("pad", (2, 1, 1, 0), mode="replicate"), normal(1, 2, 3)),
    ],
    "conv1d": [(call("conv1d", stride=2, padding=1), SIGNAL, normal(2, 2, 3), normal(2))],
    "conv2d": [
        (call("conv2d", stride=2, padding=1, groups=2), IMAGE, normal(2, 1, 3, 3), normal(2)),
        (call("conv2d", padding="same"), IMAGE[0, :, :3, :3], normal(1, 2, 2, 2)),
    ],
    "conv_transpose1d": [
        (call("conv_transpose1d", stride=2, padding=1, output_padding=1), SIGNAL, normal(2, 1, 3), normal(1))
    ],
    "conv_transpose2d": [
        (call("conv_transpose2d", stride=2, padding=1), IMAGE[..., :2], normal(2, 1, 3, 2), normal(1))
    ],
    "max_pool1d": [(call("max_pool1d", 2, 1, 1), distinct(1, 2, 5))],
    "max_pool2d": [(call("max_pool2d", 2, 1, 1), distinct(1, 2, 3, 4))],
    "avg_pool1d": [(call("avg_pool1d", 2, 2, 1, ceil_mode=True), SIGNAL)],
    "avg_pool2d": [(call("avg_pool2d", 2, 2, 1, count_include_pad=False), IMAGE)],
    "adaptive_avg_pool1d": [(call("adaptive_avg_pool1d", 3), SIGNAL)],
    "adaptive_avg_pool2d": [(call("adaptive_avg_pool2d", (3, 2)), IMAGE)],
    "adaptive_max_pool1d": [(call("adaptive_max_pool1d", 3), distinct(1, 2, 5))],
    "adaptive_max_pool2d": [(call("adaptive_max_pool2d", (3, 2)), distinct(1, 2, 4, 4))],
    "max_unpool1d": [(lambda x: F.max_unpool1d(x, md.tensor([[[0, 3]]]), 2), normal(1, 1, 2))],
    "max_unpool2d": [(lambda x: F.max_unpool2d(x, md.tensor([[[[0, 3], [10, 12]]]]), 2), normal(1, 1, 2, 2))],
    "affine_grid": [(call("affine_grid", (2, 1, 2, 3), align_corners=corners), normal(2, 2, 3)) for corners in (0, 1)],
    "grid_sample": [
        (call("grid_sample"), IMAGE, PLACES),
        (call("grid_sample", padding_mode="border", align_corners=True), IMAGE, PLACES),
        (call("grid_sample", padding_mode="reflection"), IMAGE, PLACES),
        (lambda x: F.grid_sample(x, constant(*PLACES), mode="nearest"), IMAGE),
    ],
    "interpolate": [
        (call("interpolate", scale_factor=2), IMAGE[..., :2]),
        (call("interpolate", size=(3, 5), mode="bilinear", align_corners=True), IMAGE),
        (call("interpolate", size=(3, 5), mode="bicubic"), IMAGE),
        (call("interpolate", size=(3, 5), mode="area"), IMAGE),
    ],
    "pixel_shuffle": [(call("pixel_shuffle", 2), normal(1, 4, 2, 1))],
    "pixel_unshuffle": [(call("pixel_unshuffle", 2), normal(1, 1, 4, 2))],
    "channel_shuffle": [(call("channel_shuffle", 3), normal(1, 6, 2))],
    "local_response_norm": [(call("local_response_norm", 3, alpha=0.5), normal(1, 4, 3))],
    "unfold": [(call("unfold", 2, padding=1), IMAGE)],
    "fold": [(call("fold", (3, 3), 2), normal(1, 8, 4))],
}
INTEGERS = {"one_hot"}


def tensors(arrays):
    return [md.tensor(a, requires_grad=True) for a in arrays]


def test_every_composition_has_a_case():
    assert set(COMPOSITIONS) <= CASES.keys() | INTEGERS


@pytest.mark.parametrize("name", sorted(CASES))
def test_derivatives(name):
    """Of both orders, against differences."""
    for f, *arrays in CASES[name]:
        assert md.gradcheck(f, tensors(arrays), rtol=1e-5, atol=1e-7)
        assert md.gradgradcheck(f, tensors(arrays), rtol=1e-4, atol=1e-5)


# --- arguments --------------------------------------------------------------------------------------------------------

LEFT_OUT = {"_stacklevel", "out"}  # not a user's, or against the grain
LEFT_OUT |= {"max_norm", "norm_type", "scale_grad_by_freq", "sparse"}
MORE = {"generator"}
OTHERWISE = {  # where PyTorch's default is deprecated, or its text in error
    "softmin": "input, dim=None",
    "one_hot": "input, num_classes=-1",
}


def documented(name):
    """The signature of PyTorch's function; of a built-in one, what its text begins with."""
    functions = pytest.importorskip("torch").nn.functional
    f = getattr(functions, f"{name}_with_indices", getattr(functions, name))
    try:
        return inspect.signature(eval(f"lambda {OTHERWISE[name]}: 0") if name in OTHERWISE else f)
    except ValueError:
        return inspect.signature(eval(f"lambda {re.search(rf'{name}.(.*?). ->', f.__doc__)[1]}: 0"))


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_signature(name):
    """Names, order and defaults are PyTorch's."""

    def parameters(signature, but):
        return [(p.name, p.default) for p in signature.parameters.values() if p.name not in but]

    assert parameters(inspect.signature(PUBLIC[name]), MORE) == parameters(documented(name), LEFT_OUT)


@pytest.mark.parametrize("name", sorted({*COMPOSITIONS} - INTEGERS))
def test_anything_but_tensors_is_refused(name):
    for f, *arrays in CASES[name]:
        for i in range(len(arrays)):
            for wrong in (None, 1.0, [1.0]) if i == 0 else (1.0, [1.0]):
                given = tensors(arrays)
                given[i] = wrong
                with pytest.raises(MISTAKES, match=rf"\b{name}\b"):
                    f(*given)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_unknown_argument_is_refused_by_name(name):
    with pytest.raises(TypeError, match="nonsense"):
        PUBLIC[name](md.ones(2, 2), nonsense=1)


@pytest.mark.parametrize("name", ["batch_norm", "instance_norm", "group_norm", "layer_norm"])
def test_eps_and_momentum_must_be_numbers(name):
    """NaN is none; PyTorch's results are NaN then."""
    x = constant(*normal(2, 4, 3))
    statistics = () if name[0] in "gl" else (md.zeros(4, dtype=md.float64), md.ones(4, dtype=md.float64))
    options = dict(training=True) if name == "batch_norm" else {}
    first = {"group_norm": (2,), "layer_norm": ((3,),)}.get(name, statistics)
    getattr(F, name)(x, *first, **options, eps=1e-3)
    for eps in (float("nan"), -1e-5, "a", None):
        with pytest.raises(ValueError, match=f"{name}: eps must be a number that is not negative, got {eps!r}"):
            getattr(F, name)(x, *first, **options, eps=eps)
    if statistics:
        with pytest.raises(TypeError, match=f"{name}: momentum must be a number, got nan"):
            getattr(F, name)(x, *first, **options, momentum=float("nan"))


def test_what_pytorch_refuses_with_other_errors():
    for padding_idx in (4, -5):
        with pytest.raises(MISTAKES, match="embedding: padding_idx"):
            F.embedding(LABELS, md.ones(4, 2), padding_idx=padding_idx)
    with pytest.raises(MISTAKES, match="group_norm: .*num_groups"):
        F.group_norm(md.ones(2, 4, 3), 0)


# --- dropout ----------------------------------------------------------------------------------------------------------

DROPOUTS = pytest.mark.parametrize("name", ["dropout", "dropout2d"])


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9, 0.999])
def test_dropout_statistics(p):
    """A share p is zeroed, within five standard deviations; the rest is scaled so that the mean stays."""
    z = F.dropout(md.ones(400, 500), p).numpy()
    kept = z != 0
    assert abs(kept.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / z.size)
    np.testing.assert_allclose(z[kept], 1 / (1 - p), rtol=1e-6)
    for neighbours in (kept[1:] == kept[:-1], kept[:, 1:] == kept[:, :-1]):
        assert abs(neighbours.mean() - (p**2 + (1 - p) ** 2)) < 5 / np.sqrt(z.size)


@pytest.mark.parametrize("size", [(200, 50, 3), (200, 50, 3, 2)])
def test_dropout2d_statistics(size):
    """Whole channels are zeroed or scaled, each on its own."""
    z = F.dropout2d(md.ones(*size), 0.3).numpy().reshape(200, 50, -1)
    assert (z == z[:, :, :1]).all()
    kept = z[:, :, 0] != 0
    np.testing.assert_allclose(z[kept], 1 / 0.7, rtol=1e-6)
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.21 / kept.size)
    for neighbours in (kept[1:] == kept[:-1], kept[:, 1:] == kept[:, :-1]):
        assert abs(neighbours.mean() - 0.58) < 5 / np.sqrt(kept.size)


@DROPOUTS
def test_dropout_is_drawn_from_a_seeded_stream(name):
    drop, x = getattr(F, name), md.ones(8, 16, 1, 1)

    def drawn(generator=None):
        return drop(x, 0.5, generator=generator).numpy().ravel().tolist()

    md.manual_seed(3)
    first, second = drawn(), drawn()
    md.manual_seed(3)
    own = [drawn(md.Generator().manual_seed(3)) for _ in range(2)]
    assert first != second and own == [first, first]
    assert (drawn(), drawn()) == (first, second)  # the generator left the global stream alone
    md.manual_seed(4)
    assert drawn() != first


@DROPOUTS
@pytest.mark.parametrize("dtype", [md.float32, md.float64, md.float16])
def test_gradient_of_dropout_is_its_mask(name, dtype):
    x = md.tensor(normal(4, 6, 2, 2), dtype=dtype, requires_grad=True)
    z = getattr(F, name)(x, 0.25)
    (g,) = md.grad(z.sum(), x)
    assert z.dtype == g.dtype == dtype
    np.testing.assert_allclose(z.detach().numpy(), (x.detach() * g).numpy(), rtol=1e-3)
    assert sorted(set(g.numpy().ravel().tolist())) == pytest.approx([0, 4 / 3], rel=1e-3)


@DROPOUTS
def test_no_dropout_draws_nothing(name):
    drop, x = getattr(F, name), md.ones(8, 16, 1, 1)
    md.manual_seed(0)
    expected = drop(x, 0.5).numpy()
    md.manual_seed(0)
    assert (drop(x, 0.0).numpy() == 1).all() and (drop(x, 0.5, training=False).numpy() == 1).all()
    assert (drop(x, 0.5).numpy() == expected).all()
    assert not drop(x, 1.0).numpy().any()


@pytest.mark.parametrize("f", [F.cross_entropy, F.nll_loss])
def test_a_large_unsigned_label_is_not_taken_for_a_negative_one(f):
    with pytest.raises(ValueError, match="label 18446744073709551615 is out of range"):
        f(md.zeros(2, 3), md.Tensor(np.array([2**64 - 1, 0], np.uint64)), ignore_index=-1)
    with pytest.raises(ValueError, match="ignore_index must be a label"):
        f(md.zeros(2, 3), md.tensor([1, 0]), ignore_index=1 << 63)


@pytest.mark.parametrize("fused", [True, False])
def test_means_over_many_halves(fused):
    """Their number, as their sum, is beyond what a half can be."""
    x, zeros = np.float16(np.random.default_rng(0).random((70_000, 2))), np.zeros(70_000, int)
    with contextlib.nullcontext() if fused else md.no_fusion():
        for f in (
            lambda x: F.cross_entropy(x, md.tensor(zeros)),
            lambda x: F.nll_loss(x, md.tensor(zeros)),
            lambda x: F.mse_loss(x, 2 * x, weight=x),
        ):
            z = f(md.tensor(x))
            assert z.dtype == md.float16
            np.testing.assert_allclose(z.item(), f(md.tensor(np.float64(x))).item(), 1e-3)


def test_what_output_padding_adds_is_no_zero_where_windows_reach():
    """Less is cut off at the far side: the result with more of it goes on the one with less."""
    x, w = md.tensor(np.arange(1.0, 5.0).reshape(1, 1, 4)), md.tensor([[[1.0, 10.0, 100.0]]], dtype=md.float64)
    whole = [1, 10, 102, 20, 203, 30, 304, 40, 400]
    for padding in (0, 1):
        for extra in (0, 1):
            z = F.conv_transpose1d(x, w, stride=2, padding=padding, output_padding=extra).numpy().ravel()
            np.testing.assert_array_equal(z, [*whole, 0][padding : 9 - padding + extra])


@pytest.mark.parametrize("stride, padding, extra, size", [(5, 2, 4, 1), (4, 1, 3, 2), (7, 3, 6, 1)])
def test_a_padding_that_cuts_off_all_that_was_put_leaves_what_is_added(stride, padding, extra, size):
    z = F.conv_transpose1d(md.ones(1, 1, 1), md.ones(1, 1, 1), None, stride, padding, extra)
    assert z.tolist() == [[[0] * size]]


def test_nearest_places_are_those_of_the_rounded_size():
    """Of images that keep their size or are doubled the scale is 2 / 1, whatever was asked for, as in PyTorch."""
    x = md.arange(3.0)
    assert F.interpolate(x.reshape(1, 1, 1, 3), scale_factor=(1, 2.3))[0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert F.interpolate(x.reshape(1, 1, 3), scale_factor=2.3)[0, 0].tolist() == [0, 0, 0, 1, 1, 2]
    assert F.interpolate(x.reshape(1, 1, 3), scale_factor=2.3, recompute_scale_factor=True)[0, 0].tolist() == [
        0, 0, 1, 1, 2, 2
    ]  # fmt: skip


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_vectors_are_as_long_as_they_are_broadcast(dim):
    a, b = np.sin(np.arange(1.0, 4)).reshape(1, 3), np.cos(np.arange(6.0)).reshape(2, 3)
    whole = np.broadcast_to(a, b.shape)
    expected = (whole * b).sum(dim) / (np.linalg.norm(whole, axis=dim) * np.linalg.norm(b, axis=dim))
    for x, y in ((a, b), (b, a)):
        got = F.cosine_similarity(md.tensor(x), md.tensor(y), dim)
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_places_that_are_nowhere_see_nothing(mode):
    places = np.array([[0.0, 0.0], [np.nan, 0.0], [0.0, np.inf], [-np.inf, np.nan]]).reshape(1, 1, 4, 2)
    images, grid = (md.tensor(a, requires_grad=True) for a in (np.ones((1, 2, 3, 3)), places))
    z = F.grid_sample(images, grid, mode, align_corners=False)
    assert z.tolist() == [[[[1, 0, 0, 0]], [[1, 0, 0, 0]]]]
    z.sum().backward()
    assert images.grad.sum().item() == 2 and not grid.grad.isnan().any()
