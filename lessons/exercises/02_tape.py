"""The exercises of lesson 02."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 02.1 -------------------------------------------------------------------------------------------------------------

broadcast = Exercise(
    "02.1",
    "the gradient of what was broadcast",
    minutes=8,
    difficulty=2,
    purpose="Every bias of every network needs it.",
    hints=[
        "Where g has more dimensions than the shape, the first ones were added: sum over them.",
        "Then, where the shape has a 1 and g has more, sum with keepdims=True.",
        "g = g.sum(axis=tuple(range(g.ndim - len(shape)))), then over the axes with shape[i] == 1, keepdims=True.",
    ],
    forbidden=["backward", "grad", "summed", "bincount"],
)


@broadcast.solution
def unbroadcast(g, shape):
    """The gradient g summed back to the shape that its array had before it was broadcast."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


@broadcast.calls
def broadcast_calls():
    yield call(np.arange(12.0).reshape(4, 3), (3,))
    yield call(np.arange(12.0).reshape(4, 3), (4, 1))
    yield call(np.arange(12.0).reshape(4, 3), (4, 3))
    yield call(RNG.standard_normal((2, 4, 3)), (1, 3))
    yield call(RNG.standard_normal((2, 4, 3)), ())


@broadcast.expected
def broadcast_expected(g, shape):
    x = md.zeros(shape, dtype=md.float64, requires_grad=True)
    (x.expand(g.shape) * md.tensor(g)).sum().backward()
    return x.grad.numpy()


@broadcast.wrong("the mean is taken, where the gradients of all readers add up")
def averaged(g, shape):
    lead = g.ndim - len(shape)
    axes = tuple(i for i in range(g.ndim) if i < lead or shape[i - lead] == 1)
    return g.mean(axes, keepdims=True).reshape(shape)


@broadcast.wrong("sizes of 1 stay stretched: only the dimensions in front are summed")
def only_in_front(g, shape):
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


@broadcast.wrong("sums drop the dimensions of size 1, which the array has")
def without_keepdims(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1))


@broadcast.wrong("one reader's gradient is taken for that of all")
def the_first(g, shape):
    g = g[(0,) * (g.ndim - len(shape))]
    return g[tuple(slice(0, n) for n in shape)]


# --- 02.2 -------------------------------------------------------------------------------------------------------------

safe = Exercise(
    "02.2",
    "a softmax that is safe",
    minutes=5,
    difficulty=1,
    purpose="Without it a network's loss becomes NaN on its best day.",
    hints=[
        "Which number can you take off a row of scores, so that none is above 0?",
        "z - z.max(axis=1, keepdims=True)",
        "e = exp(z - the row's maximum); e / e.sum(axis=1, keepdims=True)",
    ],
    forbidden=["softmax", "log_softmax"],
)


@safe.solution
def softmax(z):
    """The probabilities of each row of scores z (n, classes), whatever their size."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@safe.calls
def softmax_calls():
    yield call(np.array([[0.0, np.log(3.0)]]))
    yield call(np.array([[1.0, 2.0, 3.0], [3.0, -1.0, 0.5]]))
    yield call(np.array([[1000.0, 999.0], [-1000.0, -1001.0], [800.0, -800.0]]))


@safe.through
def quietly(candidate, z):
    with np.errstate(all="ignore"):
        return candidate(z)


@safe.expected
def softmax_expected(z):
    return F.softmax(md.tensor(z), dim=1).numpy()


@safe.wrong("nothing is taken off the scores, and exp overflows")
def unshifted(z):
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


@safe.wrong("one maximum is taken off all rows, and a row far below it is 0 / 0")
def one_maximum(z):
    e = np.exp(z - z.max())
    return e / e.sum(axis=1, keepdims=True)


@safe.wrong("the sum goes over all rows, not over each")
def over_everything(z):
    e = np.exp(z - z.max())
    return e / e.sum()


@safe.wrong("the sum goes down the columns: over samples, not over classes")
def down_the_columns(z):
    e = np.exp(z - z.max(axis=0))
    return e / e.sum(axis=0)


@safe.wrong("the maximum is taken off, but exp is forgotten")
def without_exp(z):
    e = z - z.max(axis=1, keepdims=True)
    return e / e.sum(axis=1, keepdims=True)


# --- 02.3 -------------------------------------------------------------------------------------------------------------

gradient = Exercise(
    "02.3",
    "the gradient of the loss by the scores",
    minutes=10,
    difficulty=2,
    purpose="This is what every classifier sends back first.",
    hints=[
        "For one image: ∂(−ln pᵧ)/∂zₖ. Write −ln pᵧ as ln Σ exp(zⱼ) − zᵧ, and differentiate.",
        "It is pₖ, and one less where k is the label y.",
        "(softmax(z) − np.eye(classes)[labels]) / n, since the loss is a mean of n.",
    ],
    forbidden=["cross_entropy", "backward", "grad"],
)


@gradient.solution
def score_gradient(z, labels):
    """The gradient of the mean cross-entropy of scores z (n, classes), for labels (n,)."""
    n, classes = z.shape
    return (softmax(z) - np.eye(classes)[labels]) / n


@gradient.calls
def gradient_calls():
    yield call(np.zeros((1, 4)), np.array([2]))
    yield call(np.array([[1.0, -1.0, 2.0], [0.0, 0.5, 0.0]]), np.array([0, 1]))
    yield call(RNG.standard_normal((5, 10)), np.array([3, 3, 0, 9, 1]))


@gradient.expected
def gradient_expected(z, labels):
    scores = md.tensor(z, requires_grad=True)
    F.cross_entropy(scores, md.tensor(labels)).backward()
    return scores.grad.numpy()


@gradient.wrong("it is of the sum of all losses: not divided by n")
def of_the_sum(z, labels):
    return softmax(z) - np.eye(z.shape[1])[labels]


@gradient.wrong("it is divided by n twice")
def divided_twice(z, labels):
    return of_the_sum(z, labels) / len(z) ** 2


@gradient.wrong("the right class is not pulled up: 1 is not taken off at the label")
def without_the_label(z, labels):
    return softmax(z) / len(z)


@gradient.wrong("the labels are taken off as numbers: they only say where 1 is to be taken off")
def labels_as_numbers(z, labels):
    return (softmax(z) - labels) / len(z)


@gradient.wrong("the sign is turned: it points to where the loss falls")
def downhill(z, labels):
    return (np.eye(z.shape[1])[labels] - softmax(z)) / len(z)


@gradient.wrong("it is divided by the number of classes, not of images")
def by_classes(z, labels):
    return of_the_sum(z, labels) / z.shape[1]
