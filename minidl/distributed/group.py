"""The processes that work together: how many they are, which of them this one is, and how they end together."""

from __future__ import annotations

import atexit
import os
import pickle
import platform
import sys
import time
import zlib
from collections.abc import Sequence
from datetime import timedelta
from importlib.util import find_spec
from types import TracebackType
from typing import Any

import numpy as np

from minidl.backend.extras import extra

# What launchers tell the processes that they start: of MPICH and Intel, Open MPI, PMIx, MVAPICH.
LAUNCHED = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "MV2_COMM_WORLD_SIZE")
TIMEOUT = timedelta(minutes=30)
END = "the end of the program"
GRACE = 2.0  # seconds in which others say where they wait, when this rank has waited for too long
SPIN = 0.002  # seconds for which a wait keeps the processor to itself
TURN = 0.5  # seconds by which other ranks let the first one speak, which may have met the same error
PASSED_ON = 0.2  # seconds in which the launcher passes on what was said, before it ends all
TELL = 1  # the tag of what they say


class Group:
    """All ranks of a job. One alone has no communicator, and nothing to wait for."""

    def __init__(self, comm: Any = None, timeout: timedelta = TIMEOUT) -> None:
        self.comm = comm
        self.rank: int = 0 if comm is None else comm.rank
        self.size: int = 1 if comm is None else comm.size
        self.local_rank = 0
        self.gradients: Any = None  # a communicator of their own, and of the buffers that forward sends
        self.lines: dict[str, Any] = {}  # of NCCL, by the device of this rank; None where there is none
        self.seconds = timeout.total_seconds()
        self.hook = sys.excepthook  # what the program has set for errors that nobody catches
        self.told: list[Any] = []  # requests, which hold what they send
        self.held: list[tuple[Any, Any]] = []  # requests, and what they read and write

    def __str__(self) -> str:
        return f"rank {self.rank} of {self.size} (process {os.getpid()} of {platform.node()})"

    def hold(self, request: Any, buffer: Any) -> None:
        """Hold the memory of a request until it is done, even if nobody waits for it."""
        self.held = [(other, of) for other, of in self.held if not other.Test()] + [(request, buffer)]

    def settle(self) -> None:
        """Wait for what nobody has waited for, since its memory goes with the process."""
        for request, _ in self.held:
            self.wait(request, END)
        self.held = []

    def leave(self) -> None:
        """What comes before the end of the process: all ranks meet there, so that others know of one that ends early.

        They wait without a limit: the last one may have much to do alone.
        """
        try:
            self.settle()
            agree(self, END, limited=False)
        except (RuntimeError, ValueError) as error:
            self.abort(str(error))

    def wait(self, request: Any, name: str, limited: bool = True) -> None:
        """Wait until a request of an operation is done.

        Raises
        ------
        RuntimeError
            After the time limit, if there is one, with the ranks that have not come to it.
        """
        started = time.monotonic()
        while not request.Test():
            waited = time.monotonic() - started
            if waited > SPIN:
                time.sleep(SPIN / 10)
                self.heard(name)
            if limited and waited > self.seconds:
                raise RuntimeError(self.missing(name))

    def heard(self, name: str) -> dict[int, str]:
        """Which ranks have asked, or said, where one waits; those that ask are answered."""
        found: dict[int, str] = {}
        while self.comm.Iprobe(tag=TELL):
            status = extra("mpi4py.MPI", "mpi", "distributed").Status()
            asks, where = self.comm.recv(tag=TELL, status=status)
            found[status.source] = where
            if asks:
                self.tell(status.source, False, name)
        return found

    def tell(self, rank: int, asks: bool, name: str) -> None:
        """Tell a rank where this one waits; whether it listens does not matter."""
        self.told.append(self.comm.isend((asks, name), rank, tag=TELL))

    def missing(self, name: str) -> str:
        """What to say of those who have not come to an operation in time."""
        for rank in range(self.size):
            if rank != self.rank:
                self.tell(rank, True, name)
        waiting = {self.rank: name}
        until = time.monotonic() + GRACE
        while time.monotonic() < until and len(waiting) < self.size:
            waiting |= self.heard(name)
            time.sleep(SPIN)
        if self.rank != min(waiting):
            time.sleep(TURN)
        lost = sorted({*range(self.size)} - waiting.keys())
        elsewhere = sorted(rank for rank, where in waiting.items() if where != name)
        said = [f"{ranks(lost)} did not come and give{'s' * (len(lost) == 1)} no sign of life"] * bool(lost)
        said += [f"rank {rank} waits in {waiting[rank]} instead" for rank in elsewhere]
        found = "; ".join(said) or "all ranks are here, but it is not done"
        hint = "Have all ranks the same number of batches, and do all make the same calls?"
        if world.group is not self:
            hint = "Do all ranks call it, and within that time of each other?"
        return f"{name}: waited for {self.seconds:g} s: {found}. {hint}"

    def end(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """What an error that nobody catches does in place of ending one rank, which the others would wait for."""
        try:
            self.hook(kind, error, trace)
        finally:
            self.abort(f"{kind.__name__}: {error}")

    def abort(self, said: str) -> None:
        """End all ranks, with a message that says which one it was and why; one alone goes on."""
        if self.comm is None:
            return
        if self.rank:
            time.sleep(TURN)
        sys.stdout.flush()
        print(f"minidl: {self} ends the job: {said}", file=sys.stderr, flush=True)
        time.sleep(PASSED_ON)
        extra("mpi4py.MPI", "mpi", "distributed").COMM_WORLD.Abort(1)  # its own communicator may be freed


def ranks(numbers: Sequence[int]) -> str:
    """Ranks by their numbers."""
    return f"rank{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


class World:
    """Where the group is found: ``world.group``, None before `init_process_group`."""

    group: Group | None = None


world = World()


def agree(group: Group, name: str, said: str = "", limited: bool = True) -> None:
    """Wait for all ranks; raise ValueError, on all, unless they make the same call. It names those that differ."""
    sums = np.empty(group.size, np.uint32)
    call = f"{name} {said}".strip()
    own = np.array([zlib.crc32(call.encode())], np.uint32)
    group.wait(group.comm.Iallgather(own, sums), name, limited)
    if (sums != own).any():
        differ(name, exchanged(group, call, name))


def exchanged(group: Group, value: Any, name: str) -> list[Any]:
    """What each of several ranks gives, which are known to be here."""
    own = np.frombuffer(pickle.dumps(value), np.uint8)
    sizes = np.empty(group.size, np.int64)
    group.wait(group.comm.Iallgather(np.array([own.size]), sizes), name)
    there = np.empty(sizes.sum(), np.uint8)
    group.wait(group.comm.Iallgatherv(own, [there, sizes]), name)
    return [pickle.loads(part.tobytes()) for part in np.split(there, np.cumsum(sizes)[:-1])]


def differ(name: str, said: list[str]) -> None:
    """Raise ValueError where ranks say other things than most of them, with what they say."""
    usual = max(said, key=said.count)
    others = {what: [rank for rank, other in enumerate(said) if other == what] for what in said if what != usual}
    if others:
        told = "; ".join(f"{ranks(who)}: {what}" for what, who in others.items())
        raise ValueError(f"{name}: the ranks differ: {told}; the others: {usual}")


def launched() -> bool:
    """Whether ``mpiexec`` has started this process."""
    return any(name in os.environ for name in LAUNCHED)


def require_whole(size: int) -> None:
    """Raise RuntimeError where MPI knows of fewer processes than have been started: each would train alone."""
    told = {name: os.environ[name] for name in LAUNCHED if os.environ.get(name, "").isdecimal()}
    for name, number in told.items():
        if int(number) + name.endswith("RANK") > size:
            raise RuntimeError(
                f"init_process_group: {name}={number}, and the size of mpi4py's MPI is {size}: it is another MPI than "
                "that of this mpiexec; use the mpiexec that pip has installed beside Python, or build mpi4py for this "
                "MPI: pip install --no-binary mpi4py mpi4py"
            )


def init_process_group(backend: str | None = None, timeout: timedelta | None = None) -> None:
    """Join the ranks that ``mpiexec`` has started, or, started alone, be the only one.

    From then on an error that nobody catches ends all ranks, with a message that says which one it came from; so does
    one while it joins. Call it first of all: one that comes before ends its rank alone, while MPI lets the others wait
    in its own start, without a limit; so does the lack of mpi4py on one of several machines.

    Parameters
    ----------
    backend : {"mpi"}, optional
    timeout : timedelta, optional
        How long one rank waits for the others in an operation: by default as many seconds as the environment variable
        ``MINIDL_TIMEOUT`` says, else 30 minutes.

    Raises
    ------
    ValueError
        For another backend, and for a time that is not above 0.
    TypeError
        For a `timeout` that is no timedelta.
    RuntimeError
        If it has been called already; where ``mpiexec`` is of another MPI than mpi4py.
    ImportError
        If ``mpiexec`` has started this process, and mpi4py is not installed.
    """
    if backend not in (None, "mpi"):
        raise ValueError(f"init_process_group: backend must be 'mpi', got {backend!r}")
    limit = time_limit(timeout)
    if world.group is not None:
        raise RuntimeError("init_process_group: called a second time; destroy_process_group() comes before that")
    if not launched():
        world.group = Group(None, limit)
        return
    mpi = extra("mpi4py.MPI", "mpi", "init_process_group")
    comm = mpi.COMM_WORLD
    require_whole(comm.size)
    if comm.size == 1:
        world.group = Group(None, limit)
        return
    group = Group(comm, limit)
    try:
        own, request = comm.Idup()
        group.wait(request, "init_process_group")
        group.gradients, request = own.Idup()  # which may be on their way while something else is asked
        group.wait(request, "init_process_group")
        group.local_rank = own.Split_type(mpi.COMM_TYPE_SHARED).rank
    except BaseException as error:  # without the others no rank can come to an end any more
        group.abort(f"{type(error).__name__}: {error}")
        raise
    group.comm = own  # so that messages of the program's own are not mixed up with these
    world.group, sys.excepthook = group, group.end
    atexit.register(group.leave)


def time_limit(timeout: timedelta | None) -> timedelta:
    """How long a rank waits for the others, by `init_process_group`."""
    if timeout is None:
        asked = os.environ.get("MINIDL_TIMEOUT")
        if not asked:
            return TIMEOUT
        try:
            limit = timedelta(seconds=float(asked))
        except (ValueError, OverflowError):
            limit = timedelta(0)
        if limit <= timedelta(0):
            raise ValueError(f"MINIDL_TIMEOUT: expected a positive number of seconds, got {asked!r}")
        return limit
    if not isinstance(timeout, timedelta):
        raise TypeError(f"init_process_group: timeout must be a datetime.timedelta, got {type(timeout).__name__}")
    if timeout <= timedelta(0):
        raise ValueError(f"init_process_group: timeout must be above 0, got {timeout}")
    return timeout


def destroy_process_group() -> None:
    """Leave the group; RuntimeError where there is none.

    In a ``finally``, an error that is on its way still ends all ranks if nobody catches it.
    """
    group = require_group("destroy_process_group")
    if group.comm is not None:
        group.settle()
        group.comm.Free()
        group.gradients.Free()
        if sys.exc_info()[0] is None and sys.excepthook == group.end:
            sys.excepthook = group.hook
        atexit.unregister(group.leave)
    world.group = None


def is_available() -> bool:
    """Whether there can be more than one rank: whether mpi4py is installed."""
    return find_spec("mpi4py") is not None


def is_initialized() -> bool:
    """Whether `init_process_group` has been called."""
    return world.group is not None


def get_rank() -> int:
    """The number of this rank, from 0. RuntimeError before `init_process_group`."""
    return require_group("get_rank").rank


def get_world_size() -> int:
    """How many ranks there are. RuntimeError before `init_process_group`."""
    return require_group("get_world_size").size


def get_node_local_rank() -> int:
    """The number of this rank among those of its machine, from 0: of the GPU that is its own, say."""
    return require_group("get_node_local_rank").local_rank


def require_group(name: str) -> Group:
    """The group; RuntimeError, in the name of its caller, where there is none."""
    if world.group is None:
        raise RuntimeError(f"{name}: there is no process group; call distributed.init_process_group() first")
    return world.group


def joined() -> Group:
    """The group, or this process alone where nothing was said of any."""
    return world.group or ALONE


ALONE = Group()
