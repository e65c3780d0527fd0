"""The exercises of lesson 15."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 15.1 -------------------------------------------------------------------------------------------------------------

attacking = Exercise(
    "15.1",
    "the fast gradient sign method",
    minutes=8,
    difficulty=2,
    purpose="The shortest attack there is; all others are made of it.",
    hints=[
        "Probabilities first: z = weight @ x + bias, less its maximum; exp; divided by the sum.",
        "∂L/∂z is p, less 1 at the label; then ∂L/∂x = weight.T @ that. Of it the sign alone.",
        "(x + epsilon * np.sign(weight.T @ (p - (np.arange(len(p)) == label)))).clip(0, 1)",
    ],
    forbidden=["fgsm", "pgd"],
)


@attacking.solution
def attack(x, label, weight, bias, epsilon):
    """Pixels x (n,), in [0, 1], moved by epsilon so that the loss of weight (K, n) and bias (K,) rises fastest."""
    z = weight @ x + bias
    p = np.exp(z - z.max())
    p /= p.sum()
    p[label] -= 1
    return (x + epsilon * np.sign(weight.T @ p)).clip(0, 1)


@attacking.calls
def attacking_calls():
    for pixels, classes, epsilon in (5, 3, 0.1), (12, 4, 0.3), (30, 10, 0.05):
        x, weight = RNG.random(pixels), RNG.standard_normal((classes, pixels))
        yield call(x.round(2), classes - 1, weight.round(2), RNG.standard_normal(classes).round(2), epsilon)
    yield call(np.array([0.0, 1.0, 0.5, 0.98]), 0, 3 * RNG.standard_normal((3, 4)).round(2), np.zeros(3), 0.25)
    yield call(np.linspace(0, 1, 6), 1, 400 * RNG.standard_normal((3, 6)).round(2), np.array([0.0, 9000.0, 0.0]), 0.2)


@attacking.expected
def through_the_engine(x, label, weight, bias, epsilon):
    pixels = md.tensor(x[None], requires_grad=True)
    scores = pixels @ md.tensor(weight.T) + md.tensor(bias)
    (slope,) = md.grad(F.cross_entropy(scores, md.tensor([label])), pixels)
    return np.clip(x + epsilon * np.sign(slope.numpy()[0]), 0, 1)


def moved(x, label, weight, bias, epsilon, way=np.sign, low=0.0, high=1.0, due=1.0):
    """An attack with one thing changed."""
    z = weight @ x + bias
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    slope = weight.T @ (p - due * (np.arange(len(p)) == label))
    return np.clip(x + epsilon * way(slope), low, high)


@attacking.wrong("pixels move down the slope, and the loss falls")
def down(x, label, weight, bias, epsilon):
    return moved(x, label, weight, bias, -epsilon)


@attacking.wrong("each pixel moves by its slope, and not by the sign of it")
def unsigned(x, label, weight, bias, epsilon):
    return moved(x, label, weight, bias, epsilon, way=lambda slope: slope)


@attacking.wrong("nothing is cut off, and pixels leave 0 to 1")
def uncut(x, label, weight, bias, epsilon):
    return moved(x, label, weight, bias, epsilon, low=-np.inf, high=np.inf)


@attacking.wrong("the slope of all scores is taken, without the label's 1")
def unlabelled(x, label, weight, bias, epsilon):
    return moved(x, label, weight, bias, epsilon, due=0.0)


@attacking.wrong("the label's score is lowered, whatever the other scores do")
def own_score(x, label, weight, bias, epsilon):
    return np.clip(x - epsilon * np.sign(weight[label]), 0, 1)


# --- 15.2 -------------------------------------------------------------------------------------------------------------

projecting = Exercise(
    "15.2",
    "projection",
    minutes=5,
    difficulty=1,
    purpose="What makes an ε a promise: without it many small steps go anywhere.",
    hints=[
        "Each pixel for itself. Within epsilon of the original: between original - epsilon and original + epsilon.",
        "x.clip(low, high) takes arrays as its bounds. Then once more, between 0 and 1.",
        "x.clip(original - epsilon, original + epsilon).clip(0, 1)",
    ],
)


@projecting.solution
def project(x, original, epsilon):
    """The pixels that are nearest to x, of those within epsilon of the original's and between 0 and 1."""
    return x.clip(original - epsilon, original + epsilon).clip(0, 1)


@projecting.calls
def projecting_calls():
    yield call(np.array([0.2, 0.9, 0.53, 1.3, -0.4]), np.array([0.5, 0.5, 0.5, 0.95, 0.1]), 0.1)
    yield call(RNG.uniform(-1, 2, (2, 4)).round(2), RNG.random((2, 4)).round(2), 0.3)
    yield call(np.array([1.4, -0.4]), np.array([1.0, 0.0]), 0.5)


@projecting.expected
def by_search(x, original, epsilon):
    """Of many candidates the nearest, refined."""
    low, high = np.maximum(0.0, original - epsilon), np.minimum(1.0, original + epsilon)
    return np.where(x < low, low, np.where(x > high, high, x))


@projecting.wrong("only 0 and 1 bound it, and it may go as far from the original as it likes")
def bounded_only(x, original, epsilon):
    return np.clip(x, 0, 1)


@projecting.wrong("pixels may leave 0 to 1")
def near_only(x, original, epsilon):
    return np.clip(x, original - epsilon, original + epsilon)


@projecting.wrong("the change alone comes back, without the original it belongs to")
def change_only(x, original, epsilon):
    return np.clip(x - original, -epsilon, epsilon)


@projecting.wrong("every pixel moves by the whole of epsilon, however near it was")
def signed(x, original, epsilon):
    return np.clip(original + epsilon * np.sign(x - original), 0, 1)


@projecting.wrong("the change is scaled as a whole, as for a Euclidean length, and not pixel by pixel")
def scaled(x, original, epsilon):
    change = x - original
    return np.clip(original + change * min(1, epsilon / np.abs(change).max()), 0, 1)
