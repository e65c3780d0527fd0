"""The trainer: the loop that one would write by hand, and what it is told beside."""

import numpy as np
import pytest
from train.problem import Told, data, network, trainer, weights

import minidl as md
from minidl import nn
from minidl.data import DataLoader, IterableDataset, TensorDataset
from minidl.functional import cross_entropy
from minidl.nn.regularizers import L2, regularized
from minidl.train import Trainer
from minidl.train.callbacks import Callback
from minidl.train.metrics import Accuracy
from minidl.train.weights import ClassWeights

X, Y = data()
QUIET = dict(verbose=0)


def by_hand(epochs, batch_size=8, batches=None, **options):
    """The network after the loop as it is written by hand, and the mean losses of its epochs."""
    model = network(dropout=0.2)
    optimizer = md.optim.Adam(model.parameters(), lr=0.05)
    loader = batches or DataLoader(TensorDataset(X, Y), batch_size, **options)
    means = []
    for _ in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        means.append(total / len(X))
    return model, means


@pytest.mark.parametrize("form", ["arrays", "numpy", "dataset", "loader", "list"])
def test_it_is_the_loop_that_one_writes(form):
    batches = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 40, 8)]
    expected, losses = by_hand(3, batches=batches if form == "list" else None, shuffle=form != "list")
    t = trainer(network(dropout=0.2))
    history = {
        "arrays": lambda: t.fit(X, Y, 8, epochs=3, **QUIET),
        "numpy": lambda: t.fit(X.numpy(), Y.numpy(), 8, epochs=3, **QUIET),
        "dataset": lambda: t.fit(TensorDataset(X, Y), batch_size=8, epochs=3, **QUIET),
        "loader": lambda: t.fit(DataLoader(TensorDataset(X, Y), 8, shuffle=True), epochs=3, **QUIET),
        "list": lambda: t.fit(batches, epochs=3, **QUIET),
    }[form]()
    assert np.array_equal(weights(t.model), weights(expected))
    assert history.epoch == [0, 1, 2] and history["loss"] == pytest.approx(losses, rel=1e-6)
    assert history is t.history and history["learning_rate"] == [0.05] * 3


def test_a_metric_that_was_used_before_starts_anew():
    """In trainings and evaluations; what it knows itself stays."""
    used = Accuracy().update(md.tensor([[1.0, 0.0]] * 100), md.tensor([1] * 100))
    one, other = trainer(metrics=[used]), trainer(metrics=[Accuracy()])
    assert one.evaluate(X, Y) == other.evaluate(X, Y)
    histories = [dict(t.fit(X, Y, 8, epochs=2, shuffle=False, **QUIET)) for t in (one, other)]
    assert histories[0] == histories[1] and used.compute() == 0


def test_penalties_on_weights_count():
    """In training, also where gradients come together, and in evaluation, as Keras's do."""

    def penalised():
        md.manual_seed(1)
        return nn.Sequential(regularized(nn.Linear(3, 8), weight=L2(0.3)), nn.ReLU(), nn.Linear(8, 2))

    model, other = penalised(), penalised()
    t, optimizer = trainer(model, gradient_accumulation_steps=2), md.optim.Adam(other.parameters(), lr=0.05)
    t.fit(X, Y, 20, shuffle=False, **QUIET)
    loss = cross_entropy(other(X), Y) + 0.3 * other[0].weight.square().sum()
    loss.backward()
    optimizer.step()
    np.testing.assert_allclose(weights(t.model), weights(other), rtol=1e-4, atol=1e-6)
    assert t.history["loss"] == pytest.approx([loss.item()], rel=1e-5)
    loss = cross_entropy(other(X), Y) + 0.3 * other[0].weight.square().sum()
    assert t.evaluate(X, Y)["loss"] == pytest.approx(loss.item(), rel=1e-4)


def test_without_shuffle_and_by_the_default_batch_size():
    t = trainer(network(dropout=0.2))
    t.fit(X, Y, shuffle=False, **QUIET)
    assert np.array_equal(weights(t.model), weights(by_hand(1, 32)[0]))


