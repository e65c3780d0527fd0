"""The exercises of lesson 09."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 09.1 -------------------------------------------------------------------------------------------------------------

gradient = Exercise(
    "09.1",
    "batch norm backward",
    minutes=12,
    difficulty=3,
    purpose="The gradient that most people get wrong the first time: every image of the batch moves every other.",
    hints=[
        "Begin with the easy ones: gamma multiplies x̂, beta is added; both are used once for each image.",
        "mean(g) and mean(g·x̂) are over the images, for each channel.",
        "dx = gamma / deviation * (g - g.mean(0) - normed * (g * normed).mean(0))",
    ],
    forbidden=["batch_norm", "backward", "grad"],
)


@gradient.solution
def normalise_backward(g, normed, deviation, gamma):
    """The gradients of x (n, channels), gamma and beta, from the gradient g of the result, x̂ and √(σ² + ε)."""
    dx = gamma / deviation * (g - g.mean(axis=0) - normed * (g * normed).mean(axis=0))
    return dx, (g * normed).sum(axis=0), g.sum(axis=0)


def state(n, channels, seed):
    """The arguments for a batch that is drawn."""
    rng = np.random.default_rng(seed)
    x = 3 + 2 * rng.standard_normal((n, channels))
    deviation = np.sqrt(x.var(axis=0) + 1e-5)
    return rng.standard_normal(x.shape), (x - x.mean(axis=0)) / deviation, deviation, rng.standard_normal(channels)


@gradient.calls
def gradient_calls():
    yield call(*state(2, 1, 0))
    yield call(*state(6, 3, 1))


@gradient.expected
def gradient_expected(g, normed, deviation, gamma):
    """By the library's tape, from x = x̂·√(σ² + ε), which has this deviation."""
    x = md.tensor(normed * deviation, requires_grad=True)
    weight = md.tensor(gamma, requires_grad=True)
    bias = md.zeros(len(gamma), dtype=md.float64, requires_grad=True)
    z = F.batch_norm(x, None, None, weight, bias, training=True, eps=1e-5)
    (z * md.tensor(g)).sum().backward()
    return x.grad.numpy(), weight.grad.numpy(), bias.grad.numpy()


@gradient.wrong("mean and deviation are taken for constants, which do not depend on x")
def of_constants(g, normed, deviation, gamma):
    return gamma / deviation * g, (g * normed).sum(axis=0), g.sum(axis=0)


@gradient.wrong("the deviation is taken for a constant: the part with x̂ is missing")
def without_the_deviation(g, normed, deviation, gamma):
    return gamma / deviation * (g - g.mean(axis=0)), (g * normed).sum(axis=0), g.sum(axis=0)


@gradient.wrong("the mean is taken for a constant: the part with mean(g) is missing")
def without_the_mean(g, normed, deviation, gamma):
    dx = gamma / deviation * (g - normed * (g * normed).mean(axis=0))
    return dx, (g * normed).sum(axis=0), g.sum(axis=0)


@gradient.wrong("gamma's and beta's gradients are means, where each image adds its own")
def means(g, normed, deviation, gamma):
    dx, dgamma, dbeta = normalise_backward(g, normed, deviation, gamma)
    return dx, dgamma / len(g), dbeta / len(g)


@gradient.wrong("gamma is forgotten on the way back to x")
def without_gamma(g, normed, deviation, gamma):
    dx, dgamma, dbeta = normalise_backward(g, normed, deviation, gamma)
    return dx / gamma, dgamma, dbeta


# --- 09.2 -------------------------------------------------------------------------------------------------------------

running = Exercise(
    "09.2",
    "running statistics",
    minutes=5,
    difficulty=1,
    purpose="They are what a trained network uses, and what one loses by loading weights without buffers.",
    hints=[
        "New = a large part of the old, and a small part of what the batch says.",
        "(1 - momentum) * running + momentum * batch",
        "The batch's variance is the unbiased one: x.var(axis=0, ddof=1).",
    ],
    forbidden=["batch_norm"],
)


@running.solution
def move(running_mean, running_var, x, momentum=0.1):
    """The running statistics after a batch x (n, channels): a new mean and a new variance."""
    mean = (1 - momentum) * running_mean + momentum * x.mean(axis=0)
    return mean, (1 - momentum) * running_var + momentum * x.var(axis=0, ddof=1)


@running.calls
def running_calls():
    yield call(np.zeros(1), np.ones(1), np.array([[1.0], [4.0]]))
    yield call(np.array([2.0, -1.0]), np.array([3.0, 0.5]), RNG.standard_normal((5, 2)), momentum=0.3)


