# %% [markdown]
# # 06 · SimpLeNet learns to read
#
# Two convolutions and two dense layers learn to read handwritten digits. Each step asks you to **predict**, **run**,
# **investigate**, **modify** or **make**. `python lessons/06_simplenet.py` runs straight through; `--profile ci` takes
# seconds, `core` (the default) minutes, and `full` repeats everything with three seeds.

# %%
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn import Lesson, plots, progress

lesson = Lesson("06")

# %% [markdown]
# ## 1. Run: the digits
#
# MNIST has 60,000 digits to learn from and 10,000 *held out*: the network never learns from those, they only tell how
# well it reads what it has not seen. Where the files can't be had, 4,000 + 1,000 of them stand in. A batch is a tensor
# (N, C, H, W): images, channels, height, width. Pixels are float32, from 0 (paper) to 1 (ink).

# %%
train_set, test_set = md.data.MNIST(), md.data.MNIST(train=False)
print(train_set, test_set, sep="\n")

epochs, batch_size, seed_count = {"ci": (2, 32, 1), "core": (3, 128, 1), "full": (12, 128, 3)}[lesson.profile]
if lesson.profile == "ci":
    train_set, test_set = md.data.Subset(train_set, range(1600)), md.data.Subset(test_set, range(400))
elif train_set.subset:
    epochs, batch_size = 4 * epochs, 32  # a fifteenth of the images: more epochs, of smaller steps
size = f"{len(train_set):,} + {len(test_set):,} digits" + ", a subset of MNIST" * (len(train_set) < 60_000)
print(f"This run: {size}; epochs: {epochs}")

test_images, test_labels = next(iter(md.data.DataLoader(test_set, batch_size=len(test_set))))
print(f"images {test_images.shape}, labels {test_labels.shape}")
lesson.show(plots.pictures(test_images.numpy()[:18], [str(label.item()) for label in test_labels[:18]]), "digits")

# %% [markdown]
# ## 2. Make: the network
#
# A *valid* 5×5 convolution takes 4 off height and width, a 2×2 pooling halves them. A convolution from C to O channels
# has O·C·5·5 weights and O biases; a dense layer from I to O has O·I weights and O biases.
#
# | layer | output | parameters |
# |---|---|---|
# | convolution 5×5, 1 → 20 | 20×24×24 | 20·1·25 + 20 = 520 |
# | pooling 2×2, relu | 20×12×12 | 0 |
# | convolution 5×5, 20 → 50 | 50×8×8 | 50·20·25 + 50 = 25,050 |
# | pooling 2×2, relu | 50×4×4 = 800 | 0 |
# | dense 800 → 256, relu | 256 | 256·800 + 256 = 205,056 |
# | dense 256 → 10 | 10 | 10·256 + 10 = 2,570 |
#
# Pooling takes the maximum, which commutes with relu's max(0, ·): relu comes second, on a quarter of the data.


# %%
class SimpLeNet(nn.Module):
    """(N, 1, 28, 28) to the scores of ten classes (N, 10)."""

    def __init__(self) -> None:
        self.features = nn.Sequential(
            nn.Conv2d(1, 20, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(20, 50, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(nn.Linear(50 * 4 * 4, 256), nn.ReLU(), nn.Linear(256, 10))

    def forward(self, x: md.Tensor) -> md.Tensor:
        return self.classifier(self.features(x).flatten(1))


md.manual_seed(lesson.seed)
mine = SimpLeNet()
print(nn.summary(mine, (1, 28, 28)))

# %% [markdown]
# ## 3. Investigate: is it the library's?
#
# `md.models.SimpLeNet` must have parameters of the same names and, with your weights loaded, give the same scores.

# %%
theirs = md.models.SimpLeNet()
theirs.load_state_dict(mine.state_dict())
assert list(theirs.state_dict()) == list(mine.state_dict())
assert np.array_equal(theirs(test_images[:100]).detach(), mine(test_images[:100]).detach())
print(f"the same network: {sum(p.numel() for p in theirs.parameters()):,} parameters, equal scores")

# %% [markdown]
# ## 4. Predict: the loss before learning
#
# The scores z become probabilities by softmax, pₖ = exp(zₖ) / Σⱼ exp(zⱼ); the loss is the *cross-entropy*, the mean of
# −ln p of the right class. A network that knows nothing gives each of ten classes about the same probability. What is
# its loss, and which share of the digits does it get wrong?


# %%
@md.no_grad()
def scores(network: nn.Module) -> md.Tensor:
    """The scores (N, 10) of the held-out digits, 500 at a time."""
    parts = [network(test_images[i : i + 500]).numpy() for i in range(0, len(test_images), 500)]
    return md.tensor(np.concatenate(parts))


def error(network: nn.Module) -> float:
    """The share of the held-out digits for which the highest score is not the right one's."""
    return float(np.mean(scores(network).numpy().argmax(1) != test_labels.numpy()))


print(f"loss {F.cross_entropy(scores(mine), test_labels).item():.3f}, ln 10 = {math.log(10):.3f}")
print(f"held-out error {error(mine):.1%}")

# %% [markdown]
# ## 5. Run: the training
#
# Five lines learn: forget the old gradients, go forward, measure the loss, go backward, take a step. The learning rate
# falls along a cosine to 0. *Label smoothing* asks for a probability of 0.91 for the right class and 0.01 for each
# other, rather than 1 and 0, which no finite scores reach. An *epoch* sees each training digit once, in a new order.
# The held-out error is only watched: nothing is chosen by it.

# %%
LEARNING_RATE, LABEL_SMOOTHING = 2e-3, 0.1


class Run(NamedTuple):
    """What a training leaves; losses (of training) and errors (held-out) are of each epoch."""

    network: nn.Module
    losses: list[float]
    errors: list[float]
    seconds: float


def train(build: Callable[[], nn.Module], seed: int) -> Run:
    """Build a network and train it; `seed` decides its first weights and the order of the digits."""
    started = lesson.seconds
    md.manual_seed(seed)
    network = build()
    optimizer = md.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    loader = md.data.DataLoader(train_set, batch_size, shuffle=True)
    losses, errors = [], []
    step, steps = 0, epochs * len(loader)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for images, labels in progress(loader, f"epoch {epoch}/{epochs}"):
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * step / steps)) / 2
            optimizer.zero_grad()
            logits = network(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING)
            loss.backward()
            optimizer.step()
            total += loss.item()
            step += 1
        losses.append(total / len(loader))
        errors.append(error(network))
        print(f"epoch {epoch}/{epochs}: training loss {losses[-1]:.4f}, held-out error {errors[-1]:.2%}")
    return Run(network, losses, errors, lesson.seconds - started)


simplenet = train(SimpLeNet, lesson.seed)
lesson.show(plots.curves(simplenet.losses, simplenet.errors), "curves")

# %% [markdown]
# ## 6. Investigate: what is taken for what
#
# Row: the label. Column: what the network read. Which pair of digits is confused most often? Would you confuse it?

# %%
logits = scores(simplenet.network)
labels, predictions = test_labels.numpy(), logits.numpy().argmax(1)
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (labels, predictions), 1)
print(confusion)
lesson.show(plots.confusion(confusion, "0123456789"), "confusion")

