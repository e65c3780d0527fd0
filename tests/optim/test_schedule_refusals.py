"""What schedules refuse: options out of range, other optimizers, and states that are not theirs."""

import math

import pytest

import minidl as md
from minidl import optim
from minidl.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from minidl.optim.swa_utils import SWALR


def optimizer(groups=1, kind=optim.SGD):
    return kind([{"params": [md.ones(1)]} for _ in range(groups)])


def two(o):
    return [StepLR(o, 1), ExponentialLR(o, 0.5)]


REFUSED = [
    (lambda o: StepLR(o, 0), ValueError, "StepLR: step_size must be more than 0, got 0"),
    (lambda o: StepLR(o, "1"), TypeError, "StepLR: step_size must be a number, got '1'"),
    (lambda o: StepLR(o, 1, None), TypeError, "StepLR: gamma must be a number, got None"),
    (lambda o: StepLR(o, 1, math.nan), ValueError, "StepLR: gamma must be .*, got nan"),
    (lambda o: StepLR(md.ones(1), 1), TypeError, "StepLR: expected an optimizer, got Tensor"),
    (lambda o: StepLR(o, 1, last_epoch=3), ValueError,
     "StepLR: group 0 has no 'initial_lr' to go on from at last_epoch=3"),
    (lambda o: MultiStepLR(o, 3), TypeError,
     "MultiStepLR: milestones must be several epochs, got 3; put one in a list"),
    (lambda o: MultiStepLR(o, ["3"]), TypeError, "MultiStepLR: milestones must be a number, got '3'"),
    (lambda o: MultiStepLR(o, [-1]), ValueError, "MultiStepLR: milestones must be at least 0, got -1"),
    (lambda o: MultiStepLR(o, [1], "a"), TypeError, "MultiStepLR: gamma must be a number"),
    (lambda o: ConstantLR(o, 0), ValueError, "ConstantLR: factor must be more than 0, at most 1, got 0"),
    (lambda o: ConstantLR(o, 1.1), ValueError, "ConstantLR: factor must be more than 0, at most 1, got 1.1"),
    (lambda o: ConstantLR(o, 0.5, 0), ValueError, "ConstantLR: total_iters must be more than 0, got 0"),
    (lambda o: LinearLR(o, 0), ValueError, "LinearLR: start_factor must be more than 0, at most 1, got 0"),
    (lambda o: LinearLR(o, 1.1), ValueError, "LinearLR: start_factor must be more than 0, at most 1, got 1.1"),
    (lambda o: LinearLR(o, 1, -0.1), ValueError, "LinearLR: end_factor must be at least 0, at most 1, got -0.1"),
    (lambda o: LinearLR(o, 1, 1.1), ValueError, "LinearLR: end_factor must be at least 0, at most 1, got 1.1"),
    (lambda o: LinearLR(o, total_iters=0), ValueError, "LinearLR: total_iters must be more than 0, got 0"),
    (lambda o: ExponentialLR(o, [0.1]), TypeError, r"ExponentialLR: gamma must be a number, got \[0.1\]"),
    (lambda o: PolynomialLR(o, 0), ValueError, "PolynomialLR: total_iters must be more than 0, got 0"),
    (lambda o: PolynomialLR(o, 3, -1), ValueError, "PolynomialLR: power must be at least 0, got -1"),
    (lambda o: CosineAnnealingLR(o, 0), ValueError, "CosineAnnealingLR: T_max must be more than 0, got 0"),
    (lambda o: CosineAnnealingLR(o, 3, "0"), TypeError, "CosineAnnealingLR: eta_min must be a number, got '0'"),
    (lambda o: CosineAnnealingWarmRestarts(o, 0), ValueError,
     "CosineAnnealingWarmRestarts: T_0 must be an int of at least"),
    (lambda o: CosineAnnealingWarmRestarts(o, 2.0), ValueError, "T_0 must be an int of at least 1, got 2.0"),
    (lambda o: CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "T_mult must be an int of at least 1, got 0"),
    (lambda o: CosineAnnealingWarmRestarts(o, 2, 1, None), TypeError, "eta_min must be a number, got None"),
    (lambda o: CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "expected an epoch of at least 0, got -1"),
    (lambda o: LambdaLR(o, [math.exp, math.exp]), ValueError,
     "LambdaLR: lr_lambda has 2 values, the optimizer 1 groups"),
    (lambda o: LambdaLR(o, 0.5), TypeError, "LambdaLR: lr_lambda must be a function, got 0.5"),
    (lambda o: LambdaLR(3, math.exp), TypeError, "LambdaLR: expected an optimizer, got int"),
    (lambda o: MultiplicativeLR(o, [0.5]), TypeError, "MultiplicativeLR: lr_lambda must be a function, got 0.5"),
    (lambda o: CyclicLR(o, 0.1, 1, 0), ValueError, "CyclicLR: step_size_up must be more than 0, got 0"),
    (lambda o: CyclicLR(o, 0.1, 1, 2, -1), ValueError, "CyclicLR: step_size_down must be at least 0, got -1"),
    (lambda o: CyclicLR(o, 0.1, 1, mode="square"), ValueError, "CyclicLR: mode must be 'triangular', .* got 'square'"),
    (lambda o: CyclicLR(o, 0.1, 1, scale_mode="a"), ValueError, "CyclicLR: scale_mode must be 'cycle' or 'iterations'"),
    (lambda o: CyclicLR(o, [0.1, 0.2], 1), ValueError, "CyclicLR: base_lr has 2 values, the optimizer 1 groups"),
    (lambda o: CyclicLR(o, 0.1, (1, 2)), ValueError, "CyclicLR: max_lr has 2 values, the optimizer 1 groups"),
    (lambda o: CyclicLR(o, 0.1, 1, base_momentum=[]), ValueError, "CyclicLR: base_momentum has 0 values"),
    (lambda o: CyclicLR(o, "a", 1), TypeError, "CyclicLR: base_lr must be a number, got 'a'"),
    (lambda o: CyclicLR(o, 0.1, -1), ValueError, "CyclicLR: max_lr must be at least 0, got -1"),
    (lambda o: CyclicLR(o, 0.1, 1, gamma="a"), TypeError, "CyclicLR: gamma must be a number, got 'a'"),
    (lambda o: CyclicLR(None, 0.1, 1), TypeError, "CyclicLR: expected an optimizer, got NoneType"),
    (lambda o: CyclicLR(optimizer(kind=optim.Adagrad), 0.1, 1), ValueError,
     "CyclicLR: Adagrad has no momentum; use cycle_momentum=False"),
    (lambda o: OneCycleLR(o, 1), ValueError, "OneCycleLR: give total_steps, or epochs and steps_per_epoch"),
    (lambda o: OneCycleLR(o, 1, epochs=3), ValueError, "OneCycleLR: give total_steps, or epochs and steps_per_epoch"),
    (lambda o: OneCycleLR(o, 1, 0), ValueError, "OneCycleLR: total_steps must be an int of at least 1, got 0"),
    (lambda o: OneCycleLR(o, 1, 2.0), ValueError, "OneCycleLR: total_steps must be an int of at least 1, got 2.0"),
    (lambda o: OneCycleLR(o, 1, None, 0, 3), ValueError, "OneCycleLR: epochs must be an int of at least 1, got 0"),
    (lambda o: OneCycleLR(o, 1, None, 3, 0), ValueError,
     "OneCycleLR: steps_per_epoch must be an int of at least 1, got 0"),
    (lambda o: OneCycleLR(o, 1, 9, pct_start=1.1), ValueError,
     "OneCycleLR: pct_start must be at least 0, at most 1, got"),
    (lambda o: OneCycleLR(o, 1, 9, div_factor=0), ValueError, "OneCycleLR: div_factor must be more than 0, got 0"),
    (lambda o: OneCycleLR(o, 1, 9, final_div_factor=0), ValueError, "OneCycleLR: final_div_factor must be more than 0"),
    (lambda o: OneCycleLR(o, 1, 9, anneal_strategy="a"), ValueError,
     "anneal_strategy must be 'cos' or 'linear', got 'a'"),
    (lambda o: OneCycleLR(o, [1, 2], 9), ValueError, "OneCycleLR: max_lr has 2 values, the optimizer 1 groups"),
    (lambda o: OneCycleLR(o, 1, 9, max_momentum=[1, 2]), ValueError, "OneCycleLR: max_momentum has 2 values"),
    (lambda o: OneCycleLR(o, "a", 9), TypeError, "OneCycleLR: max_lr must be a number, got 'a'"),
    (lambda o: OneCycleLR(o, [None], 9), TypeError, "OneCycleLR: max_lr must be a number, got None"),
    (lambda o: OneCycleLR(o, -0.1, 9), ValueError, "OneCycleLR: max_lr must be at least 0, got -0.1"),
    (lambda o: OneCycleLR(o, 1, 9, base_momentum="a"), TypeError,
     "OneCycleLR: base_momentum must be a number, got 'a'"),
    (lambda o: OneCycleLR("o", 1, 9), TypeError, "OneCycleLR: expected an optimizer, got str"),
    (lambda o: OneCycleLR(optimizer(kind=optim.Adadelta), 1, 9), ValueError, "OneCycleLR: Adadelta has no momentum"),
    (lambda o: ReduceLROnPlateau(o, "less"), ValueError, "ReduceLROnPlateau: mode must be 'min' or 'max', got 'less'"),
    (lambda o: ReduceLROnPlateau(o, factor=1), ValueError, "ReduceLROnPlateau: factor must be below 1, got 1"),
    (lambda o: ReduceLROnPlateau(o, factor=-1), ValueError, "ReduceLROnPlateau: factor must be at least 0, got -1"),
    (lambda o: ReduceLROnPlateau(o, patience=-1), ValueError, "ReduceLROnPlateau: patience must be at least 0, got -1"),
    (lambda o: ReduceLROnPlateau(o, cooldown=-1), ValueError, "ReduceLROnPlateau: cooldown must be at least 0, got -1"),
    (lambda o: ReduceLROnPlateau(o, eps=-1), ValueError, "ReduceLROnPlateau: eps must be at least 0, got -1"),
    (lambda o: ReduceLROnPlateau(o, threshold="a"), TypeError,
     "ReduceLROnPlateau: threshold must be a number, got 'a'"),
    (lambda o: ReduceLROnPlateau(o, threshold_mode="a"), ValueError, "threshold_mode must be 'rel' or 'abs', got 'a'"),
    (lambda o: ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError,
     "ReduceLROnPlateau: min_lr has 2 values, the optimizer 1"),
    (lambda o: ReduceLROnPlateau(o, min_lr="a"), TypeError, "ReduceLROnPlateau: min_lr must be a number, got 'a'"),
    (lambda o: ReduceLROnPlateau(1), TypeError, "ReduceLROnPlateau: expected an optimizer, got int"),
    (lambda o: SequentialLR(o, [], []), ValueError,
     r"SequentialLR: expected a list of at least one schedule, got \[\]"),
    (lambda o: SequentialLR(o, two(o), []), ValueError, "SequentialLR: 2 schedules need one milestone less, got 0"),
    (lambda o: SequentialLR(o, [*two(o), StepLR(o, 1)], [3, 2]), ValueError,
     "SequentialLR: milestones must be in order"),
    (lambda o: SequentialLR(o, two(o), 3), TypeError,
     "SequentialLR: milestones must be several epochs, got 3; put one in a list"),
    (lambda o: SequentialLR(o, two(o), ["3"]), TypeError, "SequentialLR: milestones must be a number, got '3'"),
    (lambda o: SequentialLR(o, [StepLR(o, 1), 3], [2]), TypeError,
     "SequentialLR: expected schedules, got int at index 1"),
    (lambda o: SequentialLR(o, [StepLR(o, 1), ReduceLROnPlateau(o)], [2]), ValueError,
     "SequentialLR: ReduceLROnPlateau at index 1 needs a metric to step; step it by itself"),
    (lambda o: SequentialLR(o, [StepLR(optimizer(), 1)], []), ValueError, "StepLR at index 0 is of another optimizer"),
    (lambda o: SequentialLR(o, [StepLR(o, 1), ChainedScheduler(two(o))], [2]), ValueError,
     "SequentialLR: ChainedScheduler can only come first; list what it consists of"),
    (lambda o: ChainedScheduler([]), ValueError,
     r"ChainedScheduler: expected a list of at least one schedule, got \[\]"),
    (lambda o: ChainedScheduler(StepLR(o, 1)), ValueError,
     "ChainedScheduler: expected a list of at least one schedule"),
    (lambda o: ChainedScheduler([3]), TypeError, "ChainedScheduler: expected schedules, got int at index 0"),
    (lambda o: ChainedScheduler([ReduceLROnPlateau(o)]), ValueError, "ChainedScheduler: ReduceLROnPlateau at index 0"),
    (lambda o: ChainedScheduler(two(o), optimizer()), ValueError, "ChainedScheduler: StepLR at index 0 is of another"),
    (lambda o: ChainedScheduler([StepLR(o, 1), StepLR(optimizer(), 1)]), ValueError, "StepLR at index 1 is of another"),
    (lambda o: SWALR(o, 0.1, anneal_epochs=-1), ValueError,
     "SWALR: anneal_epochs must be an int of at least 0, got -1"),
    (lambda o: SWALR(o, 0.1, anneal_epochs=1.5), ValueError,
     "SWALR: anneal_epochs must be an int of at least 0, got 1.5"),
    (lambda o: SWALR(o, "a"), TypeError, "SWALR: swa_lr must be a number, got 'a'"),
    (lambda o: SWALR(o, -0.1), ValueError, "SWALR: swa_lr must be at least 0, got -0.1"),
    (lambda o: SWALR(o, 0.1, anneal_strategy="a"), ValueError,
     "SWALR: anneal_strategy must be 'cos' or 'linear', got 'a'"),
    (lambda o: SWALR(o, [0.1, 0.2]), ValueError, "SWALR: swa_lr has 2 values, the optimizer 1 groups"),
    (lambda o: SWALR(None, 0.1), TypeError, "SWALR: expected an optimizer, got NoneType"),
]  # fmt: skip