@running.expected
def running_expected(running_mean, running_var, x, momentum=0.1):
    mean, var = md.tensor(running_mean), md.tensor(running_var)
    F.batch_norm(md.tensor(x), mean, var, training=True, momentum=momentum)
    return mean.numpy(), var.numpy()


@running.wrong("old and new are swapped: the momentum is the part of the old")
def swapped(running_mean, running_var, x, momentum=0.1):
    return move(running_mean, running_var, x, 1 - momentum)


@running.wrong("the variance is divided by n, not by n − 1")
def biased(running_mean, running_var, x, momentum=0.1):
    return move(running_mean, running_var, x, momentum)[0], (1 - momentum) * running_var + momentum * x.var(axis=0)


@running.wrong("the batch's own statistics are taken, and the old ones forgotten")
def forgetful(running_mean, running_var, x, momentum=0.1):
    return move(running_mean, running_var, x, 1.0)


@running.wrong("deviations are averaged, not variances")
def of_deviations(running_mean, running_var, x, momentum=0.1):
    deviation = (1 - momentum) * np.sqrt(running_var) + momentum * x.std(axis=0, ddof=1)
    return move(running_mean, running_var, x, momentum)[0], deviation**2


# --- 09.3 -------------------------------------------------------------------------------------------------------------

folding = Exercise(
    "09.3",
    "folding",
    minutes=8,
    difficulty=2,
    purpose="Every phone does this to every network before it runs it.",
    hints=[
        "Write z = scale·(w·x + b − mean) + beta. What multiplies x, and what is left?",
        "scale = gamma / sqrt(var + eps): weights become scale·w, one scale for each output.",
        "scale.reshape(-1, 1, 1, 1) * w for a convolution (any w: scale.reshape(-1, *[1] * (w.ndim - 1))); "
        "scale * (b - mean) + beta.",
    ],
)


@folding.solution
def fold(w, b, mean, var, gamma, beta, eps=1e-5):
    """Weights (O, …) and biases (O,) of a layer that does what it does with batch norm behind it."""
    scale = gamma / np.sqrt(var + eps)
    return (scale * w.T).T, scale * (b - mean) + beta


@folding.calls
def folding_calls():
    yield call(np.array([[2.0]]), np.array([1.0]), *map(np.array, ([3.0], [4.0], [5.0], [6.0])), eps=0.0)
    vectors = [RNG.standard_normal(4) for _ in range(4)]
    yield call(RNG.standard_normal((4, 3)), *vectors[:2], vectors[2] ** 2, vectors[3], RNG.standard_normal(4))
    yield call(RNG.standard_normal((4, 2, 3, 3)), *vectors[:2], vectors[2] ** 2, *vectors[2:], eps=0.1)


@folding.through
def answers(candidate, w, b, mean, var, gamma, beta, **options):
    """What the folded layer answers to inputs that are drawn."""
    return layer(*candidate(w, b, mean, var, gamma, beta, **options))


def layer(w, b):
    """A dense layer or a convolution on inputs that are drawn."""
    shape = (3, w.shape[1]) if w.ndim == 2 else (3, w.shape[1], 5, 5)
    x = md.tensor(np.random.default_rng(7).standard_normal(shape))
    return (F.linear if w.ndim == 2 else F.conv2d)(x, md.tensor(np.asarray(w)), md.tensor(np.asarray(b))).numpy()


@folding.expected
def folding_expected(w, b, mean, var, gamma, beta, eps=1e-5):
    statistics = (md.tensor(array) for array in (mean, var, gamma, beta))
    return F.batch_norm(md.tensor(layer(w, b)), *statistics, eps=eps).numpy()


@folding.wrong("the bias is not scaled: it is added behind batch norm, not before it")
def unscaled_bias(w, b, mean, var, gamma, beta, eps=1e-5):
    scale = gamma / np.sqrt(var + eps)
    return (scale * w.T).T, b - scale * mean + beta


@folding.wrong("the layer's own bias is forgotten")
def without_bias(w, b, mean, var, gamma, beta, eps=1e-5):
    return fold(w, 0 * b, mean, var, gamma, beta, eps)


@folding.wrong("it is divided by the variance, not by the deviation")
def by_the_variance(w, b, mean, var, gamma, beta, eps=1e-5):
    return fold(w, b, mean, (var + eps) ** 2, gamma, beta, 0.0)


@folding.wrong("eps is left out, which keeps a channel without variance finite")
def without_eps(w, b, mean, var, gamma, beta, eps=1e-5):
    return fold(w, b, mean, var, gamma, beta, 0.0)
