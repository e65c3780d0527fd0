"""The same numbers in another dtype, or on another device."""

from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dtypes, transfer
from minidl.engine.core import Tensor
from minidl.engine.op import cast, clone, op
from minidl.engine.require import require_tensors


def to(
    x: Tensor,
    *target: Any,
    device: str | int | None = None,
    dtype: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:
    """x on another device or in another dtype, or both; itself where it is so already. Gradients flow through.

    Called as ``to(device, dtype)``, ``to(dtype)`` or ``to(other)``, which has the device and the dtype of a tensor.

    Parameters
    ----------
    x : Tensor
    device, dtype : optional
    non_blocking : bool
        Changes nothing: a copy from a GPU is waited for.
    copy : bool
        Give a copy even of what is so already.

    Raises
    ------
    TypeError, ValueError
        For what is neither a device name nor a dtype, and for what is given twice.
    """
    place, kind, flags = _target(target)
    if (place is not None and device is not None) or (kind is not None and dtype is not None) or len(flags) > 2:
        raise TypeError("to: expected a device and a dtype at most once each, as (device, dtype, non_blocking, copy)")
    place, kind = device if place is None else place, dtype if kind is None else kind
    copy = flags[1] if len(flags) == 2 else copy
    result = x
    if place is not None and (name := backend.device_name(place)) != x.device:
        result = to_device(x, name, x.device)
    if kind is not None and (wanted := dtypes.resolve("to", kind)) != x.dtype:
        result = cast(result, wanted)
    return clone(x) if copy and result is x else result


def _target(given: tuple[Any, ...]) -> tuple[Any, Any, list[bool]]:
    """What `to` was given by position: a device, a dtype, and flags."""
    flags = [value for value in given if isinstance(value, bool)]
    others = [value for value in given if not isinstance(value, bool)]
    if given[len(given) - len(flags) :] != tuple(flags):
        raise TypeError("to: non_blocking and copy come last")
    if others and isinstance(others[0], Tensor):
        others[:1] = [others[0].device, others[0].dtype]
    place = kind = None
    for value in others:
        if isinstance(value, int) or (isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda")):
            if place is not None or kind is not None:
                raise TypeError(f"to: expected (device, dtype), got {value!r} at last")
            place = value
        elif value is not None:
            if kind is not None:
                raise TypeError(f"to: expected one dtype, got {kind} and {value}")
            try:
                kind = dtypes.resolve("to", value)
            except TypeError:
                raise ValueError(f"to: {value!r} is neither a device nor a dtype") from None
    return place, kind, flags


def cpu(x: Tensor) -> Tensor:
    """x on the CPU; itself if it is there. Gradients flow through."""
    return to(x, "cpu")


def cuda(x: Tensor, device: str | int | None = None, non_blocking: bool = False) -> Tensor:
    """x on a GPU, given by its name or number, or the first; itself if it is there. Gradients flow through."""
    return to(x, backend.gpu(device).id)


def type_as(x: Tensor, other: Tensor) -> Tensor:
    """x in the dtype of another tensor, and on its device."""
    return to(x, other)


def type(x: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """x in another dtype; itself if it has that. Without one, the name of its class of old, "torch.FloatTensor".

    Such a name is a dtype, and a device, too: ``x.type(y.type())``.

    Raises
    ------
    TypeError
        For the name of another class.
    """
    if dtype is None:
        kind = next(kind for kind, known in TYPES.items() if known == x.dtype)
        return f"torch.{'cuda.' * backend.on_gpu(x.array)}{kind.capitalize()}Tensor"
    if isinstance(dtype, str) and dtype.endswith("Tensor"):
        place, _, kind = dtype.removesuffix("Tensor").rpartition(".")
        kind = kind[:1].lower() + kind[1:]
        if place not in ("torch", "torch.cuda") or kind not in TYPES:
            raise TypeError(f"type: {dtype} is not here; give a dtype, such as md.float32")
        on_gpu = place == "torch.cuda"
        return to(x, x.device if backend.on_gpu(x.array) == on_gpu else "cuda" if on_gpu else "cpu", TYPES[kind])
    return to(x, dtype=dtype)


def _in(name: str, dtype: np.dtype) -> Any:
    def convert(x: Tensor) -> Tensor:
        return x if x.dtype == dtype else cast(x, dtype)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"x as {dtype}; itself if it is that. Gradients flow through."
    return convert


TYPES: dict[str, np.dtype] = {
    "half": dtypes.float16,
    "float": dtypes.float32,
    "double": dtypes.float64,
    "bool": dtypes.bool_,
}
TYPES |= {"byte": dtypes.uint8, "char": dtypes.int8, "short": dtypes.int16, "int": dtypes.int32, "long": dtypes.int64}
METHODS = {name: _in(name, dtype) for name, dtype in TYPES.items()}


@op
def to_device(xp, x, *, device, source):
    """x, which is on `source`, copied to `device`."""
    return transfer.move(x, device)


to_device.vjp(x=lambda g, device, source: to_device(g, source, device))


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of a tensor is a floating one."""
    require_tensors("is_floating_point", input)
    return input.dtype.kind == "f"


def numel(input: Tensor) -> int:
    """How many elements a tensor has."""
    require_tensors("numel", input)
    return input.array.size
