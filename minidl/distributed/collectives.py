"""What all ranks do together: each of them calls it, with tensors of the same shape and dtype."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np

from minidl.backend import dims, transfer
from minidl.backend.dtypes import float16, float32
from minidl.backend.extras import extra
from minidl.distributed.group import Group, agree, exchanged, joined, require_group
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.engine.writes import write


class ReduceOp(Enum):
    """How `all_reduce` makes one value of those of all ranks."""

    SUM = "SUM"
    AVG = "AVG"
    PRODUCT = "PROD"
    MIN = "MIN"
    MAX = "MAX"


class Work:
    """An operation that goes on: `wait` for it before its tensor is read or written."""

    def __init__(self, name: str, request: Any, then: Callable[[], None]) -> None:
        self.name, self.request, self.then = name, request, then

    def is_completed(self) -> bool:
        """Whether `wait` would return at once."""
        return self.request is None or self.request.Test()

    def wait(self) -> bool:
        """Wait until it is done, and its tensor has the result; RuntimeError after the group's time limit."""
        if self.request is not None:
            require_group(f"{self.name}: wait").wait(self.request, self.name)
            self.request = None
        then, self.then = self.then, lambda: None
        then()
        return True


def host(array: Any) -> np.ndarray:
    """An array as MPI takes it: a copy in C order on the CPU, of a type that C has."""
    there = transfer.move(array, "cpu")
    there = there.astype(float32) if there.dtype == float16 else there
    return np.array(there, order="C")


def put(tensor: Tensor, values: np.ndarray) -> None:
    """Write what `host` made of a tensor, or something like it, into the tensor."""
    write(tensor.array, transfer.move(values.astype(tensor.dtype, copy=False), tensor.device))


def barrier() -> None:
    """Wait until all ranks are here.

    Raises
    ------
    RuntimeError
        After the group's time limit, with the ranks that have not come; without a group.
    """
    group = require_group("barrier")
    if group.comm is not None:
        agree(group, "barrier")


def all_reduce(tensor: Tensor, op: ReduceOp = ReduceOp.SUM, *, async_op: bool = False) -> Work | None:
    """Put into a tensor, on every rank, the sum of those of all ranks, or what else `op` says.

    With MPICH, which the extra `mpi` brings, the order of the sum is the same in every run with as many ranks, and the
    result the same bits on all of them; MPI asks that of no other.

    Parameters
    ----------
    tensor : Tensor of numbers
    op : ReduceOp
        AVG is for floating-point tensors alone.
    async_op : bool
        Return at once: the tensor has the result after ``wait()`` of what is returned.

    Raises
    ------
    ValueError
        If the ranks differ in shape, dtype or `op`.
    TypeError
        For what is no tensor of numbers.
    """
    group = require_group("all_reduce")
    require_tensors("all_reduce", tensor)
    if not isinstance(op, ReduceOp):
        raise TypeError(f"all_reduce: op must be a ReduceOp, such as ReduceOp.SUM, got {op!r}")
    if tensor.dtype.kind not in ("f" if op is ReduceOp.AVG else "fiu"):
        raise TypeError(f"all_reduce: {op} of {tensor.dtype} is not defined; convert it by .to(dtype)")
    return operated(group, "all_reduce", tensor, f"by {op}", lambda buffer: reduced(group, buffer, op), op, async_op)


def broadcast(tensor: Tensor, src: int = 0, *, async_op: bool = False) -> Work | None:
    """Put into a tensor, on every rank, what it holds on rank `src`.

    Raises
    ------
    ValueError
        If the ranks differ in shape, dtype or `src`, or there is no such rank.
    """
    group = require_group("broadcast")
    require_tensors("broadcast", tensor)
    require_rank("broadcast", "src", src, group)
    send = lambda buffer: group.comm.Ibcast(raw(buffer), src)  # noqa: E731
    return operated(group, "broadcast", tensor, f"from rank {src}", send, None, async_op)


def operated(
    group: Group, name: str, tensor: Tensor, how: str, start: Callable[[Any], Any], op: Any, async_op: bool
) -> Work | None:
    """Begin an operation on a tensor in its place, and wait for it unless the caller will."""
    if group.comm is None:
        return Work(name, None, lambda: None) if async_op else None
    agree(group, name, f"{dims(tensor.shape)} {tensor.dtype} {how}")
    buffer = host(tensor.array)

    def finish() -> None:
        put(tensor, buffer / group.size if op is ReduceOp.AVG else buffer)

    request = start(buffer)
    work = Work(name, request, finish)
    if async_op:
        group.hold(request, buffer)
        return work
    work.wait()
    return None


def reduced(group: Group, buffer: np.ndarray, op: ReduceOp = ReduceOp.SUM, comm: Any = None) -> Any:
    """Begin to reduce a buffer in its place; the request. AVG sums."""
    mpi = extra("mpi4py.MPI", "mpi", "distributed")
    return (comm or group.comm).Iallreduce(
        mpi.IN_PLACE, buffer, getattr(mpi, "SUM" if op is ReduceOp.AVG else op.value)
    )


def raw(buffer: np.ndarray) -> np.ndarray:
    """The bytes of a buffer."""
    return buffer.reshape(-1).view(np.uint8)


def all_gather(tensor_list: list[Tensor], tensor: Tensor) -> None:
    """Write the tensors of all ranks into those of a list, in the order of the ranks.

    Raises
    ------
    ValueError
        If the ranks differ in shape or dtype, or the list is not of so many tensors of this shape and dtype.
    """
    group = require_group("all_gather")
    require_tensors("all_gather", tensor, *tensor_list)
    require_list("all_gather", "tensor_list", tensor_list, tensor, group)
    for place, values in zip(tensor_list, gathered(group, "all_gather", tensor), strict=True):
        put(place, values)


