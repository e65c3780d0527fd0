"""Schedules of rates, to the last digit, and averages of networks."""

import inspect

from arguments.table import Part, each, given, of, put, row, wave

# --- schedules --------------------------------------------------------------------------------------------------------

OPTIMIZER = Part("an optimizer of two groups")
METRICS = [10.0, 9.0, 8.9995, 9.5, 8.0, 20.0, 20.0, 5.0]


def of_schedule(m, row, found, args, options):
    """Rates and momenta of two groups over eight epochs."""
    p, q = (m.tensor([1.0], requires_grad=True) for _ in range(2))
    known = dict(initial_lr=0.2, max_lr=0.9, min_lr=0.01, base_momentum=0.6, max_momentum=0.8)
    goes_on = inspect.signature(found).bind(*args, **options).arguments.get("last_epoch", -1) != -1
    known = known if goes_on else {}
    optimizer = m.optim.SGD([{"params": [p], **known}, {"params": [q], "lr": 0.5, **known}], lr=0.1, momentum=0.9)
    schedules = m.optim.lr_scheduler
    if any(value == Part("two schedules") for value in [*args, *options.values()]):
        two = [schedules.LinearLR(optimizer, 0.5, total_iters=3), schedules.ExponentialLR(optimizer, 0.7)]
    else:
        two = []
    args, options = put({OPTIMIZER.name: optimizer, "two schedules": two}, args, options)
    schedule = found(*args, **options)
    seen = []
    for metric in METRICS:
        seen += [group[name] for name in ("lr", "momentum") for group in optimizer.param_groups]
        seen += schedule.get_last_lr()
        optimizer.step()
        schedule.step(*[metric] * (row.name.endswith("Plateau")))
    return [*seen, getattr(schedule, "last_epoch", None)]


def schedule(name, /, **base):
    """A row of a schedule of the optimizer."""
    return row(f"optim.lr_scheduler.{name}", of_schedule, optimizer=OPTIMIZER, **base)


FALLING, HALVING = of(lambda m: lambda epoch: 1 / (1 + epoch)), of(lambda m: lambda epoch: 0.5)
schedule("StepLR", step_size=3)(gamma=0.3, last_epoch=1)
schedule("StepLR", step_size=2)()
schedule("MultiStepLR", milestones=[2, 5, 5])(gamma=0.3, last_epoch=3)
schedule("ConstantLR")(factor=0.7, total_iters=3, last_epoch=2)
schedule("LinearLR")(start_factor=0.1, end_factor=0.7, total_iters=3, last_epoch=2)
schedule("ExponentialLR", gamma=0.7)(last_epoch=2)
schedule("PolynomialLR")(total_iters=7, power=2.5, last_epoch=1)
schedule("CosineAnnealingLR", T_max=3)(eta_min=0.03, last_epoch=1)
schedule("CosineAnnealingLR", T_max=7)()
schedule("CosineAnnealingWarmRestarts", T_0=3)(T_mult=2, eta_min=0.03, last_epoch=1)
schedule("LambdaLR", lr_lambda=FALLING)(lr_lambda=[HALVING, FALLING], last_epoch=2)
schedule("MultiplicativeLR", lr_lambda=FALLING)(lr_lambda=[HALVING, FALLING], last_epoch=2)
schedule("CyclicLR", base_lr=0.01, max_lr=0.3, step_size_up=2)(
    base_lr=[0.02, 0.2],
    max_lr=[0.3, 0.7],
    step_size_up=3,
    step_size_down=3,
    mode=each("triangular2", given("exp_range", gamma=0.9)),
    gamma=given(0.8, mode="exp_range"),
    scale_fn=FALLING,
    scale_mode=given("iterations", scale_fn=FALLING),
    cycle_momentum=False,
    base_momentum=0.5,
    max_momentum=0.95,
    last_epoch=1,
)
schedule("OneCycleLR", max_lr=0.3, total_steps=9)(
    max_lr=[0.3, 0.7],
    total_steps=8,
    epochs=given(3, total_steps=None, steps_per_epoch=4),
    steps_per_epoch=given(5, total_steps=None, epochs=2),
    pct_start=0.6,
    anneal_strategy="linear",
    cycle_momentum=False,
    base_momentum=0.5,
    max_momentum=[0.9, 0.7],
    div_factor=10.0,
    final_div_factor=50.0,
    three_phase=True,
    last_epoch=0,
)
schedule("ReduceLROnPlateau", patience=0)(
    mode="max",
    factor=0.5,
    patience=1,
    threshold=0.2,
    threshold_mode=given("abs", threshold=0.15),
    cooldown=2,
    min_lr=each(0.01, [0.02, 0.1]),
    eps=0.05,
)
schedule("SequentialLR", schedulers=Part("two schedules"), milestones=[3])(milestones=[5], last_epoch=1)
row("optim.lr_scheduler.ChainedScheduler", of_schedule, schedulers=Part("two schedules"))()
row("optim.swa_utils.SWALR", of_schedule, optimizer=OPTIMIZER, swa_lr=0.05)(
    swa_lr=[0.05, 0.02], anneal_epochs=3, anneal_strategy="linear", last_epoch=1
)

