"""Networks: their sizes, what their options change, and what they start from."""

import functools
import inspect

import numpy as np
import pytest

import minidl as md
from minidl import models, nn
from minidl.models.registry import NETWORKS
from minidl.nn.utils import skip_init

# --- sizes ------------------------------------------------------------------------------------------------------------

COUNTS = {  # learned, and statistics: as they are published, by Keras or with torchvision's weights, or counted by hand
    "fc64": (50_890, 0),
    "fc256_fc256": (269_322, 0),
    "simplenet": (233_196, 0),
    "lenet5": (61_706, 0),
    "keras_convnet": (34_826, 0),
    "small_convnet": (93_322, 0),
    "alexnet": (61_100_840, 0),
    "alexnet_grouped": (60_965_224, 0),
    "alexnet_one_tower": (62_378_344, 0),
    "vgg11": (132_863_336, 0),
    "vgg11_bn": (132_868_840, 5_504),
    "vgg13": (133_047_848, 0),
    "vgg13_bn": (133_053_736, 5_888),
    "vgg16": (138_357_544, 0),
    "vgg16_bn": (138_365_992, 8_448),
    "vgg19": (143_667_240, 0),
    "vgg19_bn": (143_678_248, 11_008),
    "vgg_style": (814_570, 896),
    "resnet18": (11_689_512, 9_600),
    "resnet34": (21_797_672, 17_024),
    "resnet50": (25_557_032, 53_120),
    "resnet101": (44_549_160, 105_344),
    "resnet152": (60_192_808, 151_424),
    "resnet50_keras": (25_583_592, 53_120),
    "resnet50v2": (25_568_360, 45_440),
    "resnet20": (269_722, 1_376),
    "resnet32": (464_154, 2_272),
    "resnet44": (658_586, 3_168),
    "resnet56": (853_018, 4_064),
    "resnet110": (1_727_962, 8_096),
    "nin": (966_986, 0),
    "squeezenet1_0": (1_248_424, 0),
    "squeezenet1_1": (1_235_496, 0),
    "densenet121": (7_978_856, 83_648),
    "mobilenet_v1": (4_231_976, 21_888),
    "mobilenet_v1_keras": (4_231_976, 21_888),
    "mobilenet_v2": (3_504_872, 34_112),
    "mobilenet_v2_keras": (3_504_872, 34_112),
    "dcgan_generator": (3_576_704, 1_920),
    "dcgan_discriminator": (2_765_568, 1_792),
    "efficientnet_b0": (5_288_548, 42_016),
    "efficientnet_b0_keras": (5_288_548, 42_016),
    "efficientnet_b1": (7_794_184, 62_048),
    "efficientnet_b1_keras": (7_794_184, 62_048),
    "efficientnet_b2": (9_109_994, 67_568),
    "efficientnet_b2_keras": (9_109_994, 67_568),
    "efficientnet_lite0": (4_652_008, 42_016),
    "inception_v3": (27_161_264, 36_224),
    "inception_v3_keras": (23_817_352, 34_432),
    "googlenet": (13_004_888, 15_072),
    "xception": (22_855_952, 54_528),
    "nasnet_mobile": (5_289_978, 36_738),
    "xception_keras": (22_855_952, 54_528),
}


def test_every_network_is_counted():
    assert set(COUNTS) == set(NETWORKS)


@pytest.mark.parametrize("name", COUNTS)
def test_sizes(name):
    """Parameters and statistics, as published; no parameter has a gradient, and the docstring has their number."""
    network = skip_init(NETWORKS[name].build)
    kept = [value for key, value in network.named_buffers() if not key.endswith("num_batches_tracked")]
    learned = list(network.parameters())
    assert (sum(p.numel() for p in learned), sum(value.numel() for value in kept)) == COUNTS[name]
    assert all(p.requires_grad and p.grad is None for p in learned)
    said = inspect.getdoc(NETWORKS[name].build)
    assert f"{COUNTS[name][0]:,} parameters" in said or name in ("vgg_style", "simplenet")


@pytest.mark.parametrize("name, part, count", [
    ("vgg16", "features", 14_714_688), ("small_convnet", "0 3 6", 55_744), ("googlenet", "aux1 aux2", 6_379_984),
])  # fmt: skip
def test_sizes_of_parts(name, part, count):
    network = skip_init(NETWORKS[name].build)
    assert sum(p.numel() for path in part.split() for p in network.get_submodule(path).parameters()) == count


# --- options ----------------------------------------------------------------------------------------------------------


def norm(channels):
    return nn.BatchNorm2d(channels, eps=0.5)


