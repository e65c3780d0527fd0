"""A function of a module beside this file, on every rank: ``mpiexec -n 2 python on_ranks.py programs.norms …``."""

import importlib
import sys
from datetime import timedelta

from minidl import distributed

if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(".")
    limit = timedelta(seconds=4 if name in ("hanging", "elsewhere") else 60)
    distributed.init_process_group("mpi", timeout=limit)
    getattr(importlib.import_module(f"distributed.{module}"), name)(*sys.argv[2:])
