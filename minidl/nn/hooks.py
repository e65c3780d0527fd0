"""Hooks: functions that are called before and after the forward or the backward pass of a module."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.backend import dims
from minidl.backend.modes import mode
from minidl.engine.core import Tensor, as_tuple, attach, origin
from minidl.engine.op import clone, tap
from minidl.engine.require import require_tensors
from minidl.nn.utils import parameters_to_vector, pieces

MISTAKES = (ValueError, TypeError, RuntimeError, IndexError)  # errors that get the name of the layer they come from
Function = Callable[..., Any]
Values = tuple[Any, ...]


class Hook(NamedTuple):
    """A function that a module calls, of one of four kinds: "forward_pre", "forward", "backward_pre", "backward"."""

    kind: str
    function: Function
    with_kwargs: bool = False
    always_call: bool = False


class RemovableHandle:
    """What registering a hook returns: ``remove()``, or the end of a ``with`` block, takes it off its module."""

    def __init__(self, module: Any, hook: Hook, prepend: bool) -> None:
        self.module, self.hook = weakref.ref(module), hook
        others = module._registered_hooks
        module._registered_hooks = (hook, *others) if prepend else (*others, hook)

    def remove(self) -> None:
        """Take the hook off its module."""
        module = self.module()
        if module is not None:
            module._registered_hooks = tuple(hook for hook in module._registered_hooks if hook is not self.hook)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def call(module: Any, args: Values, kwargs: dict[str, Any]) -> Any:
    """``module.forward(*args, **kwargs)`` with the module's hooks around it."""
    due = [hook for hook in module._registered_hooks if hook.always_call]
    try:
        return _called(module, args, kwargs, due)
    except Exception:
        for hook in due:  # those that have not been called yet
            try:
                _apply(hook, module, args, kwargs, None)
            except Exception as error:
                warnings.warn(f"a forward hook failed after another error: {error}", stacklevel=3)
        raise


def _called(module: Any, args: Values, kwargs: dict[str, Any], due: list[Hook]) -> Any:
    """`call`, which takes off the list of hooks that are always called those that were."""

    def hooks(kind: str) -> list[Hook]:
        return [hook for hook in module._registered_hooks if hook.kind == kind]

    for hook in hooks("forward_pre"):
        changed = _apply(hook, module, args, kwargs)
        if changed is not None and hook.with_kwargs:
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(f"forward pre-hook: must return None or (args, kwargs), got {changed!r}")
            args, kwargs = changed
        elif changed is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    before, after = ([hook.function for hook in hooks(kind)] for kind in ("backward_pre", "backward"))
    backward = BackwardHooks(module, before, after) if before or after else None
    args = backward.enter(args) if backward else args
    output = module.forward(*args, **kwargs)
    for hook in hooks("forward"):
        due[:] = [other for other in due if other is not hook]
        changed = _apply(hook, module, args, kwargs, output)
        output = output if changed is None else changed
    return backward.leave(output) if backward else output


def _apply(hook: Hook, module: Any, args: Values, kwargs: dict[str, Any], *output: Any) -> Any:
    return hook.function(module, args, *[kwargs] * hook.with_kwargs, *output)


class BackwardHooks:
    """The backward hooks of a module in one call of it, at a `gate` for its arguments and another for its output."""

    def __init__(self, module: Any, before: list[Function], after: list[Function]) -> None:
        self.module, self.before, self.after = module, before, after
        self.grad_output: list[Any] | None = None

    def enter(self, args: Values) -> Values:
        """The arguments, through their gate."""
        entered = gate(args, self.at_inputs)
        self.absent = (None,) * len(args) if entered is args else None
        return entered

    def leave(self, output: Any) -> Any:
        """The output, or the tensors of a tuple, through its gate."""
        if isinstance(output, tuple):
            passed = gate(output, self.at_outputs)
            return passed if type(output) is tuple else type(output)(*passed)
        if not isinstance(output, Tensor):
            warnings.warn(f"backward hooks see tensors and tuples, the output is {type(output).__name__}", stacklevel=5)
        return gate((output,), self.at_outputs)[0]

    def at_outputs(self, gradients: Values) -> Values:
        """Call the hooks of grad_output; those of grad_input too, if no input has a gradient."""
        gradients = self.called(self.before, gradients)
        self.grad_output = [None if g is None else (g.array, weakref.ref(origin(g))) for g in gradients]
        if self.absent is not None:
            self.at_inputs(self.absent)
        return gradients

    def at_inputs(self, gradients: Values) -> Values:
        """Call the hooks of grad_input; none where it has not come by way of the output, as in a second backward."""
        if self.grad_output is None:
            return gradients
        grad_output = tuple([held and recalled(*held) for held in self.grad_output])
        self.grad_output = None
        return self.called(self.after, gradients, grad_output)

    def called(self, hooks: list[Function], gradients: Values, *others: Values) -> Values:
        """The gradients as the hooks leave them."""
        try:
            for hook in hooks:
                changed = hook(self.module, gradients, *others)
                if changed is not None:
                    changed = as_tuple(changed)
                    require_tensors("backward hook", *[g for g in changed if g is not None])
                    given, expected = described(changed), described(gradients)
                    if given != expected:
                        raise RuntimeError(f"backward hook: must return None or gradients {expected}, got {given}")
                    gradients = changed
        except MISTAKES as error:
            self.module._locate(error)
            raise
        return gradients


def described(gradients: Values) -> str:
    """The shape and the dtype of each gradient."""
    return ", ".join("None" if g is None else f"{dims(g.shape)} {g.dtype}" for g in gradients)


def recalled(array: Any, place: weakref.ref) -> Tensor:
    """A gradient again, whose place in the graph was held weakly: that graph may lead back to the node of its gate."""
    parent = place()
    return Tensor(array) if parent is None else attach(array, parent)


def gate(values: Values, watch: Callable[[Values], Values]) -> Values:
    """The values, where `watch` sees, and may replace, the gradients of those tensors that have any (None for others).

    Several pass one `tap` as one vector: so their gradients come together, zeros where none came.
    """
    kinds = [(v.shape, v.dtype) if isinstance(v, Tensor) and v.tracked and mode.recording else None for v in values]
    known = [kind for kind in kinds if kind]
    if not known:
        return values

    def join(values: Values) -> Tensor:
        tensors = [v for v, kind in zip(values, kinds, strict=True) if kind]
        return tensors[0] if len(tensors) == 1 else parameters_to_vector(tensors)

    def split(vector: Tensor) -> Values:
        parts = iter([vector] if len(known) == 1 else pieces(vector, [shape for shape, _ in known]))
        return tuple([kind and next(parts).to(kind[1]) for kind in kinds])

    passed = split(tap(join(values), hook=lambda g: clone(join(watch(split(clone(g)))))))  # hooks may keep copies
    return tuple([v if t is None else t for v, t in zip(values, passed, strict=True)])
