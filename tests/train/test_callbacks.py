"""Callbacks in real trainings: which hooks are called when, and what each leaves."""

import math
import re
import sys

import numpy as np
import pytest
from train.problem import Told, data, network, trainer, weights

import minidl as md
from minidl import nn
from minidl.train import Trainer
from minidl.train.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    GradualUnfreezing,
    LambdaCallback,
    LayerRecorder,
    LearningRateScheduler,
    LRFinder,
    ModelCheckpoint,
    Progress,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
)
from minidl.train.metrics import Accuracy, Mean, Recall

X, Y = data()

# --- hooks ------------------------------------------------------------------------------------------------------------


def test_hooks_are_called_in_order():
    told = Told()
    t = trainer(gradient_accumulation_steps=2)
    t.fit(X, Y, 16, epochs=2, callbacks=[told], validation_data=(X, Y), validation_batch_size=40, verbose=0)
    epoch = []
    for batch in 0, 1, 2:
        epoch += [("train_batch_begin", batch)] + [("before_optimizer_step", 1)] * (batch == 1)
        epoch += [("train_batch_end", batch)]
    epoch += [("before_optimizer_step", 2)]
    test = [("test_begin",), ("test_batch_begin", 0), ("test_batch_end", 0), ("test_end",)]
    epochs = [[("epoch_begin", e), *epoch, *test, ("epoch_end", e)] for e in (0, 1)]
    assert told.calls == [("train_begin",), *epochs[0], *epochs[1], ("train_end",), "cleanup"]
    told.calls.clear()
    t.evaluate(X, Y, 40, callbacks=told)
    assert told.calls == [*test, "cleanup"]
    told.calls.clear()
    t.predict(X, 40, callbacks=[told])
    predict = [("predict_begin",), ("predict_batch_begin", 0), ("predict_batch_end", 0), ("predict_end",)]
    assert told.calls == [*predict, "cleanup"]


def test_all_clean_up_after_an_error():
    """Also where another fails in it; the end of the training is not called."""
    first, last = Told(), Told()

    class Fails(Callback):
        def on_epoch_end(self, epoch, logs):
            raise KeyError("the first")

        def cleanup(self):
            raise ValueError("the second")

    with pytest.raises(ValueError, match="the second"):
        trainer().fit(X, Y, callbacks=[first, Fails(), last], verbose=0)
    for told in first, last:
        assert told.calls[-1] == "cleanup" and ("train_end",) not in told.calls


def test_what_hooks_are_told():
    seen = []

    class Look(Callback):
        def on_train_batch_end(self, batch, logs):
            seen.append((dict(logs), self.params, self.model is self.trainer.model))

        def on_epoch_end(self, epoch, logs):
            logs["mine"] = 3.0

        def on_train_end(self, logs):
            seen.append(dict(logs))

        def on_predict_batch_end(self, batch, logs):
            seen.append(logs["outputs"].shape)

    t = trainer(metrics={"a": Accuracy()})
    history = t.fit(X, Y, 40, epochs=2, callbacks=[Look()], verbose=0)
    logs, params, own = seen[0]
    assert logs.keys() == {"loss", "a"} and params == {"epochs": 2, "steps": 1, "verbose": 0} and own
    assert history["mine"] == [3.0, 3.0] and seen[-1]["mine"] == 3.0 and seen[1][0]["loss"] == history["loss"][1]
    t.predict(X, 30, callbacks=[Look()])
    assert seen[-2:] == [(30, 2), (10, 2)]


def test_those_that_save_the_others_come_last():
    calls = []
    make = lambda name, last: type(name, (Callback,), {  # noqa: E731
        "last": last, "on_train_begin": lambda self, logs: calls.append(name)
    })()  # fmt: skip
    trainer().fit(X, Y, callbacks=[make("a", 2), make("b", 1), make("c", 0), make("d", 0), make("e", 2)], verbose=0)
    assert calls == ["c", "d", "b", "a", "e"]


