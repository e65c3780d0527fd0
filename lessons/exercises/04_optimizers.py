"""The exercises of lesson 04."""

import numpy as np

import minidl as md
from minidl import nn, optim
from minidl.learn.exercise import Exercise, call

GRADIENTS = np.random.default_rng(0).standard_normal((6, 3))
START = np.array([1.0, -2.0, 0.5])


def theirs(make, gradients):
    """Where an optimizer of the library has gone after each of some gradients."""
    p = md.tensor(START, requires_grad=True)
    optimizer, places = make([p]), []
    for gradient in gradients:
        p.grad = md.tensor(gradient)
        optimizer.step()
        places.append(p.detach().numpy().copy())
    return np.array(places)


# --- 04.1 -------------------------------------------------------------------------------------------------------------

momentum = Exercise(
    "04.1",
    "momentum",
    minutes=5,
    difficulty=1,
    purpose="With a rate that falls, it still trains most of the best image networks.",
    hints=[
        "Two lines: what becomes of v, and what becomes of p.",
        "v = momentum * v + g",
        "p = p - lr * v, with the new v.",
    ],
    forbidden=["SGD"],
)


@momentum.solution
def momentum_step(p, g, v, lr=0.1, momentum=0.9):
    """One step of SGD with momentum: the new parameter and the new v."""
    v = momentum * v + g
    return p - lr * v, v


@momentum.calls
def momentum_calls():
    yield call(GRADIENTS[:1])
    yield call(GRADIENTS[:2])
    yield call(GRADIENTS, lr=0.03, momentum=0.5)


@momentum.through
def momentum_places(candidate, gradients, **options):
    p, v, places = START.copy(), np.zeros(3), []
    for g in gradients:
        p, v = candidate(p, g, v, **options)
        places.append(np.array(p))
    return np.array(places)


@momentum.expected
def momentum_expected(gradients, lr=0.1, momentum=0.9):
    return theirs(lambda p: optim.SGD(p, lr=lr, momentum=momentum), gradients)


@momentum.wrong("the step goes by the old v, without the gradient that has just come")
def old_velocity(p, g, v, lr=0.1, momentum=0.9):
    return p - lr * v, momentum * v + g


@momentum.wrong("v is a mean: the gradient is multiplied by 1 − momentum")
def averaged(p, g, v, lr=0.1, momentum=0.9):
    v = momentum * v + (1 - momentum) * g
    return p - lr * v, v


@momentum.wrong("it is Nesterov's: it looks ahead by one more momentum")
def nesterov(p, g, v, lr=0.1, momentum=0.9):
    v = momentum * v + g
    return p - lr * (g + momentum * v), v


@momentum.wrong("v is forgotten: it is plain SGD")
def forgetful(p, g, v, lr=0.1, momentum=0.9):
    return p - lr * g, v


# --- 04.2 -------------------------------------------------------------------------------------------------------------

adam = Exercise(
    "04.2",
    "Adam",
    minutes=10,
    difficulty=2,
    purpose="The one that you will type most often.",
    hints=[
        "m is a moving average of g, v one of g²: both new = beta * old + (1 - beta) * what came.",
        "m / (1 - beta1**t) and v / (1 - beta2**t) are what is used; m and v themselves are kept.",
        "p - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)",
    ],
    forbidden=["Adam", "AdamW"],
)


@adam.solution
def adam_step(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    """The step number t of Adam, from 1 on: the new parameter, m and v."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    return p - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


@adam.calls
def adam_calls():
    yield call(GRADIENTS[:1])
    yield call(GRADIENTS[:3])
    yield call(GRADIENTS, lr=0.1, beta1=0.5, beta2=0.8, eps=0.3)


@adam.through
def adam_places(candidate, gradients, **options):
    p, m, v, places = START.copy(), np.zeros(3), np.zeros(3), []
    for t, g in enumerate(gradients, 1):
        p, m, v = candidate(p, g, m, v, t, **options)
        places.append(np.array(p))
    return np.array(places)


@adam.expected
def adam_expected(gradients, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    return theirs(lambda p: optim.Adam(p, lr=lr, betas=(beta1, beta2), eps=eps), gradients)


@adam.wrong("m and v are used as they are, too small at first: the correction is missing")
def uncorrected(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return p - lr * m / (np.sqrt(v) + eps), m, v


@adam.wrong("the corrected m and v are kept, and corrected again in the next step")
def corrected_for_ever(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m = (beta1 * m + (1 - beta1) * g) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * g * g) / (1 - beta2**t)
    return p - lr * m / (np.sqrt(v) + eps), m, v


@adam.wrong("eps stands within the root")
def eps_in_the_root(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return p - lr * (m / (1 - beta1**t)) / np.sqrt(v / (1 - beta2**t) + eps), m, v


@adam.wrong("the root is forgotten: it is divided by v")
def without_root(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return p - lr * (m / (1 - beta1**t)) / (v / (1 - beta2**t) + eps), m, v


@adam.wrong("steps go by the gradient itself, not by m: there is no momentum in it")
def without_momentum(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return p - lr * g / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


# --- 04.3 -------------------------------------------------------------------------------------------------------------

he = Exercise(
    "04.3",
    "He's start",
    minutes=4,
    difficulty=1,
    purpose="It is the default of most networks with relu.",
    hints=[
        "How many products does one output add up? That is n, the *fan in*.",
        "Of a convolution: channels · k · k, all sizes of the weights but the first.",
        "np.sqrt(2 / np.prod(shape[1:]))",
    ],
    forbidden=["kaiming_normal_", "kaiming_std"],
)


@he.solution
def he_deviation(shape):
    """The deviation of He's normal start for weights (outputs, inputs) or (outputs, channels, k, k)."""
    return np.sqrt(2 / np.prod(shape[1:]))


@he.calls
def he_calls():
    yield call((256, 100))
    yield call((16, 8, 3, 3))


@he.expected
def he_expected(shape):
    """By its definition, 2 / fan in for relu, from the fan that the library counts."""
    return nn.init.calculate_gain("relu") / nn.init.fans(md.empty(shape))[0] ** 0.5


@he.wrong("it is the variance: the root is missing")
def variance(shape):
    return 2 / np.prod(shape[1:])


@he.wrong("outputs are counted, not inputs: that is for the way back")
def by_outputs(shape):
    return np.sqrt(2 / (np.prod(shape) / shape[1]))


@he.wrong("relu's half is forgotten: that is LeCun's, for tanh")
def lecun(shape):
    return np.sqrt(1 / np.prod(shape[1:]))


@he.wrong("the pixels of a window are not counted")
def channels_alone(shape):
    return np.sqrt(2 / shape[1])
