"""What a training step asks of a GPU: so many launches, and nothing that makes the CPU wait."""

import numpy as np
import pytest
from devices import allocated, counted

import minidl as md
import minidl.functional as F
from minidl.models import SimpLeNet, vgg_style

pytestmark = pytest.mark.gpu
OPTIMIZERS = [md.optim.Adam, lambda parameters: md.optim.SGD(parameters, lr=0.01, momentum=0.9)]


class Training:
    """A network, its optimizer, and batches to learn from."""

    def __init__(self, network, size, optimizer):
        self.network = network.to("cuda")
        self.optimizer = optimizer(network.parameters())
        self.rng, self.size = np.random.default_rng(0), size

    def step(self):
        """One step, on a batch that comes from the CPU: two copies."""
        images = self.rng.standard_normal(self.size).astype(np.float32)
        x, y = md.tensor(images, device="cuda"), md.tensor(self.rng.integers(0, 10, len(images)), device="cuda")
        loss = F.cross_entropy(self.network(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


def trained(build, size, optimizer):
    """A training after its first steps, when all is compiled and memory is in the pool."""
    training = Training(build(), size, optimizer)
    for _ in range(3):
        training.step()
    return training


each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["Adam", "SGD"])


@each_optimizer
@pytest.mark.parametrize("build, size, launches", [(SimpLeNet, (4, 1, 28, 28), 60), (vgg_style, (4, 3, 32, 32), 140)])
def test_training_step(build, size, launches, optimizer):
    training = trained(build, size, optimizer)
    with counted() as counts:
        training.step()
    assert counts["launch"] <= launches
    assert counts["h2d"] == 2
    assert counts["d2h"] == counts["sync"] == counts["malloc"] == counts["compile"] == 0


@each_optimizer
@pytest.mark.parametrize("build, size", [(SimpLeNet, (4, 1, 28, 28)), (vgg_style, (4, 3, 32, 32))])
def test_the_driver_is_asked_for_no_memory(build, size, optimizer):
    training = trained(build, size, optimizer)
    with allocated() as sizes:
        training.step()
    assert not sizes
    md.cuda.empty_cache()
    with allocated() as sizes:
        md.empty(1 << 24, device="cuda")  # more than the pool can have
    assert sizes


def test_a_value_that_is_asked_for_is_one_copy():
    training = Training(SimpLeNet(), (4, 1, 28, 28), md.optim.Adam)
    md.cuda.synchronize()
    loss = training.step()
    with counted() as counts:
        loss.item()
    assert counts["d2h"] == 2  # the loss, and with it the range of the labels
    with counted() as counts:
        loss.item()
    assert counts["d2h"] == 1
