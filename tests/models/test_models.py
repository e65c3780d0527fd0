"""What the networks are made of, how large they are, and what they start from."""

import numpy as np
import pytest

import minidl as md
from minidl import models, nn


def test_the_convolutions_of_vgg_start_as_he_et_al():
    """The variance is kept on the way back: 2 / fan_out; biases are 0."""
    conv = models.VGG(nn.Sequential(nn.Conv2d(8, 200, 3)), nn.Sequential()).features[0]
    weight = conv.weight.detach().numpy()
    assert weight.std() == pytest.approx((2 / (200 * 9)) ** 0.5, rel=0.03) and abs(weight.mean()) < 1e-3
    assert abs(weight).max() > 3 * weight.std()  # normal, not uniform
    np.testing.assert_array_equal(conv.bias.detach().numpy(), 0)


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


def test_the_layers_of_vgg16(monkeypatch):
    for name in ("uniform_", "normal_", "constant_"):  # memory that is never written costs nothing
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    vgg = models.vgg16(7)
    assert repr(vgg.classifier) == CLASSIFIER
    stages = [(3, 64, 64), (64, 128, 128), (128, 256, 256, 256), (256, 512, 512, 512), (512, 512, 512, 512)]
    expected = []
    for channels in stages:
        for n, k in zip(channels[:-1], channels[1:], strict=True):
            expected += [f"Conv2d({n}, {k}, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))", "ReLU()"]
        expected += ["MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"]
    assert list(map(repr, vgg.features)) == expected


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


def size(module):
    return sum(p.array.size for p in module.parameters())


@pytest.mark.parametrize("model, parameters", [
    (models.SimpLeNet(), 233_196), (models.mlp(784, 64, 10), 50_890), (models.mlp(784, 256, 256, 10), 269_322),
])  # fmt: skip
def test_sizes(model, parameters):
    assert size(model) == parameters
    assert model(md.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.fixture
def vgg(monkeypatch):
    """VGG-16 with memory that is never written, and so costs nothing."""
    for name in ("uniform_", "normal_", "constant_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)
    return models.vgg16()


def test_vgg16_has_its_parameters_and_no_gradients(vgg):
    assert size(vgg) == 138_357_544 and size(vgg.features) == 14_714_688
    assert all(p.grad is None and p.requires_grad for p in vgg.parameters())
    assert [name for name in vgg.state_dict() if name.endswith("weight")][-4:] == [
        "features.28.weight", "classifier.0.weight", "classifier.3.weight", "classifier.6.weight"
    ]  # fmt: skip


def test_vgg_style_learns_in_training_and_is_fixed_in_evaluation():
    model = models.vgg_style(1, 16, 3, dropout=0.5)
    x = md.tensor(np.random.default_rng(0).normal(size=(4, 1, 16, 16)).astype(np.float32))
    assert not np.array_equal(model(x).detach().numpy(), model(x).detach().numpy())
    assert np.array_equal(*(model.eval()(x).detach().numpy() for _ in range(2)))
    model.train()(x).sum().backward()
    assert all(p.grad.shape == p.shape for p in model.parameters())
