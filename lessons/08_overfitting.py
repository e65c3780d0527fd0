# %% [markdown]
# # 08 · Learning by heart
#
# A network with more weights than it has examples can learn them by heart, and know nothing of others. Here you let one
# do so, measure it honestly (which is harder than it sounds), and try the cures one by one and together. About 30
# minutes; you need lesson 07.

# %%
import copy

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.data import DataLoader, KFold, TensorDataset
from minidl.learn import Lesson, check, plots
from minidl.nn.regularizers import L1, L2, regularization, regularized

lesson = Lesson("08")
md.manual_seed(lesson.seed)

# %% [markdown]
# ## 1. Predict: 300 digits, 269,322 weights
#
# Two hidden layers of 256 neurons learn 300 digits, again and again. What becomes of the loss on these 300, and of the
# loss on digits that the network has never seen? Sketch both curves before you run.

# %%
def digits(train, most):
    """Images (n, 784) and labels (n,) of MNIST."""
    data = md.data.MNIST(train=train)
    images, labels = next(iter(DataLoader(data, batch_size=min(most, len(data)), shuffle=train)))
    return images.flatten(1), labels

epochs, seeds, few, many = (12, 1, 300, 2000) if lesson.profile == "ci" else (60, 3, 300, 2000)
images, labels = digits(True, many + 1000)
learnt, watched = TensorDataset(images[:few], labels[:few]), (images[many:], labels[many:])
tested = digits(False, 1000 if lesson.profile == "ci" else 10_000)
print(f"{few} digits to learn from, {len(watched[1]):,} to watch, {len(tested[1]):,} to test on: a part of MNIST")

@md.no_grad()
def measure(network, images, labels):
    """The loss and the share of misread digits, in evaluation mode."""
    network.eval()
    scores = network(images)
    network.train()
    return F.cross_entropy(scores, labels).item(), (scores.argmax(1) != labels).sum().item() / len(labels)

def train(network, data=learnt, epochs=epochs, patience=None):
    """Train a network; for each epoch, the losses and errors on what it learns and on what is watched.

    With `patience`, it stops when the loss on what is watched has not been at its least for so many epochs, and the
    weights of its best epoch return.
    """
    optimizer, rows = optim.Adam(network.parameters(), lr=1e-3), []
    for epoch in range(epochs):
        for x, y in DataLoader(data, 50, shuffle=True):
            optimizer.zero_grad()
            (F.cross_entropy(network(x), y) + regularization(network)).backward()
            optimizer.step()
        rows.append([*measure(network, *learnt.tensors), *measure(network, *watched)])
        best = np.argmin([row[2] for row in rows])
        if best == epoch:
            weights = copy.deepcopy(network.state_dict())
        if patience is not None and epoch - best == patience:
            break
    if patience is not None:
        network.load_state_dict(weights)
    return np.array(rows)

rows = train(md.models.mlp(784, 256, 256, 10))
best = rows[:, 2].argmin()
print(f"learnt by heart: error {rows[-1, 1]:.1%} on what it learnt, {rows[-1, 3]:.1%} on new digits")
print(f"loss on new digits: least {rows[best, 2]:.3f}, in epoch {best + 1}; at the end {rows[-1, 2]:.3f}")
lesson.show(plots.series({"learnt": rows[:, 0], "new": rows[:, 2]}, "epoch", "loss"), "by-heart")

# %% [markdown]
# The loss on new digits falls, and then *rises*, while hardly more of them are misread: the network becomes ever surer
# of what it gets wrong. That gap is **overfitting**.
#
# ## 2. Predict: whom do you ask?
#
# Someone trains twenty networks, which differ in their seed alone, tests each on the same 100 digits, and reports the
# best result. How much too good is the report? And if the network is chosen by 100 *other* digits, the validation set,
# and only then tested?

# %%
runs = 6 if lesson.profile == "ci" else 20
chosen_by_test, chosen_by_validation, honest = [], [], []
networks = [md.models.mlp(784, 32, 10) for _ in range(runs)]
for network in networks:
    train(network, epochs=5 if lesson.profile == "ci" else 15)
