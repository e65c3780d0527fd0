"""The same on every device: on the CPU with its kernels, on a stand-in of CuPy, and on CuPy itself.

It is held against what the engine computes on the CPU by its references, of which `test_ops.py` has the oracles.
"""

import contextlib

import numpy as np
import pytest
from devices import DEVICES, carried, device, emulated_as_far_as_it_goes, same, tensors  # noqa: F401
from hypothesis import given, settings
from hypothesis import strategies as st
from ops.test_ops import call, checked, cotangent
from specs import OPS, SPECS, cases
from standin import standin  # noqa: F401

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.models import MobileNetV2, SimpLeNet, mlp, vgg_style
from minidl.models.resnet_cifar import CifarResNet

RNG = np.random.default_rng(0)
TOLERANCES = {"float32": 1e-5, "float64": 1e-10}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCES)
on_devices = pytest.mark.parametrize("device", DEVICES, indirect=True)
CANCELLING = {"normalize_channels", "logsumexp"}  # a gradient of two numbers is what is left of larger ones that cancel
HOSTED = {"tap", "to_device"}  # what they do is not a device's: to call a function, and to leave it


@pytest.fixture(autouse=True)
def the_same_draws():
    """A test draws the same numbers, whatever ran before it."""
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def normal(*shape):
    return RNG.standard_normal(shape)


def by_kernels_and_not(dtype):
    """Contexts to compute in: one with kernels and, in float64, one without."""
    return (contextlib.nullcontext(), md.no_fusion())[: 1 + (dtype == "float64")]


# --- ops --------------------------------------------------------------------------------------------------------------


def orders(z, inputs, there):
    """The gradients of a result, plain and recorded, and theirs: of the inputs and of the cotangent."""
    v = md.tensor(cotangent(z.detach().to("cpu")).array, device=there, requires_grad=True)
    plain = md.grad(z, inputs, v.detach(), retain_graph=True)
    recorded = md.grad(z, inputs, v, create_graph=True)
    ts = [md.tensor(cotangent(g.detach().to("cpu"), 10 + i).array, device=there) for i, g in enumerate(recorded)]
    return [*plain, *recorded, *md.grad(recorded, [*inputs, v], ts, materialize_grads=True)]


def computed(name, case, there, dtype):
    """The value of an op, and its `orders`."""
    arrays = [a.astype(dtype) if a is not None and a.dtype.kind == "f" else a for a in case.arrays]
    wanted = checked(name, case)
    xs = tensors(arrays, there, wanted)
    z = call(name, xs, carried(case.options, there))
    return [z, *(orders(z, [xs[i] for i in wanted], there) if wanted else [])]


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.deep)])
@pytest.mark.parametrize("name", sorted(OPS.keys() - HOSTED))
@on_devices
@settings(max_examples=3)
@given(data=st.data())
def test_op(name, device, dtype, data):  # noqa: F811
    case = data.draw(cases(SPECS[name]))
    with md.no_fusion():
        expected = computed(name, case, "cpu", dtype)
    for fusion in by_kernels_and_not(dtype):
        with fusion, emulated_as_far_as_it_goes(name):
            same(computed(name, case, device, dtype), expected, TOLERANCES[dtype], least=name in CANCELLING)


# --- layers -----------------------------------------------------------------------------------------------------------

