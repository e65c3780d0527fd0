"""What a row of the table of arguments is, the calls that it stands for, and what comes of them.

A row names a callable and the arguments of a plain call; then, for each argument that has a default, values off it:

    row("functional.conv2d", input=X, weight=W)(bias=B, stride=2, padding=each(1, "same"), groups=given(2, weight=V))

Arrays become tensors, in float64 with gradients; ``of("float64")`` is what the library has under that name.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minidl as md

ROWS: list[Row] = []
TRANSFORMS = ("data.transforms", "data.transforms.functional")
SCHEDULES = ("optim.lr_scheduler", "optim.swa_utils")
SPACES = (
    "", "functional", "nn", "nn.init", "nn.utils", "nn.regularizers", "models", "interpret", *SCHEDULES, "Tensor",
    "nn.Module", *TRANSFORMS,
)  # fmt: skip
# those that hold other modules' names too
OWN = ("nn.init", "nn.utils", "nn.regularizers", "models", "interpret", *SCHEDULES)
METHODS = ("Tensor.", "nn.Module.")
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
QUANTILES = (0.02, 0.1, 0.35, 0.65, 0.9, 0.98)
DIGITS = {"statistics": 0.05, "float64": 1e-7, "float32": 2e-5, "float16": 2e-3}


class each(tuple):
    """Several values of one argument."""

    def __new__(cls, *values: Any) -> each:
        return super().__new__(cls, values)


@dataclass
class given:
    """A value that makes sense beside others alone."""

    value: Any
    others: dict[str, Any]

    def __init__(self, value: Any, /, **others: Any) -> None:
        self.value, self.others = value, others


class refused(given):
    """A value that both libraries refuse."""


@dataclass
class of:
    """What `find` makes of the library, or what the library has under that name."""

    find: Callable[[Any], Any] | str

    def __call__(self, m: Any) -> Any:
        return operator.attrgetter(self.find)(m) if isinstance(self.find, str) else self.find(m)

    def __repr__(self) -> str:
        return self.find if isinstance(self.find, str) else "…"


@dataclass
class fixed:
    """An array of which no gradient is taken."""

    array: np.ndarray

    def __repr__(self) -> str:
        return "fixed"


@dataclass(frozen=True)
class Part:
    """What the `run` of a row puts into the call, by name."""

    name: str

    def __repr__(self) -> str:
        return self.name


def put(parts: dict[str, Any], args: list[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Arguments with each `Part` replaced."""

    def found(value: Any) -> Any:
        return parts[value.name] if isinstance(value, Part) else value

    return list(map(found, args)), {name: found(value) for name, value in options.items()}


@dataclass
class Row:
    """A callable and its plain call. `inputs` are what a layer is called on, `run` is how else to get results.

    ``theirs(m, …)`` is what stands for it in PyTorch, which is `m`, where that has no such name.
    """

    name: str
    base: dict[str, Any]
    inputs: tuple[Any, ...] = ()
    run: Callable[..., Any] | None = None
    theirs: Callable[..., Any] | None = None
    variations: dict[str, Any] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        before = sum(row.name == self.name for row in ROWS)
        self.label = f"{self.name} ({before + 1})" if before else self.name
        ROWS.append(self)

    def __call__(self, **variations: Any) -> None:
        self.variations = variations

    def found(self, m: Any) -> Callable[..., Any]:
        """The callable in a library."""
        if m is md or not self.theirs:
            return operator.attrgetter(self.name)(m)
        return functools.partial(self.theirs, m)


def row(
    name: str, run: Callable[..., Any] | None = None, theirs: Callable[..., Any] | None = None, /, **base: Any
) -> Row:
    """A row of a function that is given `base`."""
    return Row(name, base, run=run, theirs=theirs)


def layer(name: str, /, *inputs: Any, **base: Any) -> Row:
    """A row of a layer that is made with `base`, and called on `inputs`."""
    return Row(name, base, inputs, run=through_layer)


