"""Networks in Keras's form beside keras.applications: with the same weights the same scores, in both modes."""

import importlib
import os

import numpy as np
import pytest
from zoo import POOL

import minidl as md
from minidl import models

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")


CASES = {  # ours, Keras's, and an image's size; VGG-19 is VGG-16 with a fourth convolution in three of its rows
    "vgg16": ("VGG16", 224),
    "resnet50_keras": ("ResNet50", 64),
    "resnet50v2": ("ResNet50V2", 64),
    "mobilenet_v1_keras": ("MobileNet", 64),
    "mobilenet_v2_keras": ("MobileNetV2", 65),
    "densenet121": ("DenseNet121", 64),
    "efficientnet_b0_keras": ("EfficientNetB0", 64),
    "efficientnet_b1_keras": ("EfficientNetB1", 64),
    "efficientnet_b2_keras": ("EfficientNetB2", 65),
    "inception_v3_keras": ("InceptionV3", 107),
    "xception_keras": ("Xception", 71),
    "nasnet_mobile": ("NASNet", 65),
}


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


def layers(*made):
    """A model of Keras's, for images of 28×28 pixels."""
    return keras.Sequential([keras.Input((28, 28, 1)), *made])


def convnet():
    """The one of Keras's example for MNIST."""
    kl = keras.layers
    return layers(
        kl.Conv2D(32, 3, activation="relu"), kl.MaxPooling2D(2), kl.Conv2D(64, 3, activation="relu"),
        kl.MaxPooling2D(2), kl.Flatten(), kl.Dropout(0.5), kl.Dense(10),
    )  # fmt: skip


def mlp():
    """Two dense layers of 256, and the scores."""
    kl = keras.layers
    return layers(kl.Flatten(), *[kl.Dense(256, activation="relu") for _ in range(2)], kl.Dense(10))


KINDS = ("model.keras", "model.h5", "model.weights.h5")
IN_EVERY_KIND = ("densenet121", "mobilenet_v1_keras")  # the others in the first: a large file takes Keras long


def saved(model, folder, kinds=KINDS):
    """The files that Keras makes of a model, one at a time."""
    for name in kinds:
        (model.save_weights if name == "model.weights.h5" else model.save)(folder / name)
        yield folder / name
        (folder / name).unlink()


@pytest.mark.filterwarnings("ignore")  # of Keras's, for files of its older kind
@pytest.mark.parametrize("name, build", [("keras_convnet", convnet), ("fc256_fc256", mlp)])
def test_small_networks_from_files(name, build, tmp_path):
    """A file of each kind, from a program that has built other layers before."""
    keras.layers.Conv2D(1, 1)
    theirs = build()
    for i, weight in enumerate(theirs.trainable_variables):
        weight.assign(numbers(weight, i))
    x = np.random.default_rng(1).standard_normal((5, 28, 28, 1)).astype(np.float32)
    want = theirs(x, training=False).detach().numpy()
    for path in saved(theirs, tmp_path):
        network = models.get_model(name, weights=path).eval()
        got = network(md.tensor(x.transpose(0, 3, 1, 2))).detach().numpy()
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * abs(want).max(), err_msg=path.name)


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore")  # of Keras's, where it saves
@pytest.mark.parametrize("name", CASES)
def test_networks(name, in_double_precision, tmp_path):
    """Weights from files give Keras's scores, and are the same from each kind."""
    application, size = CASES[name]
    shape, options = (size, size, 3), dict(weights=None, classifier_activation=None)
    if application == "NASNet":  # its mobile form refuses PyTorch as Keras's backend, and takes these
        options |= dict(penultimate_filters=1056, num_blocks=4, stem_block_filters=32, skip_reduction=False)
        theirs = importlib.import_module("keras.src.applications.nasnet").NASNet(shape, default_size=224, **options)
    else:
        theirs = getattr(keras.applications, application)(input_shape=shape, **options)
    count = 0
    for layer in theirs.layers:
        if "Dropout" in type(layer).__name__:
            layer.rate = 0.0
        if type(layer).__name__ != "Normalization":
            for weight in layer.weights:
                weight.assign(numbers(weight, count := count + 1))
    files = saved(theirs, tmp_path, KINDS if name in IN_EVERY_KIND else KINDS[:1])
    ours = models.get_model(name, weights=next(files))
    state = ours.state_dict()
    for path in files:
        for key, value in models.get_model(name, weights=path).state_dict().items():
            np.testing.assert_array_equal(value.numpy(), state[key].numpy(), err_msg=f"{path.name}: {key}")
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
