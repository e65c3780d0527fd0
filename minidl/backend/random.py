"""Streams of random numbers: the same on every device."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import Array, by_device, namespace


class Generator:
    """A seeded stream of random numbers (``torch.Generator``).

    Attributes
    ----------
    numpy : numpy.random.Generator
        The stream itself: counter-based Philox4x64-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
        1, 2, 3").
    """

    def __init__(self) -> None:
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from `seed` (a non-negative integer) and return the generator."""
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"manual_seed: expected a non-negative integer, got {seed!r}")
        self.seed = int(seed)
        self.numpy = np.random.Generator(np.random.Philox(self.seed))
        return self

    def initial_seed(self) -> int:
        """The seed that the stream was last started from."""
        return self.seed

    def skip(self, n: int) -> None:
        """Leave out `n` float32 numbers, in no time: the stream then stands as if they had been drawn."""
        stream: Any = self.numpy.bit_generator
        with stream.lock:
            s = stream.state
            beyond = n - s["has_uint32"] - 2 * (4 - s["buffer_pos"])  # what the block that is begun can give
            if beyond > 0:
                blocks = (beyond - 1) // 8
                stream.advance(blocks)
                n = beyond - 8 * blocks
            self.numpy.random(n, np.float32)


default_generator = Generator()


@by_device
def fill_uniform(out: Array, generator: Generator) -> None:
    """Draw every element of `out` uniformly from [0, 1): as float64 if it is that, otherwise as float32."""
    drawn = generator.numpy.random(out.shape, np.float64 if out.dtype == np.float64 else np.float32)
    out[...] = namespace(out).asarray(drawn)


@by_device
def fill_normal(out: Array, generator: Generator) -> None:
    """Draw every element of `out` from the normal distribution, in the dtypes of `fill_uniform`."""
    drawn = generator.numpy.standard_normal(out.shape, np.float64 if out.dtype == np.float64 else np.float32)
    out[...] = namespace(out).asarray(drawn)


def manual_seed(seed: int) -> Generator:
    """Seed the global stream, from which initialisers, dropout and loaders draw unless told otherwise."""
    return default_generator.manual_seed(seed)
