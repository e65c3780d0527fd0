"""Images looked at through a map of the plane: turned, shifted, sheared, seen from aside.

All are matrices in homogeneous coordinates, which say of a pixel of the result from where in the image it comes
(Hartley and Zisserman, *Multiple View Geometry*, 2003, 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.data.transforms.functional.images import (
    Each,
    Fill,
    Interpolation,
    InterpolationMode,
    beside,
    each,
    fills,
    interpolation_name,
    on_batches,
    real,
    restored,
)
from minidl.engine.core import Tensor
from minidl.functional.sampling import grid_sample
from minidl.ops.elementwise import where
from minidl.ops.joining import cat
from minidl.ops.linalg import matmul

SAMPLED = ("nearest", "bilinear")


@on_batches
def rotate(
    inpt: Tensor,
    angle: Each,
    interpolation: Interpolation = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> Tensor:
    """Images turned.

    Parameters
    ----------
    inpt : (N, C, H, W)
    angle : in degrees, against the clock; one, or one for each image
    interpolation : "nearest" or "bilinear"
    expand : whether the result is as large as the widest of the turned images
    center : (x, y) in pixels from the upper left corner; by default the middle
    fill : what lies outside: a number, or one for each channel; None is 0, which edges do not fade to
    """
    h, w = inpt.shape[2:]
    turned = _maps(-each("angle", angle, inpt), np.zeros((1, 2)), np.ones(1), np.zeros((1, 2)))
    outer = (h, w)
    if expand and len(inpt):
        corners = np.array([[-w, -h], [-w, h], [w, h], [w, -h]]) / 2 @ turned[:, :2, :2].swapaxes(1, 2)
        low, high = (np.trunc(1e4 * (edge + np.array([w, h]) / 2)) / 1e4 for edge in (corners.min(1), corners.max(1)))
        width, height = (np.ceil(high) - np.floor(low)).max(0)
        outer = (int(height), int(width))
    return _warped(inpt, _centred(turned, (h, w), outer, center), outer, interpolation, fill)


@on_batches
def affine(
    inpt: Tensor,
    angle: Each,
    translate: Sequence[float] | np.ndarray,
    scale: Each,
    shear: float | Sequence[float] | np.ndarray,
    interpolation: Interpolation = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Sequence[float] | None = None,
) -> Tensor:
    """Images turned, moved, made larger and sheared.

    Parameters
    ----------
    inpt : (N, C, H, W)
    angle : in degrees, with the clock; one, or one for each image
    translate : to the right and down, in pixels: (2,), or (N, 2)
    scale : more than 0; one, or one for each image
    shear : in degrees, along x and along y: a number for x alone, (2,) or (N, 2)
    interpolation : "nearest" or "bilinear"
    fill : what lies outside: a number, or one for each channel; None is 0, which edges do not fade to
    center : (x, y) of rotation, scale and shear, in pixels from the upper left corner; by default the middle
    """
    scales = each("scale", scale, inpt)
    if (scales <= 0).any():
        raise ValueError(f"scale must be more than 0, got {scales.min()}")
    if isinstance(shear, (int, float)):
        shear = (shear, 0.0)
    angles, shears, moves = (
        each("angle", angle, inpt),
        each("shear", shear, inpt, (2,)),
        each("translate", translate, inpt, (2,)),
    )
    size = inpt.shape[2:]
    return _warped(inpt, _centred(_maps(angles, moves, scales, shears), size, size, center), size, interpolation, fill)


@on_batches
def perspective(
    inpt: Tensor,
    startpoints: Any,
    endpoints: Any,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    fill: Fill = None,
    coefficients: Any = None,
) -> Tensor:
    """Images seen from aside: four of their points come to lie elsewhere.

    Parameters
    ----------
    inpt : (N, C, H, W)
    startpoints, endpoints : (x, y) of the four, in pixels: (4, 2), or (N, 4, 2)
    interpolation : "nearest" or "bilinear"
    fill : what lies outside: a number, or one for each channel; None is 0, which edges do not fade to
    coefficients : in place of points, (8,) or (N, 8): of x, y and 1 for the numerators of x and y, and of x and y for
        their denominator

    Raises
    ------
    ValueError
        For points of which three lie on a line; and unless either points or coefficients are given.
    """
    if (coefficients is None) == (startpoints is None) or (startpoints is None) != (endpoints is None):
        raise ValueError("give either startpoints and endpoints, or coefficients")
    if coefficients is None:
        points = [each(name, at, inpt, (4, 2)) for name, at in (("endpoints", endpoints), ("startpoints", startpoints))]
        coefficients = perspective_coefficients(*points)
        if np.isnan(coefficients).any():
            raise ValueError("no map takes these points there: three lie on a line, or (0, 0) would be infinitely far")
    c = each("coefficients", coefficients, inpt, (8,)).astype(float)
    maps = np.concatenate([c, np.ones((len(c), 1))], 1).reshape(-1, 3, 3)
    return _warped(inpt, maps, inpt.shape[2:], interpolation, fill)


def perspective_coefficients(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The 8 coefficients of the maps that take four points (N, 4, 2) each to four others: (N, 8); NaN for no such map.

    There is none where three of the points lie on a line, and none of this form where it takes (0, 0) to infinity.
    """
    x, y = sources[..., 0].astype(float), sources[..., 1].astype(float)
    one, zero = np.ones_like(x), np.zeros_like(x)
    u, v = targets[..., 0].astype(float), targets[..., 1].astype(float)
    rows = [
        np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1),
        np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1),
    ]
    system = np.concatenate(rows, 1)
    singular = abs(np.linalg.det(system)) <= 1e-12 * np.linalg.norm(system, axis=2).prod(1)
    system[singular] = np.eye(8)
    solved = np.linalg.solve(system, np.concatenate([u, v], 1)[..., None])[..., 0]
    return np.where(singular[:, None], np.nan, solved)


