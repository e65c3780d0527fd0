# %% [markdown]
# # 10 · Residual networks
#
# More layers can say more, and for thirty years nobody could train them. You watch a gradient die on its way through
# twenty layers, bring it back in three steps, build the block that all deep networks have in common, and take a layer
# out of a trained network without its noticing. About 30 minutes; you need lessons 07 and 09.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim, train
from minidl.data import DataLoader, Subset
from minidl.data import transforms as T
from minidl.learn import Lesson, check, plots
from minidl.train import metrics

lesson = Lesson("10", sources=["cifar10", "fashion-mnist", "mnist"])
md.manual_seed(lesson.seed)

# %% [markdown]
# ## 1. Predict: twenty layers of sigmoid
#
# σ(x) = 1 / (1 + e⁻ˣ) has the slope σ·(1 − σ). How large is it at most? A gradient of length 1 comes back through
# twenty layers z = σ(x·W), 64 wide, with weights of deviation 1/8 = 1/√64. How long is it at the first?

# %%
zs = [md.randn(1, 64, requires_grad=True)]
for _ in range(20):
    zs.append(md.sigmoid(zs[-1] @ (md.randn(64, 64) / 8)))
print(f"largest slope {max((z * (1 - z)).max().item() for z in zs[1:]):.3f}")
for back, gradient in enumerate(md.grad(zs[-1].sum() / 8, zs)[::-1]):
    if back in (0, 1, 2, 5, 10, 20):
        print(f"{back:2} layers back: {gradient.norm().item():.0e}")

# %% [markdown]
# Exercise: each layer back is ḡ = (g ⊙ z ⊙ (1 − z)) · Wᵀ, where ⊙ multiplies element by element. Go through all layers.

# %%
def through(g, weights, outputs):
    """The gradients after each layer back, the last layer's first, from g (1, k) of the last output."""
    raise NotImplementedError

check("10.1", through)

# %% [markdown]
# A quarter of a quarter of a quarter: **vanishing gradients** (Hochreiter, 1991). At this rate the first layers wait
# for longer than anyone has. With larger weights σ is flat at both ends, and the slope is smaller still.
#
# ## 2. Predict, then run: four networks of twenty layers
#
# Twenty convolutions 3×3 of 16 channels, on digits at 14×14, with (a) sigmoid, (b) relu and He's weights, (c) batch
# norm between convolution and relu, (d) the same with a *skip*: what goes into two layers is added to what comes out.
# In which of them does the first layer's gradient have about the size of the last's?

# %%
class Pair(nn.Module):
    """Two convolutions, behind each batch norm, if asked for, and a bend; with `skip` what comes in is added."""

    def __init__(self, bend, norm, skip):
        self.bend, self.skip = bend, skip
        self.conv1, self.conv2 = (nn.Conv2d(16, 16, 3, padding=1) for _ in range(2))
        self.norm1, self.norm2 = (nn.BatchNorm2d(16) if norm else nn.Identity() for _ in range(2))

    def forward(self, x):
        z = self.norm2(self.conv2(self.bend(self.norm1(self.conv1(x)))))
        return self.bend(z + x if self.skip else z)

