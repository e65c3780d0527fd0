"""minidl beside PyTorch: every public op, function, layer and optimizer on the same numbers.

A case is a function ``f(m, *tensors)`` that runs on either library: `m` is `OURS` or `THEIRS`.
"""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

import minidl as md
from minidl.ops import elementwise, linalg, loss, reduce, shape

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")
torch.set_num_threads(1)

TABLES = vars(elementwise) | vars(reduce) | vars(shape) | vars(linalg) | vars(loss)
OURS = SimpleNamespace(**TABLES | dict(F=md.functional, nn=md.nn, optim=md.optim, tensor=md.tensor, grad=md.grad))
THEIRS = SimpleNamespace(
    **vars(torch) | dict(F=torch.nn.functional, pad=torch.nn.functional.pad, grad=torch.autograd.grad)
)
RNG = np.random.default_rng(0)


def normal(*size):
    return np.asarray(RNG.standard_normal(size))


def ties(*size):
    """Few different numbers."""
    return RNG.integers(-2, 3, size).astype(float)


def labels(*size, classes=5):
    return RNG.integers(0, classes, size)


def call(name, *args, **options):
    """A case: the function of that name, with these arguments after the tensors."""
    return lambda m, *xs: getattr(m, name)(*xs, *args, **options)


def functional(name, *args, **options):
    """A case: the same, of ``functional``."""
    return lambda m, *xs: getattr(m.F, name)(*xs, *args, **options)


def dtype_name(x):
    return str(x.dtype).removeprefix("torch.")


def like(m, x, values):
    """A constant in the dtype of x."""
    return m.tensor(np.asarray(values, dtype_name(x)))


# --- the comparison ---------------------------------------------------------------------------------------------------


def same(got, want, tol=1e-11):
    """Equal dtypes and shapes, and values within `tol` of the largest."""
    for a, b in zip(got, want, strict=True):
        a, b = a.detach().numpy(), b.detach().numpy(force=True)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol * np.abs(b[np.isfinite(b)] * 1.0).max(initial=0))


def pull(m, outputs, inputs, create_graph):
    """The gradients of the outputs that have any, under random cotangents; zeros where none has."""
    rng = np.random.default_rng(1)
    pairs = [(z, like(m, z, rng.standard_normal(tuple(z.shape)))) for z in outputs]
    pairs = [(z, v) for z, v in pairs if z.requires_grad]
    if not pairs or not inputs:
        return [like(m, x, np.zeros(tuple(x.shape))) for x in inputs]
    options = dict(retain_graph=True, create_graph=create_graph, materialize_grads=True)
    return m.grad([z for z, _ in pairs], inputs, [v for _, v in pairs], **options)


def results(m, f, arrays, order):
    """What f gives; its gradients; for order 2 the same recorded, and the gradients of those."""
    tensors = [m.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    inputs = [x for x in tensors if x.requires_grad]
    z = f(m, *tensors)
    z = list(z) if isinstance(z, tuple) else [z]
    yield z
    yield pull(m, z, inputs, create_graph=False)
    if order == 2:
        yield (first := pull(m, z, inputs, create_graph=True))
        yield pull(m, first, inputs, create_graph=False)


def compare(f, *arrays, order=2, tol=1e-11):
    """f(m, *tensors) and its gradients up to `order` are the same on both."""
    for got, want in zip(results(OURS, f, arrays, order), results(THEIRS, f, arrays, order), strict=True):
        same(got, want, tol)


# --- the ops ----------------------------------------------------------------------------------------------------------

SHAPES = [((2, 3), (2, 3)), ((2, 1, 3), (4, 1)), ((), (3,)), ((0, 3), (1, 3))]
RANKS = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,))]
RANKS += [((3,), (5, 3, 2)), ((2, 3), (5, 3, 2)), ((5, 1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 2))]
REDUCED = [{}, {"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}, {"dim": (-1, 0, 1), "keepdim": True}]
INDICES = [
    0, -1, (1, 1), slice(None, None, 2), (..., 1), (None, slice(1, 3)), (slice(None), None, 1), [1, 1],
    (0, ..., slice(-2, None)), np.array([2, 0, 2]), np.array([[0, 1], [2, 2]]), (np.array([0, 2]), np.array([1, 1])),
    (slice(None), np.array([-1, 0])), (slice(1, None), np.array([0, 0]), slice(None, None, 3)),
    (np.array([[0], [1]]), slice(2), np.array([1, 3])), ([0, 1], ..., [1, 2]), np.array([True, False, True]),
    np.arange(24).reshape(3, 2, 4) % 3 == 0, (np.array([True, False, True]), 1), (np.array([False] * 3), slice(1)),
    (np.array([True, True, False]), slice(None), np.array([0, 3])),
]  # fmt: skip
BASES = np.array([-2.0, -1.5, 0.0, 0.5, 2.0, np.inf])
EDGES = np.array([-720.0, -30.0, -1.5, -0.0, 0.0, 0.3, 1.0, 2.0, 30.0])
POWERS = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 2.5])

