"""Saved states of optimizers: what they hold, and that nothing is loaded which can't be gone on from."""

import copy

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl import optim


def stepped(kind=optim.Adam, dtype=md.float32, n=2, **options):
    """An optimizer over two groups after one step."""
    p, q = (md.ones(n, dtype=dtype, requires_grad=True) for _ in range(2))
    optimizer = kind([{"params": [p]}, {"params": [q], "lr": 0.5}], **options)
    p.grad = q.grad = md.ones(n, dtype=dtype)
    optimizer.step()
    return optimizer


def test_what_is_saved():
    state = stepped().state_dict()
    assert state.keys() == {"state", "param_groups"} and [g["params"] for g in state["param_groups"]] == [[0], [1]]
    assert [g["lr"] for g in state["param_groups"]] == [1e-3, 0.5] and list(state["state"]) == [0, 1]
    kept = state["state"][1]
    assert kept["step"] == 1 and all(isinstance(kept[name], md.Tensor) for name in ("exp_avg", "exp_avg_sq"))
    np.testing.assert_allclose(kept["exp_avg"].numpy(), [0.1, 0.1], rtol=1e-6)
    np.testing.assert_allclose(kept["exp_avg_sq"].numpy(), [0.001, 0.001], rtol=1e-5)
    assert stepped(optim.SGD).state_dict()["state"] == {}
    assert stepped(optim.SGD, momentum=0.5).state_dict()["state"][0]["momentum_buffer"].numpy().tolist() == [1, 1]


@pytest.mark.parametrize("dtype", [md.float16, md.float64])
def test_a_state_is_loaded_in_the_dtype_of_its_parameter(dtype):
    source, target = stepped(n=(2, 3)), stepped(n=(2, 3), dtype=dtype)
    target.load_state_dict(source.state_dict())
    for kept, given in zip(target.state.values(), source.state.values(), strict=True):
        assert kept["step"] == 1 and kept["exp_avg"].dtype == dtype
        np.testing.assert_allclose(kept["exp_avg"].numpy(), given["exp_avg"].numpy(), rtol=1e-3)
    target.step()


def test_a_state_is_loaded_on_the_device_of_its_parameter(standin):  # noqa: F811
    source, target = stepped(), stepped(optim.Adam)
    for group in target.param_groups:
        for p in group["params"]:
            p.data, p.grad = p.detach().to("cuda:1"), None
    for saved in (source.state_dict(), target.state_dict()):  # from the CPU, then from there
        target.load_state_dict(saved)
        assert {kept["exp_avg"].device for kept in target.state.values()} == {"cuda:1"}


def test_an_option_that_a_state_lacks_is_off():
    """As in states of older versions, which had no such option."""
    state = stepped(optim.SGD, momentum=0.5).state_dict()
    del state["param_groups"][0]["nesterov"]
    target = stepped(optim.SGD, momentum=0.9)
    target.param_groups[0]["nesterov"] = True
    target.load_state_dict(state)
    assert target.param_groups[0]["nesterov"] is False


def test_a_state_is_copied():
    source, target = stepped(), stepped()
    state = source.state_dict()
    target.load_state_dict(state)
    target.step()
    assert source.state_dict()["state"][0]["step"] == 1
    np.testing.assert_allclose(state["state"][0]["exp_avg"].numpy(), [0.1, 0.1], rtol=1e-6)


def test_what_a_state_may_say_otherwise():
    """Numbers of parameters as texts, or others; arrays; a step as a tensor; options that are off left out."""
    state = stepped().state_dict()
    for group in state["param_groups"]:
        del group["amsgrad"], group["foreach"]
        group["initial_lr"] = 3
    state["param_groups"][1]["params"] = ["b"]
    a, b = state["state"].values()
    a["step"] = md.tensor(1.0)
    b |= {"step": np.float64(1), "exp_avg": b["exp_avg"].array}
    state["state"] = {"0": a, "b": b}
    target = stepped(betas=(0.5, 0.5))
    target.load_state_dict(state)
    assert [group["betas"] for group in target.param_groups] == [(0.9, 0.999)] * 2
    assert target.param_groups[0]["initial_lr"] == 3 and target.param_groups[0]["amsgrad"] is False
    assert [kept["step"] for kept in target.state.values()] == [1, 1]
    b["step"] = 0
    target.load_state_dict(state)
    assert [kept["step"] for kept in target.state.values()] == [1, 0]
    (p,) = target.param_groups[1]["params"]
    assert target.state[p]["exp_avg"].numpy().tolist() == b["exp_avg"].tolist()
    sgd = stepped(optim.SGD).state_dict() | {"state": {0: {"momentum_buffer": None}}}
    stepped(optim.SGD).load_state_dict(sgd)