def conv(*args, **options):
    return nn.Conv2d(*args, **options, padding_mode="reflect")


OPTIONS = [  # what builds a network, an option of it, and then an attribute by its path
    (models.fc64, dict(num_classes=3), "3.out_features", 3),
    (models.fc256_fc256, dict(num_classes=3), "5.out_features", 3),
    (models.simplenet, dict(num_classes=3), "classifier.2.out_features", 3),
    (models.lenet5, dict(num_classes=3), "11.out_features", 3),
    (models.keras_convnet, dict(num_classes=3), "8.out_features", 3),
    (models.keras_convnet, dict(dropout=0.1), "7.p", 0.1),
    (models.small_convnet, dict(num_classes=3), "11.out_features", 3),
    (models.small_convnet, dict(pooling=False, hidden=512), "-3.weight.shape", (512, 30_976)),
    (models.alexnet, dict(num_classes=3), "classifier.6.out_features", 3),
    (models.alexnet, dict(dropout=0.1), "classifier.3.p", 0.1),
    (models.AlexNet, dict(num_classes=3), "classifier.6.out_features", 3),
    (models.AlexNet, dict(dropout=0.1), "classifier.0.p", 0.1),
    (models.alexnet_grouped, dict(num_classes=3), "classifier.6.out_features", 3),
    (models.alexnet_grouped, dict(dropout=0.1), "classifier.5.p", 0.1),
    (models.alexnet_one_tower, dict(num_classes=3), "classifier.6.out_features", 3),
    (models.alexnet_one_tower, dict(dropout=0.1), "classifier.2.p", 0.1),
    (models.vgg11, dict(num_classes=3), "classifier.6.out_features", 3),
    (models.vgg13_bn, dict(dropout=0.1), "classifier.2.p", 0.1),
    (models.resnet18, dict(num_classes=3), "fc.out_features", 3),
    (models.resnet20, dict(num_classes=3), "linear.out_features", 3),
    (models.resnet32, dict(num_classes=3), "linear.out_features", 3),
    (models.resnet44, dict(num_classes=3), "linear.out_features", 3),
    (models.resnet56, dict(num_classes=3), "linear.out_features", 3),
    (models.resnet110, dict(num_classes=3), "linear.out_features", 3),
    (models.resnet50, dict(groups=2), "layer1.0.conv2.groups", 2),
    (models.resnet50, dict(width_per_group=32), "layer1.0.conv2.out_channels", 32),
    (models.resnet50, dict(norm_layer=norm), "layer4.0.downsample.1.eps", 0.5),
    (models.resnet50, dict(bias=True), "layer1.0.downsample.0.bias.shape", (256,)),
    (models.resnet50, dict(stride_first=True), "layer2.0.conv1.stride", (2, 2)),
    (models.resnet50v2, dict(num_classes=3), "fc.out_features", 3),
    (models.ResNetV2, dict(layers=[1, 1]), "layer1.0.stride", 2),
    (models.ResNetV2, dict(layers=[1], norm_layer=norm), "norm.0.eps", 0.5),
    (models.nin, dict(num_classes=3), "20.out_channels", 3),
    (models.nin, dict(dropout=0.1), "7.p", 0.1),
    (models.squeezenet1_0, dict(num_classes=3), "classifier.1.out_channels", 3),
    (models.SqueezeNet, dict(version="1_1"), "features.0.out_channels", 64),
    (models.SqueezeNet, dict(dropout=0.1), "classifier.0.p", 0.1),
    (models.densenet121, dict(num_classes=3), "classifier.out_features", 3),
    (models.DenseNet, dict(growth_rate=8), "features.denseblock1.denselayer1.conv2.out_channels", 8),
    (models.DenseNet, dict(block_config=(2, 3)), "features.norm5.num_features", 160),
    (models.DenseNet, dict(num_init_features=8), "features.conv0.out_channels", 8),
    (models.DenseNet, dict(bn_size=2), "features.denseblock1.denselayer1.conv1.out_channels", 64),
    (models.DenseNet, dict(drop_rate=0.1), "features.denseblock1.denselayer1.drop_rate", 0.1),
    (models.DenseNet, dict(norm_layer=norm), "features.denseblock1.denselayer1.norm2.eps", 0.5),
    (models.MobileNetV1, dict(num_classes=3), "classifier.1.out_features", 3),
    (models.MobileNetV1, dict(width_mult=0.5), "features.0.0.out_channels", 16),
    (models.MobileNetV1, dict(norm_layer=norm), "features.1.0.1.eps", 0.5),
    (models.MobileNetV1, dict(dropout=0.1), "classifier.0.p", 0.1),
    (models.MobileNetV1, dict(conv_layer=conv), "features.1.0.0.padding_mode", "reflect"),
    (models.MobileNetV2, dict(num_classes=3), "classifier.1.out_features", 3),
    (models.MobileNetV2, dict(width_mult=0.3), "features.0.0.out_channels", 16),
    (models.MobileNetV2, dict(width_mult=0.3, round_nearest=1), "features.0.0.out_channels", 10),
    (models.MobileNetV2, dict(norm_layer=norm), "features.1.conv.2.eps", 0.5),
    (models.MobileNetV2, dict(dropout=0.1), "classifier.0.p", 0.1),
    (models.MobileNetV2, dict(conv_layer=conv), "features.1.conv.0.0.padding_mode", "reflect"),
    (models.dcgan_generator, dict(latent=7), "0.in_channels", 7),
    (models.dcgan_generator, dict(channels=1), "12.out_channels", 1),
    (models.dcgan_generator, dict(width=8), "0.out_channels", 64),
    (models.dcgan_generator, dict(size=32), "9.out_channels", 3),
    (models.dcgan_discriminator, dict(channels=1), "0.in_channels", 1),
    (models.dcgan_discriminator, dict(width=8), "0.out_channels", 8),
    (models.dcgan_discriminator, dict(size=32), "8.out_channels", 1),
    (models.EfficientNet, dict(width_mult=0.5), "features.0.0.out_channels", 16),
    (models.EfficientNet, dict(depth_mult=2.0), "features.1.1.block.0.0.groups", 16),
    (models.EfficientNet, dict(dropout=0.1), "classifier.0.p", 0.1),
    (models.EfficientNet, dict(stochastic_depth_prob=0.32), "features.7.0.stochastic_depth.p", 0.3),
    (models.EfficientNet, dict(num_classes=3), "classifier.1.out_features", 3),
    (models.EfficientNet, dict(norm_layer=norm), "features.1.0.block.2.1.eps", 0.5),
    (models.EfficientNet, dict(conv_layer=conv), "features.1.0.block.0.0.padding_mode", "reflect"),
    (models.EfficientNet, dict(activation_layer=nn.Hardtanh), "features.1.0.block.1.activation.min_val", -1.0),
    (models.EfficientNet, dict(squeeze=False), "features.1.0.block.1.0.out_channels", 16),
    (models.Inception3, dict(num_classes=3), "AuxLogits.fc.out_features", 3),
    (models.Inception3, dict(dropout=0.1), "dropout.p", 0.1),
    (models.Inception3, dict(norm_layer=norm), "Mixed_7c.branch_pool.bn.eps", 0.5),
    (models.Inception3, dict(count_include_pad=False), "Mixed_5b.mean.keywords",
     dict(kernel_size=3, stride=1, padding=1, count_include_pad=False)),
    (models.GoogLeNet, dict(num_classes=3), "aux2.fc2.out_features", 3),
    (models.GoogLeNet, dict(dropout=0.1), "dropout.p", 0.1),
    (models.GoogLeNet, dict(dropout_aux=0.1), "aux1.dropout.p", 0.1),
    (models.NASNet, dict(num_classes=3), "fc.out_features", 3),
    (models.NASNet, dict(penultimate_filters=96), "cells.2.conv.1.out_channels", 4),
    (models.NASNet, dict(num_blocks=1), "cells.6.conv.1.out_channels", 176),
    (models.NASNet, dict(stem_block_filters=8), "stem_conv.out_channels", 8),
    (models.NASNet, dict(norm_layer=norm), "cells.0.conv.2.eps", 0.5),
    (models.Xception, dict(num_classes=3), "fc.out_features", 3),
    (models.Xception, dict(drop_rate=0.1), "drop.p", 0.1),
    (models.Xception, dict(norm_layer=norm), "block12.skipbn.eps", 0.5),
    (models.Xception, dict(pool_layer=nn.AvgPool2d), "block1.rep.5.__class__", nn.AvgPool2d),
]  # fmt: skip


