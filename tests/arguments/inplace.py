"""The methods that write into their tensor: what the function of that name gives, and what is left in the tensor."""

import numpy as np

import minidl as md
from arguments import maths, tensors  # noqa: F401
from arguments.functions import X
from arguments.table import ROWS, fixed, given, row, wave

UNRECORDED = {"asinh", "acosh", "atanh", "logical_and", "logical_or", "logical_xor", "logical_not", "eq", "ne", "lt",
              "le", "gt", "ge", "floor_divide"}  # fmt: skip
APART = ("normal", "bernoulli", "unique", "true_divide")  # in place they are functions of their own


def written(m, row, found, args, options):
    """What a method returns, and what it leaves in its tensor."""
    return [found(*args, **options), args[0]]


def unrecorded(arguments):
    """Arguments of which no gradient is taken."""
    return {name: fixed(value) if isinstance(value, np.ndarray) else value for name, value in arguments.items()}


def alone(value, name):
    """Whether a variation stands without another tensor, which a method has already."""
    return not (isinstance(value, given) and name in value.others)


def methods(plain):
    """The methods that do in place what a row is of, under all of its names."""
    names = [name for name, value in vars(md).items() if value is vars(md).get(plain.name) and name not in APART]
    return [name for name in names if hasattr(md.Tensor, f"{name}_")]


for plain, name in [(each, name) for each in ROWS for name in methods(each)]:
    base = unrecorded(plain.base) if plain.name in UNRECORDED else plain.base
    (first, value), *others = base.items()
    there = {k: values for k, values in plain.variations.items() if k != first and alone(values, first)}
    row(f"Tensor.{name}_", written, self=value, **dict(others))(**there)

row("Tensor.copy_", written, lambda m, x, src: x.copy_(src), self=fixed(X), src=fixed(wave(4)))()
row("Tensor.fill_", written, self=fixed(X), value=0.5)(value=-2)
row("Tensor.fill_diagonal_", written, self=wave(5, 2), fill_value=0.5)(fill_value=-2, wrap=True)
row("Tensor.zero_", written, self=fixed(X))()
row("Tensor.requires_grad_", written, self=fixed(X))(requires_grad=False)
row("Tensor.true_divide_", written, self=X, other=2.5)()
