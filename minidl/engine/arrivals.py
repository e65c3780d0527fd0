"""Gradients that somebody takes over as soon as they are whole, while the walk goes on behind them.

A leaf's gradient is whole when the oldest node that read the leaf has sent its part: the walk goes from the newest on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from minidl.engine.core import Node, Tensor, Ties, origin
from minidl.engine.hooks import hooked


class Receiver(Protocol):
    """What takes the gradients of some leaves in the place of their ``.grad``, in backward."""

    def begun(self, readers: dict[Tensor, list[Node]], partly: bool) -> bool:
        """A walk begins that comes to these leaves, by the nodes that read them; whether their gradients are taken.

        `partly`: ``inputs`` of backward may leave some out.
        """

    def arrived(self, leaf: Tensor, g: Any) -> None:
        """The gradient of a leaf is whole: an array, or a Tensor under ``create_graph``."""

    def finished(self) -> None:
        """The walk has come to its end; gradients that have not arrived by now do not exist."""

    def failed(self) -> None:
        """The walk, or its end, has come to an error; it hands over nothing more."""


class Receiving:
    """Whether any leaf of this process has had a receiver: without, no graph is searched for them."""

    ever = False


def receive(leaf: Tensor, receiver: Receiver | None) -> None:
    """Let a receiver take the gradient of a leaf from now on, or nobody."""
    if leaf.ties is None:
        leaf.ties = Ties()
    leaf.ties.receiver = receiver
    Receiving.ever = True


def receiver_of(leaf: Tensor) -> Receiver | None:
    """Who takes the gradient of a leaf."""
    return None if leaf.ties is None else leaf.ties.receiver


class Arrivals:
    """The leaves with receivers of one walk, each at the node that is the last to send it something."""

    def __init__(self, outputs: Sequence[Tensor], wanted: set[Any] | None) -> None:
        readers: dict[Receiver, dict[Tensor, list[Node]]] = {}
        stack = [place for place in map(origin, outputs) if isinstance(place, Node)]
        seen = set(stack)
        while stack:
            node = stack.pop()
            for _, parent in node.edges:
                if isinstance(parent, Node):
                    if parent not in seen:
                        seen.add(parent)
                        stack.append(parent)
                elif (receiver := receiver_of(parent)) is not None and (wanted is None or parent in wanted):
                    readers.setdefault(receiver, {}).setdefault(parent, []).append(node)
        self.receivers = [taker for taker, leaves in readers.items() if taker.begun(leaves, wanted is not None)]
        self.whole: dict[Node, list[Tensor]] = {}
        for receiver in self.receivers:
            for leaf, nodes in readers[receiver].items():
                self.whole.setdefault(min(nodes, key=lambda node: node.serial), []).append(leaf)

    def after(self, node: Node, grads: dict[Any, Any]) -> None:
        """Hand over the gradients that are whole now that a node has sent its part."""
        for leaf in self.whole.pop(node, ()):
            self.give(leaf, grads.pop(leaf))

    def give(self, leaf: Tensor, g: Any) -> None:
        """Hand a gradient over, as the leaf's hooks leave it."""
        ties: Any = leaf.ties
        ties.receiver.arrived(leaf, hooked(ties.hooks, g) if ties.hooks else g)

    def finish(self) -> None:
        """Tell those who receive something that this was all."""
        for receiver in self.receivers:
            receiver.finished()

    def fail(self) -> None:
        """Tell them that no more comes of this walk."""
        for receiver in self.receivers:
            receiver.failed()
