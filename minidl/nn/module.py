"""Modules: parameters, buffers and other modules, found by looking at a module's attributes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any, NamedTuple

from minidl import backend
from minidl.backend import dims
from minidl.core import Tensor
from minidl.modes import no_grad
from minidl.op import require_arrays


class Parameter(Tensor):
    """A tensor that a module learns: an attribute of this class is one of its parameters.

    Parameters
    ----------
    data : Tensor or array
    requires_grad : bool
    """

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.data if isinstance(data, Tensor) else data, requires_grad)


def join(path: str, name: str) -> str:
    """A dotted path, one name longer."""
    return f"{path}.{name}" if path else name


class Loaded(NamedTuple):
    """The keys that `Module.load_state_dict` lacked, and those that it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Hook:
    """A registered hook; ``remove()`` ends it."""

    def __init__(self, hooks: list[Hook], function: Callable[..., Any]) -> None:
        self.hooks, self.function = hooks, function
        hooks.append(self)

    def remove(self) -> None:
        """Take the hook off its module."""
        if self in self.hooks:
            self.hooks.remove(self)


class Module:
    """A part of a network: subclass it, set layers and parameters as attributes, and define ``forward``."""

    training = True
    buffer_names: tuple[str, ...] = ()
    forward_hooks: tuple[Hook, ...] | list[Hook] = ()
    forward: Callable[..., Any]

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(vars(self).get(name), Parameter) and not isinstance(value, (Parameter, NoneType)):
            raise TypeError(
                f"{name} is a parameter of {type(self).__name__}, and can only be set to a Parameter or None"
            )
        super().__setattr__(name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward``; an error in it names the layer by its path, such as ``features.3: Conv2d(20, 50, 5)``."""
        try:
            output = self.forward(*args, **kwargs)
        except (ValueError, TypeError, RuntimeError, IndexError) as error:
            self._locate(error)
            raise
        for hook in list(self.forward_hooks):
            changed = hook.function(self, args, output)
            output = output if changed is None else changed
        return output

    def _locate(self, error: Any) -> None:
        if len(error.args) != 1:
            return  # not one of ours
        if not hasattr(error, "layer"):
            error.layer, error.message = self, str(error)
        path = next((name for name, module in self.named_modules() if module is error.layer), "")
        layer = type(error.layer).__name__ if any(True for _ in error.layer.children()) else repr(error.layer)
        error.args = (f"{path + ': ' if path else ''}{layer}: {error.message}",)

    def register_forward_hook(self, hook: Callable[[Module, tuple[Any, ...], Any], Any]) -> Hook:
        """Call ``hook(module, args, output)`` after each forward; what it returns, if not None, replaces the output."""
        return Hook(vars(self).setdefault("forward_hooks", []), hook)

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Set a tensor that is part of the state but not learned, such as a running mean."""
        self.buffer_names = (*self.buffer_names, name)
        setattr(self, name, tensor)

    # --- what it consists of ---

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules among its attributes."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def children(self) -> Iterator[Module]:
        """The modules among its attributes, without their names."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """Itself and all modules below it, by dotted path; each once, or by all of its paths."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) not in seen or not remove_duplicate:
                seen.add(id(module))
                yield path, module
                below = [(join(path, name), child) for name, child in module.named_children()]
                stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """Itself and all modules below it."""
        return (module for _, module in self.named_modules())

    def own_parameters(self) -> dict[str, Parameter]:
        """The parameters among its attributes."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Parameter)}

    def own_buffers(self) -> dict[str, Tensor]:
        """The buffers that are set."""
        return {name: getattr(self, name) for name in self.buffer_names if getattr(self, name) is not None}

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters of it and below, by dotted path; a shared one once."""
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, parameter in module.own_parameters().items():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield join(path, name), parameter

    def parameters(self) -> Iterator[Parameter]:
        """All parameters of it and below."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """All buffers of it and below, by dotted path."""
        return (
            (join(path, name), buffer)
            for path, module in self.named_modules()
            for name, buffer in module.own_buffers().items()
        )

    def buffers(self) -> Iterator[Tensor]:
        """All buffers of it and below."""
        return (buffer for _, buffer in self.named_buffers())

    # --- its state ---

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and buffers by dotted path: tensors without history, on the module's own memory."""
        return {name: tensor.detach() for name, tensor in self._state().items()}

    def _state(self) -> dict[str, Tensor]:
        return {
            join(path, name): tensor
            for path, module in self.named_modules(remove_duplicate=False)
            for name, tensor in (module.own_parameters() | module.own_buffers()).items()
        }

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Loaded:
        """Copy tensors or arrays into the parameters and buffers of the same path, in their dtype.

        Raises
        ------
        RuntimeError
            For a shape that differs and, if `strict`, for keys that are missing or have no place; nothing is then
            loaded, and all of them are named.
        """
        state = self._state()
        missing = [name for name in state if name not in state_dict]
        unexpected = [name for name in state_dict if name not in state]
        faults = [f"missing: {', '.join(missing)}"] * bool(strict and missing)
        faults += [f"unexpected: {', '.join(unexpected)}"] * bool(strict and unexpected)
        found = {name: state_dict[name] for name in state if name in state_dict}
        require_arrays("load_state_dict", *found.values())
        faults += [
            f"{name} is {dims(tuple(value.shape))}, expected {dims(state[name].shape)}"
            for name, value in found.items()
            if tuple(value.shape) != state[name].shape
        ]
        if faults:
            raise RuntimeError(f"load_state_dict: {type(self).__name__}: " + "; ".join(faults))
        with no_grad():
            for name, value in found.items():
                array = value.data if isinstance(value, Tensor) else value
                state[name].copy_(Tensor(backend.move(array, state[name].device)))
        return Loaded(missing, unexpected)

    def to(self, *target: Any, device: str | None = None, dtype: Any = None) -> Module:
        """Move parameters and buffers to a device, or the floating ones to a floating dtype, in place; returns itself.

        Raises
        ------
        TypeError
            For a dtype that is not floating.
        """
        for tensor in self._state().values():
            moved = tensor.detach().to(*target, device=device, dtype=dtype)
            if tensor.dtype.kind == "f" != moved.dtype.kind:
                raise TypeError(f"to: the parameters of a network are floating, {moved.dtype} is not")
            if tensor.dtype.kind != "f":
                moved = moved.to(tensor.dtype)
            grad, tensor.grad = tensor.grad, None
            tensor.data = moved.data
            tensor.grad = None if grad is None else grad.detach().to(moved.device, moved.dtype)
        return self

    def train(self, mode: bool = True) -> Module:
        """Set training mode, in which dropout drops and batch norm uses the batch's statistics; returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Leave training mode; returns the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Let all parameters learn, or none; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or overwrite them with zeros."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else p.grad.detach().zero_()

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call `fn` on every module below it and on itself, children first; returns the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def extra_repr(self) -> str:
        """What ``repr`` shows of a layer: the arguments that it was made with, where they are not the defaults."""
        shown = []
        for name, parameter in inspect.signature(type(self)).parameters.items():
            value = vars(self).get(name, parameter.default)
            value = False if value is None and parameter.default is True else value  # bias=False
            if isinstance(value, (bool, int, float, str, tuple, NoneType)) and value != parameter.default:
                shown.append(repr(value) if parameter.default is parameter.empty else f"{name}={value!r}")
        return ", ".join(shown)

    def __repr__(self) -> str:
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        inside = "\n  " + "\n  ".join(lines) + "\n" if lines else self.extra_repr()
        return f"{type(self).__name__}({inside})"
