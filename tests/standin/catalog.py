"""CuPy's names: ``names.json`` says what each module and the array class have, and of functions the parameters.

``python tests/standin/catalog.py`` writes it anew from the CuPy that is installed, and needs no GPU.
"""

import importlib
import inspect
import json
import pathlib
import re
import sys
from typing import Any

FILE = pathlib.Path(__file__).with_name("names.json")
MODULES = (
    ["cupy", "cupy.cuda", "cupy.cuda.runtime", "cupy.lib", "cupy.lib.stride_tricks", "cupy.linalg", "cupy.random"]
    + ["cupyx", "cupyx.scipy", "cupyx.scipy.ndimage", "cupyx.scipy.special"]
)  # fmt: skip
NAMES: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}


def parameters(signature: str) -> inspect.Signature:
    """The signature that an entry such as ``"(a, axis=None, *, out=None)"`` stands for."""
    return inspect.signature(eval(f"lambda {signature[1:-1]}: None"))


def described(value: Any, ufunc: type) -> str:
    """What stands for a name's value: the kind of thing that it is, or the parameters of a function."""
    if inspect.ismodule(value):
        return "module"
    if isinstance(value, type):
        return "type"
    if isinstance(value, ufunc):
        return "ufunc"
    if not callable(value):
        return "value"
    try:
        return rendered(inspect.signature(value))
    except ValueError:  # compiled: the first line of its description has them
        return declared(value.__doc__ or "")


def rendered(signature: inspect.Signature) -> str:
    """A signature without types, every default None: what counts is which parameters there are."""
    empty = inspect.Parameter.empty
    plain = [
        p.replace(annotation=empty, default=empty if p.default is empty else None)
        for p in signature.parameters.values()
    ]
    return str(signature.replace(parameters=plain, return_annotation=empty))


def declared(text: str) -> str:
    """The parameters in ``Class.name(self, int axis=-1, out=None) -> type``; anything goes where there are none."""
    match = re.match(r"[\w.]+\((.*?)\)( ->.*)?$", text.partition("\n")[0])
    if match is None:
        return "(*args, **kwargs)"
    given = match[1].split(", ") if match[1] else []
    names = [part.split("=")[0].split()[-1] + "=None" * ("=" in part) for part in given]
    return f"({', '.join(names)})"


def main(file: pathlib.Path = FILE) -> None:
    """Write the names of the CuPy that is installed to a file."""
    cupy: Any = importlib.import_module("cupy")
    names: dict[str, Any] = {"version": cupy.__version__}
    owners = {name: importlib.import_module(name) for name in MODULES} | {"cupy.ndarray": cupy.ndarray}
    for name, owner in owners.items():
        public = [n for n in dir(owner) if not n.startswith("_")]
        names[name] = {n: described(getattr(owner, n), cupy.ufunc) for n in sorted(public)}
    file.write_text(json.dumps(names, indent=0) + "\n")


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:]))
