"""The operators and methods of Tensor, in one table."""

from typing import Any

from minidl import backend, dtypes
from minidl.core import Tensor
from minidl.op import clone, expand
from minidl.ops import create, elementwise, inplace, linalg, loss, reduce, shape


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
    return lambda x, *given: f(x, shape.sizes(given))


TABLE = {
    "__add__": elementwise.add,
    "__radd__": elementwise.add,
    "__sub__": elementwise.sub,
    "__rsub__": _swapped(elementwise.sub),
    "__mul__": elementwise.mul,
    "__rmul__": elementwise.mul,
    "__truediv__": elementwise.div,
    "__rtruediv__": _swapped(elementwise.div),
    "__pow__": elementwise.pow,
    "__rpow__": _swapped(elementwise.pow),
    "__matmul__": linalg.matmul,
    "__rmatmul__": _swapped(linalg.matmul),
    "__neg__": elementwise.neg,
    "__abs__": elementwise.abs,
    "__eq__": _equality(elementwise.eq),
    "__ne__": _equality(elementwise.ne),
    "__lt__": elementwise.lt,
    "__le__": elementwise.le,
    "__gt__": elementwise.gt,
    "__ge__": elementwise.ge,
    "__hash__": object.__hash__,
    "__getitem__": lambda x, index: shape.getitem(x, shape.raw_index(index)),
    "__setitem__": inplace.setitem,
    "T": property(_transposed, doc="A matrix transposed."),
    "clone": clone,
    "to": create.to,
    "expand": _variadic(expand),
    "reshape": _variadic(shape.reshape),
    "view": _variadic(shape.reshape),
    "permute": _variadic(shape.permute),
    "transpose": shape.transpose,
    "flatten": shape.flatten,
    "squeeze": shape.squeeze,
    "unsqueeze": shape.unsqueeze,
    "abs": elementwise.abs,
    "exp": elementwise.exp,
    "log": elementwise.log,
    "sqrt": elementwise.sqrt,
    "tanh": elementwise.tanh,
    "sigmoid": elementwise.sigmoid,
    "relu": elementwise.relu,
    "pow": elementwise.pow,
    "sign": elementwise.sign,
    "maximum": elementwise.maximum,
    "minimum": elementwise.minimum,
    "clip": elementwise.clip,
    "clamp": elementwise.clip,
    "matmul": linalg.matmul,
    "softmax": loss.softmax,
    "log_softmax": loss.log_softmax,
    "sum": reduce.sum,
    "mean": reduce.mean,
    "var": reduce.var,
    "std": reduce.std,
    "amax": reduce.amax,
    "amin": reduce.amin,
    "max": reduce.max,
    "min": reduce.min,
    "argmax": reduce.argmax,
    "argmin": reduce.argmin,
    "copy_": inplace.copy_,
    "fill_": inplace.fill_,
    "zero_": inplace.zero_,
    "add_": inplace.add_,
    "sub_": inplace.sub_,
    "mul_": inplace.mul_,
}
for _name, _function in TABLE.items():
    setattr(Tensor, _name, _function)
