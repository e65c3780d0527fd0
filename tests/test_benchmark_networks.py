"""The networks that are timed: one source for all libraries, two styles with the same results, the papers' sizes."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import minidl as md
from benchmarks import forms
from benchmarks.case import Asked
from benchmarks.engines import Lacking, Minidl, Model, Work
from benchmarks.engines.model import without_dropout
from benchmarks.engines.translated import Namespace, forward, translate
from benchmarks.networks import NETWORKS, STYLES, model, problem

SIZES = {  # parameters, as they are published, or counted by hand
    "MLP 784-256-256-10": 785 * 256 + 257 * 256 + 257 * 10,
    "LeNet-5": 61_706,
    "SimpLeNet": 233_196,
    "Keras convnet": 1_199_882,
    "VGG-style": sum(9 * a * b + 2 * b for a, b in [(3, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128)])
    + 2049 * 256
    + 2570,
    "ResNet-20": 269_722 + (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64),  # and projections for the skips
    "MobileNet-style": 27 * 32
    + 64
    + sum(11 * a + a * b + 2 * b for a, b in [(32, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512)])
    + 5130,
    "DCGAN discriminator": 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256) + 2 * (128 + 256),
    "DCGAN generator": 16 * (100 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (256 + 128 + 64),
    "ResNet-50": 25_557_032,
    "VGG-16": 138_357_544,
    "MobileNetV2": 3_504_872,
}
HEAVY = [pytest.param("VGG-16", marks=pytest.mark.deep)]


@pytest.mark.parametrize("name", [name for name in SIZES if name != "VGG-16"] + HEAVY)
def test_sizes(name):
    for style in STYLES:
        assert sum(p.numel() for p in model(name, style).build(md.nn).parameters()) == SIZES[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_styles_compute_the_same(name):
    """Losses and gradients, in float64."""
    found = [Minidl(np.float64).training(*problem(name, 2, style)).outputs() for style in STYLES]
    for functional, sequential in zip(*found, strict=True):
        np.testing.assert_allclose(functional, sequential, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_pytorch_computes_the_same(name):
    """The same source with PyTorch's ``nn``, in float64: the loss and every gradient."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # beside other tests its threads wait for one another
    described, inputs, targets = problem(name, 2, "functional")
    network = described.build(torch.nn).double()
    weights = map(torch.from_numpy, described.weights)
    network.load_state_dict({key: array.double() for key, array in zip(network.state_dict(), weights, strict=True)})
    y = torch.from_numpy(targets)
    with without_dropout(network.modules()):
        outputs = network(torch.from_numpy(inputs).double())
        loss = getattr(torch.nn.functional, described.loss)(outputs, y.double() if y.is_floating_point() else y)
    loss.backward()
    *gradients, losses = Minidl(np.float64).training(described, inputs, targets).outputs()
    assert losses[0] == pytest.approx(loss.item(), rel=1e-12)
    for ours, theirs in zip(gradients, network.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_translated_network_is_the_network(name):
    """Layers that minidl itself computes, found, called and given their parameters as another library's would be."""

    def computed(layer, x, *own):
        for mine, given in zip(layer.parameters(), own, strict=True):
            np.testing.assert_array_equal(mine.detach().numpy(), given)
        return layer(x)

    described, inputs, _ = problem(name, 2)
    names = "Conv2d ConvTranspose2d Linear BatchNorm2d MaxPool2d AvgPool2d Dropout Flatten ReLU LeakyReLU Tanh"
    network, parameters = translate(described, dict.fromkeys(names.split(), computed), training=False)
    with md.no_grad():
        outputs = forward(network, parameters, md.from_numpy(inputs))
    [expected] = Minidl().inference(described, inputs).outputs()
    np.testing.assert_allclose(outputs.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_what_a_library_lacks_is_named():
    with pytest.raises(Lacking, match="Tanh"):
        translate(model("LeNet-5"), dict.fromkeys(["Conv2d", "AvgPool2d"]), training=True)
    with pytest.raises(Lacking, match="ReLU"):
        Namespace({}).ReLU()


def test_weights_are_the_same_each_time_and_keep_the_size_of_activations():
    first, second = (model("VGG-style").weights for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first[12].std() == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.05)  # of the third convolution, 32 → 64
    assert not first[2].any() and first[1].min() == 1  # batch norm's
    assert not first[-1].any()  # the bias of the last dense layer


def test_training_leaves_the_model_as_it_was():
    """Every engine starts from the same weights."""
    described, inputs, targets = problem("LeNet-5", 2)
    before = [array.copy() for array in described.weights]
    Minidl().training(described, inputs, targets).outputs()
    for a, b in zip(before, described.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_dropout_comes_back():
    network = Model(lambda nn: nn.Sequential(nn.Dropout(0.3), nn.ReLU())).build(md.nn)
    with pytest.raises(KeyError), without_dropout(network.modules()):
        assert network[0].p == 0
        raise KeyError
    assert network[0].p == 0.3


def test_forms_are_timed_one_beside_the_other():
    """The network as functions, and as a list of layers, with the same images."""
    built = []
    ours = Minidl()
    ours.training = lambda model, images, labels: Work(
        lambda: built.append((type(model.build(md.nn)).__name__, images))
    )
    for quick, batch in (True, 4), (False, 128):
        (case,) = forms.forms(Asked(quick, ["lenet-5"]))
        for build in (case.work, case.baselines["Sequential"]):
            assert build(ours).call() >= 0 and case.unit == "CPU s" and case.threads == 1
        (name, images), (_, same), (listed, others), _ = built[-4:]  # each after a call that warms up
        assert (name, listed) == ("LeNet5", "Sequential") and images is same and len(images) == batch
        np.testing.assert_array_equal(images, others)
    with pytest.raises(Lacking):
        case.work(SimpleNamespace(name="PyTorch"))
