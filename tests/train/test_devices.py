"""Training on another device: the same numbers, and nobody waits for it within an epoch."""

import contextlib

import numpy as np
import pytest
from standin import no_sync, standin  # noqa: F401
from train.problem import data, network, trainer

import minidl as md
from minidl.train import metrics
from minidl.train.callbacks import EarlyStopping, LambdaCallback, LayerRecorder, TerminateOnNaN

X, Y = data()


def fit(device=None, callbacks=(), **options):
    """A trainer, and its history, after two epochs."""
    measures = [metrics.Accuracy(), metrics.F1Score(), metrics.CalibrationError(from_logits=True)]
    t = trainer(network(), metrics=measures, device=device, gradient_accumulation_steps=2, max_norm=1.0)
    batches = [(X[i : i + 10].to(t.device), Y[i : i + 10].to(t.device)) for i in range(0, 40, 10)]
    history = t.fit(batches, epochs=2, callbacks=callbacks, class_weight={1: 2.0}, verbose=0, **options)
    return t, history


def test_nobody_waits_within_an_epoch(standin):  # noqa: F811
    _, expected = fit()
    quiet = contextlib.ExitStack()
    watch = LambdaCallback(
        on_train_batch_begin=lambda batch, logs: quiet.enter_context(no_sync()) if batch == 1 else None,
        on_train_batch_end=lambda batch, logs: quiet.close() if batch == 3 else None,
    )
    with quiet:
        t, history = fit("cuda", [watch])
    assert t.device == "cuda:0" and history.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-4)


def test_data_and_states_go_where_the_network_is(standin):  # noqa: F811
    """Arrays of the CPU, callbacks and a state that was saved there."""
    t, _ = fit()
    state = t.state_dict()
    there = trainer(network(seed=4), metrics=list(t.metrics.values()), device="cuda:1", gradient_accumulation_steps=2,
                    max_norm=1.0)  # fmt: skip
    there.load_state_dict(state)
    callbacks = [EarlyStopping("loss", restore_best_weights=True), TerminateOnNaN(), LayerRecorder()]
    with pytest.raises(ValueError, match="the state is of the callbacks"):
        there.fit(X, Y, 10, epochs=3, callbacks=callbacks, verbose=0)
    there.load_state_dict(state)
    history = there.fit(X, Y, 10, epochs=3, class_weight={1: 2.0}, sample_weight=md.ones(40), verbose=0)
    assert history.epoch == [0, 1, 2]
    history = there.fit(X, Y, 10, epochs=2, callbacks=callbacks, validation_data=(X, Y), verbose=0)
    assert len(callbacks[2].records) == 2 * 5 and there.predict(X).device == "cuda:1"
    assert there.evaluate(X, Y)["loss"] > 0
