"""The exercises of lesson 17."""

from itertools import combinations
from math import comb

import numpy as np

from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 17.1 -------------------------------------------------------------------------------------------------------------

sampling = Exercise(
    "17.1",
    "a sample without replacement",
    minutes=7,
    difficulty=2,
    purpose="The same trial twice tells nothing new; and a sampler that is unfair is hardly ever noticed.",
    hints=[
        "Keep a list of all n numbers; those before place i are drawn already, the others can still be.",
        "At place i there are n − i left: j = i + int(u[i] * (n - i)), and what stands at i and at j change places.",
        "places[i], places[j] = places[j], places[i] for each i of range(len(u)); then places[: len(u)].",
    ],
    forbidden=["permutation", "permuted", "shuffle", "choice", "sample"],
)


@sampling.solution
def distinct(n, u):
    """As many different numbers below n as u has, in the order in which they are drawn; u is uniform in [0, 1)."""
    places = list(range(n))
    for i, share in enumerate(u):
        j = i + int(share * (n - i))
        places[i], places[j] = places[j], places[i]
    return places[: len(u)]


@sampling.calls
def sampling_calls():
    yield call(5, np.array([0.5, 0.5, 0.5]))
    yield call(4, np.array([0.99, 0.99, 0.0]))
    yield call(6, np.array([0.99, 0.3, 0.8, 0.1, 0.6, 0.5]))
    yield call(40, RNG.random(12).round(3))


@sampling.expected
def by_transpositions(n, u):
    """Each exchange as a matrix; their product takes 0 … n − 1 to the order that is drawn."""
    numbers = np.arange(n)
    for i, share in enumerate(u):
        j, exchange = i + np.floor(share * (n - i)).astype(int), np.eye(n, dtype=int)
        exchange[[i, j]] = exchange[[j, i]]
        numbers = exchange @ numbers
    return numbers[: len(u)]


def exchanged(n, u, places):
    """0 … n − 1 after exchanges of i with places(i, share)."""
    numbers = list(range(n))
    for i, share in enumerate(u):
        j = places(i, share)
        numbers[i], numbers[j] = numbers[j], numbers[i]
    return numbers[: len(u)]


@sampling.wrong("each is drawn from all n: a number can come twice, which is a sample with replacement")
def with_replacement(n, u):
    return [int(share * n) for share in u]


@sampling.wrong("each place is exchanged with any of all n, so that some orders come more often than others")
def with_any(n, u):
    return exchanged(n, u, lambda i, share: int(share * n))


@sampling.wrong("what was drawn is taken out of the list, and the others move up, where two should change places")
def taken_out(n, u):
    numbers = list(range(n))
    return [numbers.pop(int(share * len(numbers))) for share in u]


@sampling.wrong("what stands at place i is lost, where it should change places with what is drawn")
def overwritten(n, u):
    numbers = list(range(n))
    for i, share in enumerate(u):
        numbers[i] = numbers[i + int(share * (n - i))]
    return numbers[: len(u)]


@sampling.wrong("the last of those that are left can't be drawn")
def never_the_last(n, u):
    return exchanged(n, u, lambda i, share: i + int(share * max(1, n - i - 1)))


# --- 17.2 -------------------------------------------------------------------------------------------------------------

winning = Exercise(
    "17.2",
    "the chance to be the best",
    minutes=8,
    difficulty=3,
    purpose="From one long search, what a shorter one would have come to: the honest curve beside a result.",
    hints=[
        "There are math.comb(total, n) samples, all as likely as each other.",
        "Of those where the i-th, from 0, is the best, the other n − 1 come from the total − 1 − i that are worse.",
        "comb(total - 1 - i, n - 1) / comb(total, n) for each i of range(total).",
    ],
)


@winning.solution
def chances(total, n):
    """The chance (total,) of each of `total` trials, the best first, to be the best of n that are drawn."""
    return [comb(total - 1 - i, n - 1) / comb(total, n) for i in range(total)]


