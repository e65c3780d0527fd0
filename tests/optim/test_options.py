"""What optimizers refuse of their options; groups; and that a step is made whole or not at all."""

import numpy as np
import pytest

import minidl as md
from minidl import nn, optim

START = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -0.1]])
GRADIENTS = np.random.default_rng(0).normal(size=(5, 2, 3))
NUMBERS = [
    (optim.SGD, "lr"), (optim.SGD, "momentum"), (optim.SGD, "weight_decay"), (optim.Adam, "lr"), (optim.Adam, "eps"),
    (optim.Adam, "weight_decay"), (optim.NAdam, "eps"), (optim.NAdam, "momentum_decay"), (optim.Adamax, "eps"),
    (optim.RMSprop, "alpha"), (optim.RMSprop, "eps"), (optim.RMSprop, "momentum"), (optim.Adagrad, "lr_decay"),
    (optim.Adagrad, "initial_accumulator_value"), (optim.Adagrad, "eps"), (optim.Adadelta, "rho"),
    (optim.Adadelta, "eps"),
]  # fmt: skip
FLAGS = [
    (optim.SGD, "nesterov"), (optim.SGD, "maximize"), (optim.Adam, "amsgrad"), (optim.Adam, "maximize"),
    (optim.Adam, "decoupled_weight_decay"), (optim.SGD, "foreach"), (optim.Adam, "fused"), (optim.AdamW, "amsgrad"),
    (optim.NAdam, "decoupled_weight_decay"), (optim.RMSprop, "centered"),
]  # fmt: skip


@pytest.mark.parametrize("kind, option", NUMBERS)
@pytest.mark.parametrize("value, error", [
    (-1e-9, ValueError), (float("nan"), ValueError), (md.tensor(-1.0), ValueError), ("1", TypeError), (None, TypeError),
    ([0.1], TypeError), (md.ones(2), TypeError), (1j, TypeError),
], ids=str)  # fmt: skip
def test_a_number_out_of_range(kind, option, value, error):
    for make in (lambda p: kind([p], **{option: value}), lambda p: kind([{"params": [p], option: value}])):
        with pytest.raises(error, match=f"{kind.__name__}: {option} must be a number"):
            make(md.ones(1, requires_grad=True))
    kind([md.ones(1, requires_grad=True)], **{option: 0})  # just inside


def test_hooks_of_a_step_are_not_here():
    """The error says so; nothing takes them and calls them never."""
    optimizer = optim.SGD([md.ones(1, requires_grad=True)])
    for name in "register_step_post_hook", "register_load_state_dict_pre_hook":
        with pytest.raises(AttributeError, match=f"Optimizer has no {name}; there is no such hook; do it beside"):
            getattr(optimizer, name)(print)


@pytest.mark.parametrize("kind, option", FLAGS)
def test_a_flag_of_another_type(kind, option):
    with pytest.raises(TypeError, match=f"{kind.__name__}: {option} must be True or False, got 1"):
        kind([md.ones(1, requires_grad=True)], **{option: 1})


