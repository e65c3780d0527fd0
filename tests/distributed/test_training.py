"""Many ranks learn what one learns from the whole batch."""

import numpy as np
import pytest
from distributed import programs, trainings

import minidl as md
from minidl import functional as F
from minidl import optim


def weights(folder, n):
    return [md.load(folder / f"{rank}.safetensors") for rank in range(n)]


def same_bits(a, b):
    return all(a[name].numpy().tobytes() == b[name].numpy().tobytes() for name in a)


DEEP = [pytest.param(4, 0.0001, marks=pytest.mark.deep), pytest.param(2, 25, marks=pytest.mark.deep)]


@pytest.mark.parametrize("n, cap", [(2, 0.0001), *DEEP])
def test_100_steps(ranks, tmp_path, n, cap):
    """The ranks equal to the bit, running statistics, too, and in each run; as one process, and as by hand."""
    for run in "first", "again":
        for kind in "norm", "plain":
            (tmp_path / run / kind).mkdir(parents=True)
        ranks(n, *(["programs.training", tmp_path / run / kind, 100, kind, cap] for kind in ("norm", "plain")))
    for kind, expected in ("norm", on_the_whole_batch()), ("plain", averaged_by_hand(n)):
        first, *others = [*weights(tmp_path / "first" / kind, n), *weights(tmp_path / "again" / kind, n)]
        assert all(same_bits(first, other) for other in others)
        for name, tensor in expected.items():
            np.testing.assert_allclose(first[name].numpy(), tensor.numpy(), rtol=1e-10, atol=1e-10)
        start = programs.network(kind == "norm")[0].weight
        assert abs(first["0.weight"] - start).max() > 1e-3
        assert kind == "norm" or same_bits(first, expected)


def on_the_whole_batch():
    """What one process learns from all samples of each batch."""
    net = programs.network(True)
    programs.learnt(net, 100)
    return net.state_dict()


def averaged_by_hand(n):
    """Each part's gradient by itself, then their mean."""
    net = programs.network(False)
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for images, labels in programs.batches(100):
        parts = []
        for rank in range(n):
            net.zero_grad()
            F.cross_entropy(net(images[rank::n]), labels[rank::n]).backward()
            parts.append([p.grad for p in net.parameters()])
        for p, *gradients in zip(net.parameters(), *parts, strict=True):
            p.grad = in_pairs(gradients) / n
        optimizer.step()
    return net.state_dict()


def in_pairs(values):
    """The sum of the values of ranks, added in pairs, and these in pairs."""
    while len(values) > 1:
        values = [a + b for a, b in zip(values[::2], values[1::2], strict=True)]
    return values[0]


def test_what_wrapped_networks_do(ranks, tmp_path):
    """Beside plain training; when a round does not go straight through; and what a trace shows of it."""
    rounds = ["forwards", "failing", "parts", "without_a_group"]
    whole = ["programs.features", "programs.afterwards", *(f"rounds.{name}" for name in rounds)]
    ranks(2, *whole, ["rounds.traced", tmp_path], "rounds.leaving")


GPUS = [["rounds.on_gpus", having] for having in ("no NCCL", "NCCL", "NCCL, and one GPU", "rank 1 alone has NCCL")]


@pytest.mark.deep
def test_on_gpus(ranks):
    ranks(2, *GPUS, ["rounds.failing_on_gpus"])


@pytest.mark.parametrize("n", [2, pytest.param(4, marks=pytest.mark.deep)])
def test_a_trainer_on_ranks(ranks, tmp_path, n):
    """The numbers of one process: the mean over all samples, each once; files are written by one rank alone."""
    ranks(n, ["trainings.training_of_a_trainer", tmp_path])
    one = tmp_path / "one"
    one.mkdir()
    history, trainer = trainings.fitted(one)
    found = md.load(tmp_path / "history.safetensors")
    evaluated = trainer.evaluate(*trainings.samples())
    rows = zip([*history.rows, evaluated], [*found["rows"], found["evaluated"]], strict=True)
    for ours, theirs in rows:
        assert list(ours) == list(theirs)
        for name, value in ours.items():
            np.testing.assert_allclose(theirs[name], value, rtol=1e-9)
    assert len(history.rows) == 4
    lines = [(folder / "log.csv").read_text().splitlines() for folder in (tmp_path, one)]
    assert len(lines[0]) == len(lines[1]) == 5
    ours, theirs = (md.load(folder / "4.safetensors") for folder in (one, tmp_path))
    assert list(ours["model"]) == list(theirs["model"]) and ours["loader"].keys() == theirs["loader"].keys()
