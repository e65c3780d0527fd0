"""The exercises of lesson 05."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 05.1 -------------------------------------------------------------------------------------------------------------

size = Exercise(
    "05.1",
    "the arithmetic of sizes",
    minutes=5,
    difficulty=1,
    purpose="Whoever can do this in the head never guesses shapes again.",
    hints=[
        "Begin without dilation: how many steps of `stride` fit between the first window and the last?",
        "A dilated window reaches over dilation * (kernel - 1) + 1 pixels; put that in place of the kernel.",
        "(n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1",
    ],
)


@size.solution
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    """How many places a window has along a dimension of n pixels."""
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@size.calls
def size_calls():
    yield call(5, 3)
    yield call(6, 3, stride=2)
    yield call(5, 3, padding=1)
    yield call(28, 5, stride=2, padding=2)
    yield call(9, 3, dilation=2)
    yield call(20, 4, stride=3, padding=1, dilation=3)


@size.expected
def size_expected(n, kernel, stride=1, padding=0, dilation=1):
    """The windows, counted."""
    reach = range(0, dilation * kernel, dilation)
    starts = range(-padding, n + padding, stride)
    return sum(all(start + offset < n + padding for offset in reach) for start in starts)


@size.wrong("it is rounded up: a window that does not fit is counted")
def rounded_up(n, kernel, stride=1, padding=0, dilation=1):
    return -(-(n + 2 * padding - dilation * (kernel - 1) - 1) // stride) + 1


@size.wrong("the padding is counted on one side only")
def padded_once(n, kernel, stride=1, padding=0, dilation=1):
    return (n + padding - dilation * (kernel - 1) - 1) // stride + 1


@size.wrong("the first window is forgotten: the steps are counted, not the places")
def steps(n, kernel, stride=1, padding=0, dilation=1):
    return output_size(n, kernel, stride, padding, dilation) - 1


@size.wrong("a dilated window is taken to reach over dilation * kernel pixels")
def too_wide(n, kernel, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * kernel) // stride + 1


# --- 05.2 -------------------------------------------------------------------------------------------------------------

convolution = Exercise(
    "05.2",
    "a convolution",
    minutes=12,
    difficulty=2,
    purpose="Nearly all the time of a vision network is spent here.",
    hints=[
        "Pad the last two dimensions of x with np.pad, then go over the places, or lay the windows down.",
        "With stride s, the window of the output (i, j) begins at (s·i, s·j).",
        "sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::s, ::s], and np.einsum('nchwkl,ockl->nohw', views, w).",
    ],
    forbidden=["conv2d", "unfold", "convolve2d", "correlate"],
)


@convolution.solution
def convolve(x, w, stride=1, padding=0):
    """Images (N, C, H, W) seen through filters (O, C, K, K): (N, O, OH, OW)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    views = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwkl,ockl->nohw", views, w)


@convolution.calls
def convolution_calls():
    yield call(np.arange(16.0).reshape(1, 1, 4, 4), np.arange(4.0).reshape(1, 1, 2, 2))
    yield call(RNG.standard_normal((2, 3, 7, 6)), RNG.standard_normal((4, 3, 3, 3)))
    yield call(RNG.standard_normal((1, 2, 6, 6)), RNG.standard_normal((3, 2, 3, 3)), stride=2)
    yield call(RNG.standard_normal((1, 2, 5, 5)), RNG.standard_normal((3, 2, 3, 3)), padding=1)
    yield call(RNG.standard_normal((2, 1, 8, 9)), RNG.standard_normal((2, 1, 4, 4)), stride=3, padding=2)


@convolution.expected
def convolution_expected(x, w, stride=1, padding=0):
    return F.conv2d(md.tensor(x), md.tensor(w), stride=stride, padding=padding).numpy()


@convolution.wrong("the filter is flipped, as mathematicians do")
def flipped(x, w, stride=1, padding=0):
    return convolve(x, w[:, :, ::-1, ::-1], stride, padding)


@convolution.wrong("the filter is transposed: rows and columns are taken for each other")
def transposed(x, w, stride=1, padding=0):
    return convolve(x, w.transpose(0, 1, 3, 2), stride, padding)


@convolution.wrong("the stride is not used")
def unstrided(x, w, stride=1, padding=0):
    return convolve(x, w, 1, padding)


@convolution.wrong("the output (i, j) is given the window at (i, j), whatever the stride is")
def windows_in_a_row(x, w, stride=1, padding=0):
    height, width = convolve(x, w, stride, padding).shape[2:]
    return convolve(x, w, 1, padding)[:, :, :height, :width]


@convolution.wrong("the padding is not used")
def unpadded(x, w, stride=1, padding=0):
    return convolve(x, w, stride, 0)


@convolution.wrong("zeros are added at one side only")
def padded_at_the_end(x, w, stride=1, padding=0):
    return convolve(np.pad(x, ((0, 0), (0, 0), (0, padding), (0, padding))), w, stride, 0)


@convolution.wrong("channels are averaged, not added up")
def averaged(x, w, stride=1, padding=0):
    return convolve(x, w, stride, padding) / x.shape[1]


# --- 05.3 -------------------------------------------------------------------------------------------------------------

gradient = Exercise(
    "05.3",
    "the gradient of the filters",
    minutes=12,
    difficulty=3,
    purpose="The other half of what a framework does in a convolution.",
    hints=[
        "A weight is used once for each output. What does it multiply there?",
        "dw[o, c, k, l] is the sum over images and places (i, j) of g[n, o, i, j] · x[n, c, i + k, j + l].",
        "With views of the windows: np.einsum('nohw,nchwkl->ockl', g, views).",
    ],
    forbidden=["conv2d", "backward", "grad"],
)


@gradient.solution
def filter_gradient(x, g, k):
    """The gradient of filters (O, C, k, k), for images x (N, C, H, W) and the gradient g (N, O, OH, OW) of outputs."""
    views = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    return np.einsum("nohw,nchwkl->ockl", g, views)


@gradient.calls
def gradient_calls():
    yield call(np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2)), 2)
    yield call(RNG.standard_normal((1, 2, 5, 6)), RNG.standard_normal((1, 3, 3, 4)), 3)
    yield call(RNG.standard_normal((4, 2, 5, 5)), RNG.standard_normal((4, 3, 3, 3)), 3)


@gradient.expected
def gradient_expected(x, g, k):
    w = md.zeros(g.shape[1], x.shape[1], k, k, dtype=md.float64, requires_grad=True)
    (F.conv2d(md.tensor(x), w) * md.tensor(g)).sum().backward()
    return w.grad.numpy()


@gradient.wrong("it is the mean over the images, where each adds its own")
def mean_of_images(x, g, k):
    return filter_gradient(x, g, k) / len(x)


@gradient.wrong("the windows are added up as they are, not times the gradient of their outputs")
def without_the_gradient(x, g, k):
    return filter_gradient(x, np.ones_like(g), k)


@gradient.wrong("only the first image is asked")
def of_one_image(x, g, k):
    return filter_gradient(x[:1], g[:1], k)


@gradient.wrong("it is flipped, as the way back to the images is")
def turned(x, g, k):
    return filter_gradient(x, g, k)[:, :, ::-1, ::-1]


@gradient.wrong("windows and outputs are averaged over the places")
def mean_of_places(x, g, k):
    return filter_gradient(x, g, k) / (g.shape[2] * g.shape[3])
