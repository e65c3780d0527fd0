"""Random calls of functions beside PyTorch's: odd sizes, values that are not finite, every option; and refusals."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
from parity import MISTAKES, OURS, THEIRS, pull

ALL, NAN = (np.nan, np.inf, -np.inf), (np.nan,)
TOLERANCE = {"float64": 1e-8, "float32": 3e-4, "float16": 2e-2}


# What PyTorch has no code for, no gradient of nothing, and no instances of nothing.
THEIRS_ALONE = "not implemented for", "_backward(): Expected grad_output", "select(): index 0 out of range"
REFUSED = (  # by minidl alone
    "label_smoothing must be in",
    "nothing to pool",
    "eps must be a number that is not negative",
)


class Call(NamedTuple):
    """A function by its name, its tensors (None where there is none) and its options."""

    name: str
    arrays: tuple[Any, ...]
    options: dict[str, Any]

    def __str__(self) -> str:
        shown = ", ".join("None" if a is None else f"{a.dtype}{list(a.shape)}" for a in self.arrays)
        return f"{self.name}({shown}, {', '.join(f'{k}={v!r}' for k, v in self.options.items())})"


class Draw:
    """A random call."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.dtype = self.pick(["float64", "float32", "float16"], [0.5, 0.35, 0.15])
        self.special = self.chance(0.12)  # whether some values are not finite
        self.empty = self.chance(0.06)  # whether a size may be 0
        self.wrong = self.chance(0.12)  # whether an option may be out of its range

    def pick(self, values, p=None):
        return values[int(self.rng.choice(len(values), p=p))]

    def chance(self, p):
        return bool(self.rng.random() < p)

    def integer(self, low, high):
        """Of [low, high]."""
        return int(self.rng.integers(low, high + 1))

    def sizes(self, count, most=6):
        return [self.integer(0, 2) if self.empty and self.chance(0.4) else self.integer(1, most) for _ in range(count)]

    def values(self, shape, special=ALL):
        kind = self.pick(["normal", "ties", "large", "zero"], [0.7, 0.15, 0.1, 0.05])
        x = {"normal": self.rng.standard_normal(shape), "ties": self.rng.integers(-2, 3, shape).astype(float),
             "large": self.rng.standard_normal(shape) * 50, "zero": np.zeros(shape)}[kind]  # fmt: skip
        x = np.asarray(x)
        if self.special and len(special) and x.size:
            at = self.rng.integers(0, x.size, self.integer(1, 3))
            x.reshape(-1)[at] = self.rng.choice(special, len(at))
        return x.astype(self.dtype)

    def maybe(self, p, value):
        return value if self.chance(p) else None

    def options(self, **drawn):
        """Those of the options that are given; the others keep their defaults."""
        return {name: value for name, value in drawn.items() if self.chance(0.6)}

    def off(self, value, *wrongs):
        return self.pick(wrongs) if self.wrong and self.chance(0.4) else value

    def some(self, spatial, low, high):
        """One integer, or one for each dimension."""
        each = [self.integer(low, high) for _ in range(spatial)]
        return self.off(
            self.pick([each[0], tuple(each), list(each)], [0.5, 0.35, 0.15]),
            low - 1,
            tuple(each + each),
            1.5,
            None,
            "a",
            True,
        )


# --- what is drawn ----------------------------------------------------------------------------------------------------


