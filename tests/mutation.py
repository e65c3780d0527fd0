"""Mutants of what `faults.py` plants nothing in: ``python tests/mutation.py [-j N] [--minutes N] [FILE …]``.

mutmut, as setup.cfg tells it, changes one place at a time and runs the tests that come by there. Printed are the score of
each module and the mutants that survive; exits with 1 if one does that ``mutants/survivors.txt`` doesn't list.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import NamedTuple

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg", "MINIDL_OFFLINE": "1"}

import pytest  # noqa: E402
from mutmut import __main__ as mutmut  # noqa: E402
from mutmut.configuration import config  # noqa: E402
from mutmut.mutation.data import SourceFileMutationData  # noqa: E402
from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: E402
from mutmut.stats import status_by_exit_code  # noqa: E402

ROOT = Path(__file__).parents[1]
LISTED = Path(__file__).with_name("mutants") / "survivors.txt"
KILLED = {"killed", "timeout", "segfault", "suspicious"}
pytest.Item._nodeid = property(lambda item: item.nodeid)  # mutmut 3.8 asks for it; pytest 9.2 has it no more


class Mutant(NamedTuple):
    """Where a mutant is, what of the source became what, and what came of it."""

    place: str
    change: str
    status: str

    def __str__(self) -> str:
        return f"{self.place}: {self.change}"


def change(name: str, path: Path) -> str:
    """What a mutant changes, in one line: ``old → new``, as little of the lines as differs, to whole words."""
    lines = get_diff_for_mutant(name, path=path).splitlines()[3:]
    old, new = (" ".join(line[1:].strip() for line in lines if line[:1] == sign) for sign in "-+")
    return f"{old} → {new}"


def mutants(path: Path) -> list[Mutant]:
    """Those of a file that has been tried."""
    data = SourceFileMutationData(path=path)
    data.load()
    found = []
    for name, code in data.exit_code_by_key.items():
        module, _, function = name.rpartition(".")
        function = re.sub(r"__mutmut_\d+$", "", function.removeprefix("x_").removeprefix("xǁ")).replace("ǁ", ".")
        found.append(Mutant(f"{module}.{function}", change(name, path), status_by_exit_code[code]))
    return found


def listed() -> list[tuple[re.Pattern[str], str]]:
    """The patterns of survivors that are known, each with the reason above it."""
    reason, patterns = "", []
    for line in LISTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            reason = line[1:].strip()
        elif line:
            patterns.append((re.compile(line), reason))
    return patterns


def run(files: list[Path], processes: int | None, minutes: float | None) -> None:
    """Make mutants of the files and try them, as many as the time is enough for."""
    shutil.rmtree("mutants", ignore_errors=True)
    config().only_mutate = [str(file) for file in files]
    if minutes:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(round(60 * minutes))
    with contextlib.suppress(KeyboardInterrupt):
        mutmut._run([], processes)
    signal.alarm(0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-j", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--minutes", type=float, metavar="N", help="stop after so long")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="only mutants of these files (default: all)")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    every = [file for file in sorted(Path("minidl").rglob("*.py")) if config().should_mutate(file)]
    files = [file for file in every if not arguments.files or (ROOT / file) in map(Path.absolute, arguments.files)]
    if not files:
        print("nothing to mutate: faults.py plants in engine, ops and kernels")
        return 0
    run(files, arguments.j, arguments.minutes)
    known = listed()
    bad = []
    print(f"{'module':40}{'mutants':>8}{'killed':>8}{'listed':>8}{'survive':>8}{'not tried':>10}")
    totals = [0] * 5
    for file in files:
        of = mutants(file)
        killed = [m for m in of if m.status in KILLED]
        tried = [m for m in of if m.status != "not checked"]
        alive = [m for m in tried if m.status not in KILLED]
        surviving = [m for m in alive if not any(pattern.search(str(m)) for pattern, _ in known)]
        row = [len(of), len(killed), len(alive) - len(surviving), len(surviving), len(of) - len(tried)]
        totals = [a + b for a, b in zip(totals, row, strict=True)]
        bad += surviving
        print(f"{file!s:40}" + "".join(f"{n:8}" for n in row))
    print(f"{'total':40}" + "".join(f"{n:8}" for n in totals))
    for mutant in bad:
        print(f"{mutant.status}: {mutant}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
