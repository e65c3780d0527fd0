"""What PyTorch gives for the calls of the table of arguments: ``python tests/record.py`` writes it anew.

So the suite can hold minidl to it where PyTorch is not installed; where it is, `test_torch_arguments` holds it to the
record.
"""

import inspect
import json
import operator
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from arguments import RECORD, ROWS, calls, parameters
from arguments.surface import CASES, attributes, made
from arguments.table import VARIADIC, Call, summaries, unannotated

THEIRS = SimpleNamespace(**vars(torch) | dict(functional=torch.nn.functional, grad=torch.autograd.grad))
if find_spec("torchvision"):
    import_module("vision")
    THEIRS.data = SimpleNamespace(transforms=import_module("torchvision.transforms.v2"))


def theirs(call: Call) -> list:
    """What a call gives in PyTorch."""
    return summaries(THEIRS, call)


def signature(name: str) -> list[str]:
    """The arguments of PyTorch's callable of that name that minidl has too, with their defaults; none where it is C++.

    Some functions of PyTorch choose among several by a flag: their signature says nothing.
    """
    try:
        theirs = inspect.signature(operator.attrgetter(name)(THEIRS)).parameters
    except (AttributeError, ValueError, TypeError):
        return []
    ours = {k: p for k, p in parameters(name).items() if p.kind not in VARIADIC}
    return [unannotated(p).replace("torch.float32", repr(np.dtype("f4"))) for k, p in theirs.items() if k in ours]


def read_off(layer: Any) -> list:
    """How a layer is printed, and the attributes that it has."""
    return [repr(layer), {name: repr(value) for name, value in attributes(layer).items()}]


def record() -> dict[str, dict]:
    """Signatures and results, and what can be read off layers."""
    names = sorted({row.name for row in ROWS})
    return {
        "signatures": {name: text for name in names if (text := signature(name))},
        "results": {call.key: theirs(call) for call in calls(ROWS)},
        "layers": {str(case): read_off(made(THEIRS, *case)) for case in CASES},
    }


def written(records: dict[str, dict]) -> str:
    """As JSON, an entry a line."""
    parts = [
        f"{json.dumps(kind)}: {{\n"
        + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items())
        + "\n}"
        for kind, entries in records.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    RECORD.write_text(written(record()))
