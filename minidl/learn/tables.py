"""Tables that come along with the packages of the extra ``lessons``."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from minidl.data import Table
from minidl.learn.extras import extra

NUMBERS = {"cylinders": 0, "displacement": 1, "horsepower": 2, "weight": 3, "acceleration": 4, "year": 5, "mpg": 8}
ORIGINS = {"1": "USA", "2": "Europe", "3": "Japan"}


def cars() -> Table:
    """The fuel economy of 392 cars that mlxtend carries (StatLib, Carnegie Mellon University; Quinlan, 1993).

    Columns: ``cylinders``, ``displacement`` (cubic inches), ``horsepower``, ``weight`` (pounds), ``acceleration``
    (seconds from 0 to 60 miles an hour), ``year`` (of the model, 70 to 82), ``mpg`` (miles a US gallon) and ``origin``
    (USA, Europe or Japan), in the order of the years.
    """
    path = files(extra("mlxtend")) / "data" / "data" / "autompg.csv.gz"
    rows = np.loadtxt(str(path), dtype=str, delimiter=",")
    columns = {name: rows[:, place].astype(float).tolist() for name, place in NUMBERS.items()}
    return Table({**columns, "origin": [ORIGINS[number] for number in rows[:, 6]]})
