"""PyTorch beside minidl as a page: ``python tests/differences.py`` writes it, and with ``--check`` fails where stale.

Nothing on it is said by hand but the titles: what differs is run on both, what is not here is what the errors say, and
what is the same is what both have.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import minidl as md
from minidl.engine import absent

PAGE = Path(md.__file__).with_name("PYTORCH.md")
INTRODUCTION = """# From PyTorch

A program for PyTorch runs here with other imports:

| there | here |
|---|---|
| `import torch` | `import minidl as torch` |
| `import torch.nn as nn` | `import minidl.nn as nn` |
| `import torch.nn.functional as F` | `import minidl.functional as F` |
| `import torch.optim as optim` | `import minidl.optim as optim` |
| `from torch.utils.data import DataLoader` | `from minidl.utils.data import DataLoader` |
| `from torchvision.transforms import v2 as transforms` | `from minidl.data import transforms` |

Names, arguments, defaults and results are those of PyTorch %s but for what stands below.
`python tests/differences.py` writes this page by running both; `tests/programs/` are programs that run on both.
"""
DIFFERS = """
## What differs

Each line was run on both, with `import minidl as torch` in the last column: it shows what is printed, or the error.
`x` is `torch.ones(2, 3)`, and `early(nn)` a module whose `__init__` sets `self.fc` first.

| | you write | PyTorch | minidl |
|---|---|---|---|
"""
ABSENT = """
## What is not here

The error says so, and what to use: an AttributeError for a name, so that `hasattr` works, a TypeError for an argument.
A module that is not here can be imported, since programs import more than they use: it is empty. So can `Variable`,
`load_url` and `load_state_dict_from_url`, which say it when they are called.

| PyTorch | here |
|---|---|
"""
SAME = """
## What is the same

%d names that both have: functions, classes and methods.

"""
# title, program: statements, and an expression after the last semicolon
ROWS = [
    ("dtypes are NumPy's", "x.dtype"),
    ("", "x.numpy().dtype == x.dtype"),
    ("a device equals its name", "x.device == 'cpu'"),
    ("the raw array has a name of its own", "x.array"),
    ("labels are of any integer dtype", "F.cross_entropy(x, torch.tensor([0, 2], dtype=torch.int32))"),
    ("a Tensor keeps the array that it is given", "torch.Tensor(np.arange(2))"),
    ("", "torch.Tensor(2, 3).shape"),
    ("sizes that don't fit are a ValueError", "x + torch.ones(4)"),
    ("", "nn.Linear(3, 1)(torch.ones(1, 4))"),
    ("mixed dtypes are a TypeError", "nn.Linear(3, 1)(torch.ones(1, 3, dtype=torch.float64))"),
    ("numbers must fit their dtype", "torch.zeros(2, dtype=torch.uint8).fill_(-1)"),
    ("only matrices have a `.T`", "torch.ones(2, 1, 3).T.shape"),
    ("random streams differ", "torch.manual_seed(0); torch.rand(2)"),
    (
        "backward sees what is written through `.data`",
        "x.requires_grad_(); y = x.exp(); y.data[0] = 7; y.sum().backward(); x.grad.sum()",
    ),
    ("modules may be set before `super().__init__()`", "Net = early(nn); Net().fc.weight.shape"),
    (
        "workers are threads, or processes by `multiprocessing_context`",
        "import os; pid = lambda _: os.getpid(); "
        "[*torch.utils.data.DataLoader('a', num_workers=1, collate_fn=pid)] == [pid(0)]",
    ),
    ("ops have names of their own", "x.requires_grad_(); x * 2"),
]


def namespace(m: Any) -> dict[str, Any]:
    """What the programs may name."""
    return dict(torch=m, nn=m.nn, F=m.nn.functional, optim=m.optim, np=np, early=early, x=m.ones(2, 3))


def early(nn: Any) -> type:
    """A module that sets a layer before ``super().__init__()``."""

    class Net(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(2, 3)
            super().__init__()

    return Net


def outcome(program: str, m: Any) -> str:
    """What comes of a program, on one line: what the expression prints, or the error's first sentence."""
    *statements, expression = program.rsplit("; ", 1)
    names = namespace(m)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec("; ".join(statements), names)
            return re.sub(r"\s+", " ", repr(eval(expression, names)))
        except Exception as error:
            sentence = re.split(r"(?<=[a-z])\. |\n|; ", str(error))[0].rstrip(".")
            return f"{type(error).__name__}: {sentence}"


