"""Optimizers: what they refuse, what they remember, and that their steps are on record."""

import copy

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl import nn, optim
from minidl.backend import memory
from minidl.backend.modes import mode
from minidl.models import mlp
from minidl.optim.elementwise import scratch
from minidl.optim.optimizer import multi_tensor, required


def parameter(*values):
    return md.tensor(values, dtype=md.float64, requires_grad=True)


KINDS = {
    "SGD": lambda params, **k: optim.SGD(params, lr=0.1, **k),
    "momentum": lambda params, **k: optim.SGD(params, **{"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01} | k),
    "Adam": lambda params, **k: optim.Adam(params, **{"lr": 0.1, "weight_decay": 0.01} | k),
    "AdamW": lambda params, **k: optim.AdamW(params, **{"lr": 0.1} | k),
    "NAdam": lambda params, **k: optim.NAdam(params, **{"lr": 0.1, "weight_decay": 0.01} | k),
    "Adamax": lambda params, **k: optim.Adamax(params, **{"lr": 0.1, "weight_decay": 0.01} | k),
    "RMSprop": lambda params, **k: optim.RMSprop(
        params, **{"lr": 0.01, "momentum": 0.5, "centered": True, "weight_decay": 0.01} | k
    ),
    "Adagrad": lambda params, **k: optim.Adagrad(params, **{"lr": 1, "weight_decay": 0.01} | k),
    "Adadelta": lambda params, **k: optim.Adadelta(params, **{"eps": 0.01, "weight_decay": 0.01} | k),
}


def test_every_optimizer_is_here():
    kinds = {kind for kind in vars(optim).values() if isinstance(kind, type)}
    assert {type(make([parameter(1)])) for make in KINDS.values()} == kinds - {optim.Optimizer}


each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


@pytest.mark.parametrize("make, error, said", [
    (lambda p: optim.SGD([p], lr=-1), ValueError, "SGD: lr must be a number, not negative"),
    (lambda p: optim.SGD([p], weight_decay=-1), ValueError, "SGD: weight_decay .* -1"),
    (lambda p: optim.SGD([p], momentum=-0.1), ValueError, "SGD: momentum .* -0.1"),
    (lambda p: optim.SGD([p], nesterov=True), ValueError, "SGD: nesterov needs a momentum"),
    (lambda p: optim.SGD([p], momentum=0.9, dampening=0.1, nesterov=True), ValueError, "SGD: nesterov .* no dampening"),
    (lambda p: optim.Adam([p], lr=-1), ValueError, "Adam: lr must be a number, not negative"),
    (lambda p: optim.Adam([p], betas=(0.9, 1.0)), ValueError, r"Adam: betas .* got \(0.9, 1.0\)"),
    (lambda p: optim.Adam([p], eps=-1), ValueError, "Adam: eps .* -1"),
    (lambda p: optim.SGD([{"params": [p], "lr": -1}]), ValueError, "SGD: lr .* -1"),
    (lambda p: optim.SGD([{"params": [p], "speed": 1}]), TypeError, "SGD: unknown option speed; it has lr, momentum"),
    (lambda p: optim.SGD([p], lr=copy.copy(required)), ValueError, "SGD: a group does not say its lr, which has no"),
    (lambda p: optim.SGD([]), ValueError, "SGD: got no parameters"),
    (lambda p: optim.SGD(iter(())), ValueError, "SGD: got no parameters"),
    (lambda p: optim.Adam([{"params": iter(())}]), ValueError, "Adam: a group got no parameters .* generator used up"),
    (lambda p: optim.SGD(p), TypeError, "SGD: expected an iterable of tensors, got one tensor"),
    (lambda p: optim.SGD([p, np.ones(2)]), TypeError, "SGD: expected tensors, got ndarray"),
    (lambda p: optim.SGD([p * 2]), ValueError, "SGD: can only optimize leaves, got the result of mul"),
    (lambda p: optim.SGD([p, p]), ValueError, "SGD: a parameter appears more than once"),
    (lambda p: optim.SGD([{"params": [p]}, {"params": p}]), ValueError, "SGD: a parameter appears more than once"),
    (lambda p: optim.SGD([{"params": [p]}, parameter(1)]), TypeError, "SGD: .*Tensor"),
])  # fmt: skip
def test_refuses(make, error, said):
    with pytest.raises(error, match=said):
        make(parameter(1, 2))


def test_refuses_a_state_that_does_not_fit():
    state = optim.SGD([parameter(1), parameter(2)]).state_dict()
    with pytest.raises(ValueError, match="SGD: load_state_dict: the groups"):
        optim.SGD([parameter(1)]).load_state_dict(state)


@each_kind
def test_follows_the_gradient_in_place(make):
    p, other = parameter(3, -2), parameter(1)
    array, optimizer = p.array, make([p, other])
    for _ in range(200):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()
    assert p.array is array and np.abs(array).max() < 0.05
    assert other.array.tolist() == [1] and other.grad is None  # without a gradient it stays


@each_kind
def test_leaves_the_gradient_as_it_is(make):
    p = parameter(3, -2)
    optimizer = make([p])
    for _ in range(2):
        p.grad = md.tensor([1.0, 2.0], dtype=md.float64)
        optimizer.step()
        assert p.grad.numpy().tolist() == [1, 2]


def test_takes_generators_and_keeps_the_dtype():
    model = mlp(3, 2)
    optimizer = optim.Adam(model.parameters())
    model(md.ones(4, 3)).sum().backward()
    optimizer.step()
    assert {p.dtype for p in model.parameters()} == {md.float32}
    assert {s["exp_avg"].dtype for s in optimizer.state.values()} == {md.float32}


def test_zero_grad_reaches_all_groups():
    p, q = parameter(1), parameter(2)
    optimizer = optim.SGD([{"params": [p], "lr": 1}, {"params": q}])
    (p * q).sum().backward()
    optimizer.zero_grad()
    assert p.grad is None and q.grad is None


@each_kind
def test_closure_is_evaluated_first_with_gradients_on(make):
    p = parameter(3)
    optimizer = make([p])

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with md.no_grad():
        assert optimizer.step(closure).item() == 9
    assert p.item() < 3
    assert optimizer.step() is None


@each_kind
def test_a_saved_state_goes_on_bit_for_bit(make):
    gradients = np.random.default_rng(0).normal(size=(6, 2))

    def run(optimizer, p, steps):
        for g in steps:
            p.grad = md.tensor(g)
            optimizer.step()

    p = parameter(1, 2)
    whole = make([p])
    run(whole, p, gradients[:3])
    q = md.tensor(p.array, requires_grad=True)
    resumed, saved = make([q], weight_decay=0.5), whole.state_dict()
    resumed.load_state_dict(saved)
    run(whole, p, gradients[3:])  # must not reach into the other's state
    run(resumed, q, gradients[3:])
    assert np.array_equal(p.array, q.array)
    assert resumed.param_groups[0] == whole.param_groups[0] | {"params": [q]}


@each_kind
def test_a_step_is_a_write_that_backward_notices(make):
    p = parameter(1, 2)
    optimizer = make([p])
    early = (p * p).sum()
    p.grad = md.tensor([1.0, 1.0], dtype=md.float64)
    optimizer.step()
    with pytest.raises(RuntimeError, match="mul: .* changed in place"):
        early.backward()
    (p * p).sum().backward()  # what is computed after the step is fine


def test_a_step_through_a_whole_network_is_noticed():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    first, second = (model(md.ones(2, 1, 4, 4)).sum() for _ in range(2))
    first.backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        second.backward()


def test_changing_an_option_of_a_group():
    p, q = parameter(1), parameter(1)
    optimizer = optim.SGD([{"params": [p]}, {"params": [q]}], lr=1)
    optimizer.param_groups[1]["lr"] = 0.5
    p.grad = q.grad = md.tensor([1.0], dtype=md.float64)
    optimizer.step()
    assert (p.item(), q.item()) == (0, 0.5)


def test_an_optimizer_of_ones_own_must_say_how_to_update():
    p = parameter(1)
    p.grad = md.tensor([1.0], dtype=md.float64)
    with pytest.raises(NotImplementedError, match=r"Optimizer must define update"):
        optim.Optimizer([p], dict(lr=1, weight_decay=0)).step()


def test_a_0d_parameter_keeps_its_momentum():
    """Arithmetic on 0-d arrays gives NumPy scalars, which can't be updated in place."""
    one, vector = (md.tensor(value, dtype=md.float64, requires_grad=True) for value in (1.0, [1.0]))
    optimizer = md.optim.SGD([one, vector], lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        (one * one + (vector * vector).sum()).backward()
        optimizer.step()
    assert one.item() == vector.item()


def test_a_gradient_or_state_of_another_shape_is_refused():
    p = md.ones(2).requires_grad_()
    p.gradient = md.ones(1)  # past the checks of .grad
    with pytest.raises(ValueError, match="SGD: a gradient Tensor 1 of a parameter 2"):
        md.optim.SGD([p]).step()
    optimizer, other = (md.optim.Adam([md.ones(n).requires_grad_()]) for n in (2, 3))
    optimizer.param_groups[0]["params"][0].grad = md.ones(2)
    optimizer.step()
    with pytest.raises(ValueError, match="Adam: load_state_dict: parameter 0: exp_avg is 2, expected 3"):
        other.load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="expected 'param_groups' and 'state', as state_dict"):
        other.load_state_dict({})


def test_zero_grad_can_keep_the_tensors():
    p = md.ones(2).requires_grad_()
    (p * 2).sum().backward()
    md.optim.SGD([p]).zero_grad(set_to_none=False)
    assert p.grad.numpy().tolist() == [0, 0]
    p.grad = p * 2  # as under create_graph=True
    md.optim.SGD([p]).zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0] and not p.grad.requires_grad


@each_kind
def test_large_parameters_are_updated_as_small_ones(make, monkeypatch):
    """In chunks, side by side, to the last bit; also where the gradient lies otherwise in memory."""
    start, gradients = np.random.default_rng(0).normal(size=(7, 3)), np.random.default_rng(1).normal(size=(3, 3, 7))

    def run():
        p = md.tensor(start, requires_grad=True)
        optimizer = make([p])
        for g in gradients:
            p.grad = md.tensor(g).T
            optimizer.step()
        return p.array

    whole = run()
    monkeypatch.setattr("minidl.optim.elementwise.CHUNK", 6)
    assert run().tobytes() == whole.tobytes()


@each_kind
def test_the_state_follows_its_parameter(make, standin):  # noqa: F811
    """To another device, and another dtype, as a training that was there from the start; PyTorch refuses the one."""
    start, gradients = [1.0, -2.0], np.random.default_rng(0).normal(size=(4, 2)).astype("f")

    def run(p, optimizer, steps):
        for g in steps:
            p.grad = md.tensor(g).to(p.device, p.dtype)
            optimizer.step()

    model = nn.Linear(2, 1, bias=False, device="cpu")
    model.weight.data = md.tensor([start], device="cpu")
    optimizer = make(model.parameters())
    run(model.weight, optimizer, gradients[:2, None])
    model.to("cuda")
    run(model.weight, optimizer, gradients[2:3, None])
    model.to(md.float64)
    run(model.weight, optimizer, gradients[3:, None])
    assert all(v.device == "cuda:0" and v.dtype == md.float64 for v in tensors_of(optimizer))
    q = md.tensor([start], dtype=md.float64, device="cpu", requires_grad=True)
    run(q, make([q]), gradients[:, None])
    np.testing.assert_allclose(model.weight.detach().cpu().numpy(), q.detach().numpy(), rtol=1e-5)


def tensors_of(optimizer):
    return [v for state in optimizer.state.values() for v in state.values() if isinstance(v, md.Tensor)]


# --- how a step is made -----------------------------------------------------------------------------------------------


@each_kind
def test_a_step_on_a_device_that_is_not_the_current_one(make, standin):  # noqa: F811
    def stepped(device):
        p = md.tensor([1.0, -2.0], device=device, requires_grad=True)
        p.grad = md.tensor([3.0, 0.5], device=device)
        make([p], maximize=True).step()
        return p.detach().cpu().numpy()

    np.testing.assert_allclose(stepped("cuda:1"), stepped("cpu"), rtol=1e-6)


def test_a_gradient_on_another_device_is_refused(standin):  # noqa: F811
    p = parameter(1)
    p.gradient = md.ones(1, dtype=md.float64, device="cuda")
    with pytest.raises(RuntimeError, match="^SGD: tensors on cpu and cuda:0"):
        optim.SGD([p]).step()


def test_an_update_that_overflows_warns_of_nothing():
    p = parameter(1)
    p.grad = md.full_like(p.detach(), 1e200)
    optim.SGD([p], lr=1e200).step()
    assert p.item() == -np.inf


def test_what_makes_many_updates_at_once_returns_those_that_it_can_not_make(monkeypatch):
    """It is asked where fusion is on."""
    p, q = parameter(1), parameter(1)
    p.grad, q.grad = parameter(1), parameter(1)
    optimizer = optim.SGD([p, q], lr=1)
    monkeypatch.setitem(multi_tensor, optim.SGD, [lambda updates, group: updates[1:]])
    monkeypatch.setattr(mode, "fused", True)
    optimizer.step()
    assert (p.item(), q.item()) == (1, 0)
    with md.no_fusion():
        optimizer.step()
    assert (p.item(), q.item()) == (0, -1)


def test_scratch_is_memory_that_is_used_again():
    z = scratch(np.ones((300, 1000), "f"))
    assert type(z.base) is memory.Lease and (z.shape, z.dtype) == ((300, 1000), np.float32)
