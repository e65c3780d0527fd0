"""Transfer learning: what each scheme lets learn, and features that are computed once."""

import numpy as np
import pytest

import minidl as md
from minidl import models, nn
from minidl.data import TensorDataset
from minidl.data.transforms import Transform
from minidl.train import transfer


def network(seed=0):
    """(N, 1, 6, 6) to two scores: two blocks with norms, and a head."""
    md.manual_seed(seed)
    first = [nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()]
    second = [nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()]
    return nn.Sequential(*first, *second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(4, 2))


def data(count=24, seed=0):
    """Images that are bright in the middle, or are not."""
    x = np.random.default_rng(seed).standard_normal((count, 1, 6, 6)).astype(np.float32)
    labels = np.arange(count) % 2
    x[:, :, 2:4, 2:4] += 3 * labels[:, None, None, None]
    return TensorDataset(md.tensor(x), md.tensor(labels))


def copied(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def moved(model, before):
    """Which layers have changed."""
    after = model.state_dict()
    return {name.partition(".")[0] for name in after if not np.array_equal(after[name].numpy(), before[name].numpy())}


FEW = dict(epochs=2, fine_tuning_epochs=1, batch_size=8)


@pytest.mark.parametrize("scheme, options, layers", [
    ("features", {}, "9"), ("frozen", {}, "9"), ("top", dict(top=3), "3 9"), ("top", dict(top=1), "9"),
    ("whole", {}, "0 3 9"), ("scratch", {}, "0 1 3 4 9"),
])  # fmt: skip
def test_what_learns(scheme, options, layers):
    """Norms keep their statistics and their scales, but from scratch."""
    model = network()
    before = copied(model)
    histories = transfer.fit(model, scheme, data(), data(8, 1), **FEW, **options)
    assert moved(model, before) == set(layers.split())
    assert [len(history["loss"]) for history in histories] == ([2, 1] if scheme in ("top", "whole") else [2])


@pytest.mark.parametrize("scheme, drops", [("frozen", False), ("top", True), ("whole", True), ("scratch", True)])
def test_dropout_is_frozen_with_what_stands_before_it(scheme, drops):
    model = network()
    transfer.fit(model, scheme, data(), data(8, 1), **FEW)
    model.train()
    assert model[8].training == drops


def test_from_scratch_everything_learns_whatever_was_frozen():
    model = network()
    transfer.fit(model, "frozen", data(), data(8, 1), **FEW)
    before = copied(model)
    transfer.fit(model, "scratch", data(), data(8, 1), **FEW)
    assert moved(model, before) == set("01349")


@pytest.mark.parametrize("scheme", transfer.SCHEMES)
def test_it_learns(scheme):
    model = network()
    (*_, history) = transfer.fit(
        model, scheme, data(64), data(32, 1), epochs=40, lr=0.03, fine_tuning_epochs=10, fine_tuning_lr=0.01,
        patience=40,
    )  # fmt: skip
    assert max(history["val_accuracy"]) > 0.85


def test_a_frozen_base_gives_what_features_were_computed_from():
    """Both schemes go the same way where nothing is drawn."""
    trained = []
    for scheme in ("features", "frozen"):
        model = network()
        model[8].p = 0.0
        md.manual_seed(5)
        transfer.fit(model, scheme, data(), data(8, 1), **FEW)
        trained.append(model[9].weight.detach().numpy())
    np.testing.assert_allclose(*trained, rtol=1e-4)


def test_rates():
    """Those of the head, and of fine-tuning, which fall towards the input."""

    def far(scheme, **options):
        """By how much the first layer and the head have moved."""
        model = network()
        before = copied(model)
        md.manual_seed(1)
        transfer.fit(model, scheme, data(), data(8, 1), **FEW, **options)
        after = model.state_dict()
        return [abs(after[name].numpy() - before[name].numpy()).max() for name in ("0.weight", "9.weight")]

    slow, fast = far("features", lr=1e-3), far("features", lr=1e-2)
    assert slow[0] == fast[0] == 0 and fast[1] > 5 * slow[1] > 0
    plain = far("whole", lr=1e-6)
    assert far("whole", lr=1e-6, fine_tuning_lr=1e-3)[1] > 5 * plain[1]
    even = far("whole", lr=1e-6, layer_decay=1.0)
    assert plain[0] / even[0] == pytest.approx(0.75**2, rel=0.02)  # Adam's steps are as long as its rate
    assert plain[1] / even[1] == pytest.approx(1, rel=0.02)


def test_the_best_epoch_is_kept_and_patience_ends_a_training():
    model = network()
    ones = TensorDataset(md.ones(8, 1, 6, 6), md.tensor(np.arange(8) % 2))  # nothing can be learned from it
    (history,) = transfer.fit(model, "scratch", data(), ones, epochs=30, lr=0.1, patience=2)
    assert len(history["loss"]) < 30
    with md.no_grad():
        loss = nn.CrossEntropyLoss()(model.eval()(ones.tensors[0]), ones.tensors[1])
    assert loss.item() == pytest.approx(min(history["val_loss"]), rel=1e-5)


class Marks(Transform):
    """Counts the batches that it is given."""

    seen = 0

    def transform(self, images, params):
        self.seen += 1
        return images


@pytest.mark.parametrize("scheme, batches", [("frozen", 6), ("scratch", 6), ("top", 3)])
def test_training_images_alone_are_augmented(scheme, batches):
    marks = Marks()
    transfer.fit(network(), scheme, data(), data(8, 1), augmented_data=data().with_transform(marks), **FEW)
    assert marks.seen == batches


def test_verbose(capsys):
    transfer.fit(network(), "features", data(), data(8, 1), **FEW)
    assert capsys.readouterr().out == ""
    transfer.fit(network(), "features", data(), data(8, 1), **FEW, verbose=2)
    assert "val_loss" in capsys.readouterr().out


def test_a_head_that_is_a_convolution_learns_in_the_graph():
    """Before fine-tuning, too; features are for dense heads alone."""
    md.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    before = copied(model)
    assert len(transfer.fit(model, "top", data(), data(8, 1), **FEW, top=1)) == 2
    assert moved(model, before) == {"2"}
    with pytest.raises(ValueError, match="features are for a dense head, the network's is Conv2d.*scheme='frozen'"):
        transfer.fit(model, "features", data(), data(8, 1), **FEW)


@pytest.mark.parametrize("scheme, options, said", [
    ("bottom", {}, "scheme must be one of features, frozen, top, whole, scratch, got 'bottom'"),
    ("features", dict(augmented_data=data()), "features are computed once, images can't be augmented; scheme='frozen'"),
    ("top", dict(top=0), "top must be an integer of 1 or more, got 0"),
    ("whole", dict(patience=-1), "patience must be an integer of 0 or more, got -1"),
])  # fmt: skip
def test_refusals(scheme, options, said):
    with pytest.raises(ValueError, match=f"transfer: {said}"):
        transfer.fit(network(), scheme, data(), data(8, 1), **FEW, **options)


# --- features that are computed once ----------------------------------------------------------------------------------


class Counted(nn.Identity):
    """How many images it has been given."""

    images = 0

    def forward(self, input):
        Counted.images += len(input)
        return input


def test_features_are_what_the_head_is_given():
    model = network()
    model[1].running_mean.fill_(0.1)
    found, labels = transfer.features(model, data(), batch_size=5)
    images, expected = data().tensors
    assert model.training
    with md.no_grad():
        np.testing.assert_allclose(found.numpy(), model.eval()[:9](images).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(labels.numpy(), expected.numpy())
    assert not any(module._registered_hooks for module in model.modules())


def test_features_are_kept_by_network_and_image(tmp_path):
    """In whichever split an image comes, with whichever head; another network has its own. Nothing is drawn."""
    Counted.images, cache = 0, tmp_path / "deep" / "cache"
    model = nn.Sequential(Counted(), *network())
    stream = md.get_rng_state().numpy()
    first, _ = transfer.features(model, data(12), cache)
    assert Counted.images == 12
    np.testing.assert_array_equal(md.get_rng_state().numpy(), stream)
    models.reset_classifier(model, 3)  # of other classes
    images = md.cat([data(12).tensors[0], data(4, 3).tensors[0]]).flip(0)
    again, labels = transfer.features(model, TensorDataset(images, md.arange(16)), cache, batch_size=3)
    assert Counted.images == 12 + 4
    np.testing.assert_allclose(again.numpy()[4:], first.numpy()[::-1], rtol=1e-6)
    np.testing.assert_array_equal(labels.numpy(), np.arange(16))
    assert len(list(cache.iterdir())) == 1
    model[2].running_var.fill_(2.0)
    other, _ = transfer.features(model, data(12), cache)
    assert Counted.images == 12 + 4 + 12 and abs(other.numpy() - first.numpy()).max() > 1e-3
    model[3] = nn.Tanh()
    transfer.features(model, data(12), cache)
    assert Counted.images == 12 + 4 + 12 + 12 and len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("empty", [[], TensorDataset(md.zeros(0, 1, 6, 6), md.zeros(0))])
def test_there_are_no_features_of_no_images(empty, tmp_path):
    with pytest.raises(ValueError, match="transfer: there are no images to compute features of"):
        transfer.features(network(), empty, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cache_that_is_damaged(tmp_path):
    transfer.features(network(), data(4), tmp_path)
    (file,) = tmp_path.iterdir()
    md.save({"other": md.ones(2)}, file)
    with pytest.raises(ValueError, match=f"{file.name}: no features of images; delete it, and they are computed again"):
        transfer.features(network(), data(4), tmp_path)
    file.write_bytes(b"broken")
    with pytest.raises(ValueError, match="is not a safetensors file"):
        transfer.features(network(), data(4), tmp_path)
