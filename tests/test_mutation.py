"""Which mutants may survive is said by patterns that take those alone."""

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
        ("minidl.nn.module.f: a + b → a - b", False),
    ],
)
def test_which_mutants_may_survive(mutant, may):
    assert any(pattern.search(mutant) for pattern in KNOWN) == may
