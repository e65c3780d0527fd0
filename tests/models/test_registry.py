"""Networks by name, and what is refused."""

import inspect

import pytest

import minidl as md
from minidl import models
from minidl.models.registry import NETWORKS

# --- by name ----------------------------------------------------------------------------------------------------------


def test_networks_are_found_by_name():
    assert models.list_models() == sorted(NETWORKS) and "resnet50" in models.list_models()
    assert models.list_models("squeezenet*") == ["squeezenet1_0", "squeezenet1_1"] and models.list_models("x") == []
    network = models.get_model("resnet20", num_classes=3)
    assert isinstance(network, models.resnet_cifar.CifarResNet) and network.linear.out_features == 3
    assert all(getattr(models, name) is NETWORKS[name].build for name in NETWORKS)


@pytest.mark.parametrize("name, hint", [
    ("resnet51", "did you mean resnet56 or resnet50 or resnet18?"), ("ResNet20", "did you mean resnet20"),
    ("transformer", "models.list_models() has them all"), (3, "models.list_models() has them all"),
])  # fmt: skip
def test_unknown_names_get_those_that_are_close(name, hint):
    with pytest.raises(ValueError) as error:
        models.get_model(name)
    assert str(error.value).startswith(f"no network is named {name!r}; ") and hint in str(error.value)


def test_signatures_say_that_weights_are_taken():
    assert str(inspect.signature(models.alexnet)).startswith("(num_classes: 'int' = 1000, dropout: 'float' = 0.5, *, ")
    assert list(inspect.signature(models.resnet50).parameters) == ["weights", "options"]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("build, said", [
    (lambda: models.SqueezeNet("2_0"), "SqueezeNet: version must be '1_0' or '1_1', got '2_0'"),
    (lambda: models.NASNet(100), "NASNet: penultimate_filters must be a multiple of 96, got 100"),
    (lambda: models.dcgan_generator(size=48), "dcgan: size must be a power of 2, 8 at least, got 48"),
    (lambda: models.dcgan_discriminator(size=4), "dcgan: size must be a power of 2, 8 at least, got 4"),
    (lambda: models.resnet18(groups=2), "groups=2, width_per_group=64, bias=False and stride_first=False are of "
     "Bottleneck alone"),
    (lambda: models.lenet5(num_classes=0), "Linear: out_features must be a positive integer, got 0"),
])  # fmt: skip
def test_refusals(build, said):
    with pytest.raises(ValueError) as error:
        build()
    assert said in str(error.value)


def test_an_option_that_there_is_none_of():
    with pytest.raises(TypeError, match="unexpected keyword argument 'classes'"):
        models.get_model("resnet18", classes=3)


@pytest.mark.parametrize("shape, said", [
    ((1, 28, 28, 3), "conv1: Conv2d(3, 16, kernel_size=(3, 3)"), ((1, 1, 32, 32), "conv1: Conv2d(3, 16"),
])  # fmt: skip
def test_images_of_another_form_are_refused_by_the_layer(shape, said):
    with pytest.raises(ValueError) as error:
        models.resnet20()(md.ones(*shape))
    assert str(error.value).startswith(said)
