"""What an optimizer may go on from: each value of a saved state held to what its parameters and options need."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Protocol

import numpy as np

from minidl import backend
from minidl.backend import dims, transfer
from minidl.engine.core import Tensor
from minidl.engine.op import clone

Groups = list[dict[str, Any]]
States = dict[Tensor, dict[str, Any]]
SCALARS = {"step": "a number of steps", "mu_product": "a number in [0, 1]"}  # names in a state that are no tensors


class Optimizer(Protocol):
    """What is asked of an optimizer here."""

    defaults: dict[str, Any]
    param_groups: Groups

    @property
    def remembered(self) -> Mapping[str, bool] | None:
        """The names in a state of its own; None for any."""

    def check(self, group: dict[str, Any]) -> None:
        """Raise for an option out of range."""


def loaded(optimizer: Optimizer, state_dict: Mapping[str, Any]) -> tuple[Groups, States]:
    """The groups and states of an optimizer as a saved state has them; TypeError or ValueError where they don't fit."""
    where = f"{type(optimizer).__name__}: load_state_dict"
    if not isinstance(state_dict, Mapping) or not {"param_groups", "state"} <= state_dict.keys():
        raise ValueError(f"{where}: expected 'param_groups' and 'state', as state_dict() gives them")
    theirs, states = state_dict["param_groups"], state_dict["state"]
    sizes, ours = ([len(group["params"]) for group in groups] for groups in (theirs, optimizer.param_groups))
    if sizes != ours:
        raise ValueError(
            f"{where}: the groups of parameters differ: there are {ours} parameters, the state has {sizes}"
        )
    groups = [merged(optimizer, where, *pair) for pair in zip(optimizer.param_groups, theirs, strict=True)]
    numbers = [str(number) for group in theirs for number in group["params"]]
    places = dict(zip(numbers, (p for group in groups for p in group["params"]), strict=True))
    kept: States = {}
    for number, state in states.items():
        if str(number) not in places:
            raise ValueError(f"{where}: a state of parameter {number!r}, which no group has")
        p = places[str(number)]
        kept[p] = remembered(optimizer, f"{where}: parameter {number}", p, state)
    return groups, kept


def merged(optimizer: Optimizer, where: str, own: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """A group with the options of a saved one, which may lack those that are off by default."""
    needed = {option for option, default in optimizer.defaults.items() if not isinstance(default, (bool, NoneType))}
    if missing := sorted(needed - theirs.keys()):
        raise ValueError(f"{where}: its groups have no {', '.join(missing)}; is it of another kind of optimizer?")
    group = optimizer.defaults | theirs | {"params": own["params"]}
    lr = group.get("lr")
    below = (
        "initial_lr" in group and isinstance(lr, (int, float)) and lr < 0
    )  # where a schedule took it, by rounding say
    optimizer.check(group | {"lr": 0.0} if below else group)
    return group


def remembered(optimizer: Optimizer, where: str, p: Tensor, state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the state of a parameter, in its dtype and on its device."""
    state = {name: value for name, value in state.items() if value is not None}
    names = optimizer.remembered
    if names is not None and state:
        if missing := sorted(name for name, needed in names.items() if needed and name not in state):
            raise ValueError(f"{where} has no {', '.join(missing)}; is it of another kind of optimizer?")
        if unknown := sorted(state.keys() - names.keys()):
            raise ValueError(f"{where} has {', '.join(unknown)}; is it of another kind of optimizer?")
    return {
        name: scalar(where, name, value)
        if name in SCALARS
        else own_copy(f"{where}: {name}", value, p, names is not None)
        for name, value in state.items()
    }


def scalar(where: str, name: str, value: Any) -> float:
    """One of `SCALARS`: a number of steps as an int, or a product of numbers in [0, 1]."""
    number: Any = value.item() if isinstance(value, (Tensor, np.ndarray)) and value.ndim == 0 else value
    if not isinstance(number, (int, float, np.number)):
        number = float("nan")
    if name == "step" and number >= 0 and float(number).is_integer():
        return int(number)
    if name == "mu_product" and 0 <= number <= 1:
        return float(number)
    raise ValueError(f"{where}: {name} must be {SCALARS[name]}, got {value!r}")


def own_copy(where: str, value: Any, p: Tensor, strict: bool) -> Any:
    """A copy of a tensor or array, like its parameter; other values of optimizers of one's own as they are."""
    if not isinstance(value, Tensor) and not backend.is_array(value):
        if strict:
            raise TypeError(f"{where} must be a tensor, got {type(value).__name__}")
        return value
    array = value.array if isinstance(value, Tensor) else value
    if array.shape != p.shape:
        if strict:
            raise ValueError(f"{where} is {dims(array.shape)}, expected {dims(p.shape)}")
        return Tensor(clone(array))
    if array.dtype.kind != "f":
        raise ValueError(f"{where} is {array.dtype}, no floats")
    return Tensor(transfer.move(clone(array), p.device)).to(p.dtype)
