"""What a trainer refuses: by type and words, before anything is trained."""

import numpy as np
import pytest
from train.problem import data, network, trainer, weights
from train.test_trainer import Several

import minidl as md
from minidl import nn
from minidl.data import TensorDataset
from minidl.functional import cross_entropy
from minidl.train import Trainer
from minidl.train.callbacks import EarlyStopping
from minidl.train.metrics import Accuracy

X, Y = data()
MODEL = nn.Linear(3, 2)
PLATEAU = md.optim.lr_scheduler.ReduceLROnPlateau(md.optim.SGD(MODEL.parameters(), 0.1))


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: Trainer(nn.Linear, cross_entropy), TypeError, "model: Linear is a class; give an instance, Linear"),
    (lambda: Trainer("a", cross_entropy), TypeError, "model must be a Module, got str"),
    (lambda: Trainer(MODEL, nn.CrossEntropyLoss), TypeError, "loss: CrossEntropyLoss is a class"),
    (lambda: Trainer(MODEL, 3), TypeError, "loss must be a function of outputs and targets, got int"),
    (lambda: Trainer(MODEL, None, md.optim.Adam), TypeError, "optimizer: Adam is a class"),
    (lambda: Trainer(MODEL, None, "adam"), TypeError, "optimizer must be an Optimizer, got str"),
    (lambda: Trainer(MODEL, scheduler=3), TypeError, "scheduler must be what has step"),
    (lambda: Trainer(MODEL, scheduler_interval="batch"), ValueError, "scheduler_interval must be 'epoch' or 'step'"),
    (lambda: Trainer(MODEL, gradient_accumulation_steps=0), ValueError, "steps must be an integer of 1"),
    (lambda: Trainer(MODEL, max_norm=0), ValueError, "max_norm must be a positive number, got 0"),
    (lambda: Trainer(MODEL, max_norm="1"), ValueError, "max_norm must be a positive number, got '1'"),
    (lambda: Trainer(MODEL, clip_value=-1), ValueError, "clip_value must be a positive number, got -1"),
    (lambda: Trainer(MODEL, max_norm=True), ValueError, "max_norm must be a positive number, got True"),
    (lambda: Trainer(MODEL, clip_value=True), ValueError, "clip_value must be a positive number, got True"),
    (lambda: Trainer(MODEL, scheduler=PLATEAU), TypeError, "scheduler steps by a metric; use callbacks.Red"),
    (lambda: Trainer(MODEL, metrics=[Accuracy]), TypeError, "the metric Accuracy is a class; give an instance"),
    (lambda: Trainer(MODEL, metrics=["accuracy"]), TypeError, "a metric is a Metric or a function"),
    (lambda: Trainer(MODEL, metrics={"loss": Accuracy()}), ValueError, "'loss' can't be the name of a metric"),
    (lambda: Trainer(MODEL, metrics={3: Accuracy()}), ValueError, "3 can't be the name of a metric"),
    (lambda: Trainer(MODEL, metrics={"batch": Accuracy()}), ValueError, "'batch' can't be the name of a metric"),
    (lambda: Trainer(MODEL, metrics={"val_a": Accuracy()}), ValueError, "'val_a' can't be the name"),
    (lambda: Trainer(MODEL, metrics=[Accuracy(), Accuracy(0)]), ValueError, "'accuracy' can't be the name .* taken"),
    (lambda: Trainer(MODEL, cross_entropy).fit(X, Y), TypeError, "optimizer must be an Optimizer, to fit, got None"),
    (lambda: Trainer(MODEL).evaluate(X, Y), TypeError, "loss must be a function .* to fit and to evaluate"),
    (lambda: trainer().fit(X, sample_weight=Y), ValueError, "fit: sample_weight came without y"),
    (lambda: trainer().fit(X, Y, validation_data=(X, None, Y)), ValueError, "fit: sample_weight came without y"),
    (lambda: trainer().evaluate(X, sample_weight=Y), ValueError, "evaluate: sample_weight came without y"),
    (lambda: trainer().fit(X, Y, 0), ValueError, "batch_size must be an integer of 1 or more, got 0"),
    (lambda: trainer().predict(TensorDataset(X), 0), ValueError, "batch_size must be an integer of 1 or more, got 0"),
    (lambda: trainer().fit(X, Y, validation_data=(X, Y), validation_batch_size=0), ValueError, "batch_size .* got 0"),
    (lambda: trainer().fit(X, Y, epochs=1.5), ValueError, "fit: epochs must be an integer of 0 or more"),
    (lambda: trainer().fit(X, Y, initial_epoch=-1), ValueError, "fit: initial_epoch must be an integer of 0"),
    (lambda: trainer().fit(X, Y, validation_freq=0), ValueError, "fit: validation_freq must be an integer of 1"),
    (lambda: trainer().fit(X, Y, validation_steps=0), ValueError, "fit: validation_steps must be an integer of 1"),
    (lambda: trainer().evaluate(X, Y, steps=0), ValueError, "evaluate: steps must be an integer of 1 or more, got 0"),
    (lambda: trainer().predict(X, steps="a"), ValueError, "predict: steps must be an integer of 1 or more, got 'a'"),
    (lambda: trainer().fit(X, Y, verbose=3), ValueError, "verbose must be one of 'auto', 0, 1, 2, got 3"),
    (lambda: trainer().fit(X, Y, validation_split=1.5), ValueError, "validation_split must be a fraction"),
    (lambda: trainer().fit(X, Y, validation_split="0.2"), ValueError, "must be a fraction between 0 and 1, got '0.2'"),
    (lambda: trainer().fit(X[:1], Y[:1], validation_split=0.5), ValueError, "0.5 of 1 samples leaves one part empty"),
    (lambda: trainer().fit([(X, Y)], validation_split=0.5), ValueError, "validation_split goes with arrays"),
    (lambda: trainer().fit([(X, Y)], batch_size=3), ValueError, "a list has its own batches"),
    (lambda: trainer().fit([(X, Y)], Y), ValueError, "y and sample_weight go with arrays; a list has its own"),
    (lambda: trainer().fit(iter([(X, Y)])), TypeError, "got list_iterator; an iterator is used up after an epoch"),
    (lambda: trainer().fit(3), TypeError, "expected tensors, a Dataset or a DataLoader, got int"),
    (lambda: trainer().fit([]), ValueError, "epoch 0 has no batches"),
    (lambda: trainer().fit([X]), ValueError, r"a batch must be \(inputs, targets\) .* got Tensor"),
    (lambda: trainer().fit([(X,)]), ValueError, "a batch must be .* got 1 parts"),
    (lambda: trainer().fit(X), ValueError, "fit: x came without y; give the targets, too"),
    (lambda: trainer().fit(X, Y, validation_data=X), ValueError, "fit: x came without y"),
    (lambda: trainer().evaluate(X), ValueError, "evaluate: x came without y"),
    (lambda: trainer().fit(X.tolist(), Y.tolist()), TypeError, r"fit: .* got a list of numbers; np.array\(x\) makes"),
    (lambda: trainer().predict([[[[0, 1]]]]), TypeError, "Linear"),  # batches of what a network of one's own may take
    (lambda: trainer().predict(X.tolist()), TypeError, "predict: expected tensors or arrays, got a list of numbers"),
    (lambda: trainer().fit(X, Y, shuffle="batch"), TypeError, "fit: shuffle must be True or False, got 'batch'"),
    (lambda: trainer().fit(X, Y[:3]), ValueError, "TensorDataset: wants tensors that agree"),
    (lambda: trainer().fit(X, Y, class_weight=[1, 2]), TypeError, "class_weight must be a dict of classes"),
    (lambda: trainer().fit(X, Y, class_weight={-1: 2}), ValueError, "class_weight must give to each class"),
    (lambda: trainer().fit(X, Y, class_weight={1: -2}), ValueError, "not negative; got 1: -2"),
    (lambda: trainer().fit(X, Y, class_weight={0: np.inf}), ValueError, "a finite weight .* got 0: inf"),
    (lambda: trainer().fit(X, Y, class_weight={0: "2"}), ValueError, "a finite weight .* got 0: '2'"),
    (lambda: trainer().fit(X, X.reshape(40, 3, 1), class_weight={1: 2}), TypeError, "needs classes .* got 32×3×1"),
    (lambda: trainer().fit(X, Y, sample_weight=md.ones(40, 2)), ValueError, "sample_weight is 32×2, the losses are 32"),
    (lambda: Trainer(MODEL, lambda o, t: o.sum()).evaluate(X, Y, sample_weight=md.ones(40)), TypeError,
     "<lambda> can't give: it has no reduction='none'"),
    (lambda: Trainer(MODEL, lambda o, t: o).evaluate(X, Y), ValueError, "a batch must be a scalar, got 32×2"),
    (lambda: Trainer(MODEL, lambda o, t: 0.5).evaluate(X, Y), ValueError, "must be a scalar, got float"),
    (lambda: Trainer(Several(lambda a, b: "a")).predict([[(X, X)]]), ValueError, "tensors as outputs .* got str"),
    (lambda: Trainer(MODEL).predict([]), ValueError, "predict: there are no batches"),
    (lambda: Trainer(MODEL, cross_entropy).evaluate([]), ValueError, "evaluate: there are no batches"),
    (lambda: trainer().fit(X, Y, callbacks=[EarlyStopping]), TypeError, "EarlyStopping is a class; give an instance"),
    (lambda: trainer().fit(X, Y, callbacks=EarlyStopping), TypeError, "EarlyStopping is a class; give an instance"),
    (lambda: trainer().fit(X, Y, callbacks=[print]), TypeError, "expected instances of Callback, got builtin_function"),
    (lambda: trainer().fit(X, Y, callbacks=print), TypeError, "expected instances of Callback, got builtin_function"),
])  # fmt: skip
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("parts", [(X, Y, Y, Y), [X, Y, Y, Y], (X,), [X]])
def test_validation_data_of_another_form_train_nothing(parts):
    t = trainer(network())
    before = weights(t.model)
    with pytest.raises(ValueError, match=rf"fit: validation_data must be \(x, y\) or .* got {len(parts)} parts"):
        t.fit(X, Y, validation_data=parts)
    assert np.array_equal(weights(t.model), before)
