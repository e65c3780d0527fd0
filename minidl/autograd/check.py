"""Gradients held against finite differences, at first and second order.

With cotangents V and directions U, V J U is computed twice: by backward, and by central differences,
V (f(x + εU) − f(x − εU)) / 2ε. Small Jacobians are compared whole (V and U are the identity), large ones by random
probes; V never is a row of ones alone, since the gradient of a plain sum hides faults (that of Σ softmax is zero).
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.autograd.gradients import grad
from minidl.backend import dims, transfer
from minidl.backend.modes import enable_grad, is_grad_enabled, no_fusion, no_grad
from minidl.engine.core import Tensor, as_tuple

WHOLE = 50  # up to so many elements a Jacobian is compared whole
PROBES = 3  # random cotangents of each output, and random directions of larger inputs


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
    fast_mode: bool = False,
) -> bool:
    """Check the gradients of ``func(*inputs)`` with respect to the inputs that require grad.

    Besides their values: backward twice agrees; it is linear in the cotangent, and zero for zero; shapes and dtypes are
    the inputs'; inputs and cotangents stay as they were; fused kernels, their references, and recorded backward passes
    agree. Outputs that carry no gradient are left alone, unless none does: then they must be constant.

    Parameters
    ----------
    func : function of the inputs, to a tensor or a tuple of tensors
    inputs : Tensor or sequence; float64, or differences are too coarse
    eps : the step of the differences
    atol, rtol : how far analytic and numeric values may differ: |a − n| ≤ atol + rtol · |n|
    raise_exception : raise rather than return False
    nondet_tol : by how much two backward passes may differ
    fast_mode : compare along random directions only, also where the Jacobian is small

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
        _Check(func, as_tuple(inputs), eps, atol, rtol, nondet_tol, 0 if fast_mode else WHOLE).run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    **options: Any,
) -> bool:
    """`gradcheck` of the gradients, with respect to the inputs and to `grad_outputs` (drawn at random unless given).

    The options are those of `gradcheck`.
    """
    xs = as_tuple(inputs)
    wanted = [x for x in xs if _checked(x)]
    if grad_outputs is None:
        rng = np.random.default_rng(1)
        grad_outputs = [_on(y, rng.standard_normal(y.shape)).requires_grad_() for y in _recorded(func, xs) if y.tracked]

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        outputs = [y for y in _recorded(func, arguments[: len(xs)]) if y.tracked]
        return grad(outputs, wanted, arguments[len(xs) :], create_graph=is_grad_enabled(), materialize_grads=True)

    return gradcheck(gradients, (*xs, *as_tuple(grad_outputs)), **options)


