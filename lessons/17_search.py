# %% [markdown]
# # 17 · Random against grid search
#
# Somebody has to choose the learning rate, the width, the decay: the **hyperparameters**, which no gradient reaches.
# Let two ways of choosing compete, find out what a winner's score is worth, and look at the ground that all training
# descends on: the loss around a network, with skips and without. About 30 minutes; you need lessons 08 and 10.

# %%
import copy

import numpy as np
from scipy.stats import loguniform, uniform

import minidl as md
import minidl.functional as F
from minidl import interpret, nn, optim
from minidl.data import DataLoader
from minidl.learn import Lesson, check, plots
from minidl.train import search

lesson = Lesson("17")
rng = np.random.default_rng(lesson.seed)

# %% [markdown]
# ## 1. Predict: nine trials
#
# A network 784 → 32 → 32 → 10 learns 500 digits by Adam; the rate may be 10⁻⁵ to 1, the weight decay 10⁻⁷ to 10⁻³. Nine
# trials can be paid for: three rates times three decays, a **grid**, or nine points at random. How many different rates
# does each of the two try? And of rates drawn *uniformly* from 10⁻⁵ to 1, how many are below 0.01?

# %%
space = {"rate": loguniform(1e-5, 1), "decay": loguniform(1e-7, 1e-3)}
nine = {
    "grid": search.grid({"rate": [1e-4, 10**-2.5, 1e-1], "decay": [1e-6, 1e-5, 1e-4]}, lesson.seed),
    "random": search.sample(space, 9, lesson.seed),
    "uniform": search.sample({**space, "rate": uniform(1e-5, 1)}, 9, lesson.seed),
}
for name, trials in nine.items():
    print(f"{name:8} rates", *sorted({f"{trial['rate']:.1e}" for trial in trials}, key=float))

# %% [markdown]
# A rate acts by its *factor*: 0.001 and 0.002 differ as 0.1 and 0.2 do. So its logarithm is what is drawn uniformly.
#
# ## 2. Predict: which of the two matters?
#
# A search has an *objective*: a function from a trial to its score, here the error on *watched* digits. For once we pay
# for all trials, each rate with each decay. Along which of the two does the error change, and by how much?

# %%
plans = {"ci": (500, 12, 40, 100), "core": (10_000, 24, 100, 300), "full": (10_000, 48, 100, 3000)}
(most, fine, steps, deep_steps), networks, results = plans[lesson.profile], {}, {}
images, labels = next(iter(DataLoader(md.data.MNIST(), 1500)))
tested = next(iter(DataLoader(md.data.MNIST(train=False), most)))
learnt, watched = (images[:500], labels[:500]), (images[500:], labels[500:])

def begin(seed, rate, decay, width=32, momentum=0.9):
    md.manual_seed(seed)
    network = md.models.mlp(784, width, width, 10)
    return network, optim.Adam(network.parameters(), lr=rate, betas=(momentum, 0.999), weight_decay=decay)

def learn(network, optimizer, images, labels, steps):
    for _ in range(steps):
        batch = md.randint(len(labels), (50,))
        optimizer.zero_grad()
        F.cross_entropy(network(images[batch]), labels[batch]).backward()
        optimizer.step()

@md.no_grad()
def misread(network, images, labels):
    return (network(images).argmax(1) != labels).numpy()

def error(trial):
    """The share of the watched digits that a network misreads; it is kept by the trial's number."""
    network, optimizer = begin(trial.seed, **trial.params)
    learn(network, optimizer, *learnt, trial.budget or steps)
    networks[trial.number] = network
    return misread(network, *watched).mean()

axes = {"rate": np.geomspace(1e-5, 1, fine), "decay": np.geomspace(1e-7, 1e-3, 6)}
errors = np.array([outcome.score for outcome in search.run(error, search.grid(axes, lesson.seed))]).reshape(fine, 6)
for name, means in {"rate": errors.mean(1), "decay": errors.mean(0)}.items():
    print(f"mean error by {name}: {means.min():.1%} to {means.max():.1%}")
points = {name: [[trial[key] for trial in nine[name]] for key in axes] for name in ("grid", "random")}
lesson.show(plots.searches(errors, *axes.values(), points, "weight decay"), "searches")

