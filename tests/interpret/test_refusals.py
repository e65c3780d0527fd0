"""What is refused: by type, and in words that say what to do."""

import numpy as np
import pytest

import minidl as md
from minidl import interpret, nn

IMAGES = md.tensor(np.linspace(0, 1, 2 * 1 * 6 * 6, dtype="f4").reshape(2, 1, 6, 6))
LABELS = [0, 1]


class Plain(nn.Module):
    """Calls F.relu, which nobody can see."""

    def __init__(self):
        self.conv = nn.Conv2d(1, 2, 3)
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        return self.conv(x).relu().flatten(1)


class Twice(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x):
        return self.conv(self.conv(x)).flatten(1)


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))


def inputs(images=IMAGES):
    return network(), images


REFUSED = {
    "no module": (lambda: interpret.saliency(lambda x: x, IMAGES), TypeError, "expected a Module, got function"),
    "a list of modules": (lambda: interpret.Normalized([], 0, 1), TypeError, "Normalized: expected a Module, got list"),
    "no network": (lambda: interpret.random_direction({}), TypeError, "random_direction: expected a Module, got dict"),
    "no tensor": (lambda: interpret.saliency(*inputs(IMAGES.numpy())), TypeError, "expected a Tensor, got ndarray"),
    "integers": (lambda: interpret.saliency(*inputs(md.arange(6).reshape(2, 3))), TypeError, "saliency: .*float"),
    "one image": (lambda: interpret.saliency(*inputs(IMAGES[0, 0, 0])), ValueError, r"a batch .* got 6"),
    "no target": (lambda: interpret.saliency(*inputs()), ValueError, "each sample has 3 outputs; say by target"),
    "a target of floats": (lambda: interpret.saliency(*inputs(), 1.5), TypeError, "target must be one index"),
    "a long target": (lambda: interpret.saliency(*inputs(), (1, 2)), ValueError, "each need 1 index"),
    "three targets": (lambda: interpret.saliency(*inputs(), [0, 1, 2]), ValueError, "2 samples with 3 outputs"),
    "a target beyond": (lambda: interpret.saliency(*inputs(), [0, 3]), ValueError, r"target \[3\] is outside"),
    "no such layer": (lambda: interpret.saliency(*inputs(), 0, layer="7"), ValueError, "has no module '7'; is it"),
    "a type of noise": (lambda: interpret.smooth_grad(abs, IMAGES, "mean"), ValueError, "'vargrad', got 'mean'"),
    "no noise": (lambda: interpret.smooth_grad(abs, IMAGES, nt_samples=0), ValueError, "a sample or more"),
    "negative noise": (lambda: interpret.smooth_grad(abs, IMAGES, stdevs=-1), ValueError, "stdevs ≥ 0, got 5 and -1"),
    "a rule": (lambda: interpret.integrated_gradients(*inputs(), 0, 1, method="simpson"), ValueError, "got 'simpson'"),
    "one step": (lambda: interpret.integrated_gradients(*inputs(), 0, 1, 1), ValueError, "two steps or more, got 1"),
    "baselines": (
        lambda: interpret.integrated_gradients(*inputs(), md.zeros(5), 1), ValueError,
        "baselines must broadcast to the inputs; they are 5, the inputs 2×1×6×6",
    ),
    "no relu": (lambda: interpret.guided_backprop(Plain(), IMAGES, 0), ValueError, "Plain has no nn.ReLU to go back"),
    "no relu there": (lambda: interpret.deconvolution(Plain(), IMAGES, 0), ValueError, "Plain has no nn.R"),
    "a large window": (lambda: interpret.occlusion(*inputs(), (1, 7, 7)), ValueError, "1×7×7 does not fit into"),
    "a flat window": (lambda: interpret.occlusion(*inputs(), (3, 3)), ValueError, "3×3 does not fit"),
    "a far stride": (lambda: interpret.occlusion(*inputs(), (1, 2, 2), 3), ValueError, "from 1 to the window's 1×2×2"),
    "no stride": (lambda: interpret.occlusion(*inputs(), (1, 2, 2), 0), ValueError, r"strides \(0, 0, 0\) must be"),
    "one number": (lambda: interpret.occlusion(*inputs(), 3), ValueError, "a window 3 does not fit into inputs 1×6×6"),
    "no images at once": (
        lambda: interpret.occlusion(*inputs(), (1, 2, 2), perturbations_per_eval=0), ValueError, "1 or more, got 0",
    ),
    "a layer twice": (lambda: interpret.grad_cam(Twice(), IMAGES, "conv", 0), ValueError, "calls 'conv' 2 times"),
    "a layer never": (lambda: interpret.grad_cam(Plain(), IMAGES, "unused", 0), ValueError, "calls 'unused' 0 times"),
    "a path": (lambda: interpret.grad_cam(Plain(), IMAGES, "con", 0), ValueError, "no module 'con'; is it conv"),
    "no channel": (lambda: interpret.strongest(*inputs(), "0", 2), ValueError, "0 gives 2×2×4×4; .* channel 2 among"),
    "no channels": (lambda: interpret.strongest(*inputs(), "3", 0), ValueError, "3 gives 2×3; expected N×C×H×W"),
    "no field": (lambda: interpret.receptive_field(network(), (1, 6, 6), "3"), ValueError, "3 gives 1×3; expected N×C"),
    "no patches": (lambda: interpret.strongest_patches(*inputs(), "0", 0, 0), ValueError, "k and batch_size must be 1"),
    "no filters": (lambda: interpret.filter_picture(nn.Linear(2, 2)), ValueError, "a convolution .*Linear"),
    "no layer": (lambda: interpret.filter_picture(nn.ReLU()), ValueError, r"a weight O×I×KH×KW, got ReLU\(\)"),
    "two pictures": (lambda: interpret.activation_picture(*inputs(), "0"), ValueError, r"got 2×1×6×6; images\[:1\] is"),
    "a vector": (lambda: interpret.maximize_activation(network(), IMAGES[:, 0, 0]), ValueError, "N×C×H×W, got 2×6"),
    "no steps": (lambda: interpret.maximize_activation(*inputs(), 0, steps=0), ValueError, "a step or more, .* got 0"),
    "bounds": (lambda: interpret.maximize_activation(*inputs(), 0, bounds=(1, 0)), ValueError, r"got 200 and \(1"),
    "jitter": (
        lambda: interpret.maximize_activation(*inputs(), 0, jitter=-1), ValueError, "jitter must be an integer of 0 or",
    ),
    "half a pixel": (lambda: interpret.maximize_activation(*inputs(), 0, jitter=0.5), ValueError, "or more, got 0.5"),
    "a reward": (lambda: interpret.maximize_activation(*inputs(), 0, l2=-1), ValueError, "or more, got -1 and 0.0"),
    "a rough image": (lambda: interpret.maximize_activation(*inputs(), 0, tv=-1), ValueError, "l2 and tv must be 0 or"),
    "nothing to invert": (
        lambda: interpret.invert_features(network(), md.zeros(2, 2, 4, 4), "0", IMAGES), ValueError,
        "features of an image are all 0, or not finite, and so say nothing of it",
    ),
    "features": (
        lambda: interpret.invert_features(network(), md.ones(2, 3), "0", IMAGES), ValueError,
        "invert_features: 0 gives 2×2×4×4, features are 2×3",
    ),
    "other attributions": (
        lambda: interpret.rank_correlation(IMAGES, IMAGES[:1]), ValueError, "got 2×1×6×6 and 1×1×6×6",
    ),
    "no parameters": (lambda: interpret.randomization_test(nn.ReLU(), id), ValueError, "ReLU has no parameters"),
    "no pixels": (
        lambda: interpret.fgsm(*inputs(3 * IMAGES - 1), 0.1, LABELS), ValueError,
        r"fgsm: inputs go from -1 to 2, beyond \[0, 1\]; attack pixels, .*Normalized\(model, mean, std\)",
    ),
    "labels": (lambda: interpret.fgsm(*inputs(), 0.1, [0, 1, 2]), ValueError, "2 inputs need as many labels, got 3"),
    "epsilon": (lambda: interpret.fgsm(*inputs(), -0.1, LABELS), ValueError, "epsilon must be 0 or more, got -0.1"),
    "no epsilon": (lambda: interpret.fgsm(*inputs(), np.nan, LABELS), ValueError, "epsilon must be 0 or more, got nan"),
    "a long mask": (
        lambda: interpret.fgsm(*inputs(), 0.1, LABELS, mask=md.ones(5)), ValueError,
        "fgsm: mask must broadcast to the inputs; they are 5, the inputs 2×1×6×6",
    ),
    "three masks": (
        lambda: interpret.pgd(*inputs(IMAGES[:1]), 1, 0.1, 2, [0], mask=md.ones(3, 1, 1, 1)), ValueError,
        "pgd: mask must broadcast to the inputs; they are 3×1×1×1, the inputs 1×1×6×6",
    ),
    "a norm": (lambda: interpret.pgd(*inputs(), 0.1, 0.1, 1, LABELS, norm="L1"), ValueError, "'L2', got 'L1'"),
    "a radius": (lambda: interpret.pgd(*inputs(), -1, 0.1, 1, LABELS), ValueError, "radius ≥ 0, .* got -1, 0.1 and 1"),
    "no radius": (lambda: interpret.pgd(*inputs(), np.nan, 0.1, 1, LABELS), ValueError, "got nan, 0.1 and 1"),
    "no step of pgd": (lambda: interpret.pgd(*inputs(), 1, 0.1, 0, LABELS), ValueError, "got 1, 0.1 and 0"),
    "no deviation": (lambda: interpret.Normalized(network(), 0.5, 0.0), ValueError, "more than 0, got 0.5 and 0.0"),
    "not a number": (lambda: interpret.Normalized(network(), 0, np.nan), ValueError, "more than 0, got 0 and nan"),
    "two means": (lambda: interpret.Normalized(network(), [0.5, 0.4], 0.2), ValueError, "as many means as deviations"),
    "two channels": (
        lambda: interpret.Normalized(network(), [0.5, 0.4], [1, 1])(IMAGES), ValueError, "images N×2×H×W, got 2×1×6×6",
    ),
    "colours on grey": (lambda: interpret.apply_patch(IMAGES, md.zeros(3, 2, 2)), ValueError, "got 2×1×6×6 and 3×2×2"),
    "a large patch": (lambda: interpret.apply_patch(IMAGES, md.zeros(1, 7, 7)), ValueError, "7×7 does not fit into"),
    "a turn": (lambda: interpret.apply_patch(IMAGES, md.zeros(1, 2, 2), -1), ValueError, "expected rotation ≥ 0"),
    "sizes": (lambda: interpret.apply_patch(IMAGES, md.zeros(1, 2, 2), 0, (2, 1)), ValueError, r"and \(2, 1\)"),
    "no steps of a patch": (lambda: interpret.adversarial_patch(*inputs(), 0, 2, 0), ValueError, "got 0, 32 and 2"),
    "half of two": (
        lambda: interpret.loss_landscape(network(), id, {}, [0], {}), ValueError, "other and other_steps come together",
    ),
    "half a direction": (
        lambda: interpret.loss_landscape(network(), id, {}, [0]), ValueError, "2×1×3×3 numbers for 0.weight",
    ),
    "a second direction": (
        lambda: interpret.loss_landscape(network(), id, interpret.random_direction(network()), [0], {}, [0]),
        ValueError, "2×1×3×3 numbers for 0.weight",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, kind, words = REFUSED[case]
    with pytest.raises(kind, match=words):
        call()


def test_a_layer_that_cannot_be_reset_is_named():
    model = nn.Sequential(nn.Linear(2, 2), Plain())
    model[1].own = nn.Parameter(md.zeros(2))
    with pytest.raises(ValueError, match=r"randomization_test: 1: no reset_parameters\(\)"):
        interpret.randomization_test(model, id)
