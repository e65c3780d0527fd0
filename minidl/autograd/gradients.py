"""Gradients: as values, or left in the leaves."""

from collections.abc import Sequence
from typing import Any

from minidl.engine.core import Tensor, as_tuple
from minidl.engine.walk import consume, gradients, into_leaves
from minidl.ops.create import zeros_like


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs`, leaves or not; no ``.grad`` is touched.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensors
    grad_outputs : Tensor or sequence, optional
        A cotangent for each output, of its shape; may be left out for scalars.
    retain_graph, create_graph : as in `Tensor.backward`
    only_inputs, is_grads_batched : as by default; gradients of other leaves, and of batches, are not supported.
    allow_unused : give None for an input that the outputs do not depend on, instead of raising.
    materialize_grads : give zeros for it.

    Returns
    -------
    tuple of Tensor
        One gradient per input, of its shape and dtype.

    Raises
    ------
    RuntimeError
        If an input does not require grad, or is not used.
    """
    if not only_inputs:
        raise ValueError("grad: only_inputs=False is not supported; backward() leaves gradients in all leaves")
    if is_grads_batched:
        raise ValueError("grad: is_grads_batched=True is not supported; call grad once for each, or jacobian")
    outs, ins = as_tensors("grad", outputs), as_tensors("grad", inputs)
    cotangents = cotangents_of("grad", outs, grad_outputs)
    for x in ins:
        if not x.tracked:
            raise RuntimeError("grad: an input does not require grad; set requires_grad before it is used")
    grads = gradients(outs, ins, cotangents, retain_graph, create_graph)
    if materialize_grads:
        return tuple(zeros_like(x) if g is None else g for x, g in zip(ins, grads, strict=True))
    if not allow_unused and any(g is None for g in grads):
        raise RuntimeError(
            "grad: an input is not part of the graph of the outputs; allow_unused=True gives None for it, "
            "materialize_grads=True zeros"
        )
    return tuple(grads)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """`Tensor.backward` of several tensors at once: the gradients of their sum are added to ``.grad`` of the leaves.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensors
    grad_tensors : Tensor or sequence, optional
        A cotangent for each, of its shape; may be left out for scalars.
    retain_graph, create_graph, inputs : as in `Tensor.backward`
    """
    outputs = as_tensors("backward", tensors)
    cotangents = cotangents_of("backward", outputs, grad_tensors)
    consume(into_leaves(outputs, cotangents, retain_graph, create_graph, inputs), create_graph)


def as_tensors(name: str, given: Any) -> tuple[Tensor, ...]:
    """One tensor or a sequence of them, as a tuple that is not empty."""
    tensors = as_tuple(given)
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(f"{name}: expected tensors, got {type(t).__name__}")
    if not tensors:
        raise ValueError(f"{name}: expected one tensor or more, got none")
    return tensors


def cotangents_of(name: str, outputs: Sequence[Tensor], given: Any) -> tuple[Tensor | None, ...]:
    """A cotangent for each output, None where it may be left out."""
    cotangents = (None,) * len(outputs) if given is None else as_tuple(given)
    if len(cotangents) != len(outputs):
        raise ValueError(f"{name}: {len(outputs)} outputs need as many cotangents, got {len(cotangents)}")
    return cotangents
