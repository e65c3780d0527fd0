"""Without mpiexec: the same script on one rank, shares of samples, and what is refused before any rank is asked."""

import os
import subprocess
import sys
from contextlib import nullcontext
from datetime import timedelta
from types import ModuleType, SimpleNamespace

import pytest

import minidl as md
from minidl import distributed as dist
from minidl import nn, optim
from minidl.data import DataLoader, TensorDataset, TransformedDataset
from minidl.distributed import group as groups
from minidl.distributed.buckets import Schedule, planned
from minidl.distributed.collectives import Work
from minidl.train import Trainer, callbacks


@pytest.mark.usefixtures("alone")
def test_one_rank():
    assert (dist.get_rank(), dist.get_world_size(), dist.get_node_local_rank()) == (0, 1, 0) and dist.is_initialized()
    x = md.tensor([1.0, 2.0])
    assert dist.all_reduce(x) is None and dist.broadcast(x) is None and dist.barrier() is None
    assert dist.all_reduce(x, async_op=True).wait() and x.tolist() == [1, 2]
    places = [md.zeros(2)]
    dist.all_gather(places, x)
    assert places[0].tolist() == [1, 2]
    dist.gather(x * 2, places)
    assert places[0].tolist() == [2, 4]
    found = [None]
    dist.all_gather_object(found, "own")
    dist.broadcast_object_list(found)
    assert found == ["own"]
    net = dist.DistributedDataParallel(nn.Linear(2, 1), find_unused_parameters=True, bucket_cap_mb=1)
    net(x).sum().backward()
    assert net.module.weight.grad.tolist() == [[1, 2]] and list(net.state_dict()) == ["module.weight", "module.bias"]
    norm, other = dist.SyncBatchNorm(2), nn.BatchNorm1d(2)
    assert norm(md.eye(2)).tolist() == other(md.eye(2)).tolist()


def test_without_a_group():
    for call in (dist.get_rank, dist.get_world_size, dist.barrier, dist.destroy_process_group):
        with pytest.raises(RuntimeError, match="there is no process group; call distributed.init_process_group"):
            call()
    with pytest.raises(RuntimeError, match="DistributedDataParallel: there is no process group"):
        dist.DistributedDataParallel(nn.Linear(2, 1))
    with pytest.raises(ValueError, match="backend must be 'mpi', got 'nccl'"):
        dist.init_process_group("nccl")
    with pytest.raises(TypeError, match="timeout must be a datetime.timedelta, got int"):
        dist.init_process_group(timeout=5)
    with pytest.raises(ValueError, match="timeout must be above 0, got 0:00:00"):
        dist.init_process_group(timeout=timedelta(0))
    assert not dist.is_initialized()