@pytest.mark.parametrize("make, error, said", REFUSED)
def test_refuses(make, error, said):
    with pytest.raises(error, match=said):
        make(optimizer())


INSIDE = [  # the ends of what is allowed, which are, and the rates of three epochs there
    (lambda o: StepLR(o, 0.5, -1.0), [1, -1, 1]), (lambda o: MultiStepLR(o, [0, 1], 0.5), [0.5, 0.25, 0.25]),
    (lambda o: ConstantLR(o, 1, 1), [1, 1, 1]), (lambda o: ConstantLR(o, 0.5, 0.5), [0.5, 0.5, 0.5]),
    (lambda o: LinearLR(o, 1, 0, 1), [1, 0, 0]), (lambda o: LinearLR(o, 0.5, 1, 0.5), [0.5, 0.5, 0.5]),
    (lambda o: PolynomialLR(o, 1, 0.5), [1, 0, 0]), (lambda o: PolynomialLR(o, 4, 0), [1, 1, 1]),
    (lambda o: CosineAnnealingLR(o, 1, -1.0), [1, -1, 1]), (lambda o: CosineAnnealingLR(o, 0.5), [1, 1, 1]),
    (lambda o: CosineAnnealingWarmRestarts(o, 1, 1, -1.0), [1, 1, 1]),
    (lambda o: CyclicLR(o, 0, 1, 0.5, 1.5), [0, 2 / 3, 0]), (lambda o: CyclicLR(o, 0, 1, 2, 0), [0, 0.5, 0]),
    (lambda o: CyclicLR(o, 0, 1, 1, mode="exp_range", gamma=-1.0), [0, -1, 0]),
    (lambda o: OneCycleLR(o, 1, 5, pct_start=0.5, anneal_strategy="linear", div_factor=0.5, final_div_factor=0.25),
     [2, 4 / 3, 2.4]),
    (lambda o: OneCycleLR(o, 1, 3, pct_start=0.0, anneal_strategy="linear"),
     [2 / 3 + 4e-6 / 3, 1 / 3 + 8e-6 / 3, 4e-6]),
    (lambda o: OneCycleLR(o, 1, None, 1, 3, pct_start=1.0, anneal_strategy="linear"), [0.04, 0.52, 1]),
    (lambda o: SequentialLR(o, two(o), [0]), [1, 0.5, 0.25]), (lambda o: SWALR(o, 0, 1), [1, 0, 0]),
    (lambda o: SWALR(o, 0.5, 0), [0.5, 0.5, 0.5]),
]  # fmt: skip


