"""Rounds of gradients that do not go straight through: functions for ``on_ranks.py``, on 2 ranks."""

import json
import sys
import time
from contextlib import nullcontext
from itertools import pairwise, product

import numpy as np
from distributed.programs import refused
from standin import installed
from standin.modules import library
from standin.nccl import NCCLBackend

import minidl as md
from minidl import distributed as dist
from minidl import nn, optim
from minidl.data import DataLoader, TensorDataset
from minidl.train import Trainer


def given():
    """The rank, and an input of its own."""
    return dist.get_rank(), md.tensor([[1.0 + dist.get_rank(), 2.0]])


def forwards():
    """What `no_sync` holds for is what was computed within, whenever its backward comes."""
    rank, x = given()
    net = dist.DistributedDataParallel(nn.Linear(2, 1))
    weight = net.module.weight
    with net.no_sync():
        apart = net(x).sum()
    together = net(x * 10).sum()
    apart.backward()
    assert weight.grad.tolist() == x.tolist()
    together.backward()
    assert weight.grad.tolist() == [[(11 + 22) / 2, 22]]
    weight.grad = None
    later = net(x).sum()
    with net.no_sync():
        (net(x).sum() + later).backward()  # of both: averaged
    assert weight.grad.tolist() == [[3, 4]]
    weight.grad = None
    with net.no_sync():
        (net(x).sum() + weight.sum()).backward()  # read beside the forward, too
    assert weight.grad.tolist() == [[2 + rank, 3]]


def broken(gradient):
    raise ZeroDivisionError("this rank")


class Optional(nn.Module):
    """Two layers, of which the second can be left out."""

    def __init__(self):
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, input, both=True, breaks=""):
        if breaks == "after all gradients":
            input = input.detach().requires_grad_() * 1
            input.register_hook(broken)
        hidden = self.first(input)
        if breaks == "between layers":
            hidden.register_hook(broken)
        return self.second(hidden) if both else hidden


def failing(device="cpu"):
    """A walk that fails on one rank or on both, when a bucket has gone or none; the next is as if it had not been."""
    rank, x = given()
    x = x.to(device)
    for cap in (1e-6, 25):
        net = dist.DistributedDataParallel(Optional().to(device), bucket_cap_mb=cap)
        assert len(net.reducer.buffers) == (4 if cap < 1 else 1)

        def gradients(net=net):
            net.zero_grad()
            net(x).sum().backward()
            return [p.grad.tolist() for p in net.parameters()]

        expected = gradients()
        for failing, where in product(({1}, {0, 1}, {0}), ("between layers", "after all gradients")):
            net.zero_grad()
            own = (ZeroDivisionError, "this rank") if rank in failing else (RuntimeError, "failed on 1 of 2 ranks")
            refused(net(x, breaks=where if rank in failing else "").sum().backward, *own)
            assert all(p.grad is None for p in net.parameters())
            assert gradients() == expected
        net.zero_grad()
        own = "failed on 1 of 2 ranks" if rank else "does not depend on second.weight, second.bias; find_unused"
        refused(net(x, both=rank == 1).sum().backward, RuntimeError, own)
        steps = net(x).sum().backward_steps()
        next(steps)
        steps.close()
        assert gradients() == expected


def parts():
    """Of some of the parameters alone."""
    rank, x = given()
    net = dist.DistributedDataParallel(nn.Linear(2, 1))
    said = "backward(inputs=…) leaves out bias; leave `inputs` away"
    refused(lambda: net(x).sum().backward(inputs=[net.module.weight]), RuntimeError, said)
    net(x).sum().backward(inputs=list(net.parameters()))
    assert net.module.weight.grad.tolist() == [[1.5, 2]]
    net = dist.DistributedDataParallel(nn.Linear(2, 1), find_unused_parameters=True)
    net(x).sum().backward(inputs=[net.module.weight])
    assert net.module.weight.grad.tolist() == [[1.5, 2]] and net.module.bias.grad is None


def without_a_group():
    """What is left of a group that was destroyed says so, and goes on with the next."""
    rank, x = given()
    none = "there is no process group; call distributed.init_process_group() first"
    net = dist.DistributedDataParallel(nn.Linear(2, 1))
    norm = dist.SyncBatchNorm(2)
    losses = [net(x).sum(), norm(md.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)).sum()]
    work = dist.all_reduce(md.ones(2), async_op=True)
    dist.destroy_process_group()
    sys.excepthook = hook = lambda *told: sys.__excepthook__(*told)
    dist.init_process_group()
    assert sys.excepthook is not hook
    dist.destroy_process_group()
    assert sys.excepthook is hook
    refused(lambda: net(x), RuntimeError, f"DistributedDataParallel: {none}")
    refused(losses[0].backward, RuntimeError, f"backward: {none}")
    refused(losses[1].backward, RuntimeError, f"SyncBatchNorm: {none}")
    refused(work.wait, RuntimeError, f"all_reduce: wait: {none}")
    assert net.module(x).shape == (1, 1) and norm(md.eye(2)).shape == (2, 2)
    dist.init_process_group()
    net(x).sum().backward()
    assert net.module.weight.grad.tolist() == [[1.5, 2]]


