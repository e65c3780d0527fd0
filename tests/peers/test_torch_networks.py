"""Networks beside torchvision's and timm's: the same names and shapes, and with the same weights the same numbers."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from vision import torch, torchvision
from zoo import numbers

import minidl as md
from minidl import models
from minidl.models.googlenet import Inception
from minidl.models.renaming import renamed, timm_efficientnet
from minidl.nn.utils import skip_init


class Case(NamedTuple):
    """A network of ours, theirs, and the shape of a batch for both."""

    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    shape: tuple[int, ...]


def named(name, *shape, **options):
    """A case: what has the same name in torchvision."""
    return Case(lambda: getattr(models, name)(**options), lambda: getattr(torchvision.models, name)(**options), shape)


QUICK = {
    "VGG's convolutions": Case(
        lambda: models.vgg.stages(3, [[4, 4], [8]], True),
        lambda: torchvision.models.vgg.make_layers([4, 4, "M", 8, "M"], True), (2, 3, 12, 12),
    ),
    "squeezenet1_0": named("squeezenet1_0", 2, 3, 35, 35, num_classes=5),
    "squeezenet1_1": named("squeezenet1_1", 2, 3, 35, 35, num_classes=5),
    "mobilenet_v2": named("mobilenet_v2", 2, 3, 33, 33, num_classes=5, width_mult=0.3),
    "a DenseNet": Case(
        lambda: models.DenseNet(4, (2, 1), 8, 2, 0.0, 3), lambda: torchvision.models.DenseNet(4, (2, 1), 8, 2, 0.0, 3),
        (2, 3, 64, 64),
    ),
    "an Inception": Case(
        lambda: Inception(8, 2, 3, 4, 3, 4, 5),
        lambda: sys.modules["torchvision.models.googlenet"].Inception(8, 2, 3, 4, 3, 4, 5), (2, 8, 7, 7),
    ),
    "a ResNeXt": Case(
        lambda: models.ResNet(models.resnet.Bottleneck, [1, 1, 1, 1], 7, groups=4, width_per_group=4),
        lambda: torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 1, 1, 1], 7, groups=4,
                                          width_per_group=4),
        (2, 3, 64, 64),
    ),
}  # fmt: skip
DEEP = {
    "AlexNet's convolutions": Case(lambda: models.alexnet().features, lambda: torchvision.models.alexnet().features,
                                   (1, 3, 67, 67)),
    **{name: named(name, 2, 3, 64, 64) for name in ("resnet50", "densenet121", "mobilenet_v2")},
    "efficientnet_b0": named("efficientnet_b0", 2, 3, 65, 65, num_classes=5),
    "googlenet": named("googlenet", 2, 3, 64, 64, num_classes=3),
    "vgg16_bn": Case(
        lambda: models.vgg16_bn().features, lambda: torchvision.models.vgg16_bn().features, (2, 3, 32, 32)
    ),
    "inception_v3": named("inception_v3", 2, 3, 107, 107, num_classes=3, aux_logits=False),
    "its auxiliary classifier": Case(
        lambda: models.inception_v3(num_classes=5).AuxLogits,
        lambda: torchvision.models.inception_v3(num_classes=5).AuxLogits, (2, 768, 17, 17),
    ),
    "xception": Case(
        models.xception, lambda: pytest.importorskip("timm").create_model("legacy_xception"), (2, 3, 71, 71)
    ),
}  # fmt: skip
CASES = [*QUICK.items(), *[pytest.param(*case, marks=pytest.mark.deep) for case in DEEP.items()]]


THE_SAME = [
    "alexnet", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "resnet18",
    "resnet34", "resnet50", "resnet101", "resnet152", "squeezenet1_0", "squeezenet1_1", "densenet121",
    "mobilenet_v2", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "googlenet", "inception_v3",
]  # fmt: skip
RENAMED = {  # ours, by the name of timm's
    "efficientnet_b0": models.efficientnet_b0,
    "tf_efficientnet_lite0": models.efficientnet_lite0,
}


@pytest.fixture(autouse=True)
def in_double_precision():
    md.set_default_dtype(md.float64)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    yield
    md.set_default_dtype(md.float32)
    torch.set_default_dtype(torch.float32)


def pair(case):
    """Both networks, with the same parameters in the same memory, and statistics of their own; nothing is dropped."""
    with torch.device("meta"):
        theirs = case.theirs()
    shapes = {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    state = numbers(shapes)
    theirs.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()}, assign=True)
    ours = skip_init(case.ours)
    assert {name: value.shape for name, value in ours.state_dict().items()} == shapes
    assert list(ours.state_dict()) == list(shapes)
    ours.load_state_dict({name: md.tensor(value) for name, value in state.items()}, assign=True)
    for module in (*ours.modules(), *theirs.modules()):
        if hasattr(module, "p"):
            module.p = 0.0
    return ours, theirs


def same(ours, theirs, tolerance):
    """Numbers that differ by a share of the largest, or of 1, at most."""
    ours, theirs = (value.detach().numpy() for value in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(abs(theirs).max(), 1))


def outputs(network, x):
    """What a network gives, as a tuple."""
    y = network(x)
    return tuple(y) if isinstance(y, tuple) else (y,)


@pytest.mark.filterwarnings("ignore:The default weight initialization of:FutureWarning")
@pytest.mark.parametrize("name, case", CASES)
def test_networks(name, case):
    """Outputs in both modes, gradients of the input and of all parameters, and what is kept of the batch."""
    ours, theirs = pair(case)
    x = np.random.default_rng(1).standard_normal(case.shape)
    with md.no_grad(), torch.no_grad():
        for got, want in zip(outputs(ours.eval(), md.tensor(x)), outputs(theirs.eval(), torch.tensor(x)), strict=True):
            same(got, want, 1e-9)
    found = []
    for library, network in ((md, ours.train()), (torch, theirs.train())):
        images = library.tensor(x, requires_grad=True)
        scores = outputs(network, images)
        sum((y * library.tensor(np.cos(np.arange(y.numel())).reshape(y.shape))).sum() for y in scores).backward()
        kept = [value for name, value in network.named_buffers() if "running" in name]
        found.append((*scores, *kept, images.grad, *[p.grad for p in network.parameters()]))
    for got, want in zip(*found, strict=True):
        same(got, want, 1e-8)


@pytest.mark.filterwarnings("ignore:The default weight initialization of:FutureWarning")
@pytest.mark.deep
@pytest.mark.parametrize("name", THE_SAME)
def test_names_and_shapes(name):
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)().state_dict()
    ours = skip_init(getattr(models, name)).state_dict()
    assert [(key, value.shape) for key, value in ours.items()] == [(key, value.shape) for key, value in theirs.items()]


@pytest.mark.deep
@pytest.mark.parametrize("name", RENAMED)
def test_weights_under_the_names_of_timm(name):
    theirs = pytest.importorskip("timm").create_model(name).eval()
    state = numbers({key: tuple(value.shape) for key, value in theirs.state_dict().items()})
    theirs.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in state.items()})
    ours = skip_init(RENAMED[name]).eval()
    ours.load_state_dict(renamed({key: md.tensor(value) for key, value in state.items()}, ours, timm_efficientnet))
    x = np.random.default_rng(1).standard_normal((2, 3, 65, 96))
    with md.no_grad(), torch.no_grad():
        same(ours(md.tensor(x)), theirs(torch.tensor(x)), 1e-9)
