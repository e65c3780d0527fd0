"""What is written for TensorBoard, and when."""

import os
import sys
from types import SimpleNamespace

import pytest
from train.problem import data, fitted, trainer

from minidl.train.callbacks import TensorBoard, tensorboard
from minidl.train.metrics import Accuracy, Recall

X, Y = data()


class Writer:
    """In the place of tensorboardX's, whose import takes seconds: keeps what it is given."""

    made = []

    def __init__(self, folder, write_to_disk):
        self.folder, self.points, self.histograms, self.open = folder, [], [], write_to_disk
        self.made.append(self)

    def add_scalar(self, tag, value, step):
        assert self.open
        self.points.append((tag, step, value))

    def add_histogram(self, name, values, step):
        assert self.open
        self.histograms.append((name, step, values.shape))

    def close(self):
        self.open = False


@pytest.fixture
def written(monkeypatch):
    """The writers that are made; each time that the clock is asked, two seconds have gone."""
    monkeypatch.setitem(sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=Writer))
    monkeypatch.setattr(Writer, "made", [])
    clock = iter(range(10, 1000, 2))
    monkeypatch.setattr(tensorboard, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    return Writer.made


def test_what_is_written_when(written):
    t = trainer(metrics=[Accuracy(), Recall(average=None)])
    board = TensorBoard("runs", histogram_freq=2, write_steps_per_second=True, update_freq=2)
    history = t.fit(X, Y, 8, epochs=3, callbacks=[board], validation_data=(X, Y), verbose=0)
    train, validation = written
    assert [train.folder, validation.folder] == [os.path.join("runs", part) for part in ("train", "validation")]
    expected, names = [], ["loss", "accuracy"]
    for epoch in range(3):
        expected += [(f"batch_{name}", seen) for seen in ([2, 4], [6, 8, 10], [12, 14])[epoch] for name in names]
        expected += [(f"epoch_{name}", epoch) for name in (*names, "learning_rate", "steps_per_second")]
    assert [point[:2] for point in train.points] == expected
    values = {point[:2]: point[2] for point in train.points}
    assert [values["epoch_loss", epoch] for epoch in range(3)] == history["loss"]
    assert values["batch_loss", 10] == history["loss"][1] and values["epoch_steps_per_second", 2] == 5 / 2
    assert validation.points == [
        (f"epoch_{name}", epoch, history[f"val_{name}"][epoch]) for epoch in range(3) for name in names
    ]
    shapes = [(name, p.shape) for name, p in t.model.named_parameters()]
    assert train.histograms == [(name, epoch, shape) for epoch in (0, 2) for name, shape in shapes]
    assert not train.open and not validation.open and not validation.histograms
    assert board.state_dict() == {"seen": 15}
    t.fit(X, Y, 8, callbacks=[board], verbose=0)
    (again,) = written[2:]
    assert again.folder == train.folder and [p[1] for p in again.points if p[0] == "batch_loss"] == [2, 4]


def test_what_is_written_by_default(written):
    t = trainer()
    t.fit(X, Y, 8, callbacks=[TensorBoard()], verbose=0)
    t.fit(X, Y, 8, callbacks=[TensorBoard(update_freq="batch")], verbose=0)
    assert [writer.folder for writer in written] == [os.path.join("logs", "train")] * 2
    assert [point[:2] for point in written[0].points] == [("epoch_loss", 0), ("epoch_learning_rate", 0)]
    assert [step for tag, step, _ in written[1].points if tag == "batch_loss"] == [1, 2, 3, 4, 5]
    assert not written[0].histograms


def test_the_speed_of_an_epoch_that_is_gone_on_with(written):
    """It is of the batches since."""
    board = TensorBoard(write_steps_per_second=True)
    board.load_state_dict({"seen": 7})
    for batch in range(3):
        board.on_train_batch_end(batch, {})
    board.on_epoch_end(0, {})
    assert written[0].points == [("epoch_steps_per_second", 0, 3 / 2)] and board.state_dict() == {"seen": 10}


def test_without_tensorboardx(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(
        ImportError, match=r"^TensorBoard: tensorboardX is not installed; pip install 'minidl\[train\]'"
    ):
        TensorBoard()


@pytest.mark.deep  # the import alone takes seconds
def test_curves_for_tensorboard(tmp_path):
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    t = fitted(TensorBoard(tmp_path, histogram_freq=2, write_steps_per_second=True, update_freq=2), epochs=3, lr=0.01)
    points = {part: list(events(tmp_path / part, event_pb2)) for part in ("train", "validation")}
    train = {(tag, step): value for tag, step, value in points["train"]}
    for epoch in range(3):
        assert train["epoch_loss", epoch] == pytest.approx(t.history["loss"][epoch], rel=1e-5)
    assert ("batch_loss", 2) in train and ("batch_loss", 14) in train and ("batch_loss", 3) not in train
    assert train["epoch_steps_per_second", 1] > 0 and ("epoch_learning_rate", 2) in train
    assert {step for tag, step in train if tag == "0.weight"} == {0, 2}
    validation = {(tag, step): value for tag, step, value in points["validation"]}
    assert validation["epoch_loss", 2] == pytest.approx(t.history["val_loss"][2], rel=1e-5)


def events(folder, event_pb2):
    """Tag, step and value of all that is in the file of a folder: records of a length, 4 bytes, the event, 4 bytes."""
    (path,) = folder.iterdir()
    content = path.read_bytes()
    while content:
        size = int.from_bytes(content[:8], "little")
        event = event_pb2.Event.FromString(content[12 : 12 + size])
        for value in event.summary.value:
            yield value.tag, event.step, value.simple_value
        content = content[16 + size :]