errors = lambda images, labels: np.array([measure(network, images, labels)[1] for network in networks])  # noqa: E731
true = errors(*tested)
for start in range(0, 1000, 100):
    asked = slice(start, start + 100)
    by_test = errors(tested[0][asked], tested[1][asked])
    by_validation = errors(watched[0][asked], watched[1][asked])
    chosen_by_test.append(by_test.min())
    chosen_by_validation.append(by_test[by_validation.argmin()])
    honest.append(true[by_test.argmin()])
print(f"chosen by the test digits: {np.mean(chosen_by_test):.1%} is reported, {np.mean(honest):.1%} is true")
print(f"chosen by validation digits: {np.mean(chosen_by_validation):.1%} is reported")

# %% [markdown]
# The best of many on one test set is also the luckiest. So there are **three** sets: one to learn from, one to choose
# by (epochs, widths, rates: every choice), and one that is asked a single time, at the end. Twenty *epochs* of one
# network are twenty networks, too: the best epoch by the test set, or early stopping by it, is the same mistake.
#
# ## 3. Predict, then run: when there is too little to put aside
#
# **K-fold**: cut the data into K parts, and let each be the validation set of a network that learns from the others.
# Every digit is asked once. How far apart will the errors of five networks be, on 60 digits each? Exercise: cut it.

# %%
def folds(n, k):
    """K arrays of the numbers from 0 to n − 1, in order; where k does not divide n, the first ones are one longer."""
    raise NotImplementedError

check("08.1", folds)

# %%
scores = []
for part, rest in KFold(5, shuffle=True).split(learnt):
    network = md.models.mlp(784, 32, 10)
    train(network, part, epochs=min(epochs, 20))
    scores.append(measure(network, *next(iter(DataLoader(rest, len(rest)))))[1])
print("five folds:", *(f"{score:.0%}" for score in scores))
print(f"mean {np.mean(scores):.1%} ± {np.std(scores, ddof=1):.1%}")

# %% [markdown]
# The spread is the message: a validation set of 60 digits is off by several points, whichever it is.
#
# ## 4. Predict: the cures
#
# - a **smaller** network, 16 neurons wide;
# - **L2**, λ·Σw² added to the loss: it pulls each weight to 0, the larger the harder; **L1**, λ·Σ|w|: all alike;
# - **dropout**: while it learns, half of the neurons, others at each step, give 0;
# - **early stopping**: it ends after five epochs without a new least loss on what is watched; the best weights return;
# - **more data**: 2,000 digits in place of 300, for as many steps; and some of these together.
#
# Order them by the error on digits that were neither learnt nor watched.

