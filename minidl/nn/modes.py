"""Whether modules train or evaluate, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from minidl.nn.module import Module


@contextmanager
def modes_kept(model: Module) -> Iterator[None]:
    """A ``with`` block after which each module of a network trains or evaluates as before, after an error, too."""
    modes = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