@pytest.mark.parametrize("make, error, said", [
    (lambda p: optim.SGD([p], dampening=float("nan"), momentum=0.9), ValueError, "dampening must be a number, got nan"),
    (lambda p: optim.SGD([p], foreach=True, fused=True), ValueError, "foreach and fused exclude each other"),
    (lambda p: optim.Adam([p], betas=(float("nan"), 0.9)), ValueError, r"betas must be two numbers in \[0, 1\)"),
    (lambda p: optim.Adam([p], betas=(0.9, -1e-9)), ValueError, "betas"),
    (lambda p: optim.Adam([p], betas=(0.9,)), ValueError, "betas"),
    (lambda p: optim.Adam([p], betas=(0.9, 0.9, 0.9)), ValueError, "betas"),
    (lambda p: optim.Adam([p], betas=("a", 0.9)), ValueError, "betas"),
    (lambda p: optim.Adam([p], betas=0.9), ValueError, "betas"),
    (lambda p: optim.AdamW([p], betas=(0.9, 1)), ValueError, r"AdamW: betas must be two numbers in \[0, 1\), got"),
    (lambda p: optim.NAdam([p], betas=(0.9, 1)), ValueError, r"NAdam: betas must be two numbers in \[0, 1\), got"),
    (lambda p: optim.Adamax([p], betas=(1, 0.9)), ValueError, r"Adamax: betas must be two numbers in \[0, 1\), got"),
    (lambda p: optim.Adadelta([p], rho=1.001), ValueError, r"Adadelta: rho must be a number in \[0, 1\], got 1.001"),
    (lambda p: optim.SGD({"a": p}), TypeError, "expected an iterable of tensors or of dicts, got dict"),
    (lambda p: optim.SGD(3), TypeError, "expected an iterable of tensors or of dicts, got int"),
    (lambda p: optim.SGD([{"lr": 1}]), TypeError, "expected tensors, or dicts with 'params'"),
    (lambda p: optim.SGD([{"params": {p}}]), TypeError, "the order of a set differs from run to run"),
    (lambda p: optim.SGD([{"params": "weight"}]), TypeError, "expected tensors as the 'params' of a group, got str"),
    (lambda p: optim.SGD([{"params": 3}]), TypeError, "expected tensors as the 'params' of a group, got int"),
    (lambda p: optim.SGD([("a", p), md.ones(2)]), TypeError, "all parameters of a group must be named, or none"),
    (lambda p: optim.SGD([("a", p, 1)]), TypeError, "all parameters of a group must be named, or none"),
    (lambda p: optim.SGD([("a", 3)]), TypeError, "expected tensors, got int"),
])  # fmt: skip
def test_refuses(make, error, said):
    with pytest.raises(error, match=said):
        make(md.ones(1, requires_grad=True))


# --- groups -----------------------------------------------------------------------------------------------------------


