"""The tensor itself: what it shows, becomes and is made of."""

import copy

import numpy as np
import pytest

import minidl as md
from minidl.engine.core import Tensor


def leaf(*values):
    return md.tensor(list(values), dtype=md.float64, requires_grad=True)


def test_data_must_be_an_array():
    x = leaf(1.0, 2.0)
    x.array = x.array - 0.1 * x  # a Tensor
    for use in (lambda: x * 2.0, lambda: x + x):
        with pytest.raises(TypeError, match=r"the \.array of a tensor was set to Tensor"):
            use()


def test_repr_tells_what_matters():
    x = md.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<mul>)"
    assert repr(leaf(1.0).detach()) == "tensor([1.], dtype=float64)"
    assert repr(md.arange(3)) == "tensor([0, 1, 2])"
    assert f"{md.tensor(0.5):.3f}" == "0.500"


def test_conversions():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"\.detach\(\)\.numpy\(\)"):
        x.numpy()
    with pytest.raises(RuntimeError, match=r"\.detach\(\)"):
        np.asarray(x)
    assert np.asarray(x.detach()).tolist() == [1, 2] and float(x[0]) == 1 and int(x[1]) == 2 and len(x) == 2
    assert [y.item() for y in x] == [1, 2] and isinstance(np.ones(2) * x, Tensor)
    for wrong in (
        lambda: bool(x),
        lambda: x.item(),
        lambda: len(x.sum()),
        lambda: md.tensor("a"),
        lambda: md.tensor([[1], [1, 2]]),
    ):
        with pytest.raises((ValueError, TypeError)):
            wrong()
    with pytest.raises(RuntimeError, match="leaves only"):
        (x * 1).requires_grad = False
    with pytest.raises(TypeError, match="complex"):
        md.tensor(1j)


def test_seeds():
    md.manual_seed(3)
    first = md.rand(4), md.randn(2, 2), md.randint(0, 9, (5,))
    md.manual_seed(3)
    for a, b in zip(first, (md.rand(4), md.randn(2, 2), md.randint(0, 9, (5,))), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    own = md.Generator().manual_seed(3)
    np.testing.assert_array_equal(md.rand(4, generator=own).numpy(), first[0].numpy())
    assert own.initial_seed() == 3
    assert md.manual_seed(-1).initial_seed() == 2**64 - 1
    with pytest.raises(ValueError, match="manual_seed"):
        md.manual_seed(2**64)


def test_only_leaves_can_be_deep_copied():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    x.grad.zero_()
    assert y.requires_grad and y.grad.numpy().tolist() == [2, 4]
    assert not np.shares_memory(x.array, y.array) and not np.shares_memory(x.grad.array, y.grad.array)
    with pytest.raises(RuntimeError, match="deepcopy: only leaves"):
        copy.deepcopy(x * x)
