"""How far a run of the suite is, and how long the rest will take: a line on a terminal, one now and then in a log.

It stands in for the dots of ``pytest -q``, with ``-n`` and without.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

DURATIONS = "minidl/durations"  # where pytest's cache keeps them from run to run
LEAST = 0.001  # seconds that a test is taken to need


class Progress:
    """What is done, and what is left.

    The rest is taken to need its share of the time: by the durations of an earlier run, and as the mean of these where
    a test is new; by the number of tests, where all are.
    """

    def __init__(self, known: dict[str, float], now: Callable[[], float] = time.monotonic) -> None:
        self.known, self.now, self.start = known, now, now()
        self.mean = sum(known.values()) / len(known) if known else 1.0
        self.left: set[str] = set()
        self.took: Counter[str] = Counter()

    def begin(self, tests: Iterable[str]) -> None:
        self.start, self.left = self.now(), set(tests)

    def seconds(self) -> float:
        return self.now() - self.start

    def remaining(self) -> float:
        """Seconds, as far as one can say; NaN as long as nothing is done."""
        weights = [sum(max(self.known.get(test, self.mean), LEAST) for test in some) for some in (self.done, self.left)]
        return self.seconds() * weights[1] / weights[0] if weights[0] else float("nan")

    @property
    def done(self) -> set[str]:
        return self.took.keys() - self.left

    def line(self, **counts: int) -> str:
        """Such as ``812 of 9000 (1 failed), 0:21 gone, about 3:05 left``."""
        said = ", ".join(f"{n} {outcome}" for outcome, n in counts.items() if n)
        done = len(self.done)
        times = [f"{s // 60}:{s % 60:02}" for s in (round(self.seconds()), round(self.remaining()))]
        head = f"{done} of {done + len(self.left)}" + (f" ({said})" if said else "")
        return f"{head}, {times[0]} gone, about {times[1]} left"


class Reporter:
    """The plugin that follows a run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.cache = getattr(config, "cache", None)
        self.progress = Progress(self.cache.get(DURATIONS, {}) if self.cache else {})
        self.shown = 0.0

    @property
    def terminal(self) -> Any:
        return self.config.pluginmanager.get_plugin("terminalreporter")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.progress.begin(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.progress.begin(ids)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self):
        """No letter for each test."""
        category, _, word = yield
        return category, "", word

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.progress.took[report.nodeid] += report.duration
        if report.failed:
            self.say(f"FAILED {report.nodeid}")
            if self.terminal.isatty:
                self.terminal.write_line("")  # it stays

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.progress.left.discard(nodeid)
        seconds = self.progress.seconds()
        if seconds < self.shown + (1 if self.terminal.isatty else 10 + self.shown / 10):
            return
        self.shown = seconds
        self.say(self.progress.line(**{name: len(self.terminal.stats.get(name, ())) for name in ("failed", "error")}))

    def say(self, line: str) -> None:
        """In a log a line of its own; on a terminal in the place of the one before."""
        if self.terminal.isatty:
            self.terminal.rewrite(line, erase=True)
        else:
            self.terminal.write_line(line)

    def pytest_sessionfinish(self) -> None:
        if self.terminal.isatty and self.shown:
            self.say("")
            self.terminal.rewrite("")
        if self.cache:
            took = {test: round(seconds, 3) for test, seconds in self.progress.took.items()}
            self.cache.set(DURATIONS, self.progress.known | took)
