# %% [markdown]
# # 14 · What convnets learn
#
# A network sorts pictures. What of them does it go by? You look at filters and at what excites them, walk back to the
# pixels in three ways, hide parts of a picture, and find out which of these answers would have been the same for a
# network that has learnt nothing. About 30 minutes; you need lessons 05, 09 and 11.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import interpret, nn, optim
from minidl.data import DataLoader, Subset
from minidl.learn import Lesson, check, plots

lesson = Lesson("14", sources=["cifar10", "fashion-mnist", "mnist"])

# %% [markdown]
# ## 1. Run: a network to look into
#
# Three convolutions 5×5, each with batch norm, relu and pooling, learn from the first that can be had of CIFAR-10,
# Fashion-MNIST and digits. Its weights come from here: a network that is trained in a minute is enough to look at.

# %%
train_set, test_set = lesson.data()
name, classes, channels, width = type(train_set).__name__, train_set.classes, *train_set.data.shape[1:3]
plans = {"ci": (1000, 100, 3, 20), "core": (10_000, 1000, 6, 150), "full": (50_000, 5000, 15, 300)}
most, tested, epochs, steps = plans[lesson.profile]
learn_from = Subset(train_set, range(min(most, len(train_set))))
images, labels = next(iter(DataLoader(test_set, tested)))
size = f"{len(learn_from):,} + {len(images):,} images" + f", a subset of {name}" * (most < len(train_set))

