"""Optimizers that update many parameters in one launch: held against the update of one after the other on the CPU."""

import numpy as np
import pytest
from devices import asked

import minidl as md
from minidl import optim
from minidl.kernels.cuda.optim import CHUNK, KERNELS, ROWS

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)

KINDS = {
    "SGD": (optim.SGD, {}),
    "decay": (optim.SGD, {"weight_decay": 0.1}),
    "momentum": (optim.SGD, {"momentum": 0.9}),
    "dampening": (optim.SGD, {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    "Nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    "Adam": (optim.Adam, {}),
    "Adam with decay": (optim.Adam, {"weight_decay": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
    "AMSGrad": (optim.Adam, {"amsgrad": True, "betas": (0.8, 0.3)}),
    "AdamW": (optim.AdamW, {"weight_decay": 0.5}),
    "NAdam": (optim.NAdam, {"weight_decay": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
    "NAdam, decoupled": (optim.NAdam, {"weight_decay": 0.5, "decoupled_weight_decay": True}),
    "Adamax": (optim.Adamax, {"weight_decay": 0.1, "betas": (0.8, 0.6), "eps": 1e-3}),
    "RMSprop": (optim.RMSprop, {"weight_decay": 0.1, "alpha": 0.8, "eps": 1e-3}),
    "RMSprop, centered": (optim.RMSprop, {"momentum": 0.9, "centered": True, "alpha": 0.8, "eps": 0.1}),
    "Adagrad": (optim.Adagrad, {"weight_decay": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-3}),
    "Adadelta": (optim.Adadelta, {"weight_decay": 0.1, "rho": 0.8, "eps": 1e-3}),
}


def test_every_kernel_is_tried():
    assert {kind for kind, _ in KINDS.values()} == KERNELS.keys()


each_kind = pytest.mark.parametrize("kind, options", KINDS.values(), ids=KINDS)
SIZES = [(), (1,), (3, 5), (CHUNK,), (CHUNK + 1,), (7, 300), (2, 3, 4, 5)]


def on_both(sizes, kind, options, dtype=md.float32, lr=0.01):
    """The same parameters on the CPU and on the GPU, each list with an optimizer."""
    starts = [RNG.normal(size=size).astype(dtype) for size in sizes]
    cpu = [md.tensor(start, requires_grad=True) for start in starts]
    gpu = [md.tensor(start, device="cuda", requires_grad=True) for start in starts]
    return cpu, kind(cpu, lr=lr, **options), gpu, kind(gpu, lr=lr, **options)


def steps(n, cpu, ours, gpu, theirs):
    for _ in range(n):
        for p, q in zip(cpu, gpu, strict=True):
            p.grad = md.tensor(RNG.normal(size=p.shape).astype(p.dtype))
            q.grad = p.grad.to("cuda")
        ours.step()
        theirs.step()


def require_close(cpu, ours, gpu, theirs, rtol):
    """Parameters and states equal, relative to the largest element of each."""
    for p, q in zip(cpu, gpu, strict=True):
        a, b = ({name: getattr(v, "array", v) for name, v in o.state[x].items()} for o, x in ((ours, p), (theirs, q)))
        assert a.keys() == b.keys()
        for x, y in [(p.array, q.array), *((a[name], b[name]) for name in a)]:
            there = y.get() if hasattr(y, "get") else y
            np.testing.assert_allclose(there, x, rtol, rtol * np.abs(x).max(initial=0.01))


@each_kind
@pytest.mark.parametrize("dtype, rtol", [(md.float32, 1e-6), (md.float64, 1e-12)])
def test_ten_steps(kind, options, dtype, rtol):
    sides = on_both(SIZES, kind, options, dtype)
    steps(10, *sides)
    require_close(*sides, rtol)


@each_kind
def test_half_precision(kind, options):
    """Computed in float32 and stored in float16: within the rounding of the stored arrays."""
    options = options if kind is optim.SGD else {"eps": 1e-3} | options
    wide = on_both(SIZES, kind, options, md.float32)
    half = [md.tensor(p.array, dtype=md.float16, device="cuda", requires_grad=True) for p in wide[0]]
    optimizer = kind(half, lr=0.01, **options)
    for _ in range(3):
        for p, q in zip(wide[0], half, strict=True):
            p.grad = md.tensor(RNG.normal(size=p.shape).astype("e").astype("f"))
            q.grad = p.grad.to("cuda", md.float16)
        wide[1].step()
        optimizer.step()
    for p, q in zip(wide[0], half, strict=True):
        assert q.dtype == md.float16
        np.testing.assert_allclose(q.array.get(), p.array, 3e-3, 3e-3)


@each_kind
def test_large_parameters_and_more_tensors_than_a_table_holds(kind, options):
    sides = on_both([(1,), (100_000,), *[(2,)] * ROWS, (CHUNK * 2 + 3,)], kind, options)
    steps(3, *sides)
    require_close(*sides, 1e-6)


@each_kind
def test_nothing_is_written_beside(kind, options):
    whole = md.zeros(3000, device="cuda").array
    p = md.Tensor(whole[100:2000], requires_grad=True)
    p.grad = md.ones(1900, device="cuda")
    kind([p], lr=0.1, **options).step()
    assert np.array_equal(np.flatnonzero(whole.get()), range(100, 2000))


@each_kind
def test_one_launch_for_a_table(kind, options):
    _, _, gpu, optimizer = on_both([(3,)] * ROWS, kind, options)
    for p in gpu:
        p.grad = md.ones(3, device="cuda")
    assert asked(optimizer.step) == {"launch": 1}
    more = kind([*gpu, md.ones(3, device="cuda", requires_grad=True)])
    more.param_groups[0]["params"][-1].grad = md.ones(3, device="cuda")
    assert asked(more.step) == {"launch": 2}


@each_kind
def test_parameters_that_join_later(kind, options):
    """With a first step of their own, beside others at their third."""
    cpu, ours, gpu, theirs = on_both([(3,), (4,)], kind, options)
    steps(2, cpu[:1], ours, gpu[:1], theirs)
    steps(2, cpu, ours, gpu, theirs)
    require_close(cpu, ours, gpu, theirs, 1e-6)


@each_kind
def test_other_memory_orders(kind, options):
    """A gradient that lies otherwise in memory is copied; a parameter that does is updated on its own."""
    cpu, ours, gpu, theirs = on_both([(3, 4, 2, 2), (5, 6)], kind, options)
    cpu[1].array, gpu[1].array = cpu[1].array.T, gpu[1].array.T
    for _ in range(3):
        for p, q in zip(cpu, gpu, strict=True):
            p.grad = md.tensor(RNG.normal(size=p.shape[::-1]).astype("f").T)
            q.grad = p.grad.to("cuda")
            assert not q.grad.array.flags.c_contiguous or p is cpu[1]
        ours.step()
        theirs.step()
    require_close(cpu, ours, gpu, theirs, 1e-6)


@each_kind
def test_mixed_dtypes_and_groups(kind, options):
    arrays = [np.arange(3, dtype="f"), np.arange(4, dtype="d"), np.zeros(0, "f")]
    cpu, gpu = ([md.tensor(a, device=device, requires_grad=True) for a in arrays] for device in ("cpu", "cuda"))
    ours, theirs = (kind([{"params": ps[:1], "lr": 0.5}, {"params": ps[1:]}], **options) for ps in (cpu, gpu))
    steps(3, cpu, ours, gpu, theirs)
    require_close(cpu, ours, gpu, theirs, 1e-6)


@each_kind
def test_a_saved_state_goes_on_upon_another_device(kind, options):
    cpu, ours, gpu, theirs = on_both(SIZES, kind, options)
    steps(2, cpu, ours, gpu, theirs)
    theirs.load_state_dict(ours.state_dict())
    steps(2, cpu, ours, gpu, theirs)
    require_close(cpu, ours, gpu, theirs, 1e-6)


@each_kind
def test_the_same_without_fusion(kind, options):
    sides = on_both(SIZES, kind, options)
    with md.no_fusion():
        steps(2, *sides)
    steps(2, *sides)
    require_close(*sides, 1e-6)


@each_kind
def test_uphill(kind, options):
    sides = on_both([(3, 5), (4,)], kind, options | {"maximize": True})
    steps(4, *sides)
    require_close(*sides, 1e-6)


@each_kind
@pytest.mark.parametrize("beyond", [np.inf, np.nan])
def test_what_is_not_finite(kind, options, beyond):
    """NaN and infinity stay where they are, also beside a decay of 0."""
    starts, gradient = np.float32([1, beyond, 2, 3]), np.float32([1, 1, beyond, 1])
    cpu, gpu = (md.tensor(starts, device=device, requires_grad=True) for device in ("cpu", "cuda"))
    for p in (cpu, gpu):
        optimizer = kind([p], **options)
        for g in (gradient, np.ones(4, "f")):
            p.grad = md.tensor(g, device=p.device)
            optimizer.step()
    np.testing.assert_array_equal(np.isnan(gpu.array.get()), np.isnan(cpu.array))


def test_a_variance_below_zero_counts_as_none():
    p = md.ones(100, device="cuda", requires_grad=True)
    optimizer = optim.RMSprop([p], alpha=0.5, centered=True)
    for _ in range(60):
        p.grad = md.linspace(0.1, 7, 100, device="cuda")
        optimizer.step()
    assert np.isfinite(p.array.get()).all()


def test_a_kind_of_ones_own_is_updated_by_its_update():
    class Halved(optim.SGD):
        def update(self, p, g, state, group):
            p *= 0.5

    p = md.ones(3, device="cuda", requires_grad=True)
    p.grad = p.detach()
    Halved([p]).step()
    assert p.array.tolist() == [0.5] * 3


def test_a_gradient_on_another_device_is_refused():
    p = md.ones(3, device="cuda", requires_grad=True)
    p.gradient = md.ones(3)  # past the checks of .grad
    with pytest.raises(RuntimeError, match="SGD: tensors on cpu and cuda:0"):
        optim.SGD([p]).step()


def test_a_step_is_a_write_that_backward_notices():
    p = md.ones(3, device="cuda", requires_grad=True)
    early = (p * p).sum()
    p.grad = md.ones(3, device="cuda")
    optim.SGD([p]).step()
    with pytest.raises(RuntimeError, match="mul: .* changed in place"):
        early.backward()
