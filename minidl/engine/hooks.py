"""Hooks on tensors: functions that see the gradient of one as the walk passes it, and may put another in its place."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from minidl.backend import dims
from minidl.engine.core import Tensor, Ties, wrap

Hook = Callable[[Tensor], Any]


class Handle:
    """What takes a registered hook off again: by ``remove()``, or at the end of a ``with`` block."""

    def __init__(self, hooks: list[Hook], hook: Hook) -> None:
        self.hooks, self.hook = hooks, hook

    def remove(self) -> None:
        """Take the hook off; nothing where that has been done."""
        self.hooks[:] = [hook for hook in self.hooks if hook is not self.hook]

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class Retained:
    """The hook behind `retain_grad`: adds what arrives to the tensor's ``.grad``, without keeping the tensor alive."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)

    def __call__(self, g: Tensor) -> None:
        tensor = self.tensor()
        if tensor is not None:
            tensor.grad = g if tensor.grad is None else tensor.grad + g


def register_hook(tensor: Tensor, hook: Hook) -> Handle:
    """Call ``hook(gradient)`` whenever the gradient of this tensor is known.

    Parameters
    ----------
    hook : function
        Of a Tensor of this tensor's shape; what it returns takes the gradient's place, unless that is None.

    Returns
    -------
    Handle
        Whose ``remove()`` takes the hook off.

    Raises
    ------
    RuntimeError
        If the tensor does not require grad.
    """
    if not callable(hook):
        raise TypeError(f"register_hook: expected a function of the gradient, got {type(hook).__name__}")
    if not tensor.tracked:
        raise RuntimeError("register_hook: this tensor does not require grad, so it will have no gradient")
    hooks = hooks_of(tensor)
    own = lambda g: hook(g)  # noqa: E731  one of its own for each registration, to be removed by
    hooks.insert(len(hooks) - sum(isinstance(other, Retained) for other in hooks), own)
    return Handle(hooks, own)


def retain_grad(tensor: Tensor) -> None:
    """Have ``.grad`` of a computed tensor filled by backward, as that of a leaf is. RuntimeError without history."""
    if not tensor.tracked:
        raise RuntimeError("retain_grad: this tensor does not require grad, so it will have no gradient")
    if tensor.node is not None and not retains_grad(tensor):
        hooks_of(tensor).append(Retained(tensor))


def retains_grad(tensor: Tensor) -> bool:
    """Whether `retain_grad` has been asked of this tensor."""
    return bool(retaining(tensor))


def retaining(tensor: Tensor) -> list[Retained]:
    """The hooks that `retain_grad` has left at the place of this tensor in the graph."""
    hooks = tensor.node.hooks if tensor.node is not None else None
    return [hook for hook in hooks or () if isinstance(hook, Retained)]


def move(tensor: Tensor, node: Any) -> None:
    """Give a tensor another place in the graph, or none. What `retain_grad` asked for goes with it, hooks stay."""
    own = retaining(tensor)
    for hook in own:
        tensor.node.hooks.remove(hook)  # type: ignore[union-attr]
    tensor.node, tensor.tracked = node, node is not None
    if own and node is not None:
        hooks_of(tensor).extend(own)


def hooks_of(tensor: Tensor) -> list[Hook]:
    """The list of a tensor's hooks: at its node, or tied to the leaf that it is."""
    if tensor.node is None and tensor.ties is None:
        tensor.ties = Ties()
    holder: Any = tensor.ties if tensor.node is None else tensor.node
    if holder.hooks is None:
        holder.hooks = []
    return holder.hooks


def hooked(hooks: list[Hook], g: Any) -> Any:
    """A gradient, an array or a Tensor, as its hooks leave it. They see copies, which they may keep or change."""
    gradient = g if isinstance(g, Tensor) else wrap(g)
    for hook in tuple(hooks):
        changed = hook(gradient.clone())
        if changed is not None:
            if not isinstance(changed, Tensor):
                raise TypeError(f"tensor hook: must return None or a Tensor, got {type(changed).__name__}")
            if changed.shape != gradient.shape:
                raise RuntimeError(
                    f"tensor hook: must return a gradient of shape {dims(gradient.shape)}, got {dims(changed.shape)}"
                )
            gradient = changed if changed.dtype == gradient.dtype else changed.to(gradient.dtype)
    return gradient if isinstance(g, Tensor) else gradient.array
