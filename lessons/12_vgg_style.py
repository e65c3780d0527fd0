# %% [markdown]
# # 12 · A VGG-style network
#
# Small convolutions, many of them: pairs of 3×3, twice the channels at half the size, batch normalisation, dropout.
# Then the network that made the style famous, VGG-16, by name.
#
# `python lessons/12_vgg_style.py` runs straight through; `--profile ci` takes seconds, `core` (the default) minutes,
# `full` hours. `--data cifar10|fashion-mnist|mnist` chooses the images.

# %%
import math

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn import Lesson, plots, progress

DATA_SETS = {"cifar10": md.data.CIFAR10, "fashion-mnist": md.data.FashionMNIST, "mnist": md.data.MNIST}
lesson = Lesson("12", sources=list(DATA_SETS))

# %% [markdown]
# ## 1. Run: the images
#
# The first data set that can be had: CIFAR-10 (colour photographs, 3×32×32), else Fashion-MNIST (1×28×28), else digits.

# %%
for name in lesson.sources:
    try:
        train_set, test_set = DATA_SETS[name](), DATA_SETS[name](train=False)
        break
    except FileNotFoundError as missing:
        print(missing)
else:
    raise SystemExit("no data set to learn from")
print(train_set, test_set, sep="\n")

# %% [markdown]
# Each channel c is standardised with the mean μ and the standard deviation σ of the *training* images:
# (x − μ_c) / σ_c. Held-out images get the same μ and σ: nothing about them may be known beforehand.

# %%
pixels = train_set.data[:5000] / 255
mean = md.tensor(pixels.mean((0, 2, 3), keepdims=True), dtype=md.float32)
std = md.tensor(pixels.std((0, 2, 3), keepdims=True), dtype=md.float32)
print(f"of the first 5,000 images: mean {mean.numpy().ravel()}, standard deviation {std.numpy().ravel()}")

classes, channels, width = train_set.classes, train_set.data.shape[1], train_set.data.shape[3]
source, source_size = type(train_set).__name__, 50_000 if name == "cifar10" else 60_000
epochs, batch_size = {"ci": (1, 32), "core": (3 if name == "cifar10" else 2, 128), "full": (30, 128)}[lesson.profile]
if lesson.profile == "ci":
    train_set, test_set = md.data.Subset(train_set, range(1600)), md.data.Subset(test_set, range(400))
elif train_set.subset:
    epochs *= 5  # of a fifteenth of the images
size = f"{source}, {len(train_set):,} + {len(test_set):,} images" + ", a subset" * (len(train_set) < source_size)
print(f"This run: {size}; epochs: {epochs}")

test_images, test_labels = next(iter(md.data.DataLoader(test_set, batch_size=len(test_set))))
lesson.show(plots.pictures(test_images.numpy()[:18], [classes[label.item()] for label in test_labels[:18]]), "images")

# %% [markdown]
# ## 2. Predict: why 3×3, twice?
#
# Which part of the image does one output of two 3×3 convolutions see? Ask the gradient: the pixels with
# ∂output/∂pixel ≠ 0. And what do they cost? From C to C channels, two of 3×3 have 2·9·C² = 18·C² weights; one
# convolution that sees as much has 25·C², and has no room for a relu in the middle.

# %%
image = md.zeros(1, 1, 9, 9, requires_grad=True)
ones = md.ones(1, 1, 3, 3)
F.conv2d(F.conv2d(image, ones, padding=1), ones, padding=1)[0, 0, 4, 4].backward()
print(image.grad.numpy()[0, 0].astype(int))
print(f"C = 64: two of 3×3 {18 * 64**2:,} weights, one of 5×5 {25 * 64**2:,}")

# %% [markdown]
# ## 3. Investigate: the network
#
# Three stages of two convolutions each (*same* padding: height and width stay), 2×2 pooling between them, then two
# dense layers. The convolutions need no bias: batch norm subtracts the mean anyway, and adds a bias of its own.
#
# | stage | output for 3×32×32 |
# |---|---|
# | 2 × (3×3, batch norm, relu), pooling | 32×16×16 |
# | 2 × (3×3, batch norm, relu), pooling | 64×8×8 |
# | 2 × (3×3, batch norm, relu), pooling | 128×4×4 |
# | dropout, dense 256, relu, dropout, dense 10 | 10 |
#
# Where are most of the parameters, and where most of the work?

# %%
md.manual_seed(lesson.seed)
network = md.models.vgg_style(channels, width)
print(nn.summary(network, (channels, width, width)))

