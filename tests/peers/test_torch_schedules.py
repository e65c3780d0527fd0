"""Schedules beside PyTorch's, to the last digit: alone, after one another, chained, and through a saved state."""

import warnings

import numpy as np
import pytest
from parity import MISTAKES, OURS, THEIRS

EPOCHS = 30
pytestmark = pytest.mark.filterwarnings("ignore")


def draw(rng):
    """A schedule, as a function of library and optimizer, with arguments that are drawn."""
    whole, share = int(rng.integers(1, 9)), float(rng.uniform(0.05, 0.95))
    number = float(rng.uniform(0.05, 1.1))
    kinds = {
        "StepLR": dict(step_size=whole, gamma=number),
        "MultiStepLR": dict(milestones=[int(n) for n in rng.integers(0, 20, whole)], gamma=share),
        "ConstantLR": dict(factor=share, total_iters=whole),
        "LinearLR": dict(start_factor=share, end_factor=number / 1.1, total_iters=whole),
        "ExponentialLR": dict(gamma=share),
        "PolynomialLR": dict(total_iters=whole, power=3 * share),
        "CosineAnnealingLR": dict(T_max=whole, eta_min=share / 10),
        "CosineAnnealingWarmRestarts": dict(T_0=whole, T_mult=int(rng.integers(1, 4)), eta_min=share / 10),
        "LambdaLR": dict(lr_lambda=lambda epoch: share**epoch + number),
        "MultiplicativeLR": dict(lr_lambda=lambda epoch: share + 1 / (epoch + whole)),
        "CyclicLR": dict(
            base_lr=share / 10, max_lr=share, step_size_up=whole, step_size_down=int(rng.integers(1, 9)), gamma=share,
            mode=str(rng.choice(["triangular", "triangular2", "exp_range"])), cycle_momentum=bool(rng.integers(2)),
        ),
        "OneCycleLR": dict(
            max_lr=share, total_steps=EPOCHS + whole, pct_start=share,
            anneal_strategy=str(rng.choice(["cos", "linear"])),
            cycle_momentum=bool(rng.integers(2)), div_factor=whole + share, three_phase=bool(rng.integers(2)),
        ),
    }  # fmt: skip
    name = str(rng.choice(list(kinds)))
    return lambda m, o: getattr(m.optim.lr_scheduler, name)(o, **kinds[name])


def drawn(rng, depth=2):
    """A schedule that may consist of others."""
    kind = int(rng.integers(4)) if depth else 0
    if kind < 2:
        return draw(rng)
    first, others = drawn(rng, depth - 1), [draw(rng) for _ in range(int(rng.integers(1, 3)))]
    milestones = sorted({int(n) for n in rng.integers(1, 20, 9)})[: len(others)]
    if kind == 2:
        return lambda m, o: m.optim.lr_scheduler.ChainedScheduler([make(m, o) for make in (first, *others)])
    return lambda m, o: m.optim.lr_scheduler.SequentialLR(o, [make(m, o) for make in (first, *others)], milestones)


def optimizer(m, seed):
    """SGD or Adam of two groups."""
    p, q = (m.tensor([1.0], requires_grad=True) for _ in range(2))
    groups = [{"params": [p]}, {"params": [q], "lr": 0.7}]
    return m.optim.SGD(groups, lr=0.3, momentum=0.8) if seed % 2 else m.optim.Adam(groups, lr=0.3)


def seen(m, seed, saved_at):
    """Rates and momenta of all epochs; from one on they are made by other objects, from states."""

    def begun():
        o = optimizer(m, seed)
        return o, drawn(np.random.default_rng(seed))(m, o)

    o, schedule = begun()
    read = []
    for epoch in range(EPOCHS):
        if epoch == saved_at:
            states = o.state_dict(), schedule.state_dict()
            o, schedule = begun()
            o.load_state_dict(states[0])
            schedule.load_state_dict(states[1])
        read += [group["lr"] for group in o.param_groups] + schedule.get_last_lr()
        read += [group.get("momentum", group.get("betas")) for group in o.param_groups]
        o.step()
        schedule.step()
    return read


@pytest.mark.parametrize(
    "seeds", [range(30), pytest.param(range(30, 1000), marks=pytest.mark.deep)], ids=["some", "more"]
)
def test_to_the_last_digit(seeds):
    compared = 0
    for seed in seeds:
        try:
            theirs = seen(THEIRS, seed, seed % EPOCHS)
        except (*MISTAKES, NotImplementedError, ZeroDivisionError):
            continue  # a chain that could not begin anew, or a phase of no steps
        assert seen(OURS, seed, seed % EPOCHS) == theirs, seed
        compared += 1
    assert compared > len(seeds) / 2


