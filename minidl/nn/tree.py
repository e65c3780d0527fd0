"""What a module consists of: parameters, buffers and other modules, found by looking at its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from types import NoneType
from typing import Any

from minidl.engine.core import Tensor
from minidl.nn.parameter import Parameter


def join(path: str, name: str) -> str:
    """A dotted path, one name longer."""
    return f"{path}.{name}" if path else name


class Members(MutableMapping[str, Any]):
    """The parameters, the buffers or the submodules of one module by name, None where one was taken away: a live view.

    Setting an item registers it, deleting one removes the attribute.
    """

    def __init__(self, owner: Tree, names: Iterable[str], register: Callable[[str, Any], None]) -> None:
        self.owner, self.names, self.register = owner, dict.fromkeys(names), register

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Any:
        if name not in self.names:
            raise KeyError(name)
        return vars(self.owner)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.register(name, value)
        self.names[name] = None

    def __delitem__(self, name: str) -> None:
        del self.names[name]
        delattr(self.owner, name)

    def __repr__(self) -> str:
        return repr(dict(self))


class Tree:
    """A module as a tree: its own parameters and buffers, and the modules below it."""

    _buffer_names: Mapping[str, bool] = {}  # each with whether it is part of the state
    _vacant: Mapping[str, type] = {}  # names that are None now, of what was a parameter or a module

    def __setattr__(self, name: str, value: Any) -> None:
        old = vars(self).get(name)
        kind = next((kind for kind in (Parameter, Tree) if isinstance(old, kind)), self._vacant.get(name))
        if kind is None and name in self._buffer_names:
            kind = Tensor
        takes = (Parameter, NoneType) if kind is Parameter else (kind or object, Parameter, Tree, NoneType)
        if not isinstance(value, takes):
            self._refuse(name, kind, value)
        if kind is Tensor and isinstance(value, (Parameter, Tree)):
            self._forget(name)
        if value is None and kind in (Parameter, Tree):
            super().__setattr__("_vacant", {**self._vacant, name: kind})
        elif name in self._vacant:
            self._forget(name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        for names in ("_buffer_names", "_vacant"):
            if name in getattr(self, names):
                super().__setattr__(names, {key: value for key, value in getattr(self, names).items() if key != name})

    def _refuse(self, name: str, kind: Any, value: Any) -> None:
        what, needed, fix = {
            Parameter: ("parameter", "Parameter", "; md.nn.Parameter(tensor) makes one, .copy_() writes into this one"),
            Tree: ("submodule", "Module", ""),
            Tensor: ("buffer", "Tensor", "; md.tensor() makes one"),
        }[kind]
        raise TypeError(
            f"{name} is a {what} of {type(self).__name__}, and can only be set to a {needed} or None, "
            f"got {type(value).__name__}{fix}"
        )

    # --- by name ---

    def _register(self, name: str, value: Any, *kinds: type) -> None:
        """Set an attribute, by a name that is free or that of another such value."""
        if not isinstance(value, kinds):
            kind = " or ".join("Module" if kind is Tree else kind.__name__ for kind in kinds)
            raise TypeError(f"{type(self).__name__}: {name} must be a {kind}, got {type(value).__name__}")
        own = vars(self)
        taken = not isinstance(own[name], (*kinds, NoneType)) if name in own else hasattr(type(self), name)
        if taken or "." in name or name == "":
            kind = "Module" if kinds[0] is Tree else kinds[0].__name__
            raise ValueError(f"{type(self).__name__}: {name!r} can't be the name of a {kind}, or is taken")
        setattr(self, name, value)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that is not learned, such as a running mean; part of the state if `persistent`."""
        self._register(name, tensor, Tensor, NoneType)
        self._buffer_names = {**self._buffer_names, name: persistent}

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set a parameter by its name; None for one that there might be."""
        self._register(name, param, Parameter, NoneType)
        if param is None:
            self._vacant = {**self._vacant, name: Parameter}

    def add_module(self, name: str, module: Any) -> None:
        """Set a module below this one by its name, which may be a number."""
        self._register(name, module, Tree)

    register_module = add_module

    def _own(self, kind: type) -> dict[str, Any]:
        """Its own parameters, buffers (of the kind Tensor) or modules by name, None where one was taken away."""
        own, vacant = vars(self), self._vacant
        if kind is Tensor:
            return {name: own.get(name) for name in self._buffer_names}
        return {name: v for name, v in own.items() if isinstance(v, kind) or (v is None and vacant.get(name) is kind)}

    @property
    def _parameters(self) -> Members:
        """Its own parameters by name."""
        return Members(self, self._own(Parameter), self.register_parameter)

    @property
    def _buffers(self) -> Members:
        """Its own buffers by name."""
        return Members(self, self._own(Tensor), self.register_buffer)

    @property
    def _modules(self) -> Members:
        """The modules right below it by name."""
        return Members(self, self._own(Tree), self.add_module)

    # --- one after another ---

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules among its attributes, each once."""
        seen: set[Any] = set()
        for name, value in list(vars(self).items()):
            if isinstance(value, Tree) and value not in seen:
                seen.add(value)
                yield name, value

    def children(self) -> Iterator[Any]:
        """The modules among its attributes, each once, without their names."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """Itself and all modules below it, by dotted path; each once and none of `memo`, or by all of its paths."""
        seen = set() if memo is None else memo
        if not isinstance(seen, set):
            raise TypeError(f"named_modules: memo must be a set, got {memo!r}; give a prefix by name: prefix=…")
        stack: list[tuple[str, Any]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if module not in seen or not remove_duplicate:
                seen.add(module)
                yield path, module
                below = [(join(path, name), child) for name, child in module._own(Tree).items() if child is not None]
                stack.extend(reversed(below))

    def modules(self) -> Iterator[Any]:
        """Itself and all modules below it, each once."""
        return (module for _, module in self.named_modules())

    def _named_tensors(
        self, kind: type, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        """The members of a `kind`, of this module or of all, by dotted path; None is passed over."""
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        seen: set[int] = set()
        for path, module in modules:
            for name, tensor in module._own(kind).items():
                if tensor is not None and (id(tensor) not in seen or not remove_duplicate):
                    seen.add(id(tensor))
                    yield join(path, name), tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters of it and (`recurse`) below, by dotted path after `prefix`; a shared one once."""
        return self._named_tensors(Parameter, prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters of it and (`recurse`) below; a shared one once."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers of it and (`recurse`) below, by dotted path after `prefix`; a shared one once."""
        return self._named_tensors(Tensor, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers of it and (`recurse`) below; a shared one once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    # --- by path ---

    def get_submodule(self, target: str) -> Any:
        """The module at a dotted path, such as ``features.3``; AttributeError if there is none."""
        return self._at("get_submodule", "module", dict(self.named_modules(remove_duplicate=False)), target)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path, such as ``features.3.weight``; AttributeError if there is none."""
        return self._at("get_parameter", "parameter", dict(self.named_parameters(remove_duplicate=False)), target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path, such as ``features.1.running_mean``; AttributeError if there is none."""
        return self._at("get_buffer", "buffer", dict(self.named_buffers(remove_duplicate=False)), target)

    def _at(self, method: str, what: str, members: dict[str, Any], target: str) -> Any:
        if target not in members:
            raise AttributeError(f"{method}: {type(self).__name__} has no {what} {target!r}")
        return members[target]


def require_module(name: str, module: Any) -> None:
    """Raise TypeError, in the name of a function, for anything but a module."""
    if not isinstance(module, Tree):
        raise TypeError(f"{name}: expected a Module, got {type(module).__name__}")
