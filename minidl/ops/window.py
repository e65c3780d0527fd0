"""The geometry that convolution and pooling share: a window that slides over the last two dimensions of N×C×H×W.

Arrays are worked on as N×H×W×C views. Where their memory runs in that order («channels last», which the results here
have), the columns of a convolution are copied in contiguous runs, and matrix products land in place.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.backend import Array


class Window(NamedTuple):
    """A window of `size` that moves by `stride` over an image, with `padding` ((top, bottom), (left, right)) around."""

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

    def coordinates(self, size: tuple[int, int], xp: Any = np) -> tuple[Array, Array]:
        """Which rows, and which columns, of an image of `size` it sees from its places: (OH, KH) and (OW, KW)."""
        return tuple(
            s * xp.arange(places)[:, None] - before + d * xp.arange(k)
            for places, (before, _), k, s, d in zip(
                self.positions(*size), self.padding, self.size, self.stride, self.dilation, strict=True
            )
        )

    def padded(self, xp: Any, x: Array, value: float = 0) -> Array:
        """The image x (N, C, H, W) as N×H×W×C with `value` around it."""
        x = x.transpose(0, 2, 3, 1)
        if self.padding == ((0, 0), (0, 0)):
            return x
        n, h, w, c = x.shape
        image = self.canvas(xp, n, (h, w), c, x.dtype, value)
        self.inside(image, (h, w))[...] = x
        return image

    def canvas(self, xp: Any, n: int, size: tuple[int, int], c: int, dtype: Any, value: float = 0) -> Array:
        """An N×H×W×C array of `value`, for images of `size` (H, W) and their padding."""
        (top, bottom), (left, right) = self.padding
        return xp.full((n, size[0] + top + bottom, size[1] + left + right, c), value, dtype)

    def inside(self, image: Array, size: tuple[int, int]) -> Array:
        """The part of a canvas that is not padding: a view."""
        (top, _), (left, _) = self.padding
        return image[:, top : top + size[0], left : left + size[1]]

    def taps(self, image: Array, places: tuple[int, int]) -> Iterator[Array]:
        """For each element of the window, row by row, what it sees of N×H×W×C `image` from all places: a view."""
        (kh, kw), (sh, sw), (dh, dw) = self.size, self.stride, self.dilation
        for i in range(kh):
            for j in range(kw):
                yield image[:, i * dh :: sh, j * dw :: sw][:, : places[0], : places[1]]

    def seen(self, xp: Any, image: Array, places: tuple[int, int]) -> Array:
        """All `taps` at once: a view (N, OH, OW, KH, KW, C) of N×H×W×C `image`."""
        (sh, sw), (dh, dw) = self.stride, self.dilation
        n, y, x, c = image.strides
        return xp.lib.stride_tricks.as_strided(
            image, (image.shape[0], *places, *self.size, image.shape[3]), (n, y * sh, x * sw, y * dh, x * dw, c)
        )

    def scattered(self, xp: Any, parts: Iterable[Array], like: Array, size: tuple[int, int]) -> Array:
        """The adjoint of `taps`: images (N, C, H, W) of `size`, with each part added where its tap sees.

        The parts are N×OH×OW×C, as is `like`, which only lends its shape and dtype.
        """
        n, oh, ow, c = like.shape
        image = self.canvas(xp, n, size, c, like.dtype)
        for seen, part in zip(self.taps(image, (oh, ow)), parts, strict=True):
            seen += part
        return self.inside(image, size).transpose(0, 3, 1, 2)
