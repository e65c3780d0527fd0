"""What explains and attacks a small network, the same on every device."""

import numpy as np
import pytest
from devices import DEVICES, device, emulated_as_far_as_it_goes, same  # noqa: F401
from standin import standin  # noqa: F401

import minidl as md
import minidl.functional as F
from minidl import interpret, nn

IMAGES = 0.5 + 0.5 * np.sin(np.arange(2.0 * 1 * 8 * 8) ** 2).reshape(2, 1, 8, 8)
LABELS = np.array([1, 2])


def seeded():
    return md.Generator().manual_seed(1)


def at_random(m, x, y):
    """The same noise everywhere."""
    noise = md.tensor(0.1 * np.cos(np.arange(x.numel())).reshape(x.shape)).to(x.device)
    return interpret.integrated_gradients(m, x + noise, 0.2, 1, 5)


def loss(m, x, y):
    return F.cross_entropy(m(x), y)


def landscape(m, x, y):
    ways = [{path: p * scale for path, p in m.named_parameters()} for scale in (0.5, -0.3)]
    found = interpret.loss_landscape(m, lambda model: loss(model, x, y), ways[0], [0, 1], ways[1], [0, 0.5])
    return md.tensor(found)


CALLS = {
    "saliency": lambda m, x, y: interpret.saliency(m, x, y),
    "saliency inside": lambda m, x, y: interpret.saliency(m, x, (0, 1, 1), layer="3"),
    "integrated_gradients": at_random,
    "guided_backprop": lambda m, x, y: interpret.guided_backprop(m, x, y),
    "deconvolution": lambda m, x, y: interpret.deconvolution(m, x, interpret.strongest(m, x, "3", 1), layer="3"),
    "occlusion": lambda m, x, y: interpret.occlusion(m, x, (1, 4, 4), 2, 0.5, y, 3),
    "grad_cam": lambda m, x, y: interpret.grad_cam(m, x, "3", y),
    "strongest_patches": lambda m, x, y: interpret.strongest_patches(m, x, "3", 1).images,
    "maximize_activation": lambda m, x, y: interpret.maximize_activation(
        m, x, y, steps=3, l2=0.1, tv=0.1, jitter=2, bounds=(0, 1), generator=seeded()
    ),
    "invert_features": lambda m, x, y: interpret.invert_features(m, m[0](x) * 0.9, "0", x, steps=3),
    "fgsm": lambda m, x, y: interpret.fgsm(interpret.Normalized(m, 0.4, 0.3), x, 0.1, y),
    "pgd": lambda m, x, y: interpret.pgd(m, x, 0.1, 0.04, 3, y),
    "pgd in L2": lambda m, x, y: interpret.pgd(m, x, 0.1, 0.04, 3, y, norm="L2"),
    "adversarial_patch": lambda m, x, y: interpret.adversarial_patch(m, x, 1, 3, 3, generator=seeded()),
    "loss_landscape": landscape,
    "picture": lambda m, x, y: md.tensor(interpret.activation_picture(m, x[:1], "0").pixels),
}


def computed(name, there):
    md.manual_seed(2)
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 3, 2), nn.ReLU(), nn.Flatten()]
    model = nn.Sequential(*layers, nn.Linear(12, 3)).double().to(there)
    return CALLS[name](model, md.tensor(IMAGES, device=there), md.tensor(LABELS, device=there))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("device", DEVICES, indirect=True)
def test_the_same_on_every_device(name, device):  # noqa: F811
    with md.no_fusion():
        expected = computed(name, "cpu")
    with emulated_as_far_as_it_goes("matrix_product" if name == "adversarial_patch" else name):
        found = computed(name, device)
    same([found], [expected], 1e-8)
