"""What tensors, their makers and the switches refuse: the type of the error, and its words to the letter."""

import numpy as np
import pytest

import minidl as md

NAMES = {"md": md, "np": np, "ones": md.ones, "zeros": md.zeros, "full": md.full, "tensor": md.tensor}
REFUSED = {
    ValueError: {
        "ones(2).uniform_(1, 0)": "uniform_: expected from ≤ to, got 1 and 0",
        "ones(2).normal_(0, -1)": "normal_: std must not be negative, got -1",
        "ones(2).bernoulli_(1.5)": "bernoulli_: p must be in [0, 1], got 1.5",
        "ones(2).bernoulli_(-0.5)": "bernoulli_: p must be in [0, 1], got -0.5",
        "md.bernoulli(tensor([-0.5]))": "bernoulli: expected probabilities from 0 to 1, got some from -0.5 to -0.5",
        "ones(2).fill_(ones(1))": "fill_: expected one number, got a tensor of 1",
        "ones(2).fill_(ones(2))": "fill_: expected one number, got a tensor of 2",
        "ones(2).T": "T: only for matrices, this is 2; use transpose or permute",
        "ones(2, 2, 2).T": "T: only for matrices, this is 2×2×2; use transpose or permute",
        "bool(ones(2))": "bool: a tensor of shape 2 is neither true nor false; compare or reduce it",
        "ones(2).item()": "item: expected one element, the shape is 2",
        "int(ones(2))": "item: expected one element, the shape is 2",
        "zeros(2, -1)": "zeros: a size must not be negative, got -1",
        "full((2,), 300, dtype=md.uint8)": "full: 300 is out of range for uint8",
        "md.full_like(ones(2, dtype=md.uint8), -1)": "full_like: -1 is out of range for uint8",
        "md.arange(0, 3, 0)": "arange: from 0 to 3 by 0 there is no way",
        "md.arange(0, float('inf'))": "arange: expected finite bounds, got 0, inf and 1",
        "md.randint(3, 3, (2,))": "randint: expected low < high, got 3 and 3",
        "md.randint(0, 300, (2,), dtype=md.uint8)": "randint: 299 is out of range for uint8",
        "md.manual_seed(1.5)": "manual_seed: expected an integer from -2**63 to 2**64 - 1, got 1.5",
        "md.manual_seed(2**64)": "manual_seed: expected an integer from -2**63 to 2**64 - 1, got 18446744073709551616",
        "md.manual_seed(-2**63 - 1)": (
            "manual_seed: expected an integer from -2**63 to 2**64 - 1, got -9223372036854775809"
        ),
        "md.manual_seed(True)": "manual_seed: expected an integer from -2**63 to 2**64 - 1, got True",
        "md.set_default_device('tpu')": "device: expected 'cpu', 'cuda' or 'cuda:N', got 'tpu'",
        "md.device('cuda', -1)": "device: expected 'cpu', 'cuda' or 'cuda:N', got 'cuda' and index -1",
        "md.device('cpu', 0)": "device: expected 'cpu', 'cuda' or 'cuda:N', got 'cpu' and index 0",
        "md.device('cuda', True)": "device: expected 'cpu', 'cuda' or 'cuda:N', got 'cuda' and index True",
        "md.device(True)": "device: expected 'cpu', 'cuda' or 'cuda:N', got True",
        "md.full((1,), 2**98, dtype=md.uint8)": "full: 316912650057057350374175801344 is out of range for uint8",
        "md.full((1,), -(2**99), dtype=md.uint8)": "full: an integer of 100 bits is out of range for uint8",
        "md.set_num_threads(0)": "set_num_threads: expected a positive integer, got 0",
        "md.set_num_threads(True)": "set_num_threads: expected a positive integer, got True",
        "md.tensor([[1], [1, 2]])": "tensor: the rows of a nested sequence must be of one length",
        "md.tensor([ones(2)])": "tensor: a sequence holds a tensor of 2; md.stack puts tensors together",
        "md.tensor(300, dtype=md.uint8)": "tensor: 300 is out of range for uint8",
        "md.bernoulli(tensor([1.5]))": "bernoulli: expected probabilities from 0 to 1, got some from 1.5 to 1.5",
        "md.multinomial(tensor([1.0, -1.0]), 1)": "multinomial: weights must be finite and not negative",
        "md.multinomial(tensor([0.0, 0.0]), 1)": "multinomial: the weights of a row are all 0",
        "md.randperm(-1)": "randperm: n must not be negative, got -1",
        "md.normal(0.0, -1.0, (2,))": "normal: std must not be negative, got -1.0",
    },
    TypeError: {
        "md.zeros(1, dtype='>f4')": "zeros: expected a dtype such as md.float32, md.int64 or md.bool, got '>f4'",
        "md.full((1,), np.complex64(1))": "full: expected a number, got complex64",
        "ones(2, dtype=md.int64).normal_()": (
            "normal_: random numbers need a floating dtype to be written to, got int64"
        ),
        "ones(2, dtype=md.int64).add_(1.5)": "add_: the result is float32, and int64 can't hold it",
        "+(ones(2) > 0)": "positive: not defined for bool",
        "'a' in ones(2)": "in: a tensor has numbers alone, got str",
        "len(tensor(1.0))": "len: a 0-d tensor has no length",
        "[0, 1][tensor(1.0)]": "index: only integer tensors can be used as an index, this is float32",
        "ones(2).view()": "view: expected sizes or dimensions, got none",
        "zeros()": "zeros: expected its size as integers or as one sequence of them",
        "zeros((2,), size=(2,))": "zeros: expected its size once",
        "zeros(2.5)": "zeros: a size must be an integer, got 2.5",
        "zeros(True)": "zeros: a size must be an integer, got True",
        "full((2,), 'a')": "full: expected a number, got str",
        "md.arange()": "arange: expected (end) or (start, end, step), got 0 by position",
        "md.arange(1, 2, 3, 4)": "arange: expected (end) or (start, end, step), got 4 by position",
        "md.randint(3)": "randint: expected (high, size) or (low, high, size), where size is a tuple of integers",
        "md.randint(0.5, (2,))": "randint: bounds must be integers, got 0.5",
        "md.rand(2, dtype=md.int64)": "rand: needs a floating dtype, got int64; convert with .to(md.float32)",
        "md.randn(2, generator=3)": "randn: generator: expected a minidl Generator, got int",
        "md.set_default_dtype(md.int64)": "set_default_dtype: expected a floating dtype, got int64",
        "md.set_grad_enabled(1)": "set_grad_enabled: mode must be True or False, got 1",
        "md.inference_mode('no')": "inference_mode: mode must be True or False, got 'no'",
        "md.detect_anomaly(check_nan=0)": "detect_anomaly: check_nan must be True or False, got 0",
        "md.tensor('a')": "tensor: expected numbers, got str",
        "md.from_numpy([1])": "from_numpy: expected a NumPy array, got list; md.tensor() makes a tensor",
    },
    RuntimeError: {
        "ones(2).add_(ones(3, 2))": "add_: the result is 3×2, and a tensor of 2 can't hold it",
        "ones(1, 2).expand(3, 2).add_(1)": (
            "in-place write: this tensor's memory can't be written: several of its elements are one, as "
            "after expand, or it is a read-only array's; write into a .clone()"
        ),
        "ones(2, requires_grad=True).numpy()": (
            "numpy: this tensor requires grad; use .detach().numpy(), or .numpy(force=True)"
        ),
    },
}


