"""Tables made to numbers that a network learns from, by statistics of the rows that it learns from alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.backend.modes import require_flag
from minidl.data.dataset import TensorDataset
from minidl.data.table import Table, is_missing
from minidl.engine.core import Tensor

FILLS = ("mean", "median", "drop")


@dataclass
class Scale:
    """What a column of numbers is filled and standardised with."""

    fill: float
    mean: float
    std: float


class TableEncoder:
    """What a table is made to: `fit` on the rows to learn from, applied to any others.

    Columns of numbers are filled where something is missing, and standardised. A column of texts becomes one column
    for each text that was fitted, 1 where it stands and 0 elsewhere; what is missing, or was not fitted, is 0 in all.

        train, test = table[:800], table[800:]
        encoder = TableEncoder(target="price", standardize_target=True).fit(train)
        loader = DataLoader(encoder.transform(train), 32, shuffle=True)
        …
        prices = encoder.inverse_target(network(x))

    Parameters
    ----------
    target : str, optional
        The column to predict. Texts become the numbers of their classes, int64 (N,); numbers float32 (N, 1), or with
        `classify` the numbers of their classes as well.
    fill : {"mean", "median", "drop"} or number
        What stands in for a missing number; "drop" leaves out the rows where any column but the target misses one.
    standardize : bool, default True
        Whether numbers get mean 0 and standard deviation 1; those of a constant column become 0.
    standardize_target : bool, default False
        Whether a target of numbers does; `inverse_target` undoes it.
    classify : bool, default False
        Whether numbers in the target are names of classes.

    Attributes
    ----------
    features : list of str
        What each input is: a column, or ``"column=text"``.
    scales : dict
        For each column of numbers what stands in for a missing one, the mean and the standard deviation.
    classes : list
        The target's classes, sorted; empty where it is a number.

    Raises
    ------
    ValueError, TypeError
        For options of another type.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        fill: str | float = "mean",
        standardize: bool = True,
        standardize_target: bool = False,
        classify: bool = False,
    ) -> None:
        if isinstance(fill, bool) or not (fill in FILLS if isinstance(fill, str) else isinstance(fill, (int, float))):
            raise ValueError(f"TableEncoder: fill must be one of {', '.join(FILLS)}, or a number, got {fill!r}")
        self.target, self.fill = target, fill
        self.standardize = require_flag("TableEncoder", "standardize", standardize)
        self.standardize_target = require_flag("TableEncoder", "standardize_target", standardize_target)
        self.classify = require_flag("TableEncoder", "classify", classify)
        if classify and standardize_target:
            raise ValueError("TableEncoder: classify excludes standardize_target; classes have no mean")
        self.inputs: list[str] = []
        self.scales: dict[str, Scale] = {}
        self.texts: dict[str, list[str]] = {}
        self.classes: list[Any] = []

    @property
    def features(self) -> list[str]:
        """What each input is."""
        return [f"{name}={text}" if text else name for name in self.inputs for text in self.texts.get(name, [""])]

    def fit(self, table: Table) -> TableEncoder:
        """Learn the statistics, and return the encoder.

        Raises
        ------
        ValueError
            For a table without rows, or without the target in some; for infinite numbers; for a column of nothing.
        KeyError
            If the target is no column.
        """
        table = self._usable(table)
        self.inputs, self.scales, self.texts, self.classes = [], {}, {}, []
        for name in table.names:
            column = table[name]
            if name != self.target:
                self.inputs.append(name)
            if name == self.target and (self.classify or column.dtype == object):
                self.classes = np.unique(column).tolist()
            elif column.dtype == object:
                self.texts[name] = sorted({text for text in column if text is not None})
            else:
                self.scales[name] = self._scale(name, column)
            if name in self.texts and not self.texts[name]:
                raise ValueError(f"TableEncoder: column {name!r} holds nothing; leave it out")
        if self.standardize_target and self.classes:
            raise ValueError(f"TableEncoder: standardize_target, but {self.target!r} is of texts, which have no mean")
        return self

    def transform(self, table: Table) -> TensorDataset:
        """Inputs float32 (N, F), for the `features`, and targets, if there is one.

        Raises
        ------
        ValueError
            If nothing is fitted; for a column of another kind than it was; for what `fit` refuses; for a class that was
            not fitted.
        KeyError
            If a column is not there.
        """
        self._require_fitted()
        table = self._usable(table)
        x = [self._encoded(name, table[name]) for name in self.inputs]
        tensors = [Tensor(np.concatenate([np.empty((len(table), 0)), *x], axis=1, dtype=np.float32))]
        if self.target is not None:
            tensors.append(Tensor(self._targets(table[self.target])))
        return TensorDataset(*tensors)

    def inverse_target(self, y: Any) -> Any:
        """Predictions in the target's own terms: numbers as float64 of the same shape, or names for numbers of classes.

        Parameters
        ----------
        y : Tensor or ndarray
            Standardised, if `standardize_target`; for classes integers of any shape.

        Raises
        ------
        ValueError
            If nothing is fitted, there is no target, or a number is of no class.
        """
        self._require_fitted()
        if self.target is None:
            raise ValueError("TableEncoder: inverse_target, but there is no target")
        values = y.detach().numpy() if isinstance(y, Tensor) else np.asarray(y)
        if not self.classes:
            scale = self.scales[self.target]
            return values * scale.std + scale.mean if self.standardize_target else values.astype(np.float64)
        if values.dtype.kind not in "iu" or values.size and not 0 <= values.min() <= values.max() < len(self.classes):
            raise ValueError(f"TableEncoder: inverse_target wants integers from 0 to {len(self.classes) - 1}")
        return np.array(self.classes)[values]

    def _require_fitted(self) -> None:
        if not self.inputs and not self.scales and not self.classes:
            raise ValueError("TableEncoder: nothing is fitted yet; call fit(table) with the rows to learn from")

    def _usable(self, table: Table) -> Table:
        """The rows that count, all with a target."""
        if self.fill == "drop":
            table = table.drop_missing(name for name in table.names if name != self.target)
        if not len(table):
            raise ValueError(
                "TableEncoder: there are no rows"
                + ", once those that miss something are dropped" * (self.fill == "drop")
            )
        if self.target is not None and (count := int(is_missing(table[self.target]).sum())):
            raise ValueError(
                f"TableEncoder: the target {self.target!r} is missing in {count} rows; "
                f"table.drop_missing([{self.target!r}]) leaves them out"
            )
        return table

    def _scale(self, name: str, column: np.ndarray) -> Scale:
        """The statistics of a column of numbers."""
        present = column[~is_missing(column)].astype(np.float64)
        if not present.size:
            raise ValueError(f"TableEncoder: column {name!r} holds nothing; leave it out")
        require_finite(name, present)
        fill: Any = {"mean": np.mean, "median": np.median}.get(str(self.fill))
        value = float(between(fill(present), present)) if fill else 0.0 if self.fill == "drop" else float(self.fill)
        filled = np.where(is_missing(column), value, column)
        constant = filled.min() == filled.max()
        return Scale(value, float(between(filled.mean(), filled)), 1.0 if constant else float(filled.std()))

    def _encoded(self, name: str, column: np.ndarray) -> np.ndarray:
        """A column as inputs (N, 1), or (N, texts)."""
        require_kind(name, column, texts=name in self.texts)
        if name in self.texts:
            return np.array([[text == known for known in self.texts[name]] for text in column], np.float64)
        scale = self.scales[name]
        filled = np.where(is_missing(column), scale.fill, column)
        require_finite(name, filled)
        return ((filled - scale.mean) / scale.std if self.standardize else filled)[:, None]

    def _targets(self, column: np.ndarray) -> np.ndarray:
        """The target as numbers of classes (N,), or as numbers (N, 1)."""
        if self.classes:
            require_kind(str(self.target), column, texts=isinstance(self.classes[0], str))
            numbers = {name: number for number, name in enumerate(self.classes)}
            if unknown := set(column.tolist()) - set(numbers):
                raise ValueError(f"TableEncoder: {self.target!r} has classes that were not fitted: {sorted(unknown)}")
            return np.array([numbers[name] for name in column.tolist()], np.int64)
        require_kind(str(self.target), column, texts=False)
        require_finite(str(self.target), column)
        scale = self.scales[str(self.target)]
        y = (column - scale.mean) / scale.std if self.standardize_target else column
        return y.astype(np.float32)[:, None]


def between(value: Any, numbers: np.ndarray) -> Any:
    """A mean that rounding takes beyond the numbers that it is of, as of three 0.1, brought back to them."""
    return np.clip(value, numbers.min(), numbers.max())


def require_kind(name: str, column: np.ndarray, texts: bool) -> None:
    """Raise ValueError for a column of texts where numbers were fitted, or the other way round."""
    if (column.dtype == object) != texts:
        was, now = ("texts", "numbers") if texts else ("numbers", "texts")
        raise ValueError(f"TableEncoder: column {name!r} was of {was}, this is of {now}; read_csv(types=…) says which")


def require_finite(name: str, values: np.ndarray) -> None:
    """Raise ValueError for infinite numbers."""
    if not np.isfinite(values).all():
        raise ValueError(f"TableEncoder: column {name!r} has an infinite number")
