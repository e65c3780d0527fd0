"""The derivative table as a page: ``python tests/derivatives.py`` writes it, and with ``--check`` fails where stale.

No formula is written by hand: the rules run on symbols instead of arrays, and what comes out is LaTeX. What has no
notation here raises `Unwritten`, so that a new op calls for a decision.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import inspect
import math
import operator
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import scipy.special
from specs import SPECS, oracles

import minidl as md
from minidl.engine.fusion import composites
from minidl.engine.op import Op, registry

PAGE = Path(md.ops.__file__).with_name("README.md")
MARKS = {"central differences": "Δ", "complex step": "ih", "exact differences": "δ", "adjoint identity": "⟨⟩"}
INTRODUCTION = r"""# The derivative table

What every op computes, and its vector-Jacobian products: $`\bar x`$, the gradient of an argument, from $`\bar z`$,
that of the result. The formulas are the rules of this folder themselves, run on symbols instead of arrays:
`python tests/derivatives.py` writes this page, and with `--check` fails where it is stale.
%d ops have %d rules; every other function is made of these.

- $`x \cdot y`$, fractions and powers are elementwise; $`x\,y`$ is a product of matrices. Where operands broadcast,
  their gradients are summed back to their shapes.
- $`[P]`$ is 1 where P holds, else a 0 that is stronger than ∞ and NaN (Iverson's bracket; Knuth (1992), "Two notes on
  notation").
- $`\mathrm{back}_{\mathrm{dim}}(y)`$ is y, which was reduced over dim, repeated to the shape of x.
- Upright names are ops of this table, and options, as if all were given; those that a rule passes on whole are left
  out.

Gradients are checked by **Δ** central differences, **ih** the complex step, or, where an op is piecewise linear,
**δ** exact differences, and **⟨⟩** the adjoint identity, over cases that hypothesis draws; order 2 is the gradient of
the gradient. Values are compared with the function that is named, else with the definition written out in
[`tests/specs`](../../tests/specs).
"""
TABLE = "| op | z | gradients | order 1 | order 2 | value |\n|---|---|---|---|---|---|\n"
COMPARISON, SUM, PREFIX, NEGATIVE, PRODUCT, POWER, ATOM = range(7)  # how strongly a formula holds together
LEFT_OUT = object()  # the options that a rule passes on whole


class Unwritten(TypeError, AttributeError):
    """There is no notation for this."""


# --- formulas ---------------------------------------------------------------------------------------------------------


def reflected(f: Callable[..., Tex]) -> Any:
    return lambda self, other: f(lift(other), self)


def comparison(sign: str, opposite: str) -> Any:
    def compared(self: Tex, other: Any) -> Tex:
        left, right = self.at(SUM), lift(other).at(SUM)
        if left == right and sign in (r"\neq", "<"):
            return Tex("0")
        return Tex(f"{left} {sign} {right}", COMPARISON, Tex(f"{left} {opposite} {right}", COMPARISON))

    return compared


class Tex:
    """A formula: what Python's operators make of symbols. Iterated over, it stands for each of its elements."""

    def __init__(self, text: str, strength: int = ATOM, opposite: Tex | None = None) -> None:
        self.text, self.strength, self.opposite = text, strength, opposite

    def at(self, strength: int, first: bool = True) -> str:
        """The text of an operand that must be so strong; a minus sign may stand `first` only."""
        if self.strength == COMPARISON:
            return f"[{self.text}]"
        fits = self.strength >= strength and (first or not self.text.startswith("-"))
        return self.text if fits else enclosed(self.text)

    def __add__(self, other: Any) -> Tex:
        other = lift(other)
        if "0" in (self.text, other.text):
            return other if self.text == "0" else self
        return self - -other if other.strength == NEGATIVE else Tex(f"{self.at(SUM)} + {other.at(SUM, False)}", SUM)

    def __sub__(self, other: Any) -> Tex:
        return Tex(f"{self.at(SUM)} - {lift(other).at(PREFIX, False)}", SUM)

    def __neg__(self) -> Tex:
        if self.strength == NEGATIVE:
            return self.opposite
        return Tex(f"-{self.at(PREFIX, False)}", PREFIX if self.strength == PREFIX else NEGATIVE, self)

    def __mul__(self, other: Any) -> Tex:
        other = lift(other)
        if "1" in (self.text, other.text) or "0" in (self.text, other.text):
            return other if self.text == "1" or other.text == "0" else self
        if self.strength == NEGATIVE:
            return -(-self * other)
        if self.text == other.text:
            return self**2
        strength = PREFIX if other.strength == PREFIX else PRODUCT
        return Tex(rf"{self.at(PRODUCT)} \cdot {other.at(PREFIX, False)}", strength)

    def __truediv__(self, other: Any) -> Tex:
        if self.strength == NEGATIVE:
            return -(-self / other)
        return Tex(rf"\frac{{{self.at(SUM)}}}{{{lift(other).at(SUM)}}}", PRODUCT)

    def __pow__(self, other: Any) -> Tex:
        return Tex(f"{self.at(ATOM)}^{{{lift(other).at(SUM)}}}", POWER)

    __radd__, __rsub__ = reflected(operator.add), reflected(operator.sub)
    __rmul__, __rtruediv__ = reflected(operator.mul), reflected(operator.truediv)
    __eq__, __ne__ = comparison("=", r"\neq"), comparison(r"\neq", "=")
    __lt__, __ge__ = comparison("<", r"\geq"), comparison(r"\geq", "<")
    __gt__, __le__ = comparison(">", r"\leq"), comparison(r"\leq", ">")

    def __invert__(self) -> Tex:
        return Tex(rf"\neg {self.at(ATOM)}", COMPARISON, self) if self.opposite is None else self.opposite

    def __getitem__(self, index: Any) -> Tex:
        return Tex(f"{self.at(ATOM)}[{argument(index).text}]")

    def __iter__(self) -> Iterator[Tex]:
        yield self

    def __bool__(self) -> bool:
        raise Unwritten(f"a branch on {self.text}")

    def __getattr__(self, name: str) -> Any:
        return word(name)(self) if name == "T" else functools.partial(word(name), self)


def enclosed(text: str) -> str:
    return rf"\left({text}\right)" if re.search(r"\\frac|\\sum", text) else f"({text})"


def symbol(name: str) -> Tex:
    """A name: in italics where it is one letter, else upright."""
    return Tex(r"\beta" if name == "beta" else name if len(name) == 1 else rf"\mathrm{{{name}}}".replace("_", r"\_"))


def lift(value: Any) -> Tex:
    """A number as a formula."""
    if isinstance(value, Tex):
        return value
    if not isinstance(value, (int, float)):
        raise Unwritten(f"{value!r} in a formula")
    digits, _, power = f"{abs(value):g}".partition("e")
    number = Tex(digits) * Tex(f"10^{{{int(power)}}}", POWER) if power else Tex(digits)
    return -number if value < 0 else number


def argument(value: Any) -> Tex:
    """What may stand in parentheses after a function, or in an index."""
    if isinstance(value, slice):
        return Tex(":".join("" if end is None else lift(end).text for end in (value.start, value.stop)))
    return lift(next(value) if isinstance(value, Iterator) else value)


# --- functions --------------------------------------------------------------------------------------------------------


def function(head: str) -> Callable[..., Tex]:
    return lambda *xs: Tex(head + enclosed(", ".join(x.at(SUM) for x in xs)))


def along(head: str, dim: Tex | None) -> str:
    return head if dim is None else f"{head}_{{{dim.text}}}"


def holds(condition: Tex) -> Tex:
    return condition if condition.strength == PRODUCT or condition.text == "0" else Tex(f"[{condition.text}]")


def fails(condition: Tex) -> Tex:
    if condition.strength == PRODUCT:  # of brackets
        return 1 - condition
    return Tex(rf"[\neg {condition.text}]") if condition.opposite is None else holds(condition.opposite)


WORDS: dict[str, Callable[..., Tex]] = {
    **{name: function(rf"\{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **dict.fromkeys(("axes", "len", "tolist", "tuple"), lambda x, *_: x),
    **dict.fromkeys(("matmul", "matrix_product"), lambda x, y: Tex(rf"{x.at(POWER)}\,{y.at(POWER)}", PRODUCT)),
    **dict.fromkeys(("T", "_swap"), lambda x: Tex(rf"{x.at(ATOM)}^{{\top}}", POWER)),
    "exp": lambda x: Tex("e") ** x,
    "expm1": lambda x: Tex("e") ** x - 1,
    "log": function(r"\ln"),
    "log1p": lambda x: function(r"\ln")(1 + x),
    "sqrt": lambda x: Tex(rf"\sqrt{{{x.text}}}"),
    "sigmoid": function(r"\sigma"),
    "sign": function(r"\mathrm{sgn}"),
    "abs": lambda x: Tex(rf"\left\vert {x.text} \right\vert"),
    "maximum": function(r"\max"),
    "minimum": function(r"\min"),
    "keep": lambda x, mask: x * holds(mask),
    "where": lambda condition, x, y: holds(condition) * x + fails(condition) * y,
    "sum": lambda x, dim=None, **k: Tex(along(r"\sum", dim) + " " + x.at(PRODUCT, False), PREFIX),
    "back": lambda y, shape, dim: function(along(r"\mathrm{back}", dim))(y),
    "getitem": lambda x, index: x[index],
    "along": lambda x, dim, index: Tex(along(rf"{x.at(ATOM)}[{index.text}]", dim)),
    "_shown": lambda g, hook: function(hook.text)(g),
    "argsort": lambda order: order**-1,
    "follow": function(r"\mathrm{follow}"),
}


def word(name: str) -> Callable[..., Tex]:
    """What a function of that name makes of formulas."""
    if name in WORDS:
        return lambda *args, **options: WORDS[name](*map(argument, args), **options)
    if name in registry:
        return functools.partial(called, registry[name])
    raise Unwritten(name)


def called(op: Op, *args: Any, **options: Any) -> Tex:
    """The op's name, upright, and what it is given."""
    given = dict(zip((*op.arguments, *op.options), args, strict=False)) | options
    given = {name: argument(value) for name, value in given.items() if value is not LEFT_OUT}
    return function(along(symbol(op.name).text, given.pop("dim", None)))(*given.values())


class Library:
    """NumPy and its kin: what they have are words."""

    pi = Tex(r"\pi")

    def __getattr__(self, name: str) -> Any:
        return word(name)


def symbolic(f: FunctionType) -> Callable[..., Any]:
    """The same code, in which functions and libraries are words."""

    def translated(name: str, value: Any) -> Any:
        if name in WORDS or isinstance(getattr(value, "op", None), Op):
            return word(name)
        if isinstance(value, FunctionType):
            return lambda *args, **options: symbolic(value)(*args, **options)
        return Library() if isinstance(value, ModuleType) else value

    names = {name: translated(name, value) for name, value in (WORDS | f.__globals__).items()}
    spoken = FunctionType(f.__code__, names, f.__name__, f.__defaults__, f.__closure__)
    spoken.__kwdefaults__ = f.__kwdefaults__
    return spoken


def derivative(op: Op, argument: str) -> Tex:
    """The rule for an argument, run on symbols."""
    rule = op.rules[argument]
    shape = Tex(rf"\mathrm{{shape}}({argument})")
    given = [shape if name == "shape" else symbol(name) for name in rule.names]
    f = word(rule.function.__name__) if rule.function.__name__ in WORDS else symbolic(rule.function)
    return f(Tex(r"\bar z"), *given, **dict.fromkeys(rule.rest, LEFT_OUT))


def value(op: Op) -> str:
    """An op's own expression where it is one and says more than a name, else what its docstring says first."""
    if op.forward.__code__.co_nlocals == 1 + len(op.arguments) + len(op.options):
        with contextlib.suppress(TypeError):
            options = {name: symbol(name) for name in op.options}
            z = symbolic(op.forward)(Library(), *map(symbol, op.arguments), **options)
            if z.text != "x" and not z.text.startswith(symbol(op.name).text):
                return f"$`{z.at(SUM)}`$"
    return sentences(op.forward)[0]


def gradients(op: Op) -> str:
    """One formula for each rule."""
    bars = {name: r"\bar x_i" if op.variadic else rf"\bar {symbol(name).text}" for name in op.rules}
    return "<br>".join(f"$`{bar} = {derivative(op, name).at(SUM)}`$" for name, bar in bars.items()) or "none"


# --- the page ---------------------------------------------------------------------------------------------------------


def sentences(f: Any) -> list[str]:
    """What the docstring says."""
    return re.split(r"(?<=\.)\s(?=[A-Z])", " ".join(inspect.getdoc(f).split()).replace("|", r"\|"))


def oracle(name: str) -> str:
    """The library function that is the op's oracle, or that the oracle applies."""
    f = SPECS[name].oracle
    for g in (f, *[cell.cell_contents for cell in getattr(f, "__closure__", None) or ()]):
        for library in (np, scipy.special, math):
            if getattr(library, getattr(g, "__name__", ""), None) is g:
                return f"`{library.__name__}.{g.__name__}`"
    return "".join(f"`{found}`" for found in re.findall(r"scipy\.\w+\.\w+", inspect.getsource(f))[:1])


def page() -> str:
    """The page, in Markdown."""
    tables: dict[str, str] = {}
    for name, op in (registry | composites).items():
        f = op.forward if isinstance(op, Op) else op.reference
        z, bars = (value(op), gradients(op)) if isinstance(op, Op) else (sentences(f)[0], "those of its ops")
        cells = [
            f"`{name}({', '.join((*op.arguments, *op.options))})`",
            " ".join([z, *[cited for cited in sentences(f)[1:] if re.search(r"\(\d{4}\)", cited)]]),
            bars,
            *[" ".join(MARKS[which] for which in oracles(name)[order]) for order in (1, 2)],
            oracle(name),
        ]
        tables[f.__module__] = tables.get(f.__module__, TABLE) + f"| {' | '.join(cells)} |\n"
    text = INTRODUCTION % (len(registry), sum(len(op.rules) for op in registry.values()))
    for module, table in tables.items():
        file = os.path.relpath(sys.modules[module].__file__, PAGE.parent)
        text += f"\n## [{module}]({file})\n\n{inspect.getdoc(sys.modules[module])}\n\n{table}"
    return text


def main(arguments: list[str]) -> int:
    """Write the page; with ``--check`` compare it instead, and print the beginning of what differs."""
    if "--check" not in arguments:
        return PAGE.write_text(page(), encoding="utf-8") * 0
    old, new = PAGE.read_text(encoding="utf-8").splitlines(), page().splitlines()
    diff = list(difflib.unified_diff(old, new, str(PAGE), "the rules", n=0, lineterm=""))
    print(*diff[:20], sep="\n")
    return bool(diff)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
