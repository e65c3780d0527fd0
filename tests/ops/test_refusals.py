"""What tensors, their makers and the switches refuse: the type of the error, and its words to the letter."""

import numpy as np
import pytest

import minidl as md

NAMES = {"md": md, "np": np, "ones": md.ones, "zeros": md.zeros, "full": md.full, "tensor": md.tensor}
REFUSED = {
    ValueError: {
        "md.arange(3, 0)": "arange: from 3 to 0 by 1 there is no way",
        "md.arange(250, 257, dtype=md.uint8)": "arange: 256 is out of range for uint8",
        "md.linspace(0, 1, -1)": "linspace: steps must not be negative, got -1",
        "md.linspace(0, 300, 3, dtype=md.uint8)": "linspace: 300 is out of range for uint8",
        "md.logspace(0, 3, 3, dtype=md.uint8)": "logspace: 1000.0 is out of range for uint8",
        "md.eye(2, -1)": "eye: m must not be negative, got -1",
        "md.eye(-1)": "eye: n must not be negative, got -1",
        "md.meshgrid()": "meshgrid: expected tensors, and indexing 'ij' or 'xy', got 0 and 'ij'",
        "md.meshgrid(ones(1), indexing='yx')": "meshgrid: expected tensors, and indexing 'ij' or 'xy', got 1 and 'yx'",
        "md.meshgrid(ones(1, 2))": "meshgrid: expected tensors of 1 dimension, got 1×2",
        "ones(2).to('float99')": "to: 'float99' is neither a device nor a dtype",
        "md.randint(0, 2**63 + 1, (1,))": "randint: 9223372036854775808 is out of range for int64",
        "md.randperm(257, dtype=md.uint8)": "randperm: 256 is out of range for uint8",
        "md.normal(ones(2), float('nan'))": "normal: std must not be negative, got nan",
        "md.normal(0.0, float('nan'), (1,))": "normal: std must not be negative, got nan",
        "md.bernoulli(ones(2), 1.5)": "bernoulli: expected probabilities from 0 to 1, got some from 1.5 to 1.5",
        "md.multinomial(ones(2), 0)": "multinomial: num_samples must be at least 1, got 0",
        "md.multinomial(ones(2), 3)": "multinomial: can't draw 3 of 2 categories without replacement",
        "md.multinomial(ones(2, 2, 2), 1)": "multinomial: expected weights (C,) or (N, C), got 2×2×2",
        "md.multinomial(tensor([1.0, float('inf')]), 1)": "multinomial: weights must be finite and not negative",
        "md.multinomial(tensor([[1.0, 1.0], [0.0, 0.0]]), 1)": "multinomial: the weights of a row are all 0",
        "ones(2).__setitem__(..., ones(3))": "in-place write into 2: a value of 3 does not broadcast there",
        "ones(2).uniform_(float('nan'), 1)": "uniform_: expected from ≤ to, got nan and 1",
        "ones(2).random_(3, 3)": "random_: expected low < high, got 3 and 3",
        "ones(2, dtype=md.uint8).random_(0, 257)": "random_: 256 is out of range for uint8",
        "ones(2, 3, 3).fill_diagonal_(1)": "fill_diagonal_: expected a matrix, or equal sizes, got 2×3×3",
        "ones(3).fill_diagonal_(1)": "fill_diagonal_: expected a matrix, or equal sizes, got 3",
        "md.gather(ones(2, 3), 1, tensor([[0], [0], [0]]))": (
            "gather: index 3×1 is larger than 2×3, or has other dimensions"
        ),
        "md.index_select(ones(2), 0, tensor([[0]]))": "index_select: index must be a vector, got 1×1",
        "md.scatter_add(ones(2), 0, tensor([0, 1]), ones(1))": (
            "scatter_add: index 2 is larger than 1, or has other dimensions"
        ),
        "ones(4)[3:1:-1]": "getitem: the step of a slice must be at least 1, got -1; flip() turns a tensor round",
        "ones(4)[::0]": "getitem: the step of a slice must be at least 1, got 0; flip() turns a tensor round",
        "ones(2)[[[0], 1], 0]": "getitem: the rows of [[0], 1] are not of one length",
        "md.take_along_dim(ones(2, 2), tensor([0]), 0)": "take_along_dim: expected indices of 2 dimensions, got 1",
        "md.unique(ones(2), dim=0)": (
            "unique: dim is not supported: the slices along a dimension are not compared; got dim=0"
        ),
        "md.bincount(tensor([1, -1, 2]))": "bincount: expected a vector of integers, none negative; one is",
        "md.bincount(ones(2))": "bincount: expected a vector of integers, none negative, got float32 of 2",
        "md.bincount(tensor([1]), minlength=-1)": "bincount: minlength must be an integer, not negative, got -1",
        "md.bincount(tensor([1]), ones(2))": "bincount: weights are 2, expected 1",
        "md.histc(ones(2), 0)": "histc: bins must be a positive integer, got 0",
        "md.histc(ones(2), 5, 2, 1.5)": "histc: min 2 is greater than max 1.5",
        "md.histc(tensor([0.0, float('inf')]))": "histc: the range from 0.0 to inf is not finite",
        "ones(3).unfold(0, 2, 0)": "unfold: no windows of 2, one every 0, fit into dim 0 of 3",
        "ones(3).unfold(0, 4, 1)": "unfold: no windows of 4, one every 1, fit into dim 0 of 3",
        "ones(2, 3).movedim(0, (1,))": "movedim: source 0 and destination (1,) must name as many dimensions",
        "ones(3).mT": "mT: only for matrices and batches of them, this is 3",
        "ones(4).unflatten(0, (-1, -1))": "unflatten: sizes (-1, -1) do not multiply to dim 0 of 4",
        "ones(6).unflatten(0, (4, -1))": "unflatten: sizes (4, -1) do not multiply to dim 0 of 6",
        "ones(2, 3).flatten(1, 0)": "flatten: start_dim 1 comes after end_dim 0",
        "ones(2, 3).permute(0, 0)": "permute: dim (0, 0) names a dimension twice",
        "ones(2, 3).sum((0, -2))": "sum: dim (0, -2) names a dimension twice",
        "md.split(ones(3), [4, -1])": "split: [4, -1] does not divide dim 0 of 3",
        "md.split(ones(3), [1, 1])": "split: [1, 1] does not divide dim 0 of 3",
        "md.chunk(ones(3), 0)": "chunk: chunks must be a positive integer, got 0",
        "md.stack([ones(1), ones(2)])": "stack: expected tensors of one shape, got 1 and 2",
        "md.cat([ones(2, 2), ones(3, 3)])": "cat: 2×2 and 3×3 differ in more than dimension 0",
        "md.cat([ones(2, 2), ones(2)])": "cat: 2×2 and 2 differ in more than dimension 0",
        "md.scatter(ones(2), 0, tensor([0]), ones(1), reduce='add')": (
            "scatter: reduce='add' is not supported; scatter_add adds"
        ),
        "md.index_copy(ones(2, 3), 1, tensor([0]), ones(2))": (
            "index_copy: an index 1 and a source 2 do not fit dim 1 of 2×3"
        ),
        "md.einsum('ij,jk', ones(2, 3), ones(4, 5))": "einsum: 'ij,jk': j is 3 and 4, in 2×3, 4×5",
        "md.einsum('ij,jk', ones(2, 3))": "einsum: 'ij,jk' is of 2 tensors, got 1",
        "md.einsum('ij->ii', ones(2, 3))": (
            "einsum: 'ij->ii': the result must name dimensions of what is multiplied, each once, got 'ii'"
        ),
        "md.einsum('ij->k', ones(2, 3))": (
            "einsum: 'ij->k': the result must name dimensions of what is multiplied, each once, got 'k'"
        ),
        "md.einsum('ii', ones(2, 3))": "einsum: 'ii': i is 2 and 3, in 2×3",
        "md.einsum('i', ones(2, 3))": "einsum: 'i': 'i' does not name each dimension of 2×3",
        "ones(2) + ones(3)": "add: shapes 2 and 3 do not broadcast",
        "md.broadcast_tensors(ones(2), ones(3), ones(4))": "broadcast_tensors: shapes 2 and 3 and 4 do not broadcast",
        "tensor([tensor([1, 2]), 3])": "tensor: a sequence holds a tensor of 2; md.stack puts tensors together",
        "tensor(2**70)": "tensor: a number is out of range for int64",
        "tensor([2**70], dtype=md.uint8)": "tensor: a number is out of range for uint8",
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
        "full(3, 1)": "full: size must be a tuple of integers, got 3",
        "full((1,), ones(1))": "full: expected a number, got Tensor",
        "md.arange(1, 2, end=3)": "arange: end is given twice",
        "md.arange(2, dtype=md.bool)": "arange: numbers are counted in an integer or floating dtype, got bool",
        "md.linspace(0, 1, 2, dtype=md.bool)": (
            "linspace: numbers are counted in an integer or floating dtype, got bool"
        ),
        "md.meshgrid(ones(1), ones(1, dtype=md.int64))": (
            "meshgrid: mixed dtypes float32 and int64; convert with .to(dtype)"
        ),
        "ones(2).to('cpu', device='cpu')": (
            "to: expected a device and a dtype at most once each, as (device, dtype, non_blocking, copy)"
        ),
        "ones(2).to(True, md.float64)": "to: non_blocking and copy come last",
        "ones(2).to(True, False, True)": (
            "to: expected a device and a dtype at most once each, as (device, dtype, non_blocking, copy)"
        ),
        "ones(2).to(md.float32, 'cpu')": "to: expected (device, dtype), got 'cpu' at last",
        "ones(2).to(md.float32, md.int64)": "to: expected one dtype, got float32 and int64",
        "ones(2).type('LongTensor')": "type: LongTensor is not here; give a dtype, such as md.float32",
        "ones(2).type('torch.cuda.StringTensor')": (
            "type: torch.cuda.StringTensor is not here; give a dtype, such as md.float32"
        ),
        "md.randint_like(ones(2))": "randint_like: expected (input, high) or (input, low, high)",
        "md.randperm(2, dtype=md.bool)": "randperm: expected an integer or floating dtype, got bool",
        "md.normal(ones(2), 1.0, requires_grad=True)": (
            "normal: size, dtype, device and requires_grad are for numbers; tensors tell their own"
        ),
        "md.normal(ones(2), 1.0, (2,))": (
            "normal: size, dtype, device and requires_grad are for numbers; tensors tell their own"
        ),
        "md.rand_like(ones(2, dtype=md.int64))": (
            "rand_like: needs a floating dtype, got int64; convert with .to(md.float32)"
        ),
        "ones(2).random_(1.5)": "random_: expected (high) or (low, high), integers, got (1.5,)",
        "md.Tensor.add_(3, 1)": "add_: expected a Tensor, got int; md.tensor() makes one",
        "md.Tensor.add_([3], 1)": "add_: expected a Tensor, got list; md.tensor() makes one",
        "md.gather(ones(2), 0, tensor([0], dtype=md.uint8))": (
            "gather: index must be of int64 or int32, got uint8; convert with .to(md.int64)"
        ),
        "md.gather(ones(2), 0, tensor([0], dtype=md.int16))": (
            "gather: index must be of int64 or int32, got int16; convert with .to(md.int64)"
        ),
        "md.scatter_add(ones(2), 0, tensor([0]), ones(1, dtype=md.float64))": (
            "scatter_add: mixed dtypes float32 and float64; convert with .to(dtype)"
        ),
        "ones(4)[0.5:]": "getitem: the bounds of a slice must be integers, got slice(0.5, None, None)",
        "ones(2)[[[0], [0, 1]]]": (
            "getitem: an index that is a list may hold numbers alone; write x[tuple(index)] for one index a "
            "dimension, or x[md.tensor(index)]"
        ),
        "md.masked_select(ones(2), ones(2, dtype=md.uint8))": "masked_select: mask must be of bools, got uint8",
        "md.histc(ones(2, dtype=md.int64))": "histc: needs a floating dtype, got int64; convert with .to(md.float32)",
        "md.where(ones(2) > 0, ones(2))": "where: expected a tensor or a number, got NoneType",
        "md.scatter(ones(2), 0, tensor([0]), ones(1, dtype=md.float64))": (
            "scatter: mixed dtypes float32 and float64; convert with .to(dtype)"
        ),
        "md.index_add(ones(2), 0, tensor([0]), ones(1, dtype=md.float64))": (
            "index_add: mixed dtypes float32 and float64; convert with .to(dtype)"
        ),
        "md.index_copy(ones(2), 0, tensor([0]), ones(1, dtype=md.float64))": (
            "index_copy: mixed dtypes float32 and float64; convert with .to(dtype)"
        ),
        "ones(2, requires_grad=True).register_hook(3)": "register_hook: expected a function of the gradient, got int",
        "ones(2).matmul(3)": "matmul: expected a tensor, got int",
        "ones(2).repeat()": "repeat: expected sizes or dimensions, got none",
        "tensor([1, 'a'])": "tensor: expected numbers, got str",
        "tensor({1})": "tensor: expected numbers, got set",
        "tensor(np.ones(2), dtype='>f8')": (
            "tensor: expected a dtype such as md.float32, md.int64 or md.bool, got '>f8'"
        ),
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
    IndexError: {
        "md.gather(ones(2, 3), -1, tensor([[3]]))": "gather: index from 3 to 3 is out of range for dim -1 of 2×3",
        "md.index_select(ones(2), 0, tensor([2]))": "index_select: index from 2 to 2 is out of range for dim 0 of 2",
        "ones(2)[..., ...]": "getitem: an index can have one ... only",
        "ones(2, 2)[0, 0, tensor([0])]": "getitem: too many indices: 3 for 2 dimensions; the tensor is 2×2",
        "ones(2, 3)[tensor([True, False, True])]": "getitem: a mask of 3 does not fit 2 of 2×3; the tensor is 2×3",
        "ones(2)[tensor([0], dtype=md.int16)]": (
            "getitem: expected an index of integers (int64, int32) or bools, got int16; convert with .to(md.int64)"
        ),
        "ones(2)['a']": "getitem: expected integers, slices, None, ..., bools or tensors as an index, got str",
        "ones(2)[1.5]": "getitem: expected integers, slices, None, ..., bools or tensors as an index, got float",
        "md.take(ones(2, 2), tensor([4]))": "take: index from 4 to 4 is out of range for 4 elements",
        "tensor(1.0).size(0)": "size: dim 0 is out of range, a 0-d tensor has no dimensions",
        "ones(2, 3).narrow(1, 2, 2)": "narrow: 2 from 2 on reach beyond dim 1 of 2×3",
        "ones(2, 3).narrow(1, -4, 1)": "narrow: 1 from -4 on reach beyond dim 1 of 2×3",
        "ones(2, 3).select(0, 2)": "select: index 2 is out of range for dim 0 of 2×3",
        "ones(2, 3).select(-2, -3)": "select: index -3 is out of range for dim -2 of 2×3",
        "ones(2, 3).sum(2)": "sum: dim 2 is out of range for 2 dimensions",
        "tensor(1.0).sum(1)": "sum: dim 1 is out of range for 0 dimensions",
    },
    RuntimeError: {
        "ones(2, requires_grad=True).add_(1)": (
            "add_: a leaf that requires grad can't be changed in place where gradients are recorded; write under "
            "no_grad(), or into a .clone()"
        ),
        "ones(2, requires_grad=True)[:1].add_(1)": (
            "add_: a view of a leaf that requires grad can't be changed in place where gradients are recorded; "
            "write under no_grad(), or into a .clone()"
        ),
        "ones(2, 2, requires_grad=True).t_()": (
            "t_: a leaf that requires grad can't be changed in place where gradients are recorded; write under "
            "no_grad(), or into a .clone()"
        ),
        "ones(2, 3).t().view(6)": (
            "view: 3×2 with strides (1, 3) can't be seen as 6 without a copy; use reshape, or contiguous() before"
        ),
        "ones(2).register_hook(print)": "register_hook: this tensor does not require grad, so it will have no gradient",
        "ones(2).retain_grad()": "retain_grad: this tensor does not require grad, so it will have no gradient",
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
    with pytest.raises((ValueError, TypeError, IndexError, RuntimeError)) as caught:
        eval(expression, NAMES)
    assert type(caught.value) is kind and str(caught.value) == REFUSED[kind][expression]


TAKEN = {  # just inside
    "ones(2)[[]]": [],
    "ones(2, 3)[[], 0]": [],
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
    "md.arange(250, 256, dtype=md.uint8)": [250, 251, 252, 253, 254, 255],
    "md.linspace(0, 255, 2, dtype=md.uint8)": [0, 255],
    "md.linspace(0, 1, 1)": [0],
    "md.linspace(0, 1, 0)": [],
    "md.logspace(0, 2, 3)": [1, 10, 100],
    "md.eye(2, 0)": [[], []],
    "full((1,), 255, dtype=md.uint8).item()": 255,
    "full((1,), -128, dtype=md.int8).item()": -128,
    "full((), tensor(2)).dtype": md.int64,
    "zeros(np.array(2), tensor([1])).shape": (2, 1),
    "md.meshgrid(ones(2), ones(3), ones(4), indexing='xy')[0].shape": (3, 2, 4),
    "md.randperm(256, dtype=md.uint8).sort()[0]": list(range(256)),
    "md.randint(3, 4, (2,))": [3, 3],
    "md.randint(255, 256, [1], dtype=md.uint8).item()": 255,
    "md.bernoulli(ones(2), 1)": [1, 1],
    "md.bernoulli(ones(2), 0)": [0, 0],
    "md.normal(3.0, 0.0, (1,)).item()": 3,
    "md.normal(ones(2), 0)": [1, 1],
    "ones(2, dtype=md.uint8).random_(255, 256)": [255, 255],
    "ones(2, 2, 2).fill_diagonal_(0).sum().item()": 6,
    "ones(3).narrow(0, 3, 0)": [],
    "tensor([1, 2, 3]).narrow(0, -3, 1)": [1],
    "tensor([1, 2]).select(0, -2).item()": 1,
    "tensor([1, 2]).take(tensor([1, -2]))": [2, 1],
    "ones(3).unfold(0, 3, 1).shape": (1, 3),
    "md.chunk(ones(0), 2)[1].shape": (0,),
    "md.split(ones(3), 4)[0].shape": (3,),
    "md.bincount(tensor([1]), minlength=3)": [0, 1, 0],
    "md.histc(tensor([1.0, 1.0]), 2)": [0, 2],
    "md.tensor([tensor([[3]]), 4])": [3, 4],
    "tensor([2**70], dtype=md.float32).item()": 2**70,
    "ones(1, dtype=md.int16).type('int32').type()": "torch.IntTensor",
    "ones(2).stride(0)": 1,
    "ones(2, 3, 4).stride(1)": 4,
    "ones(2, 3).element_size()": 4,
    "ones(2, 3).nbytes": 24,
    "md.where(tensor([0, 2]))[0]": [1],
}


@pytest.mark.parametrize("expression", TAKEN)
def test_taken(expression):
    found = eval(expression, NAMES)
    assert (found.tolist() if isinstance(found, md.Tensor) else found) == TAKEN[expression]