def attribute(network, path):
    """What is at a path; None where a network has no such layer."""
    for part in path.split("."):
        try:
            network = network[int(part)] if part.lstrip("-").isdigit() else getattr(network, part)
        except (AttributeError, IndexError, TypeError):
            return None
    return network


@functools.cache
def plain(build):
    """A network without options, but those that it can't be built without."""
    return skip_init(build, [1]) if build is models.ResNetV2 else skip_init(build)


@pytest.mark.parametrize("build, options, path, value", OPTIONS)
def test_options(build, options, path, value):
    found = attribute(skip_init(build, **options), path)
    assert found == (pytest.approx(value) if isinstance(value, float) else value)
    assert attribute(plain(build), path) != value


@pytest.mark.parametrize("name", models.list_models("*_keras"))
def test_options_of_the_form_of_keras(name):
    """What makes the form is what its options are by default."""
    network = skip_init(models.get_model, name, num_classes=2, norm_layer=nn.BatchNorm2d)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert norms and {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 0.1)}


@pytest.mark.parametrize("build", [models.Inception3, models.GoogLeNet])
def test_auxiliary_classifiers_can_be_left_out(build):
    assert not any("aux" in key.lower() for key in skip_init(build, aux_logits=False).state_dict())


def test_a_residual_network_may_start_as_the_identity():
    block = models.resnet.Bottleneck
    network = models.ResNet(block, [1, 1, 1, 1], width_per_group=2, zero_init_residual=True)
    assert not network.layer1[0].bn3.weight.detach().numpy().any()
    assert models.ResNet(block, [1, 1, 1, 1], width_per_group=2).layer1[0].bn3.weight.detach().numpy().all()
    network = models.ResNet(models.resnet.BasicBlock, [1], zero_init_residual=True)
    assert not network.layer1[0].bn2.weight.detach().numpy().any()


