"""What has come of trials: as numbers, as a table, as a file and as a picture."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from minidl.backend.extras import extra
from minidl.files import PathLike

COLUMNS = frozenset({"trial", "budget", "score", "seconds", "error"})  # beside the hyperparameters


@dataclass(frozen=True)
class Outcome:
    """What has come of a trial; where it failed, its score is NaN and `error` says why."""

    number: int
    params: dict[str, Any]
    budget: int | None
    score: float
    seconds: float
    error: str | None = None


class Results(Sequence[Outcome]):
    """The outcomes of a search, in the order of the trials; ``print(results)`` shows them, the best first.

    Attributes
    ----------
    mode : {"min", "max"}
        Whether low scores are good, or high ones.
    stages : list of Outcome
        Where trials were given more by and by: what had come of each whenever it was.
    """

    def __init__(self, outcomes: Sequence[Outcome], mode: str, stages: Sequence[Outcome] = ()) -> None:
        self.outcomes, self.mode, self.stages = list(outcomes), mode, list(stages)

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, index: Any) -> Any:
        return self.outcomes[index]

    @property
    def ranked(self) -> list[Outcome]:
        """From the best to the worst: those with the largest budget first, those without a score last."""
        sign = 1 if self.mode == "min" else -1
        return sorted(self.outcomes, key=lambda o: (math.isnan(o.score), -(o.budget or 0), sign * o.score, o.number))

    @property
    def best(self) -> Outcome:
        """The best; ValueError, with the first error, if no trial has a score."""
        if math.isnan(self.ranked[0].score):
            errors = [outcome.error for outcome in self.outcomes if outcome.error]
            raise ValueError(f"search: no trial has a score; the first says: {errors[0] if errors else 'NaN'}")
        return self.ranked[0]

    def rows(self) -> Iterator[dict[str, Any]]:
        """The numbers of each trial by name, the best first."""
        for outcome in self.ranked:
            budget = {} if outcome.budget is None else {"budget": outcome.budget}
            numbers = {"score": outcome.score, "seconds": outcome.seconds, "error": outcome.error or ""}
            yield {"trial": outcome.number, **outcome.params, **budget, **numbers}

    def __str__(self) -> str:
        rows = list(self.rows())
        names = [name for name in rows[0] if name != "error" or any(row["error"] for row in rows)]
        lines = [names, *[[shown(row[name]) for name in names] for row in rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def to_csv(self, path: PathLike) -> None:
        """Write a line for each trial, the best first."""
        rows = list(self.rows())
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def plot(self) -> Any:
        """A matplotlib Figure: the score over each hyperparameter, the best trial apart.

        Where trials were given more by and by, their scores over that come first, up to where each was dropped.

        Raises
        ------
        ImportError
            If matplotlib is not installed, with the command that installs it.
        ValueError
            If no trial has a score.
        """
        best, names = self.best, list(self.best.params)
        scored = [outcome for outcome in self.outcomes if not math.isnan(outcome.score)]
        pyplot = extra("matplotlib.pyplot", "train", "Results.plot")
        count = len(names) + bool(self.stages)
        figure, grid = pyplot.subplots(
            1, count, figsize=(3.5 * count, 3.2), squeeze=False, sharey=True, layout="constrained"
        )
        if self.stages:
            self._draw_stages(grid.flat[0])
        for axes, name in zip(grid.flat[-len(names) :], names, strict=True):
            values = [outcome.params[name] for outcome in scored]
            numeric = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
            places = values if numeric else [str(value) for value in values]
            axes.scatter(places, [outcome.score for outcome in scored], s=18, alpha=0.6)
            axes.scatter([places[scored.index(best)]], [best.score], s=60, marker="*", color="tab:red", label="best")
            if numeric and min(values) > 0 and max(values) >= 20 * min(values):
                axes.set_xscale("log")
            axes.set(xlabel=name)
        grid.flat[0].set(ylabel="score")
        grid.flat[-1].legend()
        return figure

    def _draw_stages(self, axes: Any) -> None:
        for outcome in [*self.ranked[1:], self.best]:
            line = [(stage.budget, stage.score) for stage in self.stages if stage.number == outcome.number]
            best = {"color": "tab:red", "zorder": 3} if outcome is self.best else {"color": "tab:blue", "alpha": 0.4}
            axes.plot(*zip(*line, strict=True), marker="o", markersize=3, **best)
        axes.set(xlabel="budget")


def shown(value: Any) -> str:
    """A number in a table."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