def conv(d):
    spatial, transposed = d.integer(1, 2), d.chance(0.35)
    groups = d.pick([1, 1, 2, 3])
    c, o = groups * d.integer(1, 2), groups * d.integer(1, 2)
    kernel = [d.integer(1, 3) for _ in range(spatial)]
    first, second = (c, o) if transposed else (o, c)
    if d.wrong and d.chance(0.3):
        second += 1
    x = d.values([*d.sizes(1, 3), c, *d.sizes(spatial, 7)][d.chance(0.2) :], special=())
    weight = d.values([first, second // groups, *kernel], special=())
    bias = d.maybe(0.5, d.values([o + (d.wrong and d.chance(0.2))], special=()))
    drawn = dict(stride=d.some(spatial, 1, 3), padding=d.some(spatial, 0, 2), dilation=d.some(spatial, 1, 2))
    if transposed:
        drawn["output_padding"] = d.some(spatial, 0, 1)
    elif d.chance(0.25):
        drawn["padding"] = d.off(d.pick(["same", "valid"]), "full")
        drawn["stride"] = d.pick([1, (1,) * spatial, [1] * spatial, 2], [0.4, 0.25, 0.25, 0.1])
    options = d.options(**drawn)
    if groups > 1 or d.chance(0.2):
        options["groups"] = d.off(groups, 0, -1, 5, 1.0)
    return Call(f"conv{'_transpose' * transposed}{spatial}d", (x, weight, bias), options)


def pool(d):
    spatial, kind = d.integer(1, 2), d.pick(["max", "avg"])
    x = d.values([*d.sizes(2, 3), *d.sizes(spatial, 8)][d.chance(0.2) :])
    drawn = dict(stride=d.pick([None, d.some(spatial, 1, 3)]), padding=d.some(spatial, 0, 1), ceil_mode=d.chance(0.5))
    if kind == "max":
        drawn |= dict(dilation=d.some(spatial, 1, 2), return_indices=d.chance(0.5))
    else:
        drawn |= dict(count_include_pad=d.chance(0.5))
        if spatial == 2:
            drawn |= dict(divisor_override=d.off(d.pick([None, 3, -2]), 0, 1.5))
    return Call(f"{kind}_pool{spatial}d", (x,), dict(kernel_size=d.some(spatial, 1, 4)) | d.options(**drawn))


def adaptive(d):
    spatial, kind = d.integer(1, 2), d.pick(["max", "avg"])
    x = d.values([*d.sizes(2, 3), *d.sizes(spatial, 8)][d.chance(0.2) :], ALL if kind == "avg" else ALL[1:])
    options = d.options(return_indices=d.chance(0.5)) if kind == "max" else {}
    size = d.some(spatial, 1, 5)
    size = (None, 2) if spatial == 2 and d.chance(0.1) else size
    return Call(f"adaptive_{kind}_pool{spatial}d", (x,), dict(output_size=size) | options)


def unfold(d):
    x = d.values([*d.sizes(2, 3), *d.sizes(2, 6)][d.chance(0.2) :])
    drawn = dict(dilation=d.some(2, 1, 2), padding=d.some(2, 0, 2), stride=d.some(2, 1, 3))
    return Call("unfold", (x,), dict(kernel_size=d.some(2, 1, 3)) | d.options(**drawn))


def fold(d):
    kernel, size = [d.integer(1, 3) for _ in range(2)], [d.integer(1, 6) for _ in range(2)]
    stride, padding = d.integer(1, 2), d.integer(0, 1)
    places = [(n + 2 * padding - k) // stride + 1 for n, k in zip(size, kernel, strict=True)]
    columns = max(places[0], 0) * max(places[1], 0) + (d.wrong and d.chance(0.3))
    x = d.values([*d.sizes(1, 2), 2 * kernel[0] * kernel[1], columns][d.chance(0.2) :])
    return Call("fold", (x,), dict(output_size=tuple(size), kernel_size=tuple(kernel), stride=stride, padding=padding))


def norm(d):
    kind = d.pick(["batch", "instance", "group", "layer"])
    x = d.values([*d.sizes(2, 4), *d.sizes(d.integer(0, 2), 4)], NAN)
    eps = dict(eps=d.off(d.pick([1e-5, 0.1, 1e-3]), float("nan"), -1.0))
    if kind == "layer":
        wanted = list(x.shape[d.integer(1, x.ndim - 1) :])
        if d.wrong and d.chance(0.4):
            wanted = [n + 1 for n in wanted]
        return Call("layer_norm", (x,), dict(normalized_shape=wanted) | d.options(**eps))
    c = x.shape[1]
    weight, bias = (d.maybe(0.5, d.values([c + (d.wrong and d.chance(0.2))], ())) for _ in range(2))
    if kind == "group":
        groups = d.pick([g for g in range(1, c + 1) if c % g == 0] or [1])
        if x.size == len(x) * groups:  # PyTorch's results are not quite 0 then
            x *= 0
        return Call(
            "group_norm",
            (x,),
            dict(num_groups=d.off(groups, 0, c + 1, -1), weight=weight, bias=bias) | d.options(**eps),
        )
    running = d.chance(0.5)
    mean, var = (d.values([c], ()), abs(d.values([c], ())) + np.ones(c, d.dtype)) if running else (None, None)
    if kind == "batch":
        options = d.options(momentum=d.pick([0.1, 0.0, 1.0, 0.5]), training=d.chance(0.7)) | d.options(**eps)
        return Call("batch_norm", (x, mean, var, weight, bias), options)
    options = d.options(momentum=d.pick([0.1, 0.0, 1.0]), use_input_stats=d.chance(0.8)) | d.options(**eps)
    return Call("instance_norm", (x, mean, var, weight, bias), options)


def response(d):
    x = d.values([*d.sizes(2, 5), *d.sizes(d.integer(0, 2), 3)])
    options = dict(size=d.off(d.integer(1, 5), 0, -1, 1.5)) | d.options(alpha=0.5, beta=d.pick([0.75, 1.0]), k=2.0)
    return Call("local_response_norm", (x,), options)


def regression(d):
    name = d.pick(["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
    shape = d.sizes(d.integer(0, 3), 4)
    options = d.options(reduction=reduction(d))
    if name == "smooth_l1_loss":
        options |= d.options(beta=d.off(d.pick([1.0, 0.3, 0.0]), -1.0))
    if name == "huber_loss":
        options |= d.options(delta=d.off(d.pick([1.0, 0.3]), 0.0, -1.0))
    other = [n + 1 for n in shape] if d.wrong and d.chance(0.3) else shape
    return Call(name, (d.values(shape, NAN), d.values(other, NAN)), options)


def reduction(d):
    return d.off(d.pick(["mean", "sum", "none"]), "average", None, 1)


def probabilities(d):
    shape = d.sizes(d.integer(0, 3), 4)
    name = d.pick(["binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"])
    target = d.rng.random(shape).astype(d.dtype) if d.chance(0.7) else d.rng.integers(0, 2, shape).astype(d.dtype)
    if name == "kl_div":
        drawn = d.options(
            reduction=d.off(d.pick(["mean", "sum", "none", "batchmean"]), "average"), log_target=d.chance(0.5)
        )
        return Call(name, (d.values(shape, NAN), np.asarray(target)), drawn)
    x = d.values(shape, NAN)
    if name == "binary_cross_entropy":
        x = np.asarray(d.rng.random(shape).astype(d.dtype)) if not d.wrong else x
        x = np.round(x) if d.chance(0.1) else x
    options = d.options(reduction=reduction(d), weight=np.asarray(d.rng.random(shape).astype(d.dtype)))
    if name.endswith("logits"):
        options |= d.options(pos_weight=np.asarray(d.rng.random(shape[-1:]).astype(d.dtype)))
    return Call(name, (x, np.asarray(target)), options)


def classes(d):
    name, c = d.pick(["cross_entropy", "nll_loss"]), d.integer(1, 4)
    outer, rest = d.sizes(1, 4)[: not d.chance(0.15)], d.sizes(d.integer(0, 2), 3)
    rest = rest if outer else []
    x = d.values([*outer, c, *rest], NAN)
    ignored = d.pick([-100, 0, 2, -1])
    target = d.rng.integers(0, c, [*outer, *rest])
    if d.chance(0.4):
        target = np.where(d.rng.random(target.shape) < 0.4, ignored, target)
    if d.wrong and d.chance(0.4):
        target = target + d.pick([1, -1])
    options = d.options(ignore_index=ignored, reduction=reduction(d))
    if d.chance(0.4):
        options["weight"] = d.rng.random(c + (d.wrong and d.chance(0.2))).astype(d.dtype)
    if name == "cross_entropy":
        options |= d.options(label_smoothing=d.off(d.pick([0.0, 0.1, 1.0]), -0.1, 1.5))
        if d.chance(0.25):
            target = d.rng.random(x.shape).astype(d.dtype)
            options.pop("ignore_index", None)
    return Call(name, (x, np.asarray(target)), options)


def reduced(d):
    names = [
        "sum",
        "mean",
        "var",
        "std",
        "amax",
        "amin",
        "logsumexp",
        "prod",
        "cumsum",
        "argmax",
        "argmin",
        "max",
        "min",
    ]
    name, shape = d.pick(names), d.sizes(d.integer(0, 4), 5)
    ndim = len(shape)
    dim = d.integer(-ndim, max(ndim - 1, 0)) if ndim else d.pick([0, -1])
    if name in ("cumsum",):
        return Call(name, (d.values(shape),), dict(dim=d.off(dim, ndim + 1, 1.0, None)))
    several = name in ("sum", "mean", "var", "std", "amax", "amin", "logsumexp")
    if several and ndim and d.chance(0.4):
        dim = tuple(d.rng.permutation(ndim)[: d.integer(1, ndim)].tolist())
    drawn = dict(dim=d.off(dim, ndim + 1, (0, 0), "a")) if name == "logsumexp" or d.chance(0.8) else {}
    if drawn and d.chance(0.5):
        drawn["keepdim"] = d.chance(0.5)
    if name in ("var", "std"):
        drawn |= d.options(correction=d.pick([0, 1, 0.5]))
    return Call("." + name, (d.values(shape, () if name in ("prod", "var", "std") else ALL),), drawn)


def padding(d):
    mode = d.off(d.pick(["constant", "reflect", "replicate", "circular"]), "mirror")
    x = d.values(d.sizes(d.integer(1, 4), 5))
    count = d.integer(1, 2) if mode != "constant" else d.integer(1, x.ndim)
    least = -(mode != "circular")  # for which PyTorch leaves memory as it was
    sizes = [d.integer(least, 3) for _ in range(2 * count)]
    sizes = sizes[:-1] if d.wrong and d.chance(0.3) else sizes
    options = d.options(value=d.pick([None, 1.5, 0.0, float("inf")])) if mode == "constant" else {}
    return Call("pad", (x,), dict(pad=d.pick([tuple(sizes), sizes]), mode=mode) | options)


def interpolation(d):
    spatial = d.integer(1, 2)
    mode = d.pick(["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "area"])
    x = d.values([*d.sizes(2, 3), *d.sizes(spatial, 6)], ALL if "nearest" in mode else ())
    drawn = (
        d.options(align_corners=d.pick([True, False, None])) if "linear" in mode or mode == "bicubic" or d.wrong else {}
    )
    if d.chance(0.5):
        size = dict(size=d.some(spatial, 1, 9))
    else:
        size = dict(scale_factor=d.off(d.pick([2, 0.5, 1.7, (2.0,) * spatial, 3.0]), 0.0, -1.0))
        size |= d.options(recompute_scale_factor=d.pick([True, False, None]))
    return Call("interpolate", (x,), dict(mode=d.off(mode, "cubic")) | size | drawn)


def activation(d):
    x = d.values(d.sizes(d.integer(0, 4), 4))
    name, options = d.pick([
        ("relu", {}), ("relu6", {}), ("leaky_relu", d.options(negative_slope=d.pick([0.01, 0.5, 0.0, -1.0]))),
        ("elu", d.options(alpha=d.pick([1.0, 0.3, 0.0]))), ("selu", {}), ("silu", {}), ("softsign", {}),
        ("gelu", d.options(approximate=d.off(d.pick(["none", "tanh"]), "erf"))), ("hardsigmoid", {}), ("hardswish", {}),
        ("hardtanh", d.options(min_val=d.pick([-1.0, -0.5]), max_val=d.off(d.pick([1.0, 0.5]), -2.0))),
        ("sigmoid", {}), ("tanh", {}), ("logsigmoid", {}),
        ("softplus", d.options(beta=d.pick([1, 2.0, 0.5]), threshold=d.pick([20, 1.0]))),
        ("softmax", dict(dim=d.off(d.integer(-x.ndim, max(x.ndim - 1, 0)) if x.ndim else 0, 9, 1.0))),
        ("log_softmax", dict(dim=d.off(d.integer(-x.ndim, max(x.ndim - 1, 0)) if x.ndim else 0, 9, 1.0))),
        ("normalize", dict(dim=d.integer(-x.ndim, x.ndim - 1) if x.ndim else 0) | d.options(p=d.pick([2.0, 1, 3.0]))),
    ])  # fmt: skip
    if name in ("elu", "selu", "hardsigmoid", "hardswish", "hardtanh", "relu6"):
        x = np.where(np.isnan(x), 0, x).astype(x.dtype)  # for which its gradients depend on the dtype and the size
    if name == "gelu":
        x = np.where(np.isinf(x), 0, x).astype(x.dtype)  # of which it makes NaN in places
    return Call(name, (x,), options)


KINDS = [
    conv,
    pool,
    adaptive,
    unfold,
    fold,
    norm,
    response,
    regression,
    probabilities,
    classes,
    reduced,
    padding,
    interpolation,
    activation,
]

# --- both -------------------------------------------------------------------------------------------------------------


def tensor(m, a):
    return m.tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a


def outcome(m, call):
    """What a call gives and, but in float16, its gradients; and the arguments that it may write to. Or the error."""
    tensors = [tensor(m, a) for a in call.arrays]
    options = {name: m.tensor(a) if isinstance(a, np.ndarray) else a for name, a in call.options.items()}
    running = "running" if call.name in ("batch_norm", "instance_norm") else ""
    if running:
        tensors[1:3] = [a if a is None else a.detach().clone() for a in tensors[1:3]]
    try:
        if call.name.startswith("."):
            z = getattr(m, call.name[1:])(*tensors, **options)
        else:
            z = getattr(m.F if hasattr(m.F, call.name) else m, call.name)(*tensors, **options)
        z = list(z) if isinstance(z, tuple) else [z]
        inputs = [x for x in tensors if x is not None and x.requires_grad]
        gradients = pull(m, z, inputs, False) if call.arrays[0].dtype != np.float16 else []
        written = [a for a in tensors[1:3] if running and a is not None]
        return [a.detach().numpy() for a in (*z, *gradients, *written)]
    except (*MISTAKES, ZeroDivisionError) as error:
        return error


def close(a, b, tol):
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    finite = b[np.isfinite(b)]
    scale = max(np.abs(finite * 1.0).max(initial=0), 1)  # that of the cotangents: sums of them may cancel
    return np.allclose(a, b, tol, tol * scale, equal_nan=True)


def difference(seed):
    """What is wrong with the call of a seed: None where both agree, or both refuse."""
    draw = Draw(seed)
    call = draw.pick(KINDS)(draw)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        ours = outcome(OURS, call)
        if isinstance(ours, Exception) and "lies wholly in the padding" in str(ours):
            return None  # where PyTorch writes into memory that is not its own
        theirs = outcome(THEIRS, call)
    if isinstance(theirs, Exception):
        said = str(theirs)
        return (
            None
            if isinstance(ours, Exception) or any(words in said for words in THEIRS_ALONE)
            else f"{call}: PyTorch says {said}"
        )
    if isinstance(ours, Exception):
        return None if stricter(ours, theirs) else f"{call}: minidl alone says {ours}"
    tol = TOLERANCE[str(call.arrays[0].dtype)]
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if not close(a, b, tol):
            return f"{call}: result {i} is {a.dtype} {a.tolist()}, not {b.dtype} {b.tolist()}"
    return None


def stricter(error, theirs):
    """Whether minidl is meant to refuse what PyTorch takes, or gives nothing for."""
    return not theirs[0].size or any(words in str(error) for words in REFUSED)


@pytest.mark.parametrize("block", range(4))
def test_random_calls(block):
    for seed in range(100 * block, 100 * block + 100):
        assert not (wrong := difference(seed)), f"seed {seed}: {wrong}"


@pytest.mark.deep
@pytest.mark.parametrize("block", range(100))
def test_many_random_calls(block):
    for seed in range(1000 + 100 * block, 1100 + 100 * block):
        assert not (wrong := difference(seed)), f"seed {seed}: {wrong}"