def test_epochs_are_counted_from_the_first():
    assert trainer().fit(X, Y, epochs=5, initial_epoch=3, **QUIET).epoch == [3, 4]
    assert trainer().fit(X, Y, epochs=3, initial_epoch=3, **QUIET).epoch == []


def test_gradients_that_come_together_are_those_of_one_batch():
    """Also where the last ones are fewer, and batches differ in size."""
    results = []
    for batch_size, steps in (40, 1), (7, 8), (16, 3):
        model = nn.Linear(3, 2).to(md.float64)
        model.load_state_dict({"weight": md.ones(2, 3), "bias": md.zeros(2)})
        t = Trainer(
            model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.5), gradient_accumulation_steps=steps
        )
        t.fit(X.double(), Y, batch_size, epochs=2, shuffle=False, **QUIET)
        results.append(weights(model))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-12)


@pytest.mark.parametrize(("option", "limit"), [("max_norm", 0.01), ("clip_value", 0.003)])
def test_gradients_are_limited(option, limit):
    seen = []

    class Watch(Callback):
        def on_before_optimizer_step(self, batch, logs):
            seen.append(np.concatenate([p.grad.numpy().ravel() for p in self.model.parameters()]))

    trainer(**{option: limit}).fit(X, Y, 8, callbacks=[Watch()], **QUIET)
    sizes = [np.linalg.norm(g) if option == "max_norm" else abs(g).max() for g in seen]
    assert len(sizes) == 5 and sizes == pytest.approx([limit] * 5, rel=1e-3)


class Schedule:
    """A schedule that counts its steps."""

    def __init__(self):
        self.steps = 0

    def step(self):
        self.steps += 1

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state_dict):
        self.steps = state_dict["steps"]


@pytest.mark.parametrize(("interval", "accumulated", "steps"), [("epoch", 1, 3), ("step", 1, 15), ("step", 2, 9)])
def test_a_schedule_steps(interval, accumulated, steps):
    schedule = Schedule()
    t = trainer(scheduler=schedule, scheduler_interval=interval, gradient_accumulation_steps=accumulated)
    t.fit(X, Y, 8, epochs=3, **QUIET)
    assert schedule.steps == steps


# --- weights ----------------------------------------------------------------------------------------------------------


def losses(model, x, y):
    """The loss of each sample, in NumPy."""
    z = model(x).detach().numpy()
    z = z - z.max(1, keepdims=True)
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), y.numpy()]


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), cross_entropy])
def test_weights_of_samples_and_classes(loss):
    w = np.linspace(0, 2, 40)
    model = nn.Linear(3, 2).double()
    each, t = losses(model, X.double(), Y), Trainer(model, loss, md.optim.SGD(model.parameters(), lr=1e-9))
    double = X.double()
    assert t.evaluate(double, Y, sample_weight=w)["loss"] == pytest.approx((each * w).mean())
    assert t.evaluate(TensorDataset(double, Y, w))["loss"] == pytest.approx((each * w).mean())
    assert t.evaluate(double, Y)["loss"] == pytest.approx(each.mean())
    by_class = np.where(Y.numpy() == 1, 3.0, 1.0)
    row = t.fit(double, Y, 40, class_weight={1: 3.0}, validation_data=(double, Y, w), **QUIET)
    assert row["loss"] == pytest.approx([(each * by_class).mean()])
    assert row["val_loss"] == pytest.approx([(each * w).mean()], rel=1e-5)
    row = t.fit(double, Y, 40, class_weight={0: 0.5, 1: 3.0}, sample_weight=w, **QUIET)
    assert row["loss"] == pytest.approx([(each * np.where(Y.numpy() == 1, 3.0, 0.5) * w).mean()], rel=1e-5)


def test_weights_move_the_network_as_they_should():
    """A sample of weight 0 is as if it weren't there, but for the mean over all."""
    results = []
    for x, y, w in (X[:20], Y[:20], None), (X, Y, np.r_[np.full(20, 2.0), np.zeros(20)]):
        model = nn.Linear(3, 2)
        model.load_state_dict({"weight": md.ones(2, 3), "bias": md.zeros(2)})
        t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.5))
        t.fit(x, y, 40, epochs=3, sample_weight=w, **QUIET)
        results.append(weights(model))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-5)


