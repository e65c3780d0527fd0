"""For every op: how to draw arguments for it, and an independent oracle for its value."""

# ruff: noqa: F401
from specs import elementwise, losses, reductions, shapes, windows
from specs.drawing import SPECS, Case, Spec, cases
