# %% [markdown]
# # 15 · Adversarial examples
#
# A network reads 99 of 100 digits, and hardly one once somebody has changed each pixel by a little: along the gradient
# of the pixels. You write the attack, forget the normalisation, train a network that withstands, and stick a patch on
# digits. About 30 minutes; you need lessons 02 and 06.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import interpret, optim
from minidl.data import DataLoader, Subset
from minidl.learn import Lesson, check, plots

lesson = Lesson("15")

# %% [markdown]
# ## 1. Run: a reader
#
# SimpLeNet learns digits. They are standardised *within* the network, (x − mean) / std, so that it takes pixels, from 0
# to 1: `interpret.Normalized`. The learning rate rises, then falls (*one cycle*, lesson 12).

# %%
train_set, test_set = md.data.MNIST(), md.data.MNIST(train=False)
plans = {"ci": (1000, 100, 3, 2), "core": (10_000, 500, 4, 8), "full": (60_000, 2000, 6, 20)}
most, asked, epochs, hardened = plans[lesson.profile]
learn_from = Subset(train_set, range(min(most, len(train_set))))
pixels = train_set.data[:5000] / 255
MEAN, STD = float(pixels.mean()), float(pixels.std())
images, labels = next(iter(DataLoader(test_set, asked)))
size = f"{len(learn_from):,} + {asked:,} digits" + ", a subset of MNIST" * (most < 60_000 or train_set.subset)
print(f"This run: {size}; mean {MEAN:.3f}, deviation {STD:.3f}")

@md.no_grad()
def read(network, x):
    """What a network reads."""
    return network(x).numpy().argmax(1)

def error(network, x):
    """The share of the held-out digits that are misread."""
    return float(np.mean(read(network, x) != labels.numpy()))

def train(build, epochs, change=lambda network, x, y, share: x):
    """A network that learns from digits as `change` leaves them; `share` is how much of the training is over."""
    md.manual_seed(lesson.seed)
    network = interpret.Normalized(build(), MEAN, STD)
    loader = DataLoader(learn_from, 50, shuffle=True)
    optimizer = optim.Adam(network.parameters())
    cycle = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=epochs * len(loader))
    for epoch in range(epochs):
        for step, (x, y) in enumerate(loader):
            x = change(network, x, y, (epoch + step / len(loader)) / epochs)
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            cycle.step()
        print(f"epoch {epoch + 1}/{epochs}: loss {loss.item():.3f}, held-out error {error(network, images):.1%}")
    return network

plain = train(md.models.SimpLeNet, epochs)

# %% [markdown]
# ## 2. Make: the fast gradient sign method
#
# Each pixel may change by ε at most. To raise the loss L as fast as that allows, all of them change by ε, each in the
# direction of its own slope: x + ε·sign(∂L/∂x), cut off at 0 and 1 (Goodfellow et al., 2015). Exercise: attack a
# softmax classifier of scores z = W·x + b, W (K, n), x (n,); as in lesson 02, ∂L/∂z = p − one-hot (K,), so ∂L/∂x =
# Wᵀ·(p − one-hot) (n,).

# %%
def attack(x, label, weight, bias, epsilon):
    """Pixels x (n,), in [0, 1], moved by epsilon so that the loss of weight (K, n) and bias (K,) rises fastest."""
    raise NotImplementedError

check("15.1", attack)

# %% [markdown]
# ## 3. Predict: noise, or the gradient?
#
# Each pixel changes by 0.3, up or down: by the toss of a coin, or by the sign of its slope. Which share of the digits
# is misread, either way?

# %%
coins = md.tensor(np.sign(np.random.default_rng(lesson.seed).random(images.shape) - 0.5), dtype=md.float32)
noisy = (images + 0.3 * coins).clip(0, 1)
fooled = interpret.fgsm(plain, images, 0.3, labels)
for name, x in {"as they are": images, "by a coin": noisy, "by the slope": fooled}.items():
    print(f"{name:12} misread {error(plain, x):6.1%}, changed by at most {(x - images).abs().max().item():.3f}")
