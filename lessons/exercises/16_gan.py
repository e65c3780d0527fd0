"""The exercises of lesson 16."""

import copy

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 16.1 -------------------------------------------------------------------------------------------------------------

playing = Exercise(
    "16.1",
    "one round of the game",
    minutes=10,
    difficulty=3,
    purpose="Two networks in one graph, of which each step moves one: where detach belongs, and where zero_grad.",
    hints=[
        "fake = generator(noise) once. The discriminator's step sees fake.detach(): nothing goes back beyond it.",
        "zero_grad, loss, backward, step for the discriminator; then the same for the generator, whose loss is "
        "how far the discriminator, as it is now, takes fake for real. Here fake is not detached.",
        "target = md.ones_like(scores), or md.zeros_like; F.binary_cross_entropy_with_logits(scores, target).",
    ],
)


@playing.solution
def play(generator, discriminator, optimizers, real, noise):
    """A step of the discriminator, then one of the generator, each by its optimizer, the generator's first; losses."""
    g_optimizer, d_optimizer = optimizers
    fake = generator(noise)
    d_optimizer.zero_grad()
    scores, drawn = discriminator(real), discriminator(fake.detach())
    d_loss = F.binary_cross_entropy_with_logits(scores, md.ones_like(scores))
    d_loss = d_loss + F.binary_cross_entropy_with_logits(drawn, md.zeros_like(drawn))
    d_loss.backward()
    d_optimizer.step()
    g_optimizer.zero_grad()
    drawn = discriminator(fake)
    g_loss = F.binary_cross_entropy_with_logits(drawn, md.ones_like(drawn))
    g_loss.backward()
    g_optimizer.step()
    return d_loss, g_loss


RATE, ROUNDS = 0.3, 3


def players(inputs, pixels):
    """A matrix that draws, and a vector that scores."""
    rng = np.random.default_rng(3)
    generator, discriminator = (nn.Linear(*shape, bias=False).double() for shape in ((inputs, pixels), (pixels, 1)))
    for layer in (generator, discriminator):
        layer.load_state_dict({"weight": md.tensor(rng.uniform(0.5, 1.5, layer.weight.shape))})
    return generator, discriminator


@playing.through
def played(candidate, real, noise):
    """Three rounds: both players' losses and weights. Gradients of somebody else's step are there at first."""
    generator, discriminator = players(noise.shape[1], real.shape[1])
    discriminator(generator(md.tensor(noise))).sum().backward()
    optimizers = [optim.SGD(layer.parameters(), RATE) for layer in (generator, discriminator)]
    found = []
    for _ in range(ROUNDS):
        losses = candidate(generator, discriminator, optimizers, md.tensor(real), md.tensor(noise))
        found.append([loss.item() for loss in losses])
    return {
        "weights of the discriminator": discriminator.weight,
        "weights of the generator": generator.weight,
        "losses of the rounds": found,
    }


@playing.calls
def playing_calls():
    yield call(RNG.uniform(1, 2, (2, 3)).round(2), RNG.standard_normal((2, 2)).round(2))
    yield call(RNG.uniform(-1, 1, (4, 2)).round(2), RNG.standard_normal((3, 4)).round(2))


@playing.expected
def playing_expected(real, noise):
    """By formulas: the slope of a score s is σ(s) − 1 where it is to be high, and σ(s) where it is to be low."""
    draw, weigh = (layer.weight.detach().numpy() for layer in players(noise.shape[1], real.shape[1]))
    found = []
    for _ in range(ROUNDS):
        fake = noise @ draw.T
        s, t = real @ weigh.T, fake @ weigh.T
        d_loss = np.log(1 + np.exp(-s)).mean() + np.log(1 + np.exp(t)).mean()
        slope = -(real / (1 + np.exp(s))).mean(0) + (fake / (1 + np.exp(-t))).mean(0)
        weigh = weigh - RATE * slope
        t = fake @ weigh.T
        g_loss = np.log(1 + np.exp(-t)).mean()
        draw = draw - RATE * (-1 / (1 + np.exp(t)) * weigh).T @ noise / len(noise)
        found.append([d_loss, g_loss])
    return {"weights of the discriminator": weigh, "weights of the generator": draw, "losses of the rounds": found}


def wrongly(
    generator, discriminator, optimizers, real, noise,
    clear=True, detach=(True, False), both=False, due=(1.0, 0.0, 1.0), late=True, sign=1,
):  # fmt: skip
    """A round with one thing changed."""

    def loss(scores, label):
        return F.binary_cross_entropy_with_logits(scores, md.full_like(scores, label))

    def seen(number):
        return fake.detach() if detach[number] else fake

    g_optimizer, d_optimizer = optimizers
    fake, before = generator(noise), copy.deepcopy(discriminator)
    if clear:
        d_optimizer.zero_grad()
    g_optimizer.zero_grad()
    d_loss = loss(discriminator(real), due[0]) + loss(discriminator(seen(0)), due[1])
    d_loss.backward(retain_graph=True)
    d_optimizer.step()
    g_loss = sign * loss((discriminator if late else before)(seen(1)), due[2])
    if g_loss.requires_grad:
        g_loss.backward()
    g_optimizer.step()
    if both:
        d_optimizer.step()
    return d_loss, g_loss


