# %% [markdown]
# # 11 · Augmentation
#
# A cat that is moved by four pixels is a cat. Say so to a network that has few photographs, and it learns as if it had
# more. You make such changes at random, see which of them lie, measure them one by one, mix images and their labels,
# and find out why none of it may touch the images that a network is judged by. About 30 minutes; you need lessons 08
# and 09.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.data import DataLoader, Subset, random_split
from minidl.data import transforms as T
from minidl.learn import Lesson, check, photographs, plots

lesson = Lesson("11", sources=["cifar10", "fashion-mnist", "mnist"])
md.manual_seed(lesson.seed)

# %% [markdown]
# ## 1. Investigate: one photograph, many
#
# Each transform draws its own parameters for each image of a batch: three looks at each.

# %%
photograph = md.tensor(photographs.grace_hopper(96, color=True), dtype=md.float32)
transforms = {
    "crop": T.RandomCrop(96, padding=16),
    "resized crop": T.RandomResizedCrop(96, scale=(0.3, 1.0)),
    "flip": T.RandomHorizontalFlip(),
    "rotation": T.RandomRotation(25, "bilinear"),
    "perspective": T.RandomPerspective(0.5, p=1.0),
    "colour": T.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.6, hue=0.1),
    "erasing": T.RandomErasing(p=1.0),
    "noise": T.GaussianNoise(sigma=0.1),
}
looks = md.cat([transform(md.stack([photograph] * 3)) for transform in transforms.values()])
titles = [name for name in transforms for _ in range(3)]
lesson.show(plots.pictures(looks.numpy(), titles), "looks")

# %% [markdown]
# ## 2. Make: crop and flip
#
# The two that everybody uses on small photographs: surround an image with 4 black pixels on each side and cut a window
# of the old size out somewhere (the *crop*); and mirror half of the images (the *flip*). Exercise: the crop, each image
# at a place of its own.

# %%
def crop(images, tops, lefts, padding):
    """Images (N, C, H, W), padded with 0 on all sides; of each the H×W pixels from its own top and left on."""
    raise NotImplementedError

check("11.1", crop)

# %% [markdown]
# ## 3. Predict: what changes a label?
#
# A network learns upright digits, and is shown digits upside down (turned by 180°). Which does it still read, and what
# does it make of a 6? (The rate rises to 0.005 and falls to 0: *one cycle*; more about it in lesson 12.)

# %%
def convnet(channels, width):
    """(N, channels, width, width) to ten scores: three convolutions, each with batch norm, relu and pooling."""
    layers = []
    for inputs, outputs in (channels, 32), (32, 64), (64, 128):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * (width // 8) ** 2, 10))

@md.no_grad()
def scores(network, images):
    """What a network says of images (N, …), 500 at a time, in evaluation mode."""
    network.eval()
    answers = md.cat([network(images[i : i + 500]) for i in range(0, len(images), 500)])
    network.train()
    return answers

def fit(data, epochs, images, labels, mix=None):
    """A convnet that has learnt from a data set, and after each epoch the errors on it and on the new images."""
    md.manual_seed(lesson.seed)
    network, rows = convnet(*images.shape[1:3]), []
    loader = DataLoader(data, 50, shuffle=True)
    optimizer = optim.Adam(network.parameters())
    cycle = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=epochs * len(loader))
    for _ in range(epochs):
        wrong = 0
        for x, y in loader:
            x, target = (x, y) if mix is None else mix(x, y)
            optimizer.zero_grad()
            answers = network(x)
            F.cross_entropy(answers, target).backward()
            optimizer.step()
            cycle.step()
            wrong += (answers.argmax(1) != y).sum().item()
        rows.append([wrong / len(data), (scores(network, images).argmax(1) != labels).float().mean().item()])
    return network, np.array(rows)

