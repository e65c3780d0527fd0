"""What stands in for something else, just outside the conditions under which it may: it must give way, or be the same.

Runs of layers are held to the layers called one by one, kernels to their references, each on inputs that fail one part
of a condition: dilated, strided, padded by mode, of other dtypes, empty, of one element, of odd sizes, with options as
tensors; and networks before and after what may leave something stale behind.
"""

import contextlib
import copy

import numpy as np
import pytest
from arguments.table import separate, wave

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.engine.fusion import runs

CONVS = {
    "": {}, "dilated": dict(dilation=2), "dilated one way": dict(dilation=(1, 2)), "strided": dict(stride=2),
    "strided one way": dict(stride=(1, 2)), "padded": dict(padding=2), "padded one way": dict(padding=(0, 1)),
    "same": dict(padding="same"), "valid": dict(padding="valid"),
    "grouped": dict(groups=2), "depthwise": dict(groups=4),
    "unbiased": dict(bias=False), "one by one": dict(kernel_size=1), "oblong": dict(kernel_size=(1, 3)),
    "reflect": dict(padding=1, padding_mode="reflect"), "replicate": dict(padding=1, padding_mode="replicate"),
    "circular": dict(padding=1, padding_mode="circular"),
    "circular, same": dict(padding="same", padding_mode="circular"),
}  # fmt: skip
POOLS = {
    "": {}, "oblong": dict(kernel_size=(2, 3)), "overlapping": dict(stride=1), "strided one way": dict(stride=(2, 1)),
    "apart": dict(stride=3), "padded": dict(padding=1), "padded one way": dict(padding=(0, 1)),
    "dilated": dict(dilation=2), "dilated one way": dict(dilation=(1, 2)), "ceiling": dict(ceil_mode=True),
    "as pairs": dict(padding=(0, 0), dilation=(1, 1)),
}  # fmt: skip
NORMS = {
    "": {}, "of another eps": dict(eps=0.5), "of another momentum": dict(momentum=0.4), "averaged": dict(momentum=None),
    "without scale": dict(affine=False), "without bias": dict(bias=False),
    "untracked": dict(track_running_stats=False),
}  # fmt: skip
OPTIONS = {nn.Conv2d: CONVS, nn.MaxPool2d: POOLS, nn.BatchNorm2d: NORMS, nn.ReLU: {"": {}}}
MAKE = {
    nn.Conv2d: lambda **k: nn.Conv2d(4, 8, **dict(kernel_size=3) | k),
    nn.MaxPool2d: lambda **k: nn.MaxPool2d(**dict(kernel_size=2) | k),
    nn.BatchNorm2d: lambda features=8, **k: nn.BatchNorm2d(features, **k),
    nn.ReLU: nn.ReLU,
}


@pytest.fixture(autouse=True)
def fused(monkeypatch):
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)


def built(kinds, other=None, name=""):
    """Layers of these kinds in a row, that of kind `other` with its option `name`; their numbers are known ones."""
    layers = []
    for kind in kinds:
        options = OPTIONS[kind][name] if kind is other else {}
        if kind is nn.BatchNorm2d and kinds[0] is nn.BatchNorm2d:
            options = options | dict(features=4)
        layers.append(MAKE[kind](**options))
    net = nn.Sequential(*layers)
    for i, value in enumerate(net.state_dict().values()):
        if value.dtype == md.float32:
            value.copy_(md.tensor(0.6 + 0.5 * wave(*value.shape, phase=i)))
    return net


def one_by_one(net, x):
    """What the layers give without the container."""
    with md.no_fusion():
        for layer in net:
            x = layer(x)
    return x


def everything(net, call, x):
    """What `call` gives, the gradients, and the state afterwards."""
    x = x.detach().requires_grad_()
    z = call(net, x)
    first, *_ = z if isinstance(z, tuple) else (z,)
    inputs = [x, *net.parameters()]
    g = md.tensor(wave(*first.shape, phase=5.0), dtype=first.dtype)
    return [*(z if isinstance(z, tuple) else (z,)), *md.grad(first, inputs, g, materialize_grads=True), *net.buffers()]


def agree(net, x, rtol=1e-9):
    """The container gives what its layers give, with the same gradients, and leaves the same state."""
    apart = copy.deepcopy(net)
    found, expected = everything(net, nn.Sequential.__call__, x), everything(apart, one_by_one, x)
    if x.dtype == md.float16:  # in which rounding makes ties, and each may choose another maximum
        found, expected = found[:1], expected[:1]
    near(found, expected, rtol)


