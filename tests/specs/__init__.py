"""For every op: how to draw arguments for it, and an independent oracle for its value."""

# ruff: noqa: F401
from minidl.engine.fusion import composites
from minidl.engine.op import registry
from specs import elementwise, losses, reductions, shapes, windows
from specs.drawing import SPECS, Case, Spec, cases, sides

OPS = registry | composites
DIFFERENTIABLE = sorted(name for name, op in OPS.items() if any(map(op.differentiable, range(len(op.arguments)))))


def oracles(name: str) -> dict[int, list[str]]:
    """What the derivatives of an op are held against, at first and at second order: each checks them on its own."""
    if name not in DIFFERENTIABLE:
        return {1: [], 2: []}
    exact = "complex step" if name in SPECS and SPECS[name].analytic else "exact differences"
    return {order: ["central differences", exact, "adjoint identity"] for order in (1, 2)}
