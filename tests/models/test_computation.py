"""What networks compute: scores and parts by value, and the order of their layers."""

import functools

import numpy as np
import pytest
from arguments.table import wave
from zoo import numbers

import minidl as md
from minidl import functional as F
from minidl import models, nn
from minidl.models import inception
from minidl.models.googlenet import Inception, InceptionAux
from minidl.models.registry import NETWORKS
from minidl.models.xception import Block, MaxPoolSame2d, PaddedMaxPool2d
from minidl.nn.utils import skip_init

SMALL = dict(num_classes=3)
RECORDED = [  # scores in float64, written down when they equalled torchvision's, timm's and Keras's (tests/peers)
    ("squeezenet1_1", 35, SMALL, [0.3684932716, 0.0008651507321, 0.0]),
    ("mobilenet_v2", 33, dict(num_classes=3, width_mult=0.3), [-3.429547549, -0.4887997191, -1.080771463]),
    ("mobilenet_v2_keras", 33, dict(num_classes=3, width_mult=0.3), [-3.451275491, -0.5138166212, -1.040252104]),
    ("mobilenet_v1_keras", 33, dict(num_classes=3, width_mult=0.25), [-0.05408923687, 0.4494704143, 0.3657847686]),
    ("resnet20", 16, {}, [12.61919668, 5.504113524, 4.983150144]),
    ("resnet50", 33, SMALL, [211.9330132, -483.5920216, 133.5198364]),
    ("resnet50_keras", 33, SMALL, [-104.7014883, 233.7414103, -154.2065135]),
    ("resnet50v2", 33, SMALL, [-33.2495716, -109.4237484, 255.7574587]),
    ("densenet121", 33, SMALL, [-0.8817023171, 0.01967295857, -0.03286340774]),
    ("efficientnet_b0", 33, SMALL, [-0.1877240712, -0.05412158605, 0.02091554239]),
    ("efficientnet_b0_keras", 33, SMALL, [-0.1872311855, -0.05399023255, 0.02096829553]),
    ("googlenet", 33, SMALL, [0.7836472313, -1.114782573, 0.1160123929]),
    ("inception_v3", 75, SMALL, [-0.1966086436, 0.02393767244, 0.00314335298]),
    ("inception_v3_keras", 75, SMALL, [-0.5487950656, 0.3612081775, -0.1462456193]),
    ("xception", 71, SMALL, [187775.4861, -101004.6008, 73608.04928]),
]


@pytest.fixture
def in_double_precision():
    md.set_default_dtype(md.float64)
    yield
    md.set_default_dtype(md.float32)


@pytest.mark.parametrize("name, size, options, scores", [
    pytest.param(*case, marks=[pytest.mark.deep] * (case[2] is SMALL and case[0] != "squeezenet1_1"))
    for case in RECORDED
])  # fmt: skip
def test_scores(name, size, options, scores, in_double_precision):
    """Of weights that are the same each time."""
    network = skip_init(NETWORKS[name].build, **options).eval()
    state = numbers({key: value.shape for key, value in network.state_dict().items()})
    network.load_state_dict({key: md.tensor(value) for key, value in state.items()}, assign=True)
    with md.no_grad():
        found = network(md.arange(3.0 * size * size).cos().reshape(1, 3, size, size))
    np.testing.assert_allclose(found.numpy()[0, :3], scores, rtol=1e-8, atol=1e-12)