def test_functions_as_hooks():
    calls = []
    names = ["on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_train_batch_begin"]
    names += ["on_train_batch_end", "on_test_begin"]
    hooks = {name: lambda *args, name=name: calls.append((name, *args[:-1])) for name in names}
    trainer().fit(X, Y, 40, callbacks=[LambdaCallback(**hooks)], validation_data=(X, Y), verbose=0)
    assert [name for name, *_ in calls] == [names[i] for i in (2, 0, 4, 5, 6, 1, 3)]
    assert calls[1][1:] == (0,) and calls[0][1:] == ()


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: type("Mine", (Callback,), {"on_epoch_ends": print}), TypeError, "Mine: on_epoch_ends is no hook; is it"),
    (lambda: type("Mine", (Callback,), {"on_batch_end": print}), TypeError, "on_test_batch_end or on_train_batch_end"),
    (lambda: LambdaCallback(on_end=print), TypeError, "LambdaCallback: on_end is no hook"),
    (lambda: LambdaCallback(on_test_end=3), TypeError, "on_test_end must be a function, got int"),
    (lambda: EarlyStopping(mode="low"), ValueError, "EarlyStopping: mode must be one of auto, min, max, got 'low'"),
    (lambda: ReduceLROnPlateau(factor=1.0), ValueError, "factor must be at least 0 and less than 1, got 1.0"),
    (lambda: ModelCheckpoint("a.h5"), ValueError, "filepath must end in .safetensors, got 'a.h5'"),
    (lambda: ModelCheckpoint("a.safetensors", save_freq=0), ValueError, "save_freq must be an integer of 1"),
    (lambda: LearningRateScheduler(3), TypeError, "schedule must be a function of epoch and lr, got 3"),
    (lambda: LearningRateScheduler(max), TypeError, "schedule must be a function of epoch and lr, got <built-in"),
    (lambda: LearningRateScheduler(lambda: 3), TypeError, "schedule must be a function of epoch and lr"),
    (lambda: CSVLogger("a.csv", separator=", "), ValueError, "separator must be one character, got ', '"),
    (lambda: LayerRecorder(freq=0), ValueError, "LayerRecorder: freq must be an integer of 1"),
    (lambda: LRFinder(min_lr=1.0), ValueError, "must be 0 < min_lr < max_lr, got 1.0 and 1.0"),
    (lambda: LRFinder(smoothing=1), ValueError, "smoothing must be in"),
    (lambda: LRFinder(divergence=1), ValueError, "divergence more than 1"),
    (lambda: LRFinder(steps=1), ValueError, "steps must be an integer of 2"),
    (lambda: LRFinder().suggestion(), ValueError, "the loss does not fall; fit first"),
    (lambda: Progress(True), ValueError, "verbose must be one of 'auto', 0, 1, 2, got True"),
    (lambda: TensorBoard(histogram_freq=-1), ValueError, "histogram_freq must be an integer of 0"),
    (lambda: TensorBoard(update_freq="step"), ValueError, "update_freq must be an integer of 1"),
    (lambda: fitted(EarlyStopping("val_mean")), ValueError, "whether 'val_mean' is better low or high is not"),
    (lambda: fitted(ReduceLROnPlateau("other")), ValueError, "whether 'other' is better low or high"),
    (lambda: fitted(ModelCheckpoint("a.safetensors", "other", save_best_only=True)), ValueError, "whether 'other' is"),
    (lambda: fitted(EarlyStopping("recall")), ValueError, "EarlyStopping: 'recall' has 2 numbers, expected one to"),
    (lambda: fitted(ReduceLROnPlateau("recall", mode="max")), ValueError, "ReduceLROnPlateau: 'recall' has 2 numbers"),
    (lambda: fitted(ModelCheckpoint("a.safetensors", "recall", save_best_only=True)), ValueError, "'recall' has 2 num"),
    (lambda: fitted(ModelCheckpoint("{b}.safetensors")), ValueError, "asks for 'b'; there are epoch, loss"),
    (lambda: fitted(LearningRateScheduler(lambda epoch: "a")), ValueError, "must give a number, not negative, got 'a'"),
    (lambda: fitted(LayerRecorder(["9"])), ValueError, "there is no layer '9', there are 0, 1, 2, 3, 4"),
])  # fmt: skip
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


def fitted(*callbacks, epochs=1, **options):
    """A trainer after so many epochs."""
    t = trainer(metrics={"mean": Accuracy0(), "recall": Recall(average=None)}, **options)
    t.fit(X, Y, 8, epochs=epochs, callbacks=callbacks, validation_data=(X, Y), verbose=0)
    return t


class Accuracy0(Mean):
    """A metric of which it is not known where it should be."""

    def update(self, input, target):
        return super().update(input)


# --- what they watch --------------------------------------------------------------------------------------------------


