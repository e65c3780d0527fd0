"""A clock for tests of the profiler."""

import pytest


@pytest.fixture
def ticking(monkeypatch):
    """A clock of which each look takes a second, and what else takes time is said by ``ticking(seconds)``."""
    now = [0.0]

    def look():
        now[0] += 1
        return now[0]

    monkeypatch.setattr("time.perf_counter", look)
    return lambda seconds: now.__setitem__(0, now[0] + seconds)
