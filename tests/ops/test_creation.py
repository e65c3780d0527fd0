"""Tensors that are made: from what is at the door, in which order of memory, and random ones by their distribution."""

import copy
import pickle

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl import nn
from minidl.backend import dtypes
from minidl.engine.op import Op

MISTAKES = (ValueError, TypeError, RuntimeError)

# --- at the door ------------------------------------------------------------------------------------------------------

MASKED = np.ma.array([1.0, 2.0], mask=[True, False])
FOREIGN = np.array([1.0, 2.0], ">f4" if np.little_endian else "<f4")
LONG = np.array([1.0, 2.0], np.longdouble)
DOORS = {
    "tensor": md.tensor, "as_tensor": md.as_tensor, "from_numpy": md.from_numpy, "Tensor": md.Tensor,
    "Parameter": nn.Parameter, "add": lambda a: md.ones(1) + a, "in-place write": lambda a: md.zeros(2).copy_(a),
    "in a list": lambda a: md.tensor([a]), "load_state_dict": lambda a: Buffered().load_state_dict({"held": a}),
}  # fmt: skip


class Buffered(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("held", md.zeros(2))


@pytest.mark.parametrize("door", DOORS)
def test_masked_arrays_are_refused(door):
    with pytest.raises(TypeError, match=r"a masked array has values that don't count; fill them by \.filled\(value\)"):
        DOORS[door](MASKED)


@pytest.mark.parametrize("door", DOORS)
def test_another_byte_order_is_converted_or_refused(door):
    if door in ("tensor", "as_tensor"):
        made = DOORS[door](FOREIGN)
        assert made.dtype.isnative and made.numpy().tolist() == [1, 2]
    else:
        with pytest.raises(TypeError, match=r"is not this machine's byte order; md\.tensor\(array\) converts it"):
            DOORS[door](FOREIGN)


@pytest.mark.skipif(LONG.dtype == np.float64, reason="long double is double here")
@pytest.mark.parametrize("door", DOORS)
def test_long_doubles_are_refused(door):
    with pytest.raises(TypeError, match=r"got \w+; convert it by \.astype\(np\.float64\)"):
        DOORS[door](LONG)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("door", [door for door in DOORS if door not in ("in a list", "load_state_dict")])
def test_subclasses_become_arrays(door):
    made = DOORS[door](np.matrix([[1.0, 2.0]]))
    assert type(made.array) is np.ndarray


def test_what_cannot_be_written_is_no_parameter():
    fixed = np.ones(3, np.float32)
    fixed.flags.writeable = False
    for data in (fixed, md.from_numpy(fixed), md.ones(1).expand(3)):
        with pytest.raises(ValueError, match=r"Parameter: its memory can't be written.*\.clone\(\)"):
            nn.Parameter(data)
        assert nn.Parameter(md.tensor(data)).array.flags.writeable
    with pytest.raises(RuntimeError, match="can't be written"):
        md.from_numpy(fixed).fill_(2)


@pytest.mark.parametrize("data, says", [
    (None, "NoneType"), ([1, None], "NoneType"), ("one", "str"), (["one"], "str"), ({1: 2}, "dict"), (1j, "complex"),
    ([1j], "complex"), (iter([1]), "list_iterator"), (np.array([1j]), "complex128"), (float, "type"),
])  # fmt: skip
def test_what_is_no_number_is_refused(data, says):
    with pytest.raises(TypeError, match=f"^tensor: expected .*{says}"):
        md.tensor(data)


def test_sequences_that_are_nested_too_deep():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="^tensor: a sequence is nested deeper than 64 times$"):
        md.tensor(loop)


def test_shared_and_copied_memory():
    a = np.ones(2)
    assert np.shares_memory(md.as_tensor(a).array, a) and np.shares_memory(md.from_numpy(a).array, a)
    assert not np.shares_memory(md.tensor(a).array, a)
    x = md.ones(2, requires_grad=True)
    assert md.as_tensor(x) is x and md.as_tensor(x, dtype=md.float64).requires_grad
    assert x.to(md.float32) is x and x.float() is x and x.to("cpu", copy=True) is not x
    assert not np.shares_memory(x.to(copy=True).array, x.array)