ci = lesson.profile == "ci"
digits, asked = (next(iter(DataLoader(md.data.MNIST(train=train), 1000))) for train in (True, False))
reader, _ = fit(md.data.TensorDataset(*digits), 2 if ci else 5, *asked)
answers = scores(reader, asked[0].flip((2, 3))).argmax(1)
for digit in range(10):
    said = np.bincount(answers[asked[1] == digit].numpy(), minlength=10)
    print(f"{digit} upside down: {said[digit] / said.sum():4.0%} right, most often read as {said.argmax()}")
some = [asked[1].tolist().index(digit) for digit in (0, 1, 5, 6, 8, 9)]
titles = [f"a {digit}" for digit in asked[1][some].tolist()] + [f"read as {digit}" for digit in answers[some].tolist()]
lesson.show(plots.pictures(md.cat([asked[0][some], asked[0][some].flip((2, 3))]).numpy(), titles), "upside-down")

# %% [markdown]
# A 1 is a 1 either way up; a 6 is a 9, whatever its label says. **A change may be used if people would give the changed
# image the same label.** That depends on the question. A mirrored car is a car, a mirrored letter is none; colours may
# change on cars, but not on tomatoes that are sorted by ripeness; a satellite's photograph has no upper side, so all
# eight ways to turn and mirror it are allowed.
#
# ## 4. Predict: a thousand photographs
#
# About a hundred of each class, 30 epochs; once as they are, once cropped and mirrored anew each time they are seen.
# Sketch four curves: the errors on what is learnt and on new images, for both.

# %%
train_set, test_set = lesson.data()
name, classes, width = type(train_set).__name__, train_set.classes, train_set.data.shape[2]
learnt, epochs, tested = {"ci": (500, 3, 300), "core": (1000, 30, 2000), "full": (5000, 60, 10_000)}[lesson.profile]
tested = min(tested, len(test_set))
few, test = Subset(train_set, range(learnt)), Subset(test_set, range(tested))
size = f"{learnt:,} + {tested:,} images, a subset of {name}"
images, labels = next(iter(DataLoader(test, tested)))
flip = [] if name == "MNIST" else [T.RandomHorizontalFlip()]
crops = [T.RandomCrop(width, padding=4), *flip]
augment = T.Compose(crops)
networks, rows = {}, {}
for recipe, data in {"as they are": few, "augmented": few.with_transform(augment)}.items():
    networks[recipe], rows[recipe] = fit(data, epochs, images, labels)
    known, new = rows[recipe][-1]
    print(f"{recipe}: error {known:.1%} on what it learnt, {new:.1%} on new images ({size})")
curves = {f"{r}, {whose}": 100 * rows[r][:, i] for r in rows for i, whose in enumerate(("learnt", "new"))}
lesson.show(plots.compared(curves, "epoch", "error, %", window=1), "curves")

# %% [markdown]
# As they are, the thousand are learnt by heart, and half of all others are misread. Changed each time they are seen
# they can't be learnt by heart: more errors on what is learnt, fewer on what is new. That takes its time; after a few
# epochs it does not show yet.
#
# ## 5. Make: random erasing
#
# Something stands in front of the object, and it is still the object (Zhong et al., 2020). Exercise: a square of the
# image goes black. The draws come from a seed, so that whoever runs it again gets the same images; and the label stays.

# %%
def erase(image, label, seed):
    """The image (C, H, W) with a square of 2 to 33 % of H·W set to 0, the side rounded, and its label.

    From np.random.default_rng(seed): uniform(0.02, 0.33), then integers(0, H - side + 1), integers(0, W - side + 1).
    """
    raise NotImplementedError

check("11.2", erase)

# %% [markdown]
# ## 6. Make: mix the labels, too
#
# **mixup** averages two images, with random weights; **CutMix** pastes a part of one into another. Half a cat is no
# cat: the label becomes a row of ten probabilities, in the same shares, and the cross-entropy is −Σ p·ln q. Exercise:
# mixup.

# %%
batch, answers = images[:6], labels[:6]
shown, titles = [batch], [classes[label] for label in answers.tolist()]
for mix in T.MixUp(num_classes=10), T.CutMix(num_classes=10):
    mixed, shares = mix(batch, answers)
    shown.append(mixed)
    for row in shares.tolist():
        parts = sorted(((share, classes[k]) for k, share in enumerate(row) if share > 0.005), reverse=True)
        titles.append("\n".join(f"{share:.0%} {label}" for share, label in parts))