# --- averages ---------------------------------------------------------------------------------------------------------


def network(m):
    """A network with statistics, in float64."""
    net = m.nn.Sequential(m.nn.Linear(3, 2), m.nn.BatchNorm1d(2)).to(m.float64)
    changed(m, net, 0)
    return net


def changed(m, net, phase):
    """Give a network other parameters, and other statistics."""
    for i, p in enumerate(net.parameters()):
        p.detach().copy_(m.tensor(wave(*p.shape, phase=i + phase)))
    net(m.tensor(wave(4, 3, phase=phase)))


def of_average(m, row, found, args, options):
    """The state of an average after each of four states of a network."""
    net = network(m)
    args, options = put({"network": net}, args, options)
    averaged, seen = found(*args, **options), []
    for phase in range(4):
        changed(m, net, phase)
        averaged.update_parameters(net)
        seen += [value * 1 for value in averaged.state_dict().values()]
    return seen


def weighted(averaged, current, number):
    return 0.25 * averaged + 0.75 * current / (number + 1)


def last(averaged, current, number):
    for one, other in zip(averaged, current, strict=True):
        one.copy_(other)


row("optim.swa_utils.AveragedModel", of_average, model=Part("network"))(
    avg_fn=of(lambda m: weighted), multi_avg_fn=of(lambda m: last), use_buffers=True
)


def of_statistics(m, row, found, args, options):
    """The state of a network whose statistics are found anew, and its momentum and mode."""
    net = network(m)
    args, options = put({"network": net}, args, options)
    found(*args, **options)
    return [net.state_dict(), net[1].momentum, net.training]


BATCHES = [of(lambda m: m.tensor(wave(4, 3))), of(lambda m: m.tensor(wave(4, 3, phase=2.0)))]
PAIRS = [[batch, of(lambda m: m.tensor([1]))] for batch in BATCHES]
row("optim.swa_utils.update_bn", of_statistics, loader=BATCHES, model=Part("network"))(loader=[PAIRS[0]])


def of_pair(m, row, found, args, options):
    """What a function makes of two tensors."""
    return found(*args, **options)(m.tensor(wave(3)), m.tensor(wave(3, phase=1.0)), 2)


def of_lists(m, row, found, args, options):
    """What a function makes of lists of tensors."""
    averaged = [m.tensor(wave(3)), m.tensor(wave(2))]
    found(*args, **options)(averaged, [m.tensor(wave(3, phase=1.0)), m.tensor(wave(2, phase=1.0))], 2)
    return averaged


row("optim.swa_utils.get_swa_avg_fn", of_pair)()
row("optim.swa_utils.get_ema_avg_fn", of_pair)(decay=0.3)
row("optim.swa_utils.get_swa_multi_avg_fn", of_lists)()
row("optim.swa_utils.get_ema_multi_avg_fn", of_lists)(decay=0.3)
