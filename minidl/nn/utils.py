"""Limits for gradients, and parameters as one vector; what PyTorch has beside them here."""

import math
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import bare_parameters, no_grad, require_flag
from minidl.engine.core import Tensor, as_tuple
from minidl.engine.require import require_tensors
from minidl.nn.parameter import Uninitialized
from minidl.nn.weights import remove_spectral_norm as remove_spectral_norm
from minidl.nn.weights import remove_weight_norm as remove_weight_norm
from minidl.nn.weights import spectral_norm as spectral_norm
from minidl.nn.weights import weight_norm as weight_norm
from minidl.ops.joining import cat, split, stack
from minidl.ops.linalg import norm


def _gradients(name: str, parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    given = as_tuple(parameters)
    if isinstance(parameters, Generator) and not given:
        warnings.warn(f"{name}: the generator of parameters is used up, no gradient is limited", stacklevel=4)
    parameters = [p for p in given if not isinstance(p, Uninitialized)]
    require_tensors(name, *parameters)
    return [p.grad for p in parameters if p.grad is not None]


@no_grad()
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of several tensors as one vector, a scalar.

    Parameters
    ----------
    tensors : one tensor or several
    norm_type : the order p of the norm; ``inf`` is the largest absolute value
    error_if_nonfinite : raise for a norm that is NaN or infinite
    foreach : a way of PyTorch's to compute the same; it changes nothing here

    Raises
    ------
    RuntimeError
        For a norm that is not finite, if `error_if_nonfinite`.
    """
    given = as_tuple(tensors)
    require_tensors("get_total_norm", *given)
    _require_foreach("get_total_norm", foreach)
    return _total_norm("get_total_norm", given, norm_type, error_if_nonfinite)


def _total_norm(name: str, tensors: Sequence[Tensor], norm_type: float, error_if_nonfinite: bool) -> Tensor:
    if not tensors:
        return Tensor(np.zeros((), np.float32))
    total = norm(stack([norm(x, float(norm_type)) for x in tensors]), float(norm_type))
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"{name}: the norm of order {norm_type} is {total.item()}")
    return total


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by one factor, in place, so that a norm of `total_norm` becomes at most `max_norm`.

    Parameters
    ----------
    parameters : one tensor or several; those without a gradient are passed over
    total_norm : the norm of the gradients, as `get_total_norm` finds it
    foreach : a way of PyTorch's to compute the same; it changes nothing here
    """
    require_tensors("clip_grads_with_norm_", total_norm)
    _require_foreach("clip_grads_with_norm_", foreach)
    _scale(_gradients("clip_grads_with_norm_", parameters), max_norm, total_norm)


def _scale(grads: Sequence[Tensor], max_norm: float, total_norm: Tensor) -> None:
    scale = (max_norm / (total_norm + 1e-6)).clip(max=1.0)
    for g in grads:
        g.mul_(scale)


def _require_foreach(name: str, foreach: bool | None) -> None:
    if foreach is not None:
        require_flag(name, "foreach", foreach)


@no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients by one factor, in place, so that their norm as one vector is at most `max_norm`.

    Parameters
    ----------
    parameters : one tensor or several; those without a gradient are passed over
    norm_type : the order p of the norm; ``inf`` is the largest absolute value
    error_if_nonfinite : raise rather than scale by a norm that is NaN or infinite
    foreach : a way of PyTorch's to compute the same; it changes nothing here

    Returns
    -------
    Tensor
        The norm that it was, a scalar.

    Raises
    ------
    RuntimeError
        For a norm that is not finite, if `error_if_nonfinite`.
    """
    _require_foreach("clip_grad_norm_", foreach)
    grads = _gradients("clip_grad_norm_", parameters)
    total = _total_norm("clip_grad_norm_", grads, norm_type, error_if_nonfinite)
    _scale(grads, max_norm, total)
    return total


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limit every element of the gradients to ±`clip_value`, in place; `foreach` changes nothing here."""
    _require_foreach("clip_grad_value_", foreach)
    for g in _gradients("clip_grad_value_", parameters):
        g.copy_(g.clip(-float(clip_value), float(clip_value)))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after another. Gradients flow through."""
    parameters = list(parameters)
    require_tensors("parameters_to_vector", *parameters)
    return cat([p.reshape(-1) for p in parameters])


def pieces(vector: Tensor, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """A vector cut into tensors of these shapes."""
    parts = split(vector, [math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


@no_grad()
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into the parameters, in their dtype: what `parameters_to_vector` undoes.

    Raises
    ------
    ValueError
        Unless there are as many elements as in all of the parameters.
    """
    parameters = list(parameters)
    require_tensors("vector_to_parameters", vec, *parameters)
    size = sum(p.array.size for p in parameters)
    if vec.shape != (size,):
        raise ValueError(f"vector_to_parameters: expected a vector of {size} elements, got {dims(vec.shape)}")
    for p, piece in zip(parameters, pieces(vec, [p.shape for p in parameters]), strict=True):
        p.copy_(piece)


def skip_init(module_cls: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """``module_cls(*args, **kwargs)``, whose parameters have whatever their memory held, for weights to be loaded into.

    Nothing is drawn, and memory that is never written costs nothing.
    """
    with bare_parameters():
        return module_cls(*args, **kwargs)
