# %% [markdown]
# # 06 · SimpLeNet learns to read
#
# Two convolutions and two dense layers learn to read handwriting. You count them before you run them, build their
# ancestor of 1998, write the loss, and look at what they get wrong. About 30 minutes; you need lessons 04 and 05.

# %%
import math
from collections import namedtuple

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn import Lesson, check, plots, progress

lesson = Lesson("06")

# %% [markdown]
# ## 1. Run: the digits
#
# MNIST has 60,000 digits to learn from and 10,000 *held out*: no network learns from those, they only tell how well it
# reads new ones. Where the files can't be had, 4,000 + 1,000 of them stand in. A batch of images is a tensor (N, C, H,
# W), here with one channel; pixels are float32, from 0 (paper) to 1 (ink).

# %%
train_set, test_set = md.data.MNIST(), md.data.MNIST(train=False)
epochs, batch_size, seeds = {"ci": (2, 32, 1), "core": (3, 64, 1), "full": (6, 64, 3)}[lesson.profile]
if lesson.profile == "ci":
    train_set, test_set = md.data.Subset(train_set, range(1600)), md.data.Subset(test_set, range(400))
elif train_set.subset:
    epochs, batch_size = 4 * epochs, 32  # a fifteenth of the images: more epochs, of smaller steps
size = f"{len(train_set):,} + {len(test_set):,} digits" + ", a subset of MNIST" * (len(train_set) < 60_000)
test_images, test_labels = next(iter(md.data.DataLoader(test_set, batch_size=len(test_set))))
print(f"This run: {size}; epochs: {epochs}")
print(f"held-out images {tuple(test_images.shape)}, labels {tuple(test_labels.shape)}")
lesson.show(plots.pictures(test_images.numpy()[:18], [str(label.item()) for label in test_labels[:18]]), "digits")

# %% [markdown]
# ## 2. Predict: shapes and parameters
#
# A network is a `Module`: layers as attributes, and `forward`, which says what becomes of the input. *Pooling* 2×2
# keeps the largest of each four neighbours. A convolution has, for each output, a filter (C, 5, 5) and a bias; a dense
# layer a weight for each input, and a bias. Which shape comes out of each layer below, and how many parameters has it?

# %%
class SimpLeNet(nn.Module):
    """(N, 1, 28, 28) to the scores of ten classes (N, 10)."""

    def __init__(self):
        first = [nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU()]
        second = [nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU()]
        self.features = nn.Sequential(*first, *second)
        self.classifier = nn.Sequential(nn.Linear(50 * 4 * 4, 256), nn.ReLU(), nn.Linear(256, 10))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))

md.manual_seed(lesson.seed)
mine = SimpLeNet()
print(nn.summary(mine, (1, 28, 28)))

# %% [markdown]
# 28 → 24 → 12 → 8 → 4. Of 233,196 parameters 205,056 sit in one dense layer, 25,570 in the convolutions. With your
# weights the library gives your scores. In a score's graph, `convolve` is convolution, bias, pooling and relu at once.

# %%
theirs = md.models.SimpLeNet()
theirs.load_state_dict(mine.state_dict())
assert np.array_equal(theirs(test_images[:100]).detach(), mine(test_images[:100]).detach())
print(f"the same network: {sum(p.numel() for p in theirs.parameters()):,} parameters, equal scores")
print(md.viz.graph(mine(test_images[:1])[0, 3], mine))

# %% [markdown]
# ## 3. Make: LeNet-5
#
# The ancestor read the digits on bank cheques (LeCun et al., 1998): convolution 5×5 to 6 channels with padding 2, tanh,
# pooling 2×2 by the *mean* (`nn.AvgPool2d(2)`); convolution 5×5 to 16, without padding, tanh, pooling as before; all
# flattened; dense to 120, tanh, to 84, tanh, to 10. Exercise: build it. Guess first how many parameters it has.

# %%
def lenet():
    """A network of (N, 1, 28, 28) to ten scores (N, 10): any Module, such as nn.Sequential(…)."""
    raise NotImplementedError

check("06.1", lenet)

# %% [markdown]
# ## 4. Predict: before learning
#
# As in lesson 02: scores z become probabilities pₖ = exp(zₖ) / Σⱼ exp(zⱼ), and the *cross-entropy* is the mean of −ln p
# of the right class. What is the loss with random weights, and which share of the digits is misread?

