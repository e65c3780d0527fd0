"""Averages of networks: values by hand, buffers, functions of one's own, statistics found anew, and refusals."""

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl import nn, optim
from minidl.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


def line(weight):
    """A network of one weight."""
    net = nn.Linear(1, 1, bias=False)
    put(net, weight)
    return net


def put(net, weight):
    net.weight.detach().fill_(weight)


def averages(weights, **options):
    """The average after each state of a network."""
    net = line(0.0)
    averaged, seen = AveragedModel(net, **options), []
    for weight in weights:
        put(net, weight)
        averaged.update_parameters(net)
        seen.append(averaged(md.ones(1, 1)).item())
    assert averaged.n_averaged.item() == len(weights) and net.weight.item() == weights[-1]
    return seen


EMA = [1, 2, 3, 4.5]  # by a decay of 1/2, of what follows
STATES = [1.0, 3.0, 4.0, 6.0]


@pytest.mark.parametrize("options, expected", [
    ({}, [1, 2, 8 / 3, 3.5]),
    (dict(avg_fn=get_swa_avg_fn()), [1, 2, 8 / 3, 3.5]),
    (dict(multi_avg_fn=get_swa_multi_avg_fn()), [1, 2, 8 / 3, 3.5]),
    (dict(avg_fn=get_ema_avg_fn(0.5)), EMA),
    (dict(multi_avg_fn=get_ema_multi_avg_fn(0.5)), EMA),
    (dict(avg_fn=lambda averaged, current, number: averaged * number), [1, 1, 2, 6]),
])  # fmt: skip
def test_values(options, expected):
    np.testing.assert_allclose(averages(STATES, **options), expected, rtol=1e-6)


@pytest.mark.parametrize("make", [get_ema_avg_fn, get_ema_multi_avg_fn])
def test_the_default_decay(make):
    assert averages([0.0, 1.0], **{"avg_fn" if make is get_ema_avg_fn else "multi_avg_fn": make()}) == pytest.approx(
        [0, 0.001]
    )
    for decay in (-0.1, 1.1, None):
        with pytest.raises(ValueError, match=rf"{make.__name__}: decay must be a number in \[0, 1\], got {decay}"):
            make(decay)


def test_lists_are_of_one_dtype():
    """And the network that is averaged has its own."""
    net, lists = nn.Sequential(nn.Linear(2, 1), nn.Linear(1, 1).to(md.float64)), []

    def keep(averaged, current, number):
        lists.append(([p.dtype for p in averaged], [p.dtype for p in current], number))

    averaged = AveragedModel(net, multi_avg_fn=keep)
    averaged.update_parameters(net)
    assert not lists  # the first is copied
    averaged.update_parameters(net.to(md.float32))
    assert lists == [([dtype] * 2, [dtype] * 2, 1) for dtype in (md.float32, md.float64)]


@pytest.mark.parametrize("use_buffers, mean, count", [(False, 3, 2), (True, 2, 1)])
def test_buffers_are_copied_or_averaged(use_buffers, mean, count):
    net = nn.BatchNorm1d(1, affine=False, momentum=1.0)
    averaged = AveragedModel(net, use_buffers=use_buffers)
    for value in (1.0, 3.0):
        net(md.full((2, 1), value))
        averaged.update_parameters(net)
    assert averaged.module.running_mean.tolist() == [mean]
    assert averaged.module.num_batches_tracked.item() == count
    assert averaged.n_averaged.item() == 2 and averaged.n_averaged.dtype == md.int64


def test_the_state_is_of_the_average():
    net = nn.Linear(2, 1)
    averaged = AveragedModel(net)
    for _ in range(2):
        averaged.update_parameters(net)
    again = AveragedModel(nn.Linear(2, 1))
    again.load_state_dict(averaged.state_dict())
    assert (
        list(averaged.state_dict()) == ["n_averaged", "module.weight", "module.bias"] and again.n_averaged.item() == 2
    )
    put(net, 4.0)
    averaged.update_parameters(net), again.update_parameters(net)
    assert again.module.weight.tolist() == averaged.module.weight.tolist()
    assert averaged(md.ones(1, 2)).requires_grad and not averaged.module.weight.grad


