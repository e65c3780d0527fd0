"""What ranks do together, and what they refuse: functions for ``on_ranks.py``; an error on one rank ends all."""

import copy
import time
from datetime import timedelta

import numpy as np

import minidl as md
from minidl import distributed as dist
from minidl import functional as F
from minidl import nn, optim
from minidl.distributed.collectives import on_first
from minidl.train import Trainer


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


class Odd(Exception):
    """What pickle can't make anew, from its words alone."""

    def __init__(self, first, second):
        super().__init__(f"of {first} and {second}")


def odd():
    raise Odd(1, 2)


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
    refused(lambda: on_first(odd, "a call"), Odd if rank == 0 else RuntimeError, "of 1 and 2")
    refused(lambda: on_first(lambda: (i for i in ()), "a call"), TypeError, "pickle 'generator' object")
    wider = nn.Linear(3, 2 + (rank == 1))
    refused(
        lambda: dist.DistributedDataParallel(wider),
        ValueError,
        "rank 1: no. 1: weight 3×3 float32, to be learnt; no. 2: bias 3 float32, to be learnt; the",
    )
    swapped = nn.ModuleDict({name: nn.Linear(2, 2, bias=False) for name in ("ab" if rank == 1 else "ba")})
    refused(
        lambda: dist.DistributedDataParallel(swapped), ValueError, "rank 1: no. 1: a.weight 2×2 float32, to be lear"
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


def features():
    """What a wrapped network does beside plain training, on 2 ranks."""
    rank = dist.get_rank()
    x = md.tensor([[1.0 + rank, 2.0]])
    net = dist.DistributedDataParallel(nn.Linear(2, 1))
    with net.no_sync():
        net(x).sum().backward()
    assert net.module.weight.grad.tolist() == x.tolist()
    net(x * 10).sum().backward()
    assert net.module.weight.grad.tolist() == [[(11 + 22) / 2, 22]]
    net(x).sum().backward()
    assert net.module.weight.grad.tolist() == [[16.5 + 1.5, 24]]  # what was there is the same on all ranks
    (own,) = md.grad(net(x).sum(), net.module.bias)
    assert own.tolist() == [1] and net.module.bias.grad.tolist() == [3]
    net.zero_grad()
    net(md.full((9 - 8 * rank, 2), 1.0 + 4 * rank)).mean().backward()  # of other sizes: each rank counts alike
    assert net.module.weight.grad.tolist() == [[3, 3]]
    copied = copy.deepcopy(net).double()
    copied.zero_grad()
    copied(x.double()).sum().backward()
    assert copied.module.weight.grad.dtype == md.float64 and copied.module.weight.grad.tolist() == [[1.5, 2]]
    half = dist.DistributedDataParallel(nn.Linear(2, 1).half())
    half(x.half()).sum().backward()
    assert half.module.weight.grad.dtype == md.float16 and half.module.weight.grad.tolist() == [[1.5, 2]]

    class Branches(nn.Module):
        def __init__(self):
            self.left, self.right, self.never = nn.Linear(2, 1), nn.Linear(2, 1), nn.Linear(2, 1)

        def forward(self, input):
            return self.left(input) + (self.right(input) if rank else 0)

    whole = dist.DistributedDataParallel(Branches(), find_unused_parameters=True)
    for _ in range(2):
        whole.zero_grad()
        whole(x).sum().backward()
        assert whole.module.left.weight.grad.tolist() == [[1.5, 2]] and whole.module.never.weight.grad is None
        assert whole.module.right.weight.grad.tolist() == [[1, 1]]
    assert dist.DistributedDataParallel(nn.Linear(2, 1), init_sync=False).module.bias.item() != net.module.bias.item()
    for moving in (True, False):
        norm = dist.DistributedDataParallel(nn.BatchNorm1d(2), broadcast_buffers=moving)
        norm(md.cat([x, 3 * x]))
        found = [None, None]
        dist.all_gather_object(found, norm.eval()(x * 0)[0, 0].item())
        assert (found[0] == found[1]) == moving
    masks = dist.DistributedDataParallel(nn.Sequential(nn.Linear(2, 64), nn.Dropout(0.5)))
    md.manual_seed(3)
    dist.all_gather_object(found, ((masks(x * 0 + 1) == 0).tolist(), md.rand(1).item()))
    assert found[0][0] != found[1][0] and found[0][1] == found[1][1]
    absent = dist.DistributedDataParallel(Branches())
    refused(lambda: absent(x).sum().backward(), RuntimeError, "never.weight, never.bias; find_unused_parameters=True")


def afterwards():
    """What is frozen, unfrozen or let go after it was begun, on 2 ranks."""
    rank = dist.get_rank()
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)).double()
    nn.freeze(net[0])
    whole = dist.DistributedDataParallel(net)
    x = md.tensor([[1.0 + rank, 2.0]], dtype=md.float64)
    for part, learns in (net[0], True), (net[1], False):
        (nn.unfreeze if learns else nn.freeze)(part)
        whole(x).sum().backward()
    places = [md.zeros(2, 2).double() for _ in range(2)]
    dist.all_gather(places, net[0].weight.grad)
    assert places[0].tolist() == places[1].tolist() != [[0, 0], [0, 0]]
    for _ in range(20):
        dist.all_reduce(md.ones(200_000), async_op=True)  # nobody waits for it
    dist.barrier()
    assert md.ones(200_000).sum().item() == 200_000
    share = "1 samples can't be shared by 2 ranks"
    refused(lambda: Trainer(whole, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.1)).evaluate(x, x), ValueError, share)