@pytest.mark.parametrize("make, rates", INSIDE)
def test_takes_what_lies_just_inside(make, rates):
    opt = optim.SGD([md.ones(1)], 1.0, 0.9)
    schedule, seen = make(opt), []
    for _ in rates:
        seen.append(opt.param_groups[0]["lr"])
        opt.step(), schedule.step()
    assert seen == pytest.approx(rates, rel=1e-12)


def test_more_steps_than_a_cycle_has():
    schedule = OneCycleLR(opt := optimizer(), 1, 2)
    opt.step()
    schedule.step(), schedule.step()
    with pytest.raises(
        ValueError, match="OneCycleLR: step 3 of a schedule of 2; step once a batch, and give total_steps"
    ):
        schedule.step()


STATES = [
    (lambda o: StepLR(o, 1), lambda s: [], TypeError, "StepLR: load_state_dict: expected a dict, got list"),
    (lambda o: StepLR(o, 1), lambda s: {}, ValueError,
     "StepLR: load_state_dict: the state has no .*gamma.* another kind"),
    (lambda o: StepLR(o, 1), lambda s: s | {"T_max": 3}, ValueError,
     "StepLR: load_state_dict: the state has T_max; is it"),
    (lambda o: StepLR(o, 1), lambda s: StepLR(optimizer(2), 1).state_dict(), ValueError,
     "StepLR: load_state_dict: the state is of 2 groups, the optimizer has 1"),
    (lambda o: ReduceLROnPlateau(o), lambda s: {}, ValueError,
     "ReduceLROnPlateau: load_state_dict: the state has no _last_lr, best"),
    (lambda o: ChainedScheduler(two(o)), lambda s: s | {"_schedulers": []}, ValueError,
     "ChainedScheduler: load_state_dict: the state is of 0 schedules, here are 2"),
    (lambda o: SequentialLR(o, two(o), [2]), lambda s: s | {"_schedulers": s["_schedulers"][::-1]}, ValueError,
     "StepLR: load_state_dict: the state has no step_size"),
    (lambda o: ChainedScheduler(two(o)), lambda s: s | {"_schedulers": [s["_schedulers"][0], {}]}, ValueError,
     "ExponentialLR: load_state_dict: the state has no"),
    (lambda o: StepLR(o, 1), lambda s: s | {"gamma": "0.5"}, ValueError,
     "StepLR: load_state_dict: gamma is '0.5', expected a number"),
    (lambda o: StepLR(o, 1), lambda s: s | {"last_epoch": None}, ValueError, "last_epoch is None, expected a number"),
    (lambda o: StepLR(o, 1), lambda s: s | {"last_epoch": True}, ValueError, "last_epoch is True, expected a number"),
    (lambda o: StepLR(o, 1), lambda s: s | {"_last_lr": 0.1}, ValueError, "_last_lr is 0.1, expected a list"),
    (lambda o: StepLR(o, 1), lambda s: s | {"_last_lr": ["x"]}, ValueError,
     r"_last_lr is \['x'\], expected a number at index 0"),
    (lambda o: StepLR(o, 1), lambda s: s | {"base_lrs": [0.1, 0.1]}, ValueError,
     r"base_lrs is \[0.1, 0.1\], expected 1 numbers"),
    (lambda o: MultiStepLR(o, [2]), lambda s: s | {"milestones": [2]}, ValueError,
     r"milestones is \[2\], expected a dict"),
    (lambda o: CyclicLR(o, 0.1, 1), lambda s: s | {"cycle_momentum": 1}, ValueError,
     "cycle_momentum is 1, expected True or False"),
    (lambda o: CyclicLR(o, 0.1, 1), lambda s: s | {"mode": 2}, ValueError, "mode is 2, expected a text"),
    (lambda o: CyclicLR(o, 0.1, 1, scale_fn=abs), lambda s: s | {"_scale_fn_custom": {}}, ValueError,
     "_scale_fn_custom is {}, expected None"),
    (lambda o: LambdaLR(o, lambda e: 1.0), lambda s: s | {"lr_lambdas": [{"share": 1}]}, ValueError,
     r"lr_lambdas is \[{'share': 1}\], expected None at index 0"),
    (lambda o: OneCycleLR(o, 1, 9), lambda s: s | {"_schedule_phases": [1]}, ValueError,
     r"_schedule_phases is \[1\], expected a dict at index 0"),
    (lambda o: SequentialLR(o, two(o), [2]), lambda s: s | {"_milestones": [2, 3]}, ValueError,
     r"_milestones is \[2, 3\], expected 1 numbers"),
    (lambda o: ChainedScheduler(two(o)), lambda s: s | {"_schedulers": [3, 3]}, ValueError,
     r"_schedulers is \[3, 3\], expected a dict at index 0"),
    (lambda o: ReduceLROnPlateau(o), lambda s: s | {"best": "inf"}, ValueError, "best is 'inf', expected a number"),
]  # fmt: skip


