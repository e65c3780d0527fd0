"""Batches beside PyTorch's: what a sample becomes in one, and which options go together."""

import inspect
import multiprocessing
from collections import OrderedDict, namedtuple
from itertools import product

import numpy as np
import pytest
from parity import MISTAKES, OURS, RNG, THEIRS, torch

import minidl as md

Pair = namedtuple("Pair", "x y")
FIELDS = {
    "int": lambda m: 3,
    "float": lambda m: 0.1,
    "bool": lambda m: True,
    "text": lambda m: "a",
    "bytes": lambda m: b"a",
    "None": lambda m: None,
    "set": lambda m: {1},
    "complex": lambda m: 1j,
    "float16": lambda m: np.float16(2),
    "float32": lambda m: np.float32(2),
    "float64": lambda m: np.float64(2),
    "uint8": lambda m: np.uint8(2),
    "int32": lambda m: np.int32(2),
    "bool_": lambda m: np.bool_(True),
    "array": lambda m: np.ones((2, 3), "f"),
    "0-d": lambda m: np.array(2),
    "text array": lambda m: np.array("a"),
    "tensor": lambda m: m.tensor([1.0, 2.0]),
    "0-d tensor": lambda m: m.tensor(1.0),
    "int8 tensor": lambda m: m.tensor([1, 2], dtype=m.int8),
}
WRAPPED = {
    "alone": lambda x: x,
    "tuple": lambda x: (x, 1),
    "list": lambda x: [1, x],
    "dict": lambda x: {"k": x, "l": 1},
    "ordered": lambda x: OrderedDict(k=x),
    "named": lambda x: Pair(x, 1),
    "deep": lambda x: [{"k": (x, [x])}, "a"],
}


