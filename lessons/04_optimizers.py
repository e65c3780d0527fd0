# %% [markdown]
# # 04 · Which way is down
#
# Backward tells each weight which way is down, and nothing about how far to go. You see on a valley what that costs,
# meet nine answers and build two of them; then you find where to *start*, so that anything comes back at all. About 30
# minutes; you need lesson 02.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.learn import Lesson, check, plots

lesson = Lesson("04")

# %% [markdown]
# ## 1. Predict: a valley
#
# f(x, y) = (x² + 50·y²) / 2, from (−8, 1.5), down to (0, 0). The gradient is (x, 50·y): steep across, flat along. With
# steps of *lr* times the gradient, y is multiplied by 1 − 50·lr each time. Above which lr does it jump ever higher?

# %%
def valley(place):
    return (place[0] ** 2 + 50 * place[1] ** 2) / 2

def descend(make, steps=60):
    """The places that an optimizer goes through."""
    place = md.tensor([-8.0, 1.5], requires_grad=True)
    optimizer, places = make([place]), []
    for _ in range(steps):
        places.append(place.tolist())
        optimizer.zero_grad()
        valley(place).backward()
        optimizer.step()
    return np.array(places)

for lr in (0.01, 0.039, 0.041):
    places = descend(lambda p, lr=lr: optim.SGD(p, lr=lr))
    print(f"lr {lr}: after 60 steps the height is {valley(places[-1]):.3g}")

# %% [markdown]
# At 2 / 50 = 0.04. The steepest direction sets the rate, and the flattest one, fifty times flatter, has to crawl with
# it. That ratio, 50, is the *condition number*; of a network it is thousands.
#
# ## 2. Predict: with memory
#
# **Momentum** adds up gradients as a ball does, v ← μ·v + g: across the valley they cancel, along it they add.
# **RMSprop** divides each gradient by its own usual size, so that all are equally steep. **Adam** does both.
# Sketch the paths.

# %%
makers = {
    "SGD": lambda p: optim.SGD(p, lr=0.038),
    "momentum": lambda p: optim.SGD(p, lr=0.01, momentum=0.9),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.3),
    "Adam": lambda p: optim.Adam(p, lr=0.6),
}
paths = {name: descend(make) for name, make in makers.items()}
lesson.show(plots.paths(paths, lambda x, y: (x**2 + 50 * y**2) / 2, (-9, 3), (-2.2, 2.2)), "valley")
for name, path in paths.items():
    low = np.flatnonzero(valley(path.T) < 0.01)
    print(f"{name:9} below 0.01 after {low[0] if len(low) else 'more than 60'} steps")

# %% [markdown]
# RMSprop arrives first. Momentum and Adam get near as fast, and run past: a ball does not know that it has arrived. SGD
# crosses the valley again and again, and hardly moves along it. (Smaller steps towards the end help; that is what
# schedules are for.)
#
# Exercises: SGD with momentum, p ← p − lr·v, and Adam (Kingma & Ba, 2015, algorithm 1), p ← p − lr·m/(√v + ε),
# where m and v are moving averages of g and g². Both begin at 0, so they are too small at first; dividing each by 1 −
# βᵗ mends exactly that, at step t = 1, 2, … All arrays have the shape of p.

# %%
def momentum_step(p, g, v, lr=0.1, momentum=0.9):
    """One step of SGD with momentum: the new parameter and the new v."""
    raise NotImplementedError