@playing.wrong("the generator's step moves the discriminator as well, to where it takes anything for real")
def both_move(*arguments):
    return wrongly(*arguments, both=True)


@playing.wrong("gradients of the generator's step are still in the discriminator: zero_grad is missing")
def not_cleared(*arguments):
    return wrongly(*arguments, clear=False)


@playing.wrong("fake is detached in the generator's step, which moves nothing then")
def wrong_side(*arguments):
    return wrongly(*arguments, detach=(True, True))


@playing.wrong("nothing is detached: the discriminator's loss goes into the generator, too")
def never_detached(*arguments):
    return wrongly(*arguments, detach=(False, False))


@playing.wrong("the generator is to be found out: its label is that of drawn images")
def generator_of_zero(*arguments):
    return wrongly(*arguments, due=(1.0, 0.0, 0.0))


@playing.wrong("the generator's loss is log(1 − σ(s)), which hardly slopes while every fake is found out")
def saturating(*arguments):
    return wrongly(*arguments, due=(1.0, 0.0, 0.0), sign=-1)


@playing.wrong("the discriminator learns the labels the other way round")
def labels_swapped(*arguments):
    return wrongly(*arguments, due=(0.0, 1.0, 1.0))


@playing.wrong("the generator goes by the discriminator as it was before its step")
def by_the_old(*arguments):
    return wrongly(*arguments, late=False)


# --- 16.2 -------------------------------------------------------------------------------------------------------------

spreading = Exercise(
    "16.2",
    "a transposed convolution",
    minutes=10,
    difficulty=2,
    purpose="How a network draws: each number lays down a picture of its own, and overlaps add up.",
    hints=[
        "Begin with zeros of size S·(h − 1) + K, and cut the padding off at the end.",
        "For each place i, j a square of K×K begins at row S·i and column S·j; what is laid there is values[c, i, j] "
        "times w[c, o], summed over c.",
        "out[:, s*i : s*i + k, s*j : s*j + k] += np.tensordot(values[:, i, j], w, 1); then "
        "out[:, p : out.shape[1] - p, p : out.shape[2] - p].",
    ],
    forbidden=["conv_transpose2d", "ConvTranspose2d", "grad", "backward", "vjp"],
)


@spreading.solution
def spread(values, w, stride=1, padding=0):
    """Values (C, h, w), spread by filters (C, O, K, K): (O, H, W), with H = stride·(h − 1) + K − 2·padding."""
    _, h, v = values.shape
    _, channels, k, _ = w.shape
    out = np.zeros((channels, stride * (h - 1) + k, stride * (v - 1) + k))
    for i, j in np.ndindex(h, v):
        out[:, stride * i : stride * i + k, stride * j : stride * j + k] += np.tensordot(values[:, i, j], w, 1)
    return out[:, padding : out.shape[1] - padding, padding : out.shape[2] - padding]


@spreading.calls
def spreading_calls():
    yield call(np.ones((1, 2, 2)), np.arange(1.0, 5).reshape(1, 1, 2, 2))
    yield call(RNG.standard_normal((1, 1, 2)).round(2), RNG.standard_normal((1, 2, 3, 3)).round(2))
    yield call(RNG.standard_normal((2, 3, 2)).round(2), RNG.standard_normal((2, 3, 4, 4)).round(2), stride=2)
    options = dict(stride=2, padding=1)
    yield call(RNG.standard_normal((2, 2, 3)).round(2), RNG.standard_normal((2, 2, 4, 4)).round(2), **options)
    yield call(RNG.standard_normal((2, 2, 2)).round(2), RNG.standard_normal((2, 1, 2, 2)).round(2), stride=3)


@spreading.expected
def transposed(values, w, stride=1, padding=0):
    """By the matrix of the convolution, column by column, transposed."""
    h, v = (stride * (n - 1) + w.shape[2] - 2 * padding for n in values.shape[1:])
    pixels = np.eye(w.shape[1] * h * v).reshape(-1, w.shape[1], h, v)
    seen = F.conv2d(md.tensor(pixels), md.tensor(w), stride=stride, padding=padding).numpy()
    return (seen.reshape(len(pixels), -1) @ values.ravel()).reshape(-1, h, v)