def _maps(angles: np.ndarray, moves: np.ndarray, scales: np.ndarray, shears: np.ndarray) -> np.ndarray:
    """From the result to the image, (N, 3, 3), around the origin: degrees, pixels, factors, degrees."""
    n = max(map(len, (angles, moves, scales, shears)))
    turn, (along_x, along_y) = np.radians(angles), np.tan(np.radians(shears)).T
    rotation, shear_x, shear_y, forward = (np.tile(np.eye(3), (n, 1, 1)) for _ in range(4))
    rotation[:, 0, 0] = rotation[:, 1, 1] = np.cos(turn)
    rotation[:, 1, 0], rotation[:, 0, 1] = np.sin(turn), -np.sin(turn)
    shear_x[:, 0, 1], shear_y[:, 1, 0] = -along_x, -along_y
    forward[:, :2, :2] = (rotation @ shear_y @ shear_x)[:, :2, :2] * scales[:, None, None]
    forward[:, :2, 2] = moves
    return np.linalg.inv(forward)


def _centred(maps: np.ndarray, size: Sequence[int], outer: Sequence[int], center: Sequence[float] | None) -> np.ndarray:
    """Maps around the origin made ones around a center, in pixels of the result and of the image."""
    if center is not None and (not isinstance(center, (tuple, list)) or len(center) != 2):
        raise ValueError(f"center must be (x, y), got {center!r}")
    middles = [np.array([n[1] / 2, n[0] / 2]) for n in (size, outer)]
    offset = np.zeros(2) if center is None else np.array(center, float) - middles[0]
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = middles[0] + offset, -middles[1] - offset
    return to @ maps @ back


def _warped(images: Tensor, maps: np.ndarray, outer: Sequence[int], interpolation: Any, fill: Fill) -> Tensor:
    """Images (N, C, H, W) through maps (N, 3, 3) from pixels of the result, of size `outer`, to theirs."""
    mode = interpolation_name(interpolation, SAMPLED)
    values, kind = fills(fill, images), real(images.dtype)
    h, w = images.shape[2:]
    if not (h and w):
        raise ValueError("images have no pixels")
    maps = np.array([[2 / w, 0, -1], [0, 2 / h, -1], [0, 0, 1]]) @ maps  # where an image goes from -1 to 1
    y, x = np.mgrid[: outer[0], : outer[1]] + 0.5
    pixels = beside(np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3), images, kind)
    points = matmul(pixels, beside(maps.swapaxes(1, 2), images, kind))
    grid = (points[..., :2] / points[..., 2:]).reshape(len(images), *outer, 2)
    looked = images.to(kind)
    if values is None:
        return restored(grid_sample(looked, grid, mode, "zeros", False), images.dtype)
    seen = looked[:, :1] * 0 + 1
    sampled = grid_sample(cat([looked, seen], 1), grid, mode, "zeros", False)
    z, mask = sampled[:, :-1], sampled[:, -1:]
    z = where(mask < 0.5, values, z) if mode == "nearest" else (z - values) * mask + values
    return restored(z, images.dtype)
