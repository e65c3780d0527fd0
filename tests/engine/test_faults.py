"""The proofs proven: every fault that is planted must be found (``python tests/faults.py`` prints the table)."""

import contextlib
import os
import signal

import emulator
import pytest
from mutants import checks, cuda, engine, sources, trial
from mutants.equivalent import EQUIVALENT
from specs import DIFFERENTIABLE

from minidl.kernels.cuda import source

PARTS = [part for name in DIFFERENTIABLE for part in sources.subjects(name)]
# What is tried without --deep: quick parts of ops, with faults of every kind but one, which kernels alone can have; and
# each so many-th fault of the engine.
SAMPLE = {("relu", ""), ("sub", ""), ("selu", ""), ("gelu_by_erf", ""), ("limit", ""), ("softplus", "")}
OF_KERNELS = {"drop a statement"}
EACH = 150
SHARE, TURN = map(int, os.environ.get("MINIDL_FAULTS", "1/0").split("/"))  # "5/17": each fifth, the 17th time


def deep(sampled):
    """The marks of a parameter."""
    return () if sampled else pytest.mark.deep


def taken(number):
    """Whether it is the turn of what has this number."""
    return number % SHARE == TURN % SHARE


@pytest.mark.parametrize(
    "name, kernel",
    [pytest.param(*part, marks=deep(part in SAMPLE)) for i, part in enumerate(PARTS) if part in SAMPLE or taken(i)],
)
def test_every_fault_of_an_op_is_found(name, kernel):
    outcomes = trial.trial(name, kernel)
    survivors = {outcome.fault for outcome in outcomes if not outcome.found}
    assert survivors == {outcome.fault for outcome in outcomes} & EQUIVALENT.keys()


def test_a_fault_that_kills_or_hangs_is_found_and_the_others_are_tried(monkeypatch):
    def planted(does):
        return sources.Mutant("mul", does.__name__, "", "", lambda: contextlib.nullcontext(does()))

    faults = [planted(does) for does in (sources.FEW.bit_length, os.abort, signal.pause, sources.MANY.bit_length)]
    monkeypatch.setattr(trial, "SECONDS", 1)
    assert trial.unnoticed(faults, [lambda: None]) == [faults[0], faults[3]]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=str(fault), marks=deep(i % EACH == 0))
        for i, fault in enumerate(engine.FAULTS)
        if i % EACH == 0 or taken(i)
    ],
)
def test_every_fault_of_the_engine_is_found(fault):
    assert not engine.passes(fault)


def test_faults_of_the_engine_are_of_the_engine_as_it_is():
    missing = [str(fault) for fault in engine.FAULTS if not engine.is_there(fault)]
    assert not missing, "the engine has changed: so must engine.txt"


on_emulator = pytest.mark.skipif(not emulator.loaded(), reason="a fault in a kernel may hurt a real GPU's memory")


@pytest.mark.gpu
@on_emulator
@pytest.mark.parametrize("fault", [fault for i, fault in enumerate(cuda.FAULTS) if taken(i)], ids=str)
def test_every_fault_of_a_cuda_kernel_is_found(fault):
    assert cuda.passes(fault.place, fault) == (str(fault) in EQUIVALENT)


def test_every_cuda_kernel_has_faults():
    for path in source.FOLDER.glob("*.cu"):
        for kernel in source.entries(path.stem, "float32"):
            assert sum(fault.place == f"{path.stem}.{kernel}" for fault in cuda.FAULTS) >= 3, kernel
    assert all(map(cuda.is_there, cuda.FAULTS)), "a kernel has changed: so must cuda.txt"


@pytest.mark.deep
def test_there_are_many_faults_of_many_kinds():
    faults = [fault for name in DIFFERENTIABLE for fault in sources.mutants(name)]
    assert len({str(fault) for fault in faults}) == len(faults) >= 5000
    kinds = {fault.kind for fault in faults}
    assert len(kinds) >= 20
    assert {fault.kind for fault in faults if (fault.op, fault.kernel) in SAMPLE} == kinds - OF_KERNELS
    assert EQUIVALENT.keys() <= {str(fault) for fault in [*faults, *cuda.FAULTS]}


@pytest.mark.deep
def test_checks_that_always_pass_find_nothing(monkeypatch):
    monkeypatch.setattr(checks, "promised", lambda name, some: [lambda: None])
    monkeypatch.setattr(checks, "pointed", lambda name: [])
    assert not any(outcome.found for outcome in trial.trial("mul"))
    monkeypatch.setitem(engine.OTHERS, engine.FAULTS[0].place, ["backend/test_memory.py"])
    assert engine.passes(engine.FAULTS[0])


def test_a_promise_that_the_op_itself_breaks_is_no_proof(monkeypatch):
    monkeypatch.setattr(checks, "promised", lambda name, some: [lambda: pytest.fail("broken")])
    with pytest.raises(pytest.fail.Exception, match="broken"):
        trial.trial("mul")
