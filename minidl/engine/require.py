"""What every op and function refuses: what is no tensor, and mixed devices, dtypes and shapes; in which words."""

from collections.abc import Sequence
from types import NoneType
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, dtypes
from minidl.engine.core import Tensor


def require_arrays(name: str, *args: Any, scalars: bool = False) -> None:
    """Raise TypeError, in the name of an op, for anything but Tensors and arrays (and numbers: `scalars`)."""
    for a in args:
        if isinstance(a, Tensor) and not backend.is_array(a.array):
            raise TypeError(f"{name}: the .array of a tensor was set to {type(a.array).__name__}; it must be an array")
        known = isinstance(a, (Tensor, np.ndarray, np.generic)) or backend.is_array(a)
        if not (known or (scalars and isinstance(a, dtypes.SCALARS))):
            raise TypeError(f"{name}: expected a tensor{' or a number' * scalars}, got {type(a).__name__}")


def require_tensors(name: str, *args: Any) -> None:
    """Raise TypeError, in the name of a function, for anything but Tensors; RuntimeError for two devices.

    All but the first may be None.
    """
    for i, a in enumerate(args):
        if not isinstance(a, (Tensor, NoneType)) or (i == 0 and a is None):
            raise TypeError(f"{name}: expected a Tensor, got {type(a).__name__}; md.tensor() makes one")
    same_device(name, *args)


def same_device(name: str, *args: Any) -> None:
    """Raise RuntimeError, in the name of an op, where tensors or arrays are on different devices."""
    arrays = [a.array if isinstance(a, Tensor) else a for a in args]
    if not any(map(backend.on_gpu, arrays)):
        return
    devices = {backend.device_of(a) for a in arrays if backend.is_array(a)}
    if len(devices) > 1:
        raise RuntimeError(f"{name}: tensors on {' and '.join(sorted(devices))}; move them with .to(device)")


def refuse_bools(name: str, args: Sequence[Any]) -> None:
    """Raise TypeError, in the name of an op, where an operand is a bool, or of bools."""
    if any(isinstance(a, bool) or getattr(a, "dtype", None) == dtypes.bool_ for a in args):
        raise TypeError(f"{name}: not defined for bool; .to(md.int64) counts, and ~ inverts a mask")


def same_dtype(name: str, *args: Any) -> None:
    """Raise TypeError, in the name of an op, where arrays differ in dtype."""
    kinds = {a.dtype for a in args if a is not None}
    if len(kinds) > 1:
        raise TypeError(f"{name}: mixed dtypes {' and '.join(sorted(map(str, kinds)))}; convert with .to(dtype)")


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that these broadcast to; ValueError if they don't."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"shapes {' and '.join(map(dims, shapes))} do not broadcast") from None


def explained(name: str, arrays: Sequence[Array], error: Exception) -> Exception:
    """An error of a forward pass in the name of its op, without NumPy's terms."""
    if isinstance(error, TypeError) and any(word in str(error) for word in ("numpy", "cupy", "ufunc")):
        return TypeError(f"{name}: not defined for {' and '.join(str(a.dtype) for a in arrays)}")
    if isinstance(error, ValueError) and "broadcast" in str(error):
        return ValueError(f"{name}: shapes {' and '.join(dims(a.shape) for a in arrays)} do not broadcast")
    kind = next((kind for kind in (IndexError, ValueError, TypeError) if isinstance(error, kind)), ValueError)
    return kind(f"{name}: {error}")
