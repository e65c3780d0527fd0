"""Weights in files: whole or absent, the same tensors back, and errors that name the file."""

import io
import json
import os
import pickle
import stat
from pathlib import Path

import numpy as np
import pytest
import safetensors
from standin import standin  # noqa: F401

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


# --- more than state dicts --------------------------------------------------------------------------------------------


def same(a, b):
    """Equal values in equal containers, tensors of equal dtype among them."""
    if isinstance(a, md.Tensor):
        return isinstance(b, md.Tensor) and a.dtype == b.dtype and np.array_equal(a.numpy(), b.numpy())
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and (a == b or a != a and b != b)


NESTED = {
    "a tensor": md.tensor([[1, 2]]),
    "a list": [md.ones(1), md.zeros(2)],
    "numbers and texts": {"epoch": 3, "loss": 0.1, "best": None, "done": False, "name": "é", "inf": [np.inf, np.nan]},
    "nested": {"model": {"0.weight": md.ones(2)}, "lists": [(md.zeros(1), 2), []], "x": md.ones(1)},
    "other keys": {0: md.ones(1), 1.5: 2, True: {"x": md.zeros(1)}},
    "reserved": {"__metadata__": md.ones(1), "tensor": md.zeros(1)},
    "an empty name": {"": md.ones(1)},
    "names that clash": {"a.b": md.ones(1), "a": {"b": md.zeros(1)}, "a.b_": md.ones(3)},
    "big numbers": {"seed": 2**200, "small": 5e-324},
    "one number": 7,
}


@pytest.mark.parametrize("value", NESTED.values(), ids=NESTED)
def test_other_things_come_back(value, path):
    md.save(value, path, {"by": "me"})
    assert same(value, md.load(path))
    file = io.BytesIO()
    md.save(value, file)
    assert same(value, md.load(io.BytesIO(file.getvalue())))


@pytest.mark.parametrize("value", [md.ones(1), {"": md.ones(1)}, {"__metadata__": md.ones(1)}])
def test_what_can_not_be_called_so_is_called_tensor_in_a_file(value, path):
    md.save(value, path)
    assert list(safetensors.numpy.load_file(path)) == ["tensor"]


def test_numbers_of_numpy_become_pythons(path):
    md.save({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}, path)
    assert same(md.load(path), {"a": 0.5, "b": 3, "c": True})