def test_lists_of_tensors_and_arrays_keep_their_dtype():
    assert md.tensor([np.ones(2), np.ones(2)]).dtype == md.tensor([md.tensor(1.0, dtype=md.float64)]).dtype == "f8"
    assert md.tensor([np.float16(1), 2]).dtype == "f2" and md.tensor([np.int8(1), True]).dtype == "i1"
    with pytest.raises(ValueError, match=r"a sequence holds a tensor of 2; md\.stack puts tensors together"):
        md.tensor([md.ones(2), md.ones(2)])


# --- numbers and dtypes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value, dtype, fits", [
    (255, "u1", True), (256, "u1", False), (255.9, "u1", True), (256.0, "u1", False), (-0.5, "u1", True),
    (-1, "u1", False), (2**63 - 1, "i8", True), (2**63, "i8", False), (float(2**63), "i8", False),
    (-(2**63), "i8", True), (65504, "f2", True), (65505, "f2", False), (float("inf"), "f2", True), (1e38, "f4", True),
    (1e39, "f4", False), (10**400, "f8", False), (float("nan"), "i4", False), (float("nan"), "f4", True),
    (np.float64(300), "u1", False), (np.uint64(2**63), "i8", False), (True, "u1", True), (1, "?", True),
    (2, "?", False),
])  # fmt: skip
def test_room(value, dtype, fits):
    if fits:
        dtypes.require_room("f", value, np.dtype(dtype))
    else:
        with pytest.raises(ValueError, match=r"^f: .+ is out of range for \w+$"):
            dtypes.require_room("f", value, np.dtype(dtype))


@pytest.mark.parametrize("call", [
    lambda n: md.ones(2) * n, lambda n: md.arange(2) - n, lambda n: n / md.arange(2), lambda n: md.ones(2) < n,
    lambda n: md.arange(2) == n, lambda n: md.ones(2).fill_(n), lambda n: md.full((2,), n, dtype=md.float64),
    lambda n: md.ones(2).masked_fill(md.ones(2) > 0, n), lambda n: md.tensor(n), lambda n: md.tensor([n], dtype="f4"),
    lambda n: md.arange(n), lambda n: md.linspace(0, n, 2), lambda n: md.ones(2).__setitem__(0, n),
])  # fmt: skip
@pytest.mark.parametrize("n", [10**400, -(10**5000)], ids=["large", "least"])
def test_integers_beyond_all_dtypes_are_refused_by_name(call, n):
    with pytest.raises(ValueError, match=r"^[a-z_ -]+: .* is out of range for \w+$|^tensor: a number is out of range"):
        call(n)


def test_default_dtype():
    try:
        md.set_default_dtype(md.float64)
        made = [md.tensor(1.5), md.tensor([1.5]), md.ones(2), md.full((1,), 2.0), md.arange(2.0), md.linspace(0, 1, 2)]
        made += [md.arange(2) / 2, md.rand(2), md.normal(0.0, 1.0, (2,)), nn.Linear(1, 1).weight, md.eye(2)]
        assert {t.dtype for t in made} == {md.float64} and md.get_default_dtype() == md.float64
        assert repr(md.tensor(1.5)) == "tensor(1.5)"
    finally:
        md.set_default_dtype(md.float32)
    for wrong in (md.int64, "nonsense", None):
        with pytest.raises(TypeError, match="^set_default_dtype: expected"):
            md.set_default_dtype(wrong)


def test_names_of_dtypes():
    assert (md.half, md.float, md.double) == (md.float16, md.float32, md.float64)
    assert (md.short, md.int, md.long, md.bool) == (md.int16, md.int32, md.int64, np.dtype("?"))
    x = md.ones(2)
    casts = [x.half(), x.float(), x.double(), x.byte(), x.char(), x.short(), x.int(), x.long(), x.bool()]
    assert [t.dtype.char for t in casts] == list("efdBbhil?")
    for t in casts:
        assert x.type(t.type()).dtype == t.dtype and t.type(t.type()) is t
    with pytest.raises(TypeError, match="expected a dtype such as .*md.bool, got <class 'complex'>"):
        md.zeros(2, dtype=complex)