def norms():
    """Batch norm over all ranks, with parts of several sizes, one of them empty: see `norm_of`."""
    for cuts in ([3], [7]) if dist.get_world_size() == 2 else ([1, 3], [3, 3]):
        norm_of(cuts)
    one = dist.SyncBatchNorm(3)
    alone = int(dist.get_rank() == 0)
    refused(lambda: one(md.ones(alone, 3)), ValueError, "expected more than 1 value per channel on all ranks")


def norm_of(cuts):
    """Batch norm over parts of a batch that is cut there: forward, and both orders of its gradient."""
    rank = dist.get_rank()
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((7, 3, 4)) * 3 + 100
    parts = np.split(whole, cuts)
    weight, bias = rng.standard_normal((2, 3))
    found = []
    for x, norm in (parts[rank], dist.SyncBatchNorm(3).double()), (whole, nn.BatchNorm1d(3).double()):
        with md.no_grad():
            norm.weight.copy_(md.tensor(weight))
            norm.bias.copy_(md.tensor(bias))
        x = md.tensor(x, requires_grad=True)
        y = norm(x)
        (g,) = md.grad((y**3).sum(), x, create_graph=True)
        (g**2).sum().backward()
        parameters = [norm.weight.grad, norm.bias.grad]
        if isinstance(norm, dist.SyncBatchNorm):
            for p in parameters:
                dist.all_reduce(p)
        found.append([y, g, x.grad, *parameters, norm.running_mean, norm.running_var, norm.eval()(x)])
    start = sum(map(len, parts[:rank]))
    for ours, theirs in zip(*found, strict=True):
        theirs = theirs[start : start + len(parts[rank])] if theirs.ndim == 3 else theirs
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-9)
    half = dist.SyncBatchNorm(3, affine=False, track_running_stats=False).half()
    x = parts[rank] / 3
    expected = (x - (whole / 3).mean((0, 2), keepdims=True)) / (whole / 3).std((0, 2), keepdims=True)
    y = half(md.tensor(x).half())
    assert y.dtype == md.float16 and abs(y.numpy() - expected).max(initial=0) < 0.1


def raising():
    """An error on rank 1, which leaves the group on its way, while the others wait for it."""
    try:
        if dist.get_rank() == 1:
            raise KeyError("no such thing")
        dist.barrier()
    finally:
        dist.destroy_process_group()


def returning():
    """Rank 1 comes to its end, while the others wait for it."""
    if dist.get_rank() != 1:
        dist.barrier()


def late():
    """Rank 1 does not come to the start of a group."""
    rank = dist.get_rank()
    dist.barrier()
    dist.destroy_process_group()
    if rank == 1:
        time.sleep(60)
    dist.init_process_group(timeout=timedelta(seconds=1))


def hurried():
    """Let no rank wait for others for more than four seconds from now on."""
    dist.barrier()
    dist.destroy_process_group()
    dist.init_process_group(timeout=timedelta(seconds=4))


def hanging():
    """Rank 1 does not come to an operation."""
    hurried()
    if dist.get_rank() == 1:
        time.sleep(60)
    dist.all_reduce(md.ones(2))


def elsewhere():
    """Rank 1 has one batch less, and waits at its end."""
    hurried()
    net = dist.DistributedDataParallel(nn.Linear(2, 1))
    for _ in range(3 - dist.get_rank()):
        net(md.ones(1, 2)).sum().backward()
