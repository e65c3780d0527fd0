"""Schedules: their formulas, what they warn of and refuse, and states that they go on from."""

import io
import math
import warnings

import numpy as np
import pytest

import minidl as md
from minidl import optim
from minidl.optim import lr_scheduler
from minidl.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from minidl.optim.swa_utils import SWALR


def optimizer(*rates, kind=optim.SGD, **options):
    """An optimizer with a group for each rate."""
    groups = [{"params": [md.ones(1, requires_grad=True)], "lr": rate} for rate in rates or (1.0,)]
    return kind(groups, **options)


def rates(make, epochs=10, **options):
    """The rate of the first group in each epoch."""
    opt = optimizer(**options)
    schedule, seen = make(opt), []
    for _ in range(epochs):
        seen.append(opt.param_groups[0]["lr"])
        assert schedule.get_last_lr() == [seen[-1]]
        opt.step()
        schedule.step()
    return seen


FORMULAS = {  # of the epoch, by the words of their docstrings
    "StepLR": (lambda o: StepLR(o, 3, 0.5), lambda t: 0.5 ** (t // 3)),
    "MultiStepLR": (lambda o: MultiStepLR(o, [2, 5, 5], 0.5), lambda t: 0.5 ** ((t >= 2) + 2 * (t >= 5))),
    "ConstantLR": (lambda o: ConstantLR(o, 0.25, 4), lambda t: 0.25 if t < 4 else 1),
    "LinearLR": (lambda o: LinearLR(o, 0.2, 0.8, 6), lambda t: 0.2 + 0.6 * min(t, 6) / 6),
    "ExponentialLR": (lambda o: ExponentialLR(o, 0.7), lambda t: 0.7**t),
    "PolynomialLR": (lambda o: PolynomialLR(o, 6, 2), lambda t: (1 - min(t, 6) / 6) ** 2),
    "CosineAnnealingLR": (lambda o: CosineAnnealingLR(o, 4, 0.1), lambda t: 0.55 + 0.45 * math.cos(math.pi * t / 4)),
    "warm restarts": (
        lambda o: CosineAnnealingWarmRestarts(o, 2, 2, 0.1),
        lambda t: 0.55 + 0.45 * math.cos(math.pi * (t / 2 if t < 2 else (t - 2) / 4 if t < 6 else (t - 6) / 8)),
    ),
    "LambdaLR": (lambda o: LambdaLR(o, lambda t: 1 / (1 + t)), lambda t: 1 / (1 + t)),
    "MultiplicativeLR": (lambda o: MultiplicativeLR(o, lambda t: 1 / t), lambda t: 1 / math.factorial(t)),
    "CyclicLR": (
        lambda o: CyclicLR(o, 0.1, 0.9, 2, 4, cycle_momentum=False),
        lambda t: 0.1 + 0.8 * (t % 6 / 2 if t % 6 < 2 else (6 - t % 6) / 4),
    ),
    "triangular2": (
        lambda o: CyclicLR(o, 0.1, 0.9, 2, mode="triangular2", cycle_momentum=False),
        lambda t: 0.1 + 0.8 * min(t % 4, 4 - t % 4) / 2 / 2 ** (t // 4),
    ),
    "OneCycleLR": (
        lambda o: OneCycleLR(o, 1, 11, pct_start=5 / 11, anneal_strategy="linear", cycle_momentum=False, div_factor=10),
        lambda t: 0.1 + 0.9 * t / 4 if t <= 4 else 1 + (1e-5 - 1) * (t - 4) / 6,
    ),
    "warm-up": (
        lambda o: SequentialLR(o, [LinearLR(o, 0.25, total_iters=3), ExponentialLR(o, 0.5)], [4]),
        lambda t: 0.25 + 0.25 * min(t, 3) if t < 4 else 0.5 ** (t - 4),
    ),
    "all at once": (
        lambda o: ChainedScheduler([ConstantLR(o, 0.5, 4), ExponentialLR(o, 0.9)]),
        lambda t: (0.5 if t < 4 else 1) * 0.9**t,
    ),
    "SWALR": (lambda o: SWALR(o, 0.2, 4, "linear"), lambda t: 1 - 0.8 * min(t, 4) / 4),
    "SWALR by a cosine": (lambda o: SWALR(o, 0.2, 4), lambda t: 0.6 + 0.4 * math.cos(math.pi * min(t, 4) / 4)),
}


@pytest.mark.parametrize("make, formula", FORMULAS.values(), ids=FORMULAS)
def test_formula(make, formula):
    np.testing.assert_allclose(rates(make), [formula(t) for t in range(10)], rtol=1e-12, atol=1e-15)


def test_every_schedule_has_a_formula():
    tried = {kind for make, _ in FORMULAS.values() for kind in kinds(make(optimizer()))}
    every = {kind for kind in vars(lr_scheduler).values() if isinstance(kind, type)}
    assert every - tried == {LRScheduler, ReduceLROnPlateau}


def kinds(schedule):
    return [type(schedule), *[type(part) for part in getattr(schedule, "_schedulers", ())]]


@pytest.mark.parametrize("make, formula", FORMULAS.values(), ids=FORMULAS)
def test_every_group_by_its_own_rate(make, formula):
    opt = optimizer(1.0, 0.5)
    schedule = make(opt)
    for _ in range(3):
        opt.step()
        schedule.step()
    one, other = schedule.get_last_lr()
    assert [one, other] == [group["lr"] for group in opt.param_groups]
    relative = not isinstance(schedule, (CosineAnnealingLR, CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR, SWALR))
    assert other == one / 2 if relative else other <= one


@pytest.mark.parametrize("make", [make for make, _ in FORMULAS.values()], ids=FORMULAS)
def test_a_rate_that_is_a_tensor_is_written(make):
    rate = md.tensor(1.0)
    opt = optimizer()
    opt.param_groups[0]["lr"] = rate
    schedule = make(opt)
    seen = []
    for _ in range(5):
        seen += [rate.item()]
        assert isinstance(schedule.get_last_lr()[0], md.Tensor) and schedule.get_last_lr()[0] is not rate
        opt.step()
        schedule.step()
    assert opt.param_groups[0]["lr"] is rate
    np.testing.assert_allclose(seen, rates(make, 5), rtol=1e-6)


@pytest.mark.parametrize("make", [make for make, _ in FORMULAS.values()], ids=FORMULAS)
def test_a_saved_state_goes_on_as_if_nothing_had_been(make):
    """Optimizer and schedule, through a file."""
    opt = optimizer()
    schedule = make(opt)
    for _ in range(5):
        opt.step()
        schedule.step()
    file = io.BytesIO()
    md.save({"optimizer": opt.state_dict(), "schedule": schedule.state_dict()}, file)
    file.seek(0)
    saved, again = md.load(file), optimizer()
    resumed = make(again)
    again.load_state_dict(saved["optimizer"])
    resumed.load_state_dict(saved["schedule"])
    assert resumed.get_last_lr() == schedule.get_last_lr()
    for _ in range(4):
        opt.step(), schedule.step(), again.step(), resumed.step()
        assert again.param_groups[0]["lr"] == opt.param_groups[0]["lr"]
        assert again.param_groups[0]["momentum"] == opt.param_groups[0]["momentum"]


class Halving:
    """A function of the epoch that has a state."""

    def __init__(self, share=0.5):
        self.share = share

    def __call__(self, epoch):
        return self.share


@pytest.mark.parametrize("make, name", [
    (lambda o, f: LambdaLR(o, [f, lambda t: 1]), "lr_lambdas"), (lambda o, f: MultiplicativeLR(o, (f, max)),
     "lr_lambdas"),
    (lambda o, f: CyclicLR(o, 0.1, 1, 2, scale_fn=f), "_scale_fn_custom"),
])  # fmt: skip
def test_of_functions_objects_alone_are_saved(make, name):
    saved = make(optimizer(1.0, 1.0), Halving(0.25)).state_dict()
    assert saved[name] in ([{"share": 0.25}, None], {"share": 0.25})
    function = Halving()
    schedule = make(optimizer(1.0, 1.0), function)
    schedule.load_state_dict(saved)
    assert function.share == 0.25
    assert function is (schedule.lr_lambdas[0] if "lambda" in name else schedule._scale_fn_custom)
    assert make(optimizer(1.0, 1.0), lambda t: 1).state_dict()[name] in ([None, None], None)


def test_milestones_may_have_become_texts():
    schedule = MultiStepLR(optimizer(), [2, 2, 3], 0.5)
    schedule.load_state_dict(schedule.state_dict() | {"milestones": {"2": 2, "3": 1}})
    assert schedule.milestones == {2: 2, 3: 1}


# --- momentum ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, read", [
    (optim.SGD, lambda group: group["momentum"]), (optim.RMSprop, lambda group: group["momentum"]),
    (optim.Adam, lambda group: group["betas"][0]), (optim.NAdam, lambda group: group["betas"][0]),
])  # fmt: skip
@pytest.mark.parametrize("make", [
    lambda o: CyclicLR(o, 0.1, 1, 2, base_momentum=0.5, max_momentum=0.9),
    lambda o: OneCycleLR(o, 1, 6, pct_start=0.5, anneal_strategy="linear", base_momentum=0.5, max_momentum=0.9),
])  # fmt: skip
def test_momentum_goes_the_other_way(kind, read, make):
    opt = optimizer(kind=kind)
    schedule, seen = make(opt), []
    for _ in range(5):
        seen.append(read(opt.param_groups[0]))
        opt.step()
        schedule.step()
    expected = (
        [0.9, 0.7, 0.5, 0.7, 0.9] if isinstance(schedule, CyclicLR) else [0.9, 0.7, 0.5, 0.5 + 0.4 / 3, 0.9 - 0.4 / 3]
    )
    np.testing.assert_allclose(seen, expected)
    assert opt.param_groups[0].get("betas", (0, 0.999))[1] == 0.999


def test_a_phase_of_no_steps_is_at_its_end():
    assert rates(lambda o: OneCycleLR(o, 1, 10, pct_start=0.1, cycle_momentum=False), 2)[0] == 1
    assert len(rates(lambda o: OneCycleLR(o, 1, 1, cycle_momentum=False), 1)) == 1


# --- the plateau ------------------------------------------------------------------------------------------------------


def on_metrics(metrics, rate=1.0, **options):
    """The rate after each metric."""
    opt = optimizer(rate)
    schedule, seen = ReduceLROnPlateau(opt, **{"factor": 0.5, "patience": 1} | options), []
    for metric in metrics:
        schedule.step(metric)
        seen.append(opt.param_groups[0]["lr"])
        assert schedule.get_last_lr() == [seen[-1]]
    return seen


PLATEAUS = {
    "it waits": ([3, 3, 3, 3, 3], {}, [1, 1, 0.5, 0.5, 0.25]),
    "what is better counts anew": ([3, 3, 2, 2, 2], {}, [1, 1, 1, 1, 0.5]),
    "more is better": ([3, 4, 4, 4], dict(mode="max"), [1, 1, 1, 0.5]),
    "a cooldown": ([3, 3, 3, 3, 3, 3, 3], dict(cooldown=2), [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]),
    "a share of the best": ([10, 9.5, 9.5], dict(threshold=0.1), [1, 1, 0.5]),
    "less than a share": ([10, 8.5, 9.5], dict(threshold=0.1), [1, 1, 1]),
    "just as good is not better": ([8, 4, 4], dict(threshold=0.5), [1, 1, 0.5]),
    "by that much": ([10, 9.5, 9.5], dict(threshold=0.1, threshold_mode="abs"), [1, 1, 1]),
    "by that much more": ([1, 1.5, 1.5], dict(threshold=0.5, threshold_mode="abs", mode="max"), [1, 1, 0.5]),
    "a least rate": ([3] * 7, dict(min_lr=0.3), [1, 1, 0.5, 0.5, 0.3, 0.3, 0.3]),
    "steps that are too small": ([3] * 5, dict(eps=0.3), [1, 1, 0.5, 0.5, 0.5]),
    "NaN is not better": ([3, math.nan, math.nan], {}, [1, 1, 0.5]),
    "anything is better than nothing": ([math.nan, 3, 4, 2], {}, [1, 1, 1, 1]),
    "tensors": ([md.tensor(3.0), md.tensor([3.0]), np.float32(3)], {}, [1, 1, 0.5]),
}


@pytest.mark.parametrize("metrics, options, expected", PLATEAUS.values(), ids=PLATEAUS)
def test_plateau(metrics, options, expected):
    assert on_metrics(metrics, **options) == expected


def test_a_plateau_is_saved():
    opt = optimizer()
    schedule = ReduceLROnPlateau(opt, patience=1)
    schedule.step(3.0), schedule.step(3.0)
    again = optimizer()
    resumed = ReduceLROnPlateau(again, patience=7)
    resumed.load_state_dict(schedule.state_dict())
    resumed.step(3.0)
    assert again.param_groups[0]["lr"] == 0.1 and resumed.patience == 1 and resumed.last_epoch == 3


def test_an_epoch_of_a_plateau_is_deprecated():
    schedule = ReduceLROnPlateau(optimizer())
    with pytest.warns(UserWarning, match=r"ReduceLROnPlateau: step\(epoch\) is deprecated"):
        schedule.step(3.0, 5)
    assert schedule.last_epoch == 5


def test_groups_that_come_later():
    opt = optimizer()
    schedule, listed = ReduceLROnPlateau(opt, patience=0, min_lr=0.3), ReduceLROnPlateau(opt, patience=0, min_lr=[0.3])
    steps = StepLR(opt, 1)
    opt.step()
    opt.add_param_group({"params": md.ones(1), "lr": 0.5})
    schedule.step(1), schedule.step(1)
    assert [group["lr"] for group in opt.param_groups] == [0.3, 0.3]
    listed.step(1)
    with pytest.raises(ValueError, match="ReduceLROnPlateau: min_lr has 1 values, the optimizer 2 groups by now"):
        listed.step(1)
    with pytest.raises(
        ValueError,
        match=r"CosineAnnealingWarmRestarts: 1 rates for 2 groups; make the schedule after the last add_param",
    ):
        late = CosineAnnealingWarmRestarts(opt2 := optimizer(), 3)
        opt2.add_param_group({"params": md.ones(1)})
        opt2.step(), late.step()
    steps.step()  # what multiplies, multiplies all there are
    assert opt.param_groups[1]["lr"] == pytest.approx(0.03)


# --- what is warned of ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [
    lambda o: StepLR(o, 1), lambda o: ChainedScheduler([StepLR(o, 1)]), lambda o: SequentialLR(o, [StepLR(o, 1)], []),
])  # fmt: skip
def test_a_step_before_the_first_of_the_optimizer(make):
    opt = optimizer()
    schedule = make(opt)
    with pytest.warns(UserWarning, match=r"StepLR: step\(\) comes before the first optimizer.step\(\); call optimizer"):
        schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()  # once is enough
        other = make(opt := optimizer())
        opt.step(), other.step()


