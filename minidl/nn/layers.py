"""Layers with parameters or a mode of their own, initialised as in PyTorch."""

import math
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.nn import init
from minidl.nn.module import Module, Parameter
from minidl.ops.create import empty, full


def require_positive(layer: str, **sizes: Any) -> None:
    """Raise ValueError, in the name of a layer, unless all are positive integers."""
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{layer}: {name} must be a positive integer, got {size!r}")


def weight_and_bias(shape: tuple[int, ...], outputs: int, bias: bool) -> tuple[Parameter, Parameter | None]:
    """A weight of that shape and a bias of `outputs` elements, both uniform in ±1/√fan_in, PyTorch's default."""
    weight = Parameter(empty(shape))
    bound = 1 / math.sqrt(init.fans(weight)[0])
    init.uniform_(weight, -bound, bound)
    if not bias:
        return weight, None
    vector = Parameter(empty(outputs))
    init.uniform_(vector, -bound, bound)
    return weight, vector


class Linear(Module):
    """input (…, in_features) times weightᵀ (out_features, in_features), plus bias: (…, out_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        require_positive("Linear", in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight, self.bias = weight_and_bias((out_features, in_features), out_features, bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)


class _Dropout(Module):
    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p is a probability, expected 0 ≤ p ≤ 1, got {p}")
        self.p = p


class Dropout(_Dropout):
    """`minidl.functional.dropout` while training, the identity otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)


class Dropout2d(_Dropout):
    """`minidl.functional.dropout2d` while training, the identity otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training)


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` made one: by default (N, …) to (N, features)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("flatten", input)
        return input.flatten(self.start_dim, self.end_dim)


class PReLU(Module):
    """`minidl.functional.prelu` with one learned slope, or one for each of `num_parameters` channels."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        require_positive("PReLU", num_parameters=num_parameters)
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), float(init)))

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)


class Embedding(Module):
    """`minidl.functional.embedding` in a learned table (num_embeddings, embedding_dim), normal at first.

    Parameters
    ----------
    padding_idx : a row that is zero at first, and gets no gradient
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        require_positive("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is out of range for {num_embeddings} rows")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.weight = Parameter(empty(num_embeddings, embedding_dim))
        init.normal_(self.weight)
        if padding_idx is not None:
            with no_grad():
                self.weight[padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)


class Identity(Module):
    """What comes in; takes any arguments, so that it can stand in for any layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        return input