IMAGES, SIGNALS, ROWS = (2, 4, 6, 7), (2, 4, 9), (5, 4)
LAYERS = {
    nn.AdaptiveAvgPool1d: ((3,), SIGNALS),
    nn.AdaptiveAvgPool2d: (((2, 3),), IMAGES),
    nn.AdaptiveMaxPool1d: ((4,), SIGNALS),
    nn.AdaptiveMaxPool2d: (((4, 3),), IMAGES),
    nn.AlphaDropout: ((0.4,), ROWS),
    nn.AvgPool1d: ((3, 2, 1), SIGNALS),
    nn.AvgPool2d: ((3, 2, 1), IMAGES),
    nn.BatchNorm1d: ((4,), ROWS),
    nn.BatchNorm2d: ((4,), IMAGES),
    nn.CELU: ((0.7,), ROWS),
    nn.ChannelShuffle: ((2,), IMAGES),
    nn.CircularPad1d: ((2,), SIGNALS),
    nn.CircularPad2d: ((2,), IMAGES),
    nn.ConstantPad1d: ((2, 1.5), SIGNALS),
    nn.ConstantPad2d: ((2, 1.5), IMAGES),
    nn.Conv1d: ((4, 6, 3, 2, 1), SIGNALS),
    nn.Conv2d: ((4, 6, 3, 2, 1), IMAGES),
    nn.ConvTranspose1d: ((4, 6, 3, 2, 1), SIGNALS),
    nn.ConvTranspose2d: ((4, 6, 3, 2, 1), IMAGES),
    nn.Dropout1d: ((0.4,), SIGNALS),
    nn.Dropout2d: ((0.4,), IMAGES),
    nn.Dropout: ((0.4,), ROWS),
    nn.ELU: ((), ROWS),
    nn.Flatten: ((), IMAGES),
    nn.Fold: (((4, 5), 2), (2, 12, 12)),
    nn.GELU: ((), ROWS),
    nn.GLU: ((), ROWS),
    nn.GroupNorm: ((2, 4), IMAGES),
    nn.Hardshrink: ((), ROWS),
    nn.Hardsigmoid: ((), ROWS),
    nn.Hardswish: ((), ROWS),
    nn.Hardtanh: ((), ROWS),
    nn.Identity: ((), ROWS),
    nn.InstanceNorm1d: ((4,), SIGNALS),
    nn.InstanceNorm2d: ((4,), IMAGES),
    nn.LayerNorm: (((4,),), ROWS),
    nn.LazyBatchNorm1d: ((), ROWS),
    nn.LazyBatchNorm2d: ((), IMAGES),
    nn.LazyConv1d: ((6, 3, 2, 1), SIGNALS),
    nn.LazyConv2d: ((6, 3, 2, 1), IMAGES),
    nn.LazyConvTranspose1d: ((6, 3, 2, 1), SIGNALS),
    nn.LazyConvTranspose2d: ((6, 3, 2, 1), IMAGES),
    nn.LazyInstanceNorm1d: ((), SIGNALS),
    nn.LazyInstanceNorm2d: ((), IMAGES),
    nn.LazyLinear: ((3,), ROWS),
    nn.LeakyReLU: ((), ROWS),
    nn.Linear: ((4, 3), ROWS),
    nn.LocalResponseNorm: ((3,), IMAGES),
    nn.LogSigmoid: ((), ROWS),
    nn.LogSoftmax: ((1,), ROWS),
    nn.MaxPool1d: ((3, 2, 1), SIGNALS),
    nn.MaxPool2d: ((3, 2, 1), IMAGES),
    nn.Mish: ((), ROWS),
    nn.PReLU: ((4,), IMAGES),
    nn.PixelShuffle: ((2,), IMAGES),
    nn.PixelUnshuffle: ((2,), (2, 1, 4, 6)),
    nn.ReLU6: ((), ROWS),
    nn.ReLU: ((), ROWS),
    nn.ReflectionPad1d: ((2,), SIGNALS),
    nn.ReflectionPad2d: ((2,), IMAGES),
    nn.ReplicationPad1d: ((2,), SIGNALS),
    nn.ReplicationPad2d: ((2,), IMAGES),
    nn.SELU: ((), ROWS),
    nn.SiLU: ((), ROWS),
    nn.Sigmoid: ((), ROWS),
    nn.Softmax2d: ((), IMAGES),
    nn.Softmax: ((1,), ROWS),
    nn.Softmin: ((1,), ROWS),
    nn.Softplus: ((), ROWS),
    nn.Softshrink: ((), ROWS),
    nn.Softsign: ((), ROWS),
    nn.Tanh: ((), ROWS),
    nn.Tanhshrink: ((), ROWS),
    nn.Threshold: ((0.2, -1.0), ROWS),
    nn.Unflatten: ((1, (2, 2)), IMAGES),
    nn.Unfold: ((2,), IMAGES),
    nn.Upsample: ((None, 2, "bilinear"), IMAGES),
    nn.UpsamplingBilinear2d: ((None, 2), IMAGES),
    nn.UpsamplingNearest2d: ((None, 2), IMAGES),
    nn.ZeroPad1d: ((2,), SIGNALS),
    nn.ZeroPad2d: ((2,), IMAGES),
}
LOSSES = {
    nn.BCELoss: (ROWS, "shares"),
    nn.BCEWithLogitsLoss: (ROWS, "shares"),
    nn.CosineSimilarity: (ROWS, "numbers"),
    nn.HingeEmbeddingLoss: (ROWS, "signs"),
    nn.PairwiseDistance: (ROWS, "numbers"),
    nn.CrossEntropyLoss: (ROWS, "labels"),
    nn.HuberLoss: (ROWS, "numbers"),
    nn.KLDivLoss: (ROWS, "shares"),
    nn.L1Loss: (ROWS, "numbers"),
    nn.MSELoss: (ROWS, "numbers"),
    nn.NLLLoss: (ROWS, "labels"),
    nn.SmoothL1Loss: (ROWS, "numbers"),
    nn.SoftMarginLoss: (ROWS, "signs"),
}
OTHERS = {nn.Bilinear, nn.Embedding, nn.Module, nn.ModuleDict, nn.ModuleList, nn.Parameter, nn.Sequential}
OTHERS |= {nn.MaxUnpool1d, nn.MaxUnpool2d}
OTHERS |= {nn.ParameterDict, nn.ParameterList, nn.UninitializedBuffer, nn.UninitializedParameter}
TRIPLES = {nn.CosineEmbeddingLoss: ROWS[:1], nn.MarginRankingLoss: ROWS, nn.TripletMarginLoss: ROWS}  # the third's size