# %% [markdown]
# This is Bergstra & Bengio's figure (2012), of a real network. Few hyperparameters matter, but nobody knows beforehand
# which. A grid spends its trials on repeating each rate; at random, each trial tries a new one.
#
# ## 3. Make: none twice
#
# `search.sample` draws from lists *without replacement*. Exercise: that. Write down 0 … n − 1; for i = 0, 1, … exchange
# what stands at place i with the ⌊u·m⌋-th of the m = n − i from there on (Fisher & Yates, 1938).

# %%
def distinct(n, u):
    """As many different numbers below n as u has, in the order in which they are drawn; u is uniform in [0, 1)."""
    raise NotImplementedError

check("17.1", distinct)

# %% [markdown]
# ## 4. Predict: the best so far
#
# Take all trials in a random order, a thousand times: what does the best one so far misread? And the same for all grids
# of 3 rates × 3 decays, of 6 × 3 and of 3 × 6 that the table holds. Draw the curves. Which of the two larger grids
# would you choose if you knew what matters? Where between them is the random search?

# %%
def best_so_far(chosen_by, told, repeats):
    """Of trials in random orders: what is `told` of that whose `chosen_by` is least so far (repeats, trials)."""
    ranked = np.argsort(chosen_by, kind="stable")
    orders = rng.permuted(np.tile(np.arange(len(ranked)), (repeats, 1)), axis=1)  # of ranks
    return 100 * told[ranked][np.minimum.accumulate(orders, axis=1)]

