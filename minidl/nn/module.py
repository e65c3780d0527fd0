"""Modules: parameters, buffers and other modules, found by looking at a module's attributes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any, NamedTuple

from minidl import backend
from minidl.backend import dims, transfer
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.engine.require import require_arrays
from minidl.nn.hooks import MISTAKES, Hook, call


class Parameter(Tensor):
    """A tensor that a module learns: an attribute of this class is one of its parameters.

    Parameters
    ----------
    data : Tensor or array
    requires_grad : bool
    """

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.array if isinstance(data, Tensor) else data, requires_grad)


def join(path: str, name: str) -> str:
    """A dotted path, one name longer."""
    return f"{path}.{name}" if path else name


class Loaded(NamedTuple):
    """The keys that `Module.load_state_dict` lacked, and those that it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def no_forward(self: Module, *args: Any, **kwargs: Any) -> Any:
    """What a module does that defines no ``forward``: raise NotImplementedError."""
    raise NotImplementedError("it has no forward to call; define one, or call the modules in it")


class Module:
    """A part of a network: subclass it, set layers and parameters as attributes, and define ``forward``."""

    training = True
    buffer_names: Mapping[str, bool] = {}  # each with whether it is part of the state
    registered_hooks: tuple[Hook, ...] = ()
    forward: Callable[..., Any] = no_forward

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(vars(self).get(name), Parameter) and not isinstance(value, (Parameter, NoneType)):
            raise TypeError(
                f"{name} is a parameter of {type(self).__name__}, and can only be set to a Parameter or None"
            )
        super().__setattr__(name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward``; an error in it names the layer by its path, such as ``features.3: Conv2d(20, 50, 5)``."""
        try:
            return call(self, args, kwargs) if self.registered_hooks else self.forward(*args, **kwargs)
        except MISTAKES as error:
            self.locate(error)
            raise

    def locate(self, error: Any) -> None:
        """Put the path of the layer that an error came from, seen from this module, before its message."""
        if len(error.args) != 1 or transfer.is_late(error):
            return  # not one of ours, or of another call
        if not hasattr(error, "layer"):
            error.layer, error.message = self, str(error)
        path = next((name for name, module in self.named_modules() if module is error.layer), "")
        layer = type(error.layer).__name__ if any(True for _ in error.layer.children()) else repr(error.layer)
        error.args = (f"{path + ': ' if path else ''}{layer}: {error.message}",)

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False) -> Hook:
        """Call ``hook(module, args)`` before each forward; what it returns, if not None, replaces the arguments.

        One value that is no tuple is the only argument. `prepend`: call it before the hooks that are there already.
        """
        return Hook(self, "forward_pre", hook, prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False) -> Hook:
        """Call ``hook(module, args, output)`` after each forward; what it returns, if not None, replaces the output."""
        return Hook(self, "forward", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Hook:
        """Call ``hook(module, grad_output)`` when the gradients of the output are there; it may return others instead.

        `grad_output` is a tuple, as in `register_full_backward_hook`.
        """
        return Hook(self, "backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Hook:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are there.

        Both are tuples, over the positional arguments and over the outputs: None for what needs no gradient, zeros
        for what got none. The hook may return gradients in the place of `grad_input`. If no input needs a gradient it
        is called when those of the outputs are there. It holds for calls that follow, not for graphs that exist.

        Raises
        ------
        RuntimeError
            In backward, if the hook returns anything but None, or gradients of the same shapes and dtypes.
        """
        return Hook(self, "backward", hook, prepend)

    def _register(self, name: str, value: Any, *kinds: type) -> None:
        """Set an attribute, by a name that is free or that of another such value."""
        if not isinstance(value, kinds):
            kind = " or ".join(kind.__name__ for kind in kinds)
            raise TypeError(f"{type(self).__name__}: {name} must be a {kind}, got {type(value).__name__}")
        taken = hasattr(self, name) and not isinstance(vars(self).get(name, ()), (*kinds, NoneType))
        if taken or "." in name or name == "":
            raise ValueError(f"{type(self).__name__}: {name!r} can't be the name of a {kinds[0].__name__}, or is taken")
        setattr(self, name, value)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Set a tensor that is not learned, such as a running mean; part of the state if `persistent`."""
        self._register(name, tensor, Tensor, NoneType)
        self.buffer_names = {**self.buffer_names, name: persistent}

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set a parameter by its name."""
        self._register(name, param, Parameter, NoneType)

    def add_module(self, name: str, module: Module) -> None:
        """Set a module below this one by its name, which may be a number."""
        self._register(name, module, Module)

    register_module = add_module

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

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path, such as ``features.3``; AttributeError if there is none."""
        modules = dict(self.named_modules(remove_duplicate=False))
        if target not in modules:
            raise AttributeError(f"get_submodule: {type(self).__name__} has no module {target!r}")
        return modules[target]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path, such as ``features.3.weight``; AttributeError if there is none."""
        parameter = self._state().get(target)
        if not isinstance(parameter, Parameter):
            raise AttributeError(f"get_parameter: {type(self).__name__} has no parameter {target!r}")
        return parameter

    def own_parameters(self) -> dict[str, Parameter]:
        """The parameters among its attributes."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Parameter)}

    def own_buffers(self) -> dict[str, Tensor]:
        """The buffers that are set."""
        buffers = {name: getattr(self, name, None) for name in self.buffer_names}
        return {name: buffer for name, buffer in buffers.items() if buffer is not None}

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
            if module.buffer_names.get(name, True)
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
                array = value.array if isinstance(value, Tensor) else value
                state[name].copy_(Tensor(transfer.move(array, state[name].device)))
        return Loaded(missing, unexpected)

    def to(self, *target: Any, device: str | None = None, dtype: Any = None) -> Module:
        """Move parameters and buffers to a device, or the floating ones to a floating dtype, in place; returns itself.

        Raises
        ------
        TypeError
            For a dtype that is not floating.
        """
        for tensor in (*self.parameters(), *self.buffers()):
            moved = tensor.detach().to(*target, device=device, dtype=dtype)
            if tensor.dtype.kind == "f" != moved.dtype.kind:
                raise TypeError(f"to: the parameters of a network are floating, {moved.dtype} is not")
            if tensor.dtype.kind != "f":
                moved = moved.to(tensor.dtype)
            grad, tensor.grad = tensor.grad, None
            tensor.array = moved.array
            tensor.grad = None if grad is None else grad.detach().to(moved.device, moved.dtype)
        return self

    def cpu(self) -> Module:
        """Move parameters and buffers to the CPU, in place; returns itself."""
        return self.to("cpu")

    def cuda(self, device: str | int | None = None) -> Module:
        """Move parameters and buffers to a GPU, given by its name or number, or the first; in place; returns itself."""
        return self.to(backend.gpu(device).id)

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