# --- what is made -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [md.zeros_like, md.ones_like, md.empty_like, md.rand_like, lambda x: md.full_like(x, 2)]
)
def test_what_is_like_a_tensor_lies_like_it_in_memory(make):
    last = md.ones(2, 4, 5, 3).permute(0, 3, 1, 2)
    made = make(last)
    assert made.array.strides == last.array.strides and made.shape == last.shape and made.array.flags.writeable
    assert make(md.ones(1, 2).expand(3, 2)).array.flags.writeable and make(md.ones(())).shape == ()


@pytest.mark.parametrize("made, values", [
    (lambda **k: md.linspace(0, 1, 5, **k), [0, 0.25, 0.5, 0.75, 1]), (lambda **k: md.linspace(2, 5, 1, **k), [2]),
    (lambda **k: md.logspace(0, 2, 3, 2, **k), [1, 2, 4]), (lambda **k: md.arange(3.0, **k), [0, 1, 2]),
    (lambda **k: md.arange(1, 4, 1.5, **k), [1, 2.5]), (lambda **k: md.eye(2, 3, **k), [[1, 0, 0], [0, 1, 0]]),
    (lambda **k: md.full((2,), 3.0, **k), [3, 3]), (lambda **k: md.zeros(1, 2, **k), [[0, 0]]),
    (lambda **k: md.full_like(md.ones(2), 3, **k), [3, 3]), (lambda **k: md.tensor([1.0], **k), [1]),
])  # fmt: skip
def test_values_and_options(made, values, standin):  # noqa: F811
    x = made()
    assert x.numpy().tolist() == values and x.dtype == md.float32 and not x.requires_grad and x.device == "cpu"
    x = made(requires_grad=True, device="cuda:1", dtype=md.float64)
    assert x.requires_grad and x.device == "cuda:1" and x.dtype == md.float64


def test_large_integers_are_counted_exactly():
    assert md.arange(2**62, 2**62 + 3).numpy().tolist() == [2**62, 2**62 + 1, 2**62 + 2]


@pytest.mark.parametrize("indexing", ["ij", "xy"])
def test_meshgrid(indexing):
    a, b, c = np.arange(2), np.arange(3), np.arange(4)
    ours = md.meshgrid(*map(md.tensor, (a, b, c)), indexing=indexing)
    for x, y in zip(ours, np.meshgrid(a, b, c, indexing=indexing), strict=True):
        assert np.array_equal(x.numpy(), y)


def test_meshgrid_passes_gradients():
    md.gradcheck(
        lambda a, b: sum(c**2 for c in md.meshgrid(a, b)),
        [md.rand(n, dtype=md.float64).requires_grad_() for n in (2, 3)],
    )


def test_sizes_beyond_memory():
    for call in (lambda: md.zeros(2**40, 2**40), lambda: md.rand(2**50), lambda: md.arange(2**60)):
        with pytest.raises(RuntimeError, match="there is no memory for 1"):
            call()


def test_devices():
    cpu, gpu = md.device("cpu"), md.device("cuda", 1)
    assert (gpu.type, gpu.index, str(gpu), repr(gpu)) == ("cuda", 1, "cuda:1", "device(type='cuda', index=1)")
    assert (md.device(0).index, repr(md.device(0))) == (0, "device(type='cuda', index=0)")
    assert (cpu.type, cpu.index, f"{cpu}", repr(cpu)) == ("cpu", None, "cpu", "device(type='cpu')")
    assert gpu == md.device("cuda:1") == md.device(1) == md.device(gpu) == md.device(type="cuda", index=1) == "cuda:1"
    assert md.device("cuda").index is None and {cpu: 1}["cpu"] == 1 and pickle.loads(pickle.dumps(gpu)) == gpu
    x = md.ones(2)
    assert x.device == cpu and x.device == "cpu" and x.to(cpu) is x and md.ones(1, device=cpu).device.type == "cpu"
    for wrong in (
        ("foo",),
        ("cuda:-1",),
        ("cuda", -1),
        ("cuda:1", 1),
        ("cuda", "1"),
        ("mps",),
        (None,),
        (-1,),
        ("cpu", 0),
    ):
        with pytest.raises(ValueError, match="^device: expected 'cpu', 'cuda' or 'cuda:N', got "):
            md.device(*wrong)