def test_an_optimizer_that_steps_by_itself_is_not_suspected():
    class Own(optim.SGD):
        def step(self, closure=None):
            return None

    schedule = StepLR(Own([md.ones(1)]), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()


def test_the_next_rates_are_for_step_alone():
    schedule = ExponentialLR(optimizer(), 0.5)
    with pytest.warns(UserWarning, match=r"ExponentialLR: get_lr\(\) makes the next rates.*get_last_lr\(\) has those"):
        assert schedule.get_lr() == [0.5]
    assert schedule.get_last_lr() == [1]


@pytest.mark.parametrize("name", ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
                                  "CosineAnnealingLR", "LambdaLR", "CyclicLR", "OneCycleLR"])  # fmt: skip
def test_an_epoch_to_jump_to_is_deprecated(name):
    make, formula = FORMULAS[name]
    schedule = make(opt := optimizer())
    opt.step()
    with pytest.warns(UserWarning, match=rf"{name}: step\(epoch\) is deprecated"):
        schedule.step(7)
    np.testing.assert_allclose(schedule.get_last_lr(), [formula(7)], rtol=1e-12)
    assert schedule.last_epoch == 7


def test_restarts_go_by_fractions_of_epochs():
    schedule = CosineAnnealingWarmRestarts(optimizer(), 2, 2)
    for epoch in (0.5, 2.5, 7.25, 1.75, 0):
        schedule.step(epoch)
        t = epoch / 2 if epoch < 2 else (epoch - 2) / 4 if epoch < 6 else (epoch - 6) / 8
        np.testing.assert_allclose(schedule.get_last_lr(), [(1 + math.cos(math.pi * t)) / 2])
        assert schedule.last_epoch == math.floor(epoch)
    plain = CosineAnnealingWarmRestarts(optimizer(), 2)
    plain.step(4.5)
    np.testing.assert_allclose(plain.get_last_lr(), [(1 + math.cos(math.pi / 4)) / 2])


def test_a_schedule_of_ones_own():
    class Warmup(LRScheduler):
        def get_lr(self):
            assert self._get_lr_called_within_step
            return [base * min(1, (self.last_epoch + 1) / 4) for base in self.base_lrs]

    assert rates(Warmup, 5) == [0.25, 0.5, 0.75, 1, 1]
    with pytest.raises(NotImplementedError, match=r"LRScheduler must define get_lr\(\)"):
        LRScheduler(optimizer())
