"""Programs as courses write them run with nothing but their imports renamed, and give PyTorch's numbers.

Each file of `programs/` is a script for PyTorch that leaves its numbers in `results`. It is run here with
``import minidl as torch`` in the place of ``import torch``, and so on. What PyTorch gives stands in
`programs/results.json`, which ``python tests/test_programs.py`` writes, and is compared with PyTorch where it stands.
"""

import contextlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).with_name("programs")
RECORD = FOLDER / "results.json"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py"))
IMPORTS = [  # only these lines of a program are rewritten
    (r"^(import|from) torch\.nn\.functional\b", r"\1 minidl.functional"),
    (r"^(import|from) torch\.", r"\1 minidl."),
    (r"^from torch\b", "from minidl"),
    (r"^import torch$", "import minidl as torch"),
]


def renamed(source):
    """The program with minidl's names in its imports."""
    for pattern, ours in IMPORTS:
        source = re.sub(pattern, ours, source, flags=re.MULTILINE)
    return source


def run(name, rename):
    """What the program leaves in `results`, as plain lists and numbers."""
    path = FOLDER / f"{name}.py"
    source = path.read_text(encoding="utf-8")
    names = {"__name__": name}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(renamed(source) if rename else source, path, "exec"), names)
    return plain(names["results"])


def plain(x):
    """Dicts, lists, tensors and arrays as what JSON keeps."""
    if isinstance(x, dict):
        return {str(key): plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(value) for value in x]
    if hasattr(x, "detach"):
        x = x.detach().numpy()
    if isinstance(x, (np.ndarray, np.generic)):
        x = np.asarray(x).tolist()
        return plain(x) if isinstance(x, list) else x
    return x


def numbers(x, place="results"):
    """``(place, leaf)`` for each number and text in it, in order."""
    if isinstance(x, dict):
        for key, value in x.items():
            yield from numbers(value, f"{place}[{key!r}]")
    elif isinstance(x, list):
        yield f"len({place})", len(x)
        for i, value in enumerate(x):
            yield from numbers(value, f"{place}[{i}]")
    else:
        yield place, x


def hold(got, want):
    """Equal structures, texts, types and whole numbers; floats to 1e-4 of themselves or 2e-5."""
    ours, theirs = list(numbers(got)), list(numbers(want))
    assert [place for place, _ in ours] == [place for place, _ in theirs]
    for (place, a), (_, b) in zip(ours, theirs, strict=True):
        assert type(a) is type(b), f"{place}: {a!r}, PyTorch gives {b!r}"
        same = np.isclose(a, b, rtol=1e-4, atol=2e-5, equal_nan=True) if isinstance(b, float) else a == b
        assert same, f"{place}: {a!r}, PyTorch gives {b!r}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    hold(run(name, rename=True), json.loads(RECORD.read_text(encoding="utf-8"))[name])


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True to a scalar")
@pytest.mark.parametrize("name", PROGRAMS)
def test_record(name):
    """The numbers that are kept are what PyTorch gives."""
    pytest.importorskip("torch").set_num_threads(1)
    hold(json.loads(RECORD.read_text(encoding="utf-8"))[name], run(name, rename=False))


def test_only_imports_are_renamed():
    for name in PROGRAMS:
        source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        changed = [b for a, b in zip(source.split("\n"), renamed(source).split("\n"), strict=True) if a != b]
        assert changed and all(line.startswith(("import minidl", "from minidl")) for line in changed)
        assert "minidl" not in source


def rounded(x):
    """Floats with seven digits: what float32 has."""
    if isinstance(x, dict):
        return {key: rounded(value) for key, value in x.items()}
    if isinstance(x, list):
        return [rounded(value) for value in x]
    return float(f"{x:.7g}") if isinstance(x, float) else x


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(rounded(run(name, rename=False)))}" for name in PROGRAMS]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
