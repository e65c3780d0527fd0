"""The exercises of lesson 01."""

import math

import numpy as np

from minidl.learn.exercise import Exercise, call

# --- 01.1 -------------------------------------------------------------------------------------------------------------

difference = Exercise(
    "01.1",
    "the central difference",
    minutes=3,
    difficulty=1,
    purpose="With it you can check any derivative.",
    hints=[
        "Run f twice: a little above x, and a little below.",
        "The two points lie 2h apart.",
        "(f(x + h) − f(x − h)) / (2h)",
    ],
    rtol=1e-7,
)


@difference.solution
def slope(f, x, h):
    """The slope of f at x, by a central difference with the step h."""
    return (f(x + h) - f(x - h)) / (2 * h)


@difference.calls
def slope_calls():
    yield call(math.exp, 1.0, 1e-5)
    yield call(math.sin, 0.5, 1e-5)
    yield call(math.log, 3.0, 1e-5)


@difference.expected
def slope_expected(f, x, h):
    return {math.exp: math.exp, math.sin: math.cos, math.log: lambda x: 1 / x}[f](x)


@difference.wrong("the difference is taken to one side only, from x to x + h")
def forward_difference(f, x, h):
    return (f(x + h) - f(x)) / h


@difference.wrong("the difference is divided by h, though the points lie 2h apart")
def half_the_way(f, x, h):
    return (f(x + h) - f(x - h)) / h


@difference.wrong("the difference is halved and multiplied by h: / 2 * h is read from left to right")
def without_brackets(f, x, h):
    return (f(x + h) - f(x - h)) / 2 * h


@difference.wrong("the two points are swapped")
def swapped(f, x, h):
    return (f(x - h) - f(x + h)) / (2 * h)


# --- 01.2 -------------------------------------------------------------------------------------------------------------

tanh = Exercise(
    "01.2",
    "the derivative of tanh",
    minutes=4,
    difficulty=1,
    purpose="A rule in terms of the result costs nothing: the result is there already.",
    hints=[
        "Look at `tanh` of the class Value: what stands in its `slopes`?",
        "There, z is the result, not the argument.",
        "z = tanh(x); the slope is 1 − z².",
    ],
    rtol=1e-9,
)


@tanh.solution
def tanh_slope(x):
    """The derivative of tanh at each element of the array x."""
    z = np.tanh(x)
    return 1 - z * z


@tanh.calls
def tanh_calls():
    yield call(np.array([0.0, 0.5, -2.0]))
    yield call(np.linspace(-3, 3, 12).reshape(3, 4))


@tanh.expected
def tanh_expected(x):
    return np.tanh(x + 1e-30j).imag / 1e-30  # the complex step: no difference, hence no rounding


@tanh.wrong("x is taken for the result: 1 − x²")
def of_the_argument(x):
    return 1 - x * x


@tanh.wrong("the result is not squared: 1 − tanh x")
def not_squared(x):
    return 1 - np.tanh(x)


@tanh.wrong("tanh is applied twice: 1 − tanh²(tanh x)")
def twice(x):
    return 1 - np.tanh(np.tanh(x)) ** 2


@tanh.wrong("it is the sigmoid's rule, z(1 − z)")
def of_the_sigmoid(x):
    z = np.tanh(x)
    return z * (1 - z)


# --- 01.3 -------------------------------------------------------------------------------------------------------------

order = Exercise(
    "01.3",
    "an order in which to walk back",
    minutes=12,
    difficulty=3,
    purpose="This is the heart of every automatic differentiation.",
    hints=[
        "The other way round is easier: write a value down when all its parents have been written down.",
        "A function that visits a value: leave if it was seen; visit its parents; append it. The oldest come first.",
        "The list, reversed, has the newest first, each before its parents.",
    ],
)


class Named:
    """A value of a graph, by its name."""

    def __init__(self, name, *parents):
        self.name, self.parents = name, parents


def chain():
    """c of b of a, each used twice."""
    a = Named("a")
    b = Named("b", a, a)
    return Named("c", b, b)


def shortcut():
    """d of a directly, and of c, which is of b, which is of a."""
    a = Named("a")
    b = Named("b", a)
    c = Named("c", b)
    return Named("d", a, c)


def lattice():
    """Each of all that came before."""
    values = []
    for name in "abcdef":
        values.append(Named(name, *values))
    return values[-1]


@order.solution
def in_order(end):
    """A list of all values behind `end`, itself first, each before its `parents`, and none twice."""
    order, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for parent in value.parents:
                visit(parent)
            order.append(value)

    visit(end)
    return order[::-1]


@order.calls
def graphs():
    yield call(chain)
    yield call(shortcut)
    yield call(lattice)


@order.through
def names_in_order(candidate, graph):
    return " ".join(value.name for value in candidate(graph()))


@order.expected
def by_age(graph):
    """In these graphs each value is used by the next, so that there is one order: the names' from the end."""
    return {chain: "c b a", shortcut: "d c b a", lattice: "f e d c b a"}[graph]


@order.wrong("a value is written down as soon as it is met, before others that use it")
def as_met(end):
    order, pending = [], [end]
    while pending:
        value = pending.pop(0)
        if value not in order:
            order.append(value)
            pending += value.parents
    return order


@order.wrong("values that are used twice are written down twice")
def without_memory(end):
    order = []

    def visit(value):
        for parent in value.parents:
            visit(parent)
        order.append(value)

    visit(end)
    return order[::-1]


@order.wrong("the list is not reversed: the oldest come first")
def oldest_first(end):
    return in_order(end)[::-1]
