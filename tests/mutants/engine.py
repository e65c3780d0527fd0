"""Faults in the engine: a line of a module is changed before a process of its own imports it and runs its tests."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import warnings
from importlib.abc import MetaPathFinder
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder, SourceFileLoader
from pathlib import Path
from typing import NamedTuple

import pytest

from mutants import Outcome

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
OURS = (str(ROOT / "minidl"), str(TESTS))  # but not an environment that stands in the checkout
BATTERY = ["test_engine_steps.py", "test_engine.py", "test_check.py"]
OTHERS = {
    "fusion": [*BATTERY, "test_fusion.py"],
    "threads": ["test_threads.py"],
    "memory": ["test_memory.py"],
    "nn.containers": ["test_fusion.py"],
}  # the tests of single modules
SLOW = ["test_a_chain_of_100_000_ops_works_and_is_dropped", "test_peak_memory_does_not_grow_over_many_steps"]
SECONDS = 60  # for a fault with which the engine runs for ever


class Fault(NamedTuple):
    """In a module of the engine `old`, which stands there once, becomes `new`."""

    module: str
    says: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.module}: {self.says}"

    def is_there(self) -> bool:
        """Whether the module still has the place that the fault changes."""
        path = ROOT.joinpath("minidl", *self.module.split(".")).with_suffix(".py")
        return path.read_text(encoding="utf-8").count(self.old) == 1


def faults() -> list[Fault]:
    """Those of engine.txt."""
    listed = []
    for entry in Path(__file__).with_name("engine.txt").read_text(encoding="utf-8").split("\n\n"):
        title, *lines = entry.strip("\n").split("\n")
        module, _, says = title.partition(": ")
        old, new = ("\n".join(line[6:] for line in lines if line[:5] == f"    {sign}") for sign in "-+")
        listed.append(Fault(module, says, old, new))
    return listed


def trial(fault: Fault) -> Outcome:
    return Outcome(f"minidl.{fault.module}", "engine", str(fault), not passes(fault))


def passes(fault: Fault | None) -> bool:
    """Whether the tests of the engine pass, with a fault in it, in a forked process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: those of a test runner only wait
        child = os.fork()
    if not child:
        try:
            os._exit(battery(fault))
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def battery(fault: Fault | None) -> int:
    """Import the project anew, with the fault, and run the tests of the engine without a word."""
    signal.alarm(SECONDS)
    os.environ["MINIDL_FUSED"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)  # a limit of coverage would fail every battery
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    for name, module in list(sys.modules.items()):
        if name != "__main__" and (getattr(module, "__file__", None) or "").startswith(OURS):
            del sys.modules[name]
    sys.path.insert(0, str(ROOT))
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, PathFinder]  # a runner adds one that rewrites tests
    if fault is not None:
        sys.meta_path.insert(0, Finder(fault))
    options = ["-x", "--tb=no", "--assert=plain", f"--rootdir={ROOT}", f"--config-file={ROOT / 'setup.cfg'}"]
    options += [f"-pno:{plugin}" for plugin in ("cacheprovider", "unraisableexception", "xdist")]
    options += [f"--deselect=tests/test_engine.py::{test}" for test in SLOW]
    tests = {*BATTERY, *itertools.chain(*OTHERS.values())} if fault is None else OTHERS.get(fault.module, BATTERY)
    return pytest.main([*options, *(str(TESTS / name) for name in tests)])


class Finder(MetaPathFinder):
    """Finds the module that a fault is in, with the fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault

    def find_spec(self, fullname, path, target=None):
        if fullname != f"minidl.{self.fault.module}":
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
