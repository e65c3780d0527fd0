"""Weights that Keras has saved, in files written here as it writes them. Keras itself is in tests/peers."""

import json
import zipfile

import numpy as np
import pytest

import minidl as md
from minidl import models, nn

h5py = pytest.importorskip("h5py")
ARRAYS = {  # a small network, in the layout of Keras: images of 4×5 pixels
    "conv2d_4": [np.arange(54.0).reshape(3, 3, 2, 3), np.array([1.0, 2, 3])],
    "batch_normalization_9": [np.array([1.0, 2, 3]) * k for k in (1, 2, 3, 4)],
    "depth": [np.arange(12.0).reshape(2, 2, 3, 1)],
    "dense_2": [np.arange(12.0).reshape(6, 2), np.array([7.0, 8])],
    "dense_10": [np.arange(8.0).reshape(2, 4), np.arange(4.0)],
}


def network():
    """What these weights are of: (N, 2, 4, 5) → (N, 3, 2, 3) → (N, 3, 1, 2)."""
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 2, groups=3, bias=False), nn.Flatten(), nn.Linear(6, 2),
        nn.Linear(2, 4),
    )  # fmt: skip


def older(path, layers=ARRAYS, group=None, bundle=lambda name: name):
    """model.save("x.h5") has it in a group, the files of keras.applications do not."""
    with h5py.File(path, "w") as file:
        root = file.create_group(group) if group else file
        names = list(dict.fromkeys(map(bundle, layers)))
        root.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            inside = [key for key in layers if bundle(key) == name]
            weights = [(f"{key}/{i}", array) for key in inside for i, array in enumerate(layers[key])]
            weights.sort(key=lambda pair: pair[0].startswith("batch") and int(pair[0][-1]) > 1)  # statistics at last
            root.create_group(name).attrs["weight_names"] = [weight for weight, _ in weights]
            for weight, array in weights:
                root[name][weight] = array
    return path


def newer(path, layers=ARRAYS):
    """save_weights("x.weights.h5"): groups by kind, in no order; each may know its name."""
    with h5py.File(path, "w") as file:
        for i, (name, arrays) in enumerate(layers.items()):
            group = file.create_group(f"layers/{'zyxwvut'[i]}/vars")
            group.attrs["name"] = name
            for number, array in enumerate(arrays):
                group[str(number)] = array
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2)
        file["optimizer/vars/0"] = np.zeros(())
        file.create_group("layers/pooling/vars")
    return path


def archive(path, layers=ARRAYS):
    """model.save("x.keras"): some of the layers are in a model that is a layer itself."""
    named = [{"config": {"name": name}} for name in ("pooling", *layers)]
    config = {"config": {"layers": [{"config": {"name": "base", "layers": named[:3]}}, *named[3:]]}}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.write(newer(path.with_suffix(".h5"), layers), "model.weights.h5")
    return path


FILES = {
    "older": lambda folder: older(folder / "x.h5"),
    "a model": lambda folder: older(folder / "x.hdf5", group="model_weights"),
    "a model in a model": lambda folder: older(
        folder / "x.h5", bundle=lambda name: name if name.startswith("dense") else "base"
    ),
    "newer": lambda folder: newer(folder / "x.weights.h5"),
    "an archive": lambda folder: archive(folder / "x.keras"),
}
ORDER = ["conv2d", "batch_normalization", "depth", "dense", "dense_1"].index


@pytest.mark.parametrize("kind", FILES)
def test_files(kind, tmp_path):
    """Each weight by what it does: the channel that it sees, the pixel, the channel that it gives."""
    loaded = network()
    order = ORDER if kind == "newer" else None
    assert models.load_keras_weights(loaded, FILES[kind](tmp_path), order, flatten=True) is loaded
    conv, norm, depth, _, dense, last = (layer.state_dict() for layer in loaded)
    theirs = list(ARRAYS.values())
    for (o, c, i, j), value in np.ndenumerate(conv["weight"].numpy()):
        assert value == theirs[0][0][i, j, c, o]
    for (c, _, i, j), value in np.ndenumerate(depth["weight"].numpy()):
        assert value == theirs[2][0][i, j, c, 0]
    for (o, row), value in np.ndenumerate(dense["weight"].numpy()):
        c, pixel = divmod(row, 2)  # a channel after the other, in each two pixels; in Keras a pixel after the other
        assert value == theirs[3][0][pixel * 3 + c, o]
    np.testing.assert_array_equal(last["weight"].numpy(), theirs[4][0].T)
    np.testing.assert_array_equal(conv["bias"].numpy(), [1, 2, 3])
    for k, name in enumerate(("weight", "bias", "running_mean", "running_var"), 1):
        np.testing.assert_array_equal(norm[name].numpy(), [k, 2 * k, 3 * k])
    assert all(value.dtype == md.float32 for name, value in conv.items())


