"""The walk back from a tensor, one op at a time: what comes in, by which rule, and what goes out."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minidl.backend import dims
from minidl.engine.core import Node, Tensor, wrap
from minidl.engine.op import alias, registry
from minidl.engine.require import require_tensors
from minidl.engine.walk import Step, step_by_step, walk
from minidl.nn.module import Module
from minidl.viz.picture import Picture, picture
from minidl.viz.sketch import sketch

FEW = 12  # elements of a gradient that are written out


class Sent(NamedTuple):
    """A gradient that an op sends to one of its arguments, by a rule, to what that argument came from."""

    argument: str
    to: str
    gradient: Tensor
    rule: str


class Stand(NamedTuple):
    """Where one stands at an op of the walk: the gradient of its result, and those of its arguments.

    `module` is the path of the module whose parameters the op reads, None where it reads none.
    """

    name: str
    meaning: str
    incoming: Tensor
    outgoing: list[Sent]
    module: str | None = None

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.meaning}", f"  comes in    {value(self.incoming)}"]
        for sent in self.outgoing:
            lines += [f"  rule        {sent.rule}", f"  to {sent.argument:<8} {value(sent.gradient)}  → {sent.to}"]
        return "\n".join(lines)

    def pictures(self) -> dict[str, Picture]:
        """The gradients that are images or filters, by what is said of them: "comes in", "to w"."""
        gradients = {"comes in": self.incoming} | {f"to {sent.argument}": sent.gradient for sent in self.outgoing}
        return {said: picture(gradient) for said, gradient in gradients.items() if pictorial(gradient)}

    def _repr_html_(self) -> str:
        shown = "".join(f"<p>{escape(said)}</p>{drawn._repr_html_()}" for said, drawn in self.pictures().items())
        return f"<pre>{escape(str(self))}</pre>{shown}"


class Backward:
    """A recorded walk: ``len``, ``walk[i]`` and a loop give the places where one may stand; ``str`` is the way.

    A notebook shows the way, each place of which opens.
    """

    def __init__(self, stands: list[Stand]) -> None:
        self.stands = stands

    def __len__(self) -> int:
        return len(self.stands)

    def __getitem__(self, index: int) -> Stand:
        return self.stands[index]

    def __iter__(self) -> Iterator[Stand]:
        return iter(self.stands)

    def __str__(self) -> str:
        lines = []
        for number, stand in enumerate(self.stands):
            ways = ", ".join(f"{sent.argument} → {sent.to}" for sent in stand.outgoing)
            lines.append(f"{number:>3}  {stand.name:<22} {dims(stand.incoming.shape):<16} {ways}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        ways = zip(str(self).splitlines(), self.stands, strict=True)
        opened = (f"<summary><code>{escape(way)}</code></summary>{stand._repr_html_()}" for way, stand in ways)
        return "".join(f"<details>{one}</details>" for one in opened)


def pictorial(gradient: Tensor) -> bool:
    """Whether it has channels of more than one row and column, as images and filters have."""
    return gradient.ndim >= 3 and min(gradient.shape[-2:]) > 1 and gradient.numel() > FEW


def backward(tensor: Tensor, gradient: Tensor | None = None, network: Module | None = None) -> Backward:
    """Walk back from a tensor, and record each op on the way; graph and ``.grad`` stay as they are.

    What a kernel did in one go is shown op by op.

    Parameters
    ----------
    tensor : Tensor
        Of one element, unless there is a `gradient`.
    gradient : Tensor, optional
        Where the walk starts from: of the tensor's shape, by default 1.
    network : Module, optional
        Whose parameters are called by their names.

    Raises
    ------
    TypeError, RuntimeError
        As ``tensor.backward(gradient)`` does.
    """
    require_tensors("viz.backward", tensor)
    named = {} if network is None else {id(p): name for name, p in network.named_parameters()}
    steps = walk((tensor,), (gradient,), {}, None, retain_graph=True, create_graph=False, unfold=True)
    return Backward([stand(step, named) for step in step_by_step(steps, create_graph=False)])


def stand(step: Step, named: dict[int, str]) -> Stand:
    """What is shown of a step of the walk."""
    op = registry[step.name]
    outgoing = []
    for (position, parent), gradient in zip(step.edges, step.outgoing, strict=True):
        argument = op.argument(position)
        function = op.rules[argument].function
        outgoing.append(Sent(argument, label(source(parent), named), wrap(gradient).clone(), rule(function, argument)))
    meaning = (op.forward.__doc__ or "").partition("\n")[0]
    read = [named[id(parent)] for _, one in step.edges if id(parent := source(one)) in named]
    module = read[0].rpartition(".")[0] if read else None
    return Stand(step.name, meaning, wrap(step.incoming).clone(), outgoing, module)


def source(parent: Node | Tensor) -> Node | Tensor:
    """What an argument came from; the alias under which a kernel's reference sees it is looked through."""
    while isinstance(parent, Node) and parent.op is alias.op:
        ((_, parent),) = parent.edges
    return parent


def label(parent: Node | Tensor, named: dict[int, str]) -> str:
    """What is said of where an argument came from."""
    return parent.op.name if isinstance(parent, Node) else named.get(id(parent), "a leaf")


def rule(function: Callable[..., Any], argument: str) -> str:
    """The source of a rule, or its name and its first words where it is a function; and where it stands."""
    code = inspect.unwrap(function).__code__
    place = f"{code.co_filename.rpartition('minidl/')[2]}:{code.co_firstlineno}"
    for node in ast.walk(parsed(code.co_filename)):
        if isinstance(node, ast.keyword) and node.arg == argument and node.value.lineno == code.co_firstlineno:
            return f"{ast.unparse(node)}  ({place})"
    said = (function.__doc__ or "").partition("\n")[0]
    return f"{argument}={function.__name__}: {said}  ({place})"


@functools.cache
def parsed(path: str) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(Path(path).read_text("utf-8"))


def value(tensor: Tensor) -> str:
    """A gradient: all of it where it is small, else a sketch."""
    if 0 < tensor.numel() <= FEW and tensor.ndim <= 1:
        return np.array2string(tensor.numpy(), precision=4, separator=", ")
    return sketch(tensor)