def test_a_group_that_is_added():
    p, q = (md.ones(1, requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    optimizer.add_param_group({"params": q, "lr": 0.5, "name": "head", "initial_lr": 0.5})
    assert optimizer.param_groups[1] == optimizer.defaults | {
        "params": [q], "lr": 0.5, "name": "head", "initial_lr": 0.5
    }  # fmt: skip
    p.grad = q.grad = md.ones(1)
    optimizer.step()
    assert (p.item(), q.item()) == pytest.approx((0.9, 0.5))


@pytest.mark.parametrize("group, error, said", [
    (lambda p: {"params": p}, ValueError, "a parameter appears more than once"),
    (lambda p: {"params": [md.ones(1)] * 2}, ValueError, "a parameter appears more than once"),
    (lambda p: {"params": [p * 2]}, ValueError, "can only optimize leaves, got the result of mul"),
    (lambda p: {"params": iter(())}, ValueError, "a group got no parameters to optimize; was its generator used up"),
    (lambda p: [md.ones(1)], TypeError, "expected tensors, or dicts with 'params', got list"),
    (lambda p: {"params": md.ones(1), "speed": 1}, TypeError, "unknown option speed; it has lr, momentum"),
    (lambda p: {"params": md.ones(1), "lr": -1}, ValueError, "lr must be a number, not negative, got -1"),
    (lambda p: {"params": md.ones(1), "nesterov": True}, ValueError, "nesterov needs a momentum"),
])  # fmt: skip
def test_a_group_that_is_refused_is_not_added(group, error, said):
    p = md.ones(1, requires_grad=True)
    optimizer = optim.SGD([p])
    with pytest.raises(error, match=f"SGD: {said}"):
        optimizer.add_param_group(group(p))
    assert len(optimizer.param_groups) == 1


def test_an_empty_list_is_a_group_beside_others():
    """As PyTorch has it: a network may have no parameters of a kind."""
    optimizer = optim.SGD([{"params": []}, {"params": [md.ones(1, requires_grad=True)]}])
    assert [len(group["params"]) for group in optimizer.param_groups] == [0, 1]


def test_named_parameters():
    layer = nn.Linear(2, 1)
    for given in (layer.named_parameters(), [{"params": layer.named_parameters()}]):
        (group,) = optim.SGD(given, lr=0.1).param_groups
        assert group["param_names"] == ["weight", "bias"]
        assert [id(p) for p in group["params"]] == [id(p) for p in layer.parameters()]
    other = {"params": [("a", p) for p in nn.Linear(1, 1, bias=False).parameters()], "param_names": ["b"]}
    assert optim.SGD([other]).param_groups[0]["param_names"] == ["a"]
    assert optim.SGD(enumerate(layer.parameters())).param_groups[0]["param_names"] == ["0", "1"]


def test_how_it_is_shown():
    optimizer = optim.SGD([md.ones(1, requires_grad=True)], lr=0.1)
    optimizer.add_param_group({"params": md.ones(1), "momentum": 0.5})
    lines = "dampening: 0|differentiable: False|foreach: None|fused: None|lr: 0.1|maximize: False|momentum: {}|"
    lines = [*lines.split("|")[:-1], "nesterov: False", "weight_decay: 0"]
    first, second = ("\n".join(f"    {line.format(momentum)}" for line in lines) for momentum in ("0", "0.5"))
    assert repr(optimizer) == f"SGD (\nParameter Group 0\n{first}\n\nParameter Group 1\n{second}\n)"


# --- all or nothing ---------------------------------------------------------------------------------------------------


def read_only(p):
    p.array.flags.writeable = False


def reshaped(p):
    p.array, p.grad = np.ones((3, 2)), md.ones(3, 2, dtype=md.float64)


SPOILED = {
    "read-only": (read_only, ValueError, "a parameter 2×3 can't be written, its array is read-only; p.data = "),
    "broadcast": (lambda p: setattr(p, "array", np.broadcast_to(1.0, (2, 3))), ValueError, "its array is read-only"),
    "changed shape": (reshaped, ValueError, "(exp_avg|momentum_buffer) is 2×3, its parameter is 3×2 by now; make "),
    "grad of another shape": (
        lambda p: setattr(p, "gradient", md.ones(3, dtype=md.float64)),
        ValueError,
        "a gradient Tensor 3",
    ),
    "grad of another dtype": (
        lambda p: setattr(p, "gradient", md.ones(2, 3)),
        ValueError,
        "a gradient of float32 of a param",
    ),
    "an array as grad": (lambda p: setattr(p, "gradient", np.ones((2, 3))), ValueError, "a gradient ndarray 2×3"),
    "no array": (lambda p: setattr(p, "array", [1.0]), TypeError, "array of a tensor was set to list"),
    "no array as grad": (lambda p: setattr(p.grad, "array", [1.0]), TypeError, "array of a tensor was set to list"),
}


@pytest.mark.parametrize("spoil, error, said", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("kind, options", [(optim.SGD, {"momentum": 0.9}), (optim.Adam, {"weight_decay": 0.1})])
def test_a_step_that_can_not_be_made_changes_nothing(kind, options, spoil, error, said):
    """Though what is wrong is in the last group."""
    p, q = (md.tensor(START, requires_grad=True) for _ in range(2))
    optimizer = kind([{"params": [p]}, {"params": [q]}], lr=0.1, **options)
    for _ in range(2):
        p.grad, q.grad = md.tensor(GRADIENTS[0]), md.tensor(GRADIENTS[1])
        optimizer.step()
    before = p.detach().clone().numpy(), {k: np.array(v) for k, v in optimizer.state[p].items()}
    spoil(q)
    with pytest.raises(error, match=f"^{kind.__name__}.*{said}"):
        optimizer.step()
    assert np.array_equal(p.detach().numpy(), before[0])
    assert all(np.array_equal(optimizer.state[p][k], v) for k, v in before[1].items())
    if error is ValueError:
        p.grad = None  # without a gradient, nothing is asked of a parameter
        q.grad = None
        optimizer.step()


@pytest.mark.parametrize("option, value", [("lr", "fast"), ("momentum", None), ("weight_decay", md.ones(2))])
def test_an_option_that_was_set_to_no_number(option, value):
    p, q = (md.ones(2, requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([{"params": [p]}, {"params": [q]}])
    p.grad = q.grad = md.ones(2)
    optimizer.param_groups[1][option] = value
    with pytest.raises(TypeError, match=f"SGD: {option} must be a number, got"):
        optimizer.step()
    assert p.detach().numpy().tolist() == [1, 1]
