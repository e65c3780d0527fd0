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
            if hasattr(type(self), str(name)) or "." in str(name) or name == "":
                raise ValueError(f"Sequential: {name!r} can't be the name of a module in it; choose another")
            self._put(str(name), module)

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(dict(list(self.named_children())[index]))
        return getattr(self, self._name(index))

    def __setitem__(self, index: int, module: Module) -> None:
        self._put(self._name(index), module)

    def _put(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"Sequential: element {name} is not a Module but {type(module).__name__}")
        setattr(self, name, module)

    def _name(self, index: int) -> str:
        names = [name for name, _ in self.named_children()]
        if not -len(names) <= index < len(names):
            raise IndexError(f"Sequential: index {index} is out of range for {len(names)} modules")
        return names[index]

    def append(self, module: Module) -> Sequential:
        """Add a module at the end; returns the container."""
        self._put(next(str(i) for i in itertools.count(len(self)) if str(i) not in vars(self)), module)
        return self