def test_on_another_device(standin):  # noqa: F811
    net = nn.BatchNorm1d(2, device="cpu")
    averaged = AveragedModel(net, "cuda")
    for _ in range(2):
        averaged.update_parameters(net)
    assert {value.device for value in averaged.state_dict().values()} == {"cuda:0"}
    assert {value.device for value in net.state_dict().values()} == {"cpu"}
    update_bn([np_batch(2)], averaged, device="cuda")
    np.testing.assert_allclose(averaged.module.running_mean.cpu().numpy(), np_batch(2).numpy().mean(0), rtol=1e-6)


def np_batch(width, seed=0):
    return md.tensor(np.random.default_rng(seed).normal(size=(5, width)).astype("f"), device="cpu")


def test_statistics_are_the_mean_over_batches():
    """Of these alone: what was seen before is forgotten."""
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), nn.BatchNorm1d(2, momentum=0.3))
    net(np_batch(2, 9) + 5)
    net.eval()
    batches = [np_batch(2, seed) for seed in range(3)]
    update_bn([(x, None) for x in batches], net)
    assert not net.training and [net[0].momentum, net[2].momentum] == [0.1, 0.3]
    np.testing.assert_allclose(net[0].running_mean.numpy(), np.mean([x.numpy().mean(0) for x in batches], 0), rtol=1e-5)
    variances = [x.numpy().var(0, ddof=1) for x in batches]
    np.testing.assert_allclose(net[0].running_var.numpy(), np.mean(variances, 0), rtol=1e-5)
    assert net[0].num_batches_tracked.item() == 3


def test_statistics_are_left_as_they_were_asked_for_where_a_batch_fails():
    net = nn.BatchNorm1d(2)
    with pytest.raises(ValueError):
        update_bn([md.ones(3, 5)], net)
    assert net.momentum == 0.1 and net.training
    plain = nn.Linear(2, 1)
    update_bn(iter(lambda: 1 / 0, None), plain)  # without statistics, no batch is asked for


@pytest.mark.parametrize("call, error, said", [
    (lambda net: AveragedModel(3), TypeError, "AveragedModel: expected a Module, got int"),
    (lambda net: AveragedModel(net, avg_fn=max, multi_avg_fn=max), ValueError,
     "avg_fn and multi_avg_fn exclude each other"),
    (lambda net: AveragedModel(net, use_buffers=1), TypeError,
     "AveragedModel: use_buffers must be True or False, got 1"),
    (lambda net: AveragedModel(net).update_parameters(net.weight), TypeError,
     "AveragedModel: expected a Module, got Par"),
    (lambda net: AveragedModel(net).update_parameters(nn.Linear(3, 1)), ValueError,
     "the network has not the shapes of"),
    (lambda net: AveragedModel(net).update_parameters(nn.Linear(1, 1)), ValueError,
     "the network has not the shapes of"),
    (lambda net: update_bn([], 3), TypeError, "update_bn: expected a Module, got int"),
])  # fmt: skip
def test_refuses(call, error, said):
    with pytest.raises(error, match=said):
        call(line(1.0))


def test_a_training_that_ends_in_an_average():
    """SGD around a minimum at 3, at a constant rate: the average comes closer than the last step."""
    net, noise = line(0.0), np.random.default_rng(0).normal(size=300)
    optimizer = optim.SGD(net.parameters(), lr=0.3)
    averaged, schedule = AveragedModel(net), SWALR(optimizer, 0.1, 5)
    for step, error in enumerate(noise):
        net.weight.grad = md.full((1, 1), net.weight.item() - 3 + error)
        optimizer.step()
        schedule.step()
        if step >= 100:
            averaged.update_parameters(net)
    assert schedule.get_last_lr() == [pytest.approx(0.1)]
    assert abs(averaged.module.weight.item() - 3) < 0.1