def form(value):
    """A batch with its tensors as (dtype, values)."""
    if isinstance(value, (md.Tensor, torch.Tensor)):
        return str(value.dtype).removeprefix("torch."), value.numpy().tolist()
    if isinstance(value, dict):
        return type(value).__name__, {key: form(field) for key, field in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [form(field) for field in value]
    return value


def alike(make):
    """make(library, its ``utils.data``) gives the same on both, or both refuse."""
    try:
        expected = form(make(THEIRS, torch.utils.data))
    except (*MISTAKES, KeyError):
        with pytest.raises(MISTAKES):
            make(OURS, md.utils.data)
    else:
        assert form(make(OURS, md.utils.data)) == expected


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_a_batch_of(field, wrapped):
    alike(lambda m, data: data.default_collate([wrapped(field(m)) for _ in range(3)]))
    alike(lambda m, data: data.default_convert(wrapped(field(m))))
    alike(lambda m, data: list(data.DataLoader([wrapped(field(m)) for _ in range(3)], 2)))


@pytest.mark.parametrize("first, second", [
    (1, 2.5), (1.5, 2), (True, 2), (2, True), (1, "a"), ([1], [1, 2]), ((1,), 1), ({"a": 1}, {"b": 1}),
    ({"a": 1}, {"a": 2, "b": 1}), (np.ones(1, "f"), np.ones(1)), (np.ones(1), np.ones(2)), ([], []), (None, 1),
    (2**62, 1),
])  # fmt: skip
def test_samples_that_differ(first, second):
    alike(lambda m, data: data.default_collate([first, second]))


def loaders():
    options = {
        "batch_size": [1, 3, 0, None],
        "shuffle": [None, False],
        "sampler": [None, [5, 1, 1, 0]],
        "batch_sampler": [None, [[1, 2], [3]]],
        "drop_last": [False, True],
        "num_workers": [0, -1],
    }
    return [dict(zip(options, values, strict=True)) for values in product(*options.values())]


class Numbers:
    def __len__(self):
        return 7

    def __getitem__(self, index):
        return index, np.float32(index)


@pytest.mark.parametrize("options", loaders(), ids=lambda options: ",".join(map(str, options.values())))
def test_a_loader_of(options):
    def by_index(m, data):
        loader = data.DataLoader(Numbers(), **options)
        return len(loader), list(loader), loader.batch_size, loader.drop_last

    def in_a_row(m, data):
        class Row(data.IterableDataset):
            def __iter__(self):
                return iter(range(7))

        return list(data.DataLoader(Row(), **options))

    alike(by_index)
    alike(in_a_row)


@pytest.mark.parametrize("arguments", [
    (2, False), (2, None, [3, 4]), (1, None, None, [[1], [2, 3]]), (2, False, None, None, 0, len),
    (2, False, None, None, 0, None, False, True), (2, True, [1]), (True,), ("2",), (2, False, None, None, 0, 3),
])  # fmt: skip
def test_a_loader_by_position(arguments):
    alike(lambda m, data: list(data.DataLoader(Numbers(), *arguments)))


@pytest.mark.parametrize("options", [
    {"timeout": -1}, {"prefetch_factor": 2}, {"persistent_workers": True}, {"multiprocessing_context": "fork"},
    {"worker_init_fn": print}, {"pin_memory": False}, {"in_order": False}, {"workers": 2}, {"prefetch_factor": None},
])  # fmt: skip
def test_what_loads_ahead(options):
    alike(lambda m, data: list(data.DataLoader(Numbers(), 2, **options)))


@pytest.mark.parametrize("lengths", [
    [4, 3], [7], [0, 7], [3, 3], [0.5, 0.5], [0.9, 0.1], [0.3, 0.3, 0.4], [0.5, 0.4], [1.5, -0.5], [1.0],
    [2.5, 4.5],
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:Length of split at index 1 is 0", "ignore:random_split.*gets none")
def test_random_split(lengths):
    def sizes(m, data):
        parts = data.random_split(Numbers(), lengths)
        return [len(part) for part in parts], sorted(part[i][0] for part in parts for i in range(len(part)))

    alike(sizes)


@pytest.mark.parametrize(
    "name", ["batch_size", "sampler", "batch_sampler", "drop_last", "dataset", "collate_fn", "timeout"]
)
def test_what_can_be_set(name):
    alike(lambda m, data: setattr(data.DataLoader(Numbers()), name, None))


def test_data_sets_in_a_row():
    values = RNG.integers(0, 9, 5)

    def joined(m, data):
        a, b = (data.TensorDataset(m.tensor(values + i)) for i in range(2))
        return [(a + b)[i] for i in (0, 4, 5, 9, -1, -10)], len(a + b + a), (a + b).cumulative_sizes

    alike(joined)
    for i in (10, -11):
        alike(lambda m, data, i=i: (data.TensorDataset(m.tensor(values)) + data.TensorDataset(m.tensor(values)))[i])


@pytest.mark.parametrize("name", [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "RandomSampler", "SequentialSampler", "StackDataset",
    "Subset", "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "default_collate", "get_worker_info",
    "random_split",
])  # fmt: skip
def test_signatures(name):
    """The same arguments in the same order, with the same defaults but for objects of PyTorch's own."""
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (md.utils.data, torch.utils.data))
    theirs = {k: p for k, p in theirs.items() if k != "collate_fn_map"}
    ours = {k: p for k, p in ours.items() if k != "stratify"}
    assert [(k, p.kind) for k, p in ours.items()] == [(k, p.kind) for k, p in theirs.items()]
    for argument, parameter in theirs.items():
        if not isinstance(parameter.default, torch.Generator):
            assert ours[argument].default == parameter.default, argument


def parts(m, data):
    """Stacks and chains."""

    class Row(data.IterableDataset):
        def __iter__(self):
            return iter(range(3))

    x, y = data.TensorDataset(m.tensor([1, 2])), [3, 4]
    stacks = [data.StackDataset(x, y), data.StackDataset(a=x, b=y)]
    loaded = [list(data.DataLoader(stack, 2)) for stack in stacks]
    return [[stack[1] for stack in stacks], loaded, list(Row() + Row()), list(data.ChainDataset([Row(), Row(), Row()]))]


def test_parts():
    alike(parts)


@pytest.mark.parametrize("refused", [
    lambda data: data.StackDataset(), lambda data: data.StackDataset([1], [1, 2]),
    lambda data: data.StackDataset([1], a=[1]), lambda data: data.WeightedRandomSampler([1.0], 0),
    lambda data: data.WeightedRandomSampler([1.0, 2.0], 2, 1), lambda data: data.WeightedRandomSampler([[1.0]], 1),
    lambda data: list(data.WeightedRandomSampler([-1.0], 1)), lambda data: list(data.WeightedRandomSampler([0.0], 1)),
])  # fmt: skip
def test_what_both_refuse(refused):
    for library in (md, torch):
        with pytest.raises(MISTAKES):
            refused(library.utils.data)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded", "ignore:This DataLoader will create")
@pytest.mark.parametrize("n, size, workers, drop_last", [
    (7, 2, 2, False), (9, 2, 2, False), (9, 2, 3, False), (9, 2, 2, True), (1, 1, 2, False)
])  # fmt: skip
def test_workers_take_turns(n, size, workers, drop_last):
    """The parts of a row that is shared out come in PyTorch's order; so do the batches of indices, by whose worker."""

    def shared_out(m, data, kind):
        class Row(data.IterableDataset):
            def __iter__(self):
                info = data.get_worker_info()
                return iter(range(info.id, n, info.num_workers))

        class Told(data.Dataset):
            def __len__(self):
                return n

            def __getitem__(self, index):
                return index, data.get_worker_info().id

        options = dict(drop_last=drop_last, num_workers=workers, multiprocessing_context=kind, prefetch_factor=1)
        return form([list(data.DataLoader(dataset, size, **options)) for dataset in (Row(), Told())])

    expected = shared_out(THEIRS, torch.utils.data, "fork")
    assert shared_out(OURS, md.utils.data, "fork") == shared_out(OURS, md.utils.data, None) == expected
