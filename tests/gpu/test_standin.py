"""The stand-in of CuPy refuses, counts and orders as CuPy does; where CuPy runs, it is held against it."""

import importlib.util
import json
import pathlib
import re
import subprocess
import sys

import emulator
import numpy as np
import pytest
from standin import HiddenTraffic, Undefined, catalog, cupy, no_sync, standin, traffic  # noqa: F401
from standin.devices import BLOCK
from standin.expressions import EXPRESSIONS, expressions, operands
from standin.modules import special

import minidl as md
from minidl import backend

# --- against CuPy -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real():
    """CuPy itself, with a device or an emulator of one."""
    cp = pytest.importorskip("cupy", exc_type=ImportError)
    if not cp.cuda.is_available():
        pytest.skip("CuPy finds no device")
    return cp


def plain(value):
    """A result in terms that two CuPys can be compared by."""
    if isinstance(value, (tuple, list)):
        return type(value).__name__, [plain(v) for v in value]
    if hasattr(value, "get") and hasattr(value, "flags"):
        return str(value.dtype), value.shape, value.flags.c_contiguous, value.get()
    return type(value).__name__, value


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.allclose(a, b, 1e-5, 1e-6, equal_nan=True)
    if isinstance(a, (tuple, list)):
        return isinstance(b, (tuple, list)) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


def outcome(expression, names, counter):
    """Its value, what it has written to, and what has crossed meanwhile; or its kind of error."""
    before = dict(counter)
    try:
        value = eval(expression, names)
    except Exception as error:
        return type(error).__name__
    crossed = [counter.get(kind, 0) - before.get(kind, 0) for kind in ("d2h", "h2d")]
    return plain(value), [plain(names[name]) for name in "den"], crossed


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_does_as_cupy(real, expression):
    driver = emulator.loaded()  # which counts; that of a GPU does not
    theirs = outcome(
        expression, operands(real, importlib.import_module("cupyx.scipy.special")), driver.C if driver else {}
    )
    if driver and theirs == "NotImplementedError" and any(word in expression for word in ("sort", "unique")):
        pytest.skip("the emulator can't sort")
    ours = outcome(expression, operands(cupy, special), traffic if driver else {})
    assert same(ours, theirs), f"\nstand-in: {ours}\nCuPy: {theirs}"


def test_all_that_minidl_asks_for_is_compared():
    """Every function of ``xp`` in its source, but of the kernels for the CPU, is in one of the expressions."""
    package = pathlib.Path(md.__file__).parent
    sources = [path.read_text("utf-8") for path in package.rglob("*.py") if "cpu" not in path.parts]
    asked = {name for source in sources for name in re.findall(r"\bxp\.(\w+(?:\.\w+)*)", source)}
    compared = set(re.findall(r"\bcp\.(\w+(?:\.\w+)*)", " ".join(EXPRESSIONS)))
    assert len(asked) > 50 and asked <= compared


def test_the_catalog_is_of_the_cupy_that_is_installed(tmp_path):
    installed = importlib.util.find_spec("cupy")
    if installed is None:
        pytest.skip("CuPy is not installed")
    there = tmp_path / "names.json"
    subprocess.run([sys.executable, "-W", "ignore", catalog.__file__, there], check=True)
    names = json.loads(there.read_text())
    if names["version"] != catalog.NAMES["version"]:
        pytest.skip(f"CuPy {names['version']} is installed, the catalog is of {catalog.NAMES['version']}")
    assert names == catalog.NAMES


# --- by itself --------------------------------------------------------------------------------------------------------