@pytest.mark.parametrize(("targets", "expected"), [
    (md.tensor([0, 1, 2, 7]), [1, 2, 0.5, 1]),
    (md.tensor([[0.1, 0.9, 0], [0.8, 0.1, 0.1]]), [2, 1]),
    (md.tensor([1.0, 0.0]), [2, 1]),
    (md.tensor([[1.0], [0.0]]), [2, 1]),
    (md.tensor([[0, 1], [2, 2]]), [[1, 2], [0.5, 0.5]]),
    (md.tensor([-100, 1]), [1, 2]),
])  # fmt: skip
def test_weights_of_targets(targets, expected):
    assert ClassWeights({1: 2.0, 2: 0.5})(targets).tolist() == expected


def test_weights_of_pixels():
    """One for each pixel, or one for each image."""
    x, y = md.randn(4, 2, 3, 3), md.randint(0, 2, (4, 3, 3))
    t = Trainer(nn.Identity(), nn.CrossEntropyLoss())
    each = cross_entropy(x, y, reduction="none").numpy()
    for w in np.linspace(0, 1, 36).reshape(4, 3, 3), np.linspace(0, 1, 4):
        expected = (each * w.reshape(4, *(1, 1) if w.ndim == 1 else (3, 3))).mean()
        assert t.evaluate(x, y, sample_weight=w)["loss"] == pytest.approx(expected, rel=1e-5)


def test_weights_of_images_and_of_the_classes_of_pixels():
    """As many pixels in a row as there are images, which one could be taken for."""
    x, y, w = md.randn(3, 2, 3, 3), md.randint(0, 2, (3, 3, 3)), np.array([0.0, 1.0, 5.0])
    model = nn.Conv2d(2, 2, 1)
    each = cross_entropy(model(x), y, reduction="none").detach().numpy()
    expected = (each * np.where(y.numpy() == 1, 3.0, 0.5) * w.reshape(3, 1, 1)).mean()
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.1))
    row = t.fit(x, y, class_weight={0: 0.5, 1: 3.0}, sample_weight=w, **QUIET)
    assert row["loss"] == pytest.approx([expected], rel=1e-5)


# --- validation, evaluation, prediction ------------------------------------------------------------------------------


def test_validation_on_a_share_is_on_the_last_samples():
    for given in (X, Y), (TensorDataset(X, Y),):
        md.manual_seed(0)
        t = trainer(metrics=[Accuracy()])
        row = t.fit(*given, validation_split=0.25, **QUIET)
        held_out = t.evaluate(X[30:], Y[30:])
        assert row["val_loss"] == [held_out["loss"]] and row["val_accuracy"] == [held_out["accuracy"]]
        assert row["val_loss"] != [t.evaluate(X, Y)["loss"]]


def test_validation_data_in_all_forms_and_now_and_then():
    results = []
    for validation in (X, Y), [X, Y], TensorDataset(X, Y), DataLoader(TensorDataset(X, Y), 16):
        row = trainer().fit(
            X,
            Y,
            epochs=5,
            validation_data=validation,
            validation_freq=2,
            validation_split=0.5 if results else 0,
            **QUIET,
        )
        results.append(row["val_loss"])
    assert len(results[0]) == 2 and all(result == pytest.approx(results[0]) for result in results[1:])
    told = Told()
    trainer().fit(X, Y, callbacks=[told], validation_data=(X, Y), validation_batch_size=20, **QUIET)
    assert told.calls.count(("test_batch_begin", 1)) == 1 and ("test_batch_begin", 2) not in told.calls


class Endless(IterableDataset):
    """The same samples, again and again."""

    def __iter__(self):
        while True:
            yield from zip(X.numpy(), Y.numpy(), strict=True)


