"""NCCL as CuPy has it, by way of MPI: sums of arrays of devices, which are there when the stream's event is done."""

from typing import Any

import numpy as np

from standin.arrays import ndarray
from standin.devices import Device, Stream


class NCCLBackend:
    """``cupyx.distributed.NCCLBackend``: `sums` counts how often it was asked."""

    sums = 0

    def __init__(self, n_devices: int, rank: int, host: str = "", port: int = 0, use_mpi: bool = False) -> None:
        from mpi4py import MPI

        assert use_mpi and (n_devices, rank) == (MPI.COMM_WORLD.size, MPI.COMM_WORLD.rank)
        self.device, self.mpi, self.comm = Device(), MPI, MPI.COMM_WORLD.Dup()

    def all_reduce(self, in_array: ndarray, out_array: ndarray, op: str = "sum", stream: Any = None) -> None:
        """Begin a sum in its place on a stream of one's own, which has waited for what was computed before."""
        assert in_array is out_array and in_array.flags.c_contiguous and op == "sum"
        assert in_array.device == self.device == Device(), "an array of another device"
        assert in_array.dtype in (np.float32, np.float64) and isinstance(stream, Stream)
        assert stream.waited, "a stream that has not waited for what was computed"
        stream.requests.append(self.comm.Iallreduce(self.mpi.IN_PLACE, in_array.values, self.mpi.SUM))
        stream.waited = False
        NCCLBackend.sums += 1
