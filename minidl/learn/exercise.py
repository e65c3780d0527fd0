"""Exercises: what a learner shall write, and what it is held to.

An exercise is declared beside its lesson, in ``lessons/exercises/``, with a solution, what to try it on, what must come
out by a computation of another kind, and *wrong versions*: misconceptions, each with its name. What a learner wrote is
tried on the same calls; where it fails as a wrong version does, that name is the diagnosis.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class Call(NamedTuple):
    """Arguments to try something with."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Exercise:
    """One thing to write.

    Parameters
    ----------
    number : str
        The lesson and its place there: "05.1".
    title : str
    minutes : int
        How long it takes.
    difficulty : int
        1, 2 or 3.
    purpose : str
        What it is for.
    hints : three str
        Each says more than the one before.
    forbidden : sequence of str
        Names that a solution must do without, since they are what is to be written.
    rtol, atol : float
        How near values must come to what is expected.
    """

    def __init__(
        self,
        number: str,
        title: str,
        *,
        minutes: int,
        difficulty: int,
        purpose: str,
        hints: Sequence[str],
        forbidden: Sequence[str] = (),
        rtol: float = 1e-6,
        atol: float = 1e-8,
    ) -> None:
        if len(hints) != 3 or difficulty not in (1, 2, 3):
            raise ValueError(f"Exercise {number}: wants three hints, and a difficulty of 1, 2 or 3")
        self.number, self.title, self.minutes, self.difficulty = number, title, minutes, difficulty
        self.purpose, self.hints, self.forbidden = purpose, tuple(hints), tuple(forbidden)
        self.rtol, self.atol = rtol, atol
        self.wrongs: dict[str, Any] = {}

    def solution(self, answer: Any) -> Any:
        """Declare the function or class that solves it."""
        self.answer = answer
        return answer

    def calls(self, generate: Callable[[], Iterator[Call]]) -> Callable[[], Iterator[Call]]:
        """Declare what it is tried on: a generator of what `call` makes, the plainest first."""
        self.generate = generate
        return generate

    def expected(self, oracle: Callable[..., Any]) -> Callable[..., Any]:
        """Declare what must come out, given a call's arguments; it shares no code with the solution."""
        self.oracle = oracle
        return oracle

    def wrong(self, name: str) -> Callable[[Any], Any]:
        """Declare a version with a misconception; its name completes «That is what comes out if»."""

        def declare(version: Any) -> Any:
            self.wrongs[name] = version
            return version

        return declare

    def using(self, candidate: Any, *arguments: Any, **options: Any) -> Any:
        """What is looked at: by default what a call of the candidate returns. `through` declares another way."""
        return candidate(*arguments, **options)

    def through(self, using: Callable[..., Any]) -> Callable[..., Any]:
        """Declare ``using(candidate, *arguments)``, for what is more than a function, such as a class."""
        self.using = using  # type: ignore[method-assign]
        return using

    @property
    def source(self) -> str:
        """The solution, as it is written out for the learner."""
        text = textwrap.dedent(inspect.getsource(self.answer))
        return re.sub(r"^@.*\n", "", text).strip("\n")


def call(*arguments: Any, **options: Any) -> Call:
    """A call of what a learner wrote."""
    return Call(arguments, options)
