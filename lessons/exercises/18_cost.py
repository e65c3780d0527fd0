"""The exercises of lesson 18."""

from itertools import product

import numpy as np

import minidl as md
import minidl.functional as F
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 18.1 -------------------------------------------------------------------------------------------------------------

counting = Exercise(
    "18.1",
    "the work of a convolution",
    minutes=6,
    difficulty=2,
    purpose="The number that every table of networks has, and the first that says what a network costs.",
    hints=[
        "How wide is the output? Lesson 05: (size + 2·padding - kernel) // stride + 1.",
        "How many numbers has it in all channels? And how many weights has a filter, which sees inputs // groups?",
        "wide * wide * outputs * (inputs // groups) * kernel * kernel",
    ],
)


@counting.solution
def multiply_adds(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    """How many multiply-adds a convolution of kernel×kernel takes, from `inputs` channels to `outputs`."""
    wide = (size + 2 * padding - kernel) // stride + 1
    return wide * wide * outputs * (inputs // groups) * kernel * kernel


@counting.calls
def counting_calls():
    yield call(1, 2, 3, 5)
    yield call(3, 4, 3, 9, stride=2, padding=1)
    yield call(2, 3, 3, 6, padding=1)
    yield call(4, 8, 2, 7, groups=4)
    yield call(6, 4, 5, 10, stride=3, padding=2, groups=2)


@counting.expected
def one_by_one(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    """Each of them is counted, where it is done."""
    places = [at for at in range(-padding, size + padding) if at + kernel <= size + padding][::stride]
    done = 0
    for _ in product(places, places, range(outputs), range(kernel), range(kernel)):
        done += inputs // groups
    return done


@counting.wrong("each weight is used once: those are the parameters, where a filter goes to many places")
def parameters(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    return multiply_adds(inputs, outputs, kernel, kernel, groups=groups)


@counting.wrong("a filter sees one channel, where it sees all of its group")
def one_channel(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    return multiply_adds(groups, outputs, kernel, size, stride, padding, groups)


@counting.wrong("the output is as large as the image")
def as_large(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    return multiply_adds(inputs, outputs, 1, size, groups=groups) * kernel * kernel


@counting.wrong("each filter sees all channels, where with groups it sees a part of them")
def all_channels(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    return multiply_adds(inputs, outputs, kernel, size, stride, padding)


@counting.wrong("a multiplication and an addition count as two")
def as_two(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    return 2 * multiply_adds(inputs, outputs, kernel, size, stride, padding, groups)


# --- 18.2 -------------------------------------------------------------------------------------------------------------

walls = Exercise(
    "18.2",
    "the roof of a product",
    minutes=6,
    difficulty=2,
    purpose="Whether a faster processor or faster memory would help, before anybody buys either.",
    rtol=1e-9,
    atol=0.0,
    hints=[
        "Each of the n·m results takes k multiply-adds, of two operations.",
        "Both matrices are read and the result is written: n·k + k·m + n·m numbers of 4 bytes.",
        "Processor and memory work at the same time: the slower says, max(operations / flops, bytes / bandwidth).",
    ],
)


@walls.solution
def product_seconds(n, k, m, flops, bandwidth):
    """The least time for a product n×k by k×m in float32, at so many operations and so many bytes a second."""
    operations = 2 * n * k * m
    moved = 4 * (n * k + k * m + n * m)
    times = [operations / flops, moved / bandwidth]
    return max(times)


@walls.calls
def walls_calls():
    yield call(1, 800, 256, 100e9, 10e9)
    yield call(512, 800, 256, 100e9, 10e9)
    yield call(3, 5, 7, 1.0, 1.0)
    yield call(64, 64, 64, 1000.0, 500.0)


@walls.expected
def under_the_roof(n, k, m, flops, bandwidth):
    """Operations by the rate that the roof allows for their intensity, of arrays as they are."""
    arrays = [np.empty(shape, np.float32) for shape in ((n, k), (k, m), (n, m))]
    moved, operations = sum(a.nbytes for a in arrays), arrays[2].size * (k + k)
    return operations / min(flops, operations / moved * bandwidth)


@walls.wrong("the two times are added, where processor and memory work at the same time")
def in_turn(n, k, m, flops, bandwidth):
    return 2 * n * k * m / flops + 4 * (n * k + k * m + n * m) / bandwidth


@walls.wrong("the faster of the two decides, where the slower one does")
def the_faster(n, k, m, flops, bandwidth):
    return min(2 * n * k * m / flops, 4 * (n * k + k * m + n * m) / bandwidth)


@walls.wrong("memory is forgotten: the operations alone count")
def operations_alone(n, k, m, flops, bandwidth):
    return 2 * n * k * m / flops


@walls.wrong("a number is taken for one byte, where a float32 has four")
def in_numbers(n, k, m, flops, bandwidth):
    return product_seconds(n, k, m, flops, 4 * bandwidth)


@walls.wrong("a multiply-add counts as one operation")
def halved(n, k, m, flops, bandwidth):
    return product_seconds(n, k, m, 2 * flops, bandwidth)


@walls.wrong("the result is not written to memory, but only the two matrices are read")
def read_alone(n, k, m, flops, bandwidth):
    return max(2 * n * k * m / flops, 4 * (n * k + k * m) / bandwidth)


# --- 18.3 -------------------------------------------------------------------------------------------------------------

together = Exercise(
    "18.3",
    "an all-reduced gradient",
    minutes=8,
    difficulty=2,
    purpose="Why many machines can learn what one does; and who forgets it counts the last, smaller batch too much.",
    hints=[
        "gradient(x, y) is a mean over len(x) samples. What is the sum over them?",
        "Add the sums of all parts, and the numbers of their samples.",
        "sum(len(x) * gradient(x, y) for x, y in parts) / sum(len(x) for x, _ in parts)",
    ],
    forbidden=["concatenate", "vstack", "stack", "append"],
)


@together.solution
def averaged(gradient, parts):
    """The gradient of the mean loss over all samples; gradient(x, y) gives that over one part (x, y) of them."""
    total, samples = 0, 0
    for x, y in parts:
        total = total + len(x) * gradient(x, y)
        samples += len(x)
    return total / samples


class Slope:
    """The gradient of the mean cross-entropy of scores x·W, by hand."""

    def __init__(self, weight):
        self.weight = weight

    def __call__(self, x, y):
        z = np.exp(x @ self.weight)
        return x.T @ (z / z.sum(1, keepdims=True) - np.eye(z.shape[1])[y]) / len(x)

    def __repr__(self):
        return "gradient"


@together.calls
def together_calls():
    for counts in (2, 2), (5, 1), (1, 4, 2), (3,):
        weight = RNG.standard_normal((2, 3)).round(2)
        samples = [(RNG.standard_normal((n, 2)).round(2), RNG.integers(0, 3, n)) for n in counts]
        yield call(Slope(weight), samples)


@together.expected
def of_the_whole_batch(gradient, parts):
    """By the engine, on all samples in one batch."""
    weight = md.tensor(gradient.weight, requires_grad=True)
    x, y = (md.tensor(np.concatenate(arrays)) for arrays in zip(*parts, strict=True))
    return md.grad(F.cross_entropy(x @ weight, y), weight)[0].numpy()


@together.wrong("each part counts alike, where one with more samples must count more")
def each_alike(gradient, parts):
    return sum(gradient(x, y) for x, y in parts) / len(parts)


@together.wrong("the gradients are added, and not averaged")
def added(gradient, parts):
    return sum(gradient(x, y) for x, y in parts)


@together.wrong("the sum over all samples is divided by the number of parts, where that of the samples is due")
def by_parts(gradient, parts):
    return sum(len(x) * gradient(x, y) for x, y in parts) / len(parts)


@together.wrong("one rank keeps its own gradient, and the others are not asked")
def own_alone(gradient, parts):
    return gradient(*parts[0])


@together.wrong("the mean is divided by the number of samples once more, as each part's gradient is one already")
def divided_twice(gradient, parts):
    return averaged(gradient, parts) / sum(len(x) for x, _ in parts)
