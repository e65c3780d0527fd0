"""The faults of an op against its checks: which are found, and which are not."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
import warnings
from collections.abc import Iterator

from specs import OPS, Case

from mutants import Mutant, Outcome, checks, sources
from mutants.checks import Check
from mutants.equivalent import EQUIVALENT

SECONDS = 60  # for a fault with which something runs for ever


def trial(name: str, kernel: str = "") -> list[Outcome]:
    """Plant every fault of an op, in a kernel or else outside of all, and ask one check after the other."""
    faults = [fault for fault in sources.mutants(name) if fault.kernel == kernel]
    with (
        sources.exercised(interpreted=bool(kernel)),
        sources.alone(name, kernel),
        checks.undrawn(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        left = of_kernel(name, kernel, faults) if kernel else of_op(name, faults)
    return [Outcome(name, fault.kind, str(fault), fault not in left) for fault in faults]


def of_op(name: str, faults: list[Mutant]) -> list[Mutant]:
    """Those that are not found by points and by the promises."""
    few, more = checks.divided(checks.examples(name))
    left = unnoticed(faults, checks.pointed(name) + checks.promised(name, few))
    return surprised(left, checks.promised(name, more))


def of_kernel(name: str, kernel: str, faults: list[Mutant]) -> list[Mutant]:
    """Those that are not found where the kernel is held against the reference, then by points and its own promises."""
    drawn = [case for case in checks.examples(name) if served(name, case)]
    left = unnoticed(faults, checks.compared(name, drawn))
    few, more = checks.divided(drawn)
    left = unnoticed(left, checks.pointed(name, kernel) + checks.promised(name, few, checks.OF_KERNELS))
    return surprised(left, checks.promised(name, more, checks.OF_KERNELS))


def surprised(left: list[Mutant], more: list[Check]) -> list[Mutant]:
    """Those that are left after more checks, which only those are put to that are not known to be equivalent."""
    known = [fault for fault in left if str(fault) in EQUIVALENT]
    return known + unnoticed([fault for fault in left if fault not in known], more)


def served(name: str, case: Case) -> bool:
    """Whether a kernel serves it."""
    return OPS[name].serving(*OPS[name].bind(tuple(case.arrays), case.options)) is not None


def unnoticed(faults: list[Mutant], asked: list[Check]) -> list[Mutant]:
    """The faults with which every check passes. One that a fresh process dies of is found."""
    asked = by_cost(asked) if faults else []
    left, done = [], 0
    while done < len(faults):
        start = done
        for passed in answers(faults[start:], asked):
            left += [faults[done]] if passed else []
            done += 1
        done += done == start
    return left


def answers(faults: list[Mutant], asked: list[Check]) -> Iterator[bool]:
    """One after the other, whether every check passes: a forked process says so, as long as it lives."""
    receiving, sending = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # where it says what it dies of
        faulthandler.disable()
        try:
            for fault in faults:
                signal.alarm(SECONDS)
                with fault.planted():
                    os.write(sending, b"%d" % all(map(checks.passes, asked)))
        finally:
            os._exit(0)
    os.close(sending)
    with open(receiving, "rb", buffering=0) as stream:
        while answer := stream.read(1):
            yield answer == b"1"
    os.waitpid(child, 0)


def by_cost(asked: list[Check]) -> list[Check]:
    """The checks, the quickest first. They pass as long as no fault is planted, or raise here."""
    cost = {}
    for check in asked:
        start = time.perf_counter()
        check()
        cost[check] = time.perf_counter() - start
    return sorted(asked, key=cost.__getitem__)
