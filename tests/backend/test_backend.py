"""Where arrays are: devices and their errors, memory order on them, values that are looked at late. On the stand-in."""

import sys
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import Phase, find, settings
from ops.test_ops import FUNCTIONS
from specs import SPECS, cases
from standin import standin, traffic  # noqa: F401

import minidl as md
import minidl.functional as F
from minidl import backend, nn
from minidl.backend import transfer
from minidl.backend.modes import mode
from minidl.engine import fusion
from minidl.engine.op import registry
from minidl.ops import elementwise as E
from minidl.ops import joining as J

pytestmark = pytest.mark.usefixtures("standin")


@pytest.fixture(autouse=True)
def afresh():
    """Nothing is left set by one test for another."""
    yield
    md.set_default_device("cpu")


def x(*size, device="cpu", dtype=md.float32, requires_grad=False):
    return md.ones(size, device=device, dtype=dtype, requires_grad=requires_grad)


def gpu(*size, device="cuda", **options):
    return x(*size, device=device, **options)


# --- which there are --------------------------------------------------------------------------------------------------


def test_devices_have_names():
    assert [gpu(2, device=name).device for name in ("cpu", "cuda", "cuda:0", "cuda:1")] == [
        "cpu", "cuda:0", "cuda:0", "cuda:1",
    ]  # fmt: skip
    assert gpu(2).to("cuda:1").device == "cuda:1" and gpu(2).to("cpu").device == "cpu"
    assert [t.device for t in (x(2).cuda(), x(2).cuda(1), gpu(2).cpu(), md.zeros_like(gpu(2), device="cpu"))] == [
        "cuda:0", "cuda:1", "cpu", "cpu",
    ]  # fmt: skip
    assert [x(2).to(1).device, md.zeros(2, device=1).device, md.cuda.get_device_name(1)] == ["cuda:1"] * 2 + [
        "stand-in"
    ]
    with pytest.raises(ValueError, match="expected a cuda device, got 'cpu'"):
        x(2).cuda("cpu")
    layer = nn.BatchNorm1d(2).cuda(1)
    assert {t.device for t in layer.state_dict().values()} == {"cuda:1"}
    assert {t.device for t in layer.cpu().state_dict().values()} == {"cpu"}
    here = gpu(2)
    assert here.to("cuda") is here and repr(here).endswith("device='cuda:0')")


def test_what_is_made_from_a_tensor_is_where_it_is():
    a = gpu(2, 3, device="cuda:1", requires_grad=True)
    (a * 2 + 1).exp().sum().backward()
    made = [a.grad, a * 2, 1 - a, a[0], a.sum(), md.zeros_like(a), md.stack([a, a]), md.tensor(a), F.pad(a, (1, 1))]
    assert {made_.device for made_ in made} == {"cuda:1"}


def test_cuda():
    assert md.cuda.is_available() and md.cuda.device_count() == 2
    assert md.cuda.get_device_name("cuda:1") == "stand-in"
    free, total = md.cuda.mem_get_info()
    before, there = md.cuda.memory_allocated("cuda:1"), md.cuda.memory_allocated()
    big = gpu(1 << 16, device="cuda:1")
    assert md.cuda.memory_allocated("cuda:1") - before == 1 << 18 and md.cuda.memory_allocated() == there
    assert md.cuda.memory_reserved("cuda:1") >= md.cuda.memory_allocated("cuda:1") and 0 < free <= total
    del big
    assert md.cuda.memory_reserved("cuda:1") - md.cuda.memory_allocated("cuda:1") >= 1 << 18
    md.cuda.empty_cache("cuda:1")
    assert md.cuda.memory_reserved("cuda:1") == md.cuda.memory_allocated("cuda:1") == before
    waited = traffic["sync"]
    md.cuda.synchronize("cuda:1")
    assert traffic["sync"] == waited + 1
    assert md.cuda.get_device_name(None) == "stand-in" and md.cuda.memory_allocated(None) == md.cuda.memory_allocated(0)
    assert gpu(1).cuda(None).device == nn.Linear(1, 1).cuda(None).weight.device == "cuda:0"


@pytest.mark.parametrize("name", ["cuda:2", "cuda:x", "cuda:", "cuda:00", "gpu", "cpu:0"])
def test_a_device_that_is_not_there(name):
    with pytest.raises((RuntimeError, ValueError)) as caught:
        md.zeros(2, device=name)
    assert name in str(caught.value) and ("2 present" in str(caught.value) or "'cuda:N'" in str(caught.value))


