"""The modules: CuPy's names, each made when it is asked for; and the fixture that puts them in CuPy's place."""

import contextlib
import functools
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.special

from minidl.backend import transfer
from minidl.backend.modes import no_fusion
from standin import catalog, devices, indexing, nccl, traffic
from standin.functions import Function, UFunc, arrays_in, computed, refuse_filling, values_of
from standin.methods import ndarray

PASSED_ON = (np.generic, np.dtype, np.finfo, np.iinfo, Exception)  # classes that are NumPy's own in CuPy, too
KERNELS = ("RawKernel", "RawModule", "ElementwiseKernel", "ReductionKernel")


class Module(ModuleType):
    """One of CuPy's modules: with `own` things, else what `numpy` has by the same name, if CuPy has it."""

    def __init__(self, name: str, numpy: Any, **own: Any) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.numpy = numpy
        vars(self).update(own)

    def __getattr__(self, name: str) -> Any:
        path, kind = f"{self.__name__}.{name}", catalog.NAMES[self.__name__].get(name)
        if kind is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}, in {catalog.NAMES['version']}")
        if name in KERNELS:
            raise NotImplementedError(f"{path}: no kernel runs on the stand-in; switch fusion off")
        value = getattr(self.numpy, name, None)
        if value is None or kind == "module" or (kind == "type" and not issubclass(value, PASSED_ON)):
            raise NotImplementedError(f"{path}: CuPy has it, the stand-in of the tests does not")
        if kind == "ufunc":
            value = UFunc(value)
        elif kind.startswith("("):
            value = Function(name, value, kind)
        setattr(self, name, value)
        return value


# --- what NumPy has otherwise, or not at all --------------------------------------------------------------------------


def named(name: str, function: Any) -> Function:
    """The function that CuPy has by this name, computed by one of NumPy's."""
    return Function(name, function, catalog.NAMES["cupy"][name])


def making(name: str) -> Any:
    """A function that makes an array of the current device from whatever is given."""
    function = named(name, getattr(np, name))

    @functools.wraps(function.function)
    def make(a: Any, *args: Any, **options: Any) -> ndarray:
        if isinstance(a, ndarray):
            return function(a if a.device == devices.Device() else a.copy("K"), *args, **options)
        if np.shape(values_of(a)) and not any(isinstance(array, ndarray) for array in arrays_in(a)):
            traffic.to_device(name)
        return ndarray(np.array(function.function(values_of(a), *args, **options), order="A"))

    return make


chosen = named("where", np.where)


def where(condition: Any, *choices: Any) -> Any:
    return chosen(condition, *choices) if choices else cupy.nonzero(condition)


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get(order=order, out=out) if isinstance(a, ndarray) else np.asarray(a, order=order)


def get_array_module(*args: Any) -> Any:
    return cupy if any(isinstance(a, ndarray) for a in args) else np


def put_along_axis(arr: ndarray, indices: ndarray, values: Any, axis: int | None) -> None:
    refuse_filling(values)
    computed("put_along_axis", indexing.put_along_axis, (arr, indices, values, axis), {})


def as_strided(x: ndarray, shape: Any = None, strides: Any = None) -> ndarray:
    """NumPy's; CuPy's tells no base."""
    view = ndarray(np.lib.stride_tricks.as_strided(x.values, shape, strides))
    view.base = None
    return view


def array_ufunc(self: ndarray, ufunc: np.ufunc, method: str, *args: Any, **options: Any) -> Any:
    """What NumPy's ufuncs do with device arrays: what CuPy's of the same name do."""
    own = getattr(cupy, ufunc.__name__, None)
    if own is None:
        return NotImplemented
    return (own if method == "__call__" else getattr(own, method))(*args, **options)


def array_function(self: ndarray, function: Any, types: Any, args: Any, options: Any) -> Any:
    """What NumPy's functions do with device arrays: what CuPy's of the same name do."""
    try:
        own = functools.reduce(getattr, [*function.__module__.split(".")[1:], function.__name__], cupy)
    except AttributeError:
        return NotImplemented
    return own(*args, **options) if {*types} <= {ndarray, np.ndarray} else NotImplemented


ndarray.__array_ufunc__ = array_ufunc
ndarray.__array_function__ = array_function


# --- the modules themselves -------------------------------------------------------------------------------------------

runtime = Module("cupy.cuda.runtime", SimpleNamespace(), **vars(devices.runtime))
cuda = Module("cupy.cuda", SimpleNamespace(), **{**vars(devices.cuda), "runtime": runtime})
stride_tricks = Module("cupy.lib.stride_tricks", np.lib.stride_tricks, as_strided=as_strided)
cupy = Module(
    "cupy",
    np,
    __version__=catalog.NAMES["version"],
    ndarray=ndarray,
    cuda=cuda,
    lib=Module("cupy.lib", np.lib, stride_tricks=stride_tricks),
    linalg=Module("cupy.linalg", np.linalg),
    asnumpy=asnumpy,
    copy=lambda a, order="K": a.copy(order),
    get_array_module=get_array_module,
    get_default_memory_pool=devices.current_pool,
    put_along_axis=put_along_axis,
    take=named("take", functools.partial(np.take, mode="wrap")),
    take_along_axis=named("take_along_axis", indexing.take_along_axis),
    where=where,
    **{name: making(name) for name in ("array", "asarray", "asanyarray")},
)
special = Module("cupyx.scipy.special", scipy.special)
scipies = Module("cupyx.scipy", SimpleNamespace(), special=special)
cupyx = Module("cupyx", SimpleNamespace(), scipy=scipies, empty_pinned=np.empty)
MODULES: list[Any] = [cupy, cuda, runtime, cupy.lib, stride_tricks, cupy.linalg, cupyx, cupyx.scipy, special]
# Without NCCL, as where it is not installed, but for those who set `available`.
library = SimpleNamespace(__name__="cupy.cuda.nccl", available=False)
distributed = SimpleNamespace(__name__="cupyx.distributed", NCCLBackend=nccl.NCCLBackend)
MODULES += [library, distributed]


@contextlib.contextmanager
def installed() -> Iterator[Module]:
    """The stand-in in CuPy's place, with no fusion, for its kernels could not run; nothing counted or waiting yet."""
    traffic.traffic.clear()
    with pytest.MonkeyPatch.context() as patch, no_fusion():
        for module in MODULES:
            patch.setitem(sys.modules, module.__name__, module)
        yield cupy
    transfer.unchecked.clear()


@pytest.fixture
def standin() -> Iterator[Module]:
    """The stand-in in CuPy's place."""
    with installed() as cupy:
        yield cupy