# %%
@md.no_grad()  # no graph: nothing here is walked back
def scores(network):
    """The scores (N, 10) of the held-out digits, 500 at a time."""
    parts = [network(test_images[i : i + 500]).numpy() for i in range(0, len(test_images), 500)]
    return md.tensor(np.concatenate(parts))

def error(network):
    """The share of the held-out digits for which the highest score is not the right one's."""
    return float(np.mean(scores(network).numpy().argmax(1) != test_labels.numpy()))

print(f"loss {F.cross_entropy(scores(mine), test_labels).item():.3f}, ln 10 = {math.log(10):.3f}")
print(f"held-out error {error(mine):.1%}")

# %% [markdown]
# ## 5. Make: a loss that doubts
#
# −ln p is 0 only for p = 1, which no finite scores reach: they grow for ever. *Label smoothing* (Szegedy et al., 2016)
# asks for less. Of the target, a share s is spread over *all* K classes evenly, so that the right one is due
# 1 − s + s/K and each other s/K. The loss is −Σₖ tₖ·ln pₖ, averaged over images. Exercise: write it in NumPy.

# %%
def smoothed(z, labels, smoothing=0.1):
    """The mean cross-entropy of scores z (n, classes) with smoothed targets; labels (n,) are numbers of classes."""
    raise NotImplementedError

check("06.2", smoothed)

# %% [markdown]
# ## 6. Predict, then run: the training
#
# The loop of lesson 04; the rate falls along half a cosine, from 0.002 to 0. An *epoch* sees each digit once, in a new
# order. What is held out is only watched: nothing is chosen by it. How many of 100 are misread after one?

# %%
RATE, SMOOTHING = 2e-3, 0.1
Run = namedtuple("Run", "network losses errors result")

def train(build, seed):
    """Build a network and train it; `seed` decides its first weights and the order of the digits."""
    started = lesson.seconds
    md.manual_seed(seed)
    network = build()
    optimizer = md.optim.Adam(network.parameters(), lr=RATE)
    loader = md.data.DataLoader(train_set, batch_size, shuffle=True)
    losses, errors, steps = [], [], epochs * len(loader)
    for epoch in range(1, epochs + 1):
        for images, labels in progress(loader, f"epoch {epoch}/{epochs}"):
            optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * len(losses) / steps)) / 2
            optimizer.zero_grad()
            loss = F.cross_entropy(network(images), labels, label_smoothing=SMOOTHING)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        errors.append(error(network))
        print(f"epoch {epoch}/{epochs}: loss {np.mean(losses[-len(loader) :]):.4f}, held-out error {errors[-1]:.2%}")
    return Run(network, losses, errors, dict(seed=seed, error=errors[-1], seconds=round(lesson.seconds - started, 1)))

simplenet = train(SimpLeNet, lesson.seed)
md.save(simplenet.network.state_dict(), lesson.out / "simplenet.safetensors")  # `md.load` reads it, and so does PyTorch
lesson.show(plots.curves(np.reshape(simplenet.losses, (epochs, -1)).mean(1), simplenet.errors), "curves")

# %% [markdown]
# ## 7. Predict: softmax, twice
#
# `cross_entropy` has a softmax already; a common mistake ends the network in one, too. Its least loss? Does it learn?

# %%
def fc64():
    return md.models.mlp(784, 64, 10)

def loss_at(p):
    """The smoothed loss where each right class gets p, and the nine others share the rest."""
    return -(1 - 0.9 * SMOOTHING) * math.log(p) - 0.9 * SMOOTHING * math.log((1 - p) / 9)

best = 1 - 0.9 * SMOOTHING, math.e / (math.e + 9)  # by scores; by a softmax of the probabilities 1, 0, 0, …
print(f"least loss: once {loss_at(best[0]):.3f}, p = {best[0]:.2f}; twice {loss_at(best[1]):.3f}, p = {best[1]:.2f}")
once, twice = train(fc64, lesson.seed), train(lambda: nn.Sequential(fc64(), nn.Softmax(1)), lesson.seed)
print(f"held-out error: once {once.errors[-1]:.2%}, twice {twice.errors[-1]:.2%}")
losses = {"once, least": np.full(len(once.losses), loss_at(best[0])), "once, in training": once.losses}
losses |= {"twice, least": np.full(len(twice.losses), loss_at(best[1])), "twice, in training": twice.losses}
lesson.show(plots.compared(losses, "step", "training loss", window=20), "twice")

