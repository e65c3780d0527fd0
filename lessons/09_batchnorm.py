# %% [markdown]
# # 09 · Batch normalisation
#
# A deep network multiplies what it sees by one matrix after another, and the numbers either die or explode. Batch norm
# brings each channel back to mean 0 and (standard) deviation 1, and lets the network choose others. You build it,
# derive its gradient, and see two ways in which it fools its users. About 30 minutes; you need lessons 02 and 06.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn import Lesson, check, plots

lesson = Lesson("09")
md.manual_seed(lesson.seed)

# %% [markdown]
# ## 1. Predict: ten layers
#
# 256 inputs of mean 0 and deviation 1 go through ten layers, each a product with a new random matrix, 256×256, then
# relu. The weights have a deviation of 0.05, of 0.0884 = √(2 / 256), or of 0.15. What is the deviation after ten
# layers, in each case?

# %%
for deviation in (0.05, (2 / 256) ** 0.5, 0.15):
    plain = normed = md.randn(512, 256)
    for _ in range(10):
        w = deviation * md.randn(256, 256)
        plain = F.relu(plain @ w)
        normed = F.relu(F.batch_norm(normed @ w, None, None, training=True))
    print(f"weights {deviation:.4f}: plain {plain.std().item():.2e}, with batch norm {normed.std().item():.2f}")

# %% [markdown]
# √(2 / inputs) is He's initialisation, made for just that. But it sets the weights only once, and training moves them;
# batch norm restores the deviation in every forward pass.
#
# ## 2. Make: the layer
#
# For each channel, over all images and pixels of the batch: x̂ = (x − μ) / √(σ² + ε), z = γ·x̂ + β. μ is the mean of
# the channel's n numbers, σ² their variance, the mean of (x − μ)²: divided by n, not by n − 1. ε = 10⁻⁵ keeps the root
# from 0. γ and β are learnt, a pair for each channel (Ioffe & Szegedy, 2015).

# %%
def normalise(x, gamma, beta, eps=1e-5):
    """Each column of x (n, channels): to mean 0 and deviation 1, then to gamma and beta. Also x̂ and √(σ² + ε)."""
    deviation = np.sqrt(x.var(axis=0) + eps)
    normed = (x - x.mean(axis=0)) / deviation
    return gamma * normed + beta, normed, deviation

rng = np.random.default_rng(lesson.seed)
x, gamma, beta = 3 + 2 * rng.standard_normal((50, 4)), rng.standard_normal(4), rng.standard_normal(4)
z, normed, deviation = normalise(x, gamma, beta)
theirs = F.batch_norm(md.tensor(x), None, None, md.tensor(gamma), md.tensor(beta), training=True)
assert np.allclose(z, theirs)
print(f"mean {np.abs(normed.mean(0)).max():.0e}, deviation {normed.std(0).round(5)}; minidl's is the same")

# %% [markdown]
# ## 3. Predict: what can no gradient do?
#
# Add a number to a whole channel of x (n, channels): x̂ stays as it is. Stretch the channel about its mean, x + t·x̂
# with a small t: x̂ stays, too. What follows for the gradient dx that comes back to x, of the same shape: what is its
# sum over a channel, and what is the sum of dx·x̂?

# %%
probe = md.tensor(x, requires_grad=True)
g = rng.standard_normal(x.shape)
(F.batch_norm(probe, None, None, md.tensor(gamma), training=True) * md.tensor(g)).sum().backward()
dx = probe.grad.numpy()
sums, weighted = np.abs(dx.sum(0)).max(), np.abs((dx * normed).sum(0)).max()
print(f"Σ dx = {sums:.0e}, Σ dx·x̂ = {weighted:.0e}, where |dx| is {np.abs(dx).mean():.2f} on average")