def twenty(bend, norm, skip):
    """(N, 1, 28, 28) to ten scores."""
    pairs = [Pair(bend, norm, skip) for _ in range(9)]
    first, last = nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.Conv2d(16, 16, 3, padding=1)
    network = nn.Sequential(first, *pairs, last, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu" if bend is F.relu else "sigmoid")
    return network

kinds = {"sigmoid": (F.sigmoid, False, False), "relu": (F.relu, False, False)}
kinds |= {"batch norm": (F.relu, True, False), "skip": (F.relu, True, True)}
most, rounds = (600, 1) if lesson.profile == "ci" else (4000, 3)
digits = Subset(md.data.MNIST(), range(most))
(x, y), norms = next(iter(DataLoader(digits, 100))), {}
for kind, options in kinds.items():
    md.manual_seed(lesson.seed)
    network = twenty(*options)
    F.cross_entropy(network(x), y).backward()
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    norms[kind] = [layer.weight.grad.norm().item() for layer in convolutions]
    print(f"{kind:10} first layer {norms[kind][0]:.1e}, last {norms[kind][-1]:.1e}")
lines = {kind: (range(1, 21), norm) for kind, norm in norms.items()}
lesson.show(plots.lines(dict(lines=lines, xlabel="layer", ylabel="length of the gradient", yscale="log")), "gradients")

# %% [markdown]
# ## 3. Predict: who learns?
#
# The same four, by SGD with momentum. Which of them are below ln 10 = 2.303 after the run, and in which order?

# %%
losses, results, accuracy = {}, {}, [metrics.Accuracy()]
held_out = DataLoader(Subset(md.data.MNIST(train=False), range(1000)), 500)
for kind, options in kinds.items():
    md.manual_seed(lesson.seed)
    network, losses[kind] = twenty(*options), []
    optimizer = optim.SGD(network.parameters(), lr=0.02, momentum=0.9)
    for x, y in (batch for _ in range(rounds) for batch in DataLoader(digits, 50, shuffle=True)):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        losses[kind].append(loss.item())
    results[kind] = 1 - train.Trainer(network, F.cross_entropy, metrics=accuracy).evaluate(held_out)["accuracy"]
    print(f"{kind:10} loss {np.mean(losses[kind][-20:]):.3f}, held-out error {results[kind]:.1%}")
lesson.show(plots.compared(losses, "step", "training loss", window=10), "learning")

# %% [markdown]
# relu's gradients arrive, yet it doesn't learn: each step upsets the balance of its weights. Batch norm restores it.
#
# ## 4. Make: the block
#
# He et al. (2016): z = relu(x + f(x)), where f is convolution, batch norm, relu, convolution, batch norm. The layers
# learn what is to be *changed*: the **residual**. Back, the sum hands g to both: ∂z/∂x = (1 + f′(x)) where z > 0. The
# 1 never fades. Exercise: the gradient of a block.

# %%
def block_back(g, z, branch_back):
    """The gradient of x, from that of z = relu(x + f(x)); branch_back takes one of f(x) back to x."""
    raise NotImplementedError

check("10.2", block_back)

# %% [markdown]
# ## 5. Predict, then run: ResNet-20, built and compared
#
# A convolution, three stages of three blocks (16, 32, 64 channels), the mean over all places, ten scores. Where f takes
# 16×32×32 to 32×16×16, the skip takes every other pixel, and the new channels of it are 0 (option A of the paper).
# How many parameters do the skips have? Is a *plain* network, the same without them, smaller?

# %%
class Block(nn.Module):
    """The paper's block, or without `skip` the same layers alone."""

    def __init__(self, inputs, channels, skip):
        self.stride, self.more, self.skip = channels // inputs, (channels - inputs) // 2, skip
        self.conv1 = nn.Conv2d(inputs, channels, 3, self.stride, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x):
        z = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.skip:
            z = z + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more, self.more))
        return F.relu(z)

class Deep(nn.Module):
    """(N, C, 32, 32) to ten scores, by 6·blocks + 2 layers."""

    def __init__(self, blocks, skip=True, channels=3):
        self.conv1, self.bn1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        widths = [16] * blocks + [32] * blocks + [64] * blocks
        made = [Block(before, after, skip) for before, after in zip([16, *widths], widths)]
        stages = (nn.Sequential(*made[i : i + blocks]) for i in range(0, 3 * blocks, blocks))
        self.layer1, self.layer2, self.layer3 = stages
        self.linear = nn.Linear(64, 10)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, x):
        z = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(z.mean((2, 3)))

ours, theirs, image = Deep(3), md.models.resnet20(), md.randn(2, 3, 32, 32)
theirs.load_state_dict(ours.state_dict())
assert md.allclose(ours.eval()(image), theirs.eval()(image), atol=1e-5)
counts = [sum(p.numel() for p in network.parameters()) for network in (ours, Deep(3, skip=False), Deep(9))]
print("ResNet-20 {:,} parameters, plain-20 {:,}, ResNet-56 {:,}; ours is minidl's".format(*counts))