def test_what_is_better_is_what_the_metric_says():
    """Accuracy is watched for its highest, a loss for its lowest."""
    stop = EarlyStopping("val_accuracy", patience=1, restore_best_weights=True)
    t = trainer(metrics=[Accuracy()])
    history = t.fit(X, Y, 8, epochs=30, callbacks=[stop], validation_data=(X, Y), verbose=0)
    best = int(np.argmax(history["val_accuracy"]))
    assert len(history.epoch) == best + 2 < 30 and stop.best_epoch == best
    assert t.evaluate(X, Y)["accuracy"] == max(history["val_accuracy"]) == stop.best


def test_nan_is_no_improvement():
    for mode in "min", "max":
        stop = EarlyStopping("loss", mode=mode)
        assert not stop.improves(math.nan, None) and not stop.improves(math.nan, 1.0) and stop.improves(1.0, None)
    stop.trainer = trainer()
    stop.on_train_begin({})
    stop.on_epoch_end(0, {"loss": math.nan})
    assert not stop.trainer.stop_training and stop.best is None
    stop.on_epoch_end(1, {"loss": math.nan})
    assert stop.trainer.stop_training


def test_what_is_not_there_is_warned_of(tmp_path):
    with pytest.warns(
        UserWarning, match="EarlyStopping: there is no 'val_loss' to watch, there are: loss, learning_rate"
    ):
        trainer().fit(X, Y, callbacks=[EarlyStopping()], verbose=0)
    saving = ModelCheckpoint(tmp_path / "a.safetensors", save_best_only=True)
    with pytest.warns(UserWarning, match="ModelCheckpoint: saved, as there is no 'val_loss'"):
        trainer().fit(X, Y, callbacks=[saving], verbose=0)


def test_a_log_that_is_gone_on_with_before_its_first_line_was_known(tmp_path):
    """A line that was written after the state was saved is taken off, and no file is made longer by that."""
    path, row = tmp_path / "log.csv", {"loss": 1.0}
    path.write_text("before\n")
    logger = CSVLogger(path, append=True)
    logger.on_train_begin({})
    state = logger.state_dict()
    logger.on_epoch_end(0, row)
    again = CSVLogger(path, append=True)
    again.on_train_begin({})
    again.load_state_dict(state)
    assert path.read_text() == "before\n"
    again.on_epoch_end(0, row)
    state = again.state_dict()
    path.write_text("short\n")
    again.load_state_dict(state)
    assert path.read_text() == "short\n"


def test_what_they_say(capsys, tmp_path):
    stop = EarlyStopping("loss", mode="max", verbose=1, restore_best_weights=True)
    slow = ReduceLROnPlateau("loss", mode="max", patience=1, verbose=1)
    saving = ModelCheckpoint(tmp_path / "a.safetensors", verbose=1)
    fitted(stop, slow, saving, LearningRateScheduler(lambda epoch: 0.05, verbose=1), epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Epoch 1: the learning rate is set to 0.05",
        f"Epoch 1: saved {tmp_path / 'a.safetensors'}",
        "Epoch 2: the learning rate is set to 0.05",
        "Epoch 2: the learning rate is reduced to 0.005",
        f"Epoch 2: saved {tmp_path / 'a.safetensors'}",
        "Epoch 2: early stopping",
        "Restoring the weights of the best epoch: 1",
    ]


# --- what they leave --------------------------------------------------------------------------------------------------


def test_checkpoints_of_weights_and_of_the_training(tmp_path):
    name = tmp_path / "new" / "{epoch:02d}-{val_loss:.3f}.safetensors"
    t = fitted(ModelCheckpoint(name, save_weights_only=True), ModelCheckpoint(tmp_path / "all.safetensors"), epochs=2)
    losses = t.history["val_loss"]
    files = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert files == [f"{epoch:02d}-{loss:.3f}.safetensors" for epoch, loss in enumerate(losses, start=1)]
    saved = md.load(tmp_path / "new" / files[1])
    assert all(np.array_equal(saved[key].numpy(), value.numpy()) for key, value in t.model.state_dict().items())
    state = md.load(tmp_path / "all.safetensors")
    again = trainer(network(seed=7), metrics={"mean": Accuracy0()})
    again.load_state_dict(state)
    assert np.array_equal(weights(again.model), weights(t.model)) and state["history"]["epoch"] == [0, 1]


def test_rates_of_epochs():
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[4].parameters(), "lr": 0.5}]
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(groups, lr=0.25))
    history = t.fit(X, Y, epochs=3, callbacks=[LearningRateScheduler(lambda epoch, lr: lr / 2)], verbose=0)
    assert history["learning_rate"] == [0.125, 0.0625, 0.03125]
    assert [group["lr"] for group in t.optimizer.param_groups] == [0.03125, 0.0625]


