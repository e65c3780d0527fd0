# %% [markdown]
# # 03 · A layer in between
#
# With a layer in between, a third of the ten templates' mistakes are left after 60,000 digits, two thirds after 4,000.
# You write the loop that trains it, and turn its knobs: rate, batches, loss. About 30 minutes; you need lesson 02.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.data import DataLoader, TableEncoder, TensorDataset
from minidl.learn import Lesson, check, plots, progress, tables

lesson = Lesson("03")
md.manual_seed(lesson.seed)
np.seterr(all="ignore")  # some of what is tried here goes wrong, that is the point

# %% [markdown]
# ## 1. Predict: how many numbers?
#
# A **dense layer** turns n numbers into m: z = x·Wᵀ + b, for x (N, n), W (m, n) and b (m,). *FC64* has a **hidden**
# layer of 64 neurons, h = relu(x·W₁ᵀ + b₁) with relu(z) = max(0, z), then scores h·W₂ᵀ + b₂; *FC256-FC256* has two of
# 256. How many parameters has each, for 784 pixels and ten classes? And what could FC64 compute without relu?

# %%
fc64, x = md.models.fc64(), md.rand(5, 784)
W1, b1, W2, b2 = fc64.parameters()  # random at first, between ±1/√n
by_hand = F.relu(x @ W1.T + b1) @ W2.T + b2
print(f"the library's scores are at most {(fc64(x) - by_hand).abs().max().item():.0e} off")
print("parameters:", *(f"{sum(p.numel() for p in net.parameters()):,}" for net in (fc64, md.models.fc256_fc256())))

# %% [markdown]
# (784 + 1)·64 + (64 + 1)·10 = 50,890. Without relu, (x·W₁ᵀ)·W₂ᵀ = x·(W₂·W₁)ᵀ: a product of matrices is a matrix, and
# FC64 could do no more than ten templates. *The bend is what makes layers worth having.*
#
# ## 2. Make: the loop, and its test
#
# **Clear** gradients, go **forward**, take the **loss**, go **backward**, **step**: p ← p − lr·g. A wrong line raises
# no error; less is learnt. So test it: can it learn *fifty digits* by heart? Exercise: the loop, with lesson 02's step.
# (Later `optim.SGD` makes the step, `DataLoader` deals out **batches**, one a step; once through all is an **epoch**.)

# %%
def overfit(network, images, labels, lr, steps):
    """Train on all images in each step; a list of the losses (numbers), each before its step."""
    raise NotImplementedError

check("03.1", overfit)

# %%
def digits(train):
    """Images (n, 1, 28, 28) and labels (n,) of MNIST."""
    data = md.data.MNIST(train=train)
    most = (1600 if train else 400) if lesson.profile == "ci" else len(data)
    return TensorDataset(*next(iter(DataLoader(data, most, shuffle=train))))

def train(network, data, lr, batch_size=64, epochs=1, loss=F.cross_entropy):
    """Train in batches, in a new order each epoch; the loss of each step."""
    optimizer, losses = optim.SGD(network.parameters(), lr=lr), []
    for _ in progress(range(epochs), "epochs"):
        for x, y in DataLoader(data, batch_size, shuffle=True):
            optimizer.zero_grad()
            value = loss(network(x), y)
            value.backward()
            optimizer.step()
            losses.append(value.item())
    return losses

@md.no_grad()
def misread(network):
    """How many per cent of the held-out digits get their highest score for a wrong class."""
    images, labels = held_out.tensors
    return 100 * (network(images).argmax(1) != labels).sum().item() / len(labels)

learnt, held_out = digits(True), digits(False)
size = f"{len(learnt):,} + {len(held_out):,} digits" + ", a part of MNIST" * (len(learnt) < 60_000)
fifty = TensorDataset(*learnt[:50])
by_heart = train(fc64, fifty, lr=0.3, batch_size=50, epochs=200)
print(f"fifty digits: loss {by_heart[0]:.3f} → {by_heart[-1]:.3f}; {misread(fc64):.0f} % of others misread ({size})")

# %% [markdown]
# ## 3. Predict: a softmax too many
#
# `cross_entropy` itself turns scores into probabilities. A common mistake: the network ends in a softmax as well.
# Suppose it is perfect, 1 for the right class and 0 for the nine others: what loss does it get? Sketch the curve.

# %%
lost = train(md.models.fc64(), fifty, 0.3, 50, 200, loss=lambda z, labels: F.cross_entropy(F.softmax(z, 1), labels))
print(f"loss {lost[0]:.3f} → {lost[-1]:.3f}; at best ln(1 + 9/e) = {np.log(1 + 9 / np.e):.3f}")
lesson.show(plots.series({"scores": by_heart, "softmax twice": lost}, "step", "training loss"), "twice")

