# %% [markdown]
# # 18 · What it costs
#
# Where do the seconds of a training go, and the bytes? You profile a step, count its multiplications, hold each op
# against what the machine can do, buy memory with time, and share a batch among processes, until more of them don't
# help. About 30 minutes; you need lessons 05 and 06.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.data import DataLoader
from minidl.learn import Lesson, check, plots
from minidl.learn.measuring import megabytes, on_ranks, seconds
from minidl.utils.checkpoint import checkpoint_sequential

lesson = Lesson("18")
md.set_default_device("cpu")  # a GPU has its turn in step 5
md.set_num_threads(1)  # what one core does; in step 9 others are processes of their own
plans = {"ci": (8 ** np.arange(3), 2, 64, 4), "core": (2 ** np.arange(10), 10, 256, 12)}
sizes, repeats, shared, steps = plans.get(lesson.profile, (2 ** np.arange(10), 30, 256, 15))
digits = md.data.MNIST()
images, labels = next(iter(DataLoader(digits, 512)))

def training(network, x, y):
    """A function that makes one step, and waits for its end."""
    optimizer = optim.Adam(network.parameters())
    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        loss.item()
    return step

# %% [markdown]
# ## 1. Predict, then run: where does the time go?
#
# A step of SimpLeNet on 128 digits: forward, backward, Adam. Which layer takes longest? (Layers that one kernel serves
# stand together: features.0–2.) How much of the time goes to products of matrices, other loops over arrays, and Python?

# %%
def profile(step):
    step()
    with md.profiler.profile() as prof:
        for _ in range(repeats):
            step()
    return prof
step = training(network := md.models.SimpLeNet(), images[:128], labels[:128])
prof = profile(step)
print(nn.summary(network, (1, 28, 28)))
print(prof.layers().table(), prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=6), sep="\n")

# %% [markdown]
# ## 2. Make: count
#
# Work is counted in *multiply-adds*, a·b + c: each output of a convolution takes one for each weight of its filter.
# Exercise: all those of a convolution, for an image of size×size; with `groups`, a filter sees a part of the channels.
# Then look back at the tables: does the layer with most of the work take most of the time?

# %%
def multiply_adds(inputs, outputs, kernel, size, stride=1, padding=0, groups=1):
    """How many multiply-adds a convolution of kernel×kernel takes, from `inputs` channels to `outputs`."""
    raise NotImplementedError

check("18.1", multiply_adds)

# %% [markdown]
# ## 3. Make: two walls
#
# A machine does so many operations a second (GFLOP/s: 10⁹), and brings so many bytes from memory: the *roofline*
# (Williams et al., 2009). Which of them an op waits for depends on its operations on a byte, the **intensity**: for
# relu 1/8, one operation, 4 bytes read, 4 written. Exercise: a product of matrices, at best. A multiply-add is *two*.

# %%
def product_seconds(n, k, m, flops, bandwidth):
    """The least time for a product n×k by k×m in float32, at so many operations and so many bytes a second."""
    raise NotImplementedError

check("18.2", product_seconds)

# %% [markdown]
# ## 4. Predict: who stands where?
#
# The same step with each layer by itself, `md.no_fusion()`. Which ops stand under the slope, where memory is the wall,
# and which under the flat roof? (What stands above it finds its data in the cache.) How much longer does the step take?

# %%
peaks = md.profiler.measure_peaks(*((512, 16) if lesson.profile == "ci" else ()))
with md.no_fusion():
    single = profile(step)
print(single.roofline(peaks, row_limit=8))
lesson.show(plots.roofline(peaks, single.key_averages()), "roofline")
together, apart = (1e3 * seen.seconds / repeats for seen in (prof, single))
print(f"layers together {together:.0f} ms a step; each for itself, with more ways to memory, {apart:.0f} ms")

# %% [markdown]
# ## 5. Predict: the batch
#
# How many images a second, with 1, 8, 64, 512 in a batch? Does it rise for ever? For one image the first dense layer is
# 1×800 by 800×256: what is its intensity? A step takes about a + b·B seconds: what is a spent on?

