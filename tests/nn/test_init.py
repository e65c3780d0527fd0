"""First values of parameters, held against the distributions that theory gives them."""

import math
import tracemalloc

import numpy as np
import pytest
import scipy.stats

import minidl as md
from minidl import nn
from minidl.nn import init

SHAPES = [(40, 300), (300, 40), (16, 8, 5, 3), (30, 20, 7)]


def weight(*shape, dtype=np.float32):
    return nn.Parameter(np.full(shape, np.nan, dtype))


def fans(shape):
    field = np.prod(shape[2:], dtype=int)
    return shape[1] * field, shape[0] * field


def uniform(low, high):
    return scipy.stats.uniform(low, high - low)


def symmetric(variance):
    """Uniform around 0, of this variance."""
    return uniform(-math.sqrt(3 * variance), math.sqrt(3 * variance))


def normal(variance):
    return scipy.stats.norm(0, math.sqrt(variance))


def glorot(shape):
    return 2 / sum(fans(shape))


# the call, and the distribution that it must give a weight of a shape
RANDOM = {
    "uniform_": (init.uniform_, lambda s: uniform(0, 1)),
    "uniform_(-3, 5)": (lambda w, **k: init.uniform_(w, -3, 5, **k), lambda s: uniform(-3, 5)),
    "normal_": (init.normal_, lambda s: normal(1)),
    "normal_(2, 3)": (lambda w, **k: init.normal_(w, 2, 3, **k), lambda s: scipy.stats.norm(2, 3)),
    "trunc_normal_": (init.trunc_normal_, lambda s: scipy.stats.truncnorm(-2, 2)),
    "trunc_normal_ of one side": (
        lambda w, **k: init.trunc_normal_(w, 1, 2, 1, math.inf, **k), lambda s: scipy.stats.truncnorm(0, math.inf, 1, 2)
    ),
    "trunc_normal_ of the upper tail": (
        lambda w, **k: init.trunc_normal_(w, 0, 1, 10, 12, **k), lambda s: scipy.stats.truncnorm(10, 12)
    ),
    "trunc_normal_ of the lower tail": (
        lambda w, **k: init.trunc_normal_(w, 5, 0.5, -9, -2, **k), lambda s: scipy.stats.truncnorm(-28, -14, 5, 0.5)
    ),
    "xavier_uniform_": (init.xavier_uniform_, lambda s: symmetric(glorot(s))),
    "xavier_uniform_(3)": (lambda w, **k: init.xavier_uniform_(w, 3, **k), lambda s: symmetric(9 * glorot(s))),
    "xavier_normal_": (init.xavier_normal_, lambda s: normal(glorot(s))),
    "xavier_normal_(0.1)": (lambda w, **k: init.xavier_normal_(w, gain=0.1, **k), lambda s: normal(0.01 * glorot(s))),
    "lecun_uniform_": (init.lecun_uniform_, lambda s: symmetric(1 / fans(s)[0])),
    "lecun_normal_": (init.lecun_normal_, lambda s: normal(1 / fans(s)[0])),
    "kaiming_uniform_": (init.kaiming_uniform_, lambda s: symmetric(2 / fans(s)[0])),
    "kaiming_uniform_(a=2)": (lambda w, **k: init.kaiming_uniform_(w, 2, **k), lambda s: symmetric(2 / 5 / fans(s)[0])),
    "kaiming_normal_": (init.kaiming_normal_, lambda s: normal(2 / fans(s)[0])),
    "kaiming_normal_ out": (
        lambda w, **k: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh", **k),
        lambda s: normal(25 / 9 / fans(s)[1]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", RANDOM)
def test_distributions(name, shape, dtype):
    """Bounds, mean, variance, and the Kolmogorov-Smirnov distance to the distribution function."""
    fill, distribution = RANDOM[name]
    w, expected = weight(*shape, dtype=dtype), distribution(shape)
    assert fill(w) is w and w.dtype == dtype and w.requires_grad and w.is_leaf
    x, n = w.array.ravel().astype(np.float64), w.array.size
    assert dtype == np.float32 or not np.array_equal(x, x.astype(np.float32))
    low, high = expected.support()
    slack = 2 * np.finfo(dtype).eps * max(abs(v) for v in (low, high) if np.isfinite(v)) if np.isfinite(low) else 0
    assert low - slack <= x.min() and x.max() <= high + slack
    mean, variance, kurtosis = map(float, expected.stats("mvk"))
    assert abs(x.mean() - mean) < 4.5 * math.sqrt(variance / n)
    assert abs(x.var() - variance) < 4.5 * variance * math.sqrt((kurtosis + 2) / n)
    assert scipy.stats.kstest(x, expected.cdf).pvalue > 1e-4


def test_truncation_is_exact():
    a, b = 7, 7 + 1e-14
    x = init.trunc_normal_(weight(9, 9, dtype=np.float64), a=a, b=b).array
    assert a <= x.min() < x.max() <= b


@pytest.mark.parametrize("name", [*RANDOM, "orthogonal_"])
def test_streams(name):
    """The global stream moves on with each call; a generator's own is used instead where one is given."""
    fill = RANDOM[name][0] if name in RANDOM else init.orthogonal_

    def drawn(**k):
        return fill(weight(6, 5), **k).detach().numpy()

    md.manual_seed(3)
    first, second = drawn(), drawn()
    own = [drawn(generator=md.Generator().manual_seed(seed)) for seed in (3, 4)]
    md.manual_seed(3)
    assert np.array_equal(first, drawn()) and np.array_equal(first, own[0])
    assert not np.array_equal(first, second) and not np.array_equal(*own)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", ["uniform_(-3, 5)", "normal_(2, 3)"])
def test_large_weights_are_drawn_in_pieces(name, dtype, monkeypatch):
    """By all threads, the same on any number of them; no piece is another, and the stream moves on."""
    monkeypatch.setattr(init, "PIECE", 600)
    fill, distribution = RANDOM[name]
    before, found = md.get_num_threads(), []
    for threads in (1, 3):
        md.set_num_threads(threads)
        source = md.Generator().manual_seed(1)
        found.append([fill(weight(50, 50, dtype=dtype), generator=source).detach().numpy().ravel() for _ in range(2)])
    md.set_num_threads(before)
    np.testing.assert_array_equal(*found)
    drawn = np.concatenate(found[0]).astype(np.float64)
    assert scipy.stats.kstest(drawn, distribution(None).cdf).pvalue > 1e-4
    pieces = [part[start : start + 50] for part in found[0] for start in range(0, 2500, 600)]
    assert all(abs(np.corrcoef(pieces) - np.eye(10))[np.triu_indices(10, 1)] < 0.6)


@pytest.mark.parametrize("gain", [1, 0.3])
@pytest.mark.parametrize("shape", [(5, 5), (40, 7), (7, 40), (16, 3, 3, 3), (8, 16, 3), (1, 9), (9, 1)], ids=str)
def test_orthogonal(shape, gain):
    """QᵀQ = gain² · I over the smaller side."""
    w = init.orthogonal_(weight(*shape, dtype=np.float64), gain).array.reshape(shape[0], -1)
    w = w if w.shape[0] >= w.shape[1] else w.T
    np.testing.assert_allclose(w.T @ w, gain**2 * np.eye(w.shape[1]), atol=1e-14)


def test_orthogonal_matrices_are_uniform():
    """Every element of a uniform rotation is distributed alike: (q + 1) / 2 as Beta((n − 1) / 2, (n − 1) / 2)."""
    n = 4
    q = np.array([init.orthogonal_(weight(n, n)).detach().numpy() for _ in range(2000)])
    for i in range(n):
        for j in range(n):
            expected = scipy.stats.beta((n - 1) / 2, (n - 1) / 2, loc=-1, scale=2)
            assert scipy.stats.kstest(q[:, i, j], expected.cdf).pvalue > 1e-4
    assert 0.4 < (np.linalg.det(q) > 0).mean() < 0.6


@pytest.mark.parametrize("fill, value", [
    (init.zeros_, 0), (init.ones_, 1), (lambda w: init.constant_(w, 0.1), 0.1), (lambda w: init.constant_(w, -2), -2),
])  # fmt: skip
@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (2, 3, 4)])
def test_constants(fill, value, shape):
    w = weight(*shape, dtype=np.float64)
    assert fill(w) is w and (w.array == value).all()


def test_filling_is_on_record():
    w = weight(2, 2)
    w.array[:] = 1
    z = (w * w).sum()
    init.ones_(w)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


@pytest.mark.parametrize("name", [*RANDOM, "orthogonal_"])
def test_half_precision_is_drawn_in_single(name):
    """And rounded: the stream moves on as for float32."""
    fill = RANDOM[name][0] if name in RANDOM else init.orthogonal_
    half, single = (fill(weight(6, 5, dtype=d), generator=md.Generator().manual_seed(3)) for d in ("f2", "f4"))
    assert half.dtype == md.float16 and np.array_equal(half.array, single.array.astype("f2"))


W = weight(2, 2)


def test_what_changes_no_variance_has_no_gain():
    for name in ("linear", "sigmoid", *(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3))):
        assert init.calculate_gain(name) == 1