def test_a_number_of_a_gpu_that_is_not_there():
    for call in (x(2).cuda, nn.Linear(2, 2).cuda, md.cuda.synchronize):
        for number in (2, 3):
            with pytest.raises(RuntimeError, match=f"^cuda:{number}: no such GPU; 2 present"):
                call(number)


def test_a_tensor_on_a_gpu_is_an_array_by_a_copy():
    t = gpu(2)
    assert np.asarray(t).tolist() == np.array(t, copy=True).tolist() == [1, 1]
    with pytest.raises(ValueError, match="must be copied; got copy=False"):
        t.__array__(copy=False)


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert not md.cuda.is_available() and md.cuda.device_count() == 0
    with pytest.raises(RuntimeError, match=r"CuPy is not installed; pip install 'minidl\[cuda13\]'"):
        x(1).to("cuda")
    with pytest.raises(RuntimeError, match="not installed"):
        md.set_default_device("cuda")


def test_with_a_cupy_that_cannot_be_loaded(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('libcudart.so is missing')")
    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError, match="can't be loaded.*libcudart.so is missing"):
        x(1).to("cuda")


def test_without_a_driver(standin, monkeypatch):  # noqa: F811
    def count():
        raise standin.cuda.runtime.CUDARuntimeError("insufficient driver")

    monkeypatch.setattr(standin.cuda.runtime, "getDeviceCount", count)
    assert not md.cuda.is_available()
    with monkeypatch.context() as patch:
        patch.setattr(standin.cuda.runtime, "getDeviceCount", lambda: 1)
        assert md.cuda.is_available()
    with pytest.raises(RuntimeError, match="cuda:0: CuPy is installed, but finds no driver.*insufficient driver"):
        x(1).to("cuda")


def test_without_a_library(standin, monkeypatch):  # noqa: F811
    def version():
        raise ImportError("libnvrtc.so")

    monkeypatch.setattr(standin.cuda, "nvrtc", SimpleNamespace(getVersion=version))
    backend.devices.require_libraries.cache_clear()
    with pytest.raises(RuntimeError, match="a library of CUDA is missing; pip install .*libnvrtc.so"):
        x(1).to("cuda")


def test_a_gpu_that_is_full_lacks_no_library(standin, monkeypatch):  # noqa: F811
    def handle():
        full.append(standin.cuda.Device().id)
        raise standin.cuda.runtime.CUDARuntimeError("CUBLAS_STATUS_ALLOC_FAILED")

    full = []
    monkeypatch.setattr(standin.cuda.device, "get_cublas_handle", handle)
    backend.devices.require_libraries.cache_clear()
    with pytest.raises(RuntimeError, match="^CUBLAS_STATUS_ALLOC_FAILED$"):
        x(1).to("cuda:1")
    assert full == [1]


# --- the default device -----------------------------------------------------------------------------------------------


def test_default_device():
    assert md.get_default_device() == "cpu"
    md.set_default_device("cuda:1")
    made = [md.tensor([1.0]), md.zeros(2), md.full((2,), 3.0), md.arange(3), md.rand(2), md.randn(2), md.empty(2)]
    made += [md.randint(0, 3, (2,)), *nn.Conv2d(1, 2, 3).parameters(), *nn.BatchNorm2d(2).state_dict().values()]
    made += [md.tensor(np.ones(2)), *next(iter(md.data.DataLoader(md.data.TensorDataset(np.ones((4, 2))), 2)))]
    assert {t.device for t in made} == {"cuda:1"}
    elsewhere = [md.zeros(2, device="cpu"), md.zeros_like(x(2)), md.from_numpy(np.ones(2)), x(2) + 1]
    assert {t.device for t in elsewhere} == {"cpu"}
    assert md.tensor(gpu(2, device="cuda:0")).device == "cuda:0"


@pytest.mark.parametrize("name", ["tpu", "cuda:7"])
def test_default_device_that_is_not_there(name):
    with pytest.raises((ValueError, RuntimeError), match=name):
        md.set_default_device(name)
    assert md.get_default_device() == "cpu"


# --- two devices at once ----------------------------------------------------------------------------------------------

IMAGE = x(2, 3, 8, 8)