def spoiled(path, value):
    """A change of the state dict at a path; None takes the entry away."""

    def change(state):
        *way, last = path
        for step in way:
            state = state[step]
        if value is None:
            del state[last]
        else:
            state[last] = value

    return change


GROUP, STATE = ("param_groups", 1), ("state", 1)
SPOILED = {
    "no groups": (spoiled(["param_groups"], None), ValueError, "expected 'param_groups' and 'state', as state_dict"),
    "no state": (spoiled(["state"], None), ValueError, "expected 'param_groups' and 'state'"),
    "a group fewer": (spoiled(GROUP, None), ValueError, r"there are \[1, 1\] parameters, the state has \[1\]"),
    "a parameter more": (spoiled([*GROUP, "params"], [1, 2]), ValueError, r"parameters, the state has \[1, 2\]"),
    "no lr": (spoiled([*GROUP, "lr"], None), ValueError, "its groups have no lr; is it of another kind of optimizer"),
    "negative lr": (spoiled([*GROUP, "lr"], -3), ValueError, "Adam: lr must be a number, not negative, got -3"),
    "NaN as eps": (spoiled([*GROUP, "eps"], float("nan")), ValueError, "Adam: eps must be a number"),
    "a text as lr": (spoiled([*GROUP, "lr"], "1"), TypeError, "Adam: lr must be a number"),
    "betas": (spoiled([*GROUP, "betas"], (1, 2)), ValueError, "Adam: betas"),
    "another parameter": (spoiled(["state", 7], {}), ValueError, "a state of parameter 7, which no group has"),
    "no exp_avg": (spoiled([*STATE, "exp_avg"], None), ValueError, "parameter 1 has no exp_avg; is it of another kind"),
    "no step": (spoiled([*STATE, "step"], None), ValueError, "parameter 1 has no step"),
    "more": (
        lambda state: state["state"][1].update({c: 1 for c in "dcba"}), ValueError, "parameter 1 has a, b, c, d; is"
    ),
    "shape": (spoiled([*STATE, "exp_avg"], md.ones(3)), ValueError, "parameter 1: exp_avg is 3, expected 2"),
    "scalar": (spoiled([*STATE, "exp_avg"], md.tensor(1.0)), ValueError, "parameter 1: exp_avg is a scalar"),
    "dtype": (spoiled([*STATE, "exp_avg"], md.tensor([1, 2])), ValueError, "exp_avg is int64, no floats"),
    "list": (spoiled([*STATE, "exp_avg"], [1.0, 2.0]), TypeError, "exp_avg must be a tensor, got list"),
    "negative step": (spoiled([*STATE, "step"], -1), ValueError, "parameter 1: step must be a number of steps, got -1"),
    "NaN as step": (spoiled([*STATE, "step"], float("nan")), ValueError, "step must be a number of steps, got nan"),
    "half a step": (spoiled([*STATE, "step"], 1.5), ValueError, "step must be a number of steps, got 1.5"),
    "a vector as step": (spoiled([*STATE, "step"], md.tensor([1.0])), ValueError, "step must be a number of steps"),
    "a text as step": (spoiled([*STATE, "step"], "1"), ValueError, "step must be a number of steps, got '1'"),
}  # fmt: skip


@pytest.mark.parametrize("change, error, said", SPOILED.values(), ids=SPOILED)
def test_a_state_that_does_not_fit_is_refused_whole(change, error, said):
    target, state = stepped(lr=0.25), copy.deepcopy(stepped().state_dict())
    change(state)
    before = copy.deepcopy(target.state_dict())
    with pytest.raises(error, match=said):
        target.load_state_dict(state)
    after = target.state_dict()
    assert after["param_groups"] == before["param_groups"] and after["param_groups"][0]["lr"] == 0.25
    for i, kept in before["state"].items():
        assert all(np.array_equal(after["state"][i][name], value) for name, value in kept.items())


