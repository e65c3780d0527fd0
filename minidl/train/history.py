"""What a training has come to, epoch by epoch: as numbers, as a table, as a file and as a picture."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from typing import Any

from minidl.backend.extras import extra


class History(Mapping[str, list[Any]]):
    """The numbers of each epoch by name: ``history["val_loss"]`` is a list (``keras.callbacks.History``).

    A name that is not measured in every epoch has a shorter list. ``print(history)`` shows a table.

    Attributes
    ----------
    epoch : list of int
        The epochs, from 0.
    rows : list of dict
        What was measured in each of them, by name.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.rows: list[dict[str, Any]] = []

    def append(self, epoch: int, row: dict[str, Any]) -> None:
        """Add an epoch."""
        self.epoch.append(epoch)
        self.rows.append(row)

    @property
    def history(self) -> dict[str, list[Any]]:
        """All of them as a plain dict."""
        return dict(self)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for row in self.rows for name in row))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __getitem__(self, name: str) -> list[Any]:
        found = [row[name] for row in self.rows if name in row]
        if not found:
            raise KeyError(name)
        return found

    def __str__(self) -> str:
        names = list(self)
        lines = [["epoch", *names]]
        for epoch, row in zip(self.epoch, self.rows, strict=True):
            lines.append([str(epoch + 1), *[shown(row.get(name, "")) for name in names]])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(f"{cell:>{w}}" for cell, w in zip(line, widths, strict=True)) for line in lines)

    def to_csv(self, path: str | os.PathLike[str], separator: str = ",") -> None:
        """Write a line for each epoch, under the names; what was not measured stays empty."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["epoch", *self], delimiter=separator)
            writer.writeheader()
            writer.writerows({"epoch": epoch, **row} for epoch, row in zip(self.epoch, self.rows, strict=True))

    def plot(self) -> Any:
        """A matplotlib Figure: each number over the epochs, what is measured in validation beside it.

        Raises
        ------
        ImportError
            If matplotlib is not installed, with the command that installs it.
        ValueError
            If there is no epoch to draw.
        """
        names = [name for name in self if not name.startswith("val_") and all(map(is_number, self[name]))]
        if not names:
            raise ValueError("plot: this history has no numbers; train for an epoch first")
        pyplot = extra("matplotlib.pyplot", "train", "History.plot")
        figure, grid = pyplot.subplots(
            1, len(names), figsize=(4.5 * len(names), 3.5), squeeze=False, layout="constrained"
        )
        for axes, name in zip(grid.flat, names, strict=True):
            for label, style in (name, "-"), (f"val_{name}", "--"):
                if label in self:
                    points = [(e + 1, row[label]) for e, row in zip(self.epoch, self.rows, strict=True) if label in row]
                    axes.plot(*zip(*points, strict=True), style, marker="o", markersize=3, label=label)
            axes.set(xlabel="epoch", ylabel=name)
            axes.xaxis.get_major_locator().set_params(integer=True)
            if len(axes.lines) > 1:
                axes.legend()
            if axes.dataLim.y0 == axes.dataLim.y1 > 0:  # a constant, as rates often are: not magnified
                axes.set_ylim(0)
        return figure

    def state_dict(self) -> dict[str, Any]:
        """Its epochs and their numbers."""
        return {"epoch": list(self.epoch), "rows": [dict(row) for row in self.rows]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the epochs of a `state_dict`."""
        self.epoch, self.rows = list(state_dict["epoch"]), [dict(row) for row in state_dict["rows"]]


def is_number(value: Any) -> bool:
    """Whether it is one number, rather than one for each class."""
    return isinstance(value, (int, float))


def shown(value: Any) -> str:
    """A number in a table."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
