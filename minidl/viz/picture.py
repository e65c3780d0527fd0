"""A tensor as a picture: a coloured square for each element, of any number of dimensions; notebooks show it."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape
from pathlib import Path

import numpy as np

from minidl.backend import transfer
from minidl.engine.core import Tensor
from minidl.engine.require import require_arrays
from minidl.viz.sketch import sketch

ROWS, COLUMNS, SIDE = 12, 16, 128  # facets below and beside each other, and elements along a side of one, at most
FEW = 64  # elements that are also written out
WIDE, ZOOM = 480, 16  # pixels that a picture is drawn wide, and an element at most
STOPS = np.array([-1, -0.5, 0, 0.5, 1])
SCALE = np.array([[178, 24, 43], [239, 138, 98], [247, 247, 247], [103, 169, 207], [33, 102, 172]])  # red, white, blue
BELOW, ABOVE, NAN, INF, GAP = (80, 0, 15), (5, 25, 70), (240, 228, 66), (0, 158, 115), (200, 200, 200)


class Picture:
    """What `picture` returns: ``png()`` and ``save`` give the image, ``str`` the same in words; notebooks show both.

    Attributes
    ----------
    pixels : ndarray (height, width, 3) of uint8
        A pixel for each element, and one between facets.
    text : str
    """

    def __init__(self, pixels: np.ndarray, text: str) -> None:
        self.pixels, self.text = pixels, text

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def png(self) -> bytes:
        """The image as a PNG file (ISO/IEC 15948)."""
        height, width, _ = self.pixels.shape
        lines = np.pad(self.pixels.reshape(height, -1), ((0, 0), (1, 0)))  # each opens with the number of its filter, 0
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits of each of three colours
        parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines.tobytes())), chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    def save(self, path: str | Path) -> None:
        """Write the image into a .png file."""
        Path(path).write_bytes(self.png())

    def _repr_html_(self) -> str:
        text = escape(self.text)
        if not self.pixels.size:
            return f"<pre>{text}</pre>"
        width = self.pixels.shape[1]
        style = f"width:{width * max(1, min(ZOOM, WIDE // width))}px;image-rendering:pixelated"
        source = f"data:image/png;base64,{base64.b64encode(self.png()).decode()}"
        return f'<img src="{source}" alt="{escape(self.text, quote=True)}" style="{style}"><pre>{text}</pre>'


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file: its length, kind, data and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(tensor: Tensor | np.ndarray) -> Picture:
    """A tensor as a picture: blue is positive, red negative, white 0, NaN yellow, inf green.

    The last two dimensions are a facet, the one before goes from left to right, and all others downward. The scale ends
    at three times the root of the mean square, or at the greatest element; what lies beyond is dark.

    Parameters
    ----------
    tensor : Tensor or ndarray (any shape)
        A scalar, and a tensor without elements, has a text alone.

    Returns
    -------
    Picture

    Raises
    ------
    TypeError
        For anything else.
    """
    require_arrays("picture", tensor)
    array = np.asarray(transfer.move(tensor.array if isinstance(tensor, Tensor) else tensor, "cpu"))
    whole = sketch(array)
    if array.size <= FEW and isinstance(tensor, Tensor):
        whole = f"{tensor!r}\n{whole}" if array.ndim else repr(tensor)
    if array.ndim == 0 or array.size == 0:
        return Picture(np.zeros((0, 0, 3), np.uint8), whole)
    values = array.astype(np.float64)
    finite = values[np.isfinite(values)]
    greatest = np.abs(finite).max(initial=0)
    bound = greatest * min(1, 3 * np.sqrt(np.mean((finite / greatest) ** 2))) if greatest else 0.0
    shown = cut(values)
    told = [whole, f"red −{bound:.3g} · white 0 · blue {bound:.3g}"] if bound else [whole]
    told += ["NaN yellow"] * bool(np.isnan(values).any()) + ["inf green"] * bool(np.isinf(values).any())
    if beyond := np.count_nonzero(np.abs(finite) > bound):
        told.append(f"{beyond:,} beyond, dark")
    if shown.size < values.size:
        told.append(f"{shown.size:,} of {values.size:,} elements are drawn")
    return Picture(stitched(coloured(shown, bound)), " · ".join(told))


def cut(values: np.ndarray) -> np.ndarray:
    """As many facets (n, h, w) or (rows, columns, h, w) as can be looked at, of a large one every so many elements."""
    if values.ndim == 1:
        values = values[None]
    height, width = (-(-size // SIDE) for size in values.shape[-2:])
    values = values[..., ::height, ::width]
    if values.ndim <= 3:
        return values.reshape(-1, *values.shape[-2:])[: ROWS * COLUMNS]
    return values.reshape(-1, *values.shape[-3:])[:ROWS, :COLUMNS]


def coloured(values: np.ndarray, bound: float) -> np.ndarray:
    """The colours (…, 3) of elements, on a scale from −bound to bound."""
    placed = np.clip(np.nan_to_num(values) / (bound or 1), -1, 1)
    colours = np.stack([np.interp(placed, STOPS, channel) for channel in SCALE.T], axis=-1).round().astype(np.uint8)
    colours[values > bound] = ABOVE
    colours[values < -bound] = BELOW
    colours[np.isnan(values)] = NAN
    colours[np.isinf(values)] = INF
    return colours


def stitched(facets: np.ndarray) -> np.ndarray:
    """Facets (n, h, w, 3), or in rows and columns, side by side with lines between them."""
    if facets.ndim == 4:
        count = len(facets)
        columns = min(count, COLUMNS)
        sheet = np.full((-(-count // columns) * columns, *facets.shape[1:]), GAP, np.uint8)
        sheet[:count] = facets
        facets = sheet.reshape(-1, columns, *facets.shape[1:])
    rows, columns, height, width, _ = facets.shape
    framed = np.full((rows, columns, height + 1, width + 1, 3), GAP, np.uint8)
    framed[:, :, :height, :width] = facets
    return framed.transpose(0, 2, 1, 3, 4).reshape(rows * (height + 1), columns * (width + 1), 3)[:-1, :-1]


def shown_in_notebooks(tensor: Tensor) -> str:
    """Numbers where there are few, and a picture."""
    return picture(tensor)._repr_html_()


Tensor._repr_html_ = shown_in_notebooks  # type: ignore[attr-defined]
