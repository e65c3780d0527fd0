"""Every room has tests that its mutants are tried with; which may survive is said by patterns that take those alone."""

import ast
import re
from pathlib import Path

import pytest

LINES = Path(__file__).with_name("mutants").joinpath("survivors.txt").read_text("utf-8").splitlines()
KNOWN = [re.compile(line) for line in LINES if line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("mutant", "may"),
    [
        ("minidl.nn.functions.Functional.__init_subclass__: kind = 1 → kind = None", True),
        ("minidl.nn.module.f: zip(a, b, strict=True) → zip(a, b, strict=False)", True),
        ("minidl.nn.module.f: zip(a, b, strict=True) → zip(a, b, )", True),
        ("minidl.nn.module.f: zip(a, b, strict=True) → zip(b, strict=True)", False),
        ('minidl.nn.module.f: raise ValueError("no") → raise ValueError("XXnoXX")', True),
        ('minidl.nn.module.f: raise ValueError("no") → raise ValueError(None)', False),
        ('minidl.nn.module.f: mode = "same" → mode = "XXsameXX"', False),
        ('minidl.nn.module.f: require_tensors("f", x) → require_tensors(None, x)', True),
        ('minidl.nn.module.f: require_tensors("f", x) → require_tensors("f", None)', False),
        ('minidl.nn.module.f: raise ValueError("no") → raise ValueError("NO")', True),
        ('minidl.nn.module.f: raise ValueError("no") → raise ValueError("on")', False),
        ('minidl.nn.module.f: f"no {n}, more" → f"NO {N}, MORE"', True),
        ('minidl.nn.module.f: mode = "same" → mode = "SAME"', False),
        ('minidl.nn.module.f: warn("no", stacklevel=2) → warn("no", stacklevel=3)', True),
        ('minidl.nn.module.f: warn("no", stacklevel=2) → warn("no", )', True),
        ('minidl.nn.module.f: warn("no", stacklevel=2) → warn(None, stacklevel=2)', False),
        ("minidl.optim.sgd.f: v += xp.add(g, p, out=t) → v += xp.add(g, p, out=None)", True),
        ("minidl.optim.sgd.f: v += xp.add(g, p, out=t) → v += xp.add(g, p, )", True),
        ("minidl.optim.sgd.f: v += xp.add(g, p, out=t) → v += xp.add(g, out=t)", False),
        ('minidl.nn.module.f: if x.kind in "iu": → if x.kind in "XXiuXX":', True),
        ('minidl.nn.module.f: if x.kind in "iu": → if x.kind in "IU":', False),
        ("minidl.nn.module.f: x.reshape(-1, 3) → x.reshape(-2, 3)", True),
        ("minidl.nn.module.f: x.reshape(-1, 3) → x.reshape(+1, 3)", False),
        ('minidl.nn.module.f: with evaluating("f", model): → with evaluating("F", model):', True),
        ('minidl.nn.module.f: with evaluating("f", model): → with evaluating("f", None):', False),
        ('minidl.nn.module.f: x = float("nan") → x = float("NAN")', True),
        ("minidl.nn.module.f: seconds = x / 1e6 → seconds = x / 1000001.0", True),
        ("minidl.nn.module.f: seconds = x / 1e6 → seconds = x * 1e6", False),
        ("minidl.nn.module.f: a + b → a - b", False),
    ],
)
def test_which_mutants_may_survive(mutant, may):
    assert any(pattern.search(mutant) for pattern in KNOWN) == may


def test_every_room_has_tests():
    """mutation.py is read, not imported: it changes pytest."""
    tests = Path(__file__).parent
    statements = ast.parse((tests / "mutation.py").read_text("utf-8")).body
    (table,) = (s.value for s in statements if isinstance(s, ast.Assign) and ast.unparse(s.targets[0]) == "TESTS")
    named = ast.literal_eval(table)
    rooms = {path.parent.name for path in tests.parent.glob("minidl/*/__init__.py")}
    assert rooms - {"engine", "kernels", "ops"} <= named.keys() <= rooms | {""}
    assert [test for listed in named.values() for test in listed.split() if not (tests / test).exists()] == []