def uneven():
    """Loaders of other lengths are refused before a step, and other batches; one that comes out empty ends the job."""
    net = dist.DistributedDataParallel(nn.Linear(2, 1))
    trainer = Trainer(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.1))
    loader = DataLoader(TensorDataset(md.ones(3, 2), md.ones(3, 1)), 2 - dist.get_rank())
    refused(lambda: trainer.fit(loader), ValueError, "fit: batches of an epoch: the ranks differ: rank 1: 3; the")
    count = 3 + dist.get_rank()
    other = DataLoader(TensorDataset(md.ones(count, 2), md.ones(count, 1)), 2)
    said = "rank 1: fit with a batch of 2 samples; the others: fit with a batch of 1 samples"
    refused(lambda: trainer.fit(other), ValueError, said)
    assert trainer.batch == 1
    trainer.evaluate(loader)
    trainer.evaluate([] if dist.get_rank() else loader)


def leaving():
    """A rank whose walk has failed comes to its end while what it has sent is on its way."""
    rank = dist.get_rank()
    net = dist.DistributedDataParallel(nn.Linear(2000, 1000))
    loss = net(md.ones(1, 2000))
    if rank:
        loss.register_hook(broken)
    loss = loss.sum()
    if rank:
        refused(loss.backward, ZeroDivisionError, "this rank")
    else:
        time.sleep(2)
        refused(loss.backward, RuntimeError, "failed on 1 of 2 ranks")


def traced(folder):
    """Buckets are on their way while backward goes on, and a trace shows it."""
    net = nn.Sequential(*(nn.Linear(64, 64) for _ in range(4)))
    net = dist.DistributedDataParallel(net, bucket_cap_mb=65 * 64 * 4 / 2**20)
    with md.profiler.profile() as prof:
        net(md.ones(8, 64)).sum().backward()
    messages = [event for event in prof.events() if event.kind == "message"]
    assert [event.name for event in messages] == ["all_reduce of 16,640 bytes"] * 3 + ["all_reduce of 16,644 bytes"]
    products = sorted(event.end for event in prof.events() if event.name == "linear backward")
    assert len(products) == 4
    for message, (before, after) in zip(messages, pairwise([*products, messages[-1].end]), strict=True):
        assert before <= message.start < after
    assert {average.key for average in prof.key_averages()}.isdisjoint({message.name for message in messages})
    path = f"{folder}/{dist.get_rank()}.json"
    prof.export_chrome_trace(path)
    with open(path) as file:
        rows = [row for row in json.load(file)["traceEvents"] if row["cat"] == "message"]
    ends = {row["id"]: row["ts"] for row in rows if row["ph"] == "e"}
    begins = {row["id"]: row["ts"] for row in rows if row["ph"] == "b"}
    assert len(begins) == 4 and all(ends[number] > at for number, at in begins.items())
    assert min(begins.values()) < 1e6 * products[1] < 1e6 * products[-1]


class Either(nn.Module):
    """One of two layers, by the rank; a third is never used."""

    def __init__(self):
        self.first, self.second, self.neither = nn.Linear(2, 1), nn.Linear(2, 1), nn.Linear(2, 1)

    def forward(self, x):
        return self.second(x) if dist.get_rank() else self.first(x)


def anew():
    """Another group, which does not know yet what the ranks have."""
    dist.destroy_process_group()
    dist.init_process_group()
    NCCLBackend.sums = 0


def on_gpus(having="no NCCL"):
    """Each rank on a device of the stand-in for GPUs: what the CPUs come to.

    Gradients are summed by NCCL if all ranks have it, each for a device of its own; and else on the CPU.
    """
    rank, found, one = dist.get_rank(), [], having == "NCCL, and one GPU"
    anew()
    library.available = having.startswith("NCCL") or having == "rank 1 alone has NCCL" and rank == 1
    for device in "cpu", f"cuda:{0 if one else rank}":
        with nullcontext() if device == "cpu" else installed():
            md.manual_seed(0)
            ids = None if device == "cpu" else [device]
            net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)).to(device)
            net = dist.SyncBatchNorm.convert_sync_batchnorm(net)
            net = dist.DistributedDataParallel(net, ids, bucket_cap_mb=1e-5)
            optimizer = optim.SGD(net.parameters(), lr=0.1)
            for step in range(3):
                x = md.tensor(np.random.default_rng(10 * step + rank).standard_normal((4, 2)).astype("f"))
                with net.no_sync() if step == 0 else nullcontext():
                    (net(x.to(device)) ** 2).mean().backward()
                if step:
                    optimizer.step()
            half = dist.DistributedDataParallel(nn.Linear(2, 1).half().to(device), ids)
            half(md.full((1, 2), 1.0 + rank, device=device).half()).sum().backward()
            assert {p.grad.device for p in (*net.parameters(), *half.parameters())} == {device}
            either = dist.DistributedDataParallel(Either().to(device), ids, find_unused_parameters=True)
            either(x.to(device)).sum().backward()
            assert either.module.neither.weight.grad is None
            unused = [p.grad for p in (*either.module.first.parameters(), *either.module.second.parameters())]
            grads = [half.module.weight.grad, *(p.grad for p in net.parameters()), *unused]
            x = md.full((3,), rank + 1.0, device=device)
            dist.all_reduce(x)
            places = [md.zeros(3, device=device) for _ in range(2)]
            dist.all_gather(places, x * rank)
            dist.broadcast(x, 1)
            found.append([v.detach().numpy() for v in (*net.state_dict().values(), *grads, x, *places)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-6)
    assert found[1][-3].tolist() == [3, 3, 3] and found[1][-1].tolist() == [3, 3, 3]
    # five buckets of the first network in two of three rounds, and those of the others
    assert NCCLBackend.sums == (2 * 5 + 1 + 1 if having == "NCCL" else 0)


def failing_on_gpus():
    """What `failing` says, where NCCL sums."""
    anew()
    library.available = True
    with installed():
        failing(f"cuda:{dist.get_rank()}")
    assert NCCLBackend.sums
