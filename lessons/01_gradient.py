# %% [markdown]
# # 01 · A number that knows where it came from
#
# A network learns by asking of each of its numbers: *if you were a little larger, would the error grow or shrink?* The
# answer is a **gradient**. Here you build, in sixty lines, the machine that answers for thousands of numbers at once,
# and let it learn. About 30 minutes; you need Python and NumPy, no more.

# %%
import itertools
import math

import numpy as np

import minidl as md
from minidl.learn import Lesson, check, plots, toys

lesson = Lesson("01")

# %% [markdown]
# ## 1. Predict: a slope by hand
#
# Let f(a, b) = a·b + b. Near a = 2, b = 3: if a grows by 0.001, by how many times as much does f grow? And if b does?
# %%
def f(a, b):
    return a * b + b

print(f"{(f(2.001, 3) - f(2, 3)) / 0.001:.3f} times as much as a, {(f(2, 3.001) - f(2, 3)) / 0.001:.3f} times as b")

# %% [markdown]
# These factors are the *partial derivatives*, ∂f/∂a = b = 3 and ∂f/∂b = a + 1 = 3, found by **finite differences**:
# they work for any function, but take a run of it for every number, of which a small network has 200,000.
#
# ## 2. Predict: the smaller the step, the better?
#
# The slope of eˣ at x = 1 is e. Two estimates, with a step of h: to one side, (f(x + h) − f(x)) / h, and *central*,
# (f(x + h) − f(x − h)) / 2h. Let h shrink from 0.1 to 10⁻¹⁵. What happens to their errors?

# %%
h = 10.0 ** -np.arange(1, 15.5, 0.25)
estimates = {"one-sided": (np.exp(1 + h) - np.exp(1)) / h, "central": (np.exp(1 + h) - np.exp(1 - h)) / (2 * h)}
errors = {name: np.abs(estimate - math.e) for name, estimate in estimates.items()}
for name, error in errors.items():
    print(f"{name}: least error {error.min():.0e}, at h = {h[error.argmin()]:.0e}")
lesson.show(plots.errors(h, errors), "finite-differences")

# %% [markdown]
# A **V**. To the right the step is too long, and the curve bends within it: the error falls like h, or like h² for the
# central one. To the left it is too short: float64 has 16 digits, f(x + h) and f(x − h) agree in most of them, and what
# is left is rounding. Finite differences are how minidl *proves* its gradients, not how it computes them.
# Exercise: write the central difference.

# %%
def slope(f, x, h):
    """The slope of f at x, by a central difference with the step h."""
    raise NotImplementedError

check("01.1", slope)

# %% [markdown]
# ## 3. Run: sixty lines that are enough
#
# Every calculation is a chain of small ones, and for each small one the slope is known: z = x + y passes a change of x
# on as it is, z = x·y multiplies it by y. So let each number remember which numbers it was made of (`parents`), and the
# slope along each (`slopes`). Then the *chain rule* goes backward: what z sends to x is its own gradient times ∂z/∂x;
# what reaches x on several ways is **added up**. `serial` says which values are newer.

# %%
clock = itertools.count()

class Value:
    """A number that knows where it came from."""

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.parents, self.slopes, self.grad, self.serial = data, parents, slopes, 0.0, next(clock)

    def __add__(self, other):
        other = as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        other = as_value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n):
        return Value(self.data**n, (self,), (n * self.data ** (n - 1),))

    def tanh(self):
        z = math.tanh(self.data)
        return Value(z, (self,), (1 - z * z,))

    __radd__, __rmul__ = __add__, __mul__

    def backward(self):
        """Leave in `grad` of every number behind this one how much this one grows with it."""
        self.grad = 1.0
        for value in newest_first(self):
            for parent, slope in zip(value.parents, value.slopes):
                parent.grad += value.grad * slope

def as_value(x):
    """A plain number as a Value."""
    return x if isinstance(x, Value) else Value(float(x))

def newest_first(end):
    """All values behind one, the newest first: each after all that were made of it."""
    found, pending = {end}, [end]
    while pending:
        parents = set(pending.pop().parents) - found
        found |= parents
        pending += parents
    return sorted(found, key=lambda value: -value.serial)

a, b = Value(2.0), Value(3.0)
z = a * b + b
z.backward()
print(f"f = {z.data}, ∂f/∂a = {a.grad}, ∂f/∂b = {b.grad}: one walk back, and every number has its answer")

# %% [markdown]
# That is **reverse-mode automatic differentiation**: exact but for rounding, and one walk costs about as much as the
# calculation itself, however many numbers there are. Exercise: the slope of tanh is written above in terms of its
# result z. Write it as a function of an array x.

# %%
def tanh_slope(x):
    """The derivative of tanh at each element of the array x."""
    raise NotImplementedError

check("01.2", tanh_slope)

# %% [markdown]
# ## 4. Predict: why the order matters
#
# Let b = a + a and c = b·b; so c = 4a², and ∂c/∂a = 8a: 24 at a = 3. The walk below has no order. It sends a gradient
# on the moment it arrives. Which ∂c/∂a will it find?

# %%
def hasty(value, gradient):
    """A backward without an order: wrong."""
    value.grad += gradient
    for parent, slope in zip(value.parents, value.slopes):
        hasty(parent, value.grad * slope)

