"""Training on a GPU waits for nothing that nobody sees: whole training loops on the stand-in of CuPy, under `no_sync`.

A batch comes in before a step, and a log line may ask for the loss; between them nothing is copied or waited for, and
the parameters come out as on the CPU.
"""

import numpy as np
import pytest
from standin import HiddenTraffic, no_sync, standin, traffic  # noqa: F401

import minidl as md
from minidl import functional as F
from minidl import models, nn, optim

STEPS = 4
pytestmark = pytest.mark.usefixtures("standin")


def train(device, build, loss, batches, optimizer, uploads=0):
    """Some steps of a training loop as the lessons have it: the losses, and the parameters and buffers after it."""
    md.manual_seed(0)
    net = build().to(device)
    steps = optimizer(net.parameters())
    losses = []
    for arrays in batches:
        x, y = (md.tensor(array, device=device) for array in arrays)
        with no_sync(h2d=uploads):
            value = loss(net(x), y)
            steps.zero_grad()
            value.backward()
            steps.step()
        losses.append(value.item())  # what a log line asks for
    return losses, {name: t.detach().to("cpu").numpy() for name, t in net.state_dict().items()}


def images(n, channels, size, classes=10):
    rng = np.random.default_rng(0)
    return [
        (rng.standard_normal((n, channels, size, size)).astype(np.float32), rng.integers(0, classes, n))
        for _ in range(STEPS)
    ]


def vectors(target):
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((8, 6)).astype(np.float32), target(rng)) for _ in range(STEPS)]


def tokens():
    rng = np.random.default_rng(0)
    return [(rng.integers(0, 7, (8, 3)), rng.integers(0, 3, 8)) for _ in range(STEPS)]


def dense(outputs):
    return lambda: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, outputs))


def ignoring(value, labels):
    return F.cross_entropy(value, labels, ignore_index=3)


def smoothed(value, labels):
    return F.cross_entropy(value, labels, label_smoothing=0.1)


def adam(parameters):
    return optim.Adam(parameters, lr=1e-3)


def sgd(parameters):
    return optim.SGD(parameters, lr=1e-2, momentum=0.9, weight_decay=1e-4)


LOOPS = {  # a network, its loss, its batches, its optimizer
    "SimpLeNet": (models.SimpLeNet, F.cross_entropy, lambda: images(4, 1, 28), adam),
    "VGG-style": (lambda: models.vgg_style(3, 16, dropout=0.0), F.cross_entropy, lambda: images(4, 3, 16), adam),
    "VGG-style by SGD": (lambda: models.vgg_style(1, 8, dropout=0.0), smoothed, lambda: images(4, 1, 8), sgd),
    "nesterov": (
        dense(10),
        F.cross_entropy,
        lambda: vectors(lambda rng: rng.integers(0, 10, 8)),
        lambda parameters: optim.SGD(parameters, lr=1e-2, momentum=0.9, nesterov=True),
    ),
    "ignored labels": (dense(5), ignoring, lambda: vectors(lambda rng: rng.integers(0, 5, 8)), sgd),
    "smoothed labels": (dense(5), smoothed, lambda: vectors(lambda rng: rng.integers(0, 5, 8)), adam),
    "mse": (dense(2), F.mse_loss, lambda: vectors(lambda rng: rng.random((8, 2), np.float32)), sgd),
    "huber": (dense(2), F.huber_loss, lambda: vectors(lambda rng: rng.random((8, 2), np.float32)), adam),
    "logits": (
        dense(2),
        F.binary_cross_entropy_with_logits,
        lambda: vectors(lambda rng: rng.integers(0, 2, (8, 2)).astype(np.float32)),
        adam,
    ),
    "probabilities": (
        lambda: nn.Sequential(dense(2)(), nn.Sigmoid()),
        F.binary_cross_entropy,
        lambda: vectors(lambda rng: rng.integers(0, 2, (8, 2)).astype(np.float32)),
        adam,
    ),
    "embedding": (
        lambda: nn.Sequential(nn.Embedding(7, 5), nn.Flatten(), nn.Linear(15, 3)),
        F.cross_entropy,
        tokens,
        adam,
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_training_loop_waits_for_nothing(name):
    build, loss, batches, optimizer = LOOPS[name]
    expected, expected_state = train("cpu", build, loss, batches(), optimizer)
    losses, state = train("cuda", build, loss, batches(), optimizer)
    np.testing.assert_allclose(losses, expected, 1e-5)
    assert state.keys() == expected_state.keys()
    for key in state:
        np.testing.assert_allclose(state[key], expected_state[key], 1e-3, 1e-5, err_msg=key)


def test_masks_of_dropout_are_copied_where_no_kernel_draws_them():
    def build():
        return models.vgg_style(3, 16)

    expected, _ = train("cpu", build, F.cross_entropy, images(4, 3, 16), adam)
    losses, _ = train("cuda", build, F.cross_entropy, images(4, 3, 16), adam, uploads=2)
    np.testing.assert_allclose(losses, expected, 1e-5)


def test_an_epoch_as_in_the_lessons(monkeypatch):
    """A loader, a schedule, the loss of each step in a log: per step one batch comes in, one number goes out."""
    monkeypatch.setattr("minidl.backend.devices._default_device", "cuda")
    inputs, labels = (np.concatenate(arrays) for arrays in zip(*images(8, 1, 28), strict=True))
    loader = md.data.DataLoader(md.data.TensorDataset(inputs, labels), batch_size=8, shuffle=True)
    net = models.SimpLeNet()
    optimizer = optim.Adam(net.parameters())
    traffic.clear()
    total = 0.0
    for step, (x, y) in enumerate(loader):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 + np.cos(np.pi * step / len(loader))) / 2
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y, label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        total += loss.item()
    assert traffic["h2d"] == 2 * len(loader)
    assert traffic["sync"] == traffic["d2h"] == 2 * len(loader)  # the loss; with it, the range of the labels
    with md.no_grad(), no_sync():
        scores = net.eval()(x)
    assert scores.numpy().shape == (8, 10) and np.isfinite(total)


@pytest.mark.parametrize(
    "peek", [lambda z: float(z.max()), lambda z: z.numpy(), lambda z: z[z > 0], lambda z: bool((z > 0).any())]
)
def test_what_is_hidden_is_found(peek):
    net = nn.Linear(3, 2).to("cuda")
    x = md.ones(4, 3, device="cuda")
    with no_sync():
        z = net(x).detach()
    with pytest.raises(HiddenTraffic), no_sync():
        peek(z)


def test_an_error_of_an_earlier_call_is_not_said_to_be_of_the_layer_that_waits():
    class Waiting(nn.Module):
        def forward(self, x):
            return x.sum().item()

    F.cross_entropy(md.ones(1, 2, device="cuda"), md.tensor([5], device="cuda"))
    with pytest.raises(ValueError, match=r"^cross_entropy: label 5 is out of range .*an earlier call"):
        nn.Sequential(Waiting())(md.ones(1, device="cuda"))