# %% [markdown]
# Nothing complains, and it learns, only more slowly. But its loss can't fall below 1.461, and fifty digits show it.
#
# ## 4. Predict, then run: the networks
#
# Batches of 64, a rate of 0.3 and at the end of 0.03. Order FC64, FC256-FC256 and FC64 *without relu* by their error.

# %%
seeds, epochs = {"ci": (1, 8), "core": (1, 4 if len(learnt) == 60_000 else 16), "full": (3, 12)}[lesson.profile]
makers = {"no relu": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.Linear(64, 10))}
makers |= {"FC64": md.models.fc64, "FC256-FC256": md.models.fc256_fc256}
results = {name: [] for name in makers}
for name, runs in results.items():
    for seed in range(lesson.seed, lesson.seed + seeds):
        md.manual_seed(seed)
        network = makers[name]()
        train(network, learnt, lr=0.3, epochs=epochs)
        train(network, learnt, lr=0.03, epochs=max(1, epochs // 4))
        runs.append(dict(seed=seed, error=round(misread(network) / 100, 4)))
    errors = [100 * run["error"] for run in runs]
    spread = f" ± {np.std(errors, ddof=1):.2f}" if seeds > 1 else ""
    print(f"{name:12} {np.mean(errors):.2f} %{spread} misread ({size})")

# %% [markdown]
# A lecture says 2.85 % for FC64, 1.83 % for FC256-FC256. Two layers without a bend are no better than lesson 02's one.
#
# ## 5. Predict: the learning rate
#
# From 0.0001 to 10, in powers of ten; one epoch of 10,000 digits each. How many of the six are of any use?

# %%
part = TensorDataset(*learnt[:10_000])
few = f"{len(part):,} of MNIST's digits"
curves, found = {}, {}
for lr in (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0):
    md.manual_seed(lesson.seed)
    network = md.models.fc64()
    losses = train(network, part, lr)
    found[lr] = misread(network)
    curves[f"{lr:g}"] = range(len(losses)), losses
    print(f"rate {lr:<7g} loss at the end {np.mean(losses[-10:]):<8.3g} {found[lr]:.1f} % misread ({few})")
right = dict(lines={"FC64": (list(found), list(found.values()))}, xlabel="rate", xscale="log", ylabel="misread, %")
lesson.show(plots.lines(dict(lines=curves, xlabel="step", ylabel="training loss", ylim=(0, 4)), right), "rates")

# %% [markdown]
# Too small: nothing is learnt in time. Too large: it jumps out of the valley. The best lies just below: find it first.
#
# ## 6. Predict: the batch size
#
# A batch's gradient is a mean: the larger the batch, the more exact it is, and the fewer steps an epoch has. Of these
# 10,000 digits, at the rates below: which size is best after three epochs, and how much faster is 256 than one by one?

# %%
suited = {1: 0.01, 10: 0.1, 64: 0.2, 256: 0.2, 1024: 0.2}
runs = {b: (md.models.fc64(), [], []) for b in suited}
for _ in range(3):
    for b, (network, spent, found) in runs.items():  # in turns: what else the machine does slows all of them
        started = lesson.seconds
        train(network, part, suited[b], b)
        spent.append(lesson.seconds - started)
        found.append(round(misread(network), 2))
for b, (_, spent, found) in runs.items():
    results[f"batches of {b}, {few}"] = [dict(seed=lesson.seed, error=found[-1] / 100, seconds=np.mean(spent).round(3))]
    print(f"batches of {b:<5} {np.mean(spent):7.3f} s an epoch, {found[-1]:5.1f} % misread at the end ({few})")
left = dict(lines={b: (range(1, 1 + len(found)), found) for b, (*_, found) in runs.items()}, xlabel="epoch")
right = dict(lines={b: (np.cumsum(spent), found) for b, (_, spent, found) in runs.items()}, xlabel="seconds")
lesson.show(plots.lines(left | dict(ylabel="misread, %"), right | dict(xscale="log")), "batches")

# %% [markdown]
# Small batches learn more from each digit, large ones see more digits a second; one by one, the machine is busy with
# Python. 64 misreads a third more than 10, in a fifth of the time; at 256, three epochs are too few steps.
#
# ## 7. Predict: cars
#
# 392 cars: cylinders, weight (1,613 to 5,140 pounds), … and `mpg`, miles per gallon. At which rates can 32 hidden
# neurons learn `mpg` from raw numbers? If all are **standardised**, (x − mean) / deviation? Exercise: there, and back.

# %%
def scaler(learnt):
    """Two functions: x standardised by the columns of `learnt` (N, columns), and back; constant ones only shift."""
    raise NotImplementedError

check("03.2", scaler)

# %%
def encoder(table, scale=True):
    return TableEncoder("mpg", standardize=scale, standardize_target=scale).fit(table)

def trial(learnt, asked, encoder, lr=0.05, loss=F.mse_loss, reader=None):
    """How many miles a gallon a network is off about cars that are asked; `reader` encodes them, if another does."""
    network = md.models.mlp(len(encoder.features), 32, 1)
    train(network, encoder.transform(learnt), lr, 32, 60, loss)
    x = (reader or encoder).transform(asked).tensors[0].to(lesson.device)
    return np.abs(encoder.inverse_target(network(x).detach())[:, 0] - asked["mpg"]).mean()

table = tables.cars()[np.random.default_rng(lesson.seed).permutation(392)]
some, rest = table[:300], table[300:]
print(f"always the mean: {np.abs(rest['mpg'] - some['mpg'].mean()).mean():.1f} miles off")
for lr in (1e-6, 1e-4, 1e-2):
    raw, scaled = (trial(some, rest, encoder(some, scale), lr) for scale in (False, True))
    print(f"rate {lr:<6g} raw {raw:9,.1f} miles off, standardised {scaled:.1f}")

# %% [markdown]
# One rate can't serve both: the loss bends with the square of a column's size, 3,000² for pounds and 5² for cylinders.
#
# ## 8. Predict: what a loss asks for
#
# For a number that is d off: d², |d|, or **Huber's** loss, d²/2 up to δ and straight on from there. For a class: −ln p,
# or (1 − p)². Sketch their slopes, which backward sends. Which tells *nothing* to a network that is sure and wrong? And
# which bears it that six of 300 answers were typed without their point, 180 for 18.0? Exercise: Huber's.

# %%
def huber(d, delta):
    """The mean Huber loss of the distances d (n,): d²/2 up to delta, and from there on as steep as it is there."""
    raise NotImplementedError

check("03.3", huber)

# %%
def slopes(x, losses):
    return {name: (x.tolist(), md.autograd.grad(loss.sum(), x)[0].tolist()) for name, loss in losses.items()}

d, z = (md.linspace(-end, end, 161, requires_grad=True) for end in (3, 8))
number = slopes(d, {"d²": d * d, "|d|": d.abs(), "Huber, δ = 1": F.huber_loss(d, 0 * d, reduction="none")})
label = slopes(z, {"−ln p": -F.logsigmoid(z), "(1 − p)²": (1 - z.sigmoid()) ** 2})
lesson.show(plots.lines(dict(lines=number, xlabel="d", ylabel="slope"), dict(lines=label, xlabel="score")), "slopes")
mistyped = md.data.Table({**some.columns, "mpg": some["mpg"] * np.where(np.arange(300) % 50, 1, 10)})
for name, loss in {"d²": F.mse_loss, "|d|": F.l1_loss, "Huber": lambda z, y: F.huber_loss(z, y, delta=0.3)}.items():
    typed, clean = (trial(one, rest, encoder(one), loss=loss) for one in (mistyped, some))
    print(f"{name:6} {typed:.1f} miles off; {clean:.1f} without the mistakes")

# %% [markdown]
# At a score of −8 (p is 0.0003) −ln p pulls with all its strength, and (1 − p)² has given up: hence cross-entropy.
#
# ## 9. Predict, then investigate: whose mean?
#
# Learn from the 1970s, predict the 1980s, whose cars go further. Standardise by the 1970s or, a common mistake, by
# *all* cars: how good does a network seem that has learnt nothing, and answers 0? And with each decade by itself?

# %%
old, new = table[table["year"] < 80], table[table["year"] >= 80]
for name, by in {"the 1970s": encoder(old), "all cars": encoder(table)}.items():
    nothing = np.abs(by.scales["mpg"].mean - new["mpg"]).mean()
    print(f"by {name}: {nothing:.1f} miles off before it learns, {trial(old, new, by):.1f} after")
print(f"each decade by itself: {trial(old, new, encoder(old), reader=encoder(new)):.1f} after")

# %% [markdown]
# The mean of all cars gives away answers that nobody has yet; by themselves, the cars of 1981 look like those of 1975.
# **Statistics are learnt where weights are learnt, and kept with them.**
#
# ## 10. Modify and make
#
# - Modify: give `F.mse_loss` answers (N,) for outputs (N, 1). Read the warning; what does the network learn, and why?
# - Make: a loss that counts an error twice if a car goes less far than you said.

# %%
lesson.record(f"MNIST, {len(learnt):,} + {len(held_out):,}", learnt.tensors[0].device, results)
print(f"FC256-FC256: {100 - np.mean(errors):.2f} % right ({size}); {lesson.seconds:.0f} s in all")
