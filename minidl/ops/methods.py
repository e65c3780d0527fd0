"""The operators and methods of Tensor, in one table."""

import functools
from typing import Any

from minidl import backend
from minidl.backend import dtypes, transfer
from minidl.engine import hooks, walk
from minidl.engine.absent import METHODS_ABSENT, Absent
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import clone, expand
from minidl.ops import (
    arithmetic,
    arrange,
    compare,
    convert,
    create,
    diagonal,
    division,
    draw,
    elementwise,
    extremes,
    indexing,
    inplace,
    joining,
    linalg,
    loss,
    reduce,
    scatter,
    selection,
    shape,
    special,
    views,
)  # fmt: skip


def _swapped(f: Any) -> Any:
    return lambda x, y: f(y, x)


def _equality(f: Any) -> Any:
    """`f` for what can be compared elementwise; Python's own answer for anything else, such as None."""
    comparable = (Tensor, *dtypes.SCALARS)
    return lambda x, y: f(x, y) if isinstance(y, comparable) or backend.is_array(y) else NotImplemented


def _itself(x: Tensor) -> Tensor:
    if x.dtype == dtypes.bool_:
        raise TypeError("positive: not defined for bool")
    return x


def _transposed(x: Tensor) -> Tensor:
    if x.ndim != 2:
        raise ValueError(f"T: only for matrices, this is {backend.dims(x.shape)}; use transpose or permute")
    return shape.transpose(x, 0, 1)


def _variadic(f: Any) -> Any:
    """`f(x, sizes)` as a method that takes the sizes one by one too."""

    @functools.wraps(f)
    def method(x: Tensor, *given: Any, **options: Any) -> Any:
        if not (given or options):
            raise TypeError("expected sizes or dimensions, got none")
        return f(x, **options) if options else f(x, shape.sizes(given))

    return named(method)


def _contains(x: Tensor, value: Any) -> bool:
    """``value in x``: whether an element is equal to it."""
    if not (isinstance(value, (Tensor, *dtypes.SCALARS)) or backend.is_array(value)):
        raise TypeError(f"in: a tensor has numbers alone, got {type(value).__name__}")
    return bool(reduce.any(compare.eq(x, value)))