# --- first values -----------------------------------------------------------------------------------------------------


def spread(layer):
    return layer.weight.detach().numpy().std()


def test_convolutions_start_as_he_et_al():
    """The variance is kept on the way back: 2 / fan_out; biases are 0."""
    conv = models.vgg.VGGStyle(nn.Sequential(nn.Conv2d(8, 200, 3)), nn.Sequential()).features[0]
    weight = conv.weight.detach().numpy()
    assert weight.std() == pytest.approx((2 / (200 * 9)) ** 0.5, rel=0.03) and abs(weight.mean()) < 1e-3
    assert abs(weight).max() > 3 * weight.std()  # normal, not uniform
    np.testing.assert_array_equal(conv.bias.detach().numpy(), 0)


@pytest.mark.parametrize("build, path, deviation", [
    (models.resnet20, "layer3.2.conv2", (2 / (64 * 9)) ** 0.5),
    (models.squeezenet1_1, "classifier.1", 0.01),
    (models.squeezenet1_1, "features.12.squeeze", (2 / 512) ** 0.5),
    (models.mobilenet_v2, "classifier.1", 0.01),
    (models.mobilenet_v1, "classifier.1", 0.01),
    (models.dcgan_generator, "0", 0.02),
    (models.dcgan_discriminator, "8", 0.02),
    (lambda: models.DenseNet(8, (2, 2)), "features.denseblock2.denselayer1.conv2", (2 / (32 * 9)) ** 0.5),
])  # fmt: skip
def test_first_values(build, path, deviation):
    assert spread(build().get_submodule(path)) == pytest.approx(deviation, rel=0.05)


def filled(build, monkeypatch):
    """By path, how each parameter of a network is filled at last: a function of `nn.init`, and its numbers."""
    calls = {}

    def spied(name, fill):
        def call(tensor, *arguments, **options):
            calls[id(tensor)] = name, *arguments[:2]
            return fill(tensor, *arguments, **options)

        return call

    for name in ("uniform_", "normal_", "trunc_normal_", "constant_"):
        monkeypatch.setattr(nn.init, name, spied(name, getattr(nn.init, name)))
    return {path: calls.get(id(p)) for path, p in skip_init(build).named_parameters()}