@pytest.mark.parametrize("make, spoil, error, said", STATES)
def test_a_state_that_is_refused_is_not_loaded(make, spoil, error, said):
    schedule, other = make(optimizer()), make(opt := optimizer())
    opt.step()
    other.step(*[1] * isinstance(other, ReduceLROnPlateau))
    before = schedule.state_dict()
    with pytest.raises(error, match=said):
        schedule.load_state_dict(spoil(other.state_dict()))
    assert schedule.state_dict() == before


def test_other_options_are_loaded():
    """A state brings those that it was saved with, also as files give them."""
    for made, saved in [
        (StepLR(optimizer(), 1), StepLR(optimizer(), 3, 0.5)),
        (OneCycleLR(optimizer(), 1, 9), OneCycleLR(optimizer(), 2, 9, three_phase=True)),
        (ReduceLROnPlateau(optimizer()), ReduceLROnPlateau(optimizer(), min_lr=[0.1])),
        (MultiStepLR(optimizer(), [2]), MultiStepLR(optimizer(), [3, 4])),
    ]:
        made.load_state_dict(saved.state_dict())
        assert made.state_dict() == saved.state_dict()


@pytest.mark.parametrize("name", ["StepRL", "steplr"])
def test_a_slip_of_a_name(name):
    with pytest.raises(AttributeError, match=f"minidl.optim.lr_scheduler has no {name}; did you mean StepLR?"):
        getattr(optim.lr_scheduler, name)