def laid(values, w, stride=1, padding=0, step=None, add=True, crop=True):
    """`spread`, with one thing changed."""
    _, h, v = values.shape
    k, step = w.shape[2], step or stride
    out = np.zeros((w.shape[1], stride * (h - 1) + k, stride * (v - 1) + k))
    for i, j in np.ndindex(h, v):
        place = out[:, step * i : step * i + k, step * j : step * j + k]
        place[...] = place * add + np.tensordot(values[:, i, j], w, 1)
    return out[:, padding : out.shape[1] - padding, padding : out.shape[2] - padding] if crop else out


@spreading.wrong("where squares overlap, the last one stays: they are to be added")
def overwritten(values, w, stride=1, padding=0):
    return laid(values, w, stride, padding, add=False)


@spreading.wrong("filters are flipped: a transposed convolution lays them down as they are")
def flipped(values, w, stride=1, padding=0):
    return spread(values, w[:, :, ::-1, ::-1], stride, padding)


@spreading.wrong("squares lie side by side, one pixel apart, whatever the stride is")
def unstrided(values, w, stride=1, padding=0):
    return laid(values, w, stride, padding, step=1)


@spreading.wrong("the padding stays: what a convolution adds around, its transpose cuts off")
def uncropped(values, w, stride=1, padding=0):
    return laid(values, w, stride, padding, crop=False)


@spreading.wrong("squares are transposed, rows for columns")
def turned(values, w, stride=1, padding=0):
    return spread(values, w.transpose(0, 1, 3, 2), stride, padding)


# --- 16.3 -------------------------------------------------------------------------------------------------------------

styling = Exercise(
    "16.3",
    "a style",
    minutes=6,
    difficulty=2,
    purpose="One line by which a number from anywhere decides how a layer draws.",
    hints=[
        "Mean and variance of each channel of each image, over its pixels: axis (2, 3), keepdims=True.",
        "scale and shift are (N, C): scale[:, :, None, None] goes with (N, C, H, W).",
        "(x - mean) / np.sqrt(var + eps), times the scale, plus the shift.",
    ],
    forbidden=["instance_norm", "group_norm", "batch_norm"],
)


@styling.solution
def style(x, scale, shift, eps=1e-5):
    """Channels of x (N, C, H, W), each of mean 0 and deviation 1, then scaled and shifted by (N, C)."""
    n, channels, h, w = x.shape
    z = x.reshape(n, channels, h * w)
    z = (z - z.mean(2, keepdims=True)) / np.sqrt(z.var(2, keepdims=True) + eps)
    return (z * scale[:, :, None] + shift[:, :, None]).reshape(x.shape)


@styling.calls
def styling_calls():
    yield call(np.array([[[[1.0, 2.0], [3.0, 6.0]]]]), np.array([[2.0]]), np.array([[1.0]]))
    x = RNG.normal(2, 3, (2, 3, 2, 4)).round(2)
    yield call(x, RNG.uniform(0.5, 2, (2, 3)).round(2), RNG.standard_normal((2, 3)).round(2))
    yield call(x[:, :2], RNG.uniform(0.5, 2, (2, 2)).round(2), RNG.standard_normal((2, 2)).round(2), eps=0.5)


@styling.expected
def by_channels(x, scale, shift, eps=1e-5):
    """One channel at a time, by sums."""
    z = np.empty_like(x)
    for n, c in np.ndindex(x.shape[:2]):
        pixels = x[n, c]
        mean = pixels.sum() / pixels.size
        var = ((pixels - mean) ** 2).sum() / pixels.size
        z[n, c] = shift[n, c] + scale[n, c] * (pixels - mean) * (var + eps) ** -0.5
    return z


def styled(x, scale, shift, eps=1e-5, axes=(2, 3), more=0.0, first=False):
    """`style`, with one thing changed."""
    z = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    scale, shift = scale[:, :, None, None] + more, shift[:, :, None, None]
    return (z + shift) * scale if first else z * scale + shift


@styling.wrong("statistics are of the whole batch, as batch norm's are, not of each image")
def of_the_batch(x, scale, shift, eps=1e-5):
    return styled(x, scale, shift, eps, axes=(0, 2, 3))


@styling.wrong("statistics are of all channels of an image together, not of each")
def of_the_image(x, scale, shift, eps=1e-5):
    return styled(x, scale, shift, eps, axes=(1, 2, 3))


@styling.wrong("the shift comes before the scale, and is scaled with the rest")
def shifted_first(x, scale, shift, eps=1e-5):
    return styled(x, scale, shift, eps, first=True)


@styling.wrong("channels are scaled and shifted as they are: the old style was not taken away")
def not_normalised(x, scale, shift, eps=1e-5):
    return x * scale[:, :, None, None] + shift[:, :, None, None]


@styling.wrong("only the mean is taken away, and the deviation of the old style stays")
def centred(x, scale, shift, eps=1e-5):
    return (x - x.mean((2, 3), keepdims=True)) * scale[:, :, None, None] + shift[:, :, None, None]
