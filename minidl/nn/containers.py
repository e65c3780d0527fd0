"""Modules made of modules."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from minidl.nn.module import Module


class Sequential(Module):
    """Modules one after another, each applied to the output of the one before.

    Parameters
    ----------
    *modules : Module, or one dict of name to Module

    Raises
    ------
    TypeError
        For anything that is not a module.
    """

    def __init__(self, *modules: Module | dict[str, Module]) -> None:
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], dict) else dict(enumerate(modules))
        for name, module in named.items():
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: element {name} is not a Module but {type(module).__name__}")
            setattr(self, str(name), module)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, index: int | slice) -> Module:
        found = list(self.named_children())[index]
        return Sequential(dict(found)) if isinstance(found, list) else found[1]

    def append(self, module: Module) -> Sequential:
        """Add a module at the end; returns the container."""
        setattr(self, next(str(i) for i in itertools.count(len(self)) if str(i) not in vars(self)), module)
        return self
