"""Weights that Keras has saved, whose arrays have their channels last, in networks of ours, which have them first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minidl.engine.core import Tensor
from minidl.models.keras_files import read
from minidl.nn import Module
from minidl.nn.tree import require_module

Order = Callable[[str], Any]  # where a layer comes, by its name


def load_keras_weights(
    network: Module, f: str | os.PathLike[str], order: Order | None = None, flatten: bool | None = None
) -> Module:
    """Load weights from a ``.keras``, ``.weights.h5`` or ``.h5`` file that Keras has written; returns the network.

    Its layers with weights are Keras's, one after the other; the kernels of dense layers and of convolutions are turned
    into ours. What Keras does to images before all of them (``Rescaling``, ``Normalization``) is not loaded.
    `get_model` does the same for a network in Keras's form, whose layers it puts into our order.

    Parameters
    ----------
    network : what they are loaded into; its statistics are the moving ones of Keras's batch norm
    f : path
    order : sort key of the names of Keras's layers, such as ``["conv2d", "conv2d_1", "dense"].index``; by default they
        come as in the file. Names that Keras has made of a kind and a number are numbered from 0 here: ``conv2d``,
        ``conv2d_1``
    flatten : whether a ``Flatten`` stands between the last convolution and the first dense layer. The rows of that
        layer's kernel are then in the order of (H, W, C), and are put into that of (C, H, W); without a layer before
        they stay as they are, which is right for images of one channel. It must be told where the dense layer has more
        inputs than the layer before it has channels

    Raises
    ------
    ImportError
        If h5py is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        For a file that is not one of these or is damaged; for a .weights.h5 file without an `order`, as it keeps none;
        if `flatten` must be told.
    RuntimeError
        For weights that do not fit the network.
    """
    require_module("load_keras_weights", network)
    state = keras_state_dict(network, f, order, flatten)
    network.load_state_dict({**network.state_dict(), **state})
    return network


def keras_state_dict(
    network: Module, f: str | os.PathLike[str], order: Order | None, flatten: bool | None
) -> dict[str, Tensor]:
    """The parameters and statistics of a network, from a file of Keras's. See `load_keras_weights`."""
    path = Path(f)
    layers, ordered = read(path)
    if order is not None:
        try:
            layers = {name: layers[name] for name in sorted(layers, key=order)}
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(f"{path}: its layers have other names than this network's in Keras: {error}") from error
    elif not ordered:
        raise ValueError(
            f"{path} does not tell in which order its layers run; save the model as a .keras file, or give the order, "
            f"such as order={list(layers)}.index"
        )
    return as_ours([array for arrays in layers.values() for array in arrays], network, flatten, path)


def as_ours(arrays: list[np.ndarray], network: Module, flatten: bool | None, path: Path) -> dict[str, Tensor]:
    """Arrays of Keras's as the parameters and statistics of a network, which come in the same order."""
    places = {name: place.shape for name, place in network.state_dict().items() if "num_batches" not in name}
    if len(arrays) != len(places):
        raise RuntimeError(
            f"{path} holds {len(arrays)} arrays of weights, {type(network).__name__} has {len(places)}: they are of "
            "another network, or of this one without its head"
        )
    state, channels = {}, 0  # of the layer before
    for (name, shape), array in zip(places.items(), arrays, strict=True):
        if len(shape) == 2 and array.ndim in (2, 4):
            kernel = array.reshape(-1, array.shape[-1])  # of a convolution, where Keras has one for a dense layer
            inputs, outputs = kernel.shape
            if inputs != channels and flatten is None:
                raise ValueError(
                    f"{path}: {name} has {inputs} inputs, and the layer before {channels or 'is not there'}: tell by "
                    "flatten=True whether a Flatten of (H, W, C) stands between them, else by flatten=False"
                )
            pixels = inputs // channels if flatten and channels and inputs % channels == 0 else 1
            array = kernel.reshape(pixels, -1, outputs).transpose(2, 1, 0).reshape(outputs, inputs)
        elif array.ndim == 4 and shape[1] == 1:  # of depthwise convolutions, too: H, W, C, and how many for each of C
            array = array.transpose(2, 3, 0, 1).reshape(-1, 1, *array.shape[:2])
        elif array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        state[name] = Tensor(np.ascontiguousarray(array))
        channels = shape[0]
    return state
