"""What passes between host and device: counted, and forbidden within `no_sync`."""

import collections
import contextlib
from collections.abc import Iterator

traffic: collections.Counter[str] = collections.Counter()  # "h2d" and "d2h" copies; "sync": waiting, copies included
_allowed: list[int] = []  # copies to the device that are left in each `no_sync` that is open


class HiddenTraffic(AssertionError):
    """Something was copied between host and device, or waited for, where nothing may be."""


@contextlib.contextmanager
def no_sync(h2d: int = 0) -> Iterator[None]:
    """Within it, waiting for the device and copies from it are errors; copies to it from the one after `h2d` on."""
    _allowed.append(h2d)
    try:
        yield
    finally:
        _allowed.pop()


@contextlib.contextmanager
def asked_for() -> Iterator[None]:
    """Within it, inside of `no_sync`, what passes is no secret."""
    before = _allowed[:]
    _allowed.clear()
    try:
        yield
    finally:
        _allowed[:] = before


def to_device(what: str) -> None:
    """Count a copy from the host."""
    traffic.update(("h2d",))
    if _allowed:
        _allowed[-1] -= 1
        if _allowed[-1] < 0:
            raise HiddenTraffic(f"{what}: a hidden copy to the device")


def to_host(what: str) -> None:
    """Count a copy to the host, for which it waits."""
    traffic.update(("d2h", "sync"))
    if _allowed:
        raise HiddenTraffic(f"{what}: a hidden copy to the host")


def wait(what: str) -> None:
    """Count that the host waits for the device."""
    traffic.update(("sync",))
    if _allowed:
        raise HiddenTraffic(f"{what}: a hidden wait for the device")