REFUSED = {
    TypeError: """
    np.add(d, h) | h + d | d + h | d * np.array(2.0) | h.__iadd__(d) | cp.where(h > 0, d, 0) | cp.concatenate([d, h])
    np.stack([d, h]) | np.asarray(d) | cp.exp([1.0]) | d + [1, 2, 3] | cp.exp(d, where=m) | cp.exp(d, order="C")
    d.max(initial=0) | cp.sum(d, where=m) | hash(d) | range(s) | len(s) | n.__iadd__(0.5)
    """,
    ValueError: """
    d.__setitem__(0, h[0]) | d.__setitem__(0, [1, 2, 3]) | cp.full(3, h[0]) | d.reshape(5, 5) | d + d[:3] | d.item()
    """,
    AttributeError: "cp.errstate | cp.nditer | cp.block | cp.lib.index_tricks | d.ctypes | d.flags.writeable",
    NotImplementedError: """
    cp.fft | cp.random | cp.maximum.reduce(d) | d.scatter_add(i, d)
    """,
    IndexError: "d[9] | d[:, 9]",
    Undefined: """
    d.__setitem__(i * 0, d[:3]) | d.__setitem__((0, cp.asarray([0, 3])), i[:2]) | d.__setitem__([0, 0], d[:2])
    cp.put_along_axis(d, d.astype(int) * 0, d, 1)
    """,
}


@pytest.mark.parametrize("kind, expression", [(kind, e) for kind, text in REFUSED.items() for e in expressions(text)])
def test_refuses(kind, expression):
    with pytest.raises(kind):
        eval(expression, operands(cupy, special))


@pytest.mark.parametrize("name", ["RawKernel", "RawModule", "ElementwiseKernel", "ReductionKernel"])
def test_refuses_kernels(name):
    with pytest.raises(NotImplementedError, match="no kernel runs on the stand-in"):
        getattr(cupy, name)


@pytest.mark.parametrize(
    "expression, crossed",
    [
        ("d.get()", {"d2h": 1, "sync": 1}),
        ("float(s) + int(s) + bool(s)", {"d2h": 3, "sync": 3}),
        ("s.item()", {"d2h": 1, "sync": 1}),
        ("f'{s} {s!r}'", {"d2h": 2, "sync": 2}),
        ("d.tolist()", {"d2h": 1, "sync": 1}),
        ("cp.asnumpy(d)", {"d2h": 1, "sync": 1}),
        ("d[m]", {"d2h": 1, "sync": 1}),
        ("d.__setitem__(m, 0)", {"d2h": 1, "sync": 1}),
        ("cp.nonzero(d)", {"d2h": 1, "sync": 1}),
        ("cp.where(m)", {"d2h": 1, "sync": 1}),
        ("d.fill(s)", {"d2h": 1, "sync": 1}),
        ("d[1 : n[0, 1]]", {"d2h": 1, "sync": 1}),
        ("1 if s > 0 else 0", {"d2h": 1, "sync": 1}),
        ("cp.cuda.Device().synchronize()", {"sync": 1}),
        ("cp.cuda.Stream.null.synchronize()", {"sync": 1}),
        ("cp.cuda.runtime.deviceSynchronize()", {"sync": 1}),
        ("cp.asarray(h)", {"h2d": 1}),
        ("cp.asarray([1, 2])", {"h2d": 1}),
        ("d[[0, 1]]", {"h2d": 1}),
        ("d[np.array([0, 1])]", {"h2d": 1}),
        ("d.set(h)", {"h2d": 1}),
        ("cp.einsum('ij,ij', d, h)", {"h2d": 1}),
        ("cp.asarray(2.0) + cp.full(3, 2.0) + cp.zeros(3) + cp.arange(3)", {}),
        ("(d * 2 + d[i][:1] + cp.where(m, d, 0)).sum() / d.max()", {}),
    ],
)
def test_counts_what_crosses_and_forbids_it(expression, crossed):
    names = operands(cupy, special)
    traffic.clear()
    eval(expression, names)
    assert traffic == crossed
    if crossed:
        with pytest.raises(HiddenTraffic), no_sync():
            eval(expression, names)
    else:
        with no_sync():
            eval(expression, names)