@dataclass
class Call:
    """One call: the row's plain one, or one with an argument at a value off its default."""

    row: Row
    argument: str = ""
    value: Any = None
    others: dict[str, Any] = field(default_factory=dict)
    refused: bool = False

    @property
    def key(self) -> str:
        """What it is called in the records."""
        said = [f"{name}={shown(value)}" for name, value in {self.argument: self.value, **self.others}.items() if name]
        return " ".join([self.row.label, *said])

    @property
    def plain(self) -> Call:
        """The same without its argument."""
        return Call(self.row, others=self.others)

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments by name."""
        return self.row.base | self.others | ({self.argument: self.value} if self.argument else {})


def shown(value: Any) -> str:
    """A value in short."""
    if isinstance(value, fixed):
        value = value.array
    return "×".join(map(str, value.shape)) or "number" if isinstance(value, np.ndarray) else repr(value)


def calls(rows: list[Row]) -> Iterator[Call]:
    """All calls of rows."""
    for each_row in rows:
        yield Call(each_row)
        for argument, values in each_row.variations.items():
            for value in values if isinstance(values, each) else (values,):
                value = value if isinstance(value, given) else given(value)
                yield Call(each_row, argument, value.value, value.others, isinstance(value, refused))


# --- values -----------------------------------------------------------------------------------------------------------


def wave(*shape: int, phase: float = 0.0) -> np.ndarray:
    """Numbers in [−1, 1] that look random, and are the same wherever they are computed."""
    return np.sin(0.7 * np.arange(np.prod(shape, dtype=int)) ** 2 + 0.3 + phase).reshape(shape)


def separate(*shape: int) -> np.ndarray:
    """Numbers that are 0.25 apart and in no order, for maxima; none is 0."""
    size = int(np.prod(shape))
    return (0.25 * ((np.arange(size) * 7) % size - size // 2) + 0.1).reshape(shape)


def converted(m: Any, value: Any, leaves: list[Any]) -> Any:
    """A value of the table as the library takes it; tensors that have a gradient go into `leaves`."""
    if isinstance(value, of):
        return value(m)
    if isinstance(value, fixed):
        return m.tensor(value.array)
    if isinstance(value, np.ndarray):
        if value.dtype.kind != "f":
            return m.tensor(value)
        leaves.append(m.tensor(value, requires_grad=True))
        return leaves[-1] * 1  # which may be written in place
    if type(value) in (list, tuple):
        return type(value)([converted(m, v, leaves) for v in value])
    return value


# --- calling ----------------------------------------------------------------------------------------------------------


@functools.cache
def parameters(name: str) -> dict[str, inspect.Parameter]:
    """The parameters of a public callable, by name; of a method, those after the object."""
    every = list(inspect.signature(operator.attrgetter(name)(md)).parameters.items())
    return dict(every[name.startswith(METHODS) :])


def unannotated(parameter: inspect.Parameter) -> str:
    """A parameter's name, and its default."""
    return str(parameter.replace(annotation=parameter.empty))