def gather(tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int = 0) -> None:
    """Write the tensors of all ranks into those of a list, on rank `dst` alone.

    Raises
    ------
    ValueError
        If the ranks differ in shape, dtype or `dst`; if the list is missing there, given elsewhere, or not of so many
        tensors of this shape and dtype.
    """
    group = require_group("gather")
    require_tensors("gather", tensor, *(gather_list or ()))
    require_rank("gather", "dst", dst, group)
    if (group.rank == dst) != (gather_list is not None):
        raise ValueError(f"gather: gather_list is for rank {dst} (dst), which must give it; this is rank {group.rank}")
    if gather_list is not None:
        require_list("gather", "gather_list", gather_list, tensor, group)
    if group.comm is None:
        values = [host(tensor.array)]
    else:
        agree(group, "gather", f"{dims(tensor.shape)} {tensor.dtype} to rank {dst}")
        own = host(tensor.array)
        there = np.empty((group.size, *own.shape), own.dtype) if group.rank == dst else None
        group.wait(group.comm.Igather(raw(own), None if there is None else raw(there), dst), "gather")
        values = [] if there is None else list(there)
    for place, value in zip(gather_list or (), values, strict=True):
        put(place, value)


def gathered(group: Group, name: str, tensor: Tensor) -> list[np.ndarray]:
    """The values of a tensor on all ranks."""
    own = host(tensor.array)
    if group.comm is None:
        return [own]
    agree(group, name, f"{dims(tensor.shape)} {tensor.dtype}")
    there = np.empty((group.size, *own.shape), own.dtype)
    group.wait(group.comm.Iallgather(raw(own), raw(there)), name)
    return list(there)


def all_gather_object(object_list: list[Any], obj: Any) -> None:
    """Put what all ranks give, in the order of the ranks, into a list of as many places; it travels by pickle.

    Raises
    ------
    ValueError
        If the list has another length.
    """
    group = require_group("all_gather_object")
    if len(object_list) != group.size:
        raise ValueError(f"all_gather_object: object_list must have {group.size} places, got {len(object_list)}")
    object_list[:] = objects(group, obj, "all_gather_object")


def objects(group: Group, value: Any, name: str) -> list[Any]:
    """What each rank gives."""
    if group.comm is None:
        return [value]
    agree(group, name)
    return exchanged(group, value, name)


def broadcast_object_list(object_list: list[Any], src: int = 0) -> None:
    """Put into a list, on every rank, what it holds on rank `src`; it travels by pickle.

    Raises
    ------
    ValueError
        If the ranks have lists of other lengths, or there is no such rank.
    """
    group = require_group("broadcast_object_list")
    require_rank("broadcast_object_list", "src", src, group)
    if group.comm is not None:
        said = f"{len(object_list)} objects from rank {src}"
        object_list[:] = shared(group, list(object_list), "broadcast_object_list", src, said)


def shared(group: Group, value: Any, name: str, src: int = 0, said: str = "") -> Any:
    """What rank `src` gives."""
    if group.comm is None:
        return value
    agree(group, name, said)
    own = np.frombuffer(pickle.dumps(value) if group.rank == src else b"", np.uint8)
    size = np.array([own.size])
    group.wait(group.comm.Ibcast(size, src), name)
    there = own.copy() if group.rank == src else np.empty(size[0], np.uint8)
    group.wait(group.comm.Ibcast(there, src), name)
    return value if group.rank == src else pickle.loads(there.tobytes())


def anywhere(flag: bool) -> bool:
    """Whether a flag is set on any rank: known to all of them then, who all ask."""
    group = joined()
    if group.comm is None:
        return flag
    agree(group, "a question to all ranks")
    buffer = np.array([flag], np.int8)
    group.wait(reduced(group, buffer, ReduceOp.MAX), "a question to all ranks")
    return bool(buffer[0])


def on_first(call: Callable[[], Any], name: str) -> Any:
    """What rank 0 gets from a call that it alone makes, for all ranks; so are its errors."""
    group = joined()
    if group.comm is None:
        return call()
    value, error, packed = None, None, b""
    if group.rank == 0:
        try:
            value = call()
            packed = pickle.dumps((value, None))
        except Exception as raised:
            from minidl.data.processes import portable  # with multiprocessing: 15 ms of `import minidl`

            error = raised
            packed = pickle.dumps((None, portable(error)))
    packed = shared(group, packed, name)
    if group.rank:
        value, error = pickle.loads(packed)
    if error is not None:
        raise error
    return value


def require_rank(name: str, argument: str, rank: Any, group: Group) -> None:
    """Raise ValueError, in the name of its caller, for what is no rank of the group."""
    if isinstance(rank, bool) or not isinstance(rank, (int, np.integer)) or not 0 <= rank < group.size:
        raise ValueError(f"{name}: {argument} must be a rank from 0 to {group.size - 1}, got {rank!r}")


def require_list(name: str, argument: str, tensors: list[Tensor], tensor: Tensor, group: Group) -> None:
    """Raise ValueError unless there is a place for the tensor of each rank."""
    alike = all(place.shape == tensor.shape and place.dtype == tensor.dtype for place in tensors)
    if len(tensors) != group.size or not alike:
        got = ", ".join(f"{dims(place.shape)} {place.dtype}" for place in tensors)
        raise ValueError(
            f"{name}: {argument} must have {group.size} tensors of {dims(tensor.shape)} {tensor.dtype}, got {got}"
        )
