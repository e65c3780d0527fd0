"""Weights that networks are built with."""

import numpy as np
import pytest

import minidl as md
from minidl import models


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


def test_a_file_that_is_not_there_and_one_that_is_cut(state, tmp_path):
    path = tmp_path / "convnet.safetensors"
    with pytest.raises(FileNotFoundError, match="no file"):
        models.keras_convnet(weights=path)
    md.save(state, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="is not a safetensors file that is whole"):
        models.keras_convnet(weights=path)