def arranged(name: str, values: dict[str, Any], by_position: bool) -> tuple[list[Any], dict[str, Any]]:
    """Arguments as they are written in a call; by position, defaults are written out before the last one."""
    declared, rest = parameters(name), dict(values)
    args = [rest.pop("self")] if "self" in rest else []
    for parameter in declared.values():
        if parameter.kind is parameter.VAR_POSITIONAL and parameter.name in rest:
            before = [p.name for p in declared.values() if p.kind is p.POSITIONAL_OR_KEYWORD and p.name in rest]
            args += [rest.pop(name) for name in before]
            args += rest.pop(parameter.name)
            by_position = False
    if by_position:
        positions = [p for p in declared.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        last = max((i for i, p in enumerate(positions) if p.name in rest), default=-1)
        args += [rest.pop(p.name, p.default) for p in positions[: last + 1]]
    return args, rest


def results(m: Any, call: Call, by_position: bool = False) -> list[Any]:
    """What a call gives: values, then gradients, then what has become of its arguments."""
    leaves: list[Any] = []
    values = {name: converted(m, value, leaves) for name, value in call.arguments.items()}
    before = {name: value.detach() * 1 for name, value in values.items() if hasattr(value, "detach")}
    args, options = arranged(call.row.name, values, by_position)
    found = call.row.found(m)
    outcome = call.row.run(m, call.row, found, args, options) if call.row.run else found(*args, **options)
    out = list(flat(outcome))
    if call.row.run:
        return [*out, *gradients(m, out, leaves)]
    written = [v for name, v in values.items() if name in before and summary(v.detach()) != summary(before[name])]
    return [*out, *gradients(m, out, leaves), *written]


def flat(value: Any) -> Iterator[Any]:
    """The tensors and numbers in a result."""
    if isinstance(value, dict):
        yield from flat(list(value.items()))
    elif isinstance(value, (tuple, list)) or hasattr(value, "__next__"):
        for each_value in value:
            yield from flat(each_value)
    else:
        yield value


def gradients(m: Any, out: list[Any], leaves: list[Any]) -> list[Any]:
    """Of the sum of all that was computed, weighted."""
    computed = [z for z in out if getattr(z, "requires_grad", False)]
    if not computed or not leaves:
        return []
    weights = [m.tensor(wave(*z.shape, phase=1.0)).to(z.dtype) for z in computed]
    total = functools.reduce(
        operator.add, [(z * w).sum().to(m.float64) for z, w in zip(computed, weights, strict=True)]
    )
    got = m.grad(total, leaves, allow_unused=True)
    return [g for g in got if g is not None]


MISTAKES = (ValueError, TypeError, RuntimeError, IndexError)


def summaries(m: Any, call: Call, by_position: bool = False) -> list[list[Any]]:
    """What a call gives, in short, or that it is refused."""
    if not call.refused:
        return [summary(value) for value in results(m, call, by_position)]
    try:
        results(m, call, by_position)
    except MISTAKES:
        return [["refused"]]
    return [["not refused"]]


def through_layer(m: Any, row: Row, make: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> list[Any]:
    """A layer's first values where they are no random ones; what it gives in training and evaluation; its state."""
    made = make(*args, **options)
    dtypes = [str(value.dtype).removeprefix("torch.") for value in made.state_dict().values()]
    made = made.to(m.float64)
    first = [value * 1 for value in made.state_dict().values() if len(np.unique(value.numpy())) == 1]
    filled(m, made)
    leaves: list[Any] = list(made.parameters())
    inputs = [converted(m, value, leaves) for value in row.inputs]
    trained = list(flat(made(*inputs)))
    pulled = gradients(m, trained, leaves)
    evaluated = made.eval()(*[converted(m, value, []) for value in row.inputs])
    return [*dtypes, *first, *trained, *pulled, *made.state_dict().values(), *flat(evaluated)]


def filled(m: Any, made: Any) -> Any:
    """A network with known numbers for its parameters and statistics; positive, as variances are."""
    for i, value in enumerate(made.state_dict().values()):
        if value.dtype in (m.float32, m.float64):
            scale = len(value[0].reshape(-1)) if value.ndim > 1 else 1
            value.copy_(m.tensor((abs(wave(*value.shape, phase=i)) + 0.1) / scale))
    return made


# --- what is compared -------------------------------------------------------------------------------------------------


@dataclass
class Statistics:
    """Numbers that were drawn, of which the distribution alone is known."""

    array: np.ndarray

    def numbers(self) -> list[float]:
        """The logarithm of the standard deviation σ, then the mean and some quantiles, over σ."""
        deviation = self.array.std()
        return [math.log(deviation), *(np.array([self.array.mean(), *np.quantile(self.array, QUANTILES)]) / deviation)]


def summary(value: Any) -> list[Any]:
    """What a result is known again by: a tensor's dtype, shape and elements, or, of many, some weighted sums."""
    if isinstance(value, Statistics):
        return ["statistics", list(value.array.shape), [float(x) for x in value.numbers()]]
    if not hasattr(value, "detach"):
        return [value if isinstance(value, (int, float, str)) else str(value)]
    array = value.detach().numpy()
    dtype, shape = str(array.dtype), list(array.shape)
    numbers = np.nan_to_num(array.astype(np.float64), nan=7001, posinf=9001, neginf=-9001).ravel()
    if numbers.size > 4:
        numbers = np.array([wave(numbers.size, phase=phase) @ numbers for phase in (2.0, 3.0)])
    return [dtype + " grad" * value.requires_grad, shape, [float(f"{x:.12g}") for x in numbers]]


def alike(got: list[Any], want: list[Any]) -> bool:
    """Whether two summaries are of the same result, up to rounding."""
    if len(got) != len(want) or len(got) == 1:
        return got == want
    if got[:2] != want[:2]:
        return False
    tolerance = DIGITS.get(got[0].partition(" ")[0], 0)
    return all(abs(a - b) <= tolerance * max(1, abs(b)) for a, b in zip(got[2], want[2], strict=True))


# --- what is to be there ----------------------------------------------------------------------------------------------


def public() -> dict[str, Any]:
    """All public callables by dotted name."""
    found: dict[str, Any] = {}
    for path in SPACES:
        space = operator.attrgetter(path)(md) if path else md
        names = dir(space) if inspect.isclass(space) else vars(space)
        for name in names:
            value = inspect.getattr_static(space, name)
            home = getattr(value, "__module__", None) or ""
            if name.startswith("_") or not callable(value) or not home.startswith("minidl"):
                continue
            if path in OWN and not home.startswith(space.__name__):
                continue
            found[f"{path}.{name}" if path else name] = value
    return found


def gaps(elsewhere: Container[str]) -> Iterator[str]:
    """The public callables that have no row, and the arguments that no row varies."""
    rows: dict[int, list[Row]] = {}
    for each_row in ROWS:
        rows.setdefault(id(operator.attrgetter(each_row.name)(md)), []).append(each_row)
    for name, value in public().items():
        if name in elsewhere:
            continue
        held = rows.get(id(value), [])
        if not held:
            yield f"{name} has no row"
            continue
        for parameter in parameters(name).values():
            needed = parameter.default is parameter.empty
            given_once = parameter.kind in VARIADIC or any(parameter.name in r.base for r in held)
            several = len({repr(r.base.get(parameter.name)) for r in held}) > 1
            varied = several or any(parameter.name in r.variations for r in held) or (needed and given_once)
            if not varied and f"*.{parameter.name}" not in elsewhere and f"{name}.{parameter.name}" not in elsewhere:
                yield f"{name}: nothing varies {parameter.name}"