@winning.calls
def winning_calls():
    for total, n in (4, 2), (5, 3), (6, 1), (8, 5), (3, 3), (12, 4):
        yield call(total, n)


@winning.expected
def by_counting(total, n):
    """All samples, one by one."""
    firsts = [min(sample) for sample in combinations(range(total), n)]
    return np.bincount(firsts, minlength=total) / len(firsts)


@winning.wrong("a trial may be drawn several times, as in a bootstrap")
def bootstrapped(total, n):
    worse = 1 - np.arange(total + 1) / total
    return worse[:-1] ** n - worse[1:] ** n


@winning.wrong("it need only be drawn, whatever else is")
def drawn_at_all(total, n):
    return np.full(total, n / total)


@winning.wrong("none of the better ones may be drawn, and whether it is drawn itself isn't asked")
def nothing_better(total, n):
    return np.array([comb(total - i, n) / comb(total, n) for i in range(total)])


@winning.wrong("the chances are those of the worst of n, not of the best")
def worst(total, n):
    return by_counting(total, n)[::-1]


@winning.wrong("the samples are counted, and not divided by how many there are")
def counted(total, n):
    return by_counting(total, n) * comb(total, n)


# --- 17.3 -------------------------------------------------------------------------------------------------------------

normalising = Exercise(
    "17.3",
    "a direction, filter by filter",
    minutes=6,
    difficulty=2,
    purpose="Without it, pictures of flat and of sharp valleys show how weights are scaled, and nothing else.",
    hints=[
        "A filter is one of weight[0], weight[1], …, of whatever shape; its length is √Σw² over all its numbers.",
        "(weight**2).sum(axes) over all axes but the first, tuple(range(1, weight.ndim)), has squares of lengths (O,).",
        "Each filter times √(want / have), both (O,): direction.T has the filters last, so (direction.T * …).T.",
    ],
)


@normalising.solution
def normalised(direction, weight):
    """The direction (O, …), each of its filters as long as that of the weights (O, …)."""
    have, want = ((array**2).sum(tuple(range(1, array.ndim))) for array in (direction, weight))
    return (direction.T * (want / have) ** 0.5).T


@normalising.calls
def normalising_calls():
    yield call(np.array([[3.0, 4.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [6.0, 8.0]]))
    for shape in (3, 3), (2, 5), (4, 2, 3, 3):
        yield call(RNG.standard_normal(shape).round(2), RNG.standard_normal(shape).round(2))


@normalising.expected
def filter_by_filter(direction, weight):
    """One filter after the other, by the library's norm."""
    return np.stack([d / np.linalg.norm(d) * np.linalg.norm(w) for d, w in zip(direction, weight, strict=True)])


@normalising.wrong("the direction as a whole is as long as the layer, where each filter has a length of its own")
def layer_by_layer(direction, weight):
    return direction * np.linalg.norm(weight) / np.linalg.norm(direction)


@normalising.wrong("the lengths are taken over the filters, input by input, and not over each filter")
def input_by_input(direction, weight):
    return direction * np.sqrt((weight**2).sum(0) / (direction**2).sum(0))


@normalising.wrong("the direction is multiplied by the filters' lengths, and its own are left in it")
def own_length_left(direction, weight):
    return filter_by_filter(direction, weight) * np.linalg.norm(rows(direction), axis=1).reshape(columns(direction))


@normalising.wrong("all filters come out of length 1, without that of the weights")
def unit(direction, weight):
    return direction / np.linalg.norm(rows(direction), axis=1).reshape(columns(direction))


@normalising.wrong("squares of lengths are compared, and the root is forgotten")
def without_root(direction, weight):
    ratio = (rows(weight) ** 2).sum(1) / (rows(direction) ** 2).sum(1)
    return direction * ratio.reshape(columns(direction))


def rows(array):
    """(O, numbers of a filter)."""
    return array.reshape(len(array), -1)


def columns(array):
    """The shape (O, 1, …)."""
    return (-1,) + (1,) * (array.ndim - 1)
