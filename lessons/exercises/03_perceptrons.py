"""The exercises of lesson 03."""

import statistics

import numpy as np

import minidl as md
import minidl.functional as F
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 03.1 -------------------------------------------------------------------------------------------------------------

loop = Exercise(
    "03.1",
    "the loop",
    minutes=8,
    difficulty=2,
    purpose="A few lines are all of training; everything else is comfort.",
    hints=[
        "Clear: p.grad = None for each p of network.parameters(). Then F.cross_entropy(network(images), labels).",
        "After its backward(), each p has its gradient in p.grad; losses.append(loss.item()) keeps a number.",
        "The step is no part of the graph: with md.no_grad(), and in it p -= lr * p.grad for each parameter.",
    ],
    forbidden=["SGD"],
)


@loop.solution
def overfit(network, images, labels, lr, steps):
    """Train on all images in each step; a list of the losses (numbers), each before its step."""
    parameters, losses = list(network.parameters()), []
    for _ in range(steps):
        for p in parameters:
            p.grad = None
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        with md.no_grad():
            for p in parameters:
                p -= lr * p.grad
        losses.append(loss.item())
    return losses


WEIGHTS = RNG.standard_normal((7, 5)), RNG.standard_normal((3, 7))
IMAGES, LABELS = RNG.standard_normal((6, 5)), np.array([0, 2, 1, 1, 0, 2])


@loop.calls
def loop_calls():
    yield call(IMAGES[:1], LABELS[:1], 0.1, 1)
    yield call(IMAGES, LABELS, 0.1, 4)
    yield call(IMAGES, LABELS, 0.3, 12)


@loop.through
def trained(candidate, images, labels, lr, steps):
    """The losses, the network's scores afterwards, and what the losses are."""
    network = md.models.mlp(5, 7, 3).double()
    for layer, weight in zip((network[1], network[3]), WEIGHTS, strict=True):
        layer.load_state_dict({"weight": md.tensor(weight), "bias": md.zeros(len(weight), dtype=md.float64)})
    losses = candidate(network, md.tensor(images), md.tensor(labels), lr, steps)
    held = isinstance(losses, list) and any(isinstance(loss, md.Tensor) for loss in losses)
    return losses, network(md.tensor(images)).detach().numpy(), "tensors" if held else "numbers"


@loop.expected
def by_hand(images, labels, lr, steps):
    """The same network in NumPy, its gradients written out."""
    (w1, w2), b1, b2, losses = WEIGHTS, np.zeros(7), np.zeros(3), []

    def forward():
        h = np.maximum(images @ w1.T + b1, 0)
        return h, h @ w2.T + b2

    for _ in range(steps):
        h, z = forward()
        p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        losses.append(-np.log(p[range(len(labels)), labels]).mean())
        back = (p - np.eye(3)[labels]) / len(labels)
        behind = back @ w2 * (h > 0)
        w1, b1 = w1 - lr * behind.T @ images, b1 - lr * behind.sum(0)
        w2, b2 = w2 - lr * back.T @ h, b2 - lr * back.sum(0)
    return losses, forward()[1], "numbers"


def variant(clear=True, rate=True, loss=F.cross_entropy, after=False, sign=1, number=md.Tensor.item):
    """The loop with a mistake."""

    def version(network, images, labels, lr, steps):
        losses = []
        for _ in range(steps):
            if clear:
                network.zero_grad()
            value = loss(network(images), labels)
            value.backward()
            with md.no_grad():
                for p in network.parameters():
                    p -= sign * (lr if rate else 1) * p.grad
            losses.append(number(loss(network(images), labels) if after else value))
        return losses

    return version


loop.wrong("gradients are never cleared: each step goes by the sum of all so far")(variant(clear=False))
loop.wrong("the step is the gradient itself: lr is left out")(variant(rate=False))
loop.wrong("softmax comes before cross_entropy, which makes probabilities itself")(
    variant(loss=lambda z, labels: F.cross_entropy(F.softmax(z, dim=1), labels))
)
loop.wrong("the losses of the images are added up, where their mean is meant")(
    variant(loss=lambda z, labels: F.cross_entropy(z, labels, reduction="sum"))
)
loop.wrong("each loss is that after its step, not before it")(variant(after=True))
loop.wrong("the losses are kept as tensors, each with its whole graph behind it: .item() makes a number")(
    variant(number=md.Tensor.detach)
)
loop.wrong("the steps go up the slope")(variant(sign=-1))


# --- 03.2 -------------------------------------------------------------------------------------------------------------

scaling = Exercise(
    "03.2",
    "standardise, and back",
    minutes=8,
    difficulty=2,
    purpose="What a network answers is of use to nobody before it is inverted.",
    hints=[
        "First the mean and the deviation of each column: learnt.mean(axis=0), and so on.",
        "Both functions use these alone, whatever they are given; the way back does the two steps in reverse.",
        "std = np.where(std == 0, 1, std); return lambda x: (x - mean) / std, lambda z: z * std + mean",
    ],
    forbidden=["TableEncoder", "StandardScaler", "standardize"],
)


