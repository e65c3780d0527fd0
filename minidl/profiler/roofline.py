"""What a machine can do, and how near ops come to it.

After Williams, Waterman & Patterson (2009), "Roofline: an insightful visual performance model for multicore
architectures": an op that does few operations on each byte can't be faster than bytes come from memory.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.backend import threads
from minidl.profiler.events import Average, aligned, duration


class Peaks(NamedTuple):
    """What a machine can do: floating-point operations a second in float32, and bytes a second to and from memory."""

    flops: float
    bandwidth: float

    def roof(self, intensity: float) -> float:
        """The operations a second that can be reached with so many operations on each byte."""
        return min(self.flops, intensity * self.bandwidth)


def measure_peaks(side: int = 2048, megabytes: int = 256) -> Peaks:
    """A product of two matrices of side×side in float32, and a copy of so many megabytes, on minidl's threads.

    The product uses BLAS's threads; the copy as many, each on a part, and its bytes are those read and those written.
    """
    a, b, out = np.ones((3, side, side), np.float32)
    source, target = np.ones((2, megabytes << 18), np.float32)
    parts = threads.pieces(len(source), threads.get_num_threads())
    copy = median_seconds(lambda: threads.parallel(lambda i: np.copyto(target[i], source[i]), parts))
    product = median_seconds(lambda: np.matmul(a, b, out=out))
    return Peaks(2 * side**3 / product, 2 * source.nbytes / copy)


def median_seconds(call: Callable[[], Any], times: int = 9) -> float:
    """The median time of a call, after one that is not counted."""
    seconds = []
    for _ in range(times + 1):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def roofline(averages: Sequence[Average], peaks: Peaks, row_limit: int) -> str:
    """A row for each op, the longest first: operations on a byte, what it reaches, and how much of its roof that is.

    Above the roof is what finds its arrays in the caches, or does fewer operations than it is counted for, such as
    Winograd's convolution.
    """
    counted = [average for average in averages if average.flops and average.bytes]
    counted.sort(key=lambda average: -average.self_cpu_time_total)
    rows = [["Name", "Time", "FLOP/byte", "GFLOP/s", "GB/s", "Roof, GFLOP/s", "Of roof", "Bound by"]]
    for average in counted[:row_limit]:
        intensity, seconds = average.flops / average.bytes, average.cpu_time_total / 1e6
        roof, reached = peaks.roof(intensity), average.flops / seconds
        rows.append([
            average.key,
            duration(average.cpu_time_total),
            f"{intensity:.2f}",
            f"{reached / 1e9:.2f}",
            f"{average.bytes / seconds / 1e9:.2f}",
            f"{roof / 1e9:.1f}",
            f"{100 * reached / roof:.0f} %",
            "arithmetic" if roof == peaks.flops else "memory",
        ])  # fmt: skip
    can = f"this machine: product {peaks.flops / 1e9:.0f} GFLOP/s, copy {peaks.bandwidth / 1e9:.1f} GB/s"
    return "\n".join([*aligned(rows), can])