# %%
rates, lines, fits = {}, {}, {}
for device in dict.fromkeys(["cpu", lesson.device]):
    there, x, y = md.models.SimpLeNet().to(device), images.to(device), labels.to(device)
    took = np.array([seconds(training(there, x[:size], y[:size]), repeats, device) for size in sizes])
    b, a = fits[device] = np.polyfit(sizes, took, 1, w=1 / took)
    rates[device] = dict(zip(map(str, sizes), (sizes / took).round(1).tolist()))
    lines |= {device: (sizes, sizes / took), f"{device}, B / (a + b·B)": (sizes, sizes / (a + b * sizes))}
    print(f"{device}: {rates[device]} images a second; a step takes {1e3 * a:.1f} ms + {1e3 * b:.3f} ms an image")
print("No GPU was asked for; --device cuda sets one beside the CPU" * (lesson.device == "cpu"))
pane = dict(lines=lines, xscale="log", yscale="log", xlabel="images in a batch", ylabel="images a second")
lesson.show(plots.lines(pane), "batches")

# %% [markdown]
# ## 6. Investigate: the bytes
#
# Weights and Adam's two moments, three times 233,196 numbers, are there all the time. A step adds gradients, and what
# backward needs of the layers. How many MB is that for one image? For 512?

# %%
held = {str(size): round(megabytes(training(network, images[:size], labels[:size])), 2) for size in sizes}
print(f"always {3 * 4 * 233_196 / 1e6:.1f} MB; a step takes {held} MB more")

# %% [markdown]
# ## 7. Predict: memory for time
#
# Sixteen convolutions in a row keep what goes into each, for backward. *Checkpointing* (Chen et al., 2016) cuts the row
# into k parts, keeps what goes into a *part*, and computes the rest once more when backward comes there. With which k,
# of 1, 2, 4, 8 and 16, is memory least? How much longer does a step take? Do the gradients change?

# %%
deep = nn.Sequential(*(layer for _ in range(16) for layer in (nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())))
x, traded, gradients = md.rand(16, 16, 28, 28), {}, []
for parts in (1, 2, 4, 8, 16):
    def step(parts=parts):
        deep.zero_grad()
        checkpoint_sequential(deep, parts, x).mean().backward()
    traded[parts] = dict(MB=round(megabytes(step), 2), ms=round(1e3 * seconds(step, repeats), 1))
    gradients.append(np.concatenate([p.grad.numpy().ravel() for p in deep.parameters()]))
    print(f"{parts:2} parts: {traded[parts]['MB']} MB, {traded[parts]['ms']} ms")
print("gradients that differ:", sum(int((g != gradients[0]).sum()) for g in gradients))

# %% [markdown]
# Kept is what goes into k parts and, for one of them at a time, into its 16/k layers; k + 16/k is least at k = √16.
#
# ## 8. Make: a batch in parts
#
# *Data-parallel* training: each of p processes, the **ranks**, has the whole network and a part of the batch. An
# *all-reduce* gives the mean of their gradients to all, and all make the same step. Exercise: that mean must be the
# gradient of the whole batch, even where the parts differ in size.

# %%
def averaged(gradient, parts):
    """The gradient of the mean loss over all samples; gradient(x, y) gives that over one part (x, y) of them."""
    raise NotImplementedError

check("18.3", averaged)

# %% [markdown]
# ## 9. Predict: two processes
#
# `mpiexec -n 2` starts this program twice; each rank takes every second digit. Beside it stand two parts averaged by
# hand, and whole batches, all in float64. Which weights will be equal to the last bit? Are two ranks twice as fast?

# %%
program, left = lesson.out / "ranks.py", lesson.out / "ranks.safetensors"
program.write_text("""
import sys, time
import minidl as md
from minidl import distributed, optim
batch, steps, left = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
distributed.init_process_group()
rank, ranks = distributed.get_rank(), distributed.get_world_size()
md.set_num_threads(1)
md.manual_seed(1)
network = distributed.DistributedDataParallel(md.models.SimpLeNet().double())  # averages gradients in backward
optimizer, seconds = optim.SGD(network.parameters(), lr=0.02), []
for _, (x, y) in zip(range(steps), md.data.DataLoader(md.data.MNIST(), batch)):
    x = x.double()
    started = time.process_time()
    optimizer.zero_grad()
    md.functional.cross_entropy(network(x[rank::ranks]), y[rank::ranks]).backward()
    optimizer.step()
    seconds.append(time.process_time() - started)
if rank == 0:
    md.save({"weights": md.nn.utils.parameters_to_vector(network.parameters()), "seconds": min(seconds)}, left)
""", "utf-8")