def cell(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def differs(torch: Any) -> Iterator[str]:
    """The rows of what differs; ValueError for one that doesn't."""
    for title, program in ROWS:
        theirs, ours = outcome(program, torch), outcome(program, md)
        if theirs == ours:
            raise ValueError(f"{program}: both give {ours}")
        yield f"| {title} | {cell(program)} | {cell(theirs)} | {cell(ours)} |\n"


def grouped(said: dict[str, str]) -> Iterator[str]:
    """``| names | what is said of them |``."""
    groups: dict[str, list[str]] = {}
    for name, words in said.items():
        groups.setdefault(words, []).append(f"`{name}`")
    for words, names in groups.items():
        yield f"| {', '.join(names)} | {words} |\n"


def missing() -> Iterator[str]:
    """The rows of what is not here: names, layers of volumes, arguments."""
    yield from grouped(absent.ABSENT)
    yield f"| names that end in `3d` | {absent.VOLUMES} |\n"
    yield from grouped({f"{name}=": words for name, words in absent.ARGUMENTS.items()})


def spaces(m: Any) -> dict[str, Any]:
    """Where names live."""
    return {
        "torch": m,
        "torch.Tensor": m.Tensor,
        "torch.nn": m.nn,
        "torch.nn.Module": m.nn.Module,
        "torch.nn.functional": m.nn.functional,
        "torch.nn.init": m.nn.init,
        "torch.nn.utils": m.nn.utils,
        "torch.optim": m.optim,
        "torch.optim.lr_scheduler": m.optim.lr_scheduler,
        "torch.optim.swa_utils": m.optim.swa_utils,
        "torch.autograd": m.autograd,
        "torch.utils.data": m.utils.data,
        "torch.cuda": m.cuda,
    }


TYPING = ("typing", "collections.abc", "__future__")
IMPORTED = {"torch.nn.init": {"Tensor"}, "torch.optim.swa_utils": {"LRScheduler", "Module", "Tensor"}}  # of elsewhere


def names(space: Any) -> set[str]:
    """Its public names, but for modules, for what is only there to say that it isn't, and for types of annotations."""

    def is_there(name: str) -> bool:
        value = inspect.getattr_static(space, name, None)
        return not (
            inspect.ismodule(value) or isinstance(value, absent.Absent) or getattr(value, "__module__", "") in TYPING
        )

    return {name for name in dir(space) if not name.startswith("_") and is_there(name)}


def same(torch: Any) -> dict[str, list[str]]:
    """The public names that both have, by where they live."""
    theirs = spaces(torch)
    both = {place: names(space) & names(theirs[place]) for place, space in spaces(md).items()}
    for place, imported in IMPORTED.items():
        both[place] -= imported
    return {place: sorted(found) for place, found in both.items()}


def page() -> str:
    """The page; needs PyTorch."""
    import torch

    both = same(torch)
    lists = [f"**{place}**: {', '.join(f'`{name}`' for name in found)}\n" for place, found in both.items()]
    version = ".".join(torch.__version__.split(".")[:2])
    return "".join(
        [
            INTRODUCTION % version,
            DIFFERS,
            *differs(torch),
            ABSENT,
            *missing(),
            SAME % sum(map(len, both.values())),
            "\n".join(lists),
        ]
    )


def main(check: bool) -> None:
    """Write the page, or with `check` compare it: SystemExit where it is stale."""
    new, old = page(), PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if check and new != old:
        changes = difflib.unified_diff(old.splitlines(), new.splitlines(), str(PAGE), "as it should be", lineterm="")
        raise SystemExit("\n".join(changes))
    PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv)
