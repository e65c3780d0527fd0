"""Faults that are listed in a file: each says what of a source becomes what. Tests run with one in a forked process."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent


class Fault(NamedTuple):
    """In a place, which is a module of the engine or a function of CUDA's, `old` becomes `new`."""

    place: str
    says: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.place}: {self.says}"


def listed(name: str) -> list[Fault]:
    """The faults of a file that lies here."""
    faults = []
    for entry in Path(__file__).with_name(name).read_text(encoding="utf-8").split("\n\n"):
        title, *lines = entry.strip("\n").split("\n")
        place, _, says = title.partition(": ")
        old, new = ("\n".join(line[6:] for line in lines if line[:5] == f"    {sign}") for sign in "-+")
        faults.append(Fault(place, says, old, new))
    return faults


def forked(run: Callable[[], int], seconds: int) -> int:
    """What `run` returns in a process of its own, without a word; the signal, negative, that it dies of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: those of a test runner only wait
        child = os.fork()
    if not child:
        try:
            signal.alarm(seconds)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(nothing, stream)
            os._exit(run())
        finally:
            os._exit(255)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tested(tests: list[str], *options: str) -> int:
    """Run files of tests until one fails."""
    os.environ["MINIDL_FUSED"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    fixed = ["-x", "--tb=no", "--assert=plain", f"--rootdir={ROOT}", f"--config-file={ROOT / 'setup.cfg'}"]
    fixed += [f"-pno:{plugin}" for plugin in ("cacheprovider", "unraisableexception", "xdist")]
    return pytest.main([*fixed, *options, *(str(TESTS / name) for name in tests)])