by_digit, on_test = (np.array([misread(networks[n], *data) for n in range(6 * fine)]) for data in (watched, tested))
on_test, numbers = on_test.mean(1), np.arange(6 * fine).reshape(fine, 6)
curves = {"random": best_so_far(errors.ravel(), on_test, 1000)[:, :18]}
for rates, decays in ((3, 3), (6, 3), (3, 6)):
    step, jump = fine // rates, 6 // decays
    grids = [numbers[i::step, j::jump].ravel() for i in range(step) for j in range(jump)]
    several = [best_so_far(errors.ravel()[grid], on_test[grid], 1000 // len(grids)) for grid in grids]
    curves[f"grids, {rates} × {decays}"] = np.concatenate(several)
for name, curve in curves.items():
    means, spreads = curve.mean(0).round(1), curve.std(0).round(1)
    results[name] = dict(error=list(means), spread=list(spreads))
    print(f"{name:13}", *(f"after {n}: {means[n - 1]}% ± {spreads[n - 1]}" for n in (9, 18) if n <= len(means)))
lesson.show(plots.bands(curves, "trials", "test error of the best so far, %"), "best-so-far")

# %% [markdown]
# Random search knows nothing, and comes as far as the grid of somebody who knew. Exercise: no thousand orders are
# needed. n of `total` trials are drawn; the i-th best of all is the best of these if it is drawn and no better one is.

# %%
def chances(total, n):
    """The chance (total,) of each of `total` trials, the best first, to be the best of n that are drawn."""
    raise NotImplementedError

check("17.2", chances)

# %% [markdown]
# ## 5. Predict: what is a winner worth?
#
# «The best of all trials misreads … of the 100 validation digits», says a report. As the number of trials grows, what
# becomes of the error that is *reported*, and of the same network's error on 900 other digits?

# %%
hundreds = by_digit.reshape(len(by_digit), 10, 100).mean(2).T
kinds = {"reported, on 100 digits": hundreds, "true, on 900 others": (hundreds.sum(0) - hundreds) / 9}
worth = {k: np.concatenate([best_so_far(*pair, 100) for pair in zip(hundreds, told)]) for k, told in kinds.items()}
results["winner"] = dict(zip(("reported", "true"), (float(values[:, -1].mean().round(1)) for values in worth.values())))
print("best of {} by 100 digits: {reported}% is reported, {true}% is true".format(errors.size, **results["winner"]))
lesson.show(plots.bands(worth, "trials", "error of the best so far, %"), "reported")

# %% [markdown]
# The longer the search, the luckier its winner. Choose by validation digits, ask the test digits *once*, and say how
# many trials there were (Dodge et al., 2019).
#
# ## 6. Run: drop the poor ones early
#
# **Successive halving**: 27 trials, of four hyperparameters now, for 10 steps; the best 9 for 30, the best 3 for 90. A
# journal keeps what is done: a search that stops when the power fails can go on from there. Here the second time finds
# all done. In the pictures, look for what is a curve and what a cloud: that tells which hyperparameters matter.

# %%
journal = lesson.out / "halving.jsonl"
journal.unlink(missing_ok=True)
wide = search.sample({**space, "width": [8, 16, 32, 64, 128], "momentum": uniform(0.5, 0.49)}, 27, lesson.seed)
for time in ("first", "second"):
    begun = lesson.seconds
    halved = search.halving(error, wide, budget=10, max_budget=90, journal=journal)
    print(f"{time} time: {lesson.seconds - begun:.2f} s")
print(f"{sum(outcome.budget for outcome in halved.stages)} steps, where 90 for all are {27 * 90}; the best:")
print(*str(halved).splitlines()[:7], sep="\n")
lesson.show(halved.plot(), "halving")

# %% [markdown]
# ## 7. Predict: two networks that are the same
#
# What is the loss *around* a network? Add a random direction to its weights, −1 to 1 times, and draw the loss. The
# winner has a twin: the first layer ten times as large, the second a tenth; with relu they answer alike. Move both in
# the same direction. Which seems to lie in a flat valley, and which in a crack?

# %%
winner, at = networks[halved.best.number], np.linspace(-1, 1, 21)
twin = copy.deepcopy(winner)
for p, factor in zip(twin.parameters(), (10, 10, 0.1)):
    p.data *= factor
print(f"answers at most {(twin(images) - winner(images)).abs().max().item():.0e} apart")

def loss(network):
    return F.cross_entropy(network(learnt[0]), learnt[1]).item()

def way(network, seed=lesson.seed):
    return interpret.random_direction(network, md.Generator().manual_seed(seed))

ways = {"winner": (winner, winner), "twin, same direction": (twin, winner), "twin, its own": (twin, twin)}
lines = {name: (at, interpret.loss_landscape(who, loss, way(whose), at)) for name, (who, whose) in ways.items()}
print(*(f"{name}: loss {y[10]:.3f}, half a step away {y[15]:.3f}" for name, (_, y) in lines.items()), sep="\n")
lesson.show(plots.lines(dict(lines=lines, xlabel="step", ylabel="loss", yscale="log")), "twins")

# %% [markdown]
# The crack was in the measure. Li et al. (2018) make each *filter* of a direction, a neuron's row of weights, as long
# as the network's own: `interpret.random_direction`. Measured so, the twins have one curve. Exercise: that.

# %%
def normalised(direction, weight):
    """The direction (O, …), each of its filters as long as that of the weights (O, …)."""
    raise NotImplementedError

check("17.3", normalised)

# %% [markdown]
# ## 8. Predict: with skips and without
#
# Lesson 10's networks of twenty layers, dense ones here, after the same training; the loss in two directions at once.
# On how much of each map is it below ln 10 = 2.303, the loss of a guess? (The red line.)

# %%
class Skip(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)

heights = {}
for name, kind in {"with skips": Skip, "without": nn.Sequential}.items():
    md.manual_seed(lesson.seed)
    pairs = []
    for _ in range(9):
        layers = nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.BatchNorm1d(32)
        pairs += [kind(*layers), nn.ReLU()]
    deep = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), *pairs, nn.Linear(32, 10))
    learn(deep, optim.SGD(deep.parameters(), lr=0.03, momentum=0.9), images, labels, deep_steps)
    heights[name] = interpret.loss_landscape(deep, loss, way(deep), at, way(deep, lesson.seed + 1), at)
    results[name] = dict(loss=round(heights[name][10, 10], 3), below=round(np.mean(heights[name] < np.log(10)), 3))
    print("{:10} loss {loss:.2f}; below ln 10 on {below:.0%} of the map".format(name, **results[name]))
lesson.show(plots.landscapes(heights, at, "loss", np.log(10)), "landscapes")

# %% [markdown]
# With skips a bowl; without, wide flat ground about ln 10, where hardly a slope tells the way, and then walls.
#
# ## 9. Investigate, modify and make
#
# - Investigate: a map shows two directions of 20,000. Draw others, by other seeds. What do all the maps have in common?
# - Modify: the grid's rates in step 1, from 10⁻⁷ to 10⁻⁴. Where are they on the map? Can random search be so wrong?
# - Make: the way from one trained network to another is a direction, too. Go along it, from 0 to 1: is there a wall?

# %%
size = f"MNIST, 500 + 1,000 + {len(tested[1]):,}"
lesson.record(size, lesson.device, {name: [dict(seed=lesson.seed, **row)] for name, row in results.items()})
print(f"best of the table: {1 - on_test[errors.argmin()]:.1%} right ({size}); {lesson.seconds:.0f} s in all")