shown = md.cat([x[:6] for x in (images, noisy, fooled)])
lesson.show(plots.pictures(shown.numpy(), [f"read as {k}" for k in read(plain, shown)]), "noise")

# %% [markdown]
# All changes are of one size, and people can read all three rows. In 784 dimensions a random direction does next to
# nothing; 784 small steps in the worst direction add up.
#
# ## 4. Predict: the normalisation forgotten
#
# A well-known mistake: standardise the images first, then attack *these* with ε = 0.3. How much is that in pixels?

# %%
outside = (images - MEAN) / STD
bounds = dict(lower_bound=outside.min().item(), upper_bound=outside.max().item())
mistaken = interpret.fgsm(plain.model, outside, 0.3, labels, **bounds) * STD + MEAN
print(f"misread {error(plain, mistaken):.1%}, changed by at most {(mistaken - images).abs().max().item():.3f}")
try:
    interpret.fgsm(plain.model, outside, 0.3, labels)
except ValueError as refused:
    print(refused)

# %% [markdown]
# In pixels it is std·ε, a third of what was meant: the network *seems* to withstand. With the normalisation inside the
# network there is nothing to forget, and what is not a pixel is refused.
#
# ## 5. Make: stay near
#
# One step is crude. *Projected gradient descent*, PGD (Madry et al., 2018), takes many small ones, and after each
# brings every pixel back to within ε of where it was at first, and between 0 and 1. Exercise: that projection.

# %%
def project(x, original, epsilon):
    """The pixels that are nearest to x, of those within epsilon of the original's and between 0 and 1."""
    raise NotImplementedError

check("15.2", project)

# %% [markdown]
# ## 6. Predict: error against ε
#
# Both attacks, ever stronger: the fast one (FGSM) and PGD. At which ε does the reader become useless? Which attack gets
# there first?

# %%
EPSILONS = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]

STEPS = 10 if lesson.profile == "ci" else 20

def by_pgd(network, epsilon, x=images, y=labels, steps=STEPS, **options):
    """Digits after projected gradient descent, whose steps reach 2.5·ε altogether."""
    return interpret.pgd(network, x, epsilon, 2.5 * epsilon / steps, steps, y, **options)

def curve(network, attacked):
    """The error at each ε."""
    return [error(network, attacked(network, epsilon)) for epsilon in EPSILONS]

def by_fgsm(network, epsilon):
    return interpret.fgsm(network, images, epsilon, labels)

curves = {"SimpLeNet, FGSM": curve(plain, by_fgsm), "SimpLeNet, PGD": curve(plain, by_pgd)}
for name, errors in curves.items():
    print(f"{name}: " + "  ".join(f"ε {e:.2f} {share:.1%}" for e, share in zip(EPSILONS, errors, strict=True)))

# %% [markdown]
# ## 7. Run: learn from attacks
#
# *Adversarial training*: each batch is attacked before the network learns from it, here by five steps of PGD from a
# random start. ε grows to 0.3 over the first half of the training; at once it would be too hard, and the loss would
# stay at ln 10.

# %%
def attacked(network, x, y, share):
    """A batch, as an attacker leaves it."""
    return by_pgd(network, 0.3 * min(1, 2 * share), x, y, steps=5, random_start=True)

robust = train(md.models.SimpLeNet, hardened, attacked)

# %% [markdown]
# ## 8. Predict: does it hold?
#
# The same curves for this network. What does it cost where nobody attacks?

# %%
curves |= {"attacked in training, FGSM": curve(robust, by_fgsm), "attacked in training, PGD": curve(robust, by_pgd)}
pane = {"lines": {name: (EPSILONS, 100 * np.array(errors)) for name, errors in curves.items()}}
lesson.show(plots.lines({**pane, "xlabel": "ε, of a pixel", "ylabel": "misread, %", "ylim": (-3, 103)}), "epsilon")
for name in ("SimpLeNet, PGD", "attacked in training, PGD"):
    print(f"{name}: {curves[name][0]:.1%} misread as they are, {curves[name][-1]:.1%} at ε 0.3")