def test_a_device_is_the_default_within(standin):  # noqa: F811
    with md.device("cuda", 1) as there:
        assert md.ones(1).device == there == md.get_default_device()
        with md.device("cpu"):
            assert md.ones(1).device == "cpu"
        assert md.rand(1).device == "cuda:1"
    assert md.ones(1).device == "cpu"
    assert md.accelerator.is_available() and md.accelerator.current_accelerator() == "cuda"
    state = md.get_rng_state()
    md.cuda.manual_seed_all(3)
    assert md.initial_seed() == 3 and md.cuda.current_device() == 0
    md.set_rng_state(state)
    new = md.ones(2, device="cuda:1").new_zeros(2)
    assert new.device == "cuda:1" and md.zeros_like(new, device="cpu").device == "cpu"
    assert pickle.loads(pickle.dumps(new)).device == "cuda:1"
    drawn = [md.randint(9, (2,)), md.randperm(3), md.normal(0.0, 1.0, (2,)), md.eye(2), md.linspace(0, 1, 3)]
    assert {t.device for t in drawn} == {"cpu"}
    there = [
        md.bernoulli(new),
        md.multinomial(new + 1, 1),
        md.normal(new, 1.0),
        md.rand_like(new),
        md.full_like(new, 2),
    ]
    assert {t.device for t in there} == {"cuda:1"}


def test_without_a_gpu():
    assert not md.cuda.is_available() and md.cuda.memory_allocated() == md.cuda.memory_reserved() == 0
    seed = md.initial_seed()
    md.cuda.empty_cache(), md.cuda.manual_seed(seed + 1), md.cuda.manual_seed_all(seed + 1)
    assert md.initial_seed() == seed and md.accelerator.current_accelerator() is None
    assert not (md.backends.mps.is_available() or md.backends.mps.is_built() or md.backends.cudnn.is_available())
    assert not md.xpu.is_available()
    assert (md.backends.cudnn.deterministic, md.backends.cudnn.benchmark) == (True, False)


# --- random numbers ---------------------------------------------------------------------------------------------------


def test_uniform_numbers_of_half_are_below_one():
    drawn = md.rand(1 << 20, dtype=md.float16).numpy()
    assert drawn.max() == 2047 / 2048 and drawn.min() == 0 and abs(drawn.astype("f8").mean() - 2047 / 4096) < 1e-3


