"""The exercises of lesson 06."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn.exercise import Exercise, call
from minidl.models import lenet5

RNG = np.random.default_rng(0)

# --- 06.1 -------------------------------------------------------------------------------------------------------------

building = Exercise(
    "06.1",
    "LeNet-5",
    minutes=8,
    difficulty=2,
    purpose="From a paper's sentence to a network of exactly its shapes: half of what a practitioner does.",
    hints=[
        "Sizes: 28 stays 28 with padding 2, then 14, 10 and 5. How many numbers does flatten leave?",
        "Behind the last dense layer stands nothing: scores have no bounds. Five layers have weights, 61,706 numbers.",
        "nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), …, nn.Linear(400, 120), …)",
    ],
    forbidden=["lenet5", "get_model"],
)


@building.solution
def lenet():
    """A network of (N, 1, 28, 28) to ten scores (N, 10): any Module, such as nn.Sequential(…)."""
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)]
    second = [nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()]
    dense = [nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)]
    return nn.Sequential(*first, *second, *dense)


@building.calls
def building_calls():
    yield call()


@building.through
def asked(build):
    """What one sees of a network: how large it is, and what it answers, with weights that are given."""
    network = build()
    rng = np.random.default_rng(1)
    parameters = list(network.parameters())
    for p in parameters:
        p.data = md.tensor(0.2 * rng.standard_normal(p.shape), dtype=md.float32)
    with md.no_grad():
        scores = network(md.tensor(rng.random((3, 1, 28, 28)), dtype=md.float32))
    return {
        "number of parameters": sum(p.numel() for p in parameters),
        "shapes of parameters": [tuple(p.shape) for p in parameters],
        "scores of three images": scores.numpy(),
    }


@building.expected
def library():
    return asked(lenet5)


def built(first, second, bend=nn.Tanh, last=(), inputs=400):
    """A network of this kind, of other parts."""
    dense = [nn.Linear(inputs, 120), bend(), nn.Linear(120, 84), bend(), nn.Linear(84, 10)]
    return nn.Sequential(*first, *second, nn.Flatten(), *dense, *last)


@building.wrong("the padding is forgotten, and 4×4 is left where 5×5 should be")
def unpadded():
    first = [nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2)]
    return built(first, [nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)], inputs=256)


@building.wrong("the second convolution is padded, too, and 7×7 is left where 5×5 should be")
def padded_twice():
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)]
    return built(first, [nn.Conv2d(6, 16, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)], inputs=784)


@building.wrong("relu and maxima are used: today's choice, not that of 1998")
def modern():
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    return built(first, [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)], bend=nn.ReLU)


@building.wrong("maxima are pooled, where means are asked for")
def maxima():
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2)]
    return built(first, [nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2)])


@building.wrong("tanh comes behind the pooling: the mean of tanh is not tanh of the mean")
def bent_late():
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.AvgPool2d(2), nn.Tanh()]
    return built(first, [nn.Conv2d(6, 16, 5), nn.AvgPool2d(2), nn.Tanh()])


@building.wrong("the convolutions have no tanh, so that both are one")
def straight():
    return built([nn.Conv2d(1, 6, 5, padding=2), nn.AvgPool2d(2)], [nn.Conv2d(6, 16, 5), nn.AvgPool2d(2)])


@building.wrong("the dense layers have no tanh, so that three of them are one")
def straight_behind():
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)]
    return built(first, [nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)], bend=nn.Identity)


@building.wrong("the scores go through a tanh, or a softmax, and are bounded")
def bounded():
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)]
    return built(first, [nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)], last=[nn.Tanh()])


# --- 06.2 -------------------------------------------------------------------------------------------------------------

smoothing = Exercise(
    "06.2",
    "cross-entropy with smoothed targets",
    minutes=8,
    difficulty=2,
    purpose="It is the loss behind most published numbers of image classifiers.",
    hints=[
        "ln p as in lesson 02: scores less the row's maximum, less the logarithm of the sum of their exponentials.",
        "The targets: smoothing / K everywhere, an array like z; then add 1 - smoothing at [range(n), labels].",
        "-(t * log_p).sum(axis=1).mean()",
    ],
    forbidden=["cross_entropy", "log_softmax", "softmax", "nll_loss"],
)


@smoothing.solution
def smoothed(z, labels, smoothing=0.1):
    """The mean cross-entropy of scores z (n, classes) with smoothed targets; labels (n,) are numbers of classes."""
    n, classes = z.shape
    targets = np.full((n, classes), smoothing / classes)
    targets[np.arange(n), labels] += 1 - smoothing
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -(targets * log_p).sum(axis=1).mean()


@smoothing.calls
def smoothing_calls():
    yield call(np.zeros((1, 10)), np.array([3]), smoothing=0.0)
    yield call(np.array([[2.0, 0.0, -1.0]]), np.array([0]))
    yield call(RNG.standard_normal((5, 4)), np.array([0, 1, 2, 3, 3]), smoothing=0.2)
    yield call(3 * RNG.standard_normal((6, 10)), np.array([9, 0, 4, 4, 1, 7]))
    yield call(np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.array([0, 1]), smoothing=0.1)


@smoothing.expected
def smoothing_expected(z, labels, smoothing=0.1):
    return F.cross_entropy(md.tensor(z), md.tensor(labels), label_smoothing=smoothing).item()


def probabilities(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@smoothing.wrong("softmax is applied twice: z are scores, and no probabilities yet")
def softmax_twice(z, labels, smoothing=0.1):
    return smoothed(probabilities(z), labels, smoothing)


@smoothing.wrong("the other classes share what is taken off, and the right one gets nothing of it back")
def among_the_others(z, labels, smoothing=0.1):
    classes = z.shape[1]
    return smoothed(z, labels, smoothing * classes / (classes - 1))


@smoothing.wrong("the targets are not smoothed")
def hard(z, labels, smoothing=0.1):
    return smoothed(z, labels, 0.0)


@smoothing.wrong("losses are added up, where their mean is asked for")
def total(z, labels, smoothing=0.1):
    return smoothed(z, labels, smoothing) * len(z)


@smoothing.wrong("the mean goes over the classes, too")
def mean_of_all(z, labels, smoothing=0.1):
    return smoothed(z, labels, smoothing) / z.shape[1]


@smoothing.wrong("the exponentials of large scores overflow, and are not a number")
def overflowing(z, labels, smoothing=0.1):
    with np.errstate(all="ignore"):
        log_p = np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
        targets = np.full(z.shape, smoothing / z.shape[1])
        targets[np.arange(len(z)), labels] += 1 - smoothing
        return -(targets * log_p).sum(axis=1).mean()


# --- 06.3 -------------------------------------------------------------------------------------------------------------

counting = Exercise(
    "06.3",
    "a confusion matrix",
    minutes=5,
    difficulty=1,
    purpose="An error rate says how often; this says what.",
    hints=[
        "Begin with zeros of (classes, classes), and go through pairs of a label and a prediction: zip.",
        "Each pair adds 1 at [label, prediction]; matrix[labels, predictions] += 1 adds once for equal pairs.",
        "for label, prediction in zip(labels, predictions): matrix[label, prediction] += 1",
    ],
    forbidden=["histogram2d", "histogramdd", "confusion_matrix", "ConfusionMatrix"],
)


@counting.solution
def confusion(labels, predictions, classes):
    """How often each class (row) was read as each (column): integers (classes, classes)."""
    matrix = np.zeros((classes, classes), int)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


@counting.calls
def counting_calls():
    yield call(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    yield call(np.array([0, 1, 1, 1, 1]), np.array([0, 0, 0, 1, 0]), 2)
    yield call(RNG.integers(0, 4, 40), RNG.integers(0, 4, 40), 4)
    yield call(np.array([2, 0]), np.array([0, 0]), 5)


@counting.expected
def counted(labels, predictions, classes):
    pairs = list(zip(labels.tolist(), predictions.tolist()))
    return np.array([[pairs.count((row, column)) for column in range(classes)] for row in range(classes)])


@counting.wrong("rows and columns are taken for each other")
def turned(labels, predictions, classes):
    return confusion(predictions, labels, classes)


@counting.wrong("a pair that comes twice is counted once: matrix[labels, predictions] += 1 adds to each place once")
def once(labels, predictions, classes):
    matrix = np.zeros((classes, classes), int)
    matrix[labels, predictions] += 1
    return matrix


@counting.wrong("it holds the shares of each row, not counts")
def shares(labels, predictions, classes):
    matrix = confusion(labels, predictions, classes)
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


@counting.wrong("only mistakes are counted")
def mistakes(labels, predictions, classes):
    wrong = labels != predictions
    return confusion(labels[wrong], predictions[wrong], classes)


@counting.wrong("a class that does not come up is left out: the size is that of the largest number")
def too_small(labels, predictions, classes):
    return confusion(labels, predictions, 1 + max(labels.max(), predictions.max()))