# %%
def network(width=256, penalty=None, dropout=0.0):
    """784 → width → width → 10."""
    layers = [nn.Linear(784, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU()]
    layers += [nn.Dropout(dropout), nn.Linear(width, 10)]
    for layer in layers:
        if penalty is not None and isinstance(layer, nn.Linear):
            regularized(layer, weight=penalty)
    return nn.Sequential(*layers)

more = TensorDataset(images[:many], labels[:many])
both, much = dict(penalty=L2(3e-4), dropout=0.5), dict(data=more, epochs=max(2, epochs * few // many))
cures = {  # what is built, and how it is trained
    "none": ({}, {}),
    "smaller": (dict(width=16), {}),
    "L2": (dict(penalty=L2(1e-3)), {}),
    "L1": (dict(penalty=L1(1e-4)), {}),
    "dropout": (dict(dropout=0.5), {}),
    "early stopping": ({}, dict(patience=5)),
    "more data": ({}, much),
    "L2, dropout": (both, {}),
    "L2, dropout, stopping": (both, dict(patience=5)),
    "these and more data": (both, dict(patience=5, **much)),
}
results, curves, kept = {name: [] for name in cures}, {}, {}
print("cure                  epochs  misread: learnt, new            loss on new")
for name, (built, trained) in cures.items():
    for seed in range(lesson.seed, lesson.seed + seeds):
        md.manual_seed(seed)
        kept[name] = network(**built)
        curves[name] = train(kept[name], **trained)
        (_, fit), (loss, new) = measure(kept[name], *learnt.tensors), measure(kept[name], *tested)
        results[name].append(dict(seed=seed, epochs=len(curves[name]), learnt=fit, error=new, loss=loss))
    runs = np.array([list(run.values()) for run in results[name]])
    _, taken, fit, new, loss = runs.mean(0)
    spread = f"± {100 * runs[:, 3].std(ddof=1):.1f}" if seeds > 1 else ""
    print(f"{name:22}{taken:6.0f}{fit:16.1%}{new:8.1%} {spread:6}{loss:20.3f}")
shown = {name: curves[name] for name in ("none", "L2", "dropout", "L2, dropout", "early stopping")}
left, right = (
    dict(lines={name: (range(1, 1 + len(rows)), rows[:, column]) for name, rows in shown.items()}, xlabel="epoch")
    for column in (0, 2)
)
left |= dict(ylabel="loss on what it learns", ylim=(0, 0.5))
right |= dict(ylabel="loss on what is watched", ylim=(0.4, 0.9))
lesson.show(plots.lines(left, right), "cures")
lesson.show(plots.weights({name: next(kept[name].parameters()) for name in ("none", "L2", "L1")}), "weights")

# %% [markdown]
# Nothing helps like data: 9.1 % in place of 15.6 %. Beside that the others hardly change the *error*; L2 costs a point,
# L1 half as much again, and 16 neurons are too few. What they change is the *loss*, how sure the network is of what it
# gets wrong: from 0.709 to 0.588 with L2, to 0.542 with early stopping, in a quarter of the epochs, and to 0.523 with
# L2, dropout and stopping together. These with more data do best: 8.8 % and 0.292. The watched digits have decided when
# to stop, so they can't be the ones to report; these numbers are of 10,000 others. L2 leaves few *large* weights, L1
# few weights at all.
#
# ## 5. Predict, then investigate: the smaller network of a lecture
#
# The lecture's network reads texts: an input for each of 10,000 words, two hidden layers of 16, one output; then two of
# 4. How many parameters has each? In your head, then by the count.

# %%
for width in (16, 4):
    print(f"{width}: {sum(p.numel() for p in md.models.mlp(10_000, width, width, 1).parameters()):,}")

# %% [markdown]
# ## 6. Make: dropout and L2
#
# **Inverted dropout** sets a number to 0 with probability p in training, and multiplies the others by 1 / (1 − p): the
# mean stays, and evaluation needs nothing. The gradient of λ·Σw² is 2λ·w, so each step also makes every weight a little
# smaller.

# %%
def dropout(x, p, u):
    """Inverted dropout of x, training: u is uniform in [0, 1), of x's shape; what is below p is silenced."""
    raise NotImplementedError

def decayed(w, g, lr, l2):
    """The weights after a step of SGD, for the loss's gradient g, and the penalty l2 · Σw² beside the loss."""
    raise NotImplementedError

check("08.2", dropout)
check("08.3", decayed)

# %% [markdown]
# ## 7. Modify and make
#
# - Modify: in step 1, watch 100 of the `tested` digits, and report the least error of all epochs. How much too good is
#   it, by all of them?
# - Modify: `L1(1e-3)`, ten times as much. Which share of the first layer is next to 0 then, and what does it cost?
# - Modify: shuffle the *labels* of the 300 digits. Can the network learn them by heart? What does that say?
# - Make: standardise the pixels by the mean of *all* digits, the test set's too. Why is that a leak, if a small one?

# %%
lesson.record(f"MNIST, {few} + {len(watched[1]):,} + {len(tested[1]):,}", images.device, results)
errors = {name: np.mean([run["error"] for run in runs]) for name, runs in results.items() if "more" not in name}
cure = min(errors, key=errors.get)
print(f"best cure: {cure}, {1 - errors[cure]:.1%} right ({few} of MNIST's digits); {lesson.seconds:.0f} s in all")
