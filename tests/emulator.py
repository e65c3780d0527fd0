"""What tests ask of the emulator of a GPU, where one is loaded (``pytest -p emulated_gpu``)."""

import fcntl
import functools
import hashlib
import sys
from typing import Any


def loaded() -> Any:
    """The emulator's driver, which counts what it is asked for; None without the emulator."""
    return sys.modules.get("fakecuda")


def build_once() -> None:
    """Of several processes that need the same kernel one builds it, and the others wait."""
    from cupy.cuda import compiler

    build = compiler._compile_with_cache_cuda
    if hasattr(build, "__wrapped__"):
        return

    @functools.wraps(build)
    def locked(source, options, *args, **kwargs):
        name = hashlib.sha1(repr((source, options)).encode()).hexdigest()
        with open(loaded().CACHE / f"{name}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return build(source, options, *args, **kwargs)

    compiler._compile_with_cache_cuda = locked
