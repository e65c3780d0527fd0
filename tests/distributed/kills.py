"""Kill ranks of a training, again and again, and let it go on: ``python tests/distributed/kills.py --ranks 2``.

``mpiexec -n 2 minidl train …`` saves after each batch. At a random moment of the training a random rank is killed by
SIGKILL. Each time the job must end within `LIMIT`, with the process named that was killed (the job's first line says
which rank that is) and none left behind; every checkpoint must be whole; and ``--resume`` must end in the weights of
the job in which nobody was killed, to the bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from minidl.learn.lesson import processor
from minidl.train import checkpoint

LIMIT = 10.0  # seconds
TRAIN = "fc64 --data photos --input 1,28,28 --augment crop,flip --batch-size 8 --epochs 3 --save-every 1"
MPIEXEC = shutil.which("mpiexec", path=Path(sys.executable).parent) or "mpiexec"


class Job:
    """A training on several ranks, begun, and the process of each rank as it says itself."""

    def __init__(self, ranks: int, folder: Path, *told: str) -> None:
        command = [MPIEXEC, "-n", str(ranks), sys.executable, "-m", "minidl", "train", *told, "--out", str(folder)]
        environment = {**os.environ, "MINIDL_NUM_THREADS": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self.process = subprocess.Popen(command, env=environment, cwd=folder.parent, **pipes)
        self.said = ""
        while "ranks:" not in self.said:
            line = self.process.stdout.readline()
            assert line, f"the training did not begin: {self.said}"
            self.said += line
        self.pids = [int(pid) for pid in re.findall(r"is process (\d+) of", self.said)]
        self.since = time.monotonic()

    def end(self, limit: float | None = None) -> float:
        """Wait for the job; the seconds from its beginning, or from `begin` again."""
        self.said += self.process.communicate(timeout=limit)[0]
        return time.monotonic() - self.since


class Killed(NamedTuple):
    """What came of one kill: the seconds until the job had ended, and what was wrong."""

    seconds: float
    wrong: list[str]


def killed(job: Job, rank: int, folder: Path) -> Killed:
    """Kill a rank, and look at what is left."""
    os.kill(job.pids[rank], signal.SIGKILL)
    job.since = time.monotonic()
    try:
        seconds = job.end(LIMIT)
    except subprocess.TimeoutExpired:
        for pid in job.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        job.process.kill()
        return Killed(LIMIT, [f"the job did not end within {LIMIT:g} s"])
    wrong = []
    if job.process.returncode == 0 or not re.search(rf"PID {job.pids[rank]}\b", job.said):
        wrong.append(f"rank {rank} is not named: exit code {job.process.returncode}, {job.said}")
    wrong += [f"process {pid} is left" for pid in job.pids if Path(f"/proc/{pid}/cmdline").exists()]
    for path in (folder / "checkpoints").glob("step-*"):
        try:
            checkpoint.read(path)
        except ValueError as error:
            wrong.append(str(error))
    return Killed(seconds, wrong)


def weights(folder: Path) -> bytes:
    """The file of the weights that a training has come to."""
    return (folder / "weights.safetensors").read_bytes()


def pictures(folder: Path) -> None:
    """Twenty pictures each of two classes."""
    rng = np.random.default_rng(0)
    for name, level in ("dark", 60), ("light", 160):
        (folder / name).mkdir(parents=True)
        for i in range(20):
            values = level + rng.integers(0, 80, (28, 28))
            Image.fromarray(values.astype(np.uint8)).save(folder / name / f"{i:02}.png")


def main(arguments: list[str] | None = None) -> int:
    """Kill ranks; 1 if anything was wrong once."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=2, help="default: 2")
    parser.add_argument("--kills", type=int, default=50, help="at random moments (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of moments and ranks (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="leave the figures there, as JSON")
    asked = parser.parse_args(arguments)
    random.seed(asked.seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pictures(place / "photos")
        whole = Job(asked.ranks, place / "whole", *TRAIN.split())
        length = whole.end()
        assert whole.process.returncode == 0, whole.said
        ends, wrong = [], []
        while len(ends) < asked.kills:
            folder = place / str(len(ends))
            job, rank = Job(asked.ranks, folder, *TRAIN.split()), random.randrange(asked.ranks)
            time.sleep(random.uniform(0, length))
            if job.process.poll() is not None:  # faster than the first: another moment
                shutil.rmtree(folder)
                continue
            found = killed(job, rank, folder)
            if job.process.returncode == 0 and (folder / "weights.safetensors").exists():  # it had ended
                wrong += found.wrong[1:]  # all but that nobody is named
                shutil.rmtree(folder)
                continue
            if (folder / "run.json").exists():
                job = Job(asked.ranks, folder, "--resume")
            else:  # killed before there was a run
                job = Job(asked.ranks, folder, *TRAIN.split())
            job.end()
            ends.append(found.seconds)
            wrong += found.wrong
            if job.process.returncode or weights(folder) != weights(place / "whole"):
                wrong.append(f"kill {len(ends)}: it did not go on to the same weights: {job.said}")
            shutil.rmtree(folder)
            if asked.out:  # what an interrupted run has found is there
                figures = {"ranks": asked.ranks, "kills": len(ends), "wrong": len(wrong), "ended": sorted(ends)}
                about = {"seed": asked.seed, "seconds": round(time.monotonic() - started), "processor": processor()}
                asked.out.write_text(json.dumps(figures | about, indent=1) + "\n")
    print(
        f"{asked.ranks} ranks, one killed {asked.kills} times at random moments: the job had ended after "
        f"{np.median(ends):.2f} s, {max(ends):.2f} at most; {len(wrong)} things were wrong",
        *wrong,
        sep="\n",
    )
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
