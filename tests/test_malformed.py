"""Inputs that somebody has broken are read, refused by name, or left out and counted: ``tests/malformed.py``."""

import json
import os

import pytest
from malformed import KINDS, LEFT_OUT, READ, REFUSED, REPLACED, main, outcomes

FEW = {"pictures": 3, "bombs": 1, "arrays": 5, "tables": 5, "weights and records": 5, "checkpoints": 5}
EXPECTED = {
    "pictures": {READ, LEFT_OUT}, "bombs": {REFUSED}, "options": {REFUSED}, "checkpoints": {REFUSED, REPLACED},
}  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes and links")
@pytest.mark.parametrize("kind", KINDS)
def test_what_somebody_has_broken(kind, tmp_path):
    pytest.importorskip("PIL.Image")
    counts, wrong = outcomes(kind, FEW.get(kind, 1), tmp_path)
    assert not wrong and set(counts) == EXPECTED.get(kind, {READ, REFUSED})


def broken(count, folder):
    """An input that nothing should come of, and three that are wrong each in its own way."""

    def fails(error):
        raise error

    yield "a bomb", lambda: REFUSED
    yield "a name", lambda: fails(AssertionError("names no file: oh"))
    yield "a slip", lambda: fails(TypeError("no"))


def test_what_goes_wrong_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("malformed.KINDS", {"these": (broken, 1)})
    assert main(["--out", str(tmp_path / "a.json")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "these                1 refused", "these: a name: AssertionError: names no file: oh",
        "these: a slip: TypeError: no", "3 inputs, 2 of them gone wrong",
    ]  # fmt: skip
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "inputs": 3, "wrong": 2, "outcomes": {"these": {"refused": 1}}
    }  # fmt: skip


@pytest.mark.deep
def test_a_thousand(capsys):
    assert main([]) == 0
    total = int(capsys.readouterr().out.splitlines()[-1].split()[0])
    assert total >= 1000
