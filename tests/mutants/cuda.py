"""Faults in CUDA kernels: a line of a source is changed before a process of its own compiles it and runs its tests.

They run where the emulator is loaded: there a kernel that writes or waits where it must not hurts nobody.
"""

from __future__ import annotations

import re
import signal
from functools import partial
from pathlib import Path

import numpy as np

from minidl.kernels.cuda import source
from mutants import Outcome
from mutants.lines import Fault, forked, listed, tested

# The tests of a source; the quickest of them alone, since a fault that those miss is a gap.
TESTS = {
    "conv": ("gpu/test_windows.py", "float32 and (convolution_and_its_gradients or convolve)"),
    "pool": ("gpu/test_windows.py", "indices or tie or nan or float32 and (pooling_ops or maximum or convolve)"),
    "window": ("gpu/test_windows.py", "float32 and convolution_and_its_gradients"),
    "norm": ("gpu/test_norm.py", "not float16 and not float64 and (batch_norm or running or means)"),
    "reduce": ("gpu/test_reduce.py", "not float64 and (sums or stay)"),
    "common": ("gpu/test_reduce.py", "not float64 and sums"),
    "sums": ("gpu/test_loss.py gpu/test_norm.py", "not float64 and (cross_entropy or batch_norm)"),
    "loss": ("gpu/test_loss.py", "not float16 and not float64 and (cross_entropy or label)"),
    "elementwise": ("gpu/test_elementwise.py", "not float16 and not float64 and activation"),
    "optim": ("gpu/test_optim.py", "float32 and ten_steps or large or beside or finite or below"),
    "random": ("gpu/test_random.py", "number or dropout_drops or tensors_drawn"),
    "scatter": ("gpu/test_scatter.py", "not float16 and not float64"),
    "extremes": ("gpu/test_extremes.py", "not float16 and not float64"),
}
USERS = {"window": "conv", "common": "reduce", "sums": "norm"}  # a source that includes it
SECONDS = 120  # for the tests of a source
FAULTS = listed("cuda.txt")


def path(place: str) -> Path:
    """The source that a function is in."""
    return next(source.FOLDER.glob(f"{place.partition('.')[0]}.cu*"))


def function(place: str) -> str:
    """The lines of a function: from the first that names it, and is no comment, to the brace that ends it."""
    stands = re.compile(rf"^(?!//)[^\n]*\b{place.partition('.')[2]}\b.*?^}}", re.MULTILINE | re.DOTALL)
    found = stands.search(path(place).read_text(encoding="utf-8"))
    return found[0] if found else ""


def is_there(fault: Fault) -> bool:
    """Whether the function still has the lines that the fault changes, once."""
    return function(fault.place).count(fault.old) == 1


def trial(fault: Fault) -> Outcome:
    return Outcome(f"cuda.{fault.place.partition('.')[0]}", "kernel", str(fault), not passes(fault.place, fault))


def passes(place: str, fault: Fault | None) -> bool:
    """Whether the tests of a source pass with a fault in it."""
    status = forked(partial(battery, place, fault), SECONDS)
    assert status <= 1 and status != -signal.SIGALRM, f"{fault or place}: does not compile, has no tests, or never ends"
    return status == 0


def battery(place: str, fault: Fault | None) -> int:
    """Compile anew, with the fault, and run the tests of the source."""
    stem = place.partition(".")[0]
    files, some = TESTS[stem]
    if fault is not None:
        right, text = function(place), source.text
        source.text = lambda name: text(name).replace(right, right.replace(fault.old, fault.new))
        source.compiled.cache_clear()
        source.kernel.cache_clear()
        source.compiled(USERS.get(stem, stem), np.dtype("float32")).compile()
    return tested(files.split(), "-k", some)
