"""Modules made of modules."""

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from minidl.backend import transfer
from minidl.backend.modes import mode
from minidl.engine.fusion import runs
from minidl.nn.hooks import MISTAKES
from minidl.nn.module import Module

LONGEST = 4  # layers that are served at once


class ModuleList(Module):
    """Modules in a list, for the ``forward`` of another module to call.

    Their names are their places: where one goes, or comes between, all are numbered anew.

    Parameters
    ----------
    modules : iterable of Module

    Raises
    ------
    TypeError
        For anything that is not a module.
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self.extend(modules or ())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, index: Any) -> Any:
        chosen = list(self)[self._checked(index)]
        return ModuleList(chosen) if isinstance(index, slice) else chosen

    def __setitem__(self, index: int, module: Module) -> None:
        name, _ = list(self.named_children())[self._checked(index)]
        self.add_module(name, module)

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[self._checked(index)]
        self._renew(modules)

    def __add__(self, other: Iterable[Module]) -> Any:
        return self[:0].extend([*self, *other])

    def _checked(self, index: Any, end: int = 0) -> Any:
        if not isinstance(index, slice) and not -len(self) <= operator.index(index) < len(self) + end:
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(self)} modules")
        return index

    def _renew(self, modules: list[Module]) -> None:
        for name, _ in list(self.named_children()):
            delattr(self, name)
        self.extend(modules)

    def append(self, module: Module) -> Any:
        """Add a module at the end; returns the container."""
        self.add_module(next(str(i) for i in itertools.count(len(self)) if str(i) not in vars(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end; returns the container."""
        for module in list(modules):
            self.append(module)
        return self

    __iadd__ = extend

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at `index`; returns the container."""
        self._checked(index, end=1)
        modules = list(self.append(module))
        modules.insert(index, modules.pop())
        self._renew(modules)
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove the module at `key`, or those of a slice, and return what was there."""
        module = self[key]
        del self[key]
        return module


class Sequential(ModuleList):
    """Modules one after another, each applied to the output of the one before.

    Parameters
    ----------
    *modules : Module, or one dict of name to Module
    """

    def __init__(self, *modules: Module | dict[str, Module]) -> None:
        named: Any = modules[0] if len(modules) == 1 and isinstance(modules[0], dict) else dict(enumerate(modules))
        for name, module in named.items():
            self.add_module(str(name), module)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):  # they keep their names
            return Sequential(dict(list(self.named_children())[index]))
        return super().__getitem__(index)

    def forward(self, input: Any) -> Any:
        modules = list(self)
        while modules:
            input, used = ahead(input, modules)
            modules = modules[used:]
        return input


def ahead(input: Any, modules: list[Module]) -> tuple[Any, int]:
    """What becomes of the input in the longest run of modules that can be served at once, and how many these are."""
    types = tuple(map(type, modules))
    for length in range(min(len(types), LONGEST), 1, -1) if mode.fused and not mode.anomaly else ():
        fused, run = runs.get(types[:length]), modules[:length]
        if fused and not any(module.registered_hooks or "forward" in vars(module) for module in run):
            try:
                output = fused(input, *run)
            except MISTAKES as error:
                if transfer.is_late(error):
                    raise
                output = None  # the module that it comes from will raise it again, by its name
            if output is not None:
                return output, length
    return modules[0](input), 1


class ModuleDict(Module, MutableMapping[str, Module]):
    """Modules by name, in the order in which they came, for the ``forward`` of another module to call.

    Parameters
    ----------
    modules : mapping of name to Module, or iterable of such pairs
    """

    __eq__, __hash__ = object.__eq__, object.__hash__  # not those of a mapping: a module equals itself alone

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        self.update(modules or ())

    def __getitem__(self, key: str) -> Module:
        return dict(self.named_children())[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.named_children())

    def __len__(self) -> int:
        return sum(1 for _ in self)
