"""One run of a lesson: what was asked for, where its pictures go, and the record of its numbers."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from minidl import backend
from minidl.data.sources import NAMED, ImageDataset
from minidl.files import beside
from minidl.learn.extras import extra
from minidl.models import get_model, get_weight
from minidl.models.weights import Weights
from minidl.nn import Module


class Lesson:
    """A run of the lesson `number`, as a script with arguments (``--help`` lists them) or as a notebook without.

    Parameters
    ----------
    number : str
        Two digits, as the lesson's file starts.
    sources : sequence of str
        The data sets that ``--data`` chooses from, of those of `minidl.data.sources.NAMED`, the preferred one first.

    Attributes
    ----------
    profile : {"ci", "core", "full"}
        How much to train: on at most 2,000 images, for minutes, or for the headline numbers. By default what the
        environment variable ``MINIDL_PROFILE`` says, else ``core``.
    device : str
        Where its tensors, networks and batches are made: the default device. By default what the environment variable
        ``MINIDL_DEVICE`` says, else ``cpu``.
    seed : int
    sources : list of str
        The data sets that the run may use: all, or the one that was asked for.
    out : Path
        Where the run leaves its files: ``out/NN`` beside the script, or in a notebook's working folder.
    pictures : list of Path
        What `show` has saved.
    """

    def __init__(self, number: str, sources: Sequence[str] = ()) -> None:
        script: str | None = getattr(sys.modules["__main__"], "__file__", None)  # a notebook has none
        parser = argparse.ArgumentParser()
        parser.add_argument("--profile", choices=("ci", "core", "full"), help="how much to train (default: core)")
        parser.add_argument("--seed", type=int, default=1, help="of the first training (default: 1)")
        parser.add_argument("--record", action="store_true", help=f"write the numbers to results/{number}.json")
        parser.add_argument("--device", help="where to compute: cpu or cuda[:N] (default: cpu)")
        if sources:
            parser.add_argument("--data", choices=sources, help="default: the first of them that can be had")
        default = ["--profile", os.environ.get("MINIDL_PROFILE", "core")]
        default += ["--device", os.environ.get("MINIDL_DEVICE", "cpu")]
        self.options = parser.parse_args(default + (sys.argv[1:] if script else []))
        try:
            backend.set_default_device(self.options.device)
        except (ValueError, RuntimeError) as error:
            parser.error(str(error))
        self.profile, self.device, self.seed = self.options.profile, self.options.device, self.options.seed
        self.sources = [self.options.data] if sources and self.options.data else list(sources)
        self.number = number
        self.folder = Path(script).resolve().parent if script else Path.cwd()
        self.source = Path(script).read_bytes() if script else b""
        self.out = self.folder / "out" / number
        self.out.mkdir(parents=True, exist_ok=True)
        self.pictures: list[Path] = []
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)  # a log shows each line as it comes
        if self.profile == "ci":
            print("Profile ci trains too little for all that the text says to be seen; core, the default, shows it.")
        self.started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time since the lesson began."""
        return time.perf_counter() - self.started

    def data(self) -> tuple[ImageDataset, ImageDataset]:
        """The training and the test images of the first source that can be had; of those before it, it prints why not.

        Raises
        ------
        FileNotFoundError
            If there is none.
        """
        for name in self.sources:
            try:
                found = NAMED[name](), NAMED[name](train=False)
            except FileNotFoundError as missing:
                print(missing)
                continue
            if name != self.sources[0]:
                print(f"This lesson goes on with {name}.")
            return found
        raise FileNotFoundError(f"lesson {self.number}: can't have any of {', '.join(self.sources)}")

    def weights(self, *names: str) -> tuple[Module, Weights] | None:
        """The network of the first weights that can be had, and what is known of them; of others, it prints why not.

        Parameters
        ----------
        *names : str
            Of `minidl.models.list_weights`, the preferred one first.

        Returns
        -------
        Module, Weights
            None if there are none: the lesson has to do without.
        """
        for name in names:
            try:
                return get_model(name.partition(".")[0], weights=name), get_weight(name)
            except (FileNotFoundError, ImportError) as missing:
                print(missing)
        return None

    def show(self, figure: Any, name: str) -> None:
        """Save a figure as ``name.png`` in `out`, and show it where there is a display or a notebook."""
        pyplot = extra("matplotlib.pyplot")
        path = self.out / f"{name}.png"
        figure.savefig(path, dpi=120)
        self.pictures.append(path)
        print(f"picture: {os.path.relpath(path)}")
        if pyplot.get_backend().lower() != "agg":
            pyplot.show()
        pyplot.close(figure)

    def record(self, data: str, device: str, results: dict[str, list[dict[str, Any]]]) -> None:
        """If ``--record`` asks for it, write the run to ``results/NN.json``, in place of one of this profile and data.

        Parameters
        ----------
        data : the data set and its size
        device : where it ran
        results : for each network, the numbers of each seed
        """
        if not self.options.record:
            return
        path = self.folder / "results" / f"{self.number}.json"
        path.parent.mkdir(exist_ok=True)
        runs = json.loads(path.read_text("utf-8")) if path.exists() else []
        runs = [run for run in runs if (run["profile"], run["data"]) != (self.profile, data)]
        runs.append(
            dict(profile=self.profile, data=data, results=results, seconds=round(self.seconds, 1), device=device)
        )
        runs[-1] |= dict(cpu=processor(), cores=os.cpu_count(), python=platform.python_version())
        runs[-1] |= {package: version(package) for package in ("numpy", "minidl")}
        runs[-1] |= dict(code_sha256=fingerprint(self.source))
        runs.sort(key=lambda run: (run["profile"], run["data"]))
        with beside(path) as part:
            part.write_text(json.dumps(runs, indent=2, ensure_ascii=False) + "\n", "utf-8")
        print(f"recorded: {os.path.relpath(path)}")


def fingerprint(source: bytes) -> str:
    """The SHA-256 of the lines of code: prose and comments may be mended without another run."""
    lines = [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith(b"#")]
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def progress(batches: Iterable[Any], description: str) -> Iterable[Any]:
    """Iterate over batches with a progress bar, which goes away at the end; without a terminal there is none."""
    return extra("tqdm").tqdm(batches, description, leave=False, disable=None)


def processor() -> str:
    """The name of the CPU, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
