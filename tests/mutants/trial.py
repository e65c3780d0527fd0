"""The faults of an op against its checks: which are found, and which are not."""

from __future__ import annotations

import time
import warnings

from mutants import Mutant, Outcome, checks, sources
from mutants.checks import Check
from mutants.equivalent import EQUIVALENT


def trial(name: str) -> list[Outcome]:
    """Plant every fault of an op, one at a time, and ask one check after the other until one fails."""
    few, more = checks.examples(name)
    with sources.exercised(), checks.undrawn(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faults = list(sources.mutants(name))
        left = unnoticed(faults, checks.pointed(name) + checks.promised(name, few))
        surprising = unnoticed([fault for fault in left if str(fault) not in EQUIVALENT], checks.promised(name, more))
    hidden = {str(fault) for fault in left if str(fault) in EQUIVALENT or fault in surprising}
    return [Outcome(name, fault.kind, str(fault), str(fault) not in hidden) for fault in faults]


def unnoticed(faults: list[Mutant], asked: list[Check]) -> list[Mutant]:
    """The faults with which every check passes."""
    asked = by_cost(asked) if faults else []
    left = []
    for fault in faults:
        with fault.planted():
            if all(map(checks.passes, asked)):
                left.append(fault)
    return left


def by_cost(asked: list[Check]) -> list[Check]:
    """The checks, the quickest first. They pass as long as no fault is planted, or raise here."""
    cost = {}
    for check in asked:
        start = time.perf_counter()
        check()
        cost[check] = time.perf_counter() - start
    return sorted(asked, key=cost.__getitem__)