# %% [markdown]
# ## 6. Predict, then make: a block that does nothing
#
# relu(x + 0) = x, to the last bit, where x comes out of a relu. So 56 layers can begin as if they were two: depth costs
# nothing at first, and each block joins in as it finds something to add (Goyal et al., 2017). No plain layer begins as
# the identity. Which of a block's six arrays would you set to 0? (Some choices are silent, and deaf, too.) Exercise: do
# it to all blocks of a network, each of which has conv1, bn1, conv2 and bn2.

# %%
def silence(network):
    """Make each block the identity on what comes out of a relu, and able to learn; how many blocks there are."""
    raise NotImplementedError

check("10.3", silence)

# %% [markdown]
# ## 7. Predict, then run: with skips and without
#
# Photographs, if CIFAR-10 can be had. The *plain* network has the same weights at the start, the same rates, the same
# images in the same order. Sketch both curves. By how much do they differ?

# %%
train_set, test_set = lesson.data()
name, channels = type(train_set).__name__, train_set.data.shape[1]
plans = {"ci": (300, 200, 1, 1), "core": (4000, 2000, 6, 3), "full": (50_000, 10_000, 12, 3)}
most, tested, epochs, blocks = plans[lesson.profile]
most, tested, pixels = min(most, len(train_set)), min(tested, len(test_set)), train_set.data[:most] / 255
normalize = T.Normalize(pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)))
learnt = Subset(train_set, range(most)).with_transform(normalize)
test = DataLoader(Subset(test_set, range(tested)).with_transform(normalize), 500)
size, networks, curves = f"{most:,} + {tested:,}", {}, {}
for kind, skip in {"plain": False, "residual": True}.items():
    md.manual_seed(lesson.seed)
    network, loader = Deep(blocks, skip, channels), DataLoader(learnt, 64, shuffle=True, drop_last=True)
    optimizer = optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    cycle = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))
    options = dict(metrics=accuracy, scheduler=cycle, scheduler_interval="step")
    trainer = train.Trainer(network, nn.CrossEntropyLoss(), optimizer, **options)
    curves[f"{kind}, learnt"] = [100 * (1 - share) for share in trainer.fit(loader, epochs=epochs)["accuracy"]]
    networks[kind], results[f"{kind}-{6 * blocks + 2}"] = trainer, 1 - trainer.evaluate(test)["accuracy"]
lesson.show(plots.compared(curves, "epoch", "error on what is learnt, %", window=1), "curves")
recorded = {kind: [dict(seed=lesson.seed, error=round(error, 4))] for kind, error in results.items()}
lesson.record(f"{len(digits):,} digits; {name}, {size}", lesson.device, recorded)

# %% [markdown]
# ## 8. Investigate: take a block out
#
# From each of the two trained networks one block is left out (never a stage's first; in `ci` there is no other): the
# gap is closed, and nothing is learnt anew. What becomes of the error (Veit et al., 2016)?

# %%
for kind, trainer in networks.items():
    without = []
    for stage in (trainer.model.layer1, trainer.model.layer2, trainer.model.layer3):
        for i in range(1, blocks):
            kept, stage[i] = stage[i], nn.Identity()
            without.append(1 - trainer.evaluate(test)["accuracy"])
            stage[i] = kept
    whole = results[f"{kind}-{6 * blocks + 2}"]
    print(f"{kind}: error {whole:.1%}; without one block {', '.join(f'{error:.1%}' for error in without)}")

# %% [markdown]
# A plain network is a chain. A residual one is a sum of ways, of which a block takes half away; the others arrive.
#
# ## 9. Modify and make
#
# - Modify: twenty layers with *leaky* relu, or `nn.init.orthogonal_`: how far does the gradient come?
# - Make: `Deep(9, skip=False)` beside `Deep(3, skip=False)`. The paper found the deeper one worse, on what it *learnt*.

# %%
print(", ".join(f"{kind} {error:.1%}" for kind, error in results.items()), f"({name}, {size}); {lesson.seconds:.0f} s")