@pytest.mark.parametrize("kind, expression", [(kind, expression) for kind in REFUSED for expression in REFUSED[kind]])
def test_refused(kind, expression):
    with pytest.raises((ValueError, TypeError, RuntimeError)) as caught:
        eval(expression, NAMES)
    assert type(caught.value) is kind and str(caught.value) == REFUSED[kind][expression]


TAKEN = {  # just inside
    "ones(2).bernoulli_(1)": [1, 1],
    "ones(2).bernoulli_(0)": [0, 0],
    "ones(2).uniform_(3, 3)": [3, 3],
    "ones(2).normal_(3, 0)": [3, 3],
    "ones(2).fill_(tensor(3))": [3, 3],
    "full((2,), 2, dtype=md.bool)": [True, True],
    "full((2,), 255, dtype=md.uint8)": [255, 255],
    "full((2,), -128.9, dtype=md.int8)": [-128, -128],
    "md.randint(2, 3, (2,))": [2, 2],
    "md.randint(255, 256, (2,), dtype=md.uint8)": [255, 255],
    "md.randperm(0)": [],
    "md.arange(3, 3)": [],
    "zeros(0)": [],
    "md.multinomial(tensor([0.0, 1.0]), 1)": [1],
}


@pytest.mark.parametrize("expression", TAKEN)
def test_taken(expression):
    assert eval(expression, NAMES).tolist() == TAKEN[expression]
