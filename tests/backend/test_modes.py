"""The switches: what each sets, for how long, and in which forms it can be written."""

import runpy
import threading

import pytest

import minidl as md
from minidl.backend import modes
from minidl.backend.modes import mode

RECORDING, SILENT = True, False


def recording():
    return md.is_grad_enabled()


SWITCHES = {
    "no_grad()": (md.no_grad, SILENT),
    "enable_grad()": (md.enable_grad, RECORDING),
    "inference_mode()": (md.inference_mode, SILENT),
    "inference_mode(True)": (lambda: md.inference_mode(True), SILENT),
    "inference_mode(mode=False)": (lambda: md.inference_mode(mode=False), RECORDING),
    "set_grad_enabled(False)": (lambda: md.set_grad_enabled(False), SILENT),
    "set_grad_enabled(mode=True)": (lambda: md.set_grad_enabled(mode=True), RECORDING),
}
each = pytest.mark.parametrize("make, within", SWITCHES.values(), ids=SWITCHES)


@each
@pytest.mark.parametrize("outside", [RECORDING, SILENT])
def test_a_switch_of_recording(make, within, outside):
    """In a with statement, again, as a decorator, and where the block is left by an error."""
    with md.enable_grad() if outside else md.no_grad():
        for _ in range(2):
            with make():
                assert recording() is within
            assert recording() is outside
        decorated = make()(recording)
        assert recording() is outside
        for _ in range(2):
            assert decorated() is within
            assert recording() is outside
        with pytest.raises(KeyError), make():
            raise KeyError
        assert recording() is outside


@pytest.mark.parametrize("switch, within", [
    (md.no_grad, SILENT), (md.enable_grad, RECORDING), (md.inference_mode, SILENT),
])  # fmt: skip
def test_a_decorator_without_parentheses(switch, within):
    @switch
    def inside(a, b=2):
        """Says so."""
        return recording(), a, b

    assert inside(1, b=3) == (within, 1, 3) and inside.__doc__ == "Says so."
    with md.no_grad() if within else md.enable_grad():
        assert inside(1)[0] is within
        assert recording() is not within


def test_set_grad_enabled_acts_at_once():
    try:
        md.set_grad_enabled(False)
        assert not md.is_grad_enabled() and not (md.ones(1, requires_grad=True) * 2).requires_grad
        md.set_grad_enabled(True)
        assert md.is_grad_enabled() and (md.ones(1, requires_grad=True) * 2).requires_grad
    finally:
        mode.recording = True


def test_what_is_computed_in_inference_mode_can_be_used_later():
    w = md.ones(2, requires_grad=True)
    with md.inference_mode():
        x = w * 3
    (w * x).sum().backward()
    assert w.grad.numpy().tolist() == [3, 3]


@pytest.mark.parametrize("switch", [md.detect_anomaly, lambda *a, **k: md.set_detect_anomaly(True, *a, **k)])
def test_detect_anomaly_may_leave_nan_alone(switch):
    def gradient(*args, **options):
        x = md.zeros(1, requires_grad=True)
        with switch(*args, **options):
            assert md.is_anomaly_enabled()
            (x.sqrt() * 0.0).sum().backward()
        assert not md.is_anomaly_enabled() and mode.check_nan
        return x.grad

    for args, options in (((), {}), ((True,), {}), ((), {"check_nan": True})):
        with pytest.raises(RuntimeError, match="sqrt: the gradient of x is NaN"):
            gradient(*args, **options)
        assert not md.is_anomaly_enabled()
    for args, options in (((False,), {}), ((), {"check_nan": False})):
        assert gradient(*args, **options).isnan().all()


def test_anomalies_are_detected_in_a_function_that_is_decorated():
    def asked():
        return mode.anomaly, mode.check_nan

    assert md.detect_anomaly(check_nan=False)(asked)() == (True, False)
    decorated = md.set_detect_anomaly(True, check_nan=False)(asked)
    md.set_detect_anomaly(False)
    assert decorated() == (True, False) and asked() == (False, True)


def test_detect_anomaly_without_nan_still_sees_raw_writes():
    x = md.ones(2, requires_grad=True)
    with md.detect_anomaly(check_nan=False):
        y = (x * x).sum()
        x.array[0] = 7
        with pytest.raises(RuntimeError, match=r"mul: .*\.array"):
            y.backward()


def test_set_detect_anomaly_acts_at_once_and_until_it_is_told_otherwise():
    try:
        md.set_detect_anomaly(True)
        assert md.is_anomaly_enabled()
        with md.set_detect_anomaly(False):
            assert not md.is_anomaly_enabled()
        assert md.is_anomaly_enabled()
        md.set_detect_anomaly(mode=False)
        assert not md.is_anomaly_enabled()
    finally:
        mode.anomaly = False


SETS = {  # what each switch sets
    "no_grad": {"recording"}, "enable_grad": {"recording"}, "inference_mode": {"recording"}, "no_fusion": {"fused"},
    "detect_anomaly": {"anomaly", "check_nan"},
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("before", [True, False])
def test_a_switch_leaves_all_others_as_they_are(name, before, monkeypatch):
    others = {"recording", "fused", "anomaly", "check_nan"} - SETS[name]
    for other in others:
        monkeypatch.setitem(vars(mode), other, before)
    with getattr(md, name)():
        assert all(getattr(mode, other) is before for other in others)


@pytest.mark.parametrize("wrong", [1, None, "False"])
@pytest.mark.parametrize("make, argument", [
    (md.set_grad_enabled, "set_grad_enabled: mode"),
    (md.inference_mode, "inference_mode: mode"),
    (md.detect_anomaly, "detect_anomaly: check_nan"),
    (md.set_detect_anomaly, "set_detect_anomaly: mode"),
    (lambda value: md.set_detect_anomaly(True, value), "set_detect_anomaly: check_nan"),
])  # fmt: skip
def test_what_is_no_bool_is_refused(make, argument, wrong):
    with pytest.raises(TypeError, match=f"{argument} must be True or False, got {wrong!r}"):
        make(wrong)
    assert md.is_grad_enabled() and not md.is_anomaly_enabled()


@pytest.mark.parametrize("name", [
    "detect_anomaly", "enable_grad", "grad", "inference_mode", "no_grad", "set_detect_anomaly", "set_grad_enabled"
])  # fmt: skip
def test_pytorchs_other_place_for_them(name):
    assert getattr(md.autograd, name) is getattr(md, name)


@pytest.mark.parametrize("value, fused", [("0", False), ("1", True), ("", True), ("yes", True), (None, True)])
def test_fusion_by_the_environment(value, fused, monkeypatch):
    """It is on for every value but 0."""
    monkeypatch.delenv("MINIDL_FUSED", raising=False)
    if value is not None:
        monkeypatch.setenv("MINIDL_FUSED", value)
    assert runpy.run_path(modes.__file__)["mode"].fused is fused


def test_no_grad_is_per_thread_and_decorates():
    x = md.ones(1, requires_grad=True)
    seen = []
    with md.no_grad():
        thread = threading.Thread(target=lambda: seen.append((x * x).requires_grad))
        thread.start()
        thread.join()
        assert not (x * x).requires_grad
        with md.enable_grad():
            assert (x * x).requires_grad and md.is_grad_enabled()
    assert seen == [True]

    @md.no_grad()
    def frozen(n):
        return (x * x).requires_grad or (n > 0 and frozen(n - 1))

    assert not frozen(2) and (x * x).requires_grad


def test_a_generator_can_not_be_decorated():
    with pytest.raises(TypeError, match="no_grad: numbers is a generator"):

        @md.no_grad()
        def numbers():
            yield 1
