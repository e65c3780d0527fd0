"""What one of several ranks learns from, measures and prints; the ranks themselves are in ``tests/distributed/``."""

from types import SimpleNamespace

import pytest
from train.problem import Told, data, trainer

import minidl as md
from minidl.data import DataLoader, IterableDataset, Sampler, TensorDataset
from minidl.distributed import DistributedSampler
from minidl.distributed.group import world
from minidl.train import batches, logs
from minidl.train.callbacks.callback import Callbacks
from minidl.train.metrics import Accuracy

X, Y = data()


@pytest.fixture
def ranked(monkeypatch):
    """Let this process take itself for one of several ranks."""
    return lambda rank, size: monkeypatch.setattr(world, "group", SimpleNamespace(rank=rank, size=size, comm=None))


def loaded(count, shares, **options):
    loader = batches.loader_of("fit", md.arange(count), [md.arange(count)], 2, shares=shares, **options)
    return [x.tolist() for x, _ in loader], loader.sampler


@pytest.mark.parametrize("shares, rank, size, expected", [
    ("exact", 0, 2, [[0, 2], [4]]), ("exact", 1, 2, [[1, 3]]), ("exact", 2, 5, [[2]]), ("equal", 0, 2, [[0, 2], [4]]),
    ("equal", 1, 2, [[1, 3], [0]]), ("equal", 0, 1, [[0, 1], [2, 3], [4]]), (None, 1, 2, [[0, 1], [2, 3], [4]]),
])  # fmt: skip
def test_a_rank_has_its_share(ranked, shares, rank, size, expected):
    ranked(rank, size)
    found, sampler = loaded(5, shares)
    assert found == expected and isinstance(sampler, DistributedSampler) == (shares == "equal")
    dataset = batches.loader_of("fit", TensorDataset(md.arange(5)), (), 2, shares=shares)
    assert [x.tolist() for (x,) in dataset] == expected
    if isinstance(sampler, DistributedSampler):
        assert not sampler.shuffle and loaded(5, shares, shuffle=True)[1].shuffle


def test_what_cannot_be_shared(ranked):
    ranked(0, 2)
    assert loaded(2, "equal")[0] == loaded(2, "exact")[0] == [[0]]
    with pytest.raises(ValueError, match="fit: 1 samples can't be shared by 2 ranks; give each a DataLoader of its pa"):
        loaded(1, "equal")
    with pytest.raises(ValueError, match="fit: an IterableDataset can't be shared by 2 ranks"):
        batches.loader_of("fit", IterableDataset(), (), 2, shares="exact")
    with pytest.raises(ValueError, match="1 samples can't be shared by 2 ranks; start fewer, or give more"):
        batches.share([1])
    with pytest.raises(RuntimeError, match="fit: 2 ranks train together, and this is a Sequential of one; Trainer"):
        trainer().fit(X, Y)


def test_a_sampler_is_told_the_epoch():
    class Each(Sampler):
        epochs = []

        def __len__(self):
            return 40

        def __iter__(self):
            return iter(range(40))

        def set_epoch(self, epoch):
            self.epochs.append(epoch)

    trainer().fit(DataLoader(TensorDataset(X, Y), 20, sampler=Each()), initial_epoch=1, epochs=3, verbose=0)
    assert Each.epochs == [1, 2]


def test_what_all_ranks_have_measured(ranked, monkeypatch):
    """The means over the samples of all, as of one process."""
    parts = [logs.Measured({"accuracy": Accuracy()}) for _ in range(3)]
    for rows, loss, which in (slice(5), 2.0, (0, 2)), (slice(5, None), 0.5, (1, 2)):
        for i in which:
            parts[i].update(X[rows], Y[rows], md.tensor(loss), len(X[rows]))
    monkeypatch.setattr(logs, "objects", lambda group, state, name: [state, parts[1].state_dict()])
    assert parts[0].of_all_ranks() is parts[0]
    ranked(0, 2)
    alone, together = dict(parts[0]), dict(parts[0].of_all_ranks())
    assert together == pytest.approx(dict(parts[2])) and together != alone and dict(parts[0]) == alone


@pytest.mark.parametrize("rank", [0, 1])
def test_what_is_said_once_is_said_by_the_first(ranked, rank):
    """It is called there alone; states of all are kept everywhere, and it cleans up everywhere."""
    ranked(rank, 2)
    told, loud = Told(), type("Loud", (Told,), {"first_rank_only": True})()
    callbacks = Callbacks([told, loud], None)
    callbacks("on_epoch_begin", 3, {})
    with callbacks.cleaned():
        pass
    assert told.calls == [("epoch_begin", 3), "cleanup"]
    assert loud.calls == [("epoch_begin", 3)] * (rank == 0) + ["cleanup"]
    assert [state["name"] for state in callbacks.state_dict()] == ["Told", "Loud"]