def test_copies_to_the_device_may_be_allowed():
    with no_sync(h2d=2):
        cupy.asarray([1])
        cupy.asarray([2])
        with pytest.raises(HiddenTraffic, match="to the device"):
            cupy.asarray([3])
        with pytest.raises(HiddenTraffic, match="to the host"):
            cupy.zeros(1).item()


def test_an_array_on_the_device_shares_no_memory_with_the_host():
    h = np.zeros(3)
    d = cupy.asarray(h)
    d += 1
    back = d.get()
    back += 1
    assert h.tolist() == [0, 0, 0] and d.tolist() == [1, 1, 1]


def test_results_lie_in_c_order():
    x = cupy.zeros((2, 4, 4, 3), "f").transpose(0, 3, 1, 2)
    for z in (x + 1, cupy.exp(x), cupy.where(x > 0, x, 0), x.copy(), cupy.concatenate([x, x]), x[:, [0, 1]]):
        assert z.flags.c_contiguous and z.base is None
    for z in (x.astype("d"), cupy.zeros_like(x), cupy.copy(x)):
        assert z.strides[1] == z.itemsize
    assert x.base is not None and x[0].base is x.base and cupy.lib.stride_tricks.as_strided(x, (2,), (4,)).base is None


# --- devices, memory, modules -----------------------------------------------------------------------------------------


def test_two_devices():
    here = cupy.zeros(3)
    with cupy.cuda.Device(1):
        there = cupy.ones(3)
        assert cupy.cuda.runtime.getDevice() == 1 and (there + 1).device.id == there[1:].device.id == 1
        assert cupy.asarray(here).device.id == here.copy().device.id == 1
    assert cupy.cuda.runtime.getDeviceCount() == 2 and cupy.cuda.is_available() and cupy.cuda.Device().id == 0
    for refused in (
        lambda: here + there,
        lambda: there + 1,
        lambda: there.__iadd__(1),
        lambda: there.sum(),
        lambda: cupy.concatenate([here, there]),
        lambda: here.__setitem__(0, there[0]),
    ):
        with pytest.raises(ValueError, match="different from the current device"):
            refused()
    assert there.reshape(3, 1).T.device.id == 1  # which launches nothing
    channels_last = cupy.zeros((2, 4, 3)).transpose(0, 2, 1)
    with cupy.cuda.Device(1):
        for refused in (cupy.asarray, cupy.array, cupy.copy, lambda x: x.copy("K")):
            with pytest.raises(NotImplementedError, match="cannot copy non-contiguous array between devices"):
                refused(channels_last)
        assert channels_last.copy().device.id == cupy.asarray(channels_last[0]).device.id == 1
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError), cupy.cuda.Device(2):
        pass
    assert cupy.asarray(there).device.id == 0 and cupy.asarray(there).tolist() == there.get().tolist()


def test_memory_is_that_of_the_arrays_that_are_left():
    pool = cupy.get_default_memory_pool()
    before = pool.used_bytes()
    a = cupy.zeros(BLOCK, "u1")
    b = a.reshape(2, -1)
    c = cupy.zeros(BLOCK + 1, "u1")
    assert pool.used_bytes() - before == 3 * BLOCK
    del a, c
    assert pool.used_bytes() - before == BLOCK
    assert pool.total_bytes() >= pool.used_bytes() + 2 * BLOCK
    pool.free_all_blocks()
    assert pool.total_bytes() == pool.used_bytes()
    del b
    assert pool.used_bytes() == before


def test_the_fixture_puts_it_in_the_place_of_cupy(standin):  # noqa: F811
    import cupyx.scipy.special as theirs

    assert backend.cupy() is cupy is standin and backend.special(cupy) is theirs is special
    x = md.ones(2, device="cuda:1")
    assert type(x.array) is cupy.ndarray and x.device == "cuda:1" and backend.namespace(x.array) is cupy
    assert not md.backend.modes.mode.fused


def test_without_the_fixture_cupy_is_what_it_was():
    assert sys.modules.get("cupy") is not cupy