basic = functools.partial(inception.BasicConv2d, norm=None)
mean = functools.partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1)
# What builds a part of a network, or a small one; its input's shape; sums. torchvision and timm gave the sums, but for
# the lite, NASNet, and Xception's middle and Keras's form: those are ours, of networks that tests/peers holds whole.
PARTS = {
    "DenseNet": (lambda: models.DenseNet(4, (2, 1), 8, 2, 0.0, 3), (3, 33, 33), (-2.007890039, -7.594556167)),
    "EfficientNet": (lambda: models.EfficientNet(0.1, 0.5, num_classes=3), (3, 33, 33), (-0.3133143386, -0.7587739038)),
    "EfficientNet, lite": (
        lambda: models.EfficientNet(0.1, 0.3, squeeze=False, activation_layer=nn.ReLU6), (3, 33, 33),
        (-19.94525835, -4.346174314),
    ),
    "NASNet": (lambda: models.NASNet(96, 1, 8, 3), (3, 33, 33), (30.40614815, 70.98381368)),
    "GoogLeNet's block": (lambda: Inception(8, 2, 3, 4, 3, 4, 5), (8, 7, 7), (35.81905545, 5.156059507)),
    "GoogLeNet's classifier": (lambda: InceptionAux(4, 3, 0.5), (4, 14, 14), (0.1115453848, 0.690372073)),
    "Inception A": (lambda: inception.InceptionA(3, 2, basic, mean), (3, 5, 5), (32.29345064, -36.16586481)),
    "Inception B": (lambda: inception.InceptionB(3, basic), (3, 5, 5), (16.75919606, -28.30806039)),
    "Inception C": (lambda: inception.InceptionC(3, 2, basic, mean), (3, 5, 5), (41.13022182, 40.29966077)),
    "Inception D": (lambda: inception.InceptionD(3, basic), (3, 5, 5), (30.74699385, 2.822471648)),
    "Inception E": (lambda: inception.InceptionE(3, basic, mean), (3, 3, 3), (-154.8416415, -16.41668985)),
    "Inception's classifier": (lambda: inception.InceptionAux(4, 3, basic), (4, 17, 17), (0.3939208508, -0.5498585453)),
    "Xception's block": (
        lambda: Block([3, 3, 5], 2, True, nn.BatchNorm2d, PaddedMaxPool2d), (3, 5, 5), (0.6811040998, 11.66144421)
    ),
    "Xception's block in Keras": (
        lambda: Block([3, 4, 3], 2, False, nn.BatchNorm2d, MaxPoolSame2d), (3, 6, 6), (8.349155597, -1.298815261)
    ),
    "Xception's middle": (
        lambda: Block([3, 3, 3], 1, True, nn.BatchNorm2d, None), (3, 5, 5), (60.38774206, 33.2985185)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_parts(name, in_double_precision):
    """Of weights that are the same each time."""
    build, shape, sums = PARTS[name]
    part = skip_init(build).eval()
    state = numbers({key: value.shape for key, value in part.state_dict().items()})
    part.load_state_dict({key: md.tensor(value) for key, value in state.items()}, assign=True)
    with md.no_grad():
        z = part(md.tensor(wave(2, *shape))).numpy().ravel()
    np.testing.assert_allclose([wave(z.size, phase=phase) @ z for phase in (0.0, 1.0)], sums, rtol=1e-8)


class Called(nn.Module):
    """A layer that says that it is called, and adds 1."""

    def __init__(self, name, called):
        self.say = functools.partial(called.append, name)

    def forward(self, x):
        self.say()
        return x + 1


@pytest.mark.parametrize("build, auxiliary", [
    (models.Xception, {}), (models.GoogLeNet, {"inception4a": "aux1", "inception4d": "aux2"}),
    (models.Inception3, {"Mixed_6e": "AuxLogits"}),
])  # fmt: skip
def test_layers_are_called_in_order(build, auxiliary):
    """As they stand; auxiliary classifiers, in training alone, on what comes before them."""
    network, called = skip_init(build), []
    names = [name for name, _ in network.named_children() if name not in auxiliary.values()]
    for name in [*names, *auxiliary.values()]:
        setattr(network, name, Called(name, called))
    assert (network.eval()(md.zeros(1, 1, 1, 1)) == len(names)).all() and called == names
    called.clear()
    scores = network.train()(md.zeros(1, 1, 1, 1))
    assert called == [name for own in names for name in (own, auxiliary.get(own)) if name]
    others = [names.index(own) + 2 for own in auxiliary]
    assert [z.item() for z in (scores if auxiliary else [scores])] == [len(names), *others[::-1]]
