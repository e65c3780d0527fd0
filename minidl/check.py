"""Gradients held against finite differences, at first and second order.

With cotangents V and directions U, V J U is computed twice: by backward, and by central differences,
V (f(x + εU) − f(x − εU)) / 2ε. Small Jacobians are compared whole (V and U contain the identity), large ones by random
probes; V always has random rows, since the gradient of a plain sum hides faults (that of Σ softmax is zero).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.core import Tensor, as_tuple, grad
from minidl.modes import enable_grad, no_fusion, no_grad

WHOLE = 50  # up to so many elements a Jacobian is compared whole
PROBES = 3  # random cotangents, and random directions of larger inputs


class GradcheckError(RuntimeError):
    """A gradient is not what finite differences say, or a function is not fit to be checked."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Check the gradients of ``func(*inputs)`` with respect to the inputs that require grad.

    Besides their values: backward twice agrees; a zero cotangent gives zeros; shapes and dtypes are the inputs'; inputs
    and cotangents stay as they were; fused kernels, their references, and recorded backward passes agree.

    Parameters
    ----------
    func : function of the inputs, to a tensor or a tuple of tensors
    inputs : Tensor or sequence; float64, or differences are too coarse
    eps : the step of the differences
    atol, rtol : how far analytic and numeric values may differ: |a − n| ≤ atol + rtol · |n|
    raise_exception : raise rather than return False
    nondet_tol : by how much two backward passes may differ

    Returns
    -------
    bool
        True if all is well.

    Raises
    ------
    GradcheckError
        With the input, the element, the analytic and the numeric value; and the kink, where one lies within `eps`.
    ValueError
        If no input requires grad.
    """
    try:
        _Check(func, as_tuple(inputs), eps, atol, rtol, nondet_tol).run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """`gradcheck` of the gradients: with respect to the inputs and to `grad_outputs` (drawn at random unless given)."""
    xs = as_tuple(inputs)
    if grad_outputs is None:
        rng = np.random.default_rng(1)
        with no_grad():
            outputs = as_tuple(func(*xs))
        grad_outputs = [_on(y, rng.standard_normal(y.shape)).requires_grad_() for y in outputs if y.dtype.kind == "f"]
    cotangents = as_tuple(grad_outputs)

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        with enable_grad():
            ins, vs = arguments[: len(xs)], arguments[len(xs) :]
            ins = tuple(a if not _checked(x) or a.tracked else a.detach().requires_grad_() for a, x in zip(ins, xs))  # noqa: B905
            outputs = [y for y in as_tuple(func(*ins)) if y.tracked]
            wanted = [a for a, x in zip(ins, xs, strict=True) if _checked(x)]
            return grad(outputs, wanted, vs[: len(outputs)], create_graph=True, materialize_grads=True)

    return gradcheck(
        gradients,
        (*xs, *cotangents),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
    )


def _checked(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _on(like: Tensor, array: Any) -> Tensor:
    """An array as a Tensor of the dtype and on the device of another."""
    return Tensor(backend.move(np.array(array, like.dtype), like.device))


class _Check:
    """One call of `gradcheck`."""

    def __init__(
        self, func: Callable[..., Any], inputs: tuple[Any, ...], eps: float, atol: float, rtol: float, nondet_tol: float
    ) -> None:
        self.func, self.inputs = func, inputs
        self.eps, self.atol, self.rtol, self.nondet_tol = eps, atol, rtol, nondet_tol
        self.places = [i for i, x in enumerate(inputs) if _checked(x)]
        self.rng = np.random.default_rng(0)
        if not self.places:
            raise ValueError("gradcheck: no input requires grad; set requires_grad_() on those to be checked")
        for i in self.places:
            if inputs[i].dtype != np.float64:
                warnings.warn(f"gradcheck: input {i} is {inputs[i].dtype}; only float64 is fine enough", stacklevel=4)

    def run(self) -> None:
        before = [x.data.copy() for x in self.inputs if isinstance(x, Tensor)]
        outputs = self.evaluate()
        for o, y in enumerate(outputs):
            if not y.tracked:
                self.check_constant(o)
                continue
            cotangents = self.cotangents(y)
            rows = self.pull(o, cotangents)
            self.check_passes(o, cotangents[-PROBES:], rows[-PROBES:])
            for k, i in enumerate(self.places):
                self.compare(o, i, cotangents, [row[k] for row in rows])
        for array, x in zip(before, (x for x in self.inputs if isinstance(x, Tensor)), strict=True):
            if not np.array_equal(array, x.data, equal_nan=True):
                raise GradcheckError("an input was changed in place")

    def check_constant(self, o: int) -> None:
        """An output without gradient must not move with the inputs."""
        for i in self.places:
            for u in self.directions(i):
                if not np.array_equal(self.along(i, u, 1)[o], self.along(i, u, -1)[o], equal_nan=True):
                    raise GradcheckError(f"output {o} depends on input {i}, but carries no gradient")

    def evaluate(self) -> tuple[Tensor, ...]:
        with enable_grad():
            result = self.func(*self.inputs)
        outputs = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TypeError(f"gradcheck: func must return tensors, got {type(y).__name__}")
        return outputs

    def cotangents(self, y: Tensor) -> list[np.ndarray]:
        """The identity for a small output, and random rows."""
        size = y.data.size
        rows = np.eye(size) if size <= WHOLE else np.zeros((0, size))
        rows = np.concatenate([rows, self.rng.standard_normal((PROBES, size))])
        return [row.reshape(y.shape) for row in rows]

    def directions(self, i: int) -> list[np.ndarray]:
        """The identity for a small input, random directions for a large one."""
        x = self.inputs[i]
        rows = np.eye(x.data.size) if x.data.size <= WHOLE else self.rng.uniform(-1, 1, (PROBES, x.data.size))
        return [row.reshape(x.shape) for row in rows]

    def pull(self, o: int, cotangents: list[np.ndarray], create_graph: bool = False) -> list[list[np.ndarray]]:
        """vᵀJ for each cotangent v of output `o`: a list of one gradient per checked input."""
        y = self.evaluate()[o]
        xs = [self.inputs[i] for i in self.places]
        rows = []
        for v in cotangents:
            cotangent = _on(y, v)
            gradients = grad(
                y,
                xs,
                cotangent,
                retain_graph=True,
                create_graph=create_graph,
                allow_unused=True,
                materialize_grads=True,
            )
            for i, x, g in zip(self.places, xs, gradients, strict=True):
                if g.shape != x.shape or g.dtype != x.dtype:
                    raise GradcheckError(f"the gradient of input {i} is {g.dtype} {dims(g.shape)}, not as the input")
            if not np.array_equal(cotangent.numpy(), v.astype(y.dtype)):
                raise GradcheckError(f"the cotangent of output {o} was changed in place")
            rows.append([g.detach().numpy() for g in gradients])
        return rows

    def check_passes(self, o: int, cotangents: list[np.ndarray], rows: list[list[np.ndarray]]) -> None:
        """Everything about the backward pass that needs no differences."""

        def agree(what: str, others: list[list[np.ndarray]], rtol: float, atol: float) -> None:
            for ours, theirs in zip(rows, others, strict=True):
                for i, a, b in zip(self.places, ours, theirs, strict=True):
                    if not np.allclose(a, b, rtol, atol, equal_nan=True):
                        raise GradcheckError(f"output {o}, input {i}: {what} differ by {np.abs(a - b).max():.3g}")

        fine = max(1e4 * float(np.finfo(rows[0][0].dtype).eps), self.nondet_tol)
        agree("two backward passes", self.pull(o, cotangents), 0, self.nondet_tol)
        with no_fusion():
            agree("fused kernels and their references", self.pull(o, cotangents), fine, fine)
            agree("plain and recorded backward passes", self.pull(o, cotangents, create_graph=True), fine, fine)
        if any(g.any() for row in self.pull(o, [np.zeros_like(cotangents[0])]) for g in row):
            raise GradcheckError(f"output {o}: a zero cotangent gives a gradient that is not zero")

    def along(self, i: int, u: np.ndarray, sign: int) -> list[np.ndarray]:
        """The outputs at x ± εu, for input `i`."""
        x = self.inputs[i]
        moved = Tensor(np.asarray(x.data + _on(x, sign * self.eps * u).data))
        arguments = [moved if j == i else a.detach() if isinstance(a, Tensor) else a for j, a in enumerate(self.inputs)]
        with no_grad():
            return [backend.move(y.data, "cpu").copy() for y in as_tuple(self.func(*arguments))]

    def compare(self, o: int, i: int, cotangents: list[np.ndarray], rows: list[np.ndarray]) -> None:
        """V J U by backward against V J U by central differences."""
        directions = self.directions(i)
        for j, u in enumerate(directions):
            slope = (self.along(i, u, 1)[o] - self.along(i, u, -1)[o]) / (2 * self.eps)
            for k, (v, row) in enumerate(zip(cotangents, rows, strict=True)):
                analytic, numeric = float((row * u).sum()), float((v * slope).sum())
                if not abs(analytic - numeric) <= self.atol + self.rtol * abs(numeric):
                    whole = self.inputs[i].data.size <= WHOLE
                    where = f"input {i}" + f" at {_at(j, u)}" * whole + f", output {o}"
                    where += f" at {_at(k, v)}" if k < len(cotangents) - PROBES else " along a random cotangent"
                    raise GradcheckError(
                        f"{where}: analytic {analytic:.10g}, numeric {numeric:.10g}, off by "
                        f"{abs(analytic - numeric):.3g} (atol {self.atol:g}, rtol {self.rtol:g})" + self.kinks(i)
                    )

    def kinks(self, i: int) -> str:
        """Where the slopes to the left and to the right of input `i` differ: no gradient is right there."""
        x = self.inputs[i]
        here = self.along(i, np.zeros(x.shape), 1)
        found = []
        for j in range(min(x.data.size, 1000)):
            u = np.zeros(x.data.size)
            u[j] = 1
            u = u.reshape(x.shape)
            for at, after, before in zip(here, self.along(i, u, 1), self.along(i, u, -1), strict=True):
                right, left = (after - at) / self.eps, (at - before) / self.eps
                if np.any(np.abs(right - left) > 1e-2 * (1 + np.abs(right) + np.abs(left))):
                    found.append(_at(j, u))
                    break
        return f"; a kink lies within eps of input {i} at {', '.join(found[:5])}" if found else ""


def _at(j: int, like: np.ndarray) -> str:
    return str(list(map(int, np.unravel_index(j, like.shape)))) if like.ndim else "its value"
