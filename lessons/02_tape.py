# %% [markdown]
# # 02 · A tape for arrays
#
# In lesson 01 a number knew where it came from. Here an *array* does: one op then stands for thousands of numbers, and
# sixty lines are enough to learn to read digits. On the way: what broadcasting does to a gradient, why gradients must
# be cleared, and how to keep e¹⁰⁰⁰ out of a loss. About 30 minutes; you need lesson 01.

# %%
import itertools
import math

import numpy as np

import minidl as md
from minidl.learn import Lesson, check, plots

lesson = Lesson("02")
rng = np.random.default_rng(lesson.seed)

# %% [markdown]
# ## 1. Predict: a sum that is read four times
#
# y = x + b, with x of the shape 4×3 and b of the shape 3: NumPy *broadcasts* b, the same three numbers are added to
# each of the four rows. Take the sum of all twelve numbers of y: it grows by 1 with each of them, so y's gradient is
# all ones, 4×3. Which shape has the gradient of b, and which numbers stand in it?

# %%
x, b, h = rng.standard_normal((4, 3)), rng.standard_normal(3), 1e-6
slopes = [((x + (b + h * unit)).sum() - (x + (b - h * unit)).sum()) / (2 * h) for unit in np.eye(3)]
print(f"by finite differences: {np.round(slopes, 6)}")

# %% [markdown]
# Whatever is read several times gets the **sum** of what all readers send back: along every dimension in which it was
# repeated. Broadcasting adds dimensions in front, and stretches those of size 1. Exercise: undo it.


# %%
def unbroadcast(g, shape):
    """The gradient g summed back to the shape that its array had before it was broadcast."""
    raise NotImplementedError

check("02.1", unbroadcast)

# %% [markdown]
# ## 2. Run: the tape
#
# The same engine as in lesson 01, with two changes. Each op gives a *rule* for each parent, a function from the
# result's gradient to the parent's, which `summed` sums back where the parent was broadcast (exercise 02.1 in disguise:
# it broadcasts the numbers of the places, and adds g up by them). And `backward` keeps the gradients of *one* walk in
# `coming`, and adds them to `grad`; were `grad` itself sent on, a second walk would send the first one's again.
#
# In Z = X·W, x[i,k] meets w[k,j] in z[i,j], for each j. So dx[i,k] = Σⱼ dz[i,j]·w[k,j]: the rules are dX = dZ·Wᵀ and,
# likewise, dW = Xᵀ·dZ. The shapes help to remember them: nothing else fits.

# %%
clock = itertools.count()

class Array:
    """An array that knows where it came from."""

    def __init__(self, data, parents=(), rules=()):
        self.data, self.parents, self.rules = np.asarray(data, float), parents, rules
        self.grad, self.serial = np.zeros(self.data.shape), next(clock)

    def __add__(self, other):
        return Array(self.data + other.data, (self, other), (lambda g: g, lambda g: g))

    def __sub__(self, other):
        return Array(self.data - other.data, (self, other), (lambda g: g, lambda g: -g))

    def __mul__(self, other):
        return Array(self.data * other.data, (self, other), (lambda g: g * other.data, lambda g: g * self.data))

    def __matmul__(self, other):
        rules = (lambda g: g @ other.data.T, lambda g: self.data.T @ g)
        return Array(self.data @ other.data, (self, other), rules)

    def exp(self):
        z = np.exp(self.data)
        return Array(z, (self,), (lambda g: g * z,))

    def log(self):
        return Array(np.log(self.data), (self,), (lambda g: g / self.data,))

    def sum(self, axis=None):
        return Array(self.data.sum(axis, keepdims=True), (self,), (lambda g: np.broadcast_to(g, self.data.shape),))

    def backward(self):
        """Add the gradient of this array's sum to `grad` of every array behind it."""
        found, pending = {self}, [self]
        while pending:
            new = set(pending.pop().parents) - found
            found, pending = found | new, pending + list(new)
        coming = {array: np.zeros_like(array.data) for array in found}
        coming[self] = np.ones_like(self.data)
        for array in sorted(found, key=lambda one: -one.serial):
            array.grad = array.grad + coming[array]
            for parent, rule in zip(array.parents, array.rules):
                coming[parent] += summed(rule(coming[array]), parent.data.shape)

def summed(g, shape):
    """A gradient summed back to a shape that was broadcast: each reader's part goes to the number that it read."""
    if g.shape == shape:
        return g
    read = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), g.shape)
    return np.bincount(read.ravel(), g.ravel()).reshape(shape)

x, b = Array(rng.standard_normal((4, 3))), Array(rng.standard_normal(3))
(x + b).sum().backward()
print(f"gradient of b: {b.grad}")

# %% [markdown]
# ## 3. Predict: once more
#
# `backward` is called a second time. What stands in `b.grad` then?

# %%
(x + b).sum().backward()
print(f"gradient of b: {b.grad}")

# %% [markdown]
# Gradients **accumulate**, here as in minidl and PyTorch: an array may be used in several losses, or a loss be taken of
# some images after others, as memory allows. The price: before each step they must be cleared, here by hand.
#
# ## 4. Predict: ten templates
#
# *Softmax regression*: a digit is a row of 784 pixels, n of them are X (n, 784). Each class has 784 weights, its
# template, a column of W (784, 10); the ten *scores* of each digit are z = X·W + b, (n, 10) with b (10,). Of a row,
# pₖ = exp(zₖ) / Σⱼ exp(zⱼ) are probabilities. The loss, **cross-entropy**, is −ln p of the right class, averaged; by
# array ops, ln p = z − ln Σⱼ exp(zⱼ) for all classes, times a table that is −1/n at the right ones and 0 elsewhere,
# summed. All weights are 0 at first. What is the loss?
#
# (The digits are from MNIST, 28×28 pixels each; a `DataLoader` hands out so many at a time, here all at once. 1,000 are
# *held out*: never learnt from, they tell how well new digits are read.)