for walk in (lambda c: hasty(c, 1.0), Value.backward):
    a = Value(3.0)
    b = a + a
    walk(b * b)
    print(f"∂c/∂b = {b.grad}, ∂c/∂a = {a.grad}")

# %% [markdown]
# c reads b twice, so b gets its gradient in two parts, 6 and 6. The hasty walk sends the first part on, then the *sum*
# of both: the first is counted twice. A value may speak only when all that used it have spoken; hence newest first.
# Exercise: find such an order where there are no serial numbers.

# %%
def in_order(end):
    """A list of all values behind `end`, itself first, each before its `parents`, and none twice."""
    raise NotImplementedError

check("01.3", in_order)

# %% [markdown]
# ## 5. Predict, then run: two moons
#
# A network shall tell from coordinates on which of two arcs a point lies. Each of 8 *neurons* computes
# tanh(w₁x₁ + w₂x₂ + b), 8 more do so with the outputs of the first, and a last one adds theirs up to a *score*:
# positive for the upper arc, negative for the lower. All weights are Values. How many are there, with the biases?

# %%
rng = np.random.default_rng(lesson.seed)
count, steps = (40, 15) if lesson.profile == "ci" else (80, 100)
points, labels = toys.two_moons(count, rng)
layers = [(rng.standard_normal((out, of)) / np.sqrt(of), np.zeros(out)) for of, out in ((2, 8), (8, 8), (8, 1))]
network = [([[Value(w) for w in row] for row in weights], [Value(b) for b in biases]) for weights, biases in layers]
parameters = [value for weights, biases in network for row in [*weights, biases] for value in row]

def score(point):
    """The network's answer to a point."""
    values = point
    for weights, biases in network:
        inputs = values if weights is network[0][0] else [value.tanh() for value in values]
        values = [sum((w * x for w, x in zip(row, inputs)), b) for row, b in zip(weights, biases)]
    return values[0]

def loss():
    """The mean squared error of tanh(score) against the labels 1 and −1."""
    return sum((score(point).tanh() + -label) ** 2 for point, label in zip(points, labels)) * (1 / count)

print(f"{len(parameters)} parameters; the loss is made of {len(newest_first(loss())):,} Values")

# %% [markdown]
# ## 6. Predict: the training
#
# Forward, backward, and each parameter a small step against its gradient: *gradient descent*. A network that knows
# nothing has scores near 0. Where does the loss begin, and where will it end?

# %%
losses = []
for _ in range(steps):
    for p in parameters:
        p.grad = 0.0  # or the gradients of all steps would add up
    error = loss()
    error.backward()
    for p in parameters:
        p.data -= 0.5 * p.grad
    losses.append(error.data)
right = np.mean([(score(point).data > 0) == (label > 0) for point, label in zip(points, labels)])
print(f"loss {losses[0]:.3f} → {losses[-1]:.3f}; {right:.0%} of {count} points are on their side")
lesson.show(plots.regions(points, labels, np.vectorize(lambda x, y: math.tanh(score((x, y)).data))), "moons")

# %% [markdown]
# ## 7. Predict, then investigate: the same with arrays
#
# A `minidl.Tensor` is a Value whose number is an array: one multiplication of matrices stands for thousands of `*`.
# From the same first weights, in how many digits do loss and gradients agree? (`retain_graph`: we walk once more.)

# %%
tensors = [md.tensor(array, requires_grad=True) for layer in layers for array in layer]
for p, first in zip(parameters, np.concatenate([array.ravel() for layer in layers for array in layer])):
    p.data, p.grad = first, 0.0
mine = loss()
mine.backward()
w1, b1, w2, b2, w3, b3 = tensors
z = (((md.tensor(points) @ w1.T + b1).tanh() @ w2.T + b2).tanh() @ w3.T + b3).flatten().tanh()
theirs = ((z - md.tensor(labels)) ** 2).mean()
theirs.backward(retain_graph=True)
gradients = np.concatenate([t.grad.numpy().ravel() for t in tensors])
apart = np.abs(gradients - [p.grad for p in parameters]).max()
print(f"losses {mine.data:.12f}, {theirs.item():.12f}; gradients at most {apart:.0e} apart")

# %% [markdown]
# ## 8. Investigate: stand at one op
#
# The walk of `theirs`: a line for each op, with the shape of the gradient that comes in, and where each argument, x or
# y, sends its own; a *leaf* was not computed. Then two ops closely, with the line of `minidl` that is the rule. Which
# rules do you know from `Value`? In the stepper, b stands at any op.

# %%
walk = md.viz.backward(theirs)
print(walk, walk[2], walk[3], sep="\n\n")

# %% [markdown]
# ## 9. Modify and make
#
# - Modify: the step of 0.5. Find one at which the loss jumps about, and one at which nothing is learnt.
# - Modify: leave out `p.grad = 0.0`. What happens, and why?
# - Make: give `Value` an `exp` and a division, and write tanh with them. `backward` must agree with the old tanh.

# %%
lesson.record("two moons", "cpu", {"Value": [dict(seed=lesson.seed, error=float(1 - right), loss=losses[-1])]})
print(f"{right:.0%} of the points, with sixty lines; {lesson.seconds:.0f} s in all")