def by_hand(ranks):
    """The weights, learnt by the mean of the gradients of so many parts of each batch."""
    md.manual_seed(1)
    network = md.models.SimpLeNet().double()
    optimizer = optim.SGD(network.parameters(), lr=0.02)
    for _, (x, y) in zip(range(steps), DataLoader(digits, shared)):
        optimizer.zero_grad()
        for rank in range(ranks):  # gradients add up to their mean
            (F.cross_entropy(network(x.double()[rank::ranks]), y[rank::ranks]) / ranks).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(network.parameters()).detach()
pairs, took = {"two parts by hand, and whole batches": (hand := by_hand(2), by_hand(1))}, {}
if on_ranks(2, program, shared, steps, left):
    two = md.load(left)
    pairs["two ranks, and two parts by hand"] = (two["weights"], hand)
    on_ranks(1, program, shared, steps, left)
    took = {"one rank": md.load(left)["seconds"], "each of two": two["seconds"]}
    print("a step takes a processor", ", ".join(f"{1e3 * s:.1f} ms on {who}" for who, s in took.items()))
found = {who: ((one != other).sum().item(), (one - other).abs().max().item()) for who, (one, other) in pairs.items()}
print(*(f"{who}: {differ:,} weights differ, by {most:.0e} at most" for who, (differ, most) in found.items()), sep="\n")

# %% [markdown]
# What is added in the same order has the same bits; in another order, it is rounded differently.
#
# ## 10. Predict: a thousand processes
#
# A message of n bytes takes α + β·n seconds. In an all-reduce on p ranks each sends 2·log₂p messages, one after the
# other, of 2n·(p − 1)/p bytes together (Thakur et al., 2005). With the a and b of step 5, a batch of 4,096 takes a +
# b·4096/p, and that on top. How many times as fast are 1,024 ranks? What isn't shared, a, sets a limit (Amdahl, 1967).

# %%
LINKS = {"InfiniBand, 200 Gbit/s": (1.5e-6, 4e-11), "Ethernet, 10 Gbit/s": (30e-6, 8e-10), "1 Gbit/s": (50e-6, 8e-9)}
ranks, n, (b, a) = 2 ** np.arange(11), 4 * 233_196, fits["cpu"]
shares, own = {"p times": (ranks, ranks)}, {}
for link, (alpha, beta) in LINKS.items():
    messages = 2 * np.log2(ranks) * alpha + 2 * n * beta * (ranks - 1) / ranks
    shares[link] = ranks, (a + b * 4096) / (a + b * 4096 / ranks + messages)
    own[link] = ranks, 100 * (a + b * 128) / (a + b * 128 + messages)
    print(f"{link}: 1,024 are {shares[link][1][-1]:.0f} times as fast; with 128 images each, {own[link][1][-1]:.0f} %")
print(f"no number of ranks is more than {(a + b * 4096) / a:.0f} times as fast")
left_pane = dict(lines=shares, xscale="log", yscale="log", xlabel="ranks", ylabel="times as fast: 4,096 images shared")
right_pane = dict(lines=own, xscale="log", xlabel="ranks", ylim=(0, 103), ylabel="speed of each, %: 128 images each")
lesson.show(plots.lines(left_pane, right_pane), "ranks")

# %% [markdown]
# A batch can grow with the ranks, as long as it learns as much from each image (lesson 03). And messages travel while
# backward still goes on, which this model leaves out.
#
# ## 11. Modify and make
#
# - Modify: `md.set_num_threads(2)`. Which numbers change, and which can't?
# - Modify: the VGG-style network of lesson 12 in steps 5 and 10. Why does a slow line slow it less?
# - Make: `network.no_sync()` gathers the gradients of four batches before a message. What does a step cost then?

# %%
results = dict(rates=rates, megabytes=held, checkpoints=traded, differ=found, seconds=took)
lesson.record(f"MNIST, {max(sizes)}", "cpu", {name: [dict(seed=1) | values] for name, values in results.items()})
print(f"{rates['cpu'][str(max(sizes))]:,.0f} images a second on one core; {lesson.seconds:.0f} s in all")