class Faulty(nn.Module):
    """A network that divides by zero, or takes the root of it, from a call on."""

    def __init__(self, fault, after=2):
        self.first, self.last, self.fault, self.left = nn.Linear(3, 3), nn.Linear(3, 2), fault, after
        self.odd = Odd()

    def forward(self, x):
        self.left -= self.training
        return self.last(self.odd(self.first(x), self.fault if self.left < 0 else None))


class Odd(nn.Module):
    """Where it happens."""

    def forward(self, x, fault):
        return x if fault is None else fault(x)


@pytest.mark.parametrize(("fault", "words"), [
    (lambda x: x / (x - x), r"NaN first from div, in odd \(Odd\)|infinite first from div, in odd"),
    (lambda x: (x * 0 + 1000).exp() * 0, r"NaN first from mul, in odd .*; infinite first from exp, in odd \(Odd\)"),
    (lambda x: (x * 0).sqrt() + x, r"NaN first from the backward of mul.*; infinite .* the backward of sqrt, in odd"),
    (lambda x: nn.functional.dropout(x, 0.5) / 0, r"first from div, in odd \(Odd\)"),
])  # fmt: skip
@pytest.mark.parametrize("accumulated", [1, 4])
def test_where_nan_comes_from(fault, words, accumulated, capsys):
    model = Faulty(fault)
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.1), metrics=[Accuracy()],
                gradient_accumulation_steps=accumulated)  # fmt: skip
    kept = []
    before = LambdaCallback(on_train_batch_begin=lambda batch, logs: kept.append(weights(model)))
    stop = TerminateOnNaN()
    t.fit(X, Y, 8, epochs=3, callbacks=[before, stop], verbose=0)
    assert re.search(words, stop.reason), stop.reason
    batch = 2 if accumulated == 1 or "backward" not in words else 3
    assert stop.reason.startswith(f"Batch {batch}: not all numbers are finite, training ends; ")
    assert capsys.readouterr().out == stop.reason + "\n"
    assert len(kept) == batch + 1 and np.array_equal(weights(model), kept[-1]) and t.history.epoch == [0]
    model.left = 2
    with pytest.raises(RuntimeError, match="Batch .: not all numbers are finite"):
        t.fit(X, Y, 8, epochs=3, callbacks=[TerminateOnNaN(raise_error=True)], verbose=0)


def test_what_was_drawn_is_drawn_again():
    """An infinite number that comes by chance is found where it was, and the stream then stands where it stood."""
    md.manual_seed(3)
    model = Faulty(lambda x: x / (md.rand(1) < 0.9).float(), after=0)
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.01))
    states, stop = [], TerminateOnNaN()
    note = LambdaCallback(on_before_optimizer_step=lambda batch, logs: states.append(md.get_rng_state().numpy()))
    t.fit([(X[:8], Y[:8])] * 100, callbacks=[note, stop], verbose=0)
    assert "infinite first from div, in odd (Odd)" in stop.reason and len(states) < 100
    assert np.array_equal(md.get_rng_state().numpy(), states[-1])


def test_nan_in_data_and_parameters():
    for where, words in (
        ("data", "NaN stands in input 0"),
        ("first.weight", "infinite stands in parameter first.weight"),
    ):
        model, x = Faulty(None), X.clone()
        t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.1))
        with md.no_grad():
            if where == "data":
                x[3, 1] = math.nan
            else:
                model.first.weight[0, 0] = math.inf
        stop = TerminateOnNaN()
        t.fit(x, Y, 40, callbacks=[stop], verbose=0)
        assert words in stop.reason


def test_gradients_whose_sum_alone_is_too_large():
    model = nn.Linear(1, 8, bias=False)
    t = Trainer(model, lambda outputs, _: (outputs * 3e38).sum(), md.optim.SGD(model.parameters(), lr=1e-38))
    nn.init.zeros_(model.weight)
    ending = TerminateOnNaN()
    t.fit(md.ones(1, 1), md.ones(1), callbacks=[ending], verbose=0)
    assert not ending.reason and model.weight.grad.sum().item() == math.inf
    assert model.weight.detach().numpy() == pytest.approx(np.full((8, 1), -3.0))


def test_training_is_the_same_where_no_nan_is_found():
    results = []
    for callbacks in [], [TerminateOnNaN()], [LayerRecorder(freq=2)]:
        t = trainer(network(dropout=0.3))
        t.fit(X, Y, 8, epochs=2, callbacks=callbacks, verbose=0)
        results.append(weights(t.model))
    assert np.array_equal(results[0], results[1])
    np.testing.assert_allclose(results[2], results[0], rtol=1e-4, atol=1e-6)


