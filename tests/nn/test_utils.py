"""Limits of gradients, and parameters as a vector."""

import math

import numpy as np
import pytest

import minidl as md
from minidl import nn


@pytest.mark.parametrize("write", [
    lambda p: nn.utils.clip_grad_norm_(p, 0.1), lambda p: nn.utils.clip_grad_value_(p, 0.1),
    lambda p: nn.utils.vector_to_parameters(md.zeros(2), [p.grad]),
])  # fmt: skip
def test_what_is_written_in_place_is_on_record(write):
    p = nn.Parameter(md.ones(2))
    p.grad = md.ones(2)
    array, z = p.grad.array, (md.ones(2, requires_grad=True) * p.grad).sum()
    write(p)
    assert p.grad.array is array and (array < 0.5).all()
    with pytest.raises(RuntimeError, match="changed in place after it was read"):
        z.backward()


def test_recorded_gradients_can_be_limited_too():
    for limit in (nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_):
        p = nn.Parameter(md.ones(1))
        p.grad = md.ones(1, requires_grad=True) * 2
        total = limit(p, 0.5)
        assert p.grad.item() == pytest.approx(0.5) and not getattr(total, "requires_grad", False)


def test_parameters_as_a_vector():
    block = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    vector = nn.utils.parameters_to_vector(block.parameters()).detach()
    assert vector.shape == (sum(p.array.size for p in block.parameters()),)
    arrays = [p.array for p in block.parameters()]
    nn.utils.vector_to_parameters(vector.to(md.float64) * 2, block.parameters())
    assert all(p.array is a and p.dtype == md.float32 for p, a in zip(block.parameters(), arrays, strict=True))
    assert (nn.utils.parameters_to_vector(block.parameters()).detach() == vector * 2).all()


@pytest.mark.parametrize("call, error, said", [
    (lambda p: nn.utils.vector_to_parameters(md.ones(4), [p]), ValueError, "a vector of 3 elements, got 4"),
    (lambda p: nn.utils.vector_to_parameters(md.ones(1, 3), [p]), ValueError, "a vector of 3 elements, got 1×3"),
    (lambda p: nn.utils.vector_to_parameters(np.ones(3), [p]), TypeError, "expected a Tensor, got ndarray"),
    (lambda p: nn.utils.parameters_to_vector([np.ones(3)]), TypeError, "expected a Tensor, got ndarray"),
    (lambda p: nn.utils.parameters_to_vector([]), ValueError, "expected tensors"),
    (lambda p: nn.utils.clip_grad_norm_(p, 1.0, 3.0, error_if_nonfinite=True), RuntimeError,
     "^clip_grad_norm_: the norm of order 3.0 is inf$"),
    (lambda p: nn.utils.clip_grad_norm_([p, "p"], 1.0), TypeError, "clip_grad_norm_: expected a Tensor, got str"),
    (lambda p: nn.utils.clip_grad_value_({"p": p}, 1.0), TypeError, "clip_grad_value_: expected a Tensor, got str"),
])  # fmt: skip
def test_mistakes_of_utilities(call, error, said):
    p = nn.Parameter(md.zeros(3))
    p.grad = md.full((3,), math.inf)
    with pytest.raises(error, match=said):
        call(p)
