"""The operators and methods of Tensor, in one table."""

import functools
from typing import Any

from minidl import backend
from minidl.backend import dtypes
from minidl.engine import hooks, walk
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import clone, expand
from minidl.ops import (
    compare,
    convert,
    create,
    draw,
    elementwise,
    indexing,
    inplace,
    joining,
    linalg,
    loss,
    reduce,
    shape,
    special,
)  # fmt: skip


def _swapped(f: Any) -> Any:
    return lambda x, y: f(y, x)


def _equality(f: Any) -> Any:
    """`f` for what can be compared elementwise; Python's own answer for anything else, such as None."""
    comparable = (Tensor, *dtypes.SCALARS)
    return lambda x, y: f(x, y) if isinstance(y, comparable) or backend.is_array(y) else NotImplemented


def _transposed(x: Tensor) -> Tensor:
    if x.ndim != 2:
        raise ValueError(f"T: only for matrices, this is {backend.dims(x.shape)}; use transpose or permute")
    return shape.transpose(x, 0, 1)


def _variadic(f: Any) -> Any:
    """`f(x, sizes)` as a method that takes the sizes one by one too."""

    @functools.wraps(f)
    def method(x: Tensor, *given: Any, **options: Any) -> Any:
        return f(x, **options) if options else f(x, shape.sizes(given))

    return named(method)


def _masks(f: Any) -> Any:
    """A logical operator, for bools alone: `f` takes all numbers, what Python's ``&`` does to the bits of integers."""

    def operator(x: Any, *others: Any) -> Any:
        for y in (x, *others):
            if not isinstance(y, bool) and getattr(y, "dtype", None) != dtypes.bool_:
                raise TypeError(f"{f.__name__}: the operators & | ^ ~ are for bools, got {getattr(y, 'dtype', y)}")
        return f(x, *others)

    return operator


OPERATORS = {
    "add": elementwise.add,
    "sub": elementwise.sub,
    "mul": elementwise.mul,
    "truediv": elementwise.div,
    "pow": elementwise.pow,
    "matmul": linalg.matmul,
    "and": _masks(compare.logical_and),
    "or": _masks(compare.logical_or),
    "xor": _masks(compare.logical_xor),
}
TABLE = {f"__{name}__": f for name, f in OPERATORS.items()}
TABLE |= {f"__r{name}__": _swapped(f) for name, f in OPERATORS.items()}
TABLE |= {f"__i{name}__": inplace.in_place(f) for name, f in OPERATORS.items() if name != "matmul"}
TABLE |= {
    "__neg__": elementwise.neg,
    "__abs__": elementwise.abs,
    "__eq__": _equality(compare.eq),
    "__ne__": _equality(compare.ne),
    "__lt__": compare.lt,
    "__le__": compare.le,
    "__gt__": compare.gt,
    "__ge__": compare.ge,
    "__invert__": _masks(compare.logical_not),
    "__hash__": object.__hash__,
    "__getitem__": indexing.subscripted,
    "__setitem__": inplace.setitem,
    "where": lambda x, condition, y: elementwise.where(condition, x, y),
    "T": property(_transposed, doc="A matrix transposed."),
    "backward": walk.backward,
    "backward_steps": walk.backward_steps,
    "register_hook": hooks.register_hook,
    "retain_grad": hooks.retain_grad,
    "retains_grad": property(hooks.retains_grad, doc="Whether `retain_grad` has been asked of it."),
    "clone": clone,
    "expand": _variadic(expand),
    "reshape": _variadic(shape.reshape),
    "view": _variadic(shape.reshape),
    "permute": _variadic(shape.permute),
    "flip": _variadic(shape.flip),
    "tile": _variadic(shape.tile),
    "matmul": linalg.matmul,
    "softmax": loss.softmax,
    "log_softmax": loss.log_softmax,
}
METHODS = {
    convert: "to cpu cuda type type_as is_floating_point",
    draw: "bernoulli multinomial",
    elementwise: "add sub mul div neg pow abs sign floor ceil trunc round exp log sqrt tanh sigmoid relu clip "
    "maximum minimum masked_fill",
    special: "sin cos tan asin acos atan sinh cosh asinh acosh atanh expm1 log1p erf",
    compare: "eq ne lt le gt ge isnan isinf isfinite logical_and logical_or logical_xor logical_not",
    reduce: "sum cumsum logsumexp mean var std norm prod amax amin argmax argmin all any max min topk",
    shape: "transpose flatten squeeze unsqueeze",
    indexing: "gather scatter_add index_select",
    joining: "split chunk",
    inplace: "copy_ fill_ zero_ uniform_ normal_ bernoulli_",
}
IN_PLACE = (
    "add sub mul div pow abs neg sign floor ceil trunc round exp log sqrt tanh sigmoid relu clip clamp masked_fill sin "
    "cos tan asin acos atan sinh cosh asinh acosh atanh expm1 log1p erf scatter_add eq ne lt le gt ge logical_and "
    "logical_or logical_xor logical_not"
)
TURNED = "squeeze unsqueeze transpose"
TABLE |= {name: getattr(module, name) for module, names in METHODS.items() for name in names.split()}
TABLE |= convert.METHODS | create.METHODS
TABLE["clamp"] = elementwise.clip
TABLE |= {f"{name}_": inplace.in_place(TABLE[name]) for name in IN_PLACE.split()}
TABLE |= {f"{name}_": inplace.turned(TABLE[name]) for name in TURNED.split()}
for _name, _function in TABLE.items():
    setattr(Tensor, _name, _function)
