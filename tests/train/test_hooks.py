"""Hooks: which are called when, in which order, and what each is told."""

import pytest
from train.problem import Told, data, trainer

from minidl.train.callbacks import Callback, LambdaCallback
from minidl.train.metrics import Accuracy

X, Y = data()


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

        def on_test_end(self, logs):
            seen.append((dict(logs), self.params))

        def on_predict_batch_end(self, batch, logs):
            seen.append(logs["outputs"].shape)

        def on_predict_end(self, logs):
            seen.append(self.params)

    t = trainer(metrics={"a": Accuracy()})
    history = t.fit(X, Y, 40, epochs=2, callbacks=[Look()], verbose=0)
    logs, params, own = seen[0]
    assert logs.keys() == {"loss", "a"} and params == {"epochs": 2, "steps": 1, "verbose": 0} and own
    assert history["mine"] == [3.0, 3.0] and seen[-1]["mine"] == 3.0 and seen[1][0]["loss"] == history["loss"][1]
    once = {"epochs": 1, "steps": 2, "verbose": 0}
    t.predict(X, 30, callbacks=[Look()])
    assert seen[-3:] == [(30, 2), (10, 2), once]
    result = t.evaluate(X, Y, 30, callbacks=[Look()])
    assert result.keys() == {"loss", "a"} and seen[-1] == (result, once)


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
