"""Faults in the engine: a line of a module is changed before a process of its own imports it and runs its tests."""

from __future__ import annotations

import itertools
import sys
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder, SourceFileLoader

from mutants import Outcome
from mutants.lines import ROOT, TESTS, Fault, forked, listed, tested

OURS = (str(ROOT / "minidl"), str(TESTS))  # but not an environment that stands in the checkout
BATTERY = ["engine/test_attributes.py", "engine/test_inplace.py", "engine/test_hooks.py"]
BATTERY += ["engine/test_engine_steps.py", "engine/test_engine.py", "engine/test_tensor.py"]
BATTERY += ["autograd/test_gradients.py", "autograd/test_check.py"]
OTHERS = {
    "autograd.function": ["autograd/test_function.py"],
    "engine.arrivals": ["engine/test_arrivals.py"],
    "engine.walk": [*BATTERY, "engine/test_arrivals.py"],
    "autograd.check": [*reversed(BATTERY)],
    "engine.fusion": ["engine/test_fusion.py", *BATTERY],
    "backend.modes": ["backend/test_modes.py", *BATTERY],
    "backend.threads": ["backend/test_threads.py"],
    "backend.memory": ["backend/test_memory.py"],
    "nn.containers": ["engine/test_fusion.py"],
}  # the tests of single modules, those first that find the most
SLOW = ["test_a_chain_of_100_000_ops_works_and_is_dropped", "test_peak_memory_does_not_grow_over_many_steps"]
SECONDS = 600  # for a fault with which the engine runs for ever; the tests need a minute on a busy machine
FAULTS = listed("engine.txt")


def is_there(fault: Fault) -> bool:
    """Whether the module still has the line that the fault changes, once."""
    path = ROOT.joinpath("minidl", *fault.place.split(".")).with_suffix(".py")
    return path.read_text(encoding="utf-8").count(fault.old) == 1


def trial(fault: Fault) -> Outcome:
    return Outcome(f"minidl.{fault.place}", "engine", str(fault), not passes(fault))


def passes(fault: Fault | None) -> bool:
    """Whether the tests of the engine pass with a fault in it."""
    return forked(partial(battery, fault), SECONDS) == 0


def battery(fault: Fault | None) -> int:
    """Import the project anew, with the fault, and run the tests of the engine."""
    for name, module in list(sys.modules.items()):
        if name != "__main__" and (getattr(module, "__file__", None) or "").startswith(OURS):
            del sys.modules[name]
    sys.path.insert(0, str(ROOT))
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, PathFinder]  # a runner adds one that rewrites tests
    if fault is not None:
        sys.meta_path.insert(0, Finder(fault))
    tests = {*BATTERY, *itertools.chain(*OTHERS.values())} if fault is None else OTHERS.get(fault.place, BATTERY)
    return tested(list(tests), *(f"--deselect=tests/engine/test_engine.py::{test}" for test in SLOW))


class Finder(MetaPathFinder):
    """Finds the module that a fault is in, with the fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(self, fullname, path, target=None):
        if fullname != f"minidl.{self.fault.place}":
            return None
        spec = PathFinder.find_spec(fullname, path)
        spec.loader = Loader(fullname, spec.origin)
        spec.loader.fault = self.fault
        return spec


class Loader(SourceFileLoader):
    fault: Fault

    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        return self.source_to_code(source.replace(self.fault.old, self.fault.new), self.path)