# %% [markdown]
# ## 7. Predict, then investigate: the worst mistakes
#
# A digit's loss is −ln p of its label, so the worst mistakes are the confident ones. Whose fault will they be, the
# network's or the writer's? Each picture says: label → reading, with the probability that the network gave to it.

# %%
losses = F.cross_entropy(logits, test_labels, reduction="none").numpy()
probabilities = F.softmax(logits, dim=1).numpy()
mistakes = np.flatnonzero(predictions != labels)
worst = mistakes[np.argsort(-losses[mistakes])][:18]
titles = [f"{labels[i]} → {predictions[i]}  ({probabilities[i].max():.0%})" for i in worst]
lesson.show(plots.pictures(test_images.numpy()[worst], titles), "mistakes")

# %% [markdown]
# ## 8. Run: keep the weights
#
# A safetensors file holds arrays by name, which PyTorch reads too. A network that loads it must give the same scores.

# %%
md.save(simplenet.network.state_dict(), lesson.out / "simplenet.safetensors")
fresh = SimpLeNet()
fresh.load_state_dict(md.load(lesson.out / "simplenet.safetensors"))
assert np.array_equal(scores(fresh).numpy(), logits.numpy())
print("saved, loaded back: identical scores")

# %% [markdown]
# ## 9. Predict: is it the convolutions?
#
# Two dense networks, trained the same way. FC256-FC256 has more parameters than SimpLeNet (269,322 to 233,196), but
# must learn anew at every place what a stroke is. Guess the order of the three errors, and then their ratios.

# %%
networks = {
    "FC64": lambda: md.models.mlp(784, 64, 10),
    "FC256-FC256": lambda: md.models.mlp(784, 256, 256, 10),
    "SimpLeNet": SimpLeNet,
}
runs = {("SimpLeNet", lesson.seed): simplenet}
for name, build in networks.items():
    for seed in range(lesson.seed, lesson.seed + seed_count):
        if (name, seed) not in runs:
            print(f"{name}, seed {seed}")
            runs[name, seed] = train(build, seed)

results = {name: [] for name in networks}
for (name, seed), run in runs.items():
    results[name].append(dict(seed=seed, error=run.errors[-1], seconds=round(run.seconds, 1)))

print(f"held-out error       %  spread  lecture   ({size}; seeds: {seed_count})")
for name, lecture in zip(networks, (2.85, 1.83, 0.79), strict=True):
    errors = [100 * result["error"] for result in results[name]]
    spread = f"±{np.std(errors, ddof=1):.2f}" if seed_count > 1 else "-"
    print(f"{name:15}{np.mean(errors):7.2f}{spread:>8}{lecture:9.2f}")

# %% [markdown]
# ## 10. Modify and make
#
# - Modify: put relu before the pooling. Do scores change? Does an epoch take longer?
# - Modify: `LEARNING_RATE` × 10, ÷ 10. Predict the curves before you look.
# - Make: LeNet-5, from `nn.Conv2d(1, 6, 5, padding=2)` and `nn.Conv2d(6, 16, 5)`, each with relu and pooling, and dense
#   layers of 120, 84 and 10. `nn.summary` must count 61,706 parameters.

# %%
lesson.record(f"MNIST, {len(train_set):,} + {len(test_set):,}", test_images.device, results)
print(f"SimpLeNet reads {1 - simplenet.errors[-1]:.2%} of the held-out digits ({size}); {lesson.seconds:.0f} s in all")