@pytest.mark.parametrize("call, said", [
    (lambda: init.uniform_(W, 2, 1), "uniform_: expected a ≤ b, got 2 and 1"),
    (lambda: init.normal_(W, 0, -1), "normal_: std must not be negative, got -1"),
    (lambda: init.trunc_normal_(W, std=0), "std > 0 and a < b, got std=0"),
    (lambda: init.trunc_normal_(W, std=-1), "got std=-1"),
    (lambda: init.trunc_normal_(W, a=2, b=2), "a=2 and b=2"),
    (lambda: init.trunc_normal_(W, a=40, b=41), r"no numbers of mean 0.0 and std 1.0 lie in \[40, 41\]"),
    (lambda: init.trunc_normal_(W, a=-41, b=-40), r"lie in \[-41, -40\]"),
    (lambda: init.xavier_normal_(md.zeros(3)), "2 dimensions and 1 element, got 3"),
    (lambda: init.xavier_uniform_(md.zeros(3, 0)), "2 dimensions and 1 element, got 3×0"),
    (lambda: init.orthogonal_(md.zeros(3)), "at least 2 dimensions, got 3"),
    (lambda: init.eye_(md.zeros(3)), "eye_: expected a matrix, got 3"),
    (lambda: init.sparse_(md.zeros(3), 0.5), "sparse_: expected a matrix, got 3"),
    (lambda: init.dirac_(md.zeros(3, 2)), "dirac_: expected a weight .* of 3 to 5 dimensions, got 3×2"),
    (lambda: init.dirac_(md.zeros(3, 2, 2), 2), "dirac_: groups must divide 3 outputs, got 2"),
    (lambda: init.kaiming_normal_(W, mode="out"), "'fan_in' or 'fan_out', got 'out'"),
    (lambda: init.kaiming_normal_(W, nonlinearity="swish"), "one of linear, .*relu.*, got 'swish'"),
    (lambda: init.calculate_gain("gelu"), "got 'gelu'"),
])  # fmt: skip
def test_mistakes(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize(
    "fill", ["uniform_", "normal_", "trunc_normal_", "orthogonal_", "kaiming_normal_", "xavier_uniform_"]
)
def test_random_numbers_need_a_floating_tensor(fill):
    with pytest.raises(TypeError, match="needs a floating dtype, got int64"):
        getattr(init, fill)(md.zeros(2, 2, dtype=md.int64))
    with pytest.raises(TypeError, match="expected a Tensor, got ndarray"):
        getattr(init, fill)(np.zeros((2, 2)))
    assert init.constant_(md.zeros(2, dtype=md.int64), 3).numpy().tolist() == [3, 3]


@pytest.mark.parametrize("fill", [init.kaiming_normal_, init.kaiming_uniform_])
def test_nothing_to_fill(fill):
    w = weight(0, 3)
    with pytest.warns(UserWarning, match="without elements"):
        assert fill(w) is w
    assert init.orthogonal_(w) is w


def test_data_can_be_filled():
    """As much code does, where it is the parameter that is meant."""
    layer = nn.Linear(3, 2)
    returned = init.constant_(layer.weight.data, 0.5)
    assert (layer.weight == 0.5).all() and (returned == 0.5).all() and layer.weight.requires_grad
    assert init._calculate_fan_in_and_fan_out(layer.weight) == (3, 2)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_eye(shape):
    w = weight(*shape)
    assert init.eye_(w) is w and (w.array == np.eye(*shape)).all()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("inside", [(5,), (4, 3), (3, 3, 2)])
def test_dirac_passes_channels_on(groups, inside):
    w = weight(6, 2, *inside)
    assert init.dirac_(w, groups) is w and w.array.sum() == 4 // (3 - groups)
    for group in range(groups):
        for channel in range(2):
            kernel = w.array[group * 6 // groups + channel, channel]
            assert kernel[tuple(n // 2 for n in inside)] == 1
    if len(inside) == 1:
        x = md.randn(1, 2 * groups, 7)
        z = md.functional.conv1d(x, w, padding=2, groups=groups)
        assert (z[:, :: 6 // groups] == x[:, ::2]).all() and (z[:, 1 :: 6 // groups] == x[:, 1::2]).all()


@pytest.mark.parametrize("sparsity, zeros", [(0.5, 20), (0.51, 21), (0.0, 0)])
def test_sparse(sparsity, zeros):
    w = weight(40, 300)
    assert init.sparse_(w, sparsity, 2.0) is w
    assert ((w.array == 0).sum(0) == zeros).all()
    rows = (w.array == 0).sum(1) / 300
    assert np.ptp(rows) < 0.4 and abs(w.array[w.array != 0].std() - 2) < 0.1
    a, b = (init.sparse_(weight(40, 3), 0.5, generator=md.Generator().manual_seed(1)) for _ in range(2))
    assert (a == b).all()


OLD = "uniform normal constant eye dirac orthogonal xavier_uniform xavier_normal kaiming_uniform kaiming_normal"


@pytest.mark.parametrize("name", [*OLD.split(), "kaiming_norma_"])
def test_names_that_are_not_here_say_which_is(name):
    new = "kaiming_normal_" if name == "kaiming_norma_" else f"{name}_"
    with pytest.raises(AttributeError, match=f"minidl.nn.init has no {name}; did you mean {new}"):
        getattr(init, name)
    assert callable(getattr(init, new))


# --- layers' own ------------------------------------------------------------------------------------------------------


def test_an_embedding_draws_normal_rows_and_a_zero_one():
    table = nn.Embedding(60, 50, padding_idx=2).weight.detach().numpy()
    assert not table[2].any()
    assert scipy.stats.kstest(np.delete(table, 2, 0).ravel(), "norm").pvalue > 1e-3


def test_vgg_draws_by_its_outputs():
    """He initialisation with mode fan_out, biases of 0 (torchvision's)."""
    net = md.models.vgg.VGGStyle(nn.Sequential(nn.Conv2d(8, 64, 3)), nn.Sequential(nn.Linear(9, 9)))
    conv = net.features[0]
    assert not conv.bias.detach().numpy().any()
    assert scipy.stats.kstest(conv.weight.detach().numpy().ravel(), normal(2 / (64 * 9)).cdf).pvalue > 1e-3


# --- none -------------------------------------------------------------------------------------------------------------


def test_layers_without_first_values_draw_nothing():
    """Their shapes are theirs, the stream of random numbers stays where it is, and later layers are filled again."""
    state = md.get_rng_state()
    layer = nn.utils.skip_init(nn.Conv2d, 2, 4, kernel_size=3, bias=False)
    assert layer.weight.shape == (4, 2, 3, 3) and layer.bias is None and layer.weight.requires_grad
    for draw in (init.uniform_, init.normal_, init.trunc_normal_, init.zeros_):
        tensor = nn.utils.skip_init(lambda draw=draw: draw(md.full((3,), 7.0)))
        np.testing.assert_array_equal(tensor.numpy(), 7)
    np.testing.assert_array_equal(md.get_rng_state().numpy(), state.numpy())
    with pytest.raises(KeyError):
        nn.utils.skip_init(lambda: {}["module"])
    assert init.ones_(md.zeros(2)).numpy().all()


# --- the memory that is drawn into ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", [nn.init.normal_, nn.init.uniform_])
@pytest.mark.parametrize("dtype", [md.float16, md.float32, md.float64])
def test_numbers_are_the_same_wherever_they_are_drawn_into(fill, dtype):
    """Right into a tensor's memory, or beside it, where it has another order."""
    ours, turned = md.zeros(3, 4, dtype=dtype), md.zeros(4, 3, dtype=dtype).T
    assert fill(ours, 1.0, 3.0, md.Generator().manual_seed(5)) is ours
    fill(turned, 1.0, 3.0, md.Generator().manual_seed(5))
    np.testing.assert_array_equal(ours.numpy(), turned.numpy())
    assert len(np.unique(ours.numpy())) == 12


@pytest.mark.parametrize("fill", [nn.init.normal_, nn.init.uniform_])
def test_no_other_memory_is_needed(fill):
    tensor = md.zeros(500_000)
    tracemalloc.start()
    try:
        fill(tensor, 0.5)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("fill", [nn.init.normal_, nn.init.uniform_])
def test_drawing_is_a_write_that_backward_sees(fill):
    x, w = md.ones(3, requires_grad=True), md.ones(3)
    loss = (x * w).sum()
    fill(w)
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()
