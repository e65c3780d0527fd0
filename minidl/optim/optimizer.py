"""What optimizers share: groups of parameters, each with options, and a state per parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, memory, transfer
from minidl.backend.modes import enable_grad, mode
from minidl.backend.threads import parallel
from minidl.engine.core import Tensor
from minidl.engine.op import clone
from minidl.engine.require import require_arrays, same_device
from minidl.engine.writes import written

CHUNK = 1 << 19  # elements worked on at a time: with fewer, threads wait for each other more than they work


def in_chunks(update: Callable[..., None], *arrays: Array) -> None:
    """``update(*arrays)``, which goes element by element: large arrays in slices, several at a time."""
    first = arrays[0]
    if first.size <= CHUNK or backend.namespace(first) is not np:
        update(*arrays)
    else:
        step = max(1, CHUNK * len(first) // first.size)
        parallel(lambda i: update(*[a[i : i + step] for a in arrays]), range(0, len(first), step))


def scratch(p: Array) -> Array:
    """Memory for something in the shape and dtype of `p`."""
    xp = backend.namespace(p)
    return memory.empty(p.shape, p.dtype) if xp is np else xp.empty_like(p)


Updates = list[tuple[Array, Array, dict[str, Any]]]  # parameters, each with its gradient and its state
# What makes many updates of a group at once, by the type of the optimizer; it returns those that it can't make.
multi_tensor: dict[type[Optimizer], Callable[[Updates, dict[str, Any]], Updates]] = {}


class Optimizer:
    """Updates parameters in place from their gradients. A subclass defines ``update``.

    Parameters
    ----------
    params : iterable of Tensor, or of dicts ``{"params": …, option: value}`` with options of their own
    defaults : the options of groups that do not say otherwise

    Raises
    ------
    ValueError
        If there is nothing to optimize, or a tensor comes twice or was computed rather than made.
    TypeError
        For anything but tensors, and for unknown options.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(params, Tensor):
            raise TypeError(f"{name}: expected an iterable of tensors, got one tensor; put it in a list")
        given = list(params)
        groups = given if given and isinstance(given[0], dict) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        for group in groups:
            if not isinstance(group, dict) or "params" not in group:
                raise TypeError(f"{name}: expected tensors, or dicts with 'params', got {type(group).__name__}")
            unknown = set(group) - set(defaults) - {"params"}
            if unknown:
                raise TypeError(f"{name}: unknown option {', '.join(sorted(unknown))}; it has {', '.join(defaults)}")
            own = group["params"]
            self.param_groups.append(defaults | group | {"params": [own] if isinstance(own, Tensor) else list(own)})
            self.check(self.param_groups[-1])
        parameters = [p for group in self.param_groups for p in group["params"]]
        if not parameters:
            raise ValueError(f"{name}: got no parameters to optimize")
        for p in parameters:
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: expected tensors, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"{name}: can only optimize leaves, got the result of {p.node.op.name}")  # type: ignore[union-attr]
        if len({id(p) for p in parameters}) < len(parameters):
            raise ValueError(f"{name}: a parameter appears more than once")

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        for option in ("lr", "weight_decay"):
            if not isinstance(group[option], (int, float, np.number)) or not group[option] >= 0:
                raise ValueError(
                    f"{type(self).__name__}: {option} must be a number, not negative, got {group[option]!r}"
                )

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change the raw array `p` in place, given its gradient `g`, which must stay as it is."""
        raise NotImplementedError(f"{type(self).__name__} must define update(p, g, state, group)")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; `closure`, if given, runs first and its result is returned."""
        result = None
        if closure is not None:
            with enable_grad():
                result = closure()
        with np.errstate(all="ignore"):
            for group in self.param_groups:
                updates = [self.checked(p) for p in group["params"] if p.grad is not None]
                kernel = multi_tensor.get(type(self)) if mode.fused else None
                for p, g, state in updates if kernel is None else kernel(updates, group):
                    with backend.current(p):
                        self.update(p, g, state, group)
                for p, *_ in updates:
                    written(p)
        return result

    def checked(self, p: Any) -> tuple[Array, Array, dict[str, Any]]:
        """A parameter, its gradient and its state; TypeError, ValueError or RuntimeError if they don't fit together."""
        name, g = type(self).__name__, p.grad
        require_arrays(f"{name}.step", p, g)
        if not isinstance(g, Tensor) or g.shape != p.shape:
            raise ValueError(f"{name}: a gradient {type(g).__name__} {dims(g.shape)} of a parameter {dims(p.shape)}")
        same_device(name, p, g)
        state = self.state.setdefault(p, {})
        arrays = [value for value in state.values() if backend.is_array(value)]
        if arrays and backend.device_of(arrays[0]) != p.device:
            raise RuntimeError(
                f"{name}: a parameter on {p.device} whose state is on {backend.device_of(arrays[0])}; "
                "make the optimizer after the model is moved"
            )
        return p.array, g.array, state

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of its parameters, or overwrite them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else p.grad.detach().zero_()

    def state_dict(self) -> dict[str, Any]:
        """Options and states, with parameters by their number: ``{"state": …, "param_groups": …}``."""
        number = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        return {
            "state": {number[p]: dict(state) for p, state in self.state.items()},
            "param_groups": [g | {"params": [number[p] for p in g["params"]]} for g in self.param_groups],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a `state_dict` of an optimizer over as many parameters, in the same order.

        Raises
        ------
        ValueError
            If the groups do not match.
        """
        theirs, ours = state_dict.get("param_groups", []), self.param_groups
        if [(len(g["params"]), g.keys()) for g in theirs] != [(len(g["params"]), g.keys()) for g in ours]:
            raise ValueError(
                f"{type(self).__name__}: load_state_dict: the groups of parameters differ in number, size or options"
            )
        parameters = [p for group in ours for p in group["params"]]
        for i, state in state_dict["state"].items():
            for name, value in state.items():
                if np.ndim(value) and value.shape != parameters[int(i)].shape:
                    raise ValueError(
                        f"{type(self).__name__}: load_state_dict: {name} of parameter {i} is {dims(value.shape)}, "
                        f"expected {dims(parameters[int(i)].shape)}"
                    )
        self.param_groups = [g | {"params": own["params"]} for g, own in zip(theirs, ours, strict=True)]
        self.state = {
            parameters[int(i)]: {
                name: transfer.move(clone(value), parameters[int(i)].device) if backend.is_array(value) else value
                for name, value in state.items()
            }
            for i, state in state_dict["state"].items()
        }
