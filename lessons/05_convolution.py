# %% [markdown]
# # 05 · What a filter sees
#
# A *dense* layer, as the templates of lesson 02 are, looks at all pixels at once and must learn anew at every place
# what an edge is. A *convolution* slides a small window over the image and asks the same question everywhere. You build
# it three ways, try it on a photograph, walk back through it by hand, and see how far an output looks. About 30
# minutes; you need lesson 02.

# %%
import time

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn import Lesson, check, photographs, plots

lesson = Lesson("05")
rng = np.random.default_rng(lesson.seed)

# %% [markdown]
# ## 1. Predict: how many windows?
#
# A window of 3 slides over a row of 5 pixels. At how many places does it lie inside? With a zero added at each end
# (*padding* 1)? With steps of 2 (*stride* 2)? With a window of K, padding P and stride S: at how many places of N?

# %%
row = np.arange(1, 6)
for padding, stride in ((0, 1), (1, 1), (0, 2), (1, 2)):
    padded = np.pad(row, padding)
    windows = [padded[i : i + 3].tolist() for i in range(0, len(padded) - 2, stride)]
    print(f"padding {padding}, stride {stride}: {len(windows)} windows {windows}")

# %% [markdown]
# A window that does not fit is left out. Exercise: write the number as a formula, with *dilation* too, which spreads a
# window: between two of its K pixels lie D − 1 others, so that 3 pixels with D = 2 reach over 5.

# %%
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    """How many places a window has along a dimension of n pixels."""
    raise NotImplementedError

check("05.1", output_size)

# %% [markdown]
# Without dilation it is **⌊(N + 2P − K) / S⌋ + 1**: you will need it for every network that you build.
#
# ## 2. Predict, then run: by loops
#
# An image is C×H×W, a *filter* C×K×K. At each place the filter multiplies the window, all channels of it, number by
# number, and adds everything up: z[o, i, j] = Σ w[o, c, k, l] · x[c, i + k, j + l], over c, k and l. O filters give O
# pictures. (Mathematicians flip the window first; a network learns its filters either way.) An image of 5×5 with 2
# channels, and three filters of 3×3: which shape comes out without padding (*valid*), and which with as much of it as
# keeps the size (*same*)?

# %%
def by_loops(x, w):
    """Images (N, C, H, W) seen through filters (O, C, K, K), without padding: the definition."""
    k = w.shape[-1]
    z = np.zeros((len(x), len(w), x.shape[2] - k + 1, x.shape[3] - k + 1))
    for n, o, i, j in np.ndindex(z.shape):
        z[n, o, i, j] = (x[n, :, i : i + k, j : j + k] * w[o]).sum()
    return z

x, w = rng.standard_normal((1, 2, 5, 5)), rng.standard_normal((3, 2, 3, 3))
print("valid:", by_loops(x, w).shape[1:], "same:", by_loops(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), w).shape[1:])

# %% [markdown]
# ## 3. Predict: four filters and a photograph
#
# 1/9 everywhere; a column of −1, −2, −1, one of zeros, one of 1, 2, 1; the same turned; and 5 in the middle, −1 at its
# four sides, 0 at the corners. Which of them blurs, which finds edges, of which direction, and what does each make of a
# wall that is evenly grey?

# %%
photograph = photographs.grace_hopper(96)  # (H, W), grey, in [0, 1]
sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
sharper = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
filters = {"box": np.full((3, 3), 1 / 9), "left to right": sobel, "top to bottom": sobel.T, "sharper": sharper}
seen = by_loops(photograph[None, None], np.stack(list(filters.values()))[:, None])[0]
lesson.show(plots.filtered(photograph, dict(zip(filters, seen))), "filters")

# %% [markdown]
# The weights of the box and of the sharper add up to 1: an even wall stays as it is. Those of the two between them, by
# Irwin Sobel (1968), add up to 0, so that they answer 0 (white) where nothing changes; left to right finds upright
# edges, top to bottom level ones. In lesson 06 a network finds such filters by itself.
#
# ## 4. Predict, then run: by one product of matrices
#
# A product of matrices is what computers are built for. Lay each window down as a column of C·K·K numbers, and each
# filter as a row: **im2col**. One product gives every output. How many times as fast as loops is it?

# %%
def columns(x, k):
    """The windows of images (N, C, H, W), laid down: (N, C·k·k, places)."""
    views = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))  # (N, C, OH, OW, k, k)
    return views.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), x.shape[1] * k * k, -1)

def by_product(x, w):
    """The same as `by_loops`."""
    k = w.shape[-1]
    return (w.reshape(len(w), -1) @ columns(x, k)).reshape(len(x), len(w), x.shape[2] - k + 1, x.shape[3] - k + 1)

x, w = rng.standard_normal((8, 3, 20, 20)), rng.standard_normal((8, 3, 5, 5))
ways = {"loops": by_loops, "product": by_product, "minidl": lambda x, w: F.conv2d(md.tensor(x), md.tensor(w)).numpy()}
for name, way in ways.items():
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        z = way(x, w)
        seconds.append(time.perf_counter() - begun)
    assert np.allclose(z, by_product(x, w))
    print(f"{name}: {1000 * min(seconds):.1f} ms")
print(f"columns: {columns(x, 5).size / x.size:.0f} times the memory of the images")

# %% [markdown]
# The price is memory: each pixel is copied into every window that it lies in. Exercise: with stride and padding.

