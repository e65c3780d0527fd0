"""Modules: what is called, trained, saved and moved as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from minidl import backend
from minidl.backend import dims, dtypes, transfer
from minidl.backend.modes import no_grad
from minidl.engine.absent import advice
from minidl.engine.core import Tensor
from minidl.engine.require import require_arrays
from minidl.engine.watch import watch
from minidl.nn.hooks import MISTAKES, Hook, RemovableHandle, call
from minidl.nn.parameter import Parameter, Uninitialized
from minidl.nn.tree import Tree, join


class Loaded(NamedTuple):
    """The keys that `Module.load_state_dict` lacked, and those that it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def no_forward(self: Module, *args: Any, **kwargs: Any) -> Any:
    """What a module does that defines no ``forward``: raise NotImplementedError."""
    raise NotImplementedError("it has no forward to call; define one, or call the modules in it")


class Module(Tree):
    """A part of a network: subclass it, set layers and parameters as attributes, and define ``forward``."""

    training = True
    _frozen = False  # by `nn.freeze`: it stays in evaluation mode
    _registered_hooks: tuple[Hook, ...] = ()
    forward: Callable[..., Any] = no_forward

    def __getattr__(self, name: str) -> Any:
        if name in vars(self):  # Python does not ask here for what is there; programs do
            return vars(self)[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{advice(name, dir(self))}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward``; an error in it names the layer by its path, such as ``features.3: Linear(…)``."""
        try:
            if watch.by is not None:
                return watch.by.layer((self,), call, self, args, kwargs)
            return call(self, args, kwargs) if self._registered_hooks else self.forward(*args, **kwargs)
        except MISTAKES as error:
            self._locate(error)
            raise

    def _locate(self, error: Any) -> None:
        """Put the path of the layer that an error came from, seen from this module, before its message."""
        if len(error.args) != 1 or transfer.is_late(error):
            return  # not one of ours, or of another call
        if not hasattr(error, "layer"):
            error.layer, error.message = self, str(error)
        path = next((name for name, module in self.named_modules() if module is error.layer), "")
        layer = type(error.layer).__name__ if any(True for _ in error.layer.children()) else repr(error.layer)
        error.args = (f"{path + ': ' if path else ''}{layer}: {error.message}",)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each forward; what it returns, if not None, replaces the arguments.

        One value that is no tuple is the only argument. `prepend`: call it before the hooks that are there already.
        `with_kwargs`: call ``hook(module, args, kwargs)``, which returns None or both.
        """
        return RemovableHandle(self, Hook("forward_pre", hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each forward; what it returns, if not None, replaces the output.

        `prepend`: call it before the hooks that are there already. `with_kwargs`: call ``hook(module, args, kwargs,
        output)``. `always_call`: call it, with the output None, where the forward raises, too.
        """
        return RemovableHandle(self, Hook("forward", hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the output are there; it may return others instead.

        `grad_output` is a tuple, as in `register_full_backward_hook`.
        """
        return RemovableHandle(self, Hook("backward_pre", hook), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are there.

        Both are tuples, over the positional arguments and over the outputs: None for what needs no gradient, zeros
        for what got none. The hook may return gradients in the place of `grad_input`. If no input needs a gradient it
        is called when those of the outputs are there. It holds for calls that follow, not for graphs that exist.

        Raises
        ------
        RuntimeError
            In backward, if the hook returns anything but None, or gradients of the same shapes and dtypes.
        """
        return RemovableHandle(self, Hook("backward", hook), prepend)

    # --- its state ---

    def state_dict(
        self, *, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """Parameters and buffers by dotted path: tensors without history, on the module's own memory.

        Parameters
        ----------
        destination : a dict to add them to
        prefix : what stands before each path
        keep_vars : give the parameters and buffers themselves
        """
        state = {} if destination is None else destination
        for name, tensor in self._state().items():
            state[prefix + name] = tensor if keep_vars or isinstance(tensor, Uninitialized) else tensor.detach()
        return state

    def _state(self) -> dict[str, Tensor]:
        return {
            join(path, name): tensor
            for path, module in self.named_modules(remove_duplicate=False)
            for name, tensor in (*module._own(Parameter).items(), *module._own(Tensor).items())
            if tensor is not None and module._buffer_names.get(name, True)
        }

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Loaded:
        """Copy tensors or arrays into the parameters and buffers of the same path, in their dtype.

        Parameters
        ----------
        state_dict : what `state_dict` returned, or another mapping of paths
        strict : refuse keys that are missing or have no place
        assign : take the tensors themselves, with their dtype and device, instead of copying

        Raises
        ------
        RuntimeError
            For a shape that differs and, if `strict`, for keys that are missing or have no place; nothing is then
            loaded, and all of them are named.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected a dict of paths and tensors, got {type(state_dict).__name__}")
        state = self._state()
        missing = [name for name in state if name not in state_dict]
        unexpected = [name for name in state_dict if name not in state]
        faults = [f"missing: {', '.join(missing)}"] * bool(strict and missing)
        faults += [f"unexpected: {', '.join(map(str, unexpected))}"] * bool(strict and unexpected)
        found = {name: state_dict[name] for name in state if name in state_dict}
        blanks = [name for name, value in found.items() if blank(value)]
        faults += [f"{name} has no shape yet" for name in blanks if not blank(state[name])]
        found = {name: value for name, value in found.items() if name not in blanks}
        require_arrays("load_state_dict", *found.values())
        faults += [
            f"{name} is {dims(tuple(value.shape))}, expected {dims(state[name].shape)}"
            for name, value in found.items()
            if not blank(state[name]) and tuple(value.shape) != state[name].shape
        ]
        if faults:
            raise RuntimeError(f"load_state_dict: {type(self).__name__}: " + "; ".join(faults))
        for name, value in found.items():
            given = value if isinstance(value, Tensor) else Tensor(value)
            (self._assign if assign else self._copy)(name, state[name], given)
        return Loaded(missing, unexpected)

    @no_grad()
    def _copy(self, name: str, tensor: Any, value: Tensor) -> None:
        if blank(tensor):
            tensor.materialize(value.shape)
        tensor.copy_(value.to(tensor.device))

    def _assign(self, name: str, tensor: Any, value: Tensor) -> None:
        path, _, own = name.rpartition(".")
        if isinstance(tensor, Parameter) and not isinstance(value, Parameter):
            value = Parameter(value, tensor.requires_grad)
        setattr(self.get_submodule(path), own, value)

    # --- its dtype and its place ---

    def _apply(self, change: Callable[[Tensor], Tensor]) -> Any:
        """Give each parameter and each buffer the memory of what `change` makes of it, gradients, too."""
        for tensor in (*self.parameters(), *self.buffers()):
            moved = change(tensor.detach())
            grad, tensor.grad = tensor.grad, None
            tensor.data = moved
            tensor.grad = None if grad is None else grad.detach().to(moved.device, moved.dtype)
        return self

    def to(self, *target: Any, device: Any = None, dtype: Any = None) -> Any:
        """Move parameters and buffers to a device, or the floating ones to a floating dtype, in place; returns itself.

        Parameters
        ----------
        *target : a device, a dtype, both, or a tensor that has them

        Raises
        ------
        TypeError
            For a dtype that is not floating.
        """

        def moved(tensor: Tensor) -> Tensor:
            there = tensor.to(*target, device=device, dtype=dtype)
            if tensor.dtype.kind == "f" != there.dtype.kind:
                raise TypeError(f"to: the parameters of a network are floating, {there.dtype} is not")
            return there if tensor.dtype.kind == "f" else there.to(tensor.dtype)

        return self._apply(moved)

    def cpu(self) -> Any:
        """Move parameters and buffers to the CPU, in place; returns itself."""
        return self.to("cpu")

    def cuda(self, device: str | int | None = None) -> Any:
        """Move parameters and buffers to a GPU, given by its name or number, or the first; in place; returns itself."""
        return self.to(backend.gpu(device).id)

    # --- its modes and gradients ---

    def train(self, mode: bool = True) -> Any:
        """Set training mode, in which dropout drops and batch norm uses the batch's statistics; returns the module.

        What `nn.freeze` has frozen stays in evaluation mode.
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False, got {mode!r}")
        self.training = mode and not self._frozen
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Any:
        """Leave training mode; returns the module."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Let all parameters learn, or none; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or overwrite them with zeros."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else p.grad.detach().zero_()

    def apply(self, fn: Callable[[Any], Any]) -> Any:
        """Call `fn` on every module below it and on itself, children first; returns the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # --- what is printed ---

    def extra_repr(self) -> str:
        """What ``repr`` shows of a layer between the brackets; override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr().splitlines()
        children = [f"({name}): {child!r}" for name, child in self._modules.items() if child is not None]
        if len(extra) < 2 and not children:
            return f"{type(self).__name__}({''.join(extra)})"
        inside = "\n".join([*extra, *children]).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {inside}\n)"

    # --- shorter names for `to`; last, as they hide Python's own ---

    def type(self, dst_type: Any) -> Any:
        """Cast all parameters and buffers, those of integers, too, to one dtype, in place; returns itself."""
        return self._apply(lambda tensor: tensor.to(dtype=dst_type))

    def half(self) -> Any:
        """Cast the floating parameters and buffers to float16, in place; returns itself."""
        return self.to(dtypes.float16)

    def float(self) -> Any:
        """Cast the floating parameters and buffers to float32, in place; returns itself."""
        return self.to(dtypes.float32)

    def double(self) -> Any:
        """Cast the floating parameters and buffers to float64, in place; returns itself."""
        return self.to(dtypes.float64)


def blank(tensor: Any) -> bool:
    """Whether it is a tensor that has no shape yet."""
    return isinstance(tensor, Uninitialized)