def test_moments_may_be_nan():
    """As after a gradient that was: a training that is saved then goes on as it would have."""
    target, state = stepped(), copy.deepcopy(stepped().state_dict())
    spoiled([*STATE, "exp_avg_sq"], md.tensor([1, np.nan]))(state)
    target.load_state_dict(state)
    np.testing.assert_array_equal(target.state_dict()["state"][1]["exp_avg_sq"].numpy(), [1, np.nan])


@pytest.mark.parametrize("state", [None, [], 3, {}])
def test_what_is_no_state(state):
    with pytest.raises(ValueError, match="SGD: load_state_dict: expected 'param_groups' and 'state'"):
        stepped(optim.SGD).load_state_dict(state)


def test_the_state_of_another_kind():
    with pytest.raises(ValueError, match="SGD: load_state_dict: its groups have no dampening, momentum; is it of"):
        stepped(optim.SGD).load_state_dict(stepped().state_dict())
    with pytest.raises(ValueError, match="Adam: load_state_dict: its groups have no betas, eps"):
        stepped().load_state_dict(stepped(optim.SGD).state_dict())


def test_an_optimizer_of_ones_own_may_remember_anything():
    class Counting(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"rate": 0.1})

        def update(self, p, g, state, group):
            state.setdefault("mean", md.zeros(*p.shape, dtype=p.dtype))
            state |= {"calls": state.get("calls", 0) + 1, "note": "x", "scale": md.ones(1)}
            state["mean"].array[...] += g
            p -= group["rate"] * g

    p = md.ones(2, requires_grad=True)
    p.grad = md.ones(2)
    optimizer, other = Counting([p]), Counting([md.ones(2, dtype=md.float64, requires_grad=True)])
    optimizer.step()
    np.testing.assert_allclose(p.detach().numpy(), 0.9)
    other.load_state_dict(optimizer.state_dict())
    (kept,) = other.state.values()
    assert kept["mean"].dtype == md.float64 and kept["mean"].numpy().tolist() == [1, 1]
    assert kept["calls"] == 1 and kept["note"] == "x" and kept["scale"].numpy().tolist() == [1]
    assert kept["scale"].array is not optimizer.state[p]["scale"].array
    p.data, p.grad = md.ones(2, dtype=md.float64), md.ones(2, dtype=md.float64)
    optimizer.step()
    assert optimizer.state[p]["mean"].dtype == md.float64 and optimizer.state[p]["mean"].numpy().tolist() == [2, 2]


# --- numbers in a state -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.25, md.tensor(0.25), np.array(0.25), 0, 1])
def test_a_product_is_a_number(value):
    source, target = stepped(optim.NAdam), stepped(optim.NAdam)
    saved = source.state_dict()
    saved["state"][0]["mu_product"] = value
    target.load_state_dict(saved)
    product = next(iter(target.state.values()))["mu_product"]
    assert type(product) is float and product == float(value)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "1", md.ones(2), None])
def test_a_product_that_is_none(value):
    target = stepped(optim.NAdam)
    saved = target.state_dict()
    saved["state"][1]["mu_product"] = value
    said = r"has no mu_product" if value is None else r"mu_product must be a number in \[0, 1\], got"
    with pytest.raises(ValueError, match=f"NAdam: load_state_dict: parameter 1:? {said}"):
        target.load_state_dict(saved)


def test_a_rate_that_a_schedule_took_below_zero():
    """By rounding, as LinearLR may; what no schedule knows of is refused."""
    optimizer = stepped()
    saved = optimizer.state_dict()
    saved["param_groups"][0] |= {"lr": -1e-17, "initial_lr": 0.1}
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == -1e-17
    del saved["param_groups"][0]["initial_lr"]
    with pytest.raises(ValueError, match="Adam: lr must be a number, not negative, got -1e-17"):
        optimizer.load_state_dict(saved)