CASES = {
    f"{name} {a} {b}": (call(name), normal(*a), normal(*b))
    for name, (a, b) in product(["add", "sub", "mul", "div", "maximum", "minimum"], SHAPES)
}
CASES |= {name: (call(name), normal(3, 4)) for name in ("neg", "exp", "tanh", "sigmoid", "abs", "relu", "sign")}
CASES |= {name: (call(name), abs(normal(3, 4)) + 0.1) for name in ("log", "sqrt")}
CASES |= {
    "pow": (call("pow"), abs(normal(2, 1, 3)) + 0.1, normal(4, 1)),
    "number ** x": (lambda m, x: 2.5**x, normal(3)),
    "1 - x, 1 / x": (lambda m, x: 1 - 1 / x, normal(3)),
    "x + x": (lambda m, x: (x + x) * x, normal(3)),
    "where": (lambda m, x, y: m.where(x > y, x, y * 2), normal(2, 3), normal(3)),
    "where number": (lambda m, x: m.where(x > 0, x, -1.0), normal(2, 3)),
    "clip": (call("clip", -0.5, 0.5), normal(9)),
    "clip on the bounds": (call("clip", -1, 1), ties(9)),
    "clip below": (call("clip", min=0.1), normal(9)),
    "clip above": (call("clip", max=0.1), normal(9)),
    "clip crossed": (call("clip", 1, -1), normal(9)),
    "maximum ties": (call("maximum"), ties(20), ties(20)),
    "minimum ties": (call("minimum"), ties(20), ties(20)),
}
CASES |= {f"{name} {k}": (call(name, **k), normal(3, 2, 4)) for name, k in product(["sum", "mean", "var"], REDUCED)}
CASES |= {f"{name} {k}": (call(name, **k), ties(3, 2, 4)) for name, k in product(["amax", "amin"], REDUCED)}
CASES |= {
    f"{name} {k}": (call(name, **k), ties(3, 2, 4))
    for name, k in product(["max", "min", "argmax", "argmin"], [{}, {"dim": 0}, {"dim": -1, "keepdim": True}])
}
CASES |= {f"var correction {c}": (call("var", 0, correction=c), normal(4, 3)) for c in (0, 2, 0.5)}
CASES |= {f"{a} @ {b}": (call("matmul"), normal(*a), normal(*b)) for a, b in RANKS}
CASES |= {f"x[{i!r}]": (lambda m, x, i=i: x[i], normal(3, 2, 4)) for i in INDICES}
CASES |= {
    "reshape": (call("reshape", (4, -1)), normal(3, 2, 4)),
    "reshape method": (lambda m, x: x.reshape(2, 12), normal(3, 2, 4)),
    "reshape permuted": (lambda m, x: m.permute(x, (2, 0, 1)).reshape(6, 4), normal(3, 2, 4)),
    "permute": (call("permute", (-1, 0, 1)), normal(3, 2, 4)),
    "transpose": (call("transpose", 0, -1), normal(3, 2, 4)),
    "x.T": (lambda m, x: x.T, normal(3, 2)),
    "flatten": (call("flatten", 1), normal(3, 2, 4)),
    "flatten 0-d": (call("flatten"), normal()),
    "squeeze": (call("squeeze"), normal(1, 2, 1)),
    "squeeze dim": (call("squeeze", (0, 1)), normal(1, 2, 1)),
    "unsqueeze": (call("unsqueeze", -1), normal(2)),
    "expand": (lambda m, x: x.expand(4, 2, -1), normal(2, 1)),
    "pad": (call("pad", (1, 0, 2, 1), value=1.5), normal(2, 3)),
    "pad crops": (call("pad", (-1, 2, 0, -1)), normal(3, 3)),
    "cat": (lambda m, *xs: m.cat(xs, 1), normal(2, 1), normal(2, 3), normal(2, 0)),
    "cat the same": (lambda m, x: m.cat([x, x * x, x], -1), normal(2, 2)),
    "stack": (lambda m, *xs: m.stack(xs, -1), normal(2, 3), normal(2, 3)),
    "mean of nothing": (call("mean"), normal(0, 3)),
    "sum of nothing": (call("sum", 0), normal(0, 3)),
    "relu": (functional("relu"), normal(4)),
    "linear": (functional("linear"), normal(2, 5, 3), normal(4, 3), normal(4)),
    "linear vector": (functional("linear"), normal(3), normal(4, 3), normal(4)),
    "linear no bias": (functional("linear"), normal(2, 3), normal(4, 3)),
    "dropout nothing": (functional("dropout", 0.0), normal(4)),
    "dropout everything": (functional("dropout", 1.0), normal(4)),
    "dropout eval": (functional("dropout", 0.5, False), normal(4)),
}
SOFTMAXES = ("softmax", "log_softmax")
CASES |= {f"{name} over no dim": (call(name, dim=()), normal(2, 3)) for name in ("sum", "mean", "amax")}
CASES |= {f"{name} of 0-d": (call(name, 0), normal()) for name in ("sum", "amax", "max", "argmax")}
CASES |= {f"{name} of 0-d": (functional(name, 0), normal()) for name in SOFTMAXES}
CASES |= {f"{name} dim {d}": (functional(name, d), normal(3, 2, 4)) for name in SOFTMAXES for d in (0, -1)}
CASES |= {f"{name} large": (functional(name, 1), 400 * normal(2, 5)) for name in SOFTMAXES}
CASES |= {f"{name} masked": (functional(name, 0), np.array([1.0, -np.inf, 0.5])) for name in SOFTMAXES}


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 2e-5)])
@pytest.mark.parametrize("case", CASES)
def test_op(case, dtype, tol):
    f, *arrays = CASES[case]
    compare(f, *(a.astype(dtype) for a in arrays), tol=tol)