@pytest.mark.parametrize("seed", range(12))
def test_plateau(seed):
    def read(m):
        rng = np.random.default_rng(seed)
        o = optimizer(m, seed)
        schedule = m.optim.lr_scheduler.ReduceLROnPlateau(
            o, str(rng.choice(["min", "max"])), float(rng.uniform(0.1, 0.9)), int(rng.integers(4)),
            float(rng.uniform(0, 0.2)), str(rng.choice(["rel", "abs"])), int(rng.integers(4)),
            [0.01, 0.2] if rng.integers(2) else 0.05, 1e-3,
        )  # fmt: skip
        rates = []
        for metric in np.cumsum(rng.normal(size=60)):
            schedule.step(float(metric))
            rates += schedule.get_last_lr() + [schedule.best, schedule.num_bad_epochs, schedule.cooldown_counter]
        return rates

    assert read(OURS) == read(THEIRS)


@pytest.mark.parametrize("name, options", [
    ("StepLR", dict(step_size=3)), ("LinearLR", {}), ("CosineAnnealingLR", dict(T_max=5, eta_min=0.1)),
    ("OneCycleLR", dict(max_lr=0.3, total_steps=20, cycle_momentum=False)), ("PolynomialLR", dict(total_iters=9)),
    ("CyclicLR", dict(base_lr=0.1, max_lr=0.5, step_size_up=3, cycle_momentum=False)),
])  # fmt: skip
def test_a_rate_that_is_a_tensor(name, options):
    def read(m):
        o = optimizer(m, 1)
        rate = m.tensor(0.3)
        o.param_groups[0]["lr"] = rate
        schedule, read = getattr(m.optim.lr_scheduler, name)(o, **options), []
        for _ in range(15):
            read += [rate.item(), schedule.get_last_lr()[0].item()]
            o.step()
            schedule.step()
        assert o.param_groups[0]["lr"] is rate
        return read

    np.testing.assert_allclose(read(OURS), read(THEIRS), rtol=1e-6)


@pytest.mark.parametrize("name, options, epochs", [
    ("StepLR", dict(step_size=3), [5, 0, 9]), ("MultiStepLR", dict(milestones=[2, 4]), [3, 0, 4]),
    ("ConstantLR", {}, [3, 8]), ("LinearLR", {}, [3, 8]), ("ExponentialLR", dict(gamma=0.7), [3, 1]),
    ("PolynomialLR", {}, [3, 8]), ("CosineAnnealingLR", dict(T_max=5), [3, 8]),
    ("CosineAnnealingWarmRestarts", dict(T_0=2, T_mult=3), [0.5, 3.25, 8.5, 40]),
    ("CosineAnnealingWarmRestarts", dict(T_0=3), [0.5, 3.25, 8.5, 40]),
    ("LambdaLR", dict(lr_lambda=lambda t: 1 / (t + 1)), [3]),
])  # fmt: skip
def test_an_epoch_to_jump_to(name, options, epochs):
    def read(m):
        o = optimizer(m, 1)
        schedule, rates = getattr(m.optim.lr_scheduler, name)(o, **options), []
        for epoch in epochs:
            schedule.step(epoch)
            rates += schedule.get_last_lr()
            schedule.step()
            rates += [*schedule.get_last_lr(), schedule.last_epoch]
        return rates

    assert read(OURS) == read(THEIRS)


def test_states_are_of_the_same_parts():
    """So that a state of PyTorch's can be gone on from, its numbers put into a dict."""
    for name, options in {
        "StepLR": dict(step_size=3),
        "ReduceLROnPlateau": {},
        "OneCycleLR": dict(max_lr=1, total_steps=9),
    }.items():
        ours, theirs = (
            getattr(m.optim.lr_scheduler, name)(optimizer(m, 1), **options).state_dict() for m in (OURS, THEIRS)
        )
        assert ours.keys() == theirs.keys()


def test_both_warn():
    for m in (OURS, THEIRS):
        o = optimizer(m, 1)
        schedule = m.optim.lr_scheduler.StepLR(o, 2)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            schedule.step()
            schedule.step()
            schedule.get_lr()
        assert len(caught) == 2
