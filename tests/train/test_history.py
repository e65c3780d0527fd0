"""The numbers of a training as lists, a table, a file and a picture."""

import csv

import pytest

from minidl.backend import extras
from minidl.train import History


def history():
    """Three epochs, of which one is validated."""
    made = History()
    made.append(4, {"loss": 1.5, "each": [1.0, 2.0]})
    made.append(5, {"loss": 0.123456, "val_loss": 2.0, "each": [1.0, 3.0]})
    made.append(6, {"loss": 1e-7})
    return made


def test_it_is_a_dict_of_lists():
    made = history()
    assert dict(made) == made.history == {
        "loss": [1.5, 0.123456, 1e-7], "each": [[1.0, 2.0], [1.0, 3.0]], "val_loss": [2.0]
    }  # fmt: skip
    assert len(made) == 3 and "val_loss" in made and "other" not in made and made.epoch == [4, 5, 6]
    assert len(History()) == 0 and History().history == {}
    with pytest.raises(KeyError):
        made["other"]


def test_as_a_table():
    assert str(history()).splitlines() == [
        "epoch    loss        each  val_loss",
        "    5     1.5  [1.0, 2.0]          ",
        "    6  0.1235  [1.0, 3.0]         2",
        "    7   1e-07                      ",
    ]


def test_as_a_file(tmp_path):
    history().to_csv(tmp_path / "a.csv", separator=";")
    rows = list(csv.reader((tmp_path / "a.csv").read_text().splitlines(), delimiter=";"))
    assert rows == [
        ["epoch", "loss", "each", "val_loss"],
        ["4", "1.5", "[1.0, 2.0]", ""],
        ["5", "0.123456", "[1.0, 3.0]", "2.0"],
        ["6", "1e-07", "", ""],
    ]


def test_as_a_picture():
    (axes,) = history().plot().axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {"loss": [[5, 1.5], [6, 0.123456], [7, 1e-7]], "val_loss": [[6, 2.0]]}
    assert axes.get_ylabel() == "loss"
    with pytest.raises(ValueError, match="plot: this history has no numbers"):
        History().plot()


def test_a_constant_is_not_magnified_and_one_line_needs_no_name():
    made = History()
    for epoch in range(3):
        made.append(epoch, {"loss": 2.0 + epoch, "val_loss": 1.0, "learning_rate": 0.001})
    loss, rate = made.plot().axes
    assert loss.get_legend() and loss.get_ylim()[0] > 0
    assert not rate.get_legend() and rate.get_ylim()[0] == 0 < rate.get_ylim()[1]


def test_its_state():
    made, other = history(), History()
    other.load_state_dict(made.state_dict())
    other.append(7, {"loss": 3.0})
    assert len(made.epoch) == 3 and other["loss"] == [*made["loss"], 3.0]


def test_what_is_not_installed_is_named(monkeypatch):
    def absent(name, *args, **kwargs):
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", absent)
    with pytest.raises(
        ImportError, match=r"History.plot: matplotlib is not installed; pip install 'minidl\[train\]' brings"
    ):
        history().plot()
