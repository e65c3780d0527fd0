"""Networks by name: who builds each, and what size its inputs have."""

from __future__ import annotations

import difflib
import fnmatch
import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.models.weights import Source, load_weights
from minidl.nn import Module
from minidl.nn.utils import skip_init


class Network(NamedTuple):
    """What builds a network, and the shape of one input, without the batch."""

    build: Callable[..., Module]
    input_size: tuple[int, ...]


NETWORKS: dict[str, Network] = {}


def register_model(*input_size: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function that builds a network be found by its name, and give it the keyword `weights`, as `get_model` has.

    With weights the network is built without first values, and they are loaded into it.
    """

    def decorate(build: Callable[..., Any]) -> Callable[..., Any]:
        name = build.__name__

        @functools.wraps(build)
        def builder(*args: Any, weights: Source = None, **options: Any) -> Any:
            if weights is None:
                return build(*args, **options)
            return load_weights(skip_init(build, *args, **options), name, weights)

        parameters = dict(inspect.signature(build).parameters)
        rest = [parameters.pop("options")] if "options" in parameters else []
        keyword = inspect.Parameter("weights", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Source")
        builder.__signature__ = inspect.Signature([*parameters.values(), keyword, *rest])  # type: ignore[attr-defined]
        NETWORKS[name] = Network(builder, input_size)
        return builder

    return decorate


def list_models(pattern: str = "*") -> list[str]:
    """The names of the networks that `get_model` builds, sorted; of those that match a `pattern`, as ``"resnet*"``."""
    return fnmatch.filter(sorted(NETWORKS), pattern)


def find(name: str) -> Network:
    """The network of a name; ValueError, with names that are close, if there is none."""
    if name not in NETWORKS:
        close = difflib.get_close_matches(str(name).lower(), NETWORKS, 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "models.list_models() has them all"
        raise ValueError(f"no network is named {name!r}; {hint}")
    return NETWORKS[name]


def get_model(name: str, weights: Source = None, **options: Any) -> Any:
    """Build a network by its name.

    Parameters
    ----------
    name : one of `list_models`, such as ``"resnet50"``
    weights : what its parameters and statistics are, of the network with these options: the name of registered ones
        (`list_weights`), or ``"DEFAULT"``; the path of a .safetensors file, or for a network in Keras's form of a
        .keras, .weights.h5 or .h5 file (extra ``keras``); or a state dict. By default the network starts from its first
        values, drawn from the global stream
    **options : what its builder takes, such as ``num_classes=10``

    Raises
    ------
    ValueError
        For a name that is not known, of network or weights.
    FileNotFoundError
        For weights that are neither here nor can be had.
    RuntimeError
        For weights that do not fit the network.
    """
    return find(name).build(weights=weights, **options)
