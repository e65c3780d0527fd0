"""What a batch is made of."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl.data import DataLoader, TensorDataset, default_collate, default_convert

Pair = namedtuple("Pair", "x y")


def form(batch):
    """A batch with its tensors as (dtype, values)."""
    if isinstance(batch, dict):
        return type(batch)({key: form(value) for key, value in batch.items()})
    if isinstance(batch, (list, tuple)):
        fields = [form(value) for value in batch]
        return type(batch)(*fields) if hasattr(batch, "_fields") else type(batch)(fields)
    return (str(batch.dtype), batch.numpy().tolist()) if isinstance(batch, md.Tensor) else batch


COLLATED = {
    "integers": ([1, 2], ("int64", [1, 2])),
    "floats": ([0.1, 0.2], ("float64", [0.1, 0.2])),
    "bools": ([True, False], ("bool", [True, False])),
    "an integer first": ([1, 2.5], ("float32", [1, 2.5])),
    "NumPy's numbers": ([np.float32(1), np.float32(2)], ("float32", [1, 2])),
    "NumPy's float64": ([np.float64(0.1), np.float64(2)], ("float64", [0.1, 2])),
    "NumPy's int32": ([np.int32(1), np.int32(2)], ("int32", [1, 2])),
    "arrays": ([np.ones(2, "f"), np.zeros(2, "f")], ("float32", [[1, 1], [0, 0]])),
    "mixed arrays": ([np.ones(1, "f"), np.zeros(1)], ("float64", [[1], [0]])),
    "0-d arrays": ([np.array(1.5), np.array(2.5)], ("float64", [1.5, 2.5])),
    "tensors": ([md.tensor([1, 2], dtype=md.uint8)] * 2, ("uint8", [[1, 2], [1, 2]])),
    "tensor and array": ([md.tensor([1.0]), np.zeros(1, "f")], ("float32", [[1], [0]])),
    "array and tensor": ([np.zeros(2, "f"), md.ones(2)], ("float32", [[0, 0], [1, 1]])),
    "texts": (["a", "b"], ["a", "b"]),
    "bytes": ([b"a", b"b"], [b"a", b"b"]),
    "tuples": ([(1, "a"), (2, "b")], [("int64", [1, 2]), ("a", "b")]),
    "lists": ([[1, 2], [3, 4]], [("int64", [1, 3]), ("int64", [2, 4])]),
    "nothing in it": ([(), ()], []),
    "named tuples": ([Pair(1, 2), Pair(3, 4)], Pair(("int64", [1, 3]), ("int64", [2, 4]))),
    "dicts": ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], {"a": ("int64", [1, 2]), "b": ["x", "y"]}),
    "a key of later ones": ([{"a": 1}, {"a": 2, "b": 3}], {"a": ("int64", [1, 2])}),
    "ordered dicts": ([OrderedDict(a=1), OrderedDict(a=2)], OrderedDict(a=("int64", [1, 2]))),
    "nested": ([(1, {"k": [2.0]})] * 2, [("int64", [1, 1]), {"k": [("float64", [2, 2])]}]),
}  # fmt: skip


@pytest.mark.parametrize("samples, batch", COLLATED.values(), ids=COLLATED)
def test_collate(samples, batch):
    for made in (default_collate(samples), next(iter(DataLoader(samples, len(samples))))):
        assert form(made) == batch and type(made) is (md.Tensor if isinstance(batch, tuple) and
                                                      isinstance(batch[0], str) else type(batch))  # fmt: skip


def test_collate_keeps_the_gradient():
    x = md.ones(2, requires_grad=True)
    default_collate([x, x * 2]).sum().backward()
    assert x.grad.numpy().tolist() == [3, 3]


@pytest.mark.parametrize("samples, error, said", [
    ([None, None], TypeError, "collate: can't stack samples of type NoneType: a sample may be .* a collate_fn"),
    ([type("Image", (), {})()], TypeError, r"type Image: .*; transforms\.ToTensor\(\) makes one of a Pillow image"),
    ([{1}, {2}], TypeError, "collate: can't stack samples of type set"),
    ([1j, 2j], TypeError, "collate: can't stack samples of type complex"),
    ([np.array("a")] * 2, TypeError, "collate: can't stack samples of type <U1"),
    ([np.ones(2), None], TypeError, "collate: can't stack samples of type NoneType"),
    ([np.ones((2, 3)), np.ones((2, 2))], ValueError, "collate: can't stack samples of shapes 2×3 and 2×2"),
    ([md.ones(2), md.ones(3)], ValueError, "collate: can't stack samples of shapes 2 and 3"),
    ([np.ones(2, complex)] * 2, TypeError, "collate: can't stack samples of type complex128"),
    ([(1, 2), (1, 2), (1,)], ValueError, "collate: the samples of a batch differ in their number of fields"),
    ([(1, 2), 1, "a"], ValueError, "collate: the samples of a batch are of different kinds, tuple and int"),
    ([{"a": 1}, (1,)], ValueError, "collate: the samples of a batch are of different kinds, dict and tuple"),
    ([{"a": 1, "b": 1}, {"c": 1}], ValueError, "collate: a sample of the batch has no 'a', which the first has"),
    ([], ValueError, "collate: a batch of no samples"),
    ((), ValueError, "collate: a batch of no samples"),
    (np.ones((0, 2)), ValueError, "collate: a batch of no samples"),
])  # fmt: skip
def test_collate_refuses(samples, error, said):
    with pytest.raises(error, match=said):
        default_collate(samples)


def test_a_collate_fn_of_ones_own_gets_samples_and_is_left_alone():
    x = np.arange(6.0).reshape(3, 2)
    loader = DataLoader(TensorDataset(md.tensor(x), np.arange(3)), 2, collate_fn=lambda samples: samples)
    first, last = loader
    assert [type(sample) for sample in first] == [tuple, tuple] and len(last) == 1
    assert isinstance(first[0][0], md.Tensor) and first[1][0].numpy().tolist() == [2, 3] and first[1][1] == 1
    assert list(DataLoader(["a", "bc"], 2, collate_fn="".join)) == ["abc"]


def test_convert():
    data = {"a": np.ones(2), "b": ("x", 1, np.int8(3)), "c": Pair(md.ones(1), None), "d": b"xy"}
    assert form(default_convert(data)) == {
        "a": ("float64", [1, 1]), "b": ["x", 1, ("int8", 3)], "c": Pair(("float32", [1]), None), "d": b"xy"
    }  # fmt: skip


def test_batches_are_put_on_the_default_device(standin):  # noqa: F811
    samples = [(np.ones(2), 1, 0.5, md.ones(1, device="cpu"), {"k": np.int8(1)}, "name")] * 2
    before = md.get_default_device()
    try:
        for device, name in (("cpu", "cpu"), ("cuda", "cuda:0")):
            md.set_default_device(device)
            a, b, c, d, nested, names = next(iter(DataLoader(samples, 2)))
            assert {t.device for t in (a, b, c, d, nested["k"])} == {name} and names == ("name", "name")
            ((x,),) = DataLoader(TensorDataset(np.ones(2)), 2)
            assert x.device == name
            assert default_convert(np.ones(1)).device == name
        md.set_default_device("cpu")
        ((x,),) = DataLoader(TensorDataset(md.ones(2, device="cuda")), 2)
        assert x.device == "cuda:0"  # where it was
        assert default_convert(x.array).device == default_collate([x.array, x]).device == "cuda:0"
        with pytest.raises(RuntimeError, match="^collate: tensors on cpu and cuda:0"):
            default_collate([md.ones(2, device="cpu"), x])
    finally:
        md.set_default_device(before)


def test_pytorchs_names_for_the_modules():
    from minidl.utils.data import DataLoader as other
    from minidl.utils.data import sampler
    from minidl.utils.data.dataloader import default_collate as collate
    from minidl.utils.data.dataset import TensorDataset as tensors
    from minidl.utils.data.sampler import SubsetRandomSampler

    assert other is DataLoader and md.utils.data.TensorDataset is TensorDataset is tensors
    assert collate is default_collate and sampler.SubsetRandomSampler is SubsetRandomSampler
    with pytest.raises(AttributeError, match="minidl.utils.data.sampler has no Sampled; did you mean Sampler?"):
        sampler.Sampled  # noqa: B018
