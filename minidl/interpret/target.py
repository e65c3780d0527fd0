"""What is explained: of each sample one number, a score of the network or the activation of a unit inside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.autograd import grad
from minidl.backend import dims
from minidl.backend.dtypes import require_float
from minidl.backend.modes import enable_grad
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.models.feature_extraction import create_feature_extractor
from minidl.nn import Module
from minidl.nn.modes import modes_kept
from minidl.nn.tree import require_module
from minidl.ops.from_data import as_tensor, tensor

Target = int | tuple[int, ...] | Sequence[int] | Sequence[tuple[int, ...]] | Tensor | None


@contextmanager
def evaluating(name: str, model: Any) -> Iterator[None]:
    """A ``with`` block in which a network is in evaluation mode, and each module of it as before afterwards.

    Raises
    ------
    TypeError
        For what is no Module.
    """
    require_module(name, model)
    with modes_kept(model):
        model.eval()
        yield


def require_inputs(name: str, inputs: Any) -> None:
    """Raise TypeError for anything but a tensor of floats, ValueError for one without samples."""
    require_tensors(name, inputs)
    require_float(name, inputs.dtype)
    if inputs.ndim < 2 or not inputs.shape[0]:
        raise ValueError(f"{name}: expected a batch of inputs (N, …), got {dims(inputs.shape) or 'a number'}")


def spread(name: str, what: str, value: Tensor | float, inputs: Tensor) -> Tensor:
    """A number, or a tensor that broadcasts to the inputs, in their shape, dtype and place.

    Raises
    ------
    ValueError
        For a tensor of another shape.
    """
    given = as_tensor(value, dtype=inputs.dtype, device=inputs.device).detach()
    try:
        return given.expand(inputs.shape)
    except (ValueError, RuntimeError):
        shapes = f"{dims(given.shape)}, the inputs {dims(inputs.shape)}"
        raise ValueError(f"{name}: {what} must broadcast to the inputs; they are {shapes}") from None


def outputs_of(model: Module, inputs: Tensor, layer: str | None) -> Tensor:
    """What a network gives, or a layer inside it; nothing behind that is computed then."""
    if layer is None:
        return model(inputs)
    return create_feature_extractor(model, {layer: "output"})(inputs)["output"]


def selected(name: str, outputs: Tensor, target: Target) -> Tensor:
    """The number (N,) of each sample that `target` means.

    Parameters
    ----------
    outputs : Tensor (N, …)
    target : optional
        An index into the dimensions behind the first, for all samples: an int where there is one, else a tuple; or a
        list or tensor of as many indices as there are samples. None where each sample has a single number.

    Raises
    ------
    ValueError
        For an index of another length, or one that the outputs do not have, or none where there are several numbers.
    """
    count, sizes = outputs.shape[0], outputs.shape[1:]
    if target is None:
        if outputs.numel() != count:
            raise ValueError(f"{name}: each sample has {dims(sizes)} outputs; say by target which one is meant")
        return outputs.reshape(count)
    index = np.asarray(target.numpy() if isinstance(target, Tensor) else target)
    if index.dtype.kind not in "iu":
        raise TypeError(f"{name}: target must be one index, or one for each sample, got {target!r}")
    every = index.reshape(1, -1) if isinstance(target, tuple) or index.ndim == 0 else index.reshape(len(index), -1)
    if every.shape[1] != len(sizes) or len(every) not in (1, count):
        raise ValueError(
            f"{name}: target has the shape {dims(index.shape) or 'of a number'}; {count} samples with {dims(sizes)} "
            f"outputs each need {len(sizes)} index{'es' * (len(sizes) > 1)}, for all or for each of them"
        )
    beyond = (every < -np.array(sizes)) | (every >= np.array(sizes))
    if beyond.any():
        raise ValueError(f"{name}: target {every[beyond.any(1)][0].tolist()} is outside of {dims(sizes)} outputs")
    rows = np.broadcast_to(every % np.array(sizes), (count, len(sizes)))
    places = tensor(np.ravel_multi_index((np.arange(count), *rows.T), outputs.shape), device=outputs.device)
    return outputs.flatten()[places]


def gradient(name: str, model: Module, inputs: Tensor, target: Target, layer: str | None) -> Tensor:
    """The gradient of what `target` means with respect to the inputs, in evaluation mode."""
    require_inputs(name, inputs)
    with evaluating(name, model), enable_grad():
        x = inputs.detach().requires_grad_()
        chosen = selected(name, outputs_of(model, x, layer), target)
        return grad(chosen.sum(), x, materialize_grads=True)[0]
