"""The exercises of lesson 14."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import interpret, nn
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 14.1 -------------------------------------------------------------------------------------------------------------

unpooling = Exercise(
    "14.1",
    "unpooling by switches",
    minutes=5,
    difficulty=1,
    purpose="How a deconvnet, and every gradient of a maximum, finds its way back.",
    hints=[
        "An array of zeros, height·width long; at each switch goes the value that belongs to it.",
        "NumPy writes at many places at once: flat[switches.ravel()] = values.ravel().",
        "flat = np.zeros(height * width); write; return flat.reshape(height, width).",
    ],
    forbidden=["max_unpool2d", "MaxUnpool2d"],
)


@unpooling.solution
def unpool(values, switches, height, width):
    """Values (h, w), each put where its switch says, into an array (height, width) that is 0 elsewhere."""
    flat = np.zeros(height * width)
    flat[switches.ravel()] = values.ravel()
    return flat.reshape(height, width)


@unpooling.calls
def unpooling_calls():
    for height, width in (4, 4), (2, 6), (6, 4):
        image = RNG.permutation(height * width).reshape(height, width) + 1.0
        blocks = image.reshape(height // 2, 2, width // 2, 2).transpose(0, 2, 1, 3).reshape(height // 2, width // 2, 4)
        rows, columns = np.mgrid[: height // 2, : width // 2]
        down, across = np.divmod(blocks.argmax(2), 2)
        switches = (2 * rows + down) * width + 2 * columns + across
        yield call(RNG.standard_normal((height // 2, width // 2)).round(2), switches, height, width)


@unpooling.expected
def by_the_library(values, switches, height, width):
    return F.max_unpool2d(md.tensor(values[None]), md.tensor(switches[None]), 2).numpy()[0]


@unpooling.wrong("each value fills its whole block, as enlarging does")
def enlarged(values, switches, height, width):
    return values.repeat(2, 0).repeat(2, 1)


@unpooling.wrong("each value goes to the first corner of its block, and the switches are not asked")
def cornered(values, switches, height, width):
    spread = np.zeros((height, width))
    spread[::2, ::2] = values
    return spread


@unpooling.wrong("a switch is taken apart by the height instead of the width")
def by_height(values, switches, height, width):
    spread = np.zeros((height, width))
    rows, columns = np.divmod(switches.ravel(), height)
    spread[rows % height, columns % width] = values.ravel()
    return spread


# --- 14.2 -------------------------------------------------------------------------------------------------------------

returning = Exercise(
    "14.2",
    "three ways back through a relu",
    minutes=5,
    difficulty=1,
    purpose="The whole difference between a gradient, a deconvnet and guided backpropagation.",
    hints=[
        "Two masks: where x was positive, and where g is. A mask times g is g where it holds, and else 0.",
        '"gradient" asks for the first, "deconvnet" for the second, "guided" for both.',
        "g * (x > 0); g * (g > 0); g * (x > 0) * (g > 0)",
    ],
)


@returning.solution
def back(x, g, rule):
    """What passes of g, behind a relu of x, by the rule "gradient", "deconvnet" or "guided"."""
    if rule != "gradient":
        g = g.clip(0)
    return g if rule == "deconvnet" else g * (x > 0)


@returning.calls
def returning_calls():
    x, g = np.array([2.0, -1.0, 3.0, -4.0, 0.0]), np.array([1.0, 2.0, -3.0, -1.0, 4.0])
    for rule in "gradient", "deconvnet", "guided":
        yield call(x, g, rule)
        yield call(RNG.standard_normal((3, 4)).round(2), RNG.standard_normal((3, 4)).round(2), rule)


@returning.expected
def through_a_relu(x, g, rule):
    """What `minidl.interpret` lets through a network that is a single relu, weighted by g."""
    network = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(g.size, 1, bias=False)).double()
    network[2].weight.data[:] = g.reshape(1, -1)
    method = {
        "gradient": lambda *given: interpret.saliency(*given, abs=False),
        "deconvnet": interpret.deconvolution,
        "guided": interpret.guided_backprop,
    }[rule]
    return method(network, md.tensor(x[None])).numpy()[0]


@returning.wrong("the deconvnet asks for the sign of x, and not of what comes back")
def deconvnet_by_x(x, g, rule):
    return g * (x > 0) * ((g > 0) if rule == "guided" else 1)


@returning.wrong("the sign of what comes back decides in each of them")
def all_by_g(x, g, rule):
    return g * (g > 0) * ((x > 0) if rule == "guided" else 1)


@returning.wrong("guided lets pass what either of the signs allows, and not both")
def either(x, g, rule):
    if rule == "guided":
        return g * ((x > 0) | (g > 0))
    return back(x, g, rule)


# --- 14.3 -------------------------------------------------------------------------------------------------------------

mapping = Exercise(
    "14.3",
    "Grad-CAM",
    minutes=8,
    difficulty=2,
    purpose="The explanation that is used most, and the mistake that is made in it most.",
    hints=[
        "αₖ is one number a channel: gradients.mean(axis=(1, 2)).",
        "Add the channels, each times its α: (alpha[:, None, None] * activations).sum(0). Then relu.",
        "(gradients.mean((1, 2))[:, None, None] * activations).sum(0).clip(0)",
    ],
    forbidden=["interpret"],
)


@mapping.solution
def grad_cam(activations, gradients):
    """The map (h, w) of a layer's activations (C, h, w) and of the score's gradients (C, h, w) by them."""
    total = 0
    for k, channel in enumerate(activations):
        total = total + gradients[k].mean() * channel
    return total.clip(0)


@mapping.calls
def mapping_calls():
    activations = np.array([[[1.0, 2.0], [0.0, 3.0]], [[2.0, 1.0], [1.0, 0.0]]])
    yield call(activations, np.array([[[1.0, -2.0], [1.0, 1.0]], [[-3.0, 1.0], [1.0, -1.0]]]))
    for channels, height, width in (5, 3, 4), (8, 4, 4):
        shape = channels, height, width
        yield call(RNG.random(shape).round(2), RNG.standard_normal(shape).round(2))


@mapping.expected
def of_the_library(activations, gradients):
    """Grad-CAM of a network whose layer gives these activations, and whose score has these gradients."""
    network = nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(gradients.size, 1, bias=False)).double()
    network[2].weight.data[:] = gradients.reshape(1, -1)
    return interpret.grad_cam(network, md.tensor(activations[None]), "0", relu_attributions=True).numpy()[0, 0]


@mapping.wrong("relu is applied to the gradients, instead of to the weighted sum")
def relu_first(activations, gradients):
    return np.tensordot(np.maximum(gradients, 0).mean((1, 2)), activations, axes=1)


@mapping.wrong("there is no relu, and what speaks against the class is shown as well")
def without_relu(activations, gradients):
    return np.tensordot(gradients.mean((1, 2)), activations, axes=1)


@mapping.wrong("each place is weighted by its own gradient, instead of each channel by the mean of its gradients")
def place_by_place(activations, gradients):
    return np.maximum((activations * gradients).sum(0), 0)


@mapping.wrong("gradients are summed over places, where their mean is asked for")
def summed(activations, gradients):
    return np.maximum(np.tensordot(gradients.sum((1, 2)), activations, axes=1), 0)


@mapping.wrong("relu comes before the channels are added")
def relu_of_each(activations, gradients):
    return np.maximum(gradients.mean((1, 2))[:, None, None] * activations, 0).sum(0)
