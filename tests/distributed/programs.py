"""What tests run on several ranks: ``mpiexec -n 2 python programs.py NAME ARGUMENT…``; an error on one ends all."""

import sys
import time
from datetime import timedelta

import numpy as np

import minidl as md
from minidl import distributed as dist
from minidl import functional as F
from minidl import nn, optim


def collectives():
    """Each operation, by numbers that tell the ranks apart."""
    rank, size = dist.get_rank(), dist.get_world_size()
    every = np.arange(1, size + 1)
    expected = {"SUM": every.sum(), "AVG": every.mean(), "PRODUCT": every.prod(), "MIN": 1, "MAX": size}
    for dtype in (md.float16, md.float32, md.float64, md.int64, md.uint8):
        for op in dist.ReduceOp:
            if op is not dist.ReduceOp.AVG or dtype.kind == "f":
                x = md.full((2, 3), rank + 1, dtype=dtype).t()
                assert dist.all_reduce(x, op) is None
                assert x.dtype == dtype and x.shape == (3, 2), x
                np.testing.assert_allclose(x.numpy(), expected[op.name], rtol=1e-3 if dtype == md.float16 else 1e-7)
    x = md.tensor(float(rank), requires_grad=True)
    kept = x * x  # for which x is kept
    with md.no_grad():
        work = dist.all_reduce(x, async_op=True)
        work.wait()
        assert work.is_completed() and work.wait() and x.item() == sum(range(size))
    try:
        kept.backward()
        raise AssertionError("a write that nobody noticed")
    except RuntimeError as error:
        assert "changed in place" in str(error)
    for src in range(size):
        for dtype in (md.bool, md.float16, md.int32):
            x = md.full((2, 1), rank == src, dtype=dtype)
            assert dist.broadcast(x, src) is None and x.dtype == dtype and (x.numpy() == 1).all()
        work = dist.broadcast(x := md.full((3,), float(rank)), src, async_op=True)
        work.wait()
        assert x.tolist() == [src] * 3
        places = [md.zeros(2) for _ in range(size)] if rank == src else None
        dist.gather(md.full((2,), float(rank)), places, src)
        assert places is None or [p.tolist() for p in places] == [[i, i] for i in range(size)]
        named = [f"{rank} {'long' * rank}", {"of": rank}]
        dist.broadcast_object_list(named, src)
        assert named == [f"{src} {'long' * src}", {"of": src}]
    places = [md.zeros((), dtype=md.bool) for _ in range(size)]
    dist.all_gather(places, md.tensor(rank == 1))
    assert [p.item() for p in places] == [i == 1 for i in range(size)]
    found = [None] * size
    dist.all_gather_object(found, ("x" * rank, md.tensor([rank])))
    assert [(text, t.item()) for text, t in found] == [("x" * i, i) for i in range(size)]
    time.sleep(0.2 * (rank == 1))
    times = [time.monotonic()]
    dist.barrier()
    dist.all_gather_object(found, [*times, time.monotonic()])
    came, left = zip(*found, strict=True)
    assert max(came) <= min(left)


def refused(call, error, text):
    """An error that does not need the other ranks."""
    try:
        call()
    except error as raised:
        assert text in str(raised), raised
    else:
        raise AssertionError(f"not refused: {text}")


def refusals():
    """What each rank refuses, or all do together, and that all can go on after that."""
    rank, size = dist.get_rank(), dist.get_world_size()
    one = md.ones(3)
    others = "; the others: all_reduce 3 float32 by ReduceOp.SUM"
    own = md.ones(3 + (rank == 1))
    refused(lambda: dist.all_reduce(own), ValueError, f"rank 1: all_reduce 4 float32 by ReduceOp.SUM{others}")
    own = md.ones(3, dtype=md.float64 if rank == 1 else md.float32)
    refused(lambda: dist.all_reduce(own), ValueError, f"rank 1: all_reduce 3 float64 by ReduceOp.SUM{others}")
    call = dist.broadcast if rank == 1 else dist.all_reduce
    refused(lambda: call(one), ValueError, f"rank 1: broadcast 3 float32 from rank 0{others}")
    refused(lambda: dist.broadcast(one, int(rank == 1)), ValueError, "rank 1: broadcast 3 float32 from rank 1")
    refused(lambda: dist.broadcast(one, size), ValueError, f"broadcast: src must be a rank from 0 to {size - 1}")
    refused(lambda: dist.all_reduce(one > 0), TypeError, "of bool is not defined")
    refused(lambda: dist.all_reduce(one.long(), dist.ReduceOp.AVG), TypeError, "AVG of int64 is not defined")
    refused(lambda: dist.all_reduce(one, "sum"), TypeError, "op must be a ReduceOp")
    refused(lambda: dist.all_gather([one], one), ValueError, f"tensor_list must have {size} tensors of 3 float32")
    refused(lambda: dist.all_gather_object([], 1), ValueError, f"object_list must have {size} places, got 0")
    refused(lambda: dist.gather(one, None if rank == 0 else []), ValueError, "gather_list is for rank 0 (dst)")
    refused(dist.init_process_group, RuntimeError, "init_process_group: called a second time")
    wider = nn.Linear(3, 2 + (rank == 1))
    refused(
        lambda: dist.DistributedDataParallel(wider),
        ValueError,
        "rank 1: weight 3×3 float32, to be learnt; bias 3 float32, to be learnt; the",
    )
    md.__version__ = "0.2.0" if rank == 1 else "0.1.0"
    refused(lambda: dist.DistributedDataParallel(nn.Linear(3, 2)), ValueError, "rank 1: minidl 0.2.0")
    dist.all_reduce(one)
    assert one.tolist() == [size] * 3


def network(norm):
    """For images 1×6×6 of three classes, in float64, of other weights on each rank."""
    md.manual_seed(dist.get_rank() if dist.is_initialized() else 0)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)] if norm else [nn.Conv2d(1, 4, 3)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(64, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def batches(steps, size=8):
    """Images and labels of each step, of all ranks together."""
    rng = np.random.default_rng(1)
    for _ in range(steps):
        yield md.tensor(rng.standard_normal((size, 1, 6, 6))), md.tensor(rng.integers(0, 3, size))


def learnt(net, steps, rank=0, size=1):
    """Train a network on the part of a rank."""
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for images, labels in batches(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(images[rank::size]), labels[rank::size]).backward()
        optimizer.step()


def training(folder, steps, norm, cap):
    """Train on all ranks, and leave the weights of each."""
    net = network(norm == "norm")
    if norm == "norm":
        net = dist.SyncBatchNorm.convert_sync_batchnorm(net)
    net = dist.DistributedDataParallel(net, bucket_cap_mb=float(cap))
    learnt(net, int(steps), dist.get_rank(), dist.get_world_size())
    md.save(net.module.state_dict(), f"{folder}/{dist.get_rank()}.safetensors")


if __name__ == "__main__":
    dist.init_process_group(timeout=timedelta(seconds=float(60)))
    globals()[sys.argv[1]](*sys.argv[2:])
