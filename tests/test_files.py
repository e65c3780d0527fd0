"""Weights in files: whole or absent, the same tensors back, and errors that name the file."""

import os
import pickle

import numpy as np
import pytest
import safetensors

import minidl as md
from minidl import nn
from minidl.models import SimpLeNet, vgg_style

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
STATE = {f"of {d}": md.tensor(np.arange(6).reshape(2, 3).astype(d)) for d in DTYPES} | {
    "0-d": md.tensor(7),
    "0-d float": md.tensor(7.5),
    "empty": md.zeros(0, 3),
    "transposed": md.arange(6).reshape(2, 3).T,
    "strided": md.Tensor(np.arange(12)[::-3]),
    "broadcast": md.tensor([[1.0], [2.0]]).expand(2, 3),
    "big-endian": md.tensor(np.arange(3, dtype=">i4")),
    "a name, with spaces.ü": md.ones(1),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


@pytest.mark.parametrize("name", STATE)
def test_round_trip(name, path):
    tensor = STATE[name]
    md.save({name: tensor}, path)
    (loaded,) = md.load(path).values()
    assert (loaded.shape, loaded.dtype, loaded.device) == (tensor.shape, tensor.dtype.newbyteorder("="), "cpu")
    assert np.array_equal(loaded.numpy(), tensor.numpy())
    loaded.fill_(1)  # it can be written


def test_all_together(path):
    md.save(STATE, str(path))
    assert set(md.load(str(path))) == set(STATE)
    md.save({}, path)
    assert md.load(path) == {}


@pytest.mark.parametrize("make", [SimpLeNet, lambda: vgg_style(1, 16)], ids=["SimpLeNet", "vgg_style"])
def test_a_model_comes_back(make, path):
    model, x = make(), md.ones(2, 1, *((28, 28) if make is SimpLeNet else (16, 16)))
    model(x)
    md.save(model.state_dict(), path)
    other = make()
    other.load_state_dict(md.load(path))
    assert np.array_equal(model.eval()(x).detach().numpy(), other.eval()(x).detach().numpy())


def test_parameters_that_require_grad_are_saved_too(path):
    md.save(dict(nn.Linear(2, 2).named_parameters()), path)
    assert not md.load(path)["weight"].requires_grad


def test_metadata(path):
    md.save({"x": md.ones(1)}, path, metadata={"made by": "minidl", "ü": "ß"})
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata() == {"made by": "minidl", "ü": "ß"}
    assert list(md.load(path)) == ["x"]


# --- whole or absent --------------------------------------------------------------------------------------------------


def break_replace(*_):
    raise OSError("no space left")


def break_midway(arrays, part, metadata):
    part.write_bytes(b"half")
    raise OSError("no space left")


@pytest.mark.parametrize("where, broken", [
    ("os.replace", break_replace), ("safetensors.numpy.save_file", break_midway),
])  # fmt: skip
@pytest.mark.parametrize("before", [None, b"the old file"])
def test_a_save_that_fails_leaves_what_was_there(where, broken, before, path, monkeypatch):
    if before is not None:
        path.write_bytes(before)
    monkeypatch.setattr(where, broken)
    with pytest.raises(OSError, match="no space left"):
        md.save({"x": md.ones(1)}, path)
    monkeypatch.undo()
    assert [p.read_bytes() for p in path.parent.iterdir()] == ([] if before is None else [before])


def test_a_save_replaces(path):
    md.save({"x": md.ones(100)}, path)
    md.save({"y": md.ones(1)}, path)
    assert list(md.load(path)) == ["y"] and os.listdir(path.parent) == [path.name]


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state, options, error, said", [
    ({"x": np.ones(2)}, {}, TypeError, "save: x is ndarray, expected a Tensor"),
    ({"x": None}, {}, TypeError, "save: x is NoneType"),
    (nn.Linear(2, 2), {}, TypeError, "save: .*Linear.*state_dict"),
    ({1: md.ones(1)}, {}, TypeError, "save: .*1"),
    ({"x": md.ones(1)}, {"metadata": {"epoch": 3}}, TypeError, "save: metadata.*epoch"),
])  # fmt: skip
def test_save_refuses(state, options, error, said, path):
    with pytest.raises(error, match=said):
        md.save(state, path, **options)
    assert os.listdir(path.parent) == []


def test_save_into_a_folder_that_is_missing(path):
    with pytest.raises(FileNotFoundError, match="missing"):
        md.save({"x": md.ones(1)}, path.parent / "missing" / path.name)


def whole():
    return safetensors.numpy.save({"x": np.arange(100.0)})


@pytest.mark.parametrize("content", [
    b"", b"x", whole()[:-1], whole()[:20], whole() + b"x", b"\xff" * 64, pickle.dumps({"x": 1}),
    b"PK\x03\x04" + bytes(99), b"\x02" + bytes(7) + b"[]",
    whole().replace(b"F64", b"Q64"), whole().replace(b"800]", b"801]"),
], ids=lambda content: repr(content[:12]))  # fmt: skip
def test_load_refuses_what_is_not_a_whole_file(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"load: {path} is not a safetensors file"):
        md.load(path)


def test_load_refuses_a_dtype_that_numpy_lacks(path):
    header = b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ValueError, match=f"load: {path}"):
        md.load(path)


@pytest.mark.parametrize("name", ["missing.safetensors", "."])
def test_load_names_the_file_that_is_missing(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="load: no file"):
        md.load(tmp_path / name)
