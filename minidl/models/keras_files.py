"""The arrays of each layer in files of Keras's: .h5, .weights.h5, and .keras, an archive with one of these in it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from minidl.backend.extras import extra

SUFFIXES = (".h5", ".hdf5", ".keras")
Layers = dict[str, list[np.ndarray]]  # the arrays of each layer with weights, by its name
KIND = re.compile(r"((?:depthwise_|separable_)?conv(?:olution)?2d|batch_?normalization|dense)(?:_(\d+))?")


def read(path: Path) -> tuple[Layers, bool]:
    """The layers of a file, and whether they are in the order in which they run.

    Raises
    ------
    ImportError
        If h5py is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is another one, or damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    h5py = extra("h5py", "keras", str(path))
    try:
        order: list[str] = []
        file: Any = path
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                order = list(names(json.loads(archive.read("config.json"))))
                file = BytesIO(archive.read("model.weights.h5"))
        with h5py.File(file, "r") as root:
            group = root.get("model_weights", root)
            if "layer_names" in group.attrs or "layer_names0" in group.attrs:
                layers = by_layer(group)
                order = list(layers)
            else:
                layers = by_kind(root)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a file of Keras's with weights, or not whole: {error}") from error
    layers = {name: arrays for name, arrays in layers.items() if arrays and not name.startswith("normalization")}
    if not layers:
        raise ValueError(f"{path} is an HDF5 file without layers of Keras's that have weights")
    ordered = set(layers) <= set(order)
    return numbered({name: layers[name] for name in order if name in layers} if ordered else layers), ordered


def names(model: Mapping[str, Any]) -> Iterator[str]:
    """The layers of a model, and of models in it, from its configuration."""
    for layer in model["config"].get("layers", ()):
        if "layers" in layer["config"]:
            yield from names(layer)
        else:
            yield layer["config"]["name"]


def by_layer(group: Any) -> Layers:
    """The older form: layers by name, their weights by name. A model that is a layer is taken apart."""
    layers: Layers = {}
    for layer in texts(group, "layer_names"):
        weights = texts(group[layer], "weight_names")
        owners = [weight.rpartition("/")[0] for weight in weights]
        for weight, owner in zip(weights, owners, strict=True):
            name = owner.rpartition("/")[2] if len(set(owners)) > 1 else layer
            layers.setdefault(name, []).append(group[layer][weight][()])
    return layers


def texts(group: Any, name: str) -> list[str]:
    """An attribute that is a list of names; a long one is in parts, of which each has a number."""
    parts = [name] if name in group.attrs else [f"{name}{i}" for i in range(len(group.attrs))]
    found = [text for part in parts if part in group.attrs for text in group.attrs[part]]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in found]


def by_kind(root: Any) -> Layers:
    """The newer form: a group for each layer, called by its kind; in it its name, and arrays by number."""
    layers: Layers = {}

    def visit(path: str, node: Any) -> None:
        *parents, last = path.split("/")
        if last == "vars" and not {"optimizer", "seed_generator"} & set(parents):
            name = node.attrs.get("name", parents[-1] if parents else "")
            layers[str(name)] = [node[key][()] for key in sorted(node, key=int)]

    root.visititems(visit)
    return layers


def numbered(layers: Layers) -> Layers:
    """Layers that are called by their kind have numbers from 0, whatever was built before them: conv2d, conv2d_1."""
    found = [(match[1], int(match[2] or 0), name) for name in layers if (match := KIND.fullmatch(name))]
    new: dict[str, str] = {}
    for kind in {kind for kind, *_ in found}:
        for i, (_, _, name) in enumerate(sorted(entry for entry in found if entry[0] == kind)):
            new[name] = f"{kind}_{i}" if i else kind
    return {new.get(name, name): arrays for name, arrays in layers.items()}
