"""What optimizers share: groups of parameters, each with options, and a state per parameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any, ClassVar

import numpy as np

from minidl import backend
from minidl.backend import Array, dims
from minidl.backend.modes import enable_grad, mode, require_flag
from minidl.engine.absent import STEP_HOOKS, Absent
from minidl.engine.core import Tensor
from minidl.engine.require import require_arrays, same_device
from minidl.engine.watch import timed
from minidl.engine.writes import written
from minidl.optim.state import loaded

FLAGS = {  # options that are on or off, each with why it can't be on
    "nesterov": "",
    "maximize": "",
    "amsgrad": "",
    "centered": "",
    "foreach": "",
    "fused": "",
    "capturable": "steps are not captured in CUDA graphs",
    "differentiable": "a step is not recorded; write it with ops, outside no_grad",
    "decoupled_weight_decay": "",
}
OWN = (  # what a group may hold beside its options, some of it put there by schedules
    "params", "param_names", "name", "initial_lr", "max_lr", "min_lr", "swa_lr", "max_momentum", "base_momentum",
)  # fmt: skip


Updates = list[tuple[Array, Array, dict[str, Any]]]  # parameters, each with its gradient and its state
# What makes many updates of a group at once, by the type of the optimizer; each returns those that it can't make.
multi_tensor: defaultdict[type[Optimizer], list[Callable[[Updates, dict[str, Any]], Updates]]] = defaultdict(list)


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"

    def __reduce__(self) -> str:
        return "required"  # copies are the same object


required: Any = _Required()  # the default of an option that has none


class Optimizer:
    """Updates parameters in place from their gradients. A subclass defines ``update``.

    Parameters
    ----------
    params : iterable of Tensor, of pairs (name, Tensor), or of dicts as `add_param_group` takes them
    defaults : the options of groups that do not say otherwise

    Attributes
    ----------
    param_groups : list of dict
        The groups: ``"params"``, a list of Tensors, and each option. Options may be changed between steps.
    state : dict of Tensor to dict
        What is remembered of each parameter; tensors of its shape follow its dtype and device.

    Raises
    ------
    ValueError
        If there is nothing to optimize, or a tensor comes twice or was computed rather than made.
    TypeError
        For anything but tensors, and for unknown options.
    """

    numbers: ClassVar[Mapping[str, float]] = {"lr": 0, "weight_decay": 0}  # options, each with its least value
    # The names in a state, each with whether it must be there; None where it may hold anything. All but `SCALARS` are
    # tensors of the shape of their parameter.
    remembered: ClassVar[Mapping[str, bool] | None] = None
    has_stepped = False  # which schedules ask

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(params, Tensor):
            raise TypeError(f"{name}: expected an iterable of tensors, got one tensor; put it in a list")
        if isinstance(params, (dict, str)) or not isinstance(params, Iterable):
            raise TypeError(f"{name}: expected an iterable of tensors or of dicts, got {type(params).__name__}")
        given = list(params)
        if not given:
            raise ValueError(f"{name}: got no parameters to optimize; was a generator used up before?")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize more parameters, with options of their own.

        Parameters
        ----------
        param_group : dict
            ``{"params": …, option: value}``, with one tensor, a list of them, or of pairs (name, tensor), which name
            them under ``"param_names"``. It may hold a ``"name"`` and an ``"initial_lr"``.

        Raises
        ------
        TypeError, ValueError
            As the constructor does; nothing is then added.
        """
        name = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"{name}: expected tensors, or dicts with 'params', got {type(param_group).__name__}")
        unknown = set(param_group) - set(self.defaults) - set(OWN)
        if unknown:
            raise TypeError(f"{name}: unknown option {', '.join(sorted(unknown))}; it has {', '.join(self.defaults)}")
        parameters = self._listed(param_group["params"])
        group = self.defaults | param_group | {"params": parameters}
        if lacking := [option for option, value in group.items() if value is required]:
            raise ValueError(f"{name}: a group does not say its {', '.join(lacking)}, which has no default")
        if any(isinstance(p, tuple) for p in parameters):
            if not all(isinstance(p, tuple) and len(p) == 2 for p in parameters):
                raise TypeError(f"{name}: all parameters of a group must be named, or none")
            group |= {"params": [p for _, p in parameters], "param_names": [str(label) for label, _ in parameters]}
        for p in group["params"]:
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: expected tensors, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"{name}: can only optimize leaves, got the result of {p.node.op.name}")  # type: ignore[union-attr]
        everything = [p for known in (*self.param_groups, group) for p in known["params"]]
        if len({id(p) for p in everything}) < len(everything):
            raise ValueError(f"{name}: a parameter appears more than once")
        self.check(group)
        self.param_groups.append(group)

    def _listed(self, params: Any) -> list[Any]:
        """The parameters of a group as a list."""
        name = type(self).__name__
        if isinstance(params, Tensor):
            return [params]
        if isinstance(params, (set, frozenset)):
            raise TypeError(f"{name}: the order of a set differs from run to run; put its parameters in a list")
        if isinstance(params, (dict, str)) or not isinstance(params, Iterable):
            raise TypeError(f"{name}: expected tensors as the 'params' of a group, got {type(params).__name__}")
        listed = list(params)
        if not listed and not isinstance(params, Sized):
            raise ValueError(f"{name}: a group got no parameters to optimize; was its generator used up before?")
        return listed

    def check(self, group: dict[str, Any]) -> None:
        """Raise TypeError or ValueError for options of another type, out of range, or not supported."""
        name = type(self).__name__
        self._require_numbers(group)
        for option, least in self.numbers.items():
            if option in group and not float(group[option]) >= least:
                limit = ", not negative" if least == 0 else ""
                raise ValueError(f"{name}: {option} must be a number{limit}, got {group[option]!r}")
        for option in FLAGS.keys() & group.keys():
            if not (group[option] is None and option in ("foreach", "fused")):
                require_flag(name, option, group[option])
            if group[option] and FLAGS[option]:
                raise ValueError(f"{name}: {option}=True is not supported: {FLAGS[option]}")
        if group.get("foreach") and group.get("fused"):
            raise ValueError(f"{name}: foreach and fused exclude each other; both change nothing here")

    def _require_numbers(self, group: dict[str, Any]) -> None:
        """Raise TypeError for an option that is no number, nor a tensor of one."""
        for option, value in group.items():
            number = isinstance(value, (int, float, np.number)) or isinstance(value, Tensor) and value.numel() == 1
            if option in self.numbers and not number:
                raise TypeError(f"{type(self).__name__}: {option} must be a number, got {value!r}")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change the raw array `p` in place, given its gradient `g`, which must stay as it is."""
        raise NotImplementedError(f"{type(self).__name__} must define update(p, g, state, group)")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; `closure`, if given, runs first and its result is returned.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If a parameter can't be written, or its gradient, state or options don't fit it. Nothing is then changed.
        """
        result = None
        if closure is not None:
            with enable_grad():
                result = closure()
        checked = [(group, self._checked(group)) for group in self.param_groups]
        with np.errstate(all="ignore"), timed(f"Optimizer.step#{type(self).__name__}.step"):
            for group, updates in checked:
                left = updates
                for kernel in multi_tensor[type(self)] if mode.fused else ():
                    left = kernel(left, group)
                for p, g, state in left:
                    with backend.current(p):
                        self.update(p, g, state, group)
                for p, *_ in updates:
                    written(p)
        self.has_stepped = True
        return result

    def _checked(self, group: dict[str, Any]) -> Updates:
        """The parameters of a group that have gradients, with these and their states, which all fit together."""
        self._require_numbers(group)
        updates = []
        for p in group["params"]:
            if p.grad is not None:
                self._require_gradient(p)
                state, array, g = self.state[p], p.array, p.grad.array
                for name, kept in state.items():
                    if isinstance(kept, Tensor) and not backend.alike(kept.array, array):
                        state[name] = self._following(p, name, kept)
                if group.get("maximize"):
                    with backend.current(g):
                        g = -g
                updates.append((array, g, state))
        return updates

    def _require_gradient(self, p: Tensor) -> None:
        """Raise TypeError, ValueError or RuntimeError unless a parameter can be written and its gradient is like it."""
        name = type(self).__name__
        g: Any = p.grad
        require_arrays(f"{name}.step", p, g)
        if not isinstance(g, Tensor) or g.array.shape != p.array.shape:
            raise ValueError(f"{name}: a gradient {type(g).__name__} {dims(g.shape)} of a parameter {dims(p.shape)}")
        if not backend.alike(g.array, p.array):
            same_device(name, p, g)
            raise ValueError(f"{name}: a gradient of {g.dtype} of a parameter of {p.dtype}; p.grad.to(p.dtype) fits")
        if isinstance(p.array, np.ndarray) and not p.array.flags.writeable:
            raise ValueError(
                f"{name}: a parameter {dims(p.shape)} can't be written, its array is read-only; "
                "p.data = p.data.clone() gives it memory of its own"
            )

    def _following(self, p: Tensor, name: str, kept: Tensor) -> Tensor:
        """What is kept of a parameter in its dtype and on its device; ValueError where its shape has changed."""
        if kept.shape == p.shape:
            return kept.to(p.device, p.dtype)
        if self.remembered is not None:
            raise ValueError(
                f"{type(self).__name__}: {name} is {dims(kept.shape)}, its parameter is {dims(p.shape)} by now; "
                "make the optimizer after the parameter is changed"
            )
        return kept

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of its parameters, or overwrite them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else p.grad.detach().zero_()

    def state_dict(self) -> dict[str, Any]:
        """Options and states, with parameters by their number: ``{"state": …, "param_groups": …}``, as PyTorch's.

        The tensors are those of the optimizer itself: a step changes them.
        """
        number = {p: i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        return {
            "state": {number[p]: dict(state) for p, state in self.state.items() if state},
            "param_groups": [g | {"params": [number[p] for p in g["params"]]} for g in self.param_groups],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict` of an optimizer over as many parameters, in the same order.

        Its tensors are copied, each in the dtype and on the device of its parameter.

        Raises
        ------
        TypeError, ValueError
            If groups or states do not match, or hold what this optimizer can't go on from. Nothing is then loaded.
        """
        groups, state = loaded(self, state_dict)
        self.param_groups, self.state = groups, defaultdict(dict, state)

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {i}", *(f"    {k}: {group[k]}" for k in sorted(group) if k != "params"), ""]
        return "\n".join([f"{type(self).__name__} (", *lines[:-1], ")"])


for name in STEP_HOOKS.split():
    setattr(Optimizer, name, Absent("Optimizer", name))
