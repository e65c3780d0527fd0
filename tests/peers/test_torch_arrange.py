"""Views, rearrangements, diagonals beside PyTorch's: values, gradients, refusals, and which share memory with what."""

from itertools import product

import numpy as np
import pytest
from parity import OURS, THEIRS, agree, call, compare, method, normal, refused, torch

import minidl as md
from minidl import nn
from minidl.functional import interpolate

X = normal(3, 2, 4)
DIMS = [-4, -1, 0, 1, 2, 3]
SIZES = [(3, 2, 4), (2, 3), (4,), (), (0, 3)]

# --- functions in a grid, good and bad --------------------------------------------------------------------------------

GRID = {
    "narrow": [*product([0, 1, -1, 3], [0, 1, -1, 4], [0, 1, 2, 9]), (0, 1.0, 1), (0, True, 1), (0, 0, -1)],
    "select": [*product(DIMS, [0, 1, -1, -2, 5]), (0, 1.0), (0, None)],
    "unbind": [(), *product(DIMS)],
    "unflatten": [
        (-1, (2, 2)), (0, (1, 3)), (1, (2, 1)), (-1, (-1, 2)), (-1, (2, -1, 1)), (0, (-1,)), (-1, (-1, -1)),
        (-1, (3, 2)), (-1, ()), (4, (1,)), (-1, [4]),
    ],
    "movedim": [
        *product([0, 1, -1, 3], [0, -1, 2]), ((0, 1), (1, 2)), ((0, 2), (-1, 0)), ((0, 0), (0, 1)), ((0,), (1, 2)),
        ((), ()),
    ],
    "moveaxis": [(0, -1)],
    "swapaxes": [*product([0, -1, 1, 4], [0, 2, -2])],
    "swapdims": [(0, 1)],
    "t": [()],
    "broadcast_to": [((2, 3, 2, 4),), ((3, 2, 4),), ((5, 2, 3),), ((4,),), ((),), ((2, 2),)],
    "roll": [
        (1,), (-2,), (7,), (1, 0), (-1, 1), ((1, 2), (0, 1)), ((1, 1), (0, 0)), ((1, 2),), (1, (0, 1)), (1.0, 0),
        ((1,), (-1,)), (2, 5), (0, 0),
    ],
    "rot90": [(), (1,), (2,), (3,), (-1,), (5, (1, 0)), (1, (-1, 0)), (1, (0, 0)), (1, (0,)), (1, (0, 1, 2)), (1.0,)],
    "fliplr": [()],
    "flipud": [()],
    "repeat_interleave": [(2,), (0,), (-1,), (2, 0), (3, 1), (1, -1), (2, 5), (1.5,), (True,)],
    "diagonal": [(), *product([0, 1, -1, 5, -7], [0, 1, -1, 3], [1, 0, 2])],
    "diag": [(), (1,), (-2,), (7,)],
    "diag_embed": [(), (1,), (-1, 0, 1), (0, 1, 1), (0, 0, -1), (2, -1, 0)],
    "trace": [()],
    "tril": [(), (1,), (-1,), (9,), (1.5,), (True,)],
    "triu": [(), (1,), (-1,), (-9,), (None,)],
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", GRID)
def test_grid(name, size):
    for args in GRID[name]:
        loose = args == (True,) or (name == "roll" and 0 in size)  # which PyTorch takes for 1, or doesn't look at
        if not loose:
            agree(
                name.replace("moveaxis", "movedim").replace("swapdims", "transpose"), call(name, *args), normal(*size)
            )


REPEATS = [(1,), (2,), (2, 3), (1, 2, 3), (2, 1, 1, 2), (0, 1, 2), (-1, 1, 1), ()]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_repeat(size):
    for sizes in REPEATS:
        agree("repeat", method("repeat", sizes), normal(*size))
        agree("repeat", method("repeat", *sizes), normal(*size))


FORMS = {
    "repeat_interleave each": (lambda m, x: m.repeat_interleave(x, m.tensor([2, 0, 1]), dim=0), X),
    "repeat_interleave method": (lambda m, x: x.repeat_interleave(2, dim=-1), X),
    "mT": (lambda m, x: x.mT * 2, X),
    "t": (lambda m, x: x.t() @ x, normal(3, 2)),
    "view_as": (lambda m, x: x.view_as(m.zeros(4, 6)) ** 2, X),
    "reshape_as": (lambda m, x: x.transpose(0, 1).reshape_as(m.zeros(4, 6)) ** 2, X),
    "expand_as": (lambda m, x: x.expand_as(m.zeros(2, 3, 2, 4)) * 2, X),
    "contiguous": (lambda m, x: x.transpose(0, 2).contiguous().view(8, 3) ** 2, X),
    "sizes": (lambda m, x: m.zeros(x.size(0), x.shape[1:].numel(), *x.size()[:1], x.dim()), X),
    "stride": (lambda m, x: m.tensor([*x.stride(), *x.transpose(0, 2).stride(), x[:, ::2].stride(1), x.numel()]), X),
    "bytes": (lambda m, x: m.tensor([x.element_size(), x.nbytes, x.itemsize, x.nelement(), x.ndimension()]), X),
    "is_contiguous": (lambda m, x: m.tensor([x.is_contiguous(), x.mT.is_contiguous(), x[:, :1].is_contiguous()]), X),
    "tolist": (lambda m, x: m.tensor(x.detach().tolist(), dtype=m.float64), X),
    "ravel": (lambda m, x: m.ravel(x.transpose(0, 1)) * x.ravel(), X),
    "clone": (lambda m, x: m.clone(x) * 2, X),
    "broadcast_tensors": (lambda m, x, y: m.broadcast_tensors(x, y), normal(2, 1), normal(3)),
    "broadcast_shapes": (lambda m, x: m.zeros(m.broadcast_shapes((2, 1), (3,), x.shape, 3)), normal(4, 1, 1)),
    "unbind": (lambda m, x: sum(m.unbind(x, 1)), X),
    "axis": (
        lambda m, x: (
            m.sum(x, axis=1, keepdims=True) + x.mean(axis=0, keepdims=True) + m.cat([x, x], axis=0).amax(axis=(0, 1)),
            m.stack([x], axis=1), x.unsqueeze(axis=0), x.max(axis=1, keepdims=True)[0], x.argmax(axis=-1),
        ),
        X,
    ),
    "hstack": (lambda m, x: m.hstack([x, x * 2]), X),
    "hstack of vectors": (lambda m, x: m.hstack((x, x * 2, x[0])), X[0, 0]),
    "vstack": (lambda m, x: m.vstack([x, x * 2, x[:1]]), X),
    "vstack of vectors": (lambda m, x: m.vstack([x, x * 2]), X[0, 0]),
    "dstack": (lambda m, x: m.dstack([x, x * 2]), X),
    "dstack of matrices": (lambda m, x: m.dstack([x, x * 2]), X[0]),
    "dstack of vectors": (lambda m, x: m.dstack([x, x * 2]), X[0, 0]),
    "concat": (lambda m, x: m.concat([x, x]) + m.concatenate([x, x], 0), X),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_form(case):
    compare(*FORMS[case])


MISUSED = {
    "hstack of a tensor": ("hstack", call("hstack"), X),
    "vstack of nothing": ("vstack", lambda m: m.vstack([])),
    "hstack of sizes": ("hstack", lambda m, x: m.hstack([x, x[:1]]), X),
    "expand_as smaller": ("expand", lambda m, x: x.expand_as(m.zeros(2, 4)), X),
    "broadcast_shapes that don't": ("broadcast_shapes", lambda m: m.broadcast_shapes((2,), (3,))),
    "broadcast_tensors that don't": ("broadcast_tensors", call("broadcast_tensors"), normal(2), normal(3)),
    "mT of a vector": ("mT", lambda m, x: x.mT, normal(3)),
    "size beyond": ("dim", lambda m, x: x.size(3), X),
    "size of a number": ("size", lambda m, x: x.size(0), normal()),
    "size by a fraction": ("dim", lambda m, x: x.size(1.0), X),
}


@pytest.mark.parametrize("case", MISUSED)
def test_refused(case):
    refused(*MISUSED[case])


# --- the shape --------------------------------------------------------------------------------------------------------


def test_shape_is_a_tuple_that_counts():
    ours, theirs = (m.zeros(2, 3, 4).shape for m in (OURS, THEIRS))
    assert ours == theirs == (2, 3, 4) and isinstance(ours, tuple) and hash(ours) == hash((2, 3, 4))
    assert repr(ours) == "Size([2, 3, 4])" and f"torch.{ours}" == str(theirs)
    for f in (
        lambda s: s.numel(), lambda s: s[1:].numel(), lambda s: (s + (5,)).numel(), lambda s: ((5,) + s).numel(),
        lambda s: (s * 2).numel(), lambda s: (2 * s).numel(), lambda s: s[-1], lambda s: s[:0].numel(),
    ):  # fmt: skip
        assert f(ours) == f(theirs)
    for f in (lambda s: s + [1], lambda s: s * 1.5, lambda s: s["a"], lambda s: s[9]):
        for shape in (ours, theirs):
            with pytest.raises((TypeError, IndexError)):
                f(shape)


# --- memory -----------------------------------------------------------------------------------------------------------

SHARING = {
    "x": lambda x: x,
    "ravel": lambda x: x.ravel(),
    "ravel of transposed": lambda x: x.transpose(0, 1).ravel(),
    "view": lambda x: x.view(2, 12),
    "view -1": lambda x: x.view(-1),
    "reshape": lambda x: x.reshape(6, 4),
    "reshape of transposed": lambda x: x.transpose(0, 1).reshape(-1),
    "reshape to the same": lambda x: x.reshape(2, 3, 4),
    "permute": lambda x: x.permute(2, 0, 1),
    "transpose": lambda x: x.transpose(0, 1),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "movedim": lambda x: x.movedim(0, -1),
    "t": lambda x: x[0].t(),
    "T": lambda x: x[0].T,
    "mT": lambda x: x.mT,
    "flatten": lambda x: x.flatten(),
    "flatten of transposed": lambda x: x.transpose(0, 1).flatten(),
    "unflatten": lambda x: x.unflatten(2, (2, 2)),
    "squeeze": lambda x: x[:1].squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "expand": lambda x: x.expand(5, 2, 3, 4),
    "expand_as itself": lambda x: x.expand_as(x),
    "index": lambda x: x[0],
    "one element": lambda x: x[0, 1, 2],
    "slice": lambda x: x[:, 1:, ::2],
    "new axis": lambda x: x[None],
    "list": lambda x: x[[0, 1]],
    "mask": lambda x: x[x > -99],
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, 2),
    "unbind": lambda x: x.unbind(1)[2],
    "split": lambda x: x.split(2, 1)[1],
    "chunk": lambda x: x.chunk(2, 2)[1],
    "diagonal": lambda x: x.diagonal(0, 1, 2),
    "diag": lambda x: x[0].diag(),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "contiguous": lambda x: x.contiguous(),
    "contiguous of transposed": lambda x: x.transpose(0, 1).contiguous(),
    "clone": lambda x: x.clone(),
    "flip": lambda x: x.flip(0),
    "fliplr": lambda x: x.fliplr(),
    "rot90": lambda x: x.rot90(2),
    "rot90 by nothing": lambda x: x.rot90(4),
    "roll": lambda x: x.roll(1, 0),
    "roll by nothing": lambda x: x.roll(0, 0),
    "repeat": lambda x: x.repeat(1, 1, 1),
    "tile": lambda x: x.tile(1, 1, 1),
    "repeat_interleave": lambda x: x.repeat_interleave(1, 0),
    "tril": lambda x: x.tril(),
    "to itself": lambda x: x.to(x.dtype),
    "numpy": lambda x: x.numpy(),
    "abs": lambda x: x.abs(),
    "sum over nothing": lambda x: x[:1].sum(0),
    "max": lambda x: x.max(0).values,
    "sort": lambda x: x.sort(0).values,
}
ITSELF = ["contiguous", "to itself", "x"]


@pytest.mark.parametrize("case", SHARING)
def test_memory_is_shared_where_pytorch_shares_it(case):
    x, y = md.tensor(X.reshape(2, 3, 4)), torch.tensor(X.reshape(2, 3, 4))
    ours, theirs = SHARING[case](x), SHARING[case](y)
    there = theirs if isinstance(theirs, np.ndarray) else theirs.numpy()
    here = ours if isinstance(ours, np.ndarray) else ours.array
    assert np.shares_memory(here, x.array) == np.shares_memory(there, y.numpy())
    assert (ours is x) == (theirs is y) == (case in ITSELF)
    if case in ("view", "reshape", "diagonal", "t", "narrow", "unbind"):  # and what is written through them is seen
        here[...] = 7
        there[...] = 7
        np.testing.assert_array_equal(x.array, y.numpy())


# --- views that would have to copy ------------------------------------------------------------------------------------


def chained(m, x, rng):
    """Some views, one after the other, drawn at random: the same for both libraries."""
    for _ in range(rng.integers(1, 4)):
        n = x.dim()
        match rng.integers(0, 5):
            case 0 if n > 1:
                i, j = rng.choice(n, 2, replace=False)
                x = x.transpose(int(i), int(j))
            case 1 if n:
                i = int(rng.integers(n))
                x = x.narrow(i, 0, max(1, x.shape[i] - int(rng.integers(2))))
            case 2:
                x = x.unsqueeze(int(rng.integers(n + 1)))
            case 3:
                x = x.expand(2, *x.shape)
            case 4 if n:
                x = x[::2] if rng.random() < 0.5 else x[..., :1]
    return x


@pytest.mark.parametrize("seed", range(60))
def test_random_views(seed):
    """What PyTorch views is viewed, on the same memory; what it refuses is refused, but in the order of images."""
    rng = np.random.default_rng(seed)
    size = tuple(rng.integers(1, 4, rng.integers(1, 4)))
    array = rng.standard_normal(size)
    x, y = (chained(m, m.tensor(array), np.random.default_rng(seed)) for m in (OURS, THEIRS))
    numel = y.numel()
    for wanted in [(-1,), (numel, 1), *[(k, -1) for k in range(2, numel) if numel % k == 0]]:
        try:
            viewed = y.view(*wanted)
        except RuntimeError:
            if not channels_last(x.array):
                with pytest.raises(RuntimeError, match="view: .* use reshape, or contiguous"):
                    x.view(*wanted)
        else:
            ours = x.view(*wanted)
            np.testing.assert_array_equal(ours.array, viewed.numpy())
            assert np.shares_memory(ours.array, x.array)


def channels_last(a):
    """The order that the engine gives to images: dense, of three dimensions or more, and the last is not innermost."""
    steps = [step for step, n in zip(a.strides, a.shape, strict=True) if n > 1]
    reach = sum((n - 1) * step for n, step in zip(a.shape, a.strides, strict=True)) + a.itemsize
    return a.ndim > 2 and reach == a.nbytes and (a.shape[-1] == 1 or a.strides[-1] > min(steps))


NETWORKS = {
    "conv": (nn.Conv2d(3, 4, 3), (2, 3, 8, 8)),
    "conv bn relu pool": (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        (2, 3, 8, 8),
    ),
    "average pool": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(2)), (2, 3, 8, 8)),
    "depthwise": (nn.Conv2d(3, 3, 3, groups=3), (2, 3, 8, 8)),
    "transposed": (nn.ConvTranspose2d(3, 5, 2), (2, 3, 4, 4)),
    "1-D": (nn.Sequential(nn.Conv1d(3, 4, 3), nn.MaxPool1d(2)), (2, 3, 8)),
    "group norm": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), (2, 3, 8, 8)),
    "dropout": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.5)), (2, 3, 8, 8)),
    "padded": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ZeroPad2d(1)), (2, 3, 8, 8)),
    "upsampled": (lambda x: interpolate(nn.Conv2d(3, 4, 3)(x), scale_factor=2), (2, 3, 8, 8)),
    "joined": (lambda x: md.cat([nn.Conv2d(3, 4, 3)(x), nn.Conv2d(3, 2, 3)(x)], 1), (2, 3, 8, 8)),
    "added": (lambda x: nn.Conv2d(3, 3, 3, padding=1)(x) + x, (2, 3, 8, 8)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_of_layers_can_be_viewed(name):
    """They lie channels-last, or in C order: neither may keep ``x.view(N, -1)`` from working."""
    network, size = NETWORKS[name]
    x = md.tensor(normal(*size).astype("float32"), requires_grad=True)
    z = network(x)
    flat = z.view(z.size(0), -1)
    np.testing.assert_array_equal(flat.detach().numpy(), z.detach().numpy().reshape(len(z), -1))
    (flat * flat).sum().backward()
    assert x.grad.shape == x.shape and bool((x.grad != 0).any())
    z.view(-1), z.view(*z.shape), z.unsqueeze(1).view(len(z), -1)
    if z.ndim > 3 and name != "upsampled":  # one signal, channels last, is no other than a transposed matrix
        z[:1].view(1, -1), z[0].view(-1)