# %%
def digits(train, most):
    """Images (n, 784) in [0, 1], and labels (n,)."""
    data = md.data.MNIST(train=train)
    images, labels = next(iter(md.data.DataLoader(data, batch_size=min(most, len(data)), shuffle=train)))
    return images.numpy().reshape(len(images), -1).astype(float), labels.numpy()

md.manual_seed(lesson.seed)
most, steps = (1000, 30) if lesson.profile == "ci" else (4000, 200)
(images, labels), (held_out, held_out_labels) = digits(True, most), digits(False, 1000)
size = f"{len(images):,} + {len(held_out):,} digits, a part of MNIST"
right = np.eye(10)[labels]  # (n, 10): 1 at the label, 0 elsewhere

def loss(W, b):
    """The cross-entropy of the training images, from nothing but array ops."""
    z = Array(images) @ W + b
    log_p = z - z.exp().sum(axis=1).log()
    return (log_p * Array(-right / len(images))).sum()

W, b = Array(np.zeros((784, 10))), Array(np.zeros(10))
print(f"loss {loss(W, b).data.item():.4f}, ln 10 = {math.log(10):.4f}")

# %% [markdown]
# ## 5. Predict, then run: learn to read
#
# 7,850 numbers, each a step against its gradient. All images at once: this is *full-batch* gradient descent. Which
# share of the held-out digits will be misread?

# %%
def train(clear=True, rate=0.5):
    """Train from zero; the losses, the weights, and the share of wrong readings of digits that were held out."""
    W, b, losses = Array(np.zeros((784, 10))), Array(np.zeros(10)), []
    for _ in range(steps):
        if clear:
            W.grad, b.grad = np.zeros_like(W.data), np.zeros_like(b.data)
        value = loss(W, b)
        value.backward()
        W.data, b.data = W.data - rate * W.grad, b.data - rate * b.grad
        losses.append(value.data.item())
    return losses, W, float(np.mean((held_out @ W.data + b.data).argmax(1) != held_out_labels))

losses, W, error = train()
print(f"loss {losses[0]:.3f} → {losses[-1]:.3f}; {error:.1%} of the held-out are misread ({size})")
lesson.show(plots.templates(W.data.T.reshape(10, 28, 28)), "templates")

# %% [markdown]
# Blue pixels speak for a class, red ones against it. Which template looks least like its digit, and why does it still
# work? *A digit is only compared with nine others.*
#
# ## 6. Predict: what if nothing is cleared?
#
# The same, but for one line that is left out. Sketch the curve of its loss.

# %%
forgetful, _, forgetful_error = train(clear=False)
lesson.show(plots.series({"cleared": losses, "never cleared": forgetful}, "step", "training loss"), "cleared")
print(f"held-out error {error:.1%} and {forgetful_error:.1%} ({size})")

# %% [markdown]
# Each step is the sum of all gradients so far, so it goes on in old directions, as a heavy ball would: it runs past the
# valley, and comes back. (Lesson 04 makes use of that.)
#
# ## 7. Predict: large scores
#
# exp(1000) is more than float64 can hold. What is the softmax of the scores 1000 and 0, as written in step 4?

# %%
with np.errstate(all="ignore"):
    z = np.array([1000.0, 0.0])
    print(np.exp(z) / np.exp(z).sum())

# %% [markdown]
# Taking the same number off all scores leaves probabilities as they are; with the largest one, nothing overflows. Two
# exercises: a softmax that is safe, and the gradient that comes out when all rules of the loss are multiplied together,
# the most beautiful formula of the trade.

# %%
def softmax(z):
    """The probabilities of each row of scores z (n, classes), whatever their size."""
    raise NotImplementedError

def score_gradient(z, labels):
    """The gradient of the mean cross-entropy of scores z (n, classes), for labels (n,)."""
    raise NotImplementedError

check("02.2", softmax)
check("02.3", score_gradient)

# %% [markdown]
# ## 8. Investigate: the library's tape
#
# The same loss by `minidl`. Its gradients must be yours; then stand at the op where probabilities become gradients. (In
# the walk, `take_along` picks the right class's ln p of each row; `where` would leave out labels to be ignored.)

# %%
ours, bias = Array(0.01 * rng.standard_normal((784, 10))), Array(np.zeros(10))
loss(ours, bias).backward()
weights = md.tensor(ours.data, requires_grad=True)
theirs = md.functional.cross_entropy(md.tensor(images) @ weights, md.tensor(labels))
walk = md.viz.backward(theirs)
theirs.backward()
print(f"gradients at most {np.abs(weights.grad.numpy() - ours.grad).max():.0e} apart")
print(walk, next(stand for stand in walk if stand.name == "log_softmax"), sep="\n\n")

# %% [markdown]
# ## 9. Modify and make
#
# - Modify: `rate` × 10 and ÷ 10. At which does the loss jump?
# - Modify: start with weights of 1 instead of 0. Does it still learn?
# - Make: give `Array` a `tanh`, and put 64 neurons between pixels and scores, as lesson 01 has 8: a *hidden layer*. Now
#   it must start from random weights: why? (Lesson 04 tries it.)

# %%
lesson.record(f"MNIST, {len(images):,} + {len(held_out):,}", "cpu", {"softmax": [dict(seed=lesson.seed, error=error)]})
print(f"{1 - error:.1%} of the held-out digits are read right ({size}); {lesson.seconds:.0f} s in all")