@scaling.solution
def scaler(learnt):
    """Two functions: x standardised by the columns of `learnt` (N, columns), and back; constant ones only shift."""
    mean, std = learnt.mean(axis=0), learnt.std(axis=0)
    std = np.where(std == 0, 1, std)
    return lambda x: (x - mean) / std, lambda z: z * std + mean


@scaling.calls
def scaling_calls():
    yield call(np.array([[1.0, 30.0], [3.0, 10.0]]), np.array([[2.0, 40.0], [5.0, 0.0]]))
    yield call(RNG.normal(5, 2, (20, 3)), RNG.normal(8, 4, (4, 3)))
    yield call(np.array([[4.0, 1.0], [4.0, 3.0], [4.0, 8.0]]), np.array([[4.0, 3.0], [6.0, 1.0]]))


@scaling.through
def there_and_back(candidate, learnt, other):
    """What comes of other rows, and what is made of the same numbers by inverting them."""
    there, back = candidate(learnt)
    with np.errstate(all="ignore"):
        return there(other), back(other)


@scaling.expected
def by_columns(learnt, other):
    """Column by column, by the definition."""
    there, back = np.empty_like(other), np.empty_like(other)
    for i, column in enumerate(learnt.T.tolist()):
        mean, deviation = statistics.fmean(column), statistics.pstdev(column) or 1.0
        there[:, i] = [(value - mean) / deviation for value in other[:, i]]
        back[:, i] = [mean + deviation * value for value in other[:, i]]
    return there, back


def by(mean, std):
    """The two functions of a mean and a deviation."""
    return lambda x: (x - mean) / std, lambda z: z * std + mean


@scaling.wrong("what is to be standardised is standardised by itself, not by what was learnt")
def by_itself(learnt):
    return lambda x: scaler(x)[0](x), scaler(learnt)[1]


@scaling.wrong("one mean and one deviation serve all columns")
def one_for_all(learnt):
    return by(learnt.mean(), learnt.std())


@scaling.wrong("the way back adds the mean before it multiplies by the deviation")
def in_the_same_order(learnt):
    mean, std = learnt.mean(axis=0), np.where(np.ptp(learnt, axis=0) == 0, 1, learnt.std(axis=0))
    return by(mean, std)[0], lambda z: (z + mean) * std


@scaling.wrong("a column that is constant is divided by 0")
def unguarded(learnt):
    return by(learnt.mean(axis=0), learnt.std(axis=0))


@scaling.wrong("it is divided by the variance: the root is forgotten")
def by_the_variance(learnt):
    variance = learnt.var(axis=0)
    return by(learnt.mean(axis=0), np.where(variance == 0, 1, variance))


@scaling.wrong("the deviation is divided by N − 1, an estimate for rows that you do not have")
def of_a_sample(learnt):
    std = learnt.std(axis=0, ddof=1)
    return by(learnt.mean(axis=0), np.where(std == 0, 1, std))


# --- 03.3 -------------------------------------------------------------------------------------------------------------

robust = Exercise(
    "03.3",
    "Huber's loss",
    minutes=5,
    difficulty=1,
    purpose="It lets a table with mistakes in it be learnt from all the same.",
    hints=[
        "Up to delta it is d² / 2. Beyond, it is a line of the slope delta, which must meet delta² / 2 at delta.",
        "So beyond delta it is delta * (abs(d) - delta / 2); np.where chooses between the two.",
        "Or at once: let near be d.clip(-delta, delta); then (near * (d - near / 2)).mean().",
    ],
    forbidden=["huber_loss", "smooth_l1_loss"],
)


@robust.solution
def huber(d, delta):
    """The mean Huber loss of the distances d (n,): d²/2 up to delta, and from there on as steep as it is there."""
    near = d.clip(-delta, delta)
    return (near * (d - near / 2)).mean()


@robust.calls
def robust_calls():
    yield call(np.array([0.5]), 1.0)
    yield call(np.array([-3.0]), 1.0)
    yield call(np.array([0.25, -0.5, 4.0, -10.0]), 0.5)
    yield call(np.array([1.0, -2.5, 3.0]), 2.0)


@robust.expected
def robust_expected(d, delta):
    return F.huber_loss(md.tensor(d), md.zeros(len(d), dtype=md.float64), delta=delta).item()


@robust.wrong("beyond delta the line begins too high: delta / 2 is not taken off, and the loss jumps")
def jumping(d, delta):
    return np.where(np.abs(d) <= delta, d * d / 2, delta * np.abs(d)).mean()


@robust.wrong("the line has the slope 1, not delta")
def of_slope_one(d, delta):
    return np.where(np.abs(d) <= delta, d * d / 2, np.abs(d) - delta / 2).mean()


@robust.wrong("d² is not halved")
def not_halved(d, delta):
    return np.where(np.abs(d) <= delta, d * d, delta * (np.abs(d) - delta / 2)).mean()


@robust.wrong("the sign of d counts: what is far below is taken for near")
def signed(d, delta):
    return np.where(d <= delta, d * d / 2, delta * (d - delta / 2)).mean()


@robust.wrong("distances beyond delta are cut off there: the loss is flat, and nothing comes back")
def cut_off(d, delta):
    return (np.clip(d, -delta, delta) ** 2 / 2).mean()


@robust.wrong("the losses are added up, where their mean is meant")
def added_up(d, delta):
    return huber(d, delta) * len(d)
