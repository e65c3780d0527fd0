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
def test_as_one_process_on_the_whole_batch(ranks, tmp_path, n, cap):
    """With SyncBatchNorm, over 100 steps; the ranks equal to the bit, running statistics, too, and in each run."""
    (tmp_path / "again").mkdir()
    for folder in tmp_path, tmp_path / "again":
        ranks(n, "programs.training", folder, 100, "norm", cap)
    first, *others = [*weights(tmp_path, n), *weights(tmp_path / "again", n)]
    net = programs.network(True)
    start = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    programs.learnt(net, 100)
    for name, tensor in net.state_dict().items():
        np.testing.assert_allclose(first[name].numpy(), tensor.numpy(), rtol=1e-10, atol=1e-10)
    assert all(same_bits(first, other) for other in others)
    assert abs(first["0.weight"] - start["0.weight"]).max() > 1e-3


def in_pairs(values):
    """The sum of the values of ranks, added in pairs, and these in pairs."""
    while len(values) > 1:
        values = [a + b for a, b in zip(values[::2], values[1::2], strict=True)]
    return values[0]


@pytest.mark.parametrize("n", [2, pytest.param(4, marks=pytest.mark.deep)])
def test_as_averaged_by_hand(ranks, tmp_path, n):
    """To the bit, over 100 steps: each part's gradient by itself, then their mean."""
    ranks(n, "programs.training", tmp_path, 100, "plain", 0.0001)
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
    assert all(same_bits(found, net.state_dict()) for found in weights(tmp_path, n))


def test_what_else_a_wrapped_network_does(ranks):
    ranks(2, "programs.features")


def test_what_is_frozen_unfrozen_or_let_go_afterwards(ranks):
    ranks(2, "programs.afterwards")


@pytest.mark.parametrize("name", ["forwards", "failing", "parts", "without_a_group", "leaving"])
def test_rounds_that_do_not_go_straight_through(ranks, name):
    ranks(2, f"rounds.{name}")


@pytest.mark.parametrize(
    "having",
    [
        "no NCCL",
        "NCCL",
        *(pytest.param(other, marks=pytest.mark.deep) for other in ("NCCL, and one GPU", "rank 1 alone has NCCL")),
    ],
)
def test_on_gpus(ranks, having):
    ranks(2, "rounds.on_gpus", having)


@pytest.mark.deep
def test_a_walk_that_fails_where_nccl_sums(ranks):
    ranks(2, "rounds.failing_on_gpus")


def test_buckets_are_on_their_way_while_backward_goes_on(ranks, tmp_path):
    ranks(2, "rounds.traced", tmp_path)


@pytest.mark.parametrize("n", [3, pytest.param(2, marks=pytest.mark.deep)])
def test_norms_over_all_ranks(ranks, n):
    ranks(n, "programs.norms")


@pytest.mark.parametrize("n", [2, pytest.param(4, marks=pytest.mark.deep)])
def test_a_trainer_on_ranks(ranks, tmp_path, n):
    """The numbers of one process: the mean over all samples, each once; files are written by one rank alone."""
    ranks(n, "trainings.training_of_a_trainer", tmp_path)
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