EDGE_CASES = {name: (call(name), EDGES) for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "abs", "relu", "sign")}
EDGE_CASES |= {f"x ** {p}": (call("pow", p), BASES) for p in (*POWERS.tolist(), 0, 1, 2, -1)}
EDGE_CASES |= {
    "x ** y": (call("pow"), np.repeat(BASES, len(POWERS)), np.tile(POWERS, len(BASES))),
    "0 ** y": (lambda m, y: 0.0**y, POWERS),
    "x / 0": (call("div"), BASES, 0 * POWERS[:6]),
    "inf - inf": (call("sub"), np.array([np.inf, 1.0]), np.array([np.inf, np.inf])),
    "inf · 0": (call("mul"), np.array([np.inf, 0.0]), np.array([0.0, np.nan])),
    "overflow": (lambda m, x: (x * x).sum() + x.sum(), np.array([1e200, 1.7e308, 1.7e308])),
    "inf @": (call("matmul"), np.array([[np.inf, 1.0]]), np.array([[0.0], [1.0]])),
    "where inf": (lambda m, x: m.where(x > 1, x, x * 0 + 1), np.array([2.0, 0.5])),
    "relu of inf": (call("relu"), np.array([np.inf, -np.inf])),
    "softmax of inf": (functional("softmax", 0), np.array([np.inf, 1.0])),
    "log_softmax of -inf": (functional("log_softmax", 0), np.array([-np.inf, -np.inf])),
    "var of one": (call("var", correction=0), np.array([1.0])),
    "maximum of nan": (lambda m, x: m.maximum(x, x * 0).detach(), np.array([np.nan, 1.0])),
    "max pool of nan": (functional("max_pool2d", 2, 1), np.array([[[[1, np.nan, 2], [3, np.nan, 4], [5, 6, 7]]]])),
    "max pool of -inf": (functional("max_pool2d", 2, 1, 1), np.full((1, 1, 3, 3), -np.inf)),
    "ignored row of inf": (
        lambda m, x: m.F.cross_entropy(x, m.tensor(np.array([-100, 1]))), np.array([[-np.inf, 1.0], [2.0, 1.0]])
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDGE_CASES)
def test_where_numbers_end(case):
    compare(*EDGE_CASES[case], order=1)


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_comparison(name, dtype):
    compare(call(name), ties(3, 4).astype(dtype), ties(4).astype("int64"), order=1)


DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
OPERANDS = {f"{d} {n}-d": np.ones((2,) * n, d) for d in DTYPES for n in (0, 1)} | {"True": True, "2": 2, "2.0": 2.0}


@pytest.mark.parametrize("name", ["add", "mul", "div", "maximum"])
def test_promotion(name):
    def promoted(m, *operands):
        arrays = np.ndarray if m is OURS or name != "maximum" else object  # torch.maximum takes no numbers
        return dtype_name(getattr(m, name)(*(m.tensor(a) if isinstance(a, arrays) else a for a in operands)))

    pairs = [(a, b) for a, b in product(OPERANDS, OPERANDS) if "d" in a and (name != "maximum" or "d" in b)]
    got, want = ({(a, b): promoted(m, OPERANDS[a], OPERANDS[b]) for a, b in pairs} for m in (OURS, THEIRS))
    assert got == want


INTEGER_CASES = {
    "sum": call("sum"),
    "sum dim": call("sum", 0),
    "amax": call("amax", 1),
    "argmax": call("argmax", 1),
    "clip": call("clip", 1, 2),
    "clip by floats": call("clip", 0.5, 2.5),
    "matmul": lambda m, x: x @ x.T,
    "square": lambda m, x: x**2,
    "root": lambda m, x: x**0.5,
    "sqrt": call("sqrt"),
    "x / 255": lambda m, x: x / 255,
    "max_pool2d": lambda m, x: m.F.max_pool2d(x.reshape(1, 1, 3, 4), 2, padding=1),
}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
@pytest.mark.parametrize("case", INTEGER_CASES)
def test_integers(case, dtype):
    compare(INTEGER_CASES[case], RNG.integers(0, 9, (3, 4)).astype(dtype), order=1, tol=1e-6)


@pytest.mark.parametrize("name", ["vjp", "jvp", "hvp", "jacobian"])
def test_derivatives_of_functions(name):
    def derivative(m, x, v):
        library = md if m is OURS else torch.autograd.functional
        f = (lambda x: m.exp(x).sum() * x[0]) if name == "hvp" else (lambda x: m.exp(x) * x[0])
        return getattr(library, name)(f, x, *[v] * (name != "jacobian"))

    compare(derivative, normal(3), normal(3), order=1)


# --- windows ----------------------------------------------------------------------------------------------------------

CONVOLUTIONS = [
    options
    for options in product([1, 3, (2, 3)], [1, 2, (2, 1)], [0, 1, (1, 2), "same", "valid"], [1, (1, 2)], [1, 2, 4])
    if options[2] != "same" or options[1] == 1
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel, stride, padding, dilation, groups", CONVOLUTIONS)
def test_conv2d(kernel, stride, padding, dilation, groups):
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    batch = (2,) * (kernel != 1)  # a 1×1 convolution is tried unbatched
    x, w, b = normal(*batch, 4, 6, 7), normal(8, 4 // groups, *size), normal(8)
    f = functional("conv2d", stride=stride, padding=padding, dilation=dilation, groups=groups)
    compare(f, x, w, *[b] * (stride == 1), order=1 + (groups == 2))


@pytest.mark.parametrize("n, channels, size", [(2, 3, 9), (1, 1, 28), (0, 2, 5)])
def test_conv2d_float32(n, channels, size):
    x, w = normal(n, channels, size, size), normal(6, channels, 5, 5)
    compare(functional("conv2d"), x.astype("float32"), w.astype("float32"), tol=1e-4)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("dilation", [1, 2, (1, 3)])
@pytest.mark.parametrize("padding", [0, 1, (1, 0)])
@pytest.mark.parametrize("stride", [None, 1, (2, 3)])
@pytest.mark.parametrize("kernel", [2, 3, (2, 3)])
def test_max_pool2d(kernel, stride, padding, dilation, ceil_mode):
    f = functional("max_pool2d", kernel, stride, padding, dilation, ceil_mode)
    compare(f, (normal if ceil_mode else ties)(2, 3, 7, 8))


@pytest.mark.parametrize("count", [{"count_include_pad": True}, {"count_include_pad": False}, {"divisor_override": 3}])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("padding", [0, 1, (1, 0)])
@pytest.mark.parametrize("stride", [None, 1, (2, 3), 4])
@pytest.mark.parametrize("kernel", [2, 3, (2, 3)])
def test_avg_pool2d(kernel, stride, padding, ceil_mode, count):
    compare(functional("avg_pool2d", kernel, stride, padding, ceil_mode, **count), normal(2, 3, 7, 8))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [(3, 7, 8), (0, 3, 7, 8)])
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_pooling_unbatched_and_empty(name, size, dtype):
    compare(functional(name, 2), normal(*size).astype(dtype), tol=1e-6)


# --- losses -----------------------------------------------------------------------------------------------------------

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


# --- layers, state, optimizers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    {}, {"momentum": 0.3, "eps": 1e-3}, {"momentum": None}, {"affine": False}, {"track_running_stats": False},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("layer, size", [("BatchNorm1d", (4,)), ("BatchNorm1d", (4, 3)), ("BatchNorm2d", (4, 2, 3))])
def test_batch_norm(layer, size, options):
    """Three batches in training, then one in evaluation, with the state after each."""
    batches = [3 * normal(n, *size) + 10 for n in (5, 4, 7, 3)]
    start = {"weight": normal(4), "bias": normal(4)} if options.get("affine", True) else {}

    def f(m, *xs):
        made = getattr(m.nn, layer)(4, **options).to(md.float64 if m is OURS else torch.float64)
        made.load_state_dict({name: m.tensor(value) for name, value in start.items()}, strict=False)
        training = [made(x) for x in xs[:3]]
        counted = [v * 1.0 for v in made.state_dict().values()]
        weights = list(made.parameters())
        return *training, made.eval()(xs[3]), *counted, *pull(m, training, weights, create_graph=False)

    compare(f, *batches)


@pytest.mark.parametrize("vectors", [0, 1, 2])
@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-4)])
def test_batch_norm_function(vectors, dtype, tol):
    arrays = [a.astype(dtype) for a in (normal(4, 3, 2, 2), normal(3), normal(3))[: 1 + vectors]]
    compare(lambda m, x, *v: m.F.batch_norm(x, None, None, *v, training=True), *arrays, tol=tol)


