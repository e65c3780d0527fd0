"""Weights of networks: where each can be had, what it was trained on, and how an image becomes its input."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from minidl.files import load
from minidl.nn import Module
from minidl.ops.create import zeros

Source = str | os.PathLike[str] | Mapping[str, Any] | None


def load_weights(network: Module, name: str, weights: str | os.PathLike[str] | Mapping[str, Any]) -> Module:
    """Load a state dict, or the file of one, into a network of that name, whole; returns the network.

    Counters of batches, which files of old lack, are 0.

    Raises
    ------
    RuntimeError
        For what does not fit.
    """
    state = dict(weights) if isinstance(weights, Mapping) else load(weights)
    counters = [key for key in network.state_dict() if key.endswith("num_batches_tracked")]
    state = {key: zeros(()) for key in counters} | state
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise RuntimeError(
            f"{name}: these weights are not of this network: {error}. Build it as they were trained (num_classes=…), "
            "and give it a new head then; or load_state_dict(state, strict=False), for what does fit"
        ) from None
    return network
