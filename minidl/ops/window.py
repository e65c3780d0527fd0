"""The geometry that convolution and pooling share: a window that slides over the last two dimensions of N×C×H×W.

Arrays are worked on as N×H×W×C views. Where their memory runs in that order («channels last», which the results here
have), the columns of a convolution are copied in contiguous runs, and matrix products land in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from minidl.backend import Array


class Window(NamedTuple):
    """A window of `size` that moves by `stride` over an image with `padding` ((top, bottom), (left, right)) around it."""

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)

    def extent(self) -> tuple[int, int]:
        """The height and width that the window covers."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.size, self.dilation, strict=True))  # type: ignore[return-value]

    def positions(self, height: int, width: int) -> tuple[int, int]:
        """How many places it takes down and across an image."""
        return tuple(  # type: ignore[return-value]
            (n + sum(p) - e) // s + 1
            for n, p, e, s in zip((height, width), self.padding, self.extent(), self.stride, strict=True)
        )

    def padded(self, xp: Any, x: Array, value: float = 0) -> Array:
        """The image x (N, C, H, W) as N×H×W×C with `value` around it."""
        x = x.transpose(0, 2, 3, 1)
        (top, bottom), (left, right) = self.padding
        if not (top or bottom or left or right):
            return x
        n, h, w, c = x.shape
        z = xp.full((n, h + top + bottom, w + left + right, c), value, x.dtype)
        z[:, top : top + h, left : left + w] = x
        return z

    def taps(self, image: Array, height: int, width: int) -> Iterator[Array]:
        """For each element of the window, row by row, what it sees of N×H×W×C `image` from all places: a view."""
        (kh, kw), (sh, sw), (dh, dw) = self.size, self.stride, self.dilation
        for i in range(kh):
            for j in range(kw):
                yield image[:, i * dh :: sh, j * dw :: sw][:, :height, :width]