def _checked(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _outputs(func: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Tensor, ...]:
    result = func(*inputs)
    outputs = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: func must return tensors, got {type(y).__name__}")
    return outputs


_recorded = enable_grad()(_outputs)


def _on(like: Tensor, array: Any) -> Tensor:
    """An array as a Tensor of the dtype and on the device of another."""
    return Tensor(transfer.move(np.array(array, like.dtype), like.device))


def _values(x: Tensor) -> np.ndarray:
    """A copy of what a Tensor holds, on the CPU."""
    return np.array(transfer.move(x.array, "cpu"))


def _dot(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Σ weights · values over the last dimension, in which 0 · NaN is 0."""
    return np.where(weights, weights * values, 0).sum(-1)


def _norm(rows: np.ndarray) -> Any:
    return np.sqrt((rows * rows).sum(-1))


class _Check:
    """One call of `gradcheck`."""

    def __init__(
        self,
        func: Callable[..., Any],
        inputs: tuple[Any, ...],
        eps: float,
        atol: float,
        rtol: float,
        nondet_tol: float,
        whole: int,
    ) -> None:
        self.func, self.inputs = func, inputs
        self.eps, self.atol, self.rtol, self.nondet_tol, self.whole = eps, atol, rtol, nondet_tol, whole
        self.places = [i for i, x in enumerate(inputs) if _checked(x)]
        self.rng = np.random.default_rng(0)
        if not self.places:
            raise ValueError("gradcheck: no input requires grad; set requires_grad_() on those to be checked")
        for i in self.places:
            if inputs[i].dtype != np.float64:
                warnings.warn(f"gradcheck: input {i} is {inputs[i].dtype}; only float64 is fine enough", stacklevel=3)

    @np.errstate(all="ignore")
    def run(self) -> None:
        before = {i: _values(x) for i, x in enumerate(self.inputs) if isinstance(x, Tensor)}
        outputs = _recorded(self.func, self.inputs)
        self.shapes = [y.shape for y in outputs]
        cotangents, rows = {}, {}
        for o, y in enumerate(outputs):
            if y.tracked:
                cotangents[o] = self.probes(y.array.size)
                rows[o] = self.pull(o, cotangents[o])
                self.check_passes(o, cotangents[o], rows[o])
        for k, i in enumerate(self.places):
            if rows:
                self.compare(i, cotangents, {o: pulled[k] for o, pulled in rows.items()})
            else:
                self.check_constant(i)
        for i, array in before.items():
            if not np.array_equal(array, _values(self.inputs[i]), equal_nan=True):
                raise GradcheckError(f"input {i} was changed in place")

    def probes(self, size: int) -> np.ndarray:
        """Rows to compare along: the identity for a small input or output, random ones for a large one."""
        return np.eye(size) if size <= self.whole else self.rng.standard_normal((PROBES, size))

    def pull(self, o: int, cotangents: np.ndarray, create_graph: bool = False) -> list[np.ndarray]:
        """vᵀJ for each row v of `cotangents` of output `o`: as many rows for each checked input."""
        y = _recorded(self.func, self.inputs)[o]
        xs = [self.inputs[i] for i in self.places]
        pulled = [np.empty((len(cotangents), x.array.size)) for x in xs]
        for row, v in enumerate(cotangents):
            cotangent = _on(y, v.reshape(y.shape))
            given = _values(cotangent)
            gradients = grad(y, xs, cotangent, retain_graph=True, create_graph=create_graph, materialize_grads=True)
            for i, x, g, rows in zip(self.places, xs, gradients, pulled, strict=True):
                if g.shape != x.shape or g.dtype != x.dtype:
                    raise GradcheckError(f"the gradient of input {i} is {g.dtype} {dims(g.shape)}, not as the input")
                rows[row] = _values(g).ravel()
            if not (_values(cotangent) == given).all():
                raise GradcheckError(f"the cotangent of output {o} was changed in place")
        return pulled

    def check_passes(self, o: int, cotangents: np.ndarray, rows: list[np.ndarray]) -> None:
        """Everything about the backward pass that needs no differences."""
        mix = self.rng.standard_normal((PROBES, len(cotangents)))
        mixed = mix @ cotangents
        ours = self.pull(o, mixed)
        fine = max(1e4 * float(np.finfo(self.inputs[self.places[0]].dtype).eps), self.nondet_tol)

        def agree(what: str, others: list[np.ndarray], tolerance: float) -> None:
            for i, a, b in zip(self.places, ours, others, strict=True):
                if not np.allclose(a, b, 0, tolerance * (1 + np.abs(a).max(initial=0)), equal_nan=True):
                    raise GradcheckError(f"output {o}, input {i}: {what} differ by {np.abs(a - b).max():.3g}")

        agree("two backward passes", self.pull(o, mixed), self.nondet_tol)
        with no_fusion():
            agree("fused kernels and their references", self.pull(o, mixed), fine)
            agree("plain and recorded backward passes", self.pull(o, mixed, create_graph=True), fine)
        if all(np.isfinite(g).all() for g in rows):  # `compare` reports others
            if any(g.any() for g in self.pull(o, np.zeros_like(mixed[:1]))):
                raise GradcheckError(f"output {o}: a zero cotangent gives a gradient that is not zero")
            agree("the gradient of a sum of cotangents and the sum of their gradients", [mix @ g for g in rows], fine)

    def moved(self, i: int, step: np.ndarray) -> list[np.ndarray]:
        """The outputs with input `i` moved by ε·step: the tensor itself, so that a closure over it sees it too."""
        x, data = self.inputs[i], self.inputs[i].array
        with backend.current(data):
            x.array = backend.namespace(data).asarray(data + _on(x, self.eps * step.reshape(x.shape)).array)
        try:
            with no_grad():
                outputs = _outputs(self.func, self.inputs)
        finally:
            x.array = data
        if [y.shape for y in outputs] != self.shapes:
            raise GradcheckError(f"func returns outputs of other shapes when input {i} moves by eps")
        return [_values(y).ravel() for y in outputs]

    def compare(self, i: int, cotangents: dict[int, np.ndarray], rows: dict[int, np.ndarray]) -> None:
        """V J U by backward against V J U by central differences, for input `i` and every output with a gradient."""
        x = self.inputs[i]
        for j, u in enumerate(self.probes(x.array.size)):
            right, left = self.moved(i, u), self.moved(i, -u)
            for o, vs in cotangents.items():
                slope = (right[o] - left[o]) / (2 * self.eps)
                analytic, numeric = _dot(u, rows[o]), _dot(vs, slope)
                # for unit vectors the tolerance of one element; for random ones, of as many that add up at random
                allowed = self.atol * _norm(vs) * _norm(u) + self.rtol * _norm(np.where(vs, vs * slope, 0))
                wrong = np.flatnonzero(~(np.abs(analytic - numeric) <= allowed))
                if wrong.size:
                    k = wrong[0]
                    raise GradcheckError(
                        f"input {i}{self.place(j, x.shape)}, output {o}{self.place(k, self.shapes[o])}: analytic "
                        f"{analytic[k]:.10g}, numeric {numeric[k]:.10g}, off by {abs(analytic[k] - numeric[k]):.3g} "
                        f"(atol {self.atol:g}, rtol {self.rtol:g}){self.kinks(i)}"
                    )

    def check_constant(self, i: int) -> None:
        """Where no output carries a gradient, none may move with the inputs."""
        for u in self.probes(self.inputs[i].array.size):
            for o, (right, left) in enumerate(zip(self.moved(i, u), self.moved(i, -u), strict=True)):
                if not np.array_equal(right, left, equal_nan=True):
                    raise GradcheckError(f"output {o} depends on input {i}, but carries no gradient")

    def kinks(self, i: int) -> str:
        """Where the slopes to the left and to the right of input `i` differ: no gradient is right there."""
        x = self.inputs[i]
        found = []
        here = self.moved(i, np.zeros(x.shape))
        for j in range(min(x.array.size, 1000)):
            u = np.zeros(x.array.size)
            u[j] = 1
            for at, after, before in zip(here, self.moved(i, u), self.moved(i, -u), strict=True):
                right, left = (after - at) / self.eps, (at - before) / self.eps
                if np.any(np.abs(right - left) > 1e-2 * (1 + np.abs(right) + np.abs(left))):
                    found.append(_at(j, x.shape))
                    break
        return f"; a kink lies within eps of input {i} at {', '.join(found[:5])}" if found else ""

    def place(self, j: int, shape: tuple[int, ...]) -> str:
        """Which element of an input or output a probe is, unless it is a random one."""
        return f" at {_at(j, shape)}" if math.prod(shape) <= self.whole else " along a random direction"


def _at(j: int, shape: tuple[int, ...]) -> str:
    return str(list(map(int, np.unravel_index(j, shape)))) if shape else "its value"
