"""The exercises of lesson 12."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn.exercise import Exercise, call
from minidl.models.vgg import stages

# --- 12.1 -------------------------------------------------------------------------------------------------------------

counting = Exercise(
    "12.1",
    "the parameters of a plan",
    minutes=8,
    difficulty=2,
    purpose="Read a table of a paper, and know what the network weighs, before a line of it is written.",
    hints=[
        "One convolution has outputs · (inputs · 3 · 3 + 1) parameters; its outputs are the next one's inputs.",
        "Padding keeps the size within a stage; behind each stage it is halved, and what is left over is dropped.",
        "At the end: the last channels · size · size.",
    ],
    forbidden=["stages", "summary", "parameters", "vgg16"],
)


@counting.solution
def count(plan, channels, size):
    """The parameters of a plan's 3×3 convolutions, with biases, and the features it leaves of channels×size×size."""
    parameters = 0
    for stage in plan:
        for width in stage:
            parameters += (9 * channels + 1) * width
            channels = width
        size //= 2
    return parameters, channels * size * size


VGG16 = [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3]


@counting.calls
def counting_calls():
    yield call([[4]], 3, 8)
    yield call([[2, 3], [5]], 1, 8)
    yield call([[32, 32], [64, 64], [128, 128]], 1, 28)
    yield call(VGG16, 3, 224)


@counting.expected
def counting_expected(plan, channels, size):
    """By the layers themselves, and by what the poolings make of an image; VGG-16 by its paper's numbers."""
    if plan == VGG16:
        return 14_714_688, 25_088
    network = stages(channels, plan, batch_norm=False)
    return sum(p.numel() for p in network.parameters()), network(md.zeros(1, channels, size, size)).numel()


@counting.wrong("the biases are forgotten")
def without_biases(plan, channels, size):
    parameters, features = count(plan, channels, size)
    return parameters - sum(map(sum, plan)), features


@counting.wrong("each stage's convolutions all get what came into the stage")
def same_inputs(plan, channels, size):
    features, parameters = count(plan, channels, size)[1], 0
    for stage in plan:
        parameters += sum((9 * channels + 1) * width for width in stage)
        channels = stage[-1]
    return parameters, features


@counting.wrong("the last stage has no pooling behind it")
def without_the_last_pooling(plan, channels, size):
    return count(plan, channels, size)[0], plan[-1][-1] * (size // 2 ** (len(plan) - 1)) ** 2


@counting.wrong("a pooling halves the features, where it halves height and width")
def halved(plan, channels, size):
    return count(plan, channels, size)[0], plan[-1][-1] * size * size // 2 ** len(plan)


@counting.wrong("features are counted without their channels")
def without_channels(plan, channels, size):
    parameters, features = count(plan, channels, size)
    return parameters, features // plan[-1][-1]


# --- 12.2 -------------------------------------------------------------------------------------------------------------

missing = Exercise(
    "12.2",
    "the missing pool",
    minutes=6,
    difficulty=2,
    purpose="From the two numbers of an error message to the line that is missing.",
    hints=[
        "features / channels is a number of pixels: what is its square root?",
        "Halve the size again and again, and count; an odd size loses its last row.",
        "while channels * size * size > features: size //= 2; count += 1",
    ],
    forbidden=["max_pool2d", "MaxPool2d"],
)


@missing.solution
def poolings(channels, size, features):
    """How many 2×2 poolings have run, where an image of size×size leaves so many features in so many channels."""
    return 1 + poolings(channels, size // 2, features) if channels * size * size > features else 0


@missing.calls
def missing_calls():
    yield call(128, 32, 2048)
    yield call(128, 32, 8192)
    yield call(512, 224, 25_088)
    yield call(512, 224, 100_352)
    yield call(128, 28, 1152)
    yield call(16, 8, 1024)


@missing.expected
def missing_expected(channels, size, features):
    """Poolings, run one by one."""
    x = md.zeros(1, channels, size, size)
    for count in range(20):
        if x.numel() == features:
            return count
        x = F.max_pool2d(x, 2)


@missing.wrong("each pooling is taken to halve the features, where it quarters them")
def by_halves(channels, size, features):
    return round(np.log2(channels * size * size / features))


@missing.wrong("the channels are forgotten: features are taken for pixels")
def of_pixels(channels, size, features):
    return int(np.floor(np.log2(size / np.sqrt(features))))


@missing.wrong("it counts the poolings that are still possible, not those that have run")
def those_left(channels, size, features):
    return int(np.log2(np.sqrt(features / channels)))


@missing.wrong("it stops one too early: it counts while the next size is still larger")
def one_too_few(channels, size, features):
    return max(0, poolings(channels, size, features) - 1)


# --- 12.3 -------------------------------------------------------------------------------------------------------------

head = Exercise(
    "12.3",
    "an 8-way head",
    minutes=5,
    difficulty=1,
    purpose="The first step of every transfer: another question to the same features.",
    hints=[
        "A Sequential is indexed like a list: its last layer is network.classifier[-1].",
        "The new layer takes as many features as the old one did: its in_features.",
        "network.classifier[-1] = nn.Linear(network.classifier[-1].in_features, classes); return network",
    ],
)


@head.solution
def swap_head(network, classes):
    """The network, with a new last layer of its `classifier` for so many classes; all else stays as it is."""
    last = network.classifier[-1]
    network.classifier[-1] = nn.Linear(last.in_features, classes)
    return network


class Small(nn.Module):
    """A VGG in small: `features` of 2×4×4, and a `classifier` with one hidden layer and ten scores."""

    def __init__(self, hidden):
        self.features = stages(1, [[2]], batch_norm=False)
        self.classifier = nn.Sequential(nn.Linear(32, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, 10))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


@head.through
def swapped(candidate, hidden, classes):
    """How many scores come, how many layers the classifier has, the parameters, and whether the others are the same."""
    network = Small(hidden)
    kept = {name: p.tolist() for name, p in network.named_parameters() if not name.startswith("classifier.3")}
    result = candidate(network, classes)
    scores, now = result.eval()(md.ones(2, 1, 8, 8)), dict(result.named_parameters())
    same = all(name in now and now[name].tolist() == value for name, value in kept.items())
    return scores.shape[1], len(result.classifier), sum(p.numel() for p in now.values()), same


@head.calls
def head_calls():
    yield call(6, 8)
    yield call(5, 3)


@head.expected
def head_expected(hidden, classes):
    """By arithmetic."""
    return classes, 4, 2 * (9 + 1) + hidden * (32 + 1) + classes * (hidden + 1), True


@head.wrong("the new layer comes behind the old one, and asks its ten scores")
def appended(network, classes):
    network.classifier.append(nn.Linear(10, classes))
    return network


@head.wrong("only the number in out_features is changed: the weights are those of the old layer")
def renamed(network, classes):
    network.classifier[-1].out_features = classes
    return network


@head.wrong("the whole classifier is replaced, and its first layer lost")
def beheaded(network, classes):
    network.classifier = nn.Sequential(nn.Linear(network.classifier[0].in_features, classes))
    return network


@head.wrong("the network is built anew, and all that it had learnt is lost")
def anew(network, classes):
    return swap_head(Small(network.classifier[0].out_features), classes)
