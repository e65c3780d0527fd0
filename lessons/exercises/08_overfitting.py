"""The exercises of lesson 08."""

import numpy as np

import minidl as md
from minidl import nn, optim
from minidl.data import KFold
from minidl.learn.exercise import Exercise, call
from minidl.nn.regularizers import L2, regularization, regularized

RNG = np.random.default_rng(0)

# --- 08.1 -------------------------------------------------------------------------------------------------------------

cutting = Exercise(
    "08.1",
    "K folds",
    minutes=6,
    difficulty=2,
    purpose="With it, 300 examples tell as much about a network as they can.",
    hints=[
        "How long is each fold? n // k, and one more for the first n % k.",
        "Where does the next one begin? Where the last one ended.",
        "np.array_split does just that; or build the bounds with np.cumsum of the lengths.",
    ],
    forbidden=["array_split", "KFold"],
)


@cutting.solution
def folds(n, k):
    """K arrays of the numbers from 0 to n − 1, in order; where k does not divide n, the first ones are one longer."""
    lengths = [n // k + (i < n % k) for i in range(k)]
    ends = np.cumsum(lengths)
    return [np.arange(end - length, end) for end, length in zip(ends, lengths)]


@cutting.calls
def cutting_calls():
    yield call(6, 3)
    yield call(8, 3)
    yield call(11, 4)
    yield call(5, 5)


@cutting.expected
def cut(n, k):
    return [np.array(rest.indices) for _, rest in KFold(k).split(range(n))]


@cutting.wrong("what is left over is forgotten: all folds are of n // k")
def without_the_rest(n, k):
    return [np.arange(i * (n // k), (i + 1) * (n // k)) for i in range(k)]


@cutting.wrong("what is left over goes to the last fold")
def rest_to_the_last(n, k):
    return [*without_the_rest(n, k)[:-1], np.arange((k - 1) * (n // k), n)]


@cutting.wrong("they are the numbers to learn from, not those to ask")
def the_others(n, k):
    return [np.setdiff1d(np.arange(n), fold) for fold in folds(n, k)]


@cutting.wrong("they are dealt out like cards, not cut in a row")
def dealt(n, k):
    return [np.arange(i, n, k) for i in range(k)]


# --- 08.2 -------------------------------------------------------------------------------------------------------------

inverted = Exercise(
    "08.2",
    "inverted dropout",
    minutes=4,
    difficulty=1,
    purpose="One factor, and a trained network needs no change when it is used.",
    hints=[
        "First the mask: which elements stay?",
        "What is left has to be larger, so that the mean stays: by which factor?",
        "x * (u >= p) / (1 - p)",
    ],
)


@inverted.solution
def dropout(x, p, u):
    """Inverted dropout of x, training: u is uniform in [0, 1), of x's shape; what is below p is silenced."""
    return x * (u >= p) / (1 - p)


@inverted.calls
def dropout_calls():
    yield call(np.array([1.0, 2.0, 3.0]), 0.25, np.array([0.1, 0.25, 0.9]))
    yield call(RNG.standard_normal((4, 5)), 0.6, RNG.random((4, 5)))


@inverted.expected
def by_elements(x, p, u):
    """Element by element, by the definition."""
    left = [0.0 if draw < p else value / (1.0 - p) for value, draw in zip(x.ravel(), u.ravel())]
    return np.array(left).reshape(x.shape)


@inverted.wrong("nothing is made larger: the mean falls, and evaluation would have to know")
def unscaled(x, p, u):
    return x * (u >= p)


@inverted.wrong("p is taken for the probability to stay")
def stays_with_p(x, p, u):
    return x * (u < p) / p


@inverted.wrong("it is divided by p, not by 1 − p")
def by_p(x, p, u):
    return x * (u >= p) / p


@inverted.wrong("what is left is multiplied by 1 − p: dropout's scale of evaluation")
def of_evaluation(x, p, u):
    return x * (u >= p) * (1 - p)


# --- 08.3 -------------------------------------------------------------------------------------------------------------

decay = Exercise(
    "08.3",
    "weights that decay",
    minutes=4,
    difficulty=1,
    purpose="The oldest cure, and still in every recipe.",
    hints=[
        "What is the derivative of l2 · w² by w?",
        "The gradient of everything is g + 2 · l2 · w.",
        "w - lr * (g + 2 * l2 * w)",
    ],
)


@decay.solution
def decayed(w, g, lr, l2):
    """The weights after a step of SGD, for the loss's gradient g, and the penalty l2 · Σw² beside the loss."""
    return w - lr * (g + 2 * l2 * w)


@decay.calls
def decay_calls():
    yield call(np.array([[2.0, -1.0]]), np.array([[0.5, 0.5]]), 0.1, 0.25)
    yield call(RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4)), 0.03, 0.7)


@decay.expected
def stepped(w, g, lr, l2):
    layer = nn.Linear(w.shape[1], w.shape[0], bias=False, dtype=md.float64)
    layer.weight.data.copy_(md.tensor(w))
    regularized(layer, weight=L2(l2))
    ((layer.weight * md.tensor(g)).sum() + regularization(layer)).backward()
    optim.SGD(layer.parameters(), lr=lr).step()
    return layer.weight.detach().numpy()


@decay.wrong("the 2 of the derivative is missing")
def without_two(w, g, lr, l2):
    return w - lr * (g + l2 * w)


@decay.wrong("the penalty itself is added to the gradient, not its derivative")
def penalty_itself(w, g, lr, l2):
    return w - lr * (g + l2 * w * w)


@decay.wrong("the rate is not applied to the penalty: each step shrinks by 2 · l2")
def without_rate(w, g, lr, l2):
    return w - lr * g - 2 * l2 * w


@decay.wrong("weights are pushed away from 0: the sign is turned")
def growing(w, g, lr, l2):
    return w - lr * (g - 2 * l2 * w)


@decay.wrong("it is L1's: every weight is pulled alike, by its sign")
def by_sign(w, g, lr, l2):
    return w - lr * (g + l2 * np.sign(w))