def near(found, expected, rtol):
    """The same dtypes, shapes and numbers, but for `rtol` of the largest of all."""
    scale = max(np.abs(want.detach().numpy()[np.isfinite(want.detach().numpy())]).max(initial=0) for want in expected)
    for got, want in zip(found, expected, strict=True):
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol, rtol * scale)


EACH = [
    pytest.param(kinds, kind, name, id=" ".join(k.__name__ for k in kinds) + f": {kind.__name__} {name}")
    for kinds in runs
    for kind in dict.fromkeys(kinds)
    for name in OPTIONS[kind]
    if name or kind is kinds[0]
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kinds, kind, name", EACH)
def test_every_run_with_every_option(kinds, kind, name, training):
    agree(built(kinds, kind, name).to(md.float64).train(training), md.tensor(wave(2, 4, 11, 10)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kinds", [kinds for kinds in runs if kinds[-1] is nn.MaxPool2d], ids=str)
def test_indices_are_returned(kinds, training):
    net = built(kinds).to(md.float64).train(training)
    net[-1].return_indices = True
    agree(net, md.tensor(wave(2, 4, 9, 10)))


IMAGES = {
    "single precision": (np.float32(wave(2, 4, 9, 8)), 1e-5), "half precision": (np.float16(wave(2, 4, 9, 8)), 4e-3),
    "of odd sizes": (wave(3, 4, 11, 7), 1e-9), "one": (wave(1, 4, 6, 6), 1e-9), "none": (wave(0, 4, 9, 8), 1e-9),
    "as small as can be": (wave(2, 4, 4, 4), 1e-9), "channels last": (wave(2, 9, 8, 4).transpose(0, 3, 1, 2), 1e-9),
    "backwards": (wave(2, 4, 9, 8)[::-1, :, ::-1], 1e-9), "every other": (wave(4, 8, 9, 8)[::2, ::2], 1e-9),
    "large": (1e4 + wave(2, 4, 9, 8), 1e-6),
}  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("kinds", runs, ids=lambda kinds: " ".join(k.__name__ for k in kinds))
def test_every_run_on_every_kind_of_image(kinds, name, training):
    image, rtol = IMAGES[name]
    if name == "none" and training and nn.BatchNorm2d in kinds:
        pytest.skip("a batch of none has no statistics")
    agree(built(kinds).to(image.dtype).train(training), md.from_numpy(image), rtol)


@pytest.mark.parametrize("kinds", [kinds for kinds in runs if kinds[0] is nn.BatchNorm2d], ids=str)
def test_a_channel_whose_scale_is_0(kinds):
    """All that a pooling sees of it is alike; the gradient of the scale asks which it chose."""
    net = built(kinds).to(md.float64)
    net[0].weight.detach()[1] = 0
    agree(net, md.tensor(wave(2, 4, 9, 8)))


def test_what_would_overflow_in_half_precision_is_not_folded():
    """A weight of 300 times the 316 of a variance of 0; one after the other they stay below 65,504."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1)).half().eval()
    net[0].weight.detach().fill_(300)
    net[1].running_var.zero_()
    assert 90 < net(md.full((1, 1, 1, 1), 1e-3, dtype=md.float16)).item() < 100


# --- nothing stale ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", runs, ids=lambda kinds: " ".join(k.__name__ for k in kinds))
def test_evaluation_after_whatever_came_before(kinds):
    """Training, loading, an error, writes, another dtype, a copy, layers exchanged, shared or sliced off."""
    net, x = built(kinds).to(md.float64), md.tensor(wave(2, 4, 9, 8))
    agree(net.eval(), x)
    agree(net.train(), x)
    agree(net.eval(), x)
    agree(net, x)  # twice the same
    net.load_state_dict({name: value * 1.5 for name, value in net.state_dict().items()})
    agree(net, x)
    with pytest.raises(ValueError):
        net(x[:, :3])
    agree(net, x)
    for value in net.state_dict().values():
        if value.dtype == md.float64:
            value.mul_(1.1)
    agree(net, x)
    agree(copy.deepcopy(net), x)
    agree(net[:1], x)
    agree(nn.Sequential(*net, *net[1:]), x)
    agree(net.to(md.float32), x.to(md.float32), 1e-5)
    net[0] = built(kinds).to(md.float32)[0]
    agree(net.train(), x.to(md.float32), 1e-5)


@pytest.mark.parametrize("kinds", runs, ids=lambda kinds: " ".join(k.__name__ for k in kinds))
def test_a_hook_that_is_there_and_one_that_was(kinds):
    for place in range(len(kinds)):
        net, x = built(kinds).to(md.float64).eval(), md.tensor(wave(2, 4, 9, 8))
        with net[place].register_forward_hook(lambda module, args, output: output * 2):
            agree(net, x)
        with net[place].register_forward_pre_hook(lambda module, args: args[0] * 3):
            agree(net, x)
        agree(net, x)
        expected = one_by_one(net, x).detach().numpy()
        np.testing.assert_allclose(net(x).detach().numpy(), expected, 1e-9)


# --- kernels and their references -------------------------------------------------------------------------------------


def by_reference(function, *arrays, fused, **options):
    """The result, and the gradients of what has any, with kernels or without."""
    inputs = [md.from_numpy(a).requires_grad_(a.dtype.kind == "f") for a in arrays]
    with contextlib.nullcontext() if fused else md.no_fusion():
        z = function(*inputs, **options)
        each = z if isinstance(z, tuple) else (z,)
        g = md.tensor(wave(*each[0].shape, phase=2.0), dtype=each[0].dtype)
        return [*each, *md.grad(each[0], [x for x in inputs if x.requires_grad], g)] if each[0].requires_grad else each


ACTIVATIONS = [
    (F.leaky_relu, {}), (F.leaky_relu, dict(negative_slope=0.3)), (F.elu, dict(alpha=0.7)), (F.selu, {}), (F.silu, {}),
    (F.gelu, {}), (F.gelu, dict(approximate="tanh")), (F.hardswish, {}),
]  # fmt: skip
LABELS = np.array([2, 0, 1])
CALLS = [
    *[(f, (shape,), options) for f, options in ACTIVATIONS for shape in [(3, 5), (), (1,), (0, 3), (9000,)]],
    *[(F.cross_entropy, (shape, target), dict(reduction=r, ignore_index=i, label_smoothing=s))
      for shape, target in [((3, 4), LABELS), ((4,), LABELS[0]), ((3, 4, 2), np.stack([LABELS] * 2, 1)),
                            ((3, 4), (3, 4)), ((0, 4), LABELS[:0])]
      for r in ("mean", "sum", "none") for i in (-100, 2) for s in (0.0, 0.2) if i < 0 or type(target) is not tuple],
    *[(F.max_pool2d, (shape, ), options)
      for shape in [(2, 3, 7, 6), (3, 7, 6), (1, 1, 3, 3), (0, 3, 7, 6)]
      for options in [dict(kernel_size=2), dict(kernel_size=3, padding=1, stride=2), dict(kernel_size=2, dilation=2),
                      dict(kernel_size=2, ceil_mode=True), dict(kernel_size=(1, 3), return_indices=True)]],
    *[(F.batch_norm, (shape,), dict(running_mean=None, running_var=None, training=True, eps=eps))
      for shape in [(4, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 2, 2), (2, 1, 1)] for eps in (1e-5, 0.3)],
]  # fmt: skip


def values(shape, dtype):
    """Numbers for a shape, no two of them alike; labels as they are."""
    return np.asarray(separate(*shape) / 7, dtype) if isinstance(shape, tuple) else np.asarray(shape)


def named(call):
    return f"{call[0].__name__} {call[1][0]} {call[2]}"


@pytest.mark.filterwarnings("ignore:.*of none")
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("call", CALLS, ids=named)
def test_kernels_are_their_references(call, dtype):
    function, shapes, options = call
    arrays = [values(shape, dtype) for shape in shapes]
    found, expected = (by_reference(function, *arrays, fused=fused, **options) for fused in (True, False))
    rtol = {"float64": 1e-11, "float32": 3e-5, "float16": 4e-3}[dtype]
    near(found, expected, rtol)


@pytest.mark.parametrize("function, option", [(F.leaky_relu, "negative_slope"), (F.elu, "alpha")])
@pytest.mark.parametrize("value", [md.tensor(0.3, dtype=md.float64), np.float64(0.3), np.float32(0.25)], ids=repr)
def test_options_that_are_no_plain_numbers(function, option, value):
    x = wave(3, 4)
    found = function(md.from_numpy(x), **{option: value}).detach().numpy()
    np.testing.assert_allclose(found, function(md.from_numpy(x), **{option: float(value)}).numpy(), 1e-12)
    assert function(md.ones(3), **{option: np.float64(0.3)}).dtype == md.float32