OPERATORS = {
    "add": elementwise.add,
    "sub": elementwise.sub,
    "mul": elementwise.mul,
    "truediv": elementwise.div,
    "pow": elementwise.pow,
    "matmul": linalg.matmul,
    "floordiv": division.floor_divide,
    "mod": division.remainder,
    "and": division.bitwise_and,
    "or": division.bitwise_or,
    "xor": division.bitwise_xor,
    "lshift": division.bitwise_left_shift,
    "rshift": division.bitwise_right_shift,
}
TABLE = {f"__{name}__": f for name, f in OPERATORS.items()}
TABLE |= {f"__r{name}__": _swapped(f) for name, f in OPERATORS.items()}
TABLE |= {f"__i{name}__": inplace.in_place(f) for name, f in OPERATORS.items() if name != "matmul"}
TABLE |= {
    "__neg__": elementwise.neg,
    "__pos__": _itself,
    "__abs__": elementwise.abs,
    "__eq__": _equality(compare.eq),
    "__ne__": _equality(compare.ne),
    "__lt__": compare.lt,
    "__le__": compare.le,
    "__gt__": compare.gt,
    "__ge__": compare.ge,
    "__invert__": division.bitwise_not,
    "__contains__": _contains,
    "__hash__": object.__hash__,
    "__getitem__": indexing.subscripted,
    "__setitem__": inplace.setitem,
    "where": lambda x, condition, other: elementwise.where(condition, x, other),
    "T": property(_transposed, doc="A matrix transposed."),
    "mT": property(views.mT, doc="Each matrix of a batch transposed."),
    "dim": lambda x: x.ndim,
    "ndimension": lambda x: x.ndim,
    "nelement": Tensor.numel,
    "element_size": lambda x: x.array.itemsize,
    "itemsize": property(lambda x: x.array.itemsize, doc="How many bytes an element takes."),
    "nbytes": property(lambda x: x.array.nbytes, doc="How many bytes the elements take."),
    "is_cuda": property(lambda x: backend.on_gpu(x.array), doc="Whether it is on a GPU."),
    "tolist": lambda x: transfer.move(x.array, "cpu").tolist(),
    "backward": walk.backward,
    "backward_steps": walk.backward_steps,
    "register_hook": hooks.register_hook,
    "retain_grad": hooks.retain_grad,
    "retains_grad": property(hooks.retains_grad, doc="Whether `retain_grad` has been asked of it."),
    "clone": clone,
    "expand": _variadic(expand),
    "reshape": _variadic(shape.reshape),
    "view": _variadic(views.view),
    "repeat": _variadic(arrange.repeat),
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
    elementwise: "mul neg pow abs sign floor ceil trunc round exp log sqrt tanh sigmoid relu clip maximum minimum "
    "masked_fill",
    arithmetic: "add sub div reciprocal rsqrt square frac lerp addcmul addcdiv clamp_min clamp_max nan_to_num isclose "
    "allclose equal",
    division: "floor_divide remainder fmod bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift "
    "bitwise_right_shift",
    special: "sin cos tan asin acos atan sinh cosh asinh acosh atanh expm1 log1p erf exp2 log2 log10 atan2 hypot "
    "logaddexp",
    compare: "eq ne lt le gt ge isnan isinf isfinite logical_and logical_or logical_xor logical_not",
    reduce: "sum cumsum cumprod logsumexp mean var std nansum nanmean prod all any count_nonzero diff",
    extremes: "amax amin argmax argmin max min topk sort argsort kthvalue median quantile cummax cummin",
    shape: "transpose flatten squeeze unsqueeze",
    views: "size stride is_contiguous data_ptr contiguous narrow select unbind unflatten unfold movedim swapaxes t "
    "ravel broadcast_to view_as reshape_as expand_as",
    arrange: "repeat_interleave roll rot90 fliplr flipud",
    diagonal: "diagonal diag diag_embed trace tril triu",
    linalg: "norm mm bmm mv dot outer addmm cross",
    indexing: "gather scatter_add index_select",
    selection: "nonzero argwhere masked_select take take_along_dim unique bincount histc",
    scatter: "scatter index_add index_copy index_fill",
    joining: "split chunk",
    inplace: "copy_ fill_ zero_ fill_diagonal_ uniform_ normal_ bernoulli_ random_",
}
ALIASES = {
    "clamp": "clip",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "negative": "neg",
    "absolute": "abs",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "not_equal": "ne",
    "moveaxis": "movedim",
    "swapdims": "transpose",
    "arctan2": "atan2",
    "fix": "trunc",
}
IN_PLACE = (
    "add sub mul div pow abs neg sign floor ceil trunc round exp log sqrt tanh sigmoid relu clip clamp masked_fill sin "
    "cos tan asin acos atan sinh cosh asinh acosh atanh expm1 log1p erf scatter_add eq ne lt le gt ge logical_and "
    "logical_or logical_xor logical_not subtract multiply divide true_divide negative absolute fix arctan2 exp2 log2 "
    "log10 atan2 hypot reciprocal rsqrt square frac lerp addcmul addcdiv clamp_min clamp_max nan_to_num floor_divide "
    "remainder fmod bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift cumsum "
    "cumprod tril triu addmm scatter index_add index_copy index_fill"
)
TURNED = "squeeze unsqueeze transpose t swapaxes swapdims"
TABLE |= {name: getattr(module, name) for module, names in METHODS.items() for name in names.split()}
TABLE |= {name: Absent("Tensor", name) for name in METHODS_ABSENT.split()}
TABLE |= convert.METHODS | create.METHODS
TABLE |= {alias: TABLE[name] for alias, name in ALIASES.items()}
TABLE |= {f"{name}_": inplace.in_place(TABLE[name]) for name in IN_PLACE.split()}
TABLE |= {f"{name}_": inplace.turned(TABLE[name]) for name in TURNED.split()}
for _name, _function in TABLE.items():
    setattr(Tensor, _name, _function)