def test_every_layer_is_here():
    classes = {value for value in vars(nn).values() if isinstance(value, type)}
    assert classes == LAYERS.keys() | LOSSES.keys() | TRIPLES.keys() | OTHERS


def trained(layer, arguments, there, dtype):
    """The output of a layer in training, its `orders` by inputs and parameters, its state, and its evaluation."""
    md.manual_seed(3)
    layer = layer.to(there).to(dtype)
    xs = [md.tensor(a.astype(dtype) if a.dtype.kind == "f" else a, device=there) for a in arguments]
    floats = [x.requires_grad_() for x in xs if x.dtype.kind == "f"]
    z = layer(*xs)
    gradients = orders(z, [*floats, *layer.parameters()], there)
    return [z, *gradients, *layer.state_dict().values(), layer.eval()(*xs)]


def agrees(build, arguments, there, dtype):
    """What `build` makes is `trained` on a device as on the CPU, with kernels, and in float64 without, too."""
    md.manual_seed(1)
    with md.no_fusion():
        expected = trained(build(), arguments, "cpu", dtype)
    for fusion in by_kernels_and_not(dtype):
        md.manual_seed(1)
        with fusion:
            same(trained(build(), arguments, there, dtype), expected, TOLERANCES[dtype])


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
@each_dtype
@on_devices
def test_layer(layer, device, dtype):  # noqa: F811
    options, size = LAYERS[layer]
    agrees(lambda: layer(*options), [normal(*size)], device, dtype)


@pytest.mark.parametrize("layer", LOSSES, ids=lambda layer: layer.__name__)
@each_dtype
@on_devices
def test_loss(layer, device, dtype):  # noqa: F811
    size, target = LOSSES[layer]
    kinds = {"shares": RNG.random(size), "labels": RNG.integers(0, size[1], size[0]), "numbers": normal(*size)}
    kinds["signs"] = np.where(kinds["numbers"] > 0, 1, -1)
    scores = RNG.random(size) if layer is nn.BCELoss else normal(*size)
    agrees(layer, [scores, kinds[target]], device, dtype)


@pytest.mark.parametrize("layer", TRIPLES, ids=lambda layer: layer.__name__)
@each_dtype
@on_devices
def test_loss_of_three(layer, device, dtype):  # noqa: F811
    third = normal(*TRIPLES[layer])
    third = third if layer is nn.TripletMarginLoss else np.where(third > 0, 1, -1)
    agrees(layer, [normal(*ROWS), normal(*ROWS), third], device, dtype)


@each_dtype
@on_devices
def test_embedding(device, dtype):  # noqa: F811
    agrees(lambda: nn.Embedding(6, 3), [RNG.integers(0, 6, (4, 5))], device, dtype)


@each_dtype
@on_devices
def test_bilinear(device, dtype):  # noqa: F811
    agrees(lambda: nn.Bilinear(3, 2, 4), [normal(5, 3), normal(5, 2)], device, dtype)


class Unpooled(nn.Module):
    """Pooling, and back: an unpooling takes the indices of a pooling."""

    def __init__(self, spatial):
        pooling, unpooling = (nn.MaxPool1d, nn.MaxUnpool1d) if spatial == 1 else (nn.MaxPool2d, nn.MaxUnpool2d)
        self.pool, self.unpool = pooling(2, return_indices=True), unpooling(2)

    def forward(self, x):
        return self.unpool(*self.pool(x))


@pytest.mark.parametrize("spatial", [1, 2])
@each_dtype
@on_devices
def test_unpooling(spatial, device, dtype):  # noqa: F811
    agrees(lambda: Unpooled(spatial), [normal(2, 3, *[6] * spatial)], device, dtype)


