"""Mutants of what `faults.py` plants nothing in: ``python tests/mutation.py [--minutes N] [--one-in N] [FILE …]``.

mutmut (extra ``mutation``) changes one place at a time and runs the tests that come by there. Printed are the score of
each file and the mutants that survive without ``mutants/survivors.txt`` listing them; exits with 1 if these are more
than one in twenty.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg", "MINIDL_OFFLINE": "1"}

import pytest  # noqa: E402
from _pytest import python  # noqa: E402
from _pytest.compat import ascii_escaped  # noqa: E402
from mutmut import __main__ as mutmut  # noqa: E402
from mutmut.configuration import config  # noqa: E402
from mutmut.mutation import file_mutation, trampoline  # noqa: E402
from mutmut.mutation.data import SourceFileMutationData  # noqa: E402
from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: E402
from mutmut.stats import status_by_exit_code  # noqa: E402
from mutmut.workers import isolation  # noqa: E402

ROOT = Path(__file__).parents[1]
LISTED = Path(__file__).with_name("mutants") / "survivors.txt"
LOG = Path("mutants/log.txt")
ALLOWED = 20  # times as many as survive must have been tried
KILLED = {"killed", "timeout", "segfault", "suspicious"}
# The tests of a folder's files; those of files beside it lie in tests/ itself. None of them needs PyTorch: what only a
# comparison with it would notice has no test of its own yet.
TESTS = {
    "autograd": "autograd engine/test_engine.py engine/test_engine_steps.py ops/test_arguments.py",
    "backend": "backend engine/test_engine.py engine/test_tensor.py ops/test_creation.py ops/test_accuracy.py",
    "backends": "backend/test_backend.py",
    "commands": "commands test_cli.py",
    "data": "data",
    "distributed": "distributed",
    "draw": "draw",
    "functional": "functional nn test_arguments.py",
    "interpret": "interpret test_arguments.py",
    "learn": "learn/test_course.py learn/test_exercises.py learn/test_judge.py learn/test_lesson.py learn/test_toys.py "
    "learn/test_keys.py learn/test_screen.py learn/test_stepper.py",
    "models": "models nn test_programs.py",
    "nn": "nn functional engine/test_fusion.py test_arguments.py test_programs.py",
    "optim": "optim test_arguments.py",
    "profiler": "profiler",
    "train": "train",
    "utils": "data/test_loader.py",
    "viz": "viz learn/test_keys.py",
    "": "engine/test_engine.py test_files.py test_cli.py train/test_checkpoint.py",
}
# mutmut's names stand beside those of a module, where these look for public ones
NAMES = "test_arguments.py::test_every_argument_is_varied", "interpret/test_state.py::test_every_function_is_looked_at"
STREAMS = sys.__stdout__, sys.__stderr__
COLUMNS = ("mutants", "killed", "listed", "survive", "not tried")
pytest.Item._nodeid = property(lambda item: item.nodeid)  # mutmut 3.8 asks for it; pytest 9.2 has it no more


def escaped_once(name: str | bytes) -> str:
    """The name of a test in ASCII. pytest escapes it anew where a process collects a test again, and then misses it."""
    return name if isinstance(name, str) and name.isascii() and name.isprintable() else ascii_escaped(name)


python.ascii_escaped = escaped_once
warn = warnings.warn


def warn_past_trampolines(message: Any, category: Any = None, stacklevel: int = 1, source: Any = None) -> None:
    """`warnings.warn` of the line that is meant: mutmut puts calls of its own between a function and its caller."""
    frame, level = sys._getframe(1), 1
    while stacklevel > 1 and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
        stacklevel -= frame.f_code.co_filename != trampoline.__file__
    warn(message, category, level + 1, source)


warnings.warn = warn_past_trampolines


class Process(subprocess.Popen):
    """One that a test starts: where it runs mutmut finds no configuration, and so it counts no calls."""

    def __init__(self, *command: Any, env: Any = None, **options: Any) -> None:
        super().__init__(*command, env={**(env or os.environ), "MUTMUT_DEPENDENCY_DEPTH": "0"}, **options)


subprocess.Popen = Process  # type: ignore[misc]


class Mutant(NamedTuple):
    """Where a mutant is, what of the source became what, and what came of it."""

    place: str
    change: str
    status: str

    def __str__(self) -> str:
        return f"{self.place}: {self.change}"


def change(name: str, path: Path) -> str:
    """What a mutant changes, in one line: ``old → new``."""
    lines = get_diff_for_mutant(name, path=path).splitlines()[3:]
    return " → ".join(" ".join(line[1:].strip() for line in lines if line[:1] == sign) for sign in "-+")


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


def listed() -> list[re.Pattern[str]]:
    """What survivors look like that are known; the reasons stand above them."""
    lines = LISTED.read_text(encoding="utf-8").splitlines()
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def tests(files: list[Path]) -> list[str]:
    """The files of tests for some files, as far as they are there."""
    folders = {file.parts[1] if len(file.parts) > 2 else "" for file in files}
    return sorted(
        {f"tests/{test}" for folder in folders for test in TESTS[folder].split() if Path("tests", test).exists()}
    )


def drawn(one_in: int) -> Callable[..., tuple]:
    """mutmut's way to make the mutants of a file, cut to one in so many, the same ones each time."""
    every = file_mutation.create_mutations

    def draw(filename: str, *options: Any) -> tuple:
        module, mutations, *ignored = every(filename, *options)
        chance = random.Random(filename)
        return module, [mutation for mutation in mutations if not chance.randrange(one_in)], *ignored

    return draw