@pytest.mark.parametrize("there", ["cuda:0", "cuda:1"])
@pytest.mark.parametrize("name, f", [
    ("add", lambda gpu: x(2) + gpu(2)),
    ("mul", lambda gpu: gpu(2) * x(2)),
    ("where", lambda gpu: E.where(x(2) > 0, gpu(2), x(2))),
    ("matmul", lambda gpu: x(2, 2) @ gpu(2, 2)),
    ("cat", lambda gpu: J.cat([x(2), gpu(2)])),
    ("conv2d", lambda gpu: F.conv2d(IMAGE, gpu(4, 3, 3, 3))),
    ("Linear(in_features=3, out_features=2, bias=True)", lambda gpu: nn.Linear(3, 2)(gpu(2, 3))),
    ("cross_entropy", lambda gpu: F.cross_entropy(x(2, 3), gpu(2, dtype=md.int64))),
    ("batch_norm", lambda gpu: F.batch_norm(gpu(2, 3), x(3), x(3))),
    ("in-place write", lambda gpu: x(2).__setitem__(..., gpu(2))),
    ("backward", lambda gpu: x(2, requires_grad=True).backward(gpu(2))),
])  # fmt: skip
def test_mixed_devices(name, f, there):
    with pytest.raises(RuntimeError) as caught:
        f(lambda *size, **options: gpu(*size, device=there, **options))
    assert [part for part in (name, "cpu", there) if part not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize("f", [
    lambda t: t + np.ones(2), lambda t: md.where(t > 0, t, np.ones(2)), lambda t: t.copy_(np.ones(2)),
    lambda t: t.__setitem__(0, np.ones(1)), lambda t: md.add(t.array, np.ones(2)),
])  # fmt: skip
def test_arrays_of_numpy_do_not_mix_with_a_gpu(f):
    for device in ("cuda:0", "cuda:1"):
        with pytest.raises(RuntimeError, match=f"(on cpu and {device}|on cpu into a tensor on {device})"):
            f(gpu(2, device=device))


def test_a_loader_leaves_batches_on_their_gpu():
    data = md.data.TensorDataset(gpu(4, 2, device="cuda:1"))
    assert {batch.device for (batch,) in md.data.DataLoader(data, 2)} == {"cuda:1"}


def test_two_gpus_do_not_mix():
    with pytest.raises(RuntimeError, match="add: tensors on cuda:0 and cuda:1"):
        gpu(2) + gpu(2, device="cuda:1")


SEVERAL = sorted(name for name, op in registry.items() if len(op.arguments) > 1 or op.variadic)


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("position", [0, -1])
def test_every_op_of_several_tensors_refuses_mixed_devices(name, position):
    first = settings(phases=[Phase.generate])  # not the smallest
    case = find(cases(SPECS[name]), lambda case: len(case.arrays) > 1, settings=first)
    tensors = [md.from_numpy(a) for a in case.arrays]
    tensors[position] = tensors[position].to("cuda")
    with pytest.raises(RuntimeError, match=f"{name}: tensors on cpu and cuda:0"):
        FUNCTIONS[name](*tensors, **case.options)


@pytest.mark.parametrize("f, says", [
    (lambda t: t - t, "sub: not defined for bool; "), (lambda t: -t, "neg: not defined for bool; "),
])  # fmt: skip
def test_what_a_gpu_cannot_compute_is_said_as_on_the_cpu(f, says):
    for device in ("cpu", "cuda"):
        with pytest.raises(TypeError, match=f"^{says}"):
            f(md.tensor([True], device=device))


@pytest.mark.parametrize("low, high", [(-1, 300), (None, 300), (-300, None), (100, 1 << 70), (1.5, 300)])
def test_bounds_beyond_all_integers_of_a_dtype(low, high):
    there, here = [md.tensor([1, 200], dtype="u1", device=device).clip(low, high) for device in ("cuda", "cpu")]
    assert there.dtype == here.dtype and there.numpy().tolist() == here.numpy().tolist()
    for device in ("cuda", "cpu"):
        with pytest.raises(ValueError, match="^clip: Python integer 300 out of bounds for uint8"):
            md.tensor([1], dtype="u1", device=device).clip(300, None)


# --- memory order -----------------------------------------------------------------------------------------------------


def channels_last(*size):
    n, c, h, w = size
    return md.tensor(np.arange(n * c * h * w, dtype="f").reshape(n, h, w, c), device="cuda").permute(0, 3, 1, 2)


def last(t):
    return t.array.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("f", [
    lambda t: t + 1, lambda t: t * t, lambda t: t.exp(), lambda t: F.relu(t), lambda t: -t, lambda t: t > 1,
    lambda t: md.where(t > 1, t, 0), lambda t: md.gpu_vector + t, lambda t: t.to(md.float64), lambda t: t.clone(),
    lambda t: F.silu(t), lambda t: md.maximum(t, 2), lambda t: t.clip(1, 2), lambda t: F.dropout(t),
])  # fmt: skip
def test_elementwise_functions_keep_channels_last(f, monkeypatch):
    monkeypatch.setattr(md, "gpu_vector", gpu(3, 1, 1), raising=False)
    t = channels_last(2, 3, 4, 5)
    assert last(t) and last(f(t))
    with np.errstate(all="ignore"):
        assert f(t).shape == t.shape


def test_gradients_keep_channels_last():
    t = channels_last(2, 3, 4, 5).detach().requires_grad_()
    (grad,) = md.grad(((t * t).exp() + F.relu(t)).sum(), t)
    assert last(grad)


def test_values_do_not_depend_on_order():
    a = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    for order in ((0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 3, 2)):
        t = md.tensor(np.ascontiguousarray(a.transpose(order)), device="cuda").permute(*np.argsort(order).tolist())
        vector = md.tensor(a[0, :, :1, :1], device="cuda")
        np.testing.assert_array_equal((t * vector + t).numpy(), a * a[0, :, :1, :1] + a)


# --- values that are looked at late -----------------------------------------------------------------------------------

SCORES = np.random.default_rng(0).standard_normal((3, 4)).astype("f")
MISTAKES = {
    "a label": (lambda at: F.cross_entropy(at(SCORES), at([0, 4, 1])), ValueError, "cross_entropy: label 4"),
    "a label below": (lambda at: F.nll_loss(at(SCORES), at([0, -1, 1])), ValueError, "nll_loss: label -1"),
    "a row": (lambda at: F.embedding(at([[1, 5]]), at(SCORES)), IndexError, "embedding: index from 1 to 5"),
    "a slice": (lambda at: md.index_select(at(SCORES), 1, at([4])), IndexError, "index_select: index from 4 to 4"),
    "a probability": (lambda at: F.binary_cross_entropy(at([0.5, 1.5]), at([0.0, 1.0])), ValueError, "[0.5, 1.5]"),
    "a place": (lambda at: at(SCORES)[at([2, 3])], IndexError, "3"),
    "a place below": (lambda at: at(SCORES)[:, at([-5, 0])], IndexError, "-5"),
    "a place after others": (lambda at: at(SCORES)[None, ..., at([4])], IndexError, "4"),
    "a place in a list": (lambda at: at(SCORES)[[7]], IndexError, "7"),
    "a place to write": (lambda at: at(SCORES).__setitem__(at([3]), 1.0), IndexError, "in-place write"),
    "a class": (lambda at: F.one_hot(at([0, 3]), 3), ValueError, "one_hot: classes from 0 to 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_out_of_range_is_refused_when_a_value_is_fetched(name):
    f, kind, says = MISTAKES[name]
    with pytest.raises(kind) as here:
        f(md.tensor)
    assert says in str(here.value)
    waited = traffic["sync"]
    with pytest.raises(kind) as caught:
        f(lambda value: md.tensor(value, device="cuda"))
        assert traffic["sync"] == waited
        gpu(1).item()
    assert says in str(caught.value)
    assert "an earlier call" in str(caught.value) or name == "a place in a list"  # which is on the CPU
    assert gpu(1).item() == 1


@pytest.mark.parametrize("call", [
    lambda x: F.one_hot(md.tensor([0], device="cuda")),
    lambda x: x.to("cpu"),
    lambda x: nn.Sequential(Fetching())(x),
    lambda x: nn.Sequential(nn.BatchNorm1d(2, momentum=None), Fetching()).cuda()(x),
])  # fmt: skip
def test_what_is_refused_late_keeps_its_name(call):
    F.cross_entropy(gpu(1, 4), md.tensor([7], device="cuda"))
    with pytest.raises(ValueError, match="^cross_entropy: label 7 is out of range"):
        call(gpu(3, 2))


def test_a_write_that_has_to_wait_tells_what_was_refused_late(monkeypatch):
    monkeypatch.setattr(transfer, "MOST_UNCHECKED", 1)
    F.one_hot(md.tensor([7], device="cuda"), 4)
    with pytest.raises(ValueError, match="^one_hot: classes from 7 to 7"):
        gpu(3)[md.tensor([0], device="cuda")] = 1.0


class Fetching(nn.Module):
    def forward(self, x):
        return x * float(x.sum().item())


def test_what_is_refused_late_is_not_lost_where_layers_run_at_once(monkeypatch):
    monkeypatch.setitem(fusion.runs, (Fetching, Fetching), lambda x, *layers: x[0, 0].item())
    F.one_hot(md.tensor([7], device="cuda"), 4)
    monkeypatch.setattr(mode, "fused", True)
    with pytest.raises(ValueError, match="^one_hot: classes from 7 to 7"):
        nn.Sequential(Fetching(), Fetching())(gpu(3, 2))


def test_all_that_is_refused_late_is_raised_in_turn():
    for device, label in (("cuda:1", 5), ("cuda:0", 1), ("cuda:0", 6), ("cuda:1", 7)):
        F.cross_entropy(gpu(1, 4, device=device), md.tensor([label], device=device))
    F.binary_cross_entropy(md.tensor([1.5], device="cuda"), gpu(1))
    for says in ("label 5 is", "label 6 is", "label 7 is", r"is in \[1.5, 1.5\]"):  # each in its own dtype
        with pytest.raises(ValueError, match=says):
            gpu(1).item()
    assert gpu(1).item() == 1


@pytest.mark.parametrize("before, place, size", [
    ((np.arange(6).reshape(2, 3) < 9,), [8] * 6, 9), ((True,), [1], 2), ((np.True_, None), [1], 2),
    ((np.array([True, False]), ...), [8], 9), ((slice(1), None), [2], 3),
])  # fmt: skip
def test_places_are_held_against_the_dimension_that_they_are_of(before, place, size):
    a = np.arange(54.0).reshape(2, 3, 9)

    def taken(place):
        index = *[md.tensor(part, device="cuda") if np.ndim(part) else part for part in before], place
        return md.tensor(a, device="cuda")[index].numpy()

    np.testing.assert_array_equal(taken(place), a[(*before, place)])
    with pytest.raises(IndexError):
        taken([size] * len(place))


def test_what_waits_holds_no_graph():
    scores = gpu(3, 4, requires_grad=True) * 2
    gone = weakref.ref(scores)
    F.cross_entropy(scores, md.tensor([0, 1, 2], device="cuda"))
    md.gather(scores, 1, md.tensor([[0], [1], [2]], device="cuda"))
    del scores
    assert gone() is None and len(transfer.unchecked) == 2


def test_what_waits_is_fetched_at_once():
    for _ in range(5):
        F.one_hot(md.tensor([0], device="cuda"), 1)
    before = traffic["d2h"]
    assert gpu(1).item() == 1 and traffic["d2h"] == before + 2


def test_integers_to_negative_powers_are_refused():
    x = md.tensor([-1, 2], device="cuda")
    with pytest.raises(ValueError, match="pow: integers to negative"):
        x**-1
    assert (x**2).numpy().tolist() == [1, 4] and (x**-1.0).numpy().tolist() == [-1, 0.5]


def test_what_is_in_range_passes():
    at = lambda value: md.tensor(value, device="cuda")  # noqa: E731
    F.cross_entropy(at(SCORES), at([0, -100, 3]))
    F.cross_entropy(at(SCORES), at([0, 2, 3]), ignore_index=2)
    F.embedding(at([[0, 2]]), at(SCORES))
    assert len(transfer.unchecked) == 3
    md.cuda.synchronize()
    assert transfer.unchecked == []


def test_not_too_many_wait(monkeypatch):
    monkeypatch.setattr(transfer, "MOST_UNCHECKED", 3)
    for _ in range(3):
        F.one_hot(md.tensor([0], device="cuda"), 1)
    with pytest.raises(ValueError, match="classes from 1 to 1"):
        F.one_hot(md.tensor([1], device="cuda"), 1)


def test_nan_is_out_of_range():
    F.binary_cross_entropy(md.tensor([float("nan")], device="cuda"), gpu(1))
    with pytest.raises(ValueError, match="nan"):
        md.cuda.synchronize()
