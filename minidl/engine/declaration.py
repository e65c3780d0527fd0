"""What an op takes, and what its gradients need: read off the parameters of its function and of its rules."""

from __future__ import annotations

import inspect
from typing import Any

from minidl.engine.absent import ARGUMENTS

PUBLIC = {"x": "input", "y": "other", "n": "exponent", "order": "dims", "size": "shape"}  # what PyTorch calls x, y, …
NUMPYS = {"axis": "dim", "keepdims": "keepdim", "a": "input", "x": "input", "x1": "input", "x2": "other"}


def in_pytorchs_words(name: str, options: dict[str, Any], known: Any) -> dict[str, Any]:
    """Keywords with NumPy's names for those that are `known`, as PyTorch takes them; TypeError for both of a pair."""
    renamed = {NUMPYS[n] if n not in known and NUMPYS.get(n) in known else n: value for n, value in options.items()}
    if len(renamed) < len(options):
        raise TypeError(f"{name}: one argument is given twice, by its own name and by NumPy's")
    return renamed


class Declaration:
    """The name and the parameters of an op: arrays are those without a default, options those with one or behind ``*``.

    A call may give options by position too, after the arrays. `needs` says which arrays are kept for the gradient of
    the argument at a position (in a variadic op 0 stands for all): their names and places, the result's being −1.
    """

    unfolds = False  # whether it is made of ops itself

    def __init__(self, name: str, parameters: list[inspect.Parameter]) -> None:
        arrays = [p for p in parameters if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
        self.name = name
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.arguments = tuple(p.name for p in arrays)
        self.options = tuple(p.name for p in parameters if p not in arrays)
        self.named = {*self.options}
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.public = {PUBLIC.get(p.name, p.name): p.name for p in parameters}
        self.saves = False  # arrays for its gradients, which a backward frees
        self.needs: dict[int, tuple[tuple[str, int], ...]] = {}
        self.signature = inspect.Signature(list(map(self.shown, parameters)))

    def shown(self, parameter: inspect.Parameter) -> inspect.Parameter:
        """A parameter as a call may give it: by its public name, and by position too."""
        by_position = parameter.kind is parameter.KEYWORD_ONLY and not self.variadic
        kind = parameter.POSITIONAL_OR_KEYWORD if by_position else parameter.kind
        return parameter.replace(name=PUBLIC.get(parameter.name, parameter.name), kind=kind)

    def argument(self, position: int) -> str:
        """The name of the argument at `position`."""
        return self.arguments[0 if self.variadic else position]

    def differentiable(self, position: int) -> bool:
        """Whether the argument at `position` has a gradient."""
        return (0 if self.variadic else position) in self.needs

    def bind(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Sort what a call was given into arrays and options; TypeError for what the op has no place for."""
        n = len(args) if self.variadic else len(self.arguments)
        given = dict(zip(self.options, args[n:], strict=False))
        if len(args) == n + len(given) and options.keys() <= self.named and given.keys().isdisjoint(options):
            return args[:n], self.defaults | given | options
        names = tuple(self.public.values())
        given = {} if self.variadic else dict(zip(names, args, strict=False))
        options = in_pytorchs_words(self.name, options, self.public)
        named = {self.public.get(name, name): value for name, value in options.items()}
        wrong = [name for name in options if self.public.get(name) in (None, *given)]
        if wrong or len(args) > len(names) or not {*self.arguments} <= {*given, *named}:
            raise TypeError(
                f"{self.name}: takes ({', '.join(self.public)}), got {len(args)} by position"
                + f", and {', '.join(wrong)} by name" * bool(wrong)
                + "".join(f"; {ARGUMENTS[name]}" for name in wrong if name in ARGUMENTS)
            )
        options = self.defaults | given | named
        return tuple(options.pop(name) for name in self.arguments), options