def convnet():
    """(N, channels, width, width) to ten scores."""
    layers, widths = [], [channels, 32, 48, 64]
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        layers += [nn.Conv2d(inputs, outputs, 5, padding=2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * (width // 8) ** 2, 10))

@md.no_grad()
def misread(network):
    """Of each held-out image whether it is misread."""
    answers = [network.eval()(images[i : i + 250]).argmax(1).numpy() for i in range(0, len(images), 250)]
    return np.concatenate(answers) != labels.numpy()

md.manual_seed(lesson.seed)
network = convnet()
loader = DataLoader(learn_from, 50, shuffle=True)
optimizer = optim.Adam(network.parameters())
cycle = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=epochs * len(loader))
for epoch in range(epochs):
    network.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        cycle.step()
    print(f"epoch {epoch + 1}/{epochs}: loss {loss.item():.3f}, held-out error {misread(network).mean():.1%}")

# %% [markdown]
# ## 2. Predict: filters
#
# The first convolution's weights are small pictures: each looks for what it looks like. Sketch what you expect, before
# it has learnt and after.

# %%
def pictured(weights):
    """Filters (n, C, 5, 5) as pictures, each from its least weight to its greatest."""
    low, high = weights.amin((1, 2, 3), keepdim=True), weights.amax((1, 2, 3), keepdim=True)
    return ((weights - low) / (high - low)).numpy()

md.manual_seed(lesson.seed)
blank = convnet().eval()  # the same network, before it learnt
filters = [pictured(model[0].weight.detach()[:12]) for model in (blank, network)]
lesson.show(plots.pictures(np.concatenate(filters), ["before"] * 12 + ["after"] * 12, columns=12), "filters")

# %% [markdown]
# Edges, spots, and with colours pairs of them, out of noise. Deeper filters have 32 channels and more, which nobody can
# look at. What can be looked at is what excites them.
#
# ## 3. Predict: how far does a unit see?
#
# Layers 0, 4 and 8 are the convolutions. How many pixels wide is what one unit of each sees? (Lesson 05 has the sums:
# 5×5, and pooling doubles the step.)

# %%
for layer in ("0", "4", "8"):
    rows, _ = interpret.receptive_field(network, (channels, width, width), layer)
    middle = rows[len(rows) // 2]
    print(f"layer {layer}: {len(rows)} units in a row, one in the middle sees rows {middle[0]} to {middle[1] - 1}")

# %% [markdown]
# 5; then 5 + 1 + 4·2 = 14, with one for the pooling; then 14 + 2 + 4·4 = 32: units of the last one see the whole image.
#
# ## 4. Investigate: what excites a channel
#
# Of all held-out images the pieces on which a channel answers most strongly (Zeiler & Fergus, 2014), a row of eight for
# each of three channels. Give each row a name, if you can.

# %%
for layer in ("0", "4", "8"):
    found = [interpret.strongest_patches(network, images, layer, channel, k=8) for channel in (1, 2, 3)]
    titles = [f"{classes[labels[image].item()]}" for patches in found for image, _, _ in patches.places]
    pieces = md.cat([patches.images for patches in found]).numpy()
    lesson.show(plots.pictures(pieces, titles, columns=8), f"patches-{layer}")

# %% [markdown]
# ## 5. Make: unpooling
#
# The *deconvnet* goes from a unit back to pixels. Pooling kept of each 2×2 the greatest, and remembers where it was: a
# *switch*, its place in the flattened image, row·width + column. Going back, each value returns to its place, and all
# else is 0. Exercise: that, for one channel.

# %%
def unpool(values, switches, height, width):
    """Values (h, w), each put where its switch says, into an array (height, width) that is 0 elsewhere."""
    raise NotImplementedError

check("14.1", unpool)

# %% [markdown]
# ## 6. Make: three ways back through a relu
#
# Forward, relu let x pass where x > 0. Back comes g. The *gradient* is g where x > 0. The *deconvnet* applies relu to
# what comes back: g where g > 0, whatever x was. *Guided backpropagation* asks for both. Exercise: all three.

# %%
def back(x, g, rule):
    """What passes of g, behind a relu of x, by the rule "gradient", "deconvnet" or "guided"."""
    raise NotImplementedError

check("14.2", back)

# %% [markdown]
# ## 7. Predict: back to the pixels
#
# From the score of its class, for five images. Which of the three looks best? Which of them *explains* the network?

# %%
right = np.flatnonzero(~misread(network))[:5].tolist()
some, classed = images[right], labels[right]
methods = {
    "gradient": interpret.saliency,
    "deconvnet": interpret.deconvolution,
    "guided": interpret.guided_backprop,
}

def brightness(maps):
    """Attributions (n, C, H, W) by their size, each from 0 to 1: (n, 1, H, W)."""
    size = maps.abs().amax(1, keepdim=True)
    return size / size.amax((1, 2, 3), keepdim=True)

rows = {title: brightness(method(network, some, classed)).numpy() for title, method in methods.items()}
shown = [image for image in some.numpy()] + [image for row in rows.values() for image in row]
titles = [classes[k] for k in classed.tolist()] + [title for title in rows for _ in right]
lesson.show(plots.pictures([np.broadcast_to(i, (channels, width, width)) for i in shown], titles, columns=5), "back")

# %% [markdown]
# ## 8. Make: Grad-CAM
#
# Which *places* of the last convolution speak for a class? A channel k counts by the mean of its gradient over all
# places, αₖ, and the map is relu(Σₖ αₖ·Aₖ): relu of the *sum* (Selvaraju et al., 2017). Exercise: that, for one image.

# %%
def grad_cam(activations, gradients):
    """The map (h, w) of a layer's activations (C, h, w) and of the score's gradients (C, h, w) by them."""
    raise NotImplementedError

check("14.3", grad_cam)

# %% [markdown]
# ## 9. Predict: hide it
#
# Or simply cover a part, and see by how much the score falls: *occlusion*. Where will the maps agree?

# %%
side = width // 4
hidden = interpret.occlusion(network, some, (channels, side, side), (channels, 2, 2), 0.5, classed, 16)
cam = interpret.grad_cam(network, some, "10", classed, relu_attributions=True)
cam = F.interpolate(cam, (width, width), mode="bilinear")
overlaid = [brightness(maps.clip(min=0) + 1e-9) for maps in (hidden, cam)]
shown = [*some.numpy(), *[(some * (0.25 + 0.75 * share)).numpy()[i] for share in overlaid for i in range(len(right))]]
titles = [classes[k] for k in classed.tolist()] + [title for title in ("occlusion", "Grad-CAM") for _ in right]
lesson.show(plots.pictures(shown, titles, columns=5), "where")

# %% [markdown]
# ## 10. Predict: what does a network say that knows nothing?
#
# A check of the *explanations* (Adebayo et al., 2018): layers get random weights, the last first, until nothing is left
# of what was learnt. What explains the network must become another picture. Which of them will stay the same? (Of the
# layers by their numbers, 13 is the dense one, 8, 4 and 0 are convolutions, 9, 5 and 1 batch norms.)

# %%
tried = {title: lambda model, f=method: f(model, some, classed).abs() for title, method in methods.items()}
tried["Grad-CAM"] = lambda model: interpret.grad_cam(model, some, "10", classed)
edges = md.tensor(np.abs(np.diff(some.numpy(), axis=3)))
tried["edges"] = lambda model: edges
md.manual_seed(lesson.seed)
alike = {title: interpret.randomization_test(network, attribute) for title, attribute in tried.items()}
print("rank correlation with the first, as layers become random")
for title, falls in alike.items():
    print(f"{title:10}" + "  ".join(f"{layer} {value:5.2f}" for layer, value in falls.items()))
known = brightness(interpret.guided_backprop(network, some, classed))
unknown = brightness(interpret.guided_backprop(blank, some, classed))
titles = ["guided, learnt"] * len(right) + ["guided, random"] * len(right)
lesson.show(plots.pictures(md.cat([known, unknown]).numpy(), titles, columns=5), "random")

# %% [markdown]
# An edge detector stays at 1, of course: it never asked the network. The more a method is like it, the less it
# explains, and the better it looks.
#
# ## 11. Investigate: pictures out of nothing
#
# The other way round: pixels learn, and the network stands still. From grey, towards what excites a class most; and
# what is left of an image in each layer: pixels whose activations are *its* activations (Mahendran & Vedaldi, 2015).

# %%
grey = md.full((10, channels, width, width), 0.5) + 0.05 * md.randn(10, channels, width, width)
dreamt = interpret.maximize_activation(
    network, grey, list(range(10)), steps=steps, lr=0.05, tv=0.02, jitter=2, bounds=(0, 1)
)
lesson.show(plots.pictures(dreamt.numpy(), classes, columns=5), "dreamt")
inverted = [some[:3]]
for layer in ("2", "6", "10"):
    features = md.models.create_feature_extractor(network, [layer])(some[:3])[layer].detach()
    inverted.append(interpret.invert_features(network, features, layer, grey[:3], steps, tv=1e-4, bounds=(0, 1)))
titles = [title for title in ("image", "layer 2", "layer 6", "layer 10") for _ in range(3)]
lesson.show(plots.pictures(md.cat(inverted).numpy(), titles, columns=6), "inverted")

# %% [markdown]
# ## 12. Modify and make
#
# - Modify: explain what it got *wrong*: the maps for its answer, and for the label. Where do they part?
# - Modify: `interpret.smooth_grad` and `integrated_gradients` in step 7. Do they pass step 10?
# - Make: train on labels that are shuffled, until it knows them by heart. What do its maps show?

# %%
lesson.record(f"{name}, {len(learn_from):,} + {len(images):,}", images.device,
              {title: [dict(seed=lesson.seed, alike=falls)] for title, falls in alike.items()})
print(f"{1 - misread(network).mean():.1%} of the images are read right ({size}); {lesson.seconds:.0f} s in all")