def test_how_long_a_rank_waits(monkeypatch):
    """As it is told, else as the environment says, else half an hour."""
    for asked, seconds in ("", 1800), ("7", 7), ("1.5", 1.5):
        monkeypatch.setenv("MINIDL_TIMEOUT", asked)
        assert groups.time_limit(None).total_seconds() == seconds
    assert groups.time_limit(timedelta(minutes=1)).total_seconds() == 60
    for asked in "soon", "0", "-1", "1e99", "nan":
        monkeypatch.setenv("MINIDL_TIMEOUT", asked)
        with pytest.raises(ValueError, match=f"MINIDL_TIMEOUT: expected a positive number of seconds, got '{asked}'"):
            dist.init_process_group()


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("make, error, said", [
    (lambda: dist.DistributedDataParallel("net"), TypeError, "expected a Module, got str"),
    (lambda: dist.DistributedDataParallel(nn.Tanh()), RuntimeError, "no parameter of the network requires a gradient"),
    (lambda: dist.DistributedDataParallel(nn.LazyLinear(2)), RuntimeError, "weight has no shape yet"),
    (lambda: dist.DistributedDataParallel(nn.Linear(1, 1), [0]), ValueError, "device_ids=.0., and the network is on"),
    (lambda: dist.DistributedDataParallel(nn.Linear(1, 1), bucket_cap_mb=0), ValueError, "must be positive, got 0"),
    (lambda: dist.DistributedDataParallel(nn.Linear(1, 1), broadcast_buffers=1), TypeError, "broadcast_buffers must"),
    (lambda: dist.DistributedSampler([1], 2, 2), ValueError, "rank must be below num_replicas=2, got 2"),
    (lambda: dist.DistributedSampler([1], 0), ValueError, "num_replicas must be an integer of 1 or more"),
    (lambda: dist.SyncBatchNorm(3)(md.ones(3)), ValueError, "expected an input .N, C, …., got 3"),
    (lambda: dist.broadcast(md.ones(1), 1), ValueError, "src must be a rank from 0 to 0, got 1"),
])  # fmt: skip
def test_refusals(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_names_that_are_not_here():
    with pytest.raises(AttributeError, match="minidl.distributed has no all_gather_objects; did you mean all_gather"):
        dist.all_gather_objects  # noqa: B018
    with pytest.raises(AttributeError, match="minidl.distributed has process groups"):
        nn.SyncBatchNorm  # noqa: B018


@pytest.mark.parametrize("count, ranks, drop_last", [(12, 4, False), (10, 4, False), (10, 4, True), (5, 8, False)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_shares(count, ranks, drop_last, shuffle):
    """All samples, or as many as divide; equal shares; together the order of one process."""
    samples = list(range(count))
    shares = [dist.DistributedSampler(samples, ranks, r, shuffle, 3, drop_last) for r in range(ranks)]
    (one,) = [dist.DistributedSampler(samples, 1, 0, shuffle, seed=3)]
    for epoch in (0, 1):
        for sampler in (*shares, one):
            sampler.set_epoch(epoch)
        order = list(one)
        together = [index for row in zip(*shares, strict=True) for index in row]
        total = count // ranks * ranks if drop_last else -(-count // ranks) * ranks
        assert together == (order * ranks)[:total] and len(shares[0]) == total // ranks == shares[0].num_samples
        assert sorted(order) == samples and (order == samples) != shuffle
        assert shares[0].total_size == total
    orders = [list(one)]
    one.set_epoch(2)
    assert (orders[0] != list(one)) == shuffle
    assert (list(dist.DistributedSampler(samples, 1, 0, shuffle, seed=4)) != list(one)) == shuffle


def test_what_is_random_in_batches_differs_between_ranks():
    data = TransformedDataset(TensorDataset(md.zeros(8, 1)), lambda rows: rows + md.rand(*rows.shape))
    found = []
    for rank in range(2):
        md.manual_seed(0)
        found += DataLoader(data, 4, sampler=dist.DistributedSampler(data, 2, rank))
    values = [batch[0].tolist() for batch in found]
    assert len({str(value) for value in values}) == 2


@pytest.mark.parametrize("name, value, fits", [
    ("OMPI_COMM_WORLD_SIZE", "4", False), ("PMI_SIZE", "2", False), ("PMIX_RANK", "1", False),
    ("PMI_SIZE", "1", True), ("PMIX_RANK", "0", True),
])  # fmt: skip
def test_another_mpiexec_than_that_of_mpi4py(name, value, fits, monkeypatch):
    """Each of its processes would be the only one for itself."""
    for other in groups.LAUNCHED:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "mpi4py", ModuleType("mpi4py"))
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", SimpleNamespace(COMM_WORLD=SimpleNamespace(size=1)))
    said = f"{name}={value}, and the size of mpi4py's MPI is 1: "
    with nullcontext() if fits else pytest.raises(RuntimeError, match=said):
        dist.init_process_group()
        dist.destroy_process_group()


def test_a_hook_that_fails_ends_the_job_all_the_same(monkeypatch):
    said = []
    monkeypatch.setattr(groups.Group, "abort", lambda self, text: said.append(text))
    monkeypatch.setattr(sys, "excepthook", lambda *error: sys.exit(3))
    with pytest.raises(SystemExit):
        groups.Group().end(ValueError, ValueError("x"), None)
    assert said == ["ValueError: x"]


def test_a_wait_that_came_to_nothing_is_no_end(monkeypatch):
    """After the time limit the operation still goes on, and one may wait again."""
    written, request = [], SimpleNamespace(done=False, Test=lambda: request.done)

    def wait(request, name):
        if not request.Test():
            raise RuntimeError(f"{name}: waited")

    monkeypatch.setattr(groups.world, "group", SimpleNamespace(wait=wait))
    work = Work("all_reduce", request, lambda: written.append("result"))
    for done in False, False, True:
        request.done = done
        assert work.is_completed() == done and not written
        with nullcontext() if done else pytest.raises(RuntimeError, match="all_reduce: waited"):
            work.wait()
    assert work.wait() and written == ["result"]


@pytest.mark.parametrize("sizes, kinds, buckets", [
    ([1, 1, 1, 1, 1, 1], "aaaaaa", [[5, 4], [3, 2, 1], [0]]),
    ([9, 1, 1, 9], "aaaa", [[3], [2, 1, 0]]),
    ([1, 1, 1, 1], "abab", [[3, 1], [2, 0]]),
    ([1], "a", [[0]]),
])  # fmt: skip
def test_buckets(sizes, kinds, buckets):
    assert planned(sizes, list(kinds), first=2, cap=3) == buckets


def test_a_schedule_keeps_to_its_order():
    """Whatever comes first, the first bucket goes first; so all ranks send the same."""
    schedule = Schedule([[3, 2], [1], [0]])
    assert [list(schedule.arrived(number)) for number in (0, 1, 3, 2)] == [[], [], [], [0, 1, 2]]
    assert schedule.missing() == []
    schedule.start()
    assert list(schedule.arrived(2)) == [] and schedule.missing() == [0, 1, 3]


def test_importing_needs_no_mpi():
    said = "import sys, minidl; minidl.distributed.init_process_group(); assert 'mpi4py' not in sys.modules"
    environment = {name: value for name, value in os.environ.items() if name not in groups.LAUNCHED}
    subprocess.run([sys.executable, "-c", said], check=True, env=environment)


def test_norms_are_converted():
    """Each is what it was: frozen, by all of its names, with the hooks that can be taken off; none without a shape."""
    converted = dist.SyncBatchNorm.convert_sync_batchnorm
    net = nn.freeze(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, affine=False)))
    net.append(net[1])
    state, called = net.state_dict(), []
    handle = net[1].register_forward_hook(lambda *_: called.append(1))
    assert converted(net) is net and net[1] is net[2] and isinstance(net[1], dist.SyncBatchNorm)
    assert list(net.state_dict()) == list(state) and not net.train()[1].training
    net(md.ones(3, 2))
    handle.remove()
    net(md.ones(3, 2))
    assert called == [1, 1]
    norm = nn.BatchNorm1d(2)
    assert isinstance(converted(norm), dist.SyncBatchNorm)
    with pytest.raises(RuntimeError, match="LazyBatchNorm1d.* has no shape yet; run the network once first"):
        converted(nn.Sequential(nn.LazyBatchNorm1d()))


@pytest.mark.usefixtures("alone")
def test_callbacks_know_layers_by_the_names_of_the_network_itself(tmp_path):
    net = dist.DistributedDataParallel(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)))
    trainer = Trainer(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.1))
    saved = callbacks.ModelCheckpoint(tmp_path / "w.safetensors", save_weights_only=True)
    trainer.fit(
        md.ones(4, 2), md.ones(4, 1), epochs=2, callbacks=[saved, callbacks.GradualUnfreezing(["0"])], verbose=0
    )
    net.module.load_state_dict(md.load(tmp_path / "w.safetensors"))