# %% [markdown]
# Probabilities lie between 0 and 1, of which a second softmax makes 0.23 at most. The loss stays high and slopes small,
# and the network learns all the same. A loss that *stops* at a number that you can compute is how one finds it.
#
# ## 8. Predict, then investigate: what is taken for what
#
# A *confusion matrix* counts: row the label, column what was read. Which pair is confused most often? Would you?

# %%
logits, labels = scores(simplenet.network), test_labels.numpy()
predictions = logits.numpy().argmax(1)
matrix, _, _ = np.histogram2d(labels, predictions, bins=range(11))
lesson.show(plots.confusion(matrix.astype(int), "0123456789"), "confusion")

# %% [markdown]
# A ready function of NumPy has counted. Exercise: count yourself, pairs that come twice, too.

# %%
def confusion(labels, predictions, classes):
    """How often each class (row) was read as each (column): integers (classes, classes)."""
    raise NotImplementedError

check("06.3", confusion)

# %% [markdown]
# ## 9. Predict: the worst mistakes
#
# A digit's loss is −ln p of its label: the worst mistakes are the confident ones. Whose fault will they be, the
# network's or the writer's? Above each stands: label → reading, with the probability that the network gave to it.

# %%
losses = F.cross_entropy(logits, test_labels, reduction="none").numpy()
probabilities = F.softmax(logits, dim=1).numpy()
mistakes = np.flatnonzero(predictions != labels)
worst = mistakes[np.argsort(-losses[mistakes])][:18]
titles = [f"{labels[i]} → {predictions[i]}  ({probabilities[i].max():.0%})" for i in worst]
lesson.show(plots.pictures(test_images.numpy()[worst], titles), "mistakes")

# %% [markdown]
# ## 10. Predict: is it the convolutions?
#
# Four networks, trained alike. FC256-FC256 has most parameters, LeNet-5 a quarter of them, but only it and SimpLeNet
# know that what is a stroke here is a stroke there. Order the four errors, then guess their ratios.

# %%
networks = {"FC64": fc64, "FC256-FC256": lambda: md.models.mlp(784, 256, 256, 10)}
networks |= {"LeNet-5": md.models.lenet5, "SimpLeNet": SimpLeNet}
runs = {name: [] for name in networks} | {"FC64": [once], "SimpLeNet": [simplenet]}
for name, build in networks.items():
    for seed in range(lesson.seed + len(runs[name]), lesson.seed + seeds):
        print(f"{name}, seed {seed}")
        runs[name].append(train(build, seed))

print(f"held-out error       %  spread  lecture  parameters   ({size}; seeds: {seeds})")
for name, lecture in zip(networks, ("2.85", "1.83", "-", "0.79")):
    errors, count = [100 * run.errors[-1] for run in runs[name]], sum(p.numel() for p in networks[name]().parameters())
    spread = f"±{np.std(errors, ddof=1):.2f}" if seeds > 1 else "-"
    print(f"{name:15}{np.mean(errors):7.2f}{spread:>8}{lecture:>9}{count:>12,}")

# %% [markdown]
# From all 60,000 digits, SimpLeNet wins by far. LeNet-5, with a quarter of the parameters of FC256-FC256, is level with
# it after three epochs (1.67 and 1.61 %), and ahead after six (1.20 ± 0.05 and 1.45 ± 0.10 %). Fewer digits: far worse.
#
# ## 11. Modify and make
#
# - Play: draw for it, `minidl draw out/06/simplenet.safetensors --network simplenet`, in the lesson's folder.
# - Modify: relu before the pooling (other scores, longer epochs?); `RATE` × 10 and ÷ 10; `SMOOTHING` 0. Predict first.
# - Make: your LeNet-5 with relu and maxima, 61,706 parameters as before. Is it the better reader?

# %%
results = {name: [run.result for run in runs[name]] for name in runs}
lesson.record(f"MNIST, {len(train_set):,} + {len(test_set):,}", test_images.device, results)
print(f"SimpLeNet reads {1 - simplenet.errors[-1]:.2%} of the held-out digits ({size}); {lesson.seconds:.0f} s in all")
