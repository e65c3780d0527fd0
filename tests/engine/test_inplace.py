"""In-place writes in the graph: every name and view of the memory sees the result and its history, or it is refused.

Each program is run on a leaf ``w``, and again on NumPy arrays that compute the same without writing, differentiated by
central differences; `tests/peers/test_torch_inplace.py` runs them with PyTorch.
"""

import gc
import weakref

import numpy as np
import pytest
from engine.writing import (
    PROGRAMS,
    W,
    a_loop,
    a_step_of_several,
    a_view_of_a_view_is_written,
    detached,
    outcome,
    wide_values,
)

import minidl as md


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_that_write(program):
    def loss(values):
        with md.no_grad():
            outputs = program(md, md.tensor(values, dtype=md.float64))
        outputs = [y.numpy() for y in (outputs if isinstance(outputs, tuple) else (outputs,))]
        return sum((y * y + y**3 / 3).sum() for y in outputs)

    outputs, gradient = outcome(md, program)
    assert all(np.isfinite(y).all() for y in outputs)
    if program is detached:  # what is written into y has no history there
        return
    steps = 1e-6 * np.eye(3)
    np.testing.assert_allclose(gradient, [(loss(W + s) - loss(W - s)) / 2e-6 for s in steps], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("program", [wide_values, a_view_of_a_view_is_written, a_step_of_several, a_loop])
def test_gradients_of_programs_that_write_can_be_differentiated(program):
    assert md.gradgradcheck(lambda w: program(md, w * w), leaf())


def leaf():
    return md.tensor(W, dtype=md.float64, requires_grad=True)


def unrecorded_view():
    y = leaf() * 1
    with md.no_grad():
        row = y[0]
    row += leaf()[1]


REFUSED = {
    "a leaf": (lambda: leaf().add_(1.0), "add_: a leaf that requires grad can't be changed in place"),
    "part of a leaf": (lambda: leaf().__setitem__(0, 1.0), "in-place write: a leaf that requires grad"),
    "a view of a leaf": (lambda: leaf()[:2].mul_(2.0), "mul_: a view of a leaf that requires grad"),
    "a view made under no_grad": (unrecorded_view, r"add_: this tensor is a view that was made under no_grad\(\)"),
    "another shape": (lambda: (leaf() * 1).add_(md.ones(2, 3)), "add_: the result is 2×3, and a tensor of 3 can't"),
    "shared elements": (lambda: (leaf() * 1).view(3, 1).expand(3, 2).add_(1.0), "memory can't be written"),
    "turned, but seen": (lambda: (lambda y: (y[0], y.unsqueeze_(0)))(leaf() * 1), "unsqueeze_: other tensors are"),
    "a detached view": (lambda: (leaf() * 1)[0].detach_(), "detach_: this is a view"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_writes_that_are_refused(name):
    write, says = REFUSED[name]
    with pytest.raises(RuntimeError, match=says):
        write()


def test_what_gets_a_result_without_history_has_none():
    y = leaf() * 1
    y.gt_(1.0)
    assert y.is_leaf and not y.requires_grad


def test_what_can_not_hold_a_result_refuses_it():
    with pytest.raises(TypeError, match="add_: the result is float32, and int64 can't hold it"):
        md.ones(2, dtype=md.int64).add_(1.5)
    with pytest.raises(TypeError, match="mul_: the result is int64, and bool can't hold it"):
        md.tensor([True]).mul_(2)
    half = md.ones(2, dtype=md.float16)
    half += md.ones(2)
    assert half.dtype == md.float16 and half.array.tolist() == [2, 2]


@pytest.mark.parametrize("reads", ["exp", "sigmoid", "relu", "sqrt", "tanh"])
def test_a_result_that_backward_needs_is_guarded(reads):
    y = getattr(leaf() * leaf() + 1, reads)()
    y += 1
    with pytest.raises(RuntimeError, match=f"{reads}: z, needed for its gradient, was changed in place"):
        y.sum().backward()


def test_an_argument_that_backward_needs_is_guarded():
    w = leaf()
    x = w * 1
    y = x * w
    x += 1
    with pytest.raises(RuntimeError, match="mul: x, needed for its gradient, was changed in place"):
        y.sum().backward()
    x = w * 1
    y = x.relu_()
    y += 1
    with pytest.raises(RuntimeError, match="relu: z, needed for its gradient"):
        y.sum().backward()


def test_without_a_graph_every_name_and_view_sees_the_write():
    p, g = md.ones(3), md.tensor([1.0, 2.0, 3.0])
    for other in (p,):
        other -= 0.5 * g
    row = p[:2]
    row *= 10
    assert p.array.tolist() == [5, 0, -0.5]
    w = leaf()
    with md.no_grad():
        w -= 0.5 * w
    assert w.requires_grad and w.is_leaf and w.array.tolist() == [0.25, -0.625, 1]


def test_views_do_not_outlive_their_names():
    y = leaf() * 1
    gc.disable()
    try:
        views = [y[i] for i in range(3)]
        assert len(y.ties.views) == 3
        gone = weakref.ref(views[0])
        del views
        assert gone() is None and not y.ties.views
    finally:
        gc.enable()


def test_what_is_made_under_no_grad_follows_no_write():
    y = leaf() * 1
    with md.no_grad():
        row = y[0]
    y += leaf()
    assert y.requires_grad and not row.requires_grad


def test_a_part_of_what_is_written_may_be_an_operand():
    w = leaf()
    y = w * 1
    y *= y[1]
    y.sum().backward()
    assert y.array.tolist() == [-0.625, 1.5625, -2.5]
    np.testing.assert_allclose(w.grad.array, [W[1], sum(W) + W[1], W[1]], rtol=1e-15)


def test_a_write_copies_no_more_than_it_overwrites():
    w = leaf()
    y, other = w * 1, w.exp()
    y *= other
    assert y.node.kept["y"] is other.array


def test_gradients_that_are_given_stay_as_they_are():
    y, g = leaf() * 1, md.ones(3, dtype=md.float64)
    y[0] = 2.0
    y.backward(g)
    assert g.array.tolist() == [1, 1, 1]


def test_a_node_has_an_index_of_its_own():
    w, index = leaf(), np.array([0, 1])
    y, z = w[index], w * 1
    z[index] = 0.0
    index[:] = 2
    (y + z[:2]).sum().backward()
    assert w.grad.array.tolist() == [1, 1, 0]


def test_a_view_in_another_shape():
    x = md.ones(2, 3)
    assert x.view(3, 2).shape == (3, 2)
    with pytest.raises(RuntimeError, match="can't be seen as 6 without a copy"):
        x.t().view(6)
    images = md.Tensor(np.zeros((2, 4, 5, 3), "f4").transpose(0, 3, 1, 2))  # channels-last in memory
    assert images.view(2, 60).shape == (2, 60)


def test_what_a_write_keeps():
    """An activation in place keeps one array, not two."""
    y = leaf() * 1
    y.relu_()
    assert y.node.kept["z"] is y.array


def test_random_numbers_in_place():
    x = md.empty(20_000)
    for fill, low, mean, std in (
        (lambda: x.normal_(2.0, 0.5), -2, 2, 0.5),
        (lambda: x.uniform_(1, 3), 1, 2, 1 / 3**0.5),
        (lambda: x.bernoulli_(0.25), 0, 0.25, 0.1875**0.5),
    ):
        assert fill() is x
        np.testing.assert_allclose([x.array.mean(), x.array.std()], [mean, std], atol=0.02)
        assert x.array.min() >= low
    first = md.empty(3).normal_(generator=md.Generator().manual_seed(5)).array
    np.testing.assert_array_equal(first, md.empty(3).normal_(generator=md.Generator().manual_seed(5)).array)
    for refused in (lambda: x.normal_(std=-1), lambda: x.uniform_(2, 1), lambda: x.bernoulli_(2)):
        with pytest.raises(ValueError, match="_: "):
            refused()
    with pytest.raises(TypeError, match="floating dtype"):
        md.ones(2, dtype=md.int64).normal_()


def test_what_was_freed_is_missed():
    """Of a graph that was freed no part of a gradient is left out without a word."""
    w = leaf()
    y = (w * 2).sigmoid()
    (y * y).sum().backward()
    with pytest.raises(RuntimeError, match="sigmoid: backward a second time"):
        md.autograd.grad((y * y).sum() + (w * w).sum(), [w])
    (g,) = md.autograd.grad((y * 3).sum(), [y])
    assert g.tolist() == [3, 3, 3]


def test_a_number_that_is_overwritten_has_no_older_history():
    w = leaf()
    y = (w * w).sum()
    y.fill_(3.0)
    (y * w[0]).backward()
    assert w.grad.tolist() == [3, 0, 0]


def test_retain_grad_goes_with_the_tensor():
    w = leaf()
    y = w * 1
    part = y[1:]
    y.retain_grad()
    part.retain_grad()
    y *= 2
    (y * 5).sum().backward(retain_graph=True)
    assert y.grad.tolist() == [5, 5, 5] and part.grad is None
    (part * 7).sum().backward()
    assert part.grad.tolist() == [7, 7] and w.grad.tolist() == [10, 24, 24]
    matrix = md.ones(2, 3, requires_grad=True) * 1
    matrix.retain_grad()
    matrix.t_()
    matrix.sum().backward()
    assert matrix.grad.shape == (3, 2)


def test_data_that_is_written_stays_a_view():
    w = leaf()
    y = w * 1
    part = y[1:]
    part.data += 1
    part *= w[0]
    (y * 1).sum().backward()
    assert w.grad.tolist() == [3.75, 0.5, 0.5]
    part.data = md.zeros(2, dtype=md.float64)
    y *= 2
    assert part.tolist() == [0, 0]


def test_turned_outside_the_graph():
    """A leaf stays one; a computed tensor is refused; a view stays one of its base."""
    w = md.ones(2, 3, requires_grad=True)
    read = w * 2
    with md.no_grad():
        w.t_()
    assert w.requires_grad and w.is_leaf and w.shape == (3, 2)
    with pytest.raises(RuntimeError, match="a leaf, was given another shape"):
        read.sum().backward()
    with md.no_grad(), pytest.raises(RuntimeError, match="t_: under no_grad.* history of this tensor would not fit"):
        read.t_()
    base = md.zeros(2, 3, dtype=md.float64)
    rows = base[:1]
    with md.no_grad():
        rows.squeeze_()
    rows += leaf()
    assert base.requires_grad and base[0].tolist() == W


def test_views_of_what_was_detached_lose_their_history_when_it_is_written():
    w = leaf()
    y = w * 1
    part = y[1:]
    y.detach_()
    y.mul_(2)
    assert not part.requires_grad and part.tolist() == [-2.5, 4]
    y = w * 1
    part = y[1:]
    y.detach_()
    y[1] = 3.0
    assert not part.requires_grad


def test_a_quotient_may_be_overwritten():
    w = leaf()
    y = 2 / (w * 1)
    y += 1
    y.sum().backward()
    assert np.allclose(w.grad.array, -2 / np.square(W))


def test_a_write_over_what_it_reads_leaves_no_cycle():
    gc.disable()
    try:
        w = leaf()
        y = w * 1
        y *= w
        array = weakref.ref(y.array)
        del y
        assert array() is None
    finally:
        gc.enable()