def test_progress_in_lines_and_bars(capsys, monkeypatch):
    t = trainer(metrics=[Accuracy()])
    history = t.fit(X, Y, 8, epochs=2)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2 and not err
    assert lines[1].startswith(f"Epoch 2/2: loss {history['loss'][1]:.4g}, accuracy {history['accuracy'][1]:.4g}, ")
    assert lines[1].endswith(" s)")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert Progress().verbose == 1 and Progress(2).verbose == 2
    t.fit(X, Y, 8, epochs=2, verbose=1)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and "0/5" in err
    t.fit(X, Y, 8, verbose=0)
    assert capsys.readouterr() == ("", "")


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


# --- gradual unfreezing -----------------------------------------------------------------------------------------------


class Learning(Callback):
    """Writes down which layers learn in each epoch."""

    def __init__(self):
        self.epochs = []

    def on_train_batch_begin(self, batch, logs):
        if batch == 0:
            layers = [path for path, p in self.model.named_parameters() if p.requires_grad and path.endswith("weight")]
            self.epochs.append("".join(path[0] for path in layers))


@pytest.mark.parametrize("options, epochs", [
    (dict(layers=["1", "0"]), ["4", "14", "014"]),
    (dict(layers=[["0", "1"]], start_from_epoch=2), ["4", "4", "014"]),
    (dict(layers=["1", "0"], start_from_epoch=0, freq=2), ["14", "14", "014"]),
])  # fmt: skip
def test_layers_are_unfrozen_one_after_the_other(options, epochs):
    """What waits keeps its parameters and its statistics."""
    model, told = network(), Learning()
    before = weights(model[1])
    t = trainer(model)
    t.fit(X, Y, 20, epochs=1, callbacks=[GradualUnfreezing(**options), told], verbose=0)
    assert np.array_equal(weights(model[1]), before) == (epochs[0] == "4")
    t.fit(X, Y, 20, initial_epoch=1, epochs=3, callbacks=[GradualUnfreezing(**options), told], verbose=0)
    assert told.epochs == epochs and not np.array_equal(weights(model[1]), before)


def test_unfreezing_goes_on_within_an_epoch():
    class Stops(Callback):
        last = 2
        saved = None

        def on_train_batch_end(self, batch, logs):
            if self.trainer.epoch == 1 and Stops.saved is None:
                Stops.saved = self.trainer.state_dict()
                self.trainer.stop_training = True

    trainer().fit(X, Y, 20, epochs=2, callbacks=[GradualUnfreezing(["1", "0"]), Stops()], verbose=0)
    again = trainer()
    again.load_state_dict(Stops.saved)
    again.fit(X, Y, 20, epochs=2, callbacks=[GradualUnfreezing(["1", "0"]), Stops()], verbose=0)
    assert [p.requires_grad for p in again.model.parameters()] == [False, False, True, True, True, True]


@pytest.mark.parametrize("options, said", [
    (dict(layers=[]), "expected a list of paths, or of lists of them, got []"),
    (dict(layers="0"), "expected a list of paths, or of lists of them, got '0'"),
    (dict(layers=5), "expected a list of paths, or of lists of them, got 5"),
    (dict(layers=[3]), "expected a list of paths, or of lists of them, got [3]"),
    (dict(layers=[["0"], []]), "expected a list of paths, or of lists of them, got [['0'], []]"),
    (dict(layers=["0"], freq=0), "freq must be an integer of 1 or more, got 0"),
    (dict(layers=["0"], start_from_epoch=-1), "start_from_epoch must be an integer of 0 or more, got -1"),
])  # fmt: skip
def test_unfreezing_that_is_refused(options, said):
    with pytest.raises(ValueError, match=f"GradualUnfreezing: {re.escape(said)}"):
        GradualUnfreezing(**options)


def test_unfreezing_of_what_is_not_there_or_would_not_learn():
    with pytest.raises(ValueError, match="GradualUnfreezing: there is no layer '7', there are 0, 1, 2, 3, 4"):
        trainer().fit(X, Y, callbacks=[GradualUnfreezing(["7"])], verbose=0)
    model = network()
    head = Trainer(model, nn.CrossEntropyLoss(), md.optim.Adam(model[4].parameters()))
    with pytest.raises(ValueError, match="GradualUnfreezing: 0 would not learn, the optimizer lacks its parameters"):
        head.fit(X, Y, callbacks=[GradualUnfreezing(["0"])], verbose=0)