def run(files: list[Path], processes: int | None, minutes: float | None, one_in: int) -> None:
    """Make mutants of the files and try them, as many as the time is enough for."""
    shutil.rmtree("mutants", ignore_errors=True)
    LOG.parent.mkdir()
    config().only_mutate = [str(file) for file in files]
    config().pytest_add_cli_args_test_selection = tests(files)
    config().pytest_add_cli_args += [f"--deselect=tests/{name}" for name in NAMES]
    file_mutation.create_mutations = drawn(one_in)
    isolation.ForkRunner.run_clean_tests = lambda runner, tests: 0  # they have passed when it saw who runs what
    if minutes:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(round(60 * minutes))
    with open(LOG, "w", encoding="utf-8") as log, contextlib.suppress(KeyboardInterrupt):
        sys.__stdout__ = sys.__stderr__ = sys.stdout = log  # where mutmut goes on a terminal
        try:
            mutmut._run([], processes)
        finally:
            sys.__stdout__, sys.__stderr__ = STREAMS
            sys.stdout, sys.stderr = STREAMS
            signal.alarm(0)


def report(files: list[Path]) -> tuple[list[Mutant], int]:
    """Print the score of each file; return the mutants that survive without being listed, and how many are killed."""
    known, surviving, totals = listed(), [], [0] * len(COLUMNS)
    print(f"{'':36}" + "".join(f"{column:>11}" for column in COLUMNS))
    for file in files:
        every = mutants(file)
        tried = [mutant for mutant in every if mutant.status != "not checked"]
        alive = [mutant for mutant in tried if mutant.status not in KILLED]
        new = [mutant for mutant in alive if not any(pattern.search(str(mutant)) for pattern in known)]
        row = [len(every), len(tried) - len(alive), len(alive) - len(new), len(new), len(every) - len(tried)]
        totals = [a + b for a, b in zip(totals, row, strict=True)]
        surviving += new
        print(f"{file!s:36}" + "".join(f"{n:11}" for n in row))
    print(f"{'total':36}" + "".join(f"{n:11}" for n in totals))
    return surviving, totals[COLUMNS.index("killed")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-j", type=int, metavar="N", help="processes (default: one a core)")
    parser.add_argument("--minutes", type=float, metavar="N", help="stop after so long")
    parser.add_argument("--one-in", type=int, default=1, metavar="N", help="try one mutant in N, the same each time")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="only mutants of these (default: of all)")
    arguments = parser.parse_args()
    named = {file.absolute() for file in arguments.files}
    os.chdir(ROOT)
    every = [file for file in sorted(Path("minidl").rglob("*.py")) if config().should_mutate(file)]
    files = [file for file in every if not named or file.absolute() in named]
    if not files:
        print("no file to mutate: in engine, ops and kernels faults.py plants")
        return 0
    end = time.monotonic() + 60 * (arguments.minutes or float("inf"))
    try:
        run(files, arguments.j, arguments.minutes, arguments.one_in)
    except SystemExit:  # a test failed without a mutant, or was stopped
        if time.monotonic() >= end:
            print("the time was not enough to run the tests once")
            return 0
        print(LOG.read_text(encoding="utf-8")[-5000:])
        raise
    surviving, killed = report(files)
    for mutant in surviving:
        print(f"{mutant.status}: {mutant}")
    return 1 if ALLOWED * len(surviving) > killed + len(surviving) else 0


if __name__ == "__main__":
    sys.exit(main())
