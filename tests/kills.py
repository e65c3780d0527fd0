"""Kill a training, again and again, and let it go on: ``python tests/kills.py`` shows that nothing is lost.

A small training that writes a checkpoint after each step, with all that has a state in it, is forked from a process
that has imported minidl once. It is killed by SIGKILL, at random moments of the run, and before each of its first
operations on files.
Each time the last checkpoint must be whole, and the training must go on from it to the weights of the run that nobody
has killed, to the bit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import minidl as md
from minidl import nn
from minidl.learn.lesson import processor
from minidl.train.checkpoint import Checkpoints

STEPS, OPERATIONS = 15, 60
ON_FILES = ("open", "os.mkdir", "os.chmod", "os.rename", "os.remove")  # audit events


def train(folder: Path) -> None:
    """Train from the last checkpoint to the end, and leave the digest of the weights."""
    warnings.simplefilter("error", UserWarning)  # a damaged checkpoint is told of by one
    md.manual_seed(0)
    random.seed(0)
    inputs = md.rand(44, 6)
    generator = md.Generator().manual_seed(1)
    loader = md.data.DataLoader(
        md.data.TensorDataset(inputs, inputs.argmax(1) % 3), batch_size=8, shuffle=True, generator=generator
    )
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))
    optimizer = md.optim.Adam(model.parameters(), lr=0.05, amsgrad=True)
    schedule = md.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    parts = dict(model=model, optimizer=optimizer, schedule=schedule, loader=loader, generator=generator)
    checkpoints = Checkpoints(folder / "run", keep=2)
    step = checkpoints.restore(**parts) or 0
    while step < STEPS:
        for images, labels in loader:
            optimizer.zero_grad()
            noise = md.rand(6, generator=generator) + random.random()
            nn.functional.cross_entropy(model(images + noise), labels).backward()
            optimizer.step()
            schedule.step()
            step += 1
            checkpoints.save(step, **parts)
            if step == STEPS:
                break
    weights = b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())
    (folder / "digest").write_text(hashlib.sha256(weights).hexdigest())


def kill_before(number: int, folder: Path) -> None:
    """Let this process be killed before an operation on files of a folder, by its number."""
    left = iter(range(number))

    def hook(event: str, arguments: tuple) -> None:
        if event in ON_FILES and str(arguments[0]).startswith(str(folder)) and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def forked(work: Callable[[], None]) -> int:
    """A process that does the work and ends; returns its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        os._exit(1)
    os._exit(0)


def ended(child: int) -> int:
    """The exit code of a process, negative for a signal, when it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def finish(folder: Path) -> str:
    """Let a training go on to its end; the digest of its weights."""
    assert ended(forked(lambda: train(folder))) == 0, f"the training in {folder} could not go on"
    return (folder / "digest").read_text()


def at_random(folder: Path, seconds: float) -> bool:
    """Kill a training at a random moment of its run; whether it still ran."""
    child = forked(lambda: train(folder))
    time.sleep(random.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    return ended(child) == -signal.SIGKILL


def before_operation(folder: Path, number: int) -> bool:
    """Kill a training before an operation on files; whether it comes to that one."""

    def work() -> None:
        kill_before(number, folder / "run")
        train(folder)

    return ended(forked(work)) == -signal.SIGKILL


def main(arguments: list[str] | None = None) -> int:
    """Kill trainings; 1 if one has lost anything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="at random moments (default: 200)")
    parser.add_argument("--operations", type=int, default=OPERATIONS, help=f"kills before one (default: {OPERATIONS})")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="leave the figures there, as JSON")
    asked = parser.parse_args(arguments)
    random.seed(asked.seed)
    md.set_num_threads(1)
    memory = Path("/dev/shm")  # where nothing waits for a disk: a process dies, not the machine
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as place:
        for name in ("warm", "whole"):
            Path(place, name).mkdir()
        train(Path(place, "warm"))  # here, so that no child has to load loops
        started = time.perf_counter()
        want = finish(Path(place, "whole"))
        seconds = time.perf_counter() - started
        kills = [lambda folder: at_random(folder, seconds)] * asked.kills
        kills += [lambda folder, number=number: before_operation(folder, number) for number in range(asked.operations)]
        lost = writing = 0
        for number, kill in enumerate(kills):
            folder = Path(place, str(number))
            folder.mkdir()
            while not kill(folder):
                assert number < asked.kills, "the training has fewer operations"
                (folder / "digest").unlink()
                for path in (folder / "run").iterdir():
                    path.unlink()
            writing += any((folder / "run").glob(".*.part"))
            lost += finish(folder) != want
    print(
        f"killed {asked.kills} times at random moments and before each of {asked.operations} operations on files, "
        f"{writing} times while a checkpoint was being written; {lost} trainings ended in other weights"
    )
    if asked.out:
        counts = {"random": asked.kills, "operations": asked.operations, "writing": writing, "lost": lost}
        about = {"seed": asked.seed, "seconds": round(time.perf_counter() - started), "processor": processor()}
        asked.out.write_text(json.dumps(counts | about, indent=1) + "\n")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