def test_a_training_goes_on_from_a_checkpoint(path):
    def train(net, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            (net(md.ones(2, 3)) ** 2).sum().backward()
            optimizer.step()
        return net.weight.detach().numpy().copy()

    net = nn.Linear(3, 2)
    optimizer = md.optim.Adam(net.parameters(), lr=0.1, betas=(0.5, 0.9))
    train(net, optimizer, 3)
    md.save({"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path)
    other = nn.Linear(3, 2)
    resumed = md.optim.Adam(other.parameters())
    checkpoint = md.load(path, map_location="cpu", weights_only=False)
    other.load_state_dict(checkpoint["model"])
    resumed.load_state_dict(checkpoint["optimizer"])
    assert checkpoint["epoch"] == 3 and resumed.param_groups[0]["betas"] == (0.5, 0.9)
    assert np.array_equal(train(net, optimizer, 2), train(other, resumed, 2))


def test_other_libraries_read_the_tensors_of_it(path):
    md.save({"model": {"0.weight": md.ones(2)}, "epoch": 3}, path)
    assert safetensors.numpy.load_file(path)["model.0.weight"].tolist() == [1, 1]
    md.save(NESTED["names that clash"], path)
    assert {name: a.size for name, a in safetensors.numpy.load_file(path).items()} == {"a.b": 1, "a.b_": 1, "a.b__": 3}


def test_a_state_dict_has_nothing_beside_its_tensors(path):
    md.save(nn.Linear(2, 2).state_dict(), path)
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata() is None and set(file.keys()) == {"weight", "bias"}


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"set": []}', '{"tensor": "y"}', '{"dict": 3}', '{"list": 3}', "{}", "[" * 99999]
)
def test_a_damaged_structure(text, path):
    safetensors.numpy.save_file({"x": np.ones(1)}, path, {"minidl.structure": text})
    if text == "[1]":
        assert md.load(path) == [1]
    else:
        with pytest.raises(
            ValueError, match=f"load: {path}: the text that says what its tensors are parts of is damaged"
        ):
            md.load(path)


# --- the file itself --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(umask, mode, path):
    before = os.umask(umask)
    try:
        md.save({"x": md.ones(1)}, path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        path.chmod(0o640)
        md.save({"x": md.ones(1)}, path)  # as a file that is written again, it keeps what it has
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)


def test_a_link_stays_one(path, tmp_path):
    link = tmp_path / "latest.safetensors"
    link.symlink_to(path)
    for value in (1, 2):
        md.save({"x": md.tensor([value])}, link)
        assert link.is_symlink() and md.load(path)["x"].item() == value


def test_names_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("plain", Path("ü ß.st"), "x" * 255):
        md.save({"x": md.ones(1)}, name)
        assert list(md.load(name)) == ["x"] and (tmp_path / name).is_file()
    for folder in (tmp_path, ".", ""):
        with pytest.raises(IsADirectoryError, match="save: .* is a folder; give the file a name"):
            md.save({}, folder)


def test_map_location(path, standin):  # noqa: F811
    md.save({"x": md.ones(1, device="cuda")}, path)
    assert md.load(path)["x"].device == "cpu" == md.load(path, map_location="cpu")["x"].device
    assert md.load(path, "cuda")["x"].device == md.load(path, map_location=md.device("cuda"))["x"].device == "cuda:0"
    with pytest.raises(ValueError, match="device: expected"):
        md.load(path, "tpu")
    for wrong in (lambda storage, place: storage, {"cuda:0": "cpu"}):
        with pytest.raises(TypeError, match="load: map_location must be a device, got .*; without it .* on the CPU"):
            md.load(path, map_location=wrong)
    with pytest.raises(TypeError, match="load: weights_only must be True or False, got 1"):
        md.load(path, weights_only=1)


# --- errors -----------------------------------------------------------------------------------------------------------


ENDLESS = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize("state, options, error, said", [
    ({"x": np.ones(2)}, {}, TypeError, "save: x is ndarray, expected a Tensor"),
    ({"a": [1, {"b": {2}}]}, {}, TypeError, "save: a.1.b is set, expected a Tensor, a number, a text, or dicts"),
    (b"text", {}, TypeError, "save: it is bytes, expected a Tensor"),
    (nn.Linear(2, 2), {}, TypeError, r"save: it is Linear, expected .*; save its state_dict\(\)"),
    ({"net": nn.Linear(2, 2)}, {}, TypeError, r"save: net is Linear, expected .*; save its state_dict\(\)"),
    ({"f": print}, {}, TypeError, "save: f is builtin_function_or_method, expected .* dicts and lists of these$"),
    ({None: md.ones(1)}, {}, TypeError, "save: the name None in it is NoneType, expected a text"),
    ({"a": {(1, 2): md.ones(1)}}, {}, TypeError, r"save: the name \(1, 2\) in a is tuple, expected a text"),
    (ENDLESS, {}, ValueError, "save: dicts or lists that contain themselves"),
    ({"x": md.ones(1)}, {"metadata": {"epoch": 3}}, TypeError, "save: metadata must be texts by name.*epoch"),
    ({"x": md.ones(1)}, {"metadata": {"minidl.structure": "3"}}, TypeError, "save: metadata .* not by"),
])  # fmt: skip
def test_save_refuses(state, options, error, said, path):
    with pytest.raises(error, match=said):
        md.save(state, path, **options)
    assert os.listdir(path.parent) == []


def test_save_into_a_folder_that_is_missing(path):
    with pytest.raises(FileNotFoundError, match=f"save: no folder {path.parent / 'missing'}$"):
        md.save({"x": md.ones(1)}, path.parent / "missing" / path.name)


FOREIGN = {
    "torch.save": (b"PK\x03\x04" + bytes(99), "a zip archive, as torch.save makes; convert it .*save_file"),
    "an old torch.save": (pickle.dumps({"x": 1}), "a pickle, as torch.save made once, which may run code; convert it"),
    "NumPy": (b"\x93NUMPY\x01\x00", r"an array of NumPy's; md.tensor\(np.load\(path\)\) reads it"),
    "Keras": (b"\x89HDF\r\n", "an HDF5 file, as Keras makes"),
}


@pytest.mark.parametrize("content, said", FOREIGN.values(), ids=FOREIGN)
def test_a_file_of_another_kind_is_named(content, said, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"load: {path} is not a safetensors file but {said}"):
        md.load(path)
    with pytest.raises(ValueError, match=f"load: the file is not a safetensors file but {said}"):
        md.load(io.BytesIO(content))


def whole():
    return safetensors.numpy.save({"x": np.arange(100.0)})


@pytest.mark.parametrize("content", [
    b"", b"x", whole()[:-1], whole()[:20], whole() + b"x", b"\xff" * 64, pickle.dumps({"x": 1}),
    b"PK\x03\x04" + bytes(99), b"\x02" + bytes(7) + b"[]",
    whole().replace(b"800]", b"801]"),
], ids=lambda content: repr(content[:12]))  # fmt: skip
def test_load_refuses_what_is_not_a_whole_file(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"load: {path} is not a safetensors file"):
        md.load(path)


def test_a_header_of_128_bytes_makes_no_pickle(path):
    """A pickle starts with that byte, too."""
    content = safetensors.numpy.save({"x" * 70: np.ones(2)})
    assert content[0] == 0x80
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=f"load: {path} is not a safetensors file that is whole: "):
        md.load(path)


@pytest.mark.parametrize(
    "dtype, size", [("BF16", 4), ("F8_E4M3", 2), ("F8_E5M2", 2), ("F4", 1), ("C64", 16), ("Q64", 16)]
)
def test_load_refuses_a_dtype_that_tensors_lack(dtype, size, path):
    header = json.dumps({"a.b": {"dtype": dtype, "shape": [2], "data_offsets": [0, size]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(size)
    path.write_bytes(content)
    for file, name in ((path, path), (io.BytesIO(content), "the file")):
        with pytest.raises(
            ValueError, match=f"load: {name}: a.b is {dtype}, a dtype that tensors here can't have; conv"
        ):
            md.load(file)


@pytest.mark.parametrize("name", ["missing.safetensors", "."])
def test_load_names_the_file_that_is_missing(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="load: no file"):
        md.load(tmp_path / name)


def test_where_to_load_to_is_checked_though_there_are_no_tensors(path):
    md.save({"epoch": 3}, path)
    with pytest.raises(ValueError, match="device: expected 'cpu', 'cuda' or 'cuda:N', got 'tpu'"):
        md.load(path, "tpu")


def test_files_are_loaded_on_the_cpu_whatever_the_default_device(path, standin):  # noqa: F811
    md.save({"x": md.ones(2)}, path)
    with md.device("cuda"):
        assert md.load(path)["x"].device == "cpu" and md.load(path, "cuda:0")["x"].device == "cuda:0"
