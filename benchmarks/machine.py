"""What the figures were measured on, and what that machine can do at most."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy._core._multiarray_umath import __cpu_features__
from threadpoolctl import threadpool_info

import minidl as md
from minidl.learn.lesson import processor


def description(packages: list[str]) -> dict[str, Any]:
    """Machine, versions, threads and revision."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    return {
        "processor": processor(),
        "instructions": instructions(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],  # of the minute before: processes that run, or wait for a core
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in ("minidl", "numpy", *packages)},
        "threads": md.get_num_threads(),
        "blas": [
            f"{b['internal_api']} {b['version']} ({b.get('architecture', 'any')}), {b['num_threads']} threads"
            for b in blas
        ],
        "environment": {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")},
        "revision": revision(),
    }


def instructions() -> str:
    """The widest vectors that NumPy found on this processor: AVX-512, AVX2, ..."""
    found = __cpu_features__
    names = {"AVX512_SKX": "AVX-512", "AVX512F": "AVX-512", "AVX2": "AVX2", "SVE": "SVE", "ASIMD": "NEON"}
    return next((shown for name, shown in names.items() if found.get(name)), "no AVX2")


def revision() -> str | None:
    """The commit of the checkout, with a + if files differ from it; None where there is no git."""
    try:
        answers = [
            subprocess.run(command, cwd=Path(__file__).parent, check=True, capture_output=True, text=True).stdout
            for command in (["git", "rev-parse", "HEAD"], ["git", "status", "--porcelain", "-uno"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    return answers[0].strip() + "+" * bool(answers[1])


def ceilings(quick: bool) -> dict[str, float]:
    """The roofs over every operation: a large float32 matrix product's FLOP/s, and a large copy's bytes/s."""
    flops, bandwidth = md.profiler.measure_peaks(64, 1) if quick else md.profiler.measure_peaks()
    return {"flops": flops, "bytes": bandwidth}
