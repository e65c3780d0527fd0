"""What the figures were measured on, and what that machine can do at most."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
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
    """The roofs over every operation: a large float32 matrix product's FLOP/s, and a large copy's bytes/s.

    The product uses BLAS's threads; the copy as many, each on a part, and its bytes are those read and those written.
    """
    side, megabytes = (64, 1) if quick else (2048, 256)
    a, b, out = np.ones((3, side, side), np.float32)
    source, target = np.ones((2, megabytes << 18), np.float32)
    threads = md.get_num_threads()
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        copy = median_seconds(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))
    product = median_seconds(lambda: np.matmul(a, b, out=out))
    return {"flops": 2 * side**3 / product, "bytes": 2 * source.nbytes / copy}


def median_seconds(call: Callable[[], Any], times: int = 9) -> float:
    """The median time of a call, after one that is not counted."""
    seconds = []
    for _ in range(times + 1):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])
