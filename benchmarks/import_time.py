"""What an import takes, as a whole process."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Engine, Lacking, Work


def importing(package: str) -> Work:
    """A process that imports a package and ends."""
    command = [sys.executable, "-c", f"import {package}"]
    return Work(lambda: subprocess.run(command, check=True))


def by_engine(engine: Engine) -> Work:
    """The import of an engine's package."""
    if engine.variant:
        raise Lacking("package of its own")
    return importing(engine.package)


@benchmark
def import_time(asked: Asked) -> Iterator[Case]:
    """A whole process that imports the package."""
    yield Case("import", by_engine, baselines={"NumPy": lambda _: importing("numpy")})