def test_so_many_batches_are_taken():
    """The first, also of a stream without an end, and no more than there are."""
    t, told = trainer(), Told()
    expected = t.evaluate(X[:16], Y[:16])
    assert t.evaluate(X, Y, 8, steps=2, callbacks=[told]) == pytest.approx(expected) and told.params["steps"] == 2
    assert t.evaluate(Endless(), batch_size=8, steps=2) == pytest.approx(expected)
    assert t.predict(X, 8, steps=2).shape == t.predict(Endless(), 8, steps=2, callbacks=[told]).shape == (16, 2)
    assert told.params["steps"] == 2 and t.predict(X, 8, steps=99, callbacks=[told]).shape == (40, 2)
    assert told.params["steps"] == 5
    row = t.fit(X, Y, validation_data=Endless(), validation_steps=2, validation_batch_size=8, **QUIET)
    assert row["val_loss"] == [pytest.approx(t.evaluate(X[:16], Y[:16])["loss"])]


def test_evaluation_and_prediction_change_nothing():
    t = trainer(network(dropout=0.5), metrics={"right": Accuracy()})
    t.model.train()
    t.model[1].eval()
    before, state = weights(t.model), md.get_rng_state()
    outputs = t.predict(X, 16)
    result = t.evaluate([(X, Y)])
    modes = [module.training for module in t.model.modules()]
    assert modes == [True, True, False, True, True, True] and np.array_equal(weights(t.model), before)
    assert np.array_equal(outputs.numpy(), t.model.eval()(X).detach().numpy()) and not outputs.requires_grad
    assert result == {"loss": pytest.approx(cross_entropy(outputs, Y).item()), "right": pytest.approx(
        float((outputs.argmax(1) == Y).double().mean())
    )}  # fmt: skip
    assert state.shape == md.get_rng_state().shape


def test_modes_are_as_before_after_errors_too():
    """A network in evaluation learns in training mode; frozen parts of one that trains stay so."""
    modes = []

    class Fails(Callback):
        def on_train_batch_end(self, batch, logs):
            modes.append([module.training for module in self.model.modules()])
            raise KeyError("enough")

    t = trainer()
    t.model.eval()
    with pytest.raises(KeyError):
        t.fit(X, Y, callbacks=[Fails()], **QUIET)
    assert not any(module.training for module in t.model.modules())
    t.model.train()
    t.model[1].eval()
    with pytest.raises(KeyError):
        t.fit(X, Y, callbacks=[Fails()], **QUIET)
    assert modes == [[True] * 6, [True, True, False, True, True, True]]
    assert [module.training for module in t.model.modules()] == modes[1]


class Several(nn.Module):
    """Two inputs, and outputs of several kinds."""

    def __init__(self, output=lambda a, b: {"sum": a + b, "both": (a, b)}):
        self.output = output

    def forward(self, a, b):
        return self.output(a, b)


def test_inputs_and_outputs_of_several_tensors():
    batches = [((X[:3], X[3:6]), Y[:3]), ((X[6:8], X[8:10]), Y[6:8])]
    for inputs in batches, [({"a": a, "b": b}, y) for (a, b), y in batches]:
        t = Trainer(Several(), lambda outputs, targets: outputs["sum"].mean())
        outputs = t.predict([[x] for x, _ in inputs])
        assert outputs["sum"].shape == (5, 3) and [part.shape for part in outputs["both"]] == [(5, 3)] * 2
        total = np.r_[X[:3].numpy() + X[3:6].numpy(), X[6:8].numpy() + X[8:10].numpy()]
        np.testing.assert_array_equal(outputs["sum"].numpy(), total)
        assert t.evaluate(inputs)["loss"] == pytest.approx(total.mean(), rel=1e-5)
    assert Trainer(Several(lambda a, b: a.sum())).predict([[(X, X)], [(X, X)]]).shape == (2,)


class Stream(IterableDataset):
    """Samples in a row."""

    def __iter__(self):
        return zip(X.numpy(), Y.numpy(), strict=True)


def test_a_stream_of_samples():
    t = trainer(network(dropout=0.2))
    t.fit(Stream(), batch_size=8, epochs=2, **QUIET)
    assert np.array_equal(weights(t.model), weights(by_hand(2)[0]))
