"""A network that was looked at is as it was: its modes, hooks, weights and gradients, after an error, too."""

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl import interpret, nn

IMAGES = md.tensor(np.linspace(0, 1, 2 * 1 * 8 * 8, dtype="f4").reshape(2, 1, 8, 8))
LABELS = md.tensor([0, 2])


def loss(network):
    return F.cross_entropy(network(IMAGES), LABELS)


LOOKS = {
    "saliency": lambda m: interpret.saliency(m, IMAGES, 1),
    "saliency inside": lambda m: interpret.saliency(m, IMAGES, (0, 1, 1), layer="0"),
    "smooth_grad": lambda m: interpret.smooth_grad(lambda x: interpret.saliency(m, x, 1), IMAGES),
    "integrated_gradients": lambda m: interpret.integrated_gradients(
        m, IMAGES, target=1, n_steps=2, return_convergence_delta=True
    ),
    "guided_backprop": lambda m: interpret.guided_backprop(m, IMAGES, 1),
    "deconvolution": lambda m: interpret.deconvolution(m, IMAGES, (0, 1, 1), layer="2"),
    "occlusion": lambda m: interpret.occlusion(m, IMAGES, (1, 4, 4), 4, 0.5, 1),
    "grad_cam": lambda m: interpret.grad_cam(m, IMAGES, "0", 1),
    "filter_picture": lambda m: interpret.filter_picture(m[0]),
    "activation_picture": lambda m: interpret.activation_picture(m, IMAGES[:1], "2"),
    "strongest": lambda m: interpret.strongest(m, IMAGES, "2", 1),
    "receptive_field": lambda m: interpret.receptive_field(m, (1, 8, 8), "2"),
    "strongest_patches": lambda m: interpret.strongest_patches(m, IMAGES, "2", 1),
    "maximize_activation": lambda m: interpret.maximize_activation(m, IMAGES, 1, steps=2),
    "invert_features": lambda m: interpret.invert_features(m, md.ones(2, 2, 6, 6), "0", IMAGES, steps=2),
    "randomization_test": lambda m: interpret.randomization_test(m, lambda n: interpret.saliency(n, IMAGES, 1)),
    "fgsm": lambda m: interpret.fgsm(m, IMAGES, 0.1, LABELS),
    "pgd": lambda m: interpret.pgd(m, IMAGES, 0.1, 0.05, 2, LABELS),
    "adversarial_patch": lambda m: interpret.adversarial_patch(m, IMAGES, 1, 3, steps=2),
    "random_direction": interpret.random_direction,
    "loss_landscape": lambda m: interpret.loss_landscape(m, loss, interpret.random_direction(m), [0, 1]),
}


@pytest.fixture
def network():
    """In training, but for one layer; with gradients."""
    layers = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(72, 3)]
    model = nn.Sequential(*layers)
    loss(model).backward()
    model[1].eval()
    return model


def state(model):
    """What must not change."""
    modes = [(m.training, m._registered_hooks) for m in model.modules()]
    values = [v.numpy().tobytes() for v in (*model.state_dict().values(), *[p.grad for p in model.parameters()])]
    return modes, values, [p.requires_grad for p in model.parameters()], IMAGES.requires_grad, IMAGES.numpy().tobytes()


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_leaves_no_trace(network, name):
    before = state(network)
    with md.no_grad():  # what needs a gradient asks for it
        LOOKS[name](network)
    assert state(network) == before


def test_every_function_is_looked_at():
    every = {name for name, value in vars(interpret).items() if callable(value)}
    assert every - {"Normalized", "Patches", "apply_patch", "rank_correlation"} <= set(LOOKS)


@pytest.mark.parametrize("name", sorted(LOOKS.keys() - {"filter_picture", "random_direction"}))
def test_a_look_that_fails_leaves_none_either(network, name):
    def stop(module, args, output):
        raise LookupError("stopped")

    network[0].register_forward_hook(stop)
    before = state(network)
    with pytest.raises(LookupError, match="stopped"):
        LOOKS[name](network)
    assert state(network) == before


def test_weights_come_back_where_the_loss_fails(network):
    before = state(network)

    def failing(model):
        raise LookupError("no loss")

    with pytest.raises(LookupError):
        interpret.loss_landscape(network, failing, interpret.random_direction(network), [1.0])
    answers = iter([md.ones(2, 2)])
    with pytest.raises(StopIteration):
        interpret.randomization_test(network, lambda model: next(answers))
    assert state(network) == before
