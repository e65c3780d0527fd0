"""Layers with parameters or a mode of their own, initialised as in PyTorch."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.nn import init
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter, Uninitialized, UninitializedParameter
from minidl.ops.create import empty
from minidl.ops.shape import axis


def require_positive(layer: str, **sizes: Any) -> None:
    """Raise ValueError, in the name of a layer, unless all are positive integers."""
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{layer}: {name} must be a positive integer, got {size!r}")


class Shaped(Module):
    """A layer whose parameters have shapes that its arguments say, or its first input where it is `lazy`."""

    _lazy = False

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of its parameters, and of its buffers that are as long."""
        raise NotImplementedError

    def take_inputs(self, input: Tensor) -> None:
        """Set the size that the first input says, for a layer that is lazy."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Give the parameters their first values anew."""
        raise NotImplementedError

    def require_inputs(self, **sizes: Any) -> None:
        """Refuse sizes of the inputs that are not positive; a lazy layer does not know them yet."""
        if not self._lazy:
            require_positive(type(self).__name__, **sizes)

    def make_parameter(self, name: str, wanted: bool, device: Any, dtype: Any) -> None:
        """Register a parameter of its shape, without values yet; None if it is not wanted."""
        made: Parameter | None = None
        if wanted and self._lazy:
            made = UninitializedParameter(device=device, dtype=dtype)
        elif wanted:
            made = Parameter(empty(self.shapes()[name], device=device, dtype=dtype))
        self.register_parameter(name, made)


class Weighted(Shaped):
    """A layer with a weight whose second dimension is of its inputs, and perhaps a bias."""

    weight: Parameter
    bias: Parameter | None

    def make_parameters(self, bias: bool, device: Any, dtype: Any) -> None:
        """Register weight and bias, with their first values."""
        self.make_parameter("weight", True, device, dtype)
        self.make_parameter("bias", bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, both uniform in ±1/√fan_in, PyTorch's default."""
        if not isinstance(self.weight, Uninitialized):
            bound = 1 / math.sqrt(init.fans(self.weight)[0])
            init.uniform_(self.weight, -bound, bound)
            if self.bias is not None:
                init.uniform_(self.bias, -bound, bound)


class Linear(Weighted):
    """input (…, in_features) times weightᵀ (out_features, in_features), plus bias: (…, out_features)."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        require_positive(type(self).__name__, out_features=out_features)
        self.require_inputs(in_features=in_features)
        self.in_features = in_features
        self.out_features = out_features
        self.make_parameters(bias, device, dtype)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}

    def take_inputs(self, input: Tensor) -> None:
        require_tensors("linear", input)
        if not input.ndim:
            raise ValueError("expected an input (…, in_features), got a scalar")
        self.in_features = input.shape[-1]

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Weighted):
    """`minidl.functional.bilinear` of two inputs, with a weight (out_features, in1_features, in2_features) and bias."""

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        require_positive("Bilinear", in1_features=in1_features, in2_features=in2_features, out_features=out_features)
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.make_parameters(bias, device, dtype)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_features, self.in1_features, self.in2_features), "bias": (self.out_features,)}

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, both uniform in ±1/√in1_features."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p is a probability, expected 0 ≤ p ≤ 1, got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """`minidl.functional.dropout` while training, the identity otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """`minidl.functional.alpha_dropout` while training, the identity otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """`minidl.functional.dropout1d` while training, the identity otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """`minidl.functional.dropout2d` while training, the identity otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim`, inclusive, made one; by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("flatten", input)
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The dimension `dim` made several, of the sizes `unflattened_size`; one of them may be -1."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        if not isinstance(dim, (int, np.integer)) or isinstance(dim, bool):
            raise TypeError(f"Unflatten: dim must be an integer, got {dim!r}; dimensions have no names here")
        if not isinstance(unflattened_size, (tuple, list)) or not unflattened_size:
            raise TypeError(f"Unflatten: unflattened_size must be a tuple of sizes, got {unflattened_size!r}")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("unflatten", input)
        dim = axis(self.dim, input.ndim)
        return input.reshape(*input.shape[:dim], *self._sizes(input.shape[dim]), *input.shape[dim + 1 :])

    def _sizes(self, size: int) -> tuple[int, ...]:
        """The sizes, whose product must be that of the dimension."""
        known = math.prod(n for n in self.unflattened_size if n != -1)
        sizes = tuple(size // known if n == -1 and known else n for n in self.unflattened_size)
        if math.prod(sizes) != size or min(sizes) < 0:
            raise ValueError(f"unflatten: a dimension of {size} does not fit {tuple(self.unflattened_size)}")
        return sizes

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class PReLU(Module):
    """`minidl.functional.prelu` with one learned slope, or one for each of `num_parameters` channels."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        require_positive("PReLU", num_parameters=num_parameters)
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all slopes to `init` again."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Embedding(Module):
    """`minidl.functional.embedding` in a learned table (num_embeddings, embedding_dim), normal at first.

    Parameters
    ----------
    padding_idx : a row that is zero at first, and gets no gradient
    device, dtype : of the table
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        require_positive("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is out of range for {num_embeddings} rows")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Any:
        """A layer whose table is `embeddings` (rows, features), which does not learn if `freeze`."""
        require_tensors("from_pretrained", embeddings)
        if embeddings.ndim != 2:
            raise ValueError(f"from_pretrained: expected a table (rows, features), got {dims(embeddings.shape)}")
        rows, features = embeddings.shape
        layer = cls(rows, features, padding_idx)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the table anew; the row `padding_idx` is zero."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class Identity(Module):
    """What comes in; takes any arguments, so that it can stand in for any layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        return input
