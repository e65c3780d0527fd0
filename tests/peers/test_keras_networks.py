"""Networks in Keras's form beside keras.applications: with the same weights the same scores, in both modes."""

import importlib
import os
import re

import numpy as np
import pytest
from zoo import POOL

import minidl as md
from minidl import models
from minidl.nn.utils import skip_init

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.deep


def numbered(name):
    """Layers that are named by their kind alone, by their number; the last one has a name."""
    number = re.search(r"_(\d+)$", name)
    return (name == "predictions", int(number[1]) if number else 0, "conv" not in name)


def by_block(name):
    """A residual network's: by stage, block and place."""
    found = re.match(r"conv(\d+)_block(\d+)_(\d|preact)_?(\w+)", name)
    if found is None:
        return (["conv1_conv", "conv1_bn"].index(name),) if name.startswith("conv1") else (99, name == "predictions")
    stage, block, place, kind = found.groups()
    return int(stage), int(block), -1 if place == "preact" else int(place), kind == "bn"


def skips_last(name):
    """The same, but the skip, whose place is 0, comes after the others."""
    order = by_block(name)
    return (*order[:2], order[2] or 9, order[3]) if len(order) == 4 else order


def as_is(name):
    return 0


def xceptions(name):
    """Blocks by their number; the skips, which are convolutions with numbers alone, in the blocks that have some."""
    block = re.match(r"block(\d+)_sepconv(\d)(_bn)?|block1_conv(\d)(_bn)?", name)
    if block is None:
        number = re.search(r"_(\d+)$", name)
        place = (2, 3, 4, 13)[int(number[1]) if number else 0] if name != "predictions" else 99
        return place, 0, name.startswith("batch")
    if block[4]:
        return 1, int(block[4]), bool(block[5])
    return int(block[1]), int(block[2]), bool(block[3])


PLACES = ["adjust_conv_1", "adjust_conv_2", "adjust_conv_projection", "adjust_bn", "conv_1", "bn_1"]
PLACES += [
    f"separable_conv_{layer}_{side}"
    for side in ("left1", "right1", "left2", "right2", "right3", "left4", "left5")
    for layer in ("1", "1_bn", "2", "2_bn")
]
CELLS = ["stem_1", "stem_2", "0", "1", "2", "3", "reduce_4", "5", "6", "7", "8", "reduce_8", "9", "10", "11", "12"]


def nasnets(name):
    """By cell, and in it as ours are."""
    found = re.match(r"(.*?)_(stem_\d|reduce_\d+|\d+)$", name)
    if found is None:
        return (["stem_conv1", "stem_bn1"].index(name) - 2,) if name.startswith("stem") else (99,)
    return CELLS.index(found[2]), PLACES.index(re.sub("normal_|reduction_", "", found[1]))


CASES = {  # ours, Keras's, the order of its layers, and an image's size
    "resnet50_keras": ("ResNet50", skips_last, 64),
    "resnet50v2": ("ResNet50V2", by_block, 64),
    "mobilenet_v1_keras": ("MobileNet", as_is, 64),
    "mobilenet_v2_keras": ("MobileNetV2", as_is, 65),
    "densenet121": ("DenseNet121", as_is, 64),
    "efficientnet_b0_keras": ("EfficientNetB0", as_is, 64),
    "efficientnet_b2_keras": ("EfficientNetB2", as_is, 65),
    "inception_v3_keras": ("InceptionV3", numbered, 107),
    "xception_keras": ("Xception", xceptions, 71),
    "nasnet_mobile": ("NASNet", nasnets, 65),
}


def as_ours(array):
    """Weights of Keras's, whose layout is channels last, in ours; depthwise ones have 1 in the last place."""
    if array.ndim == 4:
        return array.transpose((2, 3, 0, 1) if array.shape[3] == 1 else (3, 2, 0, 1))
    return array.T


@pytest.fixture
def in_double_precision():
    md.set_default_dtype(md.float64)
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    keras.backend.clear_session()
    yield
    keras.config.set_floatx(before)
    md.set_default_dtype(md.float32)


def numbers(weight, i):
    """For the i-th weights of a network such as keep the size of activations; variances are positive."""
    drawn = np.resize(np.roll(POOL, 1009 * i), weight.shape)
    if len(weight.shape) > 1:
        fan = np.prod(weight.shape[:2] if weight.shape[-1] == 1 else weight.shape[:-1])
        return drawn * np.sqrt(2 / fan)
    return 1 + 0.2 * np.tanh(drawn) if weight.path.endswith(("gamma", "moving_variance")) else 0.1 * drawn


@pytest.mark.parametrize("name", CASES)
def test_networks(name, in_double_precision):
    application, rank, size = CASES[name]
    shape, options = (size, size, 3), dict(weights=None, classifier_activation=None)
    if application == "NASNet":  # its mobile form refuses PyTorch as Keras's backend, and takes these
        options |= dict(penultimate_filters=1056, num_blocks=4, stem_block_filters=32, skip_reduction=False)
        theirs = importlib.import_module("keras.src.applications.nasnet").NASNet(shape, default_size=224, **options)
    else:
        theirs = getattr(keras.applications, application)(input_shape=shape, **options)
    for layer in theirs.layers:
        if "Dropout" in type(layer).__name__:
            layer.rate = 0.0
    layers = [layer for layer in theirs.layers if layer.weights and type(layer).__name__ != "Normalization"]
    weights = [w for layer in sorted(layers, key=lambda layer: rank(layer.name)) for w in layer.weights]
    ours = skip_init(getattr(models, name))
    state = {key: place for key, place in ours.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert len(weights) == len(state)
    for i, (weight, (key, place)) in enumerate(zip(weights, state.items(), strict=True)):
        array = numbers(weight, i)
        weight.assign(array)
        array = as_ours(array)
        array = array[:, :, 0, 0] if weight.path == "conv_preds/kernel" else array  # there the scores are of pixels
        assert array.shape == place.shape, f"{weight.path} as {key}"
        place.copy_(md.tensor(array.copy()))
    for module in ours.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    x = np.random.default_rng(1).standard_normal((2, *shape))
    scale = 255 if "EfficientNet" in application else 1
    for training in (False, True):
        want = theirs(x * scale, training=training).detach().numpy()
        with md.no_grad():
            got = ours.train(training)(md.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
        tolerance = (1e-3 if training else 1e-5) * abs(want).max()  # its batch norm is in single precision here, too
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance, err_msg=f"training={training}")
