"""Programs of several ranks, which ``mpiexec`` starts."""

import functools
import json
import os
import shutil
import socket
import subprocess
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from minidl import distributed as dist
from minidl.distributed.group import LAUNCHED

HERE = Path(__file__).parent
MPIEXEC = next(filter(None, (shutil.which("mpiexec", path=p) for p in (str(Path(sys.executable).parent), None))), None)


@functools.cache
def absent():
    """Why no program of several ranks can be started here; nothing where one should: an MPI that is broken fails."""
    if find_spec("mpi4py") is None or MPIEXEC is None:
        return "no MPI: pip install 'minidl[mpi]' brings it"
    try:
        socket.create_server(("127.0.0.1", 0)).close()
    except OSError as error:
        return f"mpiexec talks to its ranks by sockets, which this place forbids: {error}"
    return ""


@pytest.fixture
def alone(monkeypatch):
    """A process group of one."""
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    dist.init_process_group("mpi", timedelta(seconds=5))
    yield
    dist.destroy_process_group()


@pytest.fixture
def started(tmp_path):
    """``started(ranks, *command)``: a job of Python under ``mpiexec``, in a folder of its own."""
    if absent():
        pytest.skip(absent())
    jobs = []

    def start(ranks, *command, **environment):
        paths = os.pathsep.join([str(HERE.parents[1]), str(HERE.parent)])
        own = {"PYTHONPATH": paths, "MINIDL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore", "MINIDL_TIMEOUT": "120"}
        jobs.append(
            subprocess.Popen(
                [MPIEXEC, "-n", str(ranks), sys.executable, *map(str, command)],
                env={**os.environ, **own, **environment},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()
        job.communicate()


@pytest.fixture
def ranks(started):
    """``ranks(n, "programs.norms", ["rounds.traced", folder])``: functions, with arguments, of modules here on n ranks.

    One after the other in one start, which costs more than most of them. It returns what they have printed.
    """

    def run(n, *calls, fails=False):
        calls = [[call] if isinstance(call, str) else call for call in calls]
        job = started(n, HERE / "on_ranks.py", json.dumps(calls, default=str))
        printed = job.communicate(timeout=300)[0]
        assert (job.returncode != 0) == fails, printed
        return printed

    return run
