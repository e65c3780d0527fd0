"""The proofs proven: plant every fault, and print which are found. ``python tests/faults.py [-j N] [OP …]``.

Those in CUDA kernels are planted where an emulator of a GPU can be imported, as ``emulated_gpu``. Exits with 1 if a
fault survives that is not known to be equivalent, or if one that is listed so is found.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the processes are threads enough

with contextlib.suppress(ModuleNotFoundError):
    import emulated_gpu  # noqa: F401

import emulator  # noqa: E402
from mutants import Outcome, cuda, engine, sources  # noqa: E402
from mutants.equivalent import EQUIVALENT  # noqa: E402
from mutants.lines import Fault  # noqa: E402
from mutants.trial import trial  # noqa: E402
from specs import DIFFERENTIABLE, oracles  # noqa: E402


def run(subject: tuple[str, str] | Fault) -> list[Outcome]:
    """The faults of a part of an op, or one of the engine or of a CUDA kernel."""
    if isinstance(subject, Fault):
        return [(cuda if subject in cuda.FAULTS else engine).trial(subject)]
    return trial(*subject)


def table(title: str, outcomes: Iterable[tuple[str, Outcome]]) -> None:
    """Print how many faults there are in each row, how many are found, equivalent, and survive."""
    rows: dict[str, Counter[str]] = {}
    for row, outcome in outcomes:
        verdict = "found" if outcome.found else "equivalent" if outcome.fault in EQUIVALENT else "survive"
        rows.setdefault(row, Counter())[verdict] += 1
    columns = ("found", "equivalent", "survive")
    print(f"\n{title:24}{'faults':>8}" + "".join(f"{column:>12}" for column in columns))
    for row, count in [*rows.items(), ("total", sum(rows.values(), Counter()))]:
        print(f"{row:24}{count.total():8}" + "".join(f"{count[column]:12}" for column in columns))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-j", type=int, default=os.cpu_count(), metavar="N", help="processes (default: one a core)")
    parser.add_argument(
        "ops", nargs="*", metavar="OP", help="only these ops (default: all, the engine, and CUDA kernels)"
    )
    arguments = parser.parse_args()
    subjects: list[Any] = [part for name in arguments.ops or DIFFERENTIABLE for part in sources.subjects(name)]
    if not arguments.ops:
        if not engine.passes(None):
            sys.exit("the tests of the engine fail without any fault")
        subjects += engine.FAULTS
        if emulator.loaded():
            if failing := [place for place in cuda.TESTS if not cuda.passes(place, None)]:
                sys.exit(f"the tests of {', '.join(failing)} fail without any fault")
            subjects += cuda.FAULTS
    with ProcessPoolExecutor(arguments.j) as pool:
        outcomes = [o for some in pool.map(run, subjects) for o in some]
    table("by op", ((outcome.where, outcome) for outcome in outcomes))
    table("by kind", ((outcome.kind, outcome) for outcome in outcomes))
    hidden = {outcome.fault for outcome in outcomes if not outcome.found}
    stale = [f for f in EQUIVALENT if f not in hidden and f.partition(".")[0] in {o.where for o in outcomes}]
    for verdict, named in ("survives", sorted(hidden - EQUIVALENT.keys())), ("is not equivalent, or is no more", stale):
        for fault in named:
            print(f"\n{fault}: {verdict}")
    proven = [name for name in DIFFERENTIABLE if all(len(set(by)) >= 2 for by in oracles(name).values())]
    print(f"\n{len(proven)} of {len(DIFFERENTIABLE)} ops have two oracles at both orders")
    return 1 if stale or hidden - EQUIVALENT.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