lesson.show(plots.pictures(md.cat(shown).numpy(), titles), "mixed")

# %%
def mixup(images, labels, share, classes):
    """Images (N, C, H, W), of each its share and for the rest the one before it (before the first: the last).

    And the labels (N,), mixed the same way: probabilities (N, classes).
    """
    raise NotImplementedError

check("11.3", mixup)

# %% [markdown]
# ## 7. Predict: which help?
#
# Four more recipes for the same thousand images: mirrored *upside down*; and crop and flip together with erasing, with
# mixup, or with CutMix. Order all six by their error on new images. Which of them can't learn its own images by heart?

# %%
recipes = {
    "upside down": ([T.RandomVerticalFlip()], None),
    "and erasing": ([*crops, T.RandomErasing()], None),
    "and mixup": (crops, T.MixUp(alpha=0.2, num_classes=10)),
    "and CutMix": (crops, T.CutMix(num_classes=10)),
}
for recipe, (changes, mix) in recipes.items():
    networks[recipe], rows[recipe] = fit(few.with_transform(T.Compose(changes)), epochs, images, labels, mix)
for recipe, errors in rows.items():
    print(f"{recipe:12} error {errors[-1, 0]:6.1%} on what it learnt, {errors[-1, 1]:6.1%} on new images")

# %% [markdown]
# Cars on their roofs never come, and teach nothing about those that do. Mixed images can't be learnt by heart, and
# their first number says little: where the other image has the larger share, the other label is the better answer.
#
# On a thousand photographs of CIFAR-10, 30 epochs and one seed, nothing beats crop and flip (42 %): erasing is within
# the noise (45 %), mixup a little worse (46 %), and CutMix (50 %) undoes all that they brought. More change is not more
# help: it has to be measured.
#
# ## 8. Predict: and the images that judge?
#
# Somebody augments all images, and then splits them. The augmented network of step 4 is asked about the new images five
# times as they are, and five times augmented. Which numbers do you expect?

# %%
for how, changed in {"as they are": lambda images: images, "augmented": augment}.items():
    again = [scores(networks["augmented"], changed(images)).argmax(1) != labels for _ in range(5)]
    print(f"{how}: errors", *(f"{wrong.float().mean().item():.2%}" for wrong in again))

_, mistaken = random_split(few.with_transform(augment), [0.8, 0.2])
learn_from, watch = random_split(few, [0.8, 0.2])
learn_from = learn_from.with_transform(augment)
for how, data in {"augmented, then split": mistaken, "split, then augmented": watch}.items():
    first, again = (next(iter(DataLoader(data, 20)))[0] for _ in range(2))
    print(f"{how}: {(first != again).flatten(1).any(1).sum().item()} of 20 images to watch differ at the second sight")

# %% [markdown]
# Augmented, no two evaluations agree: the best of many epochs is the luckiest draw, and the number is about images that
# nobody will bring. So a transform belongs to the data set that is learnt from. `with_transform` makes a new data set,
# and leaves the one that it is made of as it is; there is no switch to be forgotten. Split first.
#
# ## 9. Modify and make
#
# - Modify: `epochs` 5 and 100. From how many on does augmentation pay?
# - Modify: crops with `padding=12`. Which curve tells you that it is too much?
# - Make: ask about an image *and* its mirror image, and take the mean of the scores. Why is this not the mistake of
#   step 8?

# %%
recorded = {recipe: [dict(seed=lesson.seed, error=errors[-1, 1])] for recipe, errors in rows.items()}
lesson.record(f"{name}, {size.partition(' images')[0]}", lesson.device, recorded)
best = min(recorded, key=lambda recipe: recorded[recipe][0]["error"])
print(f"best: {best}, {1 - recorded[best][0]['error']:.1%} right ({size}); {lesson.seconds:.0f} s in all")
