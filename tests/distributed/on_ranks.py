"""Functions of modules beside this file, on every rank: ``mpiexec -n 2 python on_ranks.py '[["programs.norms"]]'``."""

import importlib
import json
import sys

from minidl import distributed

if __name__ == "__main__":
    distributed.init_process_group("mpi")
    for name, *arguments in json.loads(sys.argv[1]):
        module, _, function = name.partition(".")
        getattr(importlib.import_module(f"distributed.{module}"), function)(*arguments)