# %% [markdown]
# ## 4. Run: the training
#
# As in lesson 06, with two modes. `network.train()`: dropout drops, batch norm uses the batch's own statistics and
# keeps running ones. `network.eval()`: dropout does nothing, batch norm uses the running statistics.
#
# Predict: will the training loss, measured with dropout, be above or below the held-out loss?


# %%
@md.no_grad()
def scores(network: nn.Module) -> md.Tensor:
    """The scores (N, 10) of the held-out images, 500 at a time, in evaluation mode."""
    network.eval()
    parts = [network((test_images[i : i + 500] - mean) / std).numpy() for i in range(0, len(test_images), 500)]
    return md.tensor(np.concatenate(parts))


LEARNING_RATE = 1e-3
optimizer = md.optim.Adam(network.parameters(), lr=LEARNING_RATE)
loader = md.data.DataLoader(train_set, batch_size, shuffle=True)
losses, errors = [], []
step, steps = 0, epochs * len(loader)
for epoch in range(1, epochs + 1):
    network.train()
    total = 0.0
    for images, labels in progress(loader, f"epoch {epoch}/{epochs}"):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.zero_grad()
        loss = F.cross_entropy(network((images - mean) / std), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
        step += 1
    logits = scores(network)
    losses.append(total / len(loader))
    errors.append(float(np.mean(logits.numpy().argmax(1) != test_labels.numpy())))
    held_out = F.cross_entropy(logits, test_labels).item()
    print(f"epoch {epoch}/{epochs}: training loss {losses[-1]:.4f}, held-out {held_out:.4f}, error {errors[-1]:.2%}")
seconds = lesson.seconds
lesson.show(plots.curves(losses, errors), "curves")

# %% [markdown]
# ## 5. Investigate: what is taken for what
#
# Row: the label. Column: the prediction. Which classes are confused with each other, and which never?

# %%
labels, predictions = test_labels.numpy(), logits.numpy().argmax(1)
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (labels, predictions), 1)
print(confusion)
for label, share in zip(classes, confusion.diagonal() / confusion.sum(axis=1), strict=True):
    print(f"{label:12} {share:6.1%} right")
lesson.show(plots.confusion(confusion, classes), "confusion")

# %% [markdown]
# ## 6. Investigate: the worst mistakes
#
# Label → prediction, with the probability that the network gave to it. Who is wrong, the network or the label?

# %%
image_losses = F.cross_entropy(logits, test_labels, reduction="none").numpy()
probabilities = F.softmax(logits, dim=1).numpy()
mistakes = np.flatnonzero(predictions != labels)
worst = mistakes[np.argsort(-image_losses[mistakes])][:18]
titles = [f"{classes[labels[i]]}\n→ {classes[predictions[i]]} ({probabilities[i].max():.0%})" for i in worst]
lesson.show(plots.pictures(test_images.numpy()[worst], titles), "mistakes")

# %% [markdown]
# ## 7. Predict: VGG-16
#
# Thirteen 3×3 convolutions and three dense layers, for 3×224×224 and the 1,000 classes of ImageNet. Five poolings leave
# 512×7×7 = 25,088 features, and the first dense layer makes 4,096 of them. Which share of all parameters is that layer?
#
# Construction fills the weights, 4 bytes each. Gradients get memory only when a backward pass first brings them.

# %%
vgg16 = md.models.vgg16()
print(nn.summary(vgg16, (3, 224, 224)))
counts = {name: parameter.numel() for name, parameter in vgg16.named_parameters()}
total, base = sum(counts.values()), sum(count for name, count in counts.items() if name.startswith("features"))
assert (total, base, vgg16.classifier[0].in_features) == (138_357_544, 14_714_688, 25_088)
assert all(parameter.grad is None for parameter in vgg16.parameters())
print(f"convolutions {base:,}, the first dense layer {counts['classifier.0.weight'] / total:.0%} of {total:,}")
print(f"weights {4 * total / 1e6:,.0f} MB, gradients 0 MB")

# %% [markdown]
# ## 8. Modify and make
#
# - Modify: `md.models.vgg_style(channels, width, dropout=0.0)`. Predict both losses first.
# - Modify: take the standardisation out. What does batch norm make of it?
# - Make: give VGG-16 a head of 8 classes, `vgg16.classifier[6]` replaced. How many parameters are left?

# %%
del vgg16
results = {"VGG-style": [dict(seed=lesson.seed, error=errors[-1], seconds=round(seconds, 1))]}
lesson.record(f"{source}, {len(train_set):,} + {len(test_set):,}", test_images.device, results)
print(f"accuracy on held-out images: {1 - errors[-1]:.2%} ({size}); {lesson.seconds:.0f} s in all")
