"""Tables: named columns of numbers and texts, as CSV files hold them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
INTEGER = re.compile(r"[+-]?[0-9]+")
KINDS: dict[Any, str] = {int: "an integer", float: "a number", str: "a text"}


class Table:
    """Rows of named columns, each of one type.

    Columns of numbers are arrays of int64 or float64, where NaN is what is missing; columns of texts are arrays of
    objects, where None is. Integers of which some are missing are floats.

    ``table["age"]`` is a column, ``table[rows]`` a table of these rows (a slice, indices, or a mask).

    Parameters
    ----------
    columns : mapping of str to sequence (N,)

    Raises
    ------
    ValueError
        If there are none, or they differ in length.
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self.columns = {name: typed(name, column) for name, column in columns.items()}
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"Table: wants columns of one length, got {lengths}")

    @classmethod
    def read_csv(
        cls,
        path: str | os.PathLike[str],
        *,
        delimiter: str = ",",
        missing: Sequence[str] = MISSING,
        types: Mapping[str, type] | None = None,
        encoding: str = "utf-8-sig",
    ) -> Table:
        """A CSV file (RFC 4180) whose first line names the columns.

        Parameters
        ----------
        path : path
        delimiter : str, default ","
            What stands between fields, one character.
        missing : sequence of str
            The fields that stand for nothing.
        types : mapping of str to {int, float, str}, optional
            For some columns. By default those are numbers in which each field is one that isn't missing.
        encoding : str
            By default UTF-8, with a mark of byte order or without.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            For what can't be read so; it names the file, the line and the column. For options that are none.
        """
        asked = dict(types or {})
        require_options(path, delimiter, missing, asked, encoding)
        try:
            with open(path, encoding=encoding, newline="") as file:
                names, rows = fields(path, csv.reader(file, delimiter=delimiter, strict=True))
        except (csv.Error, LookupError, UnicodeError) as error:
            raise ValueError(f"{path}: not a CSV file in {encoding}: {error}") from None
        if unknown := set(asked) - set(names):
            raise ValueError(f"{path}: types of {sorted(unknown)}, but the columns are {names}")
        nothing = set(missing)
        columns = {}
        for i, name in enumerate(names):
            texts = [None if row[i].strip() in nothing else row[i].strip() for _, row in rows]
            try:
                columns[name] = column_of(texts, asked.get(name))
            except Wrong as wrong:
                line, text = rows[wrong.row][0], texts[wrong.row]
                raise ValueError(f"{path}: line {line}: {name!r} is {text!r}, expected {wrong.expected}") from None
        return cls(columns)

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return list(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return Table({name: column[key] for name, column in self.columns.items()})
        if key not in self.columns:
            raise KeyError(f"Table: no column {key!r}, there are {self.names}")
        return self.columns[key]

    def missing(self) -> dict[str, int]:
        """How many fields of each column are missing."""
        return {name: int(is_missing(column).sum()) for name, column in self.columns.items()}

    def drop_missing(self, names: Iterable[str] | None = None) -> Table:
        """The rows in which none of the named columns, by default of all, is missing."""
        gone = [is_missing(self[name]) for name in (self.columns if names is None else names)]
        return self[~np.any(gone, axis=0)] if gone else self

    def __repr__(self) -> str:
        kinds = [f"{name}: {'text' if c.dtype == object else c.dtype}" for name, c in self.columns.items()]
        return f"Table({len(self):,} rows; {', '.join(kinds)})"


class Wrong(Exception):
    """A field that is not of its column's type."""

    def __init__(self, row: int, expected: str) -> None:
        self.row, self.expected = row, expected


def require_options(path: Any, delimiter: Any, missing: Any, types: Mapping[str, Any], encoding: Any) -> None:
    """Raise ValueError, in the name of a file, for a way to read it that is none."""
    if not isinstance(encoding, str):
        raise ValueError(f"{path}: encoding must be the name of one, got {encoding!r}")
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise ValueError(f"{path}: delimiter must be one character, no quote or end of line, got {delimiter!r}")
    if isinstance(missing, str):
        raise ValueError(f"{path}: missing must be a list of texts, got {missing!r}; is it [{missing!r}]?")
    if not isinstance(missing, Iterable) or not all(isinstance(text, str) for text in missing):
        raise ValueError(f"{path}: missing must be a list of texts, got {missing!r}")
    for name, kind in types.items():
        if not isinstance(name, str) or kind not in KINDS:
            raise ValueError(f"{path}: types are int, float and str, got {kind!r} for {name!r}")


def fields(path: Any, reader: Any) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the fields of each row behind the number of its last line."""

    def filled() -> Iterator[list[str]]:
        for row in reader:
            if any("\0" in field for field in row):
                raise ValueError(f"{path}: line {reader.line_num}: holds a byte 0; is it a table, of this encoding?")
            if row:
                yield row

    lines = filled()
    names = [name.strip() for name in next(lines, [])]
    if not names:
        raise ValueError(f"{path}: is empty; expected a first line with the names of columns")
    if doubled := sorted({name for name in names if not name or names.count(name) > 1}):
        raise ValueError(f"{path}: names of columns must be there and differ, got {doubled} more than once or empty")
    rows = []
    for row in lines:
        if len(row) != len(names):
            raise ValueError(f"{path}: line {reader.line_num}: {len(row)} fields, but there are {len(names)} columns")
        rows.append((reader.line_num, row))
    return names, rows


def column_of(texts: list[str | None], kind: Any) -> np.ndarray:
    """Fields as an array of a type, or of the first that suits them."""
    if kind is not None:
        return converted(texts, kind)
    for candidate in (int, float):
        try:
            if any(text is not None for text in texts):
                return converted(texts, candidate)
        except Wrong:
            continue
    return converted(texts, str)


def converted(texts: list[str | None], kind: type) -> np.ndarray:
    """Fields as an array of a type; `Wrong` for one that is of another."""
    values: list[Any] = []
    for row, text in enumerate(texts):
        if text is None or kind is str:
            values.append(text)
            continue
        try:
            if "_" in text or kind is int and not INTEGER.fullmatch(text):
                raise ValueError
            values.append(kind(text))
        except ValueError:
            raise Wrong(row, KINDS[kind]) from None
    if kind is str:
        return np.array([*values, None], object)[:-1]
    if None in values or any(abs(value) >= 2**63 for value in values):
        return np.array([np.nan if value is None else value for value in values], np.float64)
    return np.array(values, np.int64 if kind is int else np.float64)


def typed(name: str, column: Any) -> np.ndarray:
    """A column as int64, float64, or objects of texts and None."""
    array = np.asarray(column)
    if array.ndim != 1:
        raise ValueError(f"Table: column {name!r} must be a row of values, got shape {array.shape}")
    if array.dtype.kind in "biu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    values = array.tolist()
    if not all(value is None or isinstance(value, str) for value in values):
        raise ValueError(f"Table: column {name!r} must be of numbers, or of texts and None")
    return np.array([*values, None], object)[:-1]


def is_missing(column: np.ndarray) -> np.ndarray:
    """Which fields of a column are."""
    return np.array([value is None for value in column], bool) if column.dtype == object else np.isnan(column)
