"""What of a tensor can be set, ``.data``, ``.grad`` and ``requires_grad``, and what is left of its history then."""

import copy
import pickle

import numpy as np
import pytest

import minidl as md

W = [0.5, -1.25, 2.0]


def leaf():
    return md.tensor(W, dtype=md.float64, requires_grad=True)


def test_data_is_a_tensor_on_the_same_memory():
    w = leaf()
    w.data.mul_(2)
    assert w.array.tolist() == [1, -2.5, 4] and not w.data.requires_grad
    kept = w.array
    w.data = md.tensor([7.0, 8.0], dtype=md.float64)
    assert w.array.tolist() == [7, 8] and w.requires_grad and kept.tolist() == [1, -2.5, 4]
    with pytest.raises(TypeError, match="data: expected a Tensor, got ndarray"):
        w.data = np.ones(2)
    with pytest.raises(RuntimeError, match="data: this tensor requires grad"):
        w.data = md.ones(2, dtype=md.int64)


def test_views_stay_with_the_memory_that_a_tensor_leaves():
    y = md.zeros(3, dtype=md.float64)
    row = y[:1]
    y.data = md.ones(3, dtype=md.float64)
    y += leaf()
    assert y.requires_grad and not row.requires_grad and row.array.tolist() == [0]


def test_a_leaf_that_changes_its_shape_before_backward():
    for name in "xy":
        leaves = dict(x=leaf(), y=leaf())
        z = (leaves["x"] * leaves["y"]).sum()
        leaves[name].data = leaves[name].data[:1]
        with pytest.raises(RuntimeError, match=f"mul: the .data of {name}, a leaf, was given another shape or dtype"):
            z.backward()


def test_a_leaf_that_asks_for_no_gradient_any_more():
    w = leaf()
    y = (w * 2).sum()
    w.requires_grad = False
    y.backward()
    assert w.grad is None


def test_what_detach_gives_is_a_leaf():
    w = leaf()
    y = (w * 1).detach_()
    assert y.is_leaf and not y.requires_grad
    assert w.detach().is_leaf and not w.detach().requires_grad and w.requires_grad


def test_what_kept_nothing_can_be_walked_again():
    w = leaf()
    y = w + 1
    (y * 2).sum().backward()
    (y * 3).sum().backward()
    assert w.grad.array.tolist() == [5, 5, 5]
    y = w * w
    y.sum().backward()
    with pytest.raises(RuntimeError, match="mul: backward a second time"):
        (y + 1).sum().backward()


def test_a_gradient_that_is_set_fits():
    w = leaf()
    w.grad = md.ones(3, dtype=md.float64)
    w.grad = None
    with pytest.raises(TypeError, match="grad: expected a Tensor or None, got ndarray"):
        w.grad = np.ones(3)
    for wrong in (md.ones(2, dtype=md.float64), md.ones(3)):
        with pytest.raises(RuntimeError, match="grad: expected a gradient of 3, float64, on cpu"):
            w.grad = wrong
    assert (w * 1).requires_grad_().requires_grad
    with pytest.raises(RuntimeError, match="requires_grad: can be set on leaves only"):
        (w * 1).requires_grad = False


def test_a_tensor_carries_what_is_set_on_it():
    """Courses that write their own backward pass set ``x.g``; copies and files keep it, results do not."""
    for x in (md.ones(2), md.nn.Parameter(md.ones(2))):
        x.g = md.zeros(2)
        x.sums = [x.g]
        for again in (copy.copy(x), pickle.loads(pickle.dumps(x))):
            assert again.g.array.tolist() == [0, 0] and again.sums[0] is again.g and type(again) is type(x)
        again = copy.deepcopy(x)
        assert again.g is not x.g and again.sums[0] is again.g and md.equal(again.g, x.g)
        assert not hasattr(x + 1, "g") and not hasattr(x.detach(), "g") and not hasattr(x.clone(), "g")
        del x.g
        assert not hasattr(x, "g")


def test_numbers_are_shown_with_four_digits_or_as_is_asked():
    x = md.tensor([1 / 3, 2.0])
    assert repr(x) == f"{x}" == "tensor([0.3333, 2.    ])" and f"{x[0]:.2f}" == "0.33"
    assert repr(x.to(md.float64)) == "tensor([0.3333, 2.    ], dtype=float64)"


def test_a_size_is_a_tuple_that_counts():
    size = md.ones(2, 3, 4).shape
    assert (
        size == (2, 3, 4)
        and size.numel() == 24
        and md.tensor(1.0).shape.numel() == 1
        and repr(size) == "Size([2, 3, 4])"
    )
    for made, expected in (
        (size[1:], (3, 4)), (size[:0], ()), (size + (5,), (2, 3, 4, 5)), ((5,) + size, (5, 2, 3, 4)),
        (size * 2, (2, 3, 4) * 2), (2 * size[:1], (2, 2)),
    ):  # fmt: skip
        assert type(made) is md.Size and made == expected
    assert type(size[0]) is int and size[-1] == 4
    for wrong in (lambda: size + [5], lambda: [5] + size):
        with pytest.raises(TypeError):
            wrong()
