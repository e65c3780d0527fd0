"""How tensors are printed: as NumPy prints arrays, but for what `set_printoptions` was told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

PROFILES: dict[str, dict[str, Any]] = {
    "default": dict(precision=4),
    "short": dict(precision=2, threshold=1000, edgeitems=2, max_line_width=80),
    "full": dict(precision=4, threshold=math.inf, edgeitems=3, max_line_width=80),
}
options = dict(PROFILES["default"])  # of `numpy.array2string`


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors are printed from now on; what is None stays.

    Parameters
    ----------
    precision : digits after the point
    threshold : the number of elements beyond which the middle is left out
    edgeitems : how many elements are then left at each end of a dimension
    linewidth : characters in a line
    profile : "default", "short" or "full", which set all of the others
    sci_mode : always, or never, with an exponent; None: as the numbers need it

    Raises
    ------
    ValueError
        For another profile.
    """
    if profile is not None:
        if profile not in PROFILES:
            raise ValueError(f"set_printoptions: profile must be one of {', '.join(PROFILES)}, got {profile!r}")
        options.clear()
        options.update(PROFILES[profile])
    given = dict(precision=precision, threshold=threshold, edgeitems=edgeitems, max_line_width=linewidth)
    options.update({name: value for name, value in given.items() if value is not None})
    options.pop("formatter", None)
    options["suppress_small"] = sci_mode is False or None
    if sci_mode:
        options["formatter"] = {"float_kind": lambda value: f"{value:.{options['precision']}e}"}


def printed(array: np.ndarray, prefix: str) -> str:
    """The text of an array that is printed after `prefix`."""
    return np.array2string(array, separator=", ", prefix=prefix, **options)
