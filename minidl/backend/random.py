"""Streams of random numbers: the same on every device."""

from __future__ import annotations

import contextlib
import secrets
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.backend import Array, by_device, namespace
from minidl.backend.devices import device_name
from minidl.backend.forks import in_child, is_stuck

STATE = np.dtype([
    ("seed", "u8"), ("counter", "u8", 4), ("key", "u8", 2), ("buffer", "u8", 4),
    ("buffer_pos", "i4"), ("has_uint32", "i4"), ("uinteger", "u4"),
], align=True)  # fmt: skip


class Generator:
    """A seeded stream of random numbers (``torch.Generator``).

    Parameters
    ----------
    device : str or device
        Where it is said to be. It makes the same numbers for tensors on any device.

    Attributes
    ----------
    numpy : numpy.random.Generator
        The stream itself: counter-based Philox4x64-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
        1, 2, 3").
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device_name(device)
        self.manual_seed(0)
        _generators.add(self)

    def manual_seed(self, seed: int) -> Generator:
        """Restart the stream from `seed` and return the generator; a negative seed is taken modulo 2⁶⁴.

        Raises
        ------
        ValueError
            For what is no integer from −2⁶³ to 2⁶⁴ − 1.
        """
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: expected an integer from -2**63 to 2**64 - 1, got {seed!r}")
        self._seed = int(seed) % 2**64
        self.numpy = np.random.Generator(np.random.Philox(self._seed))
        return self

    def seed(self) -> int:
        """Restart the stream from a seed that the system draws, and return it."""
        return self.manual_seed(secrets.randbits(64)).initial_seed()

    def initial_seed(self) -> int:
        """The seed that the stream was last started from."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """Where the stream stands, as bytes: an array of uint8."""
        bits: Any = self.numpy.bit_generator
        with bits.lock:
            s = bits.state
        s |= s.pop("state") | {"seed": self._seed}
        state = np.zeros((), STATE)  # what aligns its fields, too
        state[()] = tuple(s[name] for name in STATE.names or ())
        return np.frombuffer(bytearray(state), np.uint8)

    def set_state(self, new_state: Any) -> Generator:
        """Let the stream stand where `get_state` said, and return the generator.

        Raises
        ------
        ValueError
            For what is no such state.
        """
        state = np.asarray(new_state)
        if state.dtype != np.uint8 or state.shape != (STATE.itemsize,):
            raise ValueError(
                f"set_state: expected {STATE.itemsize} bytes of get_state, got {state.size} of {state.dtype}"
            )
        s = state.view(STATE)[0]
        philox: Any = np.random.Philox(0)
        whole = {name: s[name] if s[name].ndim else int(s[name]) for name in STATE.names or ()}
        if not 0 <= whole["buffer_pos"] <= 4 or whole["has_uint32"] not in (0, 1):
            raise ValueError("set_state: these bytes are not of get_state()")
        inner = {name: whole.pop(name) for name in ("counter", "key")}
        self._seed = whole.pop("seed")
        philox.state = {"bit_generator": "Philox", "state": inner, **whole}
        self.numpy = np.random.Generator(philox)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {"device": self.device, "state": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["device"])  # type: ignore[misc]
        self.set_state(state["state"])

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


_generators: weakref.WeakSet[Generator] = weakref.WeakSet()
default_generator = Generator()


class Here(threading.local):
    """The stream that a thread draws from unless told otherwise: the global one, but within `using`."""

    generator = default_generator


here = Here()


def current() -> Generator:
    """The stream that this thread draws from unless told otherwise."""
    return here.generator


@contextlib.contextmanager
def using(generator: Generator) -> Iterator[None]:
    """Within it `generator` stands for the global stream, in this thread."""
    before, here.generator = here.generator, generator
    try:
        yield
    finally:
        here.generator = before


def child(seed: int, *path: int) -> Generator:
    """A stream below a seed, such as that of an epoch's n-th batch: independent of all others with another path."""
    words = np.random.SeedSequence(seed, spawn_key=path).generate_state(1, np.uint64)
    return Generator().manual_seed(int(words[0]))


@in_child
def free_streams() -> None:
    """Let streams go on from where they stand, which another thread was drawing from at the fork."""
    for generator in _generators:
        lock: Any = generator.numpy.bit_generator.lock
        if is_stuck(lock):
            lock._at_fork_reinit()  # as the standard library does with its own; whoever reads the state needs it, too


def stream(generator: Generator | None) -> np.random.Generator:
    """The numbers of a generator, by default of the global one.

    Raises
    ------
    TypeError
        For what is no Generator.
    """
    if generator is None:
        return current().numpy
    if not isinstance(generator, Generator):
        raise TypeError(f"generator: expected a minidl Generator, got {type(generator).__name__}")
    return generator.numpy


@by_device
def fill_uniform(out: Array, generator: Generator) -> None:
    """Draw every element of `out` uniformly from [0, 1): float64 if it is that, otherwise float32.

    float16 takes the upper 11 bits of it: to nearest, some would become 1.
    """
    drawn = generator.numpy.random(out.shape, np.float64 if out.dtype == np.float64 else np.float32)
    if out.dtype == np.float16:
        drawn = np.floor(drawn * 2048) / 2048
    out[...] = namespace(out).asarray(drawn)


@by_device
def fill_normal(out: Array, generator: Generator) -> None:
    """Draw every element of `out` from the normal distribution, float64 if it is that, otherwise float32."""
    drawn = generator.numpy.standard_normal(out.shape, np.float64 if out.dtype == np.float64 else np.float32)
    out[...] = namespace(out).asarray(drawn)


def manual_seed(seed: int) -> Generator:
    """Seed the global stream, from which initialisers, dropout and loaders draw unless told otherwise."""
    return current().manual_seed(seed)


def seed() -> int:
    """Seed the global stream with a number that the system draws, and return that."""
    return current().seed()


def initial_seed() -> int:
    """The seed that the global stream was last started from."""
    return current().initial_seed()
