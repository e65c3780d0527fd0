"""Trainings that are killed lose nothing: ``tests/kills.py``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(__file__).parents[1] / "kills.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("kills, operations", [(3, 4), pytest.param(20, 60, marks=pytest.mark.deep)])
def test_kills(kills, operations):
    asked = ["--kills", str(kills), "--operations", str(operations)]
    done = subprocess.run([sys.executable, str(COMMAND), *asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"killed {kills} times at random moments and before each of {operations} operations" in done.stdout
    assert done.stdout.endswith("0 trainings ended in other weights\n")