N = 40_000
DRAWN = {
    "rand": (lambda g: md.rand(N, generator=g), 1 / 2, 1 / 12),
    "randn": (lambda g: md.randn(N, generator=g), 0, 1),
    "rand_like": (lambda g: md.rand_like(md.zeros(N), generator=g), 1 / 2, 1 / 12),
    "randn_like": (lambda g: md.randn_like(md.zeros(N, dtype=md.float64), generator=g), 0, 1),
    "normal": (lambda g: md.normal(3.0, 2.0, (N,), generator=g), 3, 4),
    "normal of tensors": (lambda g: md.normal(md.full((N, 1), 3.0), md.tensor([2.0]), generator=g), 3, 4),
    "normal of a number": (lambda g: md.normal(3.0, md.full((N,), 2.0), generator=g), 3, 4),
    "randint": (lambda g: md.randint(-2, 5, (N,), generator=g), 1, 4),
    "randint_like": (lambda g: md.randint_like(md.zeros(N), -2, 5, generator=g), 1, 4),
    "bernoulli": (lambda g: md.bernoulli(md.full((N,), 0.25), generator=g), 1 / 4, 3 / 16),
    "bernoulli of p": (lambda g: md.bernoulli(md.empty(N), 0.25, generator=g), 1 / 4, 3 / 16),
    "multinomial": (lambda g: md.multinomial(md.tensor([1.0, 0.0, 3.0]), N, True, generator=g), 3 / 2, 3 / 4),
    "multinomial, one": (lambda g: md.multinomial(md.tensor([[1.0, 3.0]] * N), 1, generator=g), 3 / 4, 3 / 16),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_mean_and_variance(name):
    draw, mean, variance = DRAWN[name]
    drawn = draw(md.Generator().manual_seed(7)).numpy().astype("f8")
    assert abs(drawn.mean() - mean) < 5 * (variance / N) ** 0.5 and abs(drawn.var() - variance) < 0.05 * variance


@pytest.mark.parametrize("name", DRAWN)
def test_streams(name):
    """The same seed the same numbers, another seed others; the global stream where none is given."""
    draw = DRAWN[name][0]
    one, two, other = (draw(md.Generator().manual_seed(seed)).numpy() for seed in (1, 1, 2))
    md.manual_seed(1)
    assert np.array_equal(one, two) and not np.array_equal(one, other) and np.array_equal(one, draw(None).numpy())


def test_ranges_of_integers():
    drawn = md.randint(-1, 3, (500,), dtype=md.int8)
    assert drawn.dtype == md.int8 and {*drawn.numpy().tolist()} == {-1, 0, 1, 2}
    assert {*md.randint(2, (100,), dtype=md.bool).numpy().tolist()} == {False, True}
    assert sorted(md.randperm(50).numpy().tolist()) == [*range(50)] != md.randperm(50).numpy().tolist()


def test_multinomial_without_replacement():
    picks = md.multinomial(md.tensor([[0.0, 1, 2, 0, 5]] * 200), 5).numpy()
    assert all(sorted(row) == [*range(5)] for row in picks) and {*picks[:, 3:].ravel()} == {0, 3}
    firsts = np.bincount(md.multinomial(md.tensor([[1.0, 2, 5]] * N), 2).numpy()[:, 0]) / N
    np.testing.assert_allclose(firsts, [1 / 8, 2 / 8, 5 / 8], atol=0.01)


def test_no_gradient_flows_through_draws():
    x = md.full((3,), 0.5, requires_grad=True)
    assert not any(t.requires_grad for t in (md.normal(x, x), md.bernoulli(x), md.multinomial(x, 1), md.rand_like(x)))


def test_generators():
    g = md.Generator(device="cpu").manual_seed(5)
    md.rand(3, generator=g)
    state, twin, other = g.get_state(), copy.deepcopy(g), pickle.loads(pickle.dumps(g))
    then = [md.rand(5, generator=g).numpy().tolist() for _ in range(2)]
    for again in (g.set_state(state), twin, other, md.Generator().set_state(md.tensor(state))):
        assert [md.rand(5, generator=again).numpy().tolist() for _ in range(2)] == then and again.initial_seed() == 5
    assert g.seed() == g.initial_seed() != g.seed() and g.device == "cpu"
    assert md.seed() == md.initial_seed() and md.default_generator.initial_seed() == md.initial_seed()
    state = md.get_rng_state()
    first = md.rand(4).numpy()
    md.set_rng_state(state)
    assert state.dtype == md.uint8 and np.array_equal(first, md.rand(4).numpy())
    for wrong in (np.zeros(3, "u1"), state.numpy().astype("i4"), np.full(len(state), 255, "u1")):
        with pytest.raises(ValueError, match="^set_state: "):
            g.set_state(wrong)
    for draw in (md.rand, md.randn, lambda *a, **k: md.randint(5, a, **k), lambda n, **k: md.randperm(n, **k)):
        with pytest.raises(TypeError, match="^[a-z]+: generator: expected a minidl Generator, got int"):
            draw(3, generator=5)


@pytest.mark.parametrize("number, whole, dtype", [
    (np.int64(3), md.int64, md.int64), (np.uint8(3), md.int64, md.int64), (np.float64(3), md.float32, md.float32),
    (np.float16(3), md.float32, md.float32), (np.bool_(1), md.int64, md.bool), (3, md.int64, md.int64),
    (True, md.int64, md.bool), (3.0, md.float32, md.float32),
])  # fmt: skip
def test_numbers_of_numpy_are_as_those_of_python(number, whole, dtype):
    """Alone, and beside a tensor of integers."""
    assert md.full((2,), number).dtype == dtype and (md.ones(2, dtype=md.int64) * number).dtype == whole
    assert (md.ones(2) * number).dtype == md.float32
    assert md.full((1,), 0.5, dtype=md.bool).item() is True is md.full((1,), np.float32(0.5), dtype=md.bool).item()


# --- pickled ----------------------------------------------------------------------------------------------------------


def test_tensors_are_pickled():
    x = md.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    for again in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x)):
        assert again.requires_grad and again.grad.numpy().tolist() == [2, 4]
        assert not np.shares_memory(again.array, x.array)
    computed = pickle.loads(pickle.dumps(x * 2))
    assert computed.is_leaf and computed.requires_grad and computed.detach().numpy().tolist() == [2, 4]
    parameter = nn.Parameter(md.ones(2))
    parameter.note = "kept"
    again = pickle.loads(pickle.dumps(parameter))
    assert type(again) is nn.Parameter and again.note == "kept" and again.requires_grad
    assert pickle.loads(pickle.dumps([x, x]))[0].array is not x.array
    one, two = pickle.loads(pickle.dumps([x, x]))
    assert one is two
    (again.sum() * 2).backward()
    assert again.grad.numpy().tolist() == [2, 2]