# %% [markdown]
# ## 9. Investigate: what it goes by
#
# The slope of the score, pixel by pixel: blue where more ink speaks for the digit, red where it speaks against it.
# Which of the two networks goes by the strokes?

# %%
slopes = [interpret.saliency(network, images[:5], labels[:5], abs=False)[:, 0] for network in (plain, robust)]
scaled = [slope / slope.abs().amax((1, 2), keepdim=True) for slope in slopes]
lesson.show(plots.templates(md.cat(scaled).numpy(), ["SimpLeNet"] * 5 + ["attacked in training"] * 5), "slopes")

# %% [markdown]
# Tsipras et al. (2019) found that what networks learn from attacks is nearer to what *people* go by. Judge for yourself
# whether it is so on your digits.
#
# ## 10. Predict: an attack on another network
#
# Examples made on one network are shown to another, which the attacker has never seen. Are they misread there as well?

# %%
readers = {"SimpLeNet": plain, "LeNet-5": train(md.models.lenet5, epochs), "FC64": train(md.models.fc64, epochs)}
readers["attacked in training"] = robust
strangers = {"as they are": images}
strangers |= {f"made on {name}": by_pgd(network, 0.2) for name, network in readers.items()}
print(f"{'misread at ε 0.2':28}" + "".join(f"{name:>22}" for name in readers))
for made, x in strangers.items():
    print(f"{made:28}" + "".join(f"{error(network, x):22.1%}" for network in readers.values()))

# %% [markdown]
# Networks that learnt from the same images have much in common: a secret network is no protection.
#
# ## 11. Predict: a patch
#
# Not a change that nobody sees this time, but one sticker, half as wide as the image, for *any* digit, wherever it lies
# (Brown et al., 2017): it learns to be read as a 3. How many other digits become a 3 with it, and how many with one of
# plain grey?

# %%
generator = md.Generator().manual_seed(lesson.seed)
learn, _ = next(iter(DataLoader(train_set, 500)))
patch = interpret.adversarial_patch(plain, learn, 3, 14, 15 * STEPS, lr=0.1, generator=generator)
others = images[labels != 3]
for name, sticker in {"grey": md.full((1, 14, 14), 0.5), "learnt": patch}.items():
    stuck = interpret.apply_patch(others, sticker, generator=generator)
    shares = {who: float(np.mean(read(network, stuck) == 3)) for who, network in readers.items()}
    print(f"{name:6} read as 3: " + ", ".join(f"{who} {share:.0%}" for who, share in shares.items()))
titles = [f"read as {k}" for k in read(plain, stuck[:11])]
alone = F.pad(patch, (7, 7, 7, 7))[None]
lesson.show(plots.pictures(md.cat([alone, stuck[:11]]).numpy(), ["the patch", *titles]), "patch")

# %% [markdown]
# ## 12. Modify and make
#
# - Modify: an attack with a wish, `targeted=True`: make all digits a 7. Which resist longest?
# - Modify: `norm="L2"`, where one pixel may change much. How long is the way to a mistake, on average?
# - Make: defend by noise in training, in place of attacks, and measure by PGD. Then look at the slopes.

# %%
results = {name: [dict(seed=lesson.seed, errors=errors)] for name, errors in curves.items()}
lesson.record(f"MNIST, {len(learn_from):,} + {asked:,}", images.device, results)
undefended, defended = curves["SimpLeNet, PGD"][-1], curves["attacked in training, PGD"][-1]
print(f"misread at ε 0.3: {undefended:.1%}, after attacks {defended:.1%} ({size}); {lesson.seconds:.0f} s in all")
