"""What a child process needs after a fork: locks that no other thread holds.

A fork copies the thread that calls it and no other, but all memory: a lock that another thread holds stays held in
the child, where that thread is not there to let it go.
"""

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any


def in_child(renew: Callable[[], None]) -> None:
    """Call a function after each fork, in the child; those registered last come last."""
    if hasattr(os, "register_at_fork"):  # there is no fork on Windows
        os.register_at_fork(after_in_child=renew)


def is_stuck(lock: Any) -> bool:
    """Whether a reentrant lock is held by a thread that is not the caller: after a fork, by one that is gone."""
    if not lock.acquire(blocking=False):
        return True
    lock.release()
    return False


class Lock:
    """A reentrant lock that a child finds free, unless the thread that forked holds it itself."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self.lock.release()


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


@in_child
def free_locks() -> None:
    """Replace the locks whose holders are gone."""
    for lock in _locks:
        if is_stuck(lock.lock):
            lock.lock = threading.RLock()