DRAWN = [  # a network, and which of its parameters are drawn how
    (models.efficientnet_b0, "classifier.1.weight", ("uniform_", -(1000**-0.5), 1000**-0.5)),
    (models.efficientnet_b0, "classifier.1.bias", ("constant_", 0)),
    (models.efficientnet_b0, "features.0.0.weight", ("normal_", 0.0, (2 / (32 * 9)) ** 0.5)),
    (models.googlenet, "fc.weight", ("trunc_normal_", 0, 0.01)),
    (models.googlenet, "inception3a.branch1.conv.weight", ("trunc_normal_", 0, 0.01)),
    (models.inception_v3, "fc.weight", ("trunc_normal_", 0, 0.1)),
    (models.inception_v3, "Mixed_5b.branch1x1.conv.weight", ("trunc_normal_", 0, 0.1)),
    (models.inception_v3, "AuxLogits.fc.weight", ("trunc_normal_", 0, 0.001)),
    (models.inception_v3, "AuxLogits.conv1.conv.weight", ("trunc_normal_", 0, 0.01)),
    (models.inception_v3, "AuxLogits.conv0.conv.weight", ("trunc_normal_", 0, 0.1)),
    (models.vgg11, "features.0.weight", ("normal_", 0.0, (2 / (64 * 9)) ** 0.5)),
    (models.vgg11, "classifier.6.weight", ("normal_", 0, 0.01)),
    (models.vgg11, "classifier.6.bias", ("constant_", 0)),
    (models.xception, "conv4.pointwise.weight", ("normal_", 0.0, 2048**-0.5 * 2**0.5)),
    (models.nasnet_mobile, "stem_conv.weight", ("normal_", 0.0, (2 / (32 * 9)) ** 0.5)),
    (models.resnet50v2, "conv1.weight", ("normal_", 0.0, (2 / (64 * 49)) ** 0.5)),
    (models.densenet121, "classifier.bias", ("constant_", 0)),
    (models.squeezenet1_0, "classifier.1.bias", ("constant_", 0)),
    (models.squeezenet1_0, "features.3.squeeze.bias", ("constant_", 0)),
    (models.dcgan_generator, "1.weight", ("normal_", 1, 0.02)),
    (models.alexnet_grouped, "features.0.weight", ("normal_", 0, 0.01)),
    (models.alexnet_grouped, "classifier.6.weight", ("normal_", 0, 0.01)),
    *[(models.alexnet_grouped, f"{path}.bias", ("constant_", one)) for path, one in {
        "features.0": 0, "features.4": 1, "features.8": 0, "features.10": 1, "features.12": 1, "classifier.0": 1,
        "classifier.3": 1, "classifier.6": 0,
    }.items()],
    (models.alexnet, "classifier.6.weight", ("uniform_", -(4096**-0.5), 4096**-0.5)),
]  # fmt: skip


@pytest.mark.parametrize("build, path, drawn", DRAWN)
def test_how_parameters_are_filled(build, path, drawn, monkeypatch):
    kind, *numbers = filled(build, monkeypatch)[path]
    assert (kind, numbers) == (drawn[0], pytest.approx(drawn[1:]))


def test_a_vgg_may_start_as_layers_do(monkeypatch):
    kinds = [
        filled(lambda flag=flag: models.VGG(nn.Conv2d(2, 4, 3), 2, init_weights=flag), monkeypatch)["features.weight"][
            0
        ]
        for flag in (True, False)
    ]
    assert kinds == ["normal_", "uniform_"]


# --- layers -----------------------------------------------------------------------------------------------------------

CLASSIFIER = """\
Sequential(
  (0): Linear(in_features=25088, out_features=4096, bias=True)
  (1): ReLU()
  (2): Dropout(p=0.5, inplace=False)
  (3): Linear(in_features=4096, out_features=4096, bias=True)
  (4): ReLU()
  (5): Dropout(p=0.5, inplace=False)
  (6): Linear(in_features=4096, out_features=7, bias=True)
)"""


def test_the_layers_of_vgg16():
    vgg = skip_init(models.vgg16, num_classes=7)
    assert repr(vgg.classifier) == CLASSIFIER
    stages = [(3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512)]
    expected = []
    for channels in stages:
        for n, k in zip(channels[:-1], channels[1:], strict=True):
            expected += [f"Conv2d({n}, {k}, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))", "ReLU()"]
        expected += ["MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"]
    assert list(map(repr, vgg.features)) == expected


def test_vgg_style_learns_in_training_and_is_fixed_in_evaluation():
    model = models.vgg_style(1, 16, 3, dropout=0.5)
    x = md.tensor(np.random.default_rng(0).normal(size=(4, 1, 16, 16)).astype(np.float32))
    assert not np.array_equal(model(x).detach().numpy(), model(x).detach().numpy())
    assert np.array_equal(*(model.eval()(x).detach().numpy() for _ in range(2)))
    model.train()(x).sum().backward()
    assert all(p.grad.shape == p.shape for p in model.parameters())


def test_ten_classes_unless_told_otherwise():
    assert models.SimpLeNet().classifier[-1].out_features == 10


@pytest.mark.parametrize("size", [8, 12, 16, 31])
def test_images_of_any_size(size):
    """Three times halved, rounded down."""
    vgg = models.vgg_style(size=size).eval()
    assert vgg(md.ones(1, 3, size, size)).shape == (1, 10) and vgg.classifier[1].in_features == 128 * (size // 8) ** 2


def test_widths_are_at_least_two():
    with pytest.raises(ValueError, match=r"^mlp: expected at least two widths, inputs and outputs, got \(3,\)$"):
        models.mlp(3)
    assert list(map(type, models.mlp(4, 3, 2))) == [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