def adam_step(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    """The step number t of Adam, from 1 on: the new parameter, m and v."""
    raise NotImplementedError

check("04.1", momentum_step)
check("04.2", adam_step)

# %% [markdown]
# ## 3. Predict, then run: nine on digits
#
# One *hidden* layer of 64 neurons between the pixels and the ten scores, with **relu**, max(0, ·), behind it: `mlp(784,
# 64, 10)`, whose `parameters()` are the tensors that are learnt. Not all digits are used at once, but *batches* of 50,
# which a `DataLoader` hands out; each time through the data, an *epoch*, in a new order. As in lesson 02, 1,000 digits
# are held out to measure the error.
#
# All nine get the same first weights and the same batches in the same order. *Nesterov* takes the gradient a little
# ahead, where momentum is about to go. *Adagrad* divides by the root of the sum of all squares so far, so that it slows
# down for ever; *Adadelta* forgets old ones, as RMSprop does, and finds its rate itself. *Adamax* divides by the
# largest gradient of late; *NAdam* is Adam with Nesterov's look ahead. Each has its usual rate. Which is fast at first?

# %%
def digits(train, most):
    """Images (n, 784) and labels (n,) of MNIST."""
    data = md.data.MNIST(train=train)
    images, labels = next(iter(md.data.DataLoader(data, batch_size=min(most, len(data)), shuffle=train)))
    return images.flatten(1), labels

md.manual_seed(lesson.seed)
most, epochs = (800, 1) if lesson.profile == "ci" else (4000, 4)
(images, labels), (held_out, held_out_labels) = digits(True, most), digits(False, 1000)
size = f"{len(images):,} + {len(held_out):,} digits, a part of MNIST"

def train(make, network):
    """The loss of each step, and the share of held-out digits that are misread."""
    optimizer, losses = make(network.parameters()), []
    loader = md.data.DataLoader(md.data.TensorDataset(images, labels), 50, shuffle=True)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    with md.no_grad():
        return losses, (network(held_out).argmax(1) != held_out_labels).float().mean().item()

makers = {
    "by the gradient, SGD": lambda p: optim.SGD(p, lr=0.05),
    "by the gradient, momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "by the gradient, Nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "by its size, Adagrad": lambda p: optim.Adagrad(p, lr=0.01),
    "by its size, Adadelta": lambda p: optim.Adadelta(p, lr=1.0),
    "by its size, RMSprop": lambda p: optim.RMSprop(p, lr=0.001),
    "by both, Adam": lambda p: optim.Adam(p, lr=0.001),
    "by both, Adamax": lambda p: optim.Adamax(p, lr=0.002),
    "by both, NAdam": lambda p: optim.NAdam(p, lr=0.002),
}
curves, results = {}, {}
for name, make in makers.items():
    md.manual_seed(lesson.seed)
    curves[name], results[name] = train(make, md.models.mlp(784, 64, 10))
    end = np.mean(curves[name][-20:])
    print(f"{name:26} loss at the end {end:.3f}, held-out error {results[name]:.1%} ({size})")
lesson.show(plots.compared(curves, "step", "training loss", window=8), "optimizers")

# %% [markdown]
# Which of these differences are those of the *rates*? Step 6 asks. What an adaptive rate gives is a meaning: a weight
# moves by about lr in a step, however large its gradient is. (Lesson 03 goes through rates in powers of ten.)
#
# ## 4. Predict: all weights 0
#
# Softmax regression learned from weights of 0, in lesson 02. Now a network with a hidden layer, with all weights and
# biases 0: what comes back to the first layer? And if all of them are 0.1?

# %%
for value in (0.0, 0.1):
    network = md.models.mlp(784, 64, 10)
    for p in network.parameters():
        nn.init.constant_(p, value)
    _, error = train(lambda p: optim.SGD(p, lr=0.05, momentum=0.9), network)
    neurons = np.unique(next(network.parameters()).detach().numpy().round(3), axis=0)
    print(f"all weights {value}: held-out error {error:.1%}, {len(neurons)} different neurons of 64 ({size})")

# %% [markdown]
# Neurons that begin alike stay alike: they get the same gradient for ever. Randomness **breaks the symmetry**. How much
# of it is the next question.
#
# ## 5. Predict: eight layers
#
# 256 inputs of (standard) deviation 1, eight layers of 256 with weights of deviation s, and tanh or relu behind each.
# With too small an s the signal dies; with too large a one tanh *saturates*: its outputs are ±1, its slope is 0. A unit
# of relu is *dead* if it is 0 for every input: nothing comes back through it. Which s keeps the signal alive?

# %%
def forward(activation, start, layers=8):
    """The outputs of each layer, for weights that `start` fills."""
    md.manual_seed(lesson.seed)
    x, outputs = md.randn(200, 256), []
    for _ in range(layers):
        x = activation(x @ start(md.empty(256, 256)))
        outputs.append(x)
    return outputs

starts = {
    "normal, 0.01": lambda w: nn.init.normal_(w, std=0.01),
    "normal, 1": lambda w: nn.init.normal_(w),
    "uniform, LeCun": nn.init.lecun_uniform_,
    "normal, LeCun": nn.init.lecun_normal_,
    "uniform, Glorot": nn.init.xavier_uniform_,
    "normal, Glorot": nn.init.xavier_normal_,
    "uniform, He": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "normal, He": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
}
print("weights           tanh: deviation, saturated    relu: deviation, dead")
for name, start in starts.items():
    by_tanh, by_relu = forward(md.tanh, start)[-1].numpy(), forward(F.relu, start)[-1].numpy()
    saturated, dead = np.mean(np.abs(by_tanh) > 0.99), np.mean((by_relu == 0).all(0))
    print(f"{name:18}{by_tanh.std():14.2g} {saturated:10.0%} {by_relu.std():20.2g} {dead:8.0%}")
for activation, name in ((md.tanh, "tanh"), (F.relu, "relu")):
    lesson.show(plots.layers({which: forward(activation, start) for which, start in starts.items()}), name)

# %% [markdown]
# A sum of n products has n times their variance, so s² = 1 / n keeps it: LeCun's and Glorot's (who also looks at the
# way back, and takes 2 / (n + outputs)). relu throws away half of it, hence **He's s² = 2 / n**. A tenth of the last
# units are dead whatever s is, since a factor changes no sign. Exercise: write He's start, for layers and convolutions.

# %%
def he_deviation(shape):
    """The deviation of He's normal start for weights (outputs, inputs) or (outputs, channels, k, k)."""
    raise NotImplementedError

check("04.3", he_deviation)

# %% [markdown]
# ## 6. Modify and make
#
# - Investigate: `md.viz.sketch` of the last layer's outputs, for each start. Which line tells you most?
# - Modify: Adam on the valley with `betas=(0.0, 0.999)` and `(0.9, 0.9)`. Which part makes the path round?
# - Modify: give SGD three times its rate on the digits, or ten. And Adam? What is left of their difference?
# - Make: AdamW. Weight decay is taken off the weights themselves, before the step, not added to g.

# %%
recorded = {name: [dict(seed=lesson.seed, error=error)] for name, error in results.items()}
lesson.record(f"MNIST, {len(images):,} + {len(held_out):,}", images.device, recorded)
best = min(results, key=results.get)
print(f"best: {best}, {1 - results[best]:.1%} right ({size}); {lesson.seconds:.0f} s in all")