# %% [markdown]
# Both are 0 (the second up to ε): Σ dx·v is how the loss changes when x moves along v, and along (1, …, 1), or along
# x̂, it does not change. Now the whole dx of a channel; g comes back to z, and s is √(σ² + ε):
#
# - ∂μ/∂xᵢ = 1/n and ∂s/∂xᵢ = x̂ᵢ/n; so ∂x̂ⱼ/∂xᵢ = (δᵢⱼ − 1/n − x̂ᵢ·x̂ⱼ/n) / s, where δᵢⱼ is 1 for i = j, else 0;
# - dxᵢ = Σⱼ γ·gⱼ · ∂x̂ⱼ/∂xᵢ, so dx = γ/s · (I − 1·1ᵀ/n − x̂·x̂ᵀ/n) · g, where 1 is a column of ones: the two directions
#   are taken out of g;
# - that is, **dx = γ/s · (g − mean(g) − x̂ · mean(g·x̂))**, means over the batch.
#
# Exercise: write it, with the gradients of γ and β.

# %%
def normalise_backward(g, normed, deviation, gamma):
    """The gradients of x (n, channels), gamma and beta, from the gradient g of the result, x̂ and √(σ² + ε)."""
    raise NotImplementedError

check("09.1", normalise_backward)

# %% [markdown]
# ## 4. Predict: one image
#
# A batch of one image, with one number in each channel. What is x̂? And what if a trained network is to read *one*
# digit?

# %%
layer = nn.BatchNorm1d(3)
try:
    layer(md.randn(1, 3))
except ValueError as error:
    print(f"training: {error}")
print(f"evaluation: {layer.eval()(md.tensor([[1.0, 2.0, 3.0]])).tolist()}")

# %% [markdown]
# Of one number μ is the number itself: x̂ is 0 whatever the image is. So the layer refuses. In evaluation it uses
# **running** statistics, gathered in training: r ← (1 − m)·r + m·(the batch's), with m = 0.1. So a network has two
# modes, `train()` and `eval()`. The running variance is the unbiased one: divided by n − 1. Exercise: update them.

# %%
def move(running_mean, running_var, x, momentum=0.1):
    """The running statistics after a batch x (n, channels): a new mean and a new variance."""
    raise NotImplementedError

check("09.2", move)

# %% [markdown]
# ## 5. Predict: 64 channels
#
# How many numbers does a batch norm of 64 channels keep, and how many of them does training *learn*? Keras counts all
# of them as parameters, PyTorch only those that are learnt: mind it when you compare two tables.

# %%
layer = nn.BatchNorm2d(64)
learnt = sum(p.numel() for p in layer.parameters())
kept = learnt + layer.running_mean.numel() + layer.running_var.numel()
print(f"{kept} numbers, {learnt} of them trainable")

# %% [markdown]
# ## 6. Predict: who learns at all?
#
# Six convolutions from He's weights, with and without batch norm, by plain gradient descent at rates of 0.001, 0.01,
# 0.1, 0.3 and 1. Which of the ten networks learn, and which end at a loss of ln 10 = 2.30?

# %%
def convnet(norm):
    """(N, 1, 28, 28) to ten scores."""
    layers = []
    for inputs, outputs in ((1, 8), (8, 8), (8, 16), (16, 16), (16, 16), (16, 16)):
        layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
        nn.init.kaiming_normal_(layers[-1].weight, nonlinearity="relu")
        layers += [nn.BatchNorm2d(outputs), nn.ReLU()] if norm else [nn.ReLU()]
        if inputs < outputs:
            layers.append(nn.MaxPool2d(2))  # 28×28 → 14×14 → 7×7
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * 7 * 7, 10))

train_set, test_set = md.data.MNIST(), md.data.MNIST(train=False)
most, epochs = (600, 2) if lesson.profile == "ci" else (4000, 3)
train_set = md.data.Subset(train_set, range(most))
images, labels = next(iter(md.data.DataLoader(test_set, batch_size=1000)))
size = f"{most:,} + 1,000 digits, a part of MNIST"

