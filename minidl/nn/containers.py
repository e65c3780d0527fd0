"""Modules made of modules, or of parameters."""

import itertools
import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from minidl.backend import dims, transfer
from minidl.backend.modes import mode
from minidl.engine.core import Tensor
from minidl.engine.fusion import runs
from minidl.engine.watch import watch
from minidl.nn.hooks import MISTAKES
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter

LONGEST = 4  # layers that are served at once


class _Container(Module):
    """A module that is asked for what it holds: its modules, or its parameters, by name."""

    _kind: type = Module

    def _held(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if isinstance(value, self._kind)}

    def _put(self, name: str, value: Any) -> None:
        self.add_module(name, value)

    def __len__(self) -> int:
        return len(self._held())


class _Parameters(_Container):
    """A container of parameters, which makes them of tensors."""

    _kind = Parameter

    def _put(self, name: str, value: Any) -> None:
        self.register_parameter(name, Parameter(value) if type(value) is Tensor else value)

    def extra_repr(self) -> str:
        held = self._held().items()
        return "\n".join(f"({name}): Parameter containing: [{p.dtype} of size {dims(p.shape)}]" for name, p in held)


class _List(_Container):
    """A container whose names are places: where one goes, or comes between, all are numbered anew."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self.extend(() if values is None else values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held().values())

    def __getitem__(self, index: Any) -> Any:
        chosen = list(self)[self._checked(index)]
        return type(self)(chosen) if isinstance(index, slice) else chosen

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(list(self._held())[self._checked(index)], value)

    def __delitem__(self, index: int | slice) -> None:
        held = list(self)
        del held[self._checked(index)]
        self._renew(held)

    def __add__(self, other: Iterable[Any]) -> Any:
        return self[:0].extend([*self, *other])

    def _checked(self, index: Any, end: int = 0) -> Any:
        if not isinstance(index, slice) and not -len(self) <= operator.index(index) < len(self) + end:
            held = f"{len(self)} {self._kind.__name__.lower()}s"
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {held}")
        return index

    def _renew(self, held: list[Any]) -> None:
        for name in self._held():
            delattr(self, name)
        self.extend(held)

    def append(self, value: Any) -> Any:
        """Add one at the end; returns the container."""
        self._put(next(str(i) for i in itertools.count(len(self)) if str(i) not in vars(self)), value)
        return self

    def extend(self, values: Iterable[Any]) -> Any:
        """Add several at the end; returns the container."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(f"{type(self).__name__}: expected several, as a list, got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    __iadd__ = extend

    def insert(self, index: int, value: Any) -> Any:
        """Put one before that at `index`; returns the container."""
        self._checked(index, end=1)
        held = list(self.append(value))
        held.insert(index, held.pop())
        self._renew(held)
        return self

    def pop(self, key: int | slice = -1) -> Any:
        """Remove the one at `key`, or those of a slice, and return what was there."""
        value = self[key]
        del self[key]
        return value


class ModuleList(_List):
    """Modules in a list, for the ``forward`` of another module to call.

    Parameters
    ----------
    modules : iterable of Module

    Raises
    ------
    TypeError
        For anything that is not a module.
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__(modules)


class ParameterList(_Parameters, _List):
    """Parameters in a list, so that a module that has it finds them.

    Parameters
    ----------
    values : iterable of Parameter, or of Tensor, of which parameters are made
    """


class Sequential(_List):
    """Modules one after another, each applied to the output of the one before.

    Parameters
    ----------
    *args : Module, or one dict of name to Module
    """

    def __init__(self, *args: Module | dict[str, Module]) -> None:
        if len(args) == 1 and isinstance(args[0], (list, tuple)):
            raise TypeError("Sequential: expected modules one by one, got a list; unpack it: Sequential(*layers)")
        named: Any = args[0] if len(args) == 1 and isinstance(args[0], dict) else dict(enumerate(args))
        for name, module in named.items():
            self.add_module(str(name), module)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):  # they keep their names
            return type(self)(dict(list(self._held().items())[index]))
        return super().__getitem__(index)

    def forward(self, input: Any) -> Any:
        return in_turn(input, *self)


def in_turn(input: Any, *modules: Module) -> Any:
    """What ``Sequential(*modules)`` makes of the input: runs of modules are served at once where they can be."""
    left = list(modules)
    while left:
        input, used = ahead(input, left)
        left = left[used:]
    return input


def ahead(input: Any, modules: list[Module]) -> tuple[Any, int]:
    """What becomes of the input in the longest run of modules that can be served at once, and how many these are."""
    types = tuple(map(type, modules))
    for length in range(min(len(types), LONGEST), 1, -1) if mode.fused and not mode.anomaly else ():
        fused, run = runs.get(types[:length]), modules[:length]
        if fused and not any(module._registered_hooks or "forward" in vars(module) for module in run):
            try:
                output = fused(input, *run) if watch.by is None else watch.by.layer(run, fused, input, *run)
            except MISTAKES as error:
                if transfer.is_late(error):
                    raise
                output = None  # the module that it comes from will raise it again, by its name
            if output is not None:
                return output, length
    return modules[0](input), 1


class _Dict(_Container, MutableMapping[str, Any]):
    """A container whose names are given, in the order in which they came."""

    __eq__, __hash__ = object.__eq__, object.__hash__  # not those of a mapping: a module equals itself alone

    def __getitem__(self, key: str) -> Any:
        return self._held()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._put(key, value)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._held())


class ModuleDict(_Dict):
    """Modules by name, for the ``forward`` of another module to call.

    Parameters
    ----------
    modules : mapping of name to Module, or iterable of such pairs
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        self.update(modules or ())


class ParameterDict(_Parameters, _Dict):
    """Parameters by name, so that a module that has it finds them.

    Parameters
    ----------
    parameters : mapping of name to Parameter, or to Tensor, of which parameters are made; or iterable of such pairs
        Of a plain dict they come in the order of their names, as in PyTorch; an OrderedDict and pairs keep theirs.
    """

    def __init__(self, parameters: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]] | None = None) -> None:
        self.update(parameters or ())

    def update(self, parameters: Any) -> None:  # type: ignore[override]
        """Set several, in the order that the constructor says."""
        if isinstance(parameters, Mapping) and not isinstance(parameters, (OrderedDict, ParameterDict)):
            parameters = [(name, parameters[name]) for name in sorted(parameters)]
        super().update(parameters)