# %%
def convolve(x, w, stride=1, padding=0):
    """Images (N, C, H, W) seen through filters (O, C, K, K): (N, O, OH, OW)."""
    raise NotImplementedError

check("05.2", convolve)

# %% [markdown]
# ## 5. Predict: it is a matrix, and so is its way back
#
# Every output is a sum of pixels, each times a weight: z = M·x, where x is the image laid down as one column, and M has
# a row for each output. A 6×6 image (x has 36 numbers) and a 3×3 filter: how large is M, how many of its numbers are
# not 0, and how many *different* ones are there? And which matrix takes the gradient of z back to x?

# %%
w = rng.standard_normal((1, 1, 3, 3))
M = np.stack([by_loops(pixel.reshape(1, 1, 6, 6), w).ravel() for pixel in np.eye(36)], axis=1)
print(f"M: {M.shape}, {np.count_nonzero(M)} of {M.size} are not 0, {len(np.unique(M)) - 1} of them different")
lesson.show(plots.matrix(M, "pixel", "output"), "matrix")

g, v = rng.standard_normal((1, 1, 4, 4)), rng.standard_normal(36)
print(f"(M·v)·g = {(M @ v) @ g.ravel():.6f}, v·(Mᵀ·g) = {v @ (M.T @ g.ravel()):.6f}")
back = (M.T @ g.ravel()).reshape(6, 6)
assert np.allclose(back, F.conv_transpose2d(md.tensor(g), md.tensor(w)).numpy()[0, 0])
x = md.tensor(rng.standard_normal((1, 1, 6, 6)), requires_grad=True)
(F.conv2d(x, md.tensor(w)) * md.tensor(g)).sum().backward()
assert np.allclose(back, x.grad.numpy()[0, 0])
print("Mᵀ·g is the transposed convolution of g, and the gradient that conv2d sends back to its image")

# %% [markdown]
# A dense layer from 36 to 16 has 576 weights; this one has 9, used again at each place: *weight sharing*. Going back,
# each pixel gets from every window that it lies in, by Mᵀ, the **adjoint** of M: (M·v)·g = v·(Mᵀ·g) for all v and g. As
# a layer it is called *transposed convolution*: it lays the filter, g times, over each window, and adds up.
#
# The filter gets from every place where it was used: of each image, with Z = W·columns, for Z (O, places), W (O, C·K·K)
# and columns (C·K·K, places), dW = dZ·columnsᵀ; summed over the images. Exercise: write it.

# %%
def filter_gradient(x, g, k):
    """The gradient of filters (O, C, k, k), for images x (N, C, H, W) and the gradient g (N, O, OH, OW) of outputs."""
    raise NotImplementedError

check("05.3", filter_gradient)

# %% [markdown]
# ## 6. Predict: how far does an output look?
#
# Three layers of 3×3, one after the other (`nn.Conv2d` keeps its filters, `nn.Sequential` goes through layers in a
# row). How many pixels of the image does *one* number of the last layer depend on? And if the first layer has stride 2?
# Ask the gradient: it is 0 exactly where nothing depends.

# %%
def field(*strides):
    """Which pixels of a 33×33 image the middle output of a stack of 3×3 layers depends on."""
    layers = [nn.Conv2d(1, 1, 3, stride=stride, padding=1, bias=False) for stride in strides]
    for layer in layers:
        layer.weight.data.fill_(1.0)
    x = md.zeros(1, 1, 33, 33, requires_grad=True)
    z = nn.Sequential(*layers)(x)
    z[0, 0, z.shape[2] // 2, z.shape[3] // 2].backward()
    return x.grad.numpy()[0, 0]

fields = {"3×3": (1,), "three of 3×3": (1, 1, 1), "the first of stride 2": (2, 1, 1), "each of stride 2": (2, 2, 2)}
for name, strides in fields.items():
    print(f"{name}: {int(np.sqrt(np.count_nonzero(field(*strides))))} pixels wide")
lesson.show(plots.fields({name: field(*strides) for name, strides in fields.items()}), "fields")

# %% [markdown]
# This is the **receptive field**: three 3×3 look as far as one 7×7, with 27 weights rather than 49 and room for two
# nonlinear functions in between, such as tanh (lesson 12 builds on that). Each 3×3 adds 2 pixels, behind a stride of 2
# each adds 4: 3 + 4 + 4 = 11. The middle counts most, since many ways lead there.
#
# ## 7. Investigate: stand at one op
#
# The way back through a convolution, as `minidl` goes it (its own `convolve`, not your 05.2, does `conv` and adds the
# bias in one go; the walk takes it apart). Which rule is your 05.3? Which one is Mᵀ?

# %%
layer = nn.Conv2d(1, 2, 3)
x = md.randn(1, 1, 6, 6, requires_grad=True)
for stand in md.viz.backward(layer(x).sum(), network=layer):
    print(stand, end="\n\n")

# %% [markdown]
# ## 8. Modify and make
#
# - Modify: a filter that finds diagonals; one that finds corners. Look at the photograph through it.
# - Modify: `field` with `dilation=2` in the second layer. Predict the picture: which pixels are left out?
# - Make: the gradient of the *images*, from `columns` backward: each column is added to the window that it came from.

# %%
wide = int(np.sqrt(np.count_nonzero(field(1, 1, 1))))
lesson.record("a photograph, 96×96", "cpu", {"receptive field": [dict(seed=lesson.seed, pixels=wide)]})
print(f"three ways to convolve, one gradient; {lesson.seconds:.0f} s in all")