def test_order_and_flatten(tmp_path):
    """Layers in another order than their names'; rows that are in order already, after means over all pixels."""
    path = newer(tmp_path / "x.h5", {"b": [np.arange(6.0).reshape(6, 1)], "a": [np.ones((1, 1, 3, 3))]})
    made = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.Linear(6, 1, bias=False))
    for flatten, row in ((True, [0, 3, 1, 4, 2, 5]), (False, [0, 1, 2, 3, 4, 5])):
        models.load_keras_weights(made, path, order=["a", "b"].index, flatten=flatten)
        np.testing.assert_array_equal(made[1].weight[0].detach().numpy(), row)
    with pytest.raises(ValueError, match=r"x.h5: 1.weight has 6 inputs, and the layer before 3: tell by flatten=True"):
        models.load_keras_weights(made, path, ["a", "b"].index)
    made = nn.Sequential(nn.Linear(6, 1, bias=False))
    path = older(tmp_path / "y.h5", {"b": [np.arange(6.0).reshape(6, 1)]})
    with pytest.raises(ValueError, match="6 inputs, and the layer before is not there: tell by"):
        models.load_keras_weights(nn.Sequential(nn.Linear(6, 1, bias=False)), path)
    assert models.load_keras_weights(made, path, flatten=False)[0].weight[0, 5] == 5


def test_layers_that_a_convolution_stands_for(tmp_path):
    """Scores that Keras has from a 1×1 convolution; what is done to images before all is not loaded."""
    layers = {"normalization": [np.ones(3)] * 2 + [np.zeros(())], "preds": [np.arange(6.0).reshape(1, 1, 3, 2)]}
    made = nn.Sequential(nn.Linear(3, 2, bias=False))
    models.load_keras_weights(made, older(tmp_path / "x.h5", layers), flatten=False)
    np.testing.assert_array_equal(made[0].weight.detach().numpy(), [[0, 2, 4], [1, 3, 5]])


def test_a_network_of_the_list_with_weights_of_keras(tmp_path):
    """It knows the order, and the kind of file by the end of its name; others are told apart."""
    rng, shapes = np.random.default_rng(0), [(3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (1600, 10), (10,)]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    layers = {"dense_3": arrays[4:], "conv2d_8": arrays[2:4], "conv2d_7": arrays[:2]}
    path = newer(tmp_path / "x.weights.h5", layers)
    loaded = models.keras_convnet(weights=str(path))
    np.testing.assert_allclose(loaded[8].weight[0, :3].detach().numpy(), arrays[4][[0, 64, 128], 0], rtol=1e-6)
    np.testing.assert_allclose(loaded[0].weight[:, 0, 1, 2].detach().numpy(), arrays[0][1, 2, 0], rtol=1e-6)
    with pytest.raises(RuntimeError, match=r"keras_convnet: .*8.weight is 10×1600, expected 7×1600.*num_classes"):
        models.keras_convnet(num_classes=7, weights=path)
    with pytest.raises(RuntimeError, match=r"x.weights.h5 holds 6 arrays of weights, Sequential has 10: they are of"):
        models.lenet5(weights=path)
    with pytest.raises(ValueError, match="x.weights.h5: its layers have other names than .*: 'conv2d' is not in list"):
        models.vgg16(weights=path)
    with pytest.raises(ValueError, match="x.weights.h5: resnet50 is not in Keras's form; use resnet50_keras$"):
        models.resnet50(weights=path)
    with pytest.raises(ValueError, match="nin is not in Keras's form; use load_keras_weights, if it has the layers"):
        models.nin(weights=path)


def test_files_that_are_refused(tmp_path, monkeypatch):
    def said(path, error=ValueError):
        with pytest.raises(error) as caught:
            models.load_keras_weights(network(), path, flatten=True)
        return str(caught.value)

    assert said(tmp_path / "none.h5", FileNotFoundError) == f"no file {tmp_path / 'none.h5'}"
    path = newer(tmp_path / "x.weights.h5")
    assert said(path).startswith(f"{path} does not tell in which order its layers run; save the model as a .keras file")
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2], b"PK\3\4" + whole):
        path.write_bytes(content)
        assert f"{path} is not a file of Keras's with weights, or not whole: " in said(path)
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros(3)
    assert said(path) == f"{path} is an HDF5 file without layers of Keras's that have weights"
    path = archive(tmp_path / "x.keras")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", "{}")
    assert "is not a file of Keras's with weights, or not whole: 'config'" in said(path)
    older(path := tmp_path / "y.h5", {**ARRAYS, "more": [np.zeros(1)]})
    assert f"{path} holds 12 arrays of weights, Sequential has 11" in said(path, RuntimeError)
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    assert said(path, ImportError) == f"{path}: h5py is not installed; pip install 'minidl[keras]' brings it"