def test_what_is_made_of_arrays_takes_the_fast_path_of_ops(monkeypatch):
    """NumPy makes dtypes that are equal to float32 and not the same object: `newbyteorder` and pickle, for two."""
    of_its_own = np.ones(3, np.dtype("f4").newbyteorder("="))
    assert of_its_own.dtype is not np.dtype("f4")
    assert md.tensor(of_its_own).array.dtype is np.dtype("f4") is md.tensor(np.ones(3, ">f4")).array.dtype
    monkeypatch.setattr(Op, "unify", None)
    assert (md.from_numpy(of_its_own) * md.ones(3) + 1).tolist() == [2.0, 2.0, 2.0]


RANDOM = {
    "no bound": (lambda x: x.random_(), TypeError, r"random_: expected \(high\) or \(low, high\), integers, got \(\)"),
    "a fraction": (lambda x: x.random_(2.5), TypeError, r"random_: expected .* got \(2.5,\)"),
    "nothing between": (lambda x: x.random_(3, 3), ValueError, "random_: expected low < high, got 3 and 3"),
    "too large": (lambda x: x.to(md.int8).random_(200), ValueError, "random_: 199 is out of range for int8"),
}


@pytest.mark.parametrize("case", RANDOM)
def test_random_integers_in_place_are_refused(case):
    call, kind, said = RANDOM[case]
    with pytest.raises(kind, match=said):
        call(md.zeros(3))


def test_random_integers_in_place():
    """As the documentation of losses draws labels; a float tensor takes them too."""
    labels = md.empty(500, dtype=md.long).random_(5)
    assert labels.dtype == md.int64 and set(labels.tolist()) == set(range(5))
    assert set(md.zeros(500).random_(-2, 2).tolist()) == {-2.0, -1.0, 0.0, 1.0}


@pytest.mark.parametrize("shape", [(3,), (2, 2, 3)])
def test_what_has_no_diagonal_to_fill(shape):
    with pytest.raises(ValueError, match="fill_diagonal_: expected a matrix, or equal sizes"):
        md.zeros(shape).fill_diagonal_(1)


def test_the_class_of_old_that_a_tensor_is_of():
    assert md.ones(2).type() == "torch.FloatTensor" and md.tensor([True]).type() == "torch.BoolTensor"
    assert md.tensor([1]).type() == "torch.LongTensor" and md.tensor([1], dtype=md.uint8).type() == "torch.ByteTensor"