def train(norm, rate):
    """A trained convnet, and the loss of each step."""
    md.manual_seed(lesson.seed)
    network, losses = convnet(norm), []
    optimizer = md.optim.SGD(network.parameters(), lr=rate)
    for _ in range(epochs):
        for x, y in md.data.DataLoader(train_set, 50, shuffle=True):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return network, losses

@md.no_grad()
def error(network, images=images, labels=labels):
    """The share of wrong readings, in the mode that the network is in."""
    return float((network(images).argmax(1) != labels).float().mean().item())

networks, results, panes = {}, {}, []
for kind in ("plain", "batch norm"):
    panes.append(dict(lines={}, xlabel="step", ylabel=f"{kind}: training loss", ylim=(0, 4)))
    for rate in (0.001, 0.01, 0.1, 0.3, 1):
        name = f"{kind}, {rate:g}"
        networks[name], losses = train(kind == "batch norm", rate)
        means = np.convolve(losses, np.ones(10) / 10, "valid")
        panes[-1]["lines"][f"{rate:g}"] = range(10, 10 + len(means)), means
        results[name] = error(networks[name].eval())
        print(f"{name:17} held-out error {results[name]:6.1%} ({size})")
lesson.show(plots.lines(*panes), "rates")

# %% [markdown]
# Plain, 0.1 is the largest rate of use: at 0.3 the first steps throw the weights so far that the last relu gives 0 for
# every image, and nothing comes back through it (lesson 04's dead units). Batch norm bears three times the rate, and at
# each misreads fewer digits, if hardly so at 0.01. It doesn't bear everything: at 1 it learns nothing either.
#
# ## 7. Predict: forgetting `eval()`
#
# Batch norm at 0.1 reads the held-out digits again, in training mode: once in mixed batches, once in batches of *one
# class each*, as a folder of pictures would give them. Which of the two errors stays as it was?

# %%
network = networks["batch norm, 0.1"]
batches = [labels == digit for digit in range(10)]
honest = error(network.eval())
network.train()
mixed = np.mean([error(network, images[i : i + 100], labels[i : i + 100]) for i in range(0, 1000, 100)])
sorted_by_class = np.mean([error(network, images[chosen], labels[chosen]) for chosen in batches])
print(f"evaluation {honest:.1%}, training mode {mixed:.1%}, and sorted by class {sorted_by_class:.1%} ({size})")

# %% [markdown]
# In training mode an answer depends on what else is in the batch. Mixed batches hide it: the numbers look fine, until
# somebody sorts the data. And each look has moved the running statistics: the network itself is another one now.
#
# ## 8. Investigate: gone without a trace
#
# In evaluation μ and σ are constants: γ·(x − μ)/√(σ² + ε) + β is a factor and a shift for each channel, which weights
# and bias of the convolution before it can take over: **folding**. That is how minidl evaluates. Exercise: fold.

# %%
def fold(w, b, mean, var, gamma, beta, eps=1e-5):
    """Weights (O, …) and biases (O,) of a layer that does what it does with batch norm behind it."""
    raise NotImplementedError

check("09.3", fold)

# %% [markdown]
# ## 9. Modify and make
#
# - Modify: `nn.BatchNorm2d(outputs, momentum=0.001)`, which moves slowly. What becomes of the held-out error, and why?
# - Modify: leave out He's weights. Those that `nn.Conv2d` starts from are smaller, uniform within ±1/√inputs, as 0.05
#   was too small in step 1. Which plain networks learn now, and which with batch norm?
# - Modify: batches of 2 images. Compare with `nn.GroupNorm(4, outputs)`, which looks at no other image.
# - Make: `normalise` for images (N, C, H, W); it must agree with `nn.BatchNorm2d`.

# %%
recorded = {name: [dict(seed=lesson.seed, error=value)] for name, value in results.items()}
lesson.record(f"MNIST, {most:,} + 1,000", images.device, recorded)
best = min(results, key=results.get)
print(f"best: {best}, {1 - results[best]:.1%} right ({size}); {lesson.seconds:.0f} s in all")
