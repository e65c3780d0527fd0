"""The page: a network, digits to try it on, style and scripts, all in one file of HTML."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.draw.kinds import Layer
from minidl.draw.layers import layers
from minidl.nn import Module

SIZE = (1, 28, 28)
SCRIPTS = ("layers", "network", "digit", "mind", "colors", "views", "main")  # each uses those before it


def page(
    network: Module,
    *,
    title: str = "Draw a digit",
    classes: Sequence[str] = tuple("0123456789"),
    mean: float = 0.0,
    std: float = 1.0,
    samples: tuple[Any, Any] | None = None,
) -> str:
    """A page on which a network reads what one draws, with all that it needs in it.

    It works from ``file://`` and asks no host for anything. Weights are in it as float32: SimpLeNet's page has 1.3 MB.
    To show it within another page give it a frame of its own, ``<iframe src="draw.html">``.

    Parameters
    ----------
    network : Module
        It takes (N, 1, 28, 28) and is a chain of convolutions, poolings, dense layers, batch norms and activations.
    title : what the page is called
    classes : a name for each of its scores
    mean, std : what is taken from pixels in [0, 1], and what they are divided by, before the network sees them
    samples : optional
        Images to try: (images, labels), uint8 or floats in [0, 1] of shape (M, 1, 28, 28), and M integers.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    TypeError
        For what is no Module.
    ValueError
        For a layer that can't be drawn, with its path; for a network that is no chain of layers; for another number of
        classes than of scores; for a mean that is not finite, or a deviation that is not more than 0; and for samples
        of another shape, or not finite.

    Examples
    --------
    >>> network = md.models.get_model("simplenet", weights="simplenet.safetensors")
    >>> pathlib.Path("draw.html").write_text(draw.page(network), "utf-8")
    """
    chain = layers(network, SIZE)
    scores = chain[-1].shape[-1]
    if len(classes) != scores:
        raise ValueError(f"draw: the network gives {scores} scores, and there are {len(classes)} classes")
    if not math.isfinite(mean):
        raise ValueError(f"draw: mean must be finite, got {mean}")
    if not 0 < std < math.inf:
        raise ValueError(f"draw: std must be finite and more than 0, got {std}")
    numbers, told = packed(chain)
    data = {
        "classes": [str(name) for name in classes],
        "mean": float(mean),
        "std": float(std),
        "layers": told,
        "numbers": numbers,
        "samples": None if samples is None else sampled(*samples, scores),
    }
    parts = {"title": html.escape(title), "data": escaped(data), "style": read("style.css")}
    parts["script"] = "\n".join(read(f"{name}.js") for name in SCRIPTS)
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], read("page.html"))


def packed(chain: list[Layer]) -> tuple[str, list[dict[str, Any]]]:
    """All numbers of layers, in base64; and what the script is told of each, with the places of its numbers there."""
    content, told, start = [], [], 0
    for layer in chain:
        places = {}
        for name, array in layer.tensors.items():
            places[name] = [start, start + array.size]
            start += array.size
            content.append(array.astype("<f4").tobytes())
        said = {"kind": layer.kind, "path": layer.path, "name": layer.name, "input": layer.input, "shape": layer.shape}
        told.append(said | layer.options | {"tensors": places})
    return base64.b64encode(b"".join(content)).decode(), told


def sampled(images: Any, labels: Any, scores: int) -> dict[str, Any]:
    """Images as bytes, in base64, and their labels."""
    pixels, labels = np.asarray(images), np.asarray(labels)
    if pixels.shape != (len(pixels), *SIZE) or labels.shape != (len(pixels),):
        raise ValueError(
            f"draw: expected samples M×{dims(SIZE)} and M labels, got {dims(pixels.shape)} and {dims(labels.shape)}"
        )
    if labels.dtype.kind not in "iu" or ((labels < 0) | (labels >= scores)).any():
        raise ValueError(f"draw: expected labels that are integers from 0 to {scores - 1}, got {labels}")
    if pixels.dtype != np.uint8 and pixels.dtype.kind != "f":
        raise ValueError(f"draw: expected samples that are uint8, or floats in [0, 1], got {pixels.dtype}")
    if pixels.dtype != np.uint8:
        if not np.isfinite(pixels).all():
            raise ValueError("draw: expected samples in [0, 1], got some that are not finite")
        pixels = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return {"pixels": base64.b64encode(pixels.tobytes()).decode(), "labels": labels.tolist()}


def escaped(data: Any) -> str:
    """JSON that can stand within a script element: no ``<`` may begin a tag there."""
    return json.dumps(data, allow_nan=False, default=lambda number: number.item()).replace("<", "\\u003c")


def read(name: str) -> str:
    """One of the files beside this one."""
    return files("minidl.draw").joinpath(name).read_text("utf-8")