def simplenet(nn):
    """SimpLeNet, in either library: the features, and the classifier on them."""
    features = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU()
    )
    classifier = nn.Sequential(nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10))
    return features, classifier


def small_net(nn):
    """Convolution and batch normalisation, with all their buffers."""
    features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    return features, nn.Sequential(nn.Flatten())


class Whole(torch.nn.Module):
    """Features and classifier under the names that minidl's models have."""

    def __init__(self, build):
        super().__init__()
        self.features, self.classifier = build(torch.nn)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class OurWhole(md.nn.Module):
    def __init__(self, build):
        self.features, self.classifier = build(md.nn)

    forward = Whole.forward


@pytest.mark.parametrize("build, ours", [(simplenet, lambda _: md.models.SimpLeNet()), (small_net, OurWhole)])
def test_state_dicts_interchange(build, ours, tmp_path):
    theirs, model, x = Whole(build), ours(build), normal(4, 1, 28, 28).astype("float32")
    theirs(torch.tensor(x))  # running statistics move away from their start
    assert list(model.state_dict()) == list(theirs.state_dict())
    safetensors_torch.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    model.load_state_dict(md.load(tmp_path / "theirs.safetensors"), strict=True)
    same([model.eval()(md.tensor(x))], [theirs.eval()(torch.tensor(x))], tol=1e-5)

    for tensor in model.state_dict().values():
        tensor.copy_(tensor * 0.9 + 1)
    md.save(model.state_dict(), tmp_path / "ours.safetensors")
    theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "ours.safetensors"), strict=True)
    same([model(md.tensor(x))], [theirs(torch.tensor(x))], tol=1e-5)


OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"betas": (0.0, 0.0)}),
]


@pytest.mark.parametrize("name, options", OPTIMIZERS, ids=str)
def test_optimizer(name, options):
    """Ten steps with two groups; one parameter misses a gradient on the way."""
    start, gradients = (normal(3, 2), normal(4)), [(normal(3, 2), normal(4)) for _ in range(10)]

    def trajectory(m):
        w, v = parameters = [m.tensor(a, requires_grad=True) for a in start]
        optimizer = getattr(m.optim, name)([{"params": [w], "lr": 0.3}, {"params": v}], lr=0.01, **options)
        for t, step in enumerate(gradients):
            for p, g in zip(parameters, step, strict=True):
                p.grad = None if t == 3 and p is v else m.tensor(g)
            optimizer.step()
            yield [p.detach() * 1 for p in parameters]

    for got, want in zip(trajectory(OURS), trajectory(THEIRS), strict=True):
        same(got, want, tol=1e-12)