class Transformed(nn.Module):
    """Images looked at through an affine map of each, within and beyond their edges."""

    def __init__(self, padding_mode):
        self.padding_mode = padding_mode

    def forward(self, x, theta):
        grid = F.affine_grid(theta, x.shape, align_corners=False)
        return F.grid_sample(x, grid, padding_mode=self.padding_mode, align_corners=False)


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@each_dtype
@on_devices
def test_spatial_transformer(padding_mode, device, dtype):  # noqa: F811
    theta = np.tile([[0.9, 0.2, 0.13], [-0.3, 1.2, 0.04]], (2, 1, 1))
    with emulated_as_far_as_it_goes("matrix_product"):
        agrees(lambda: Transformed(padding_mode), [normal(2, 3, 5, 6), theta], device, dtype)


@pytest.mark.parametrize("norm", [nn.utils.spectral_norm, nn.utils.weight_norm])
@each_dtype
@on_devices
def test_computed_weight(norm, device, dtype):  # noqa: F811
    agrees(lambda: norm(nn.Conv2d(3, 4, 3)), [normal(2, 3, 6, 6)], device, dtype)


# --- networks ---------------------------------------------------------------------------------------------------------

NETWORKS = {
    "SimpLeNet": (SimpLeNet, (3, 1, 28, 28)),
    "VGG-style": (lambda: vgg_style(3, 16), (3, 3, 16, 16)),
    "MLP": (lambda: mlp(12, 16, 10), (7, 12)),
}
ZOO = {
    "ResNet": (lambda: CifarResNet(1), (2, 3, 16, 16)),
    "MobileNet": (lambda: MobileNetV2(10, width_mult=0.1), (3, 3, 64, 64)),
}


def learned(name, there, dtype, optimizer, steps=2):
    """Parameters and losses after some steps of training."""
    build, size = (NETWORKS | ZOO)[name]
    md.manual_seed(2)
    network = build().to(there).to(dtype)
    rng = np.random.default_rng(1)
    images, labels = rng.standard_normal(size).astype(dtype), rng.integers(0, 10, size[0])
    x, y = md.tensor(images, device=there), md.tensor(labels, device=there)
    update = optimizer(network.parameters())
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(network(x), y, label_smoothing=0.1)
        update.zero_grad()
        loss.backward()
        update.step()
        losses.append(loss)
    return [*losses, *[p.grad for p in network.parameters()], *network.state_dict().values()]


OPTIMIZERS = {
    "SGD": lambda parameters: md.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "Adam": lambda parameters: md.optim.Adam(parameters, lr=0.01, eps=0.1),  # a small eps blows up what is rounded
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@each_dtype
@pytest.mark.parametrize("name", NETWORKS)
@on_devices
def test_training(name, device, dtype, optimizer):  # noqa: F811
    with md.no_fusion():
        expected = learned(name, "cpu", dtype, OPTIMIZERS[optimizer])
    for fusion in by_kernels_and_not(dtype):
        with fusion:
            same(learned(name, device, dtype, OPTIMIZERS[optimizer]), expected, TOLERANCES[dtype])


@pytest.mark.parametrize("name", ZOO)
@on_devices
def test_a_step_of_networks_with_branches(name, device):  # noqa: F811
    """Depthwise convolutions, sums, batch norms and dropout; in double precision, as many layers round."""
    with md.no_fusion():
        expected = learned(name, "cpu", "float64", OPTIMIZERS["SGD"], steps=1)
    same(learned(name, device, "float64", OPTIMIZERS["SGD"], steps=1), expected, TOLERANCES["float64"], 1e-3)


SMALL = {"SimpLeNet": (2, 1, 28, 28), "VGG-style": (4, 3, 16, 16), "MLP": (3, 12)}


def curvature(name, there, dtype):
    """The loss of a network, and its `orders` by images and parameters."""
    md.manual_seed(2)
    network = NETWORKS[name][0]().to(there).to(dtype)
    rng = np.random.default_rng(1)
    x = md.tensor(rng.standard_normal(SMALL[name]).astype(dtype), device=there, requires_grad=True)
    y = md.tensor(rng.integers(0, 10, len(x)), device=there)
    loss = F.cross_entropy(network(x), y, label_smoothing=0.1)
    return [loss, *orders(loss, [x, *network.parameters()], there)]


@pytest.mark.parametrize("name", SMALL)
@on_devices
def test_second_order_of_networks(name, device):  # noqa: F811
    """In double precision: in single, a maximum that falls to its neighbour moves every gradient."""
    with md.no_fusion():
        expected = curvature(name, "cpu", "float64")
    same(curvature(name, device, "float64"), expected, TOLERANCES["float64"])
