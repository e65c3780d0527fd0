"""The overhead of a small op: a chain of 20 on 4×4 matrices, forward and backward."""

from collections.abc import Iterator

import numpy as np

from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Work


def by_hand(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
    """The chain and its derivative written out in NumPy: what an engine without any overhead would take."""

    def forward_backward() -> list[np.ndarray]:
        z, inputs, tanhs = x, [], []
        for _ in range(5):
            inputs.append(z)
            t = np.tanh(z * a + b)
            tanhs.append(t)
            z = t - b
        g, da, db = np.ones_like(x), np.zeros_like(a), np.zeros_like(b)
        for z, t in zip(reversed(inputs), reversed(tanhs), strict=True):
            db -= g
            g = g * (1 - t * t)
            db += g
            da += g * z
            g = g * a
        return [g, da, db]

    return Work(forward_backward, forward_backward)


@benchmark
def small_ops(asked: Asked) -> Iterator[Case]:
    """20 ops on 4×4, forward and backward."""
    x, a, b = np.random.default_rng(0).random((3, 4, 4), np.float32)
    yield Case(
        "20-op chain", lambda engine: engine.chain(x, a, b), baselines={"NumPy by hand": lambda _: by_hand(x, a, b)}
    )
