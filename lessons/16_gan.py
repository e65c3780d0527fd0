# %% [markdown]
# # 16 · Networks that draw
#
# Two networks play a game: one draws digits from noise, the other tells them from real ones, and each learns from the
# other. You write a round, make it go wrong in three ways, let convolutions draw, do sums with drawings, and give each
# layer a style. About 30 minutes; you need lessons 05, 07 and 09.

# %%
import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim, train
from minidl.learn import Lesson, check, plots

lesson = Lesson("16", sources=["fashion-mnist", "mnist"])

# %% [markdown]
# ## 1. Run: a judge
#
# SimpLeNet learns to read. It takes no part in the game, but judges what is drawn: which digit it is, and whether it is
# *sure*, with a probability above 0.9.

# %%
plans = {"ci": (1600, 6, 4, 4, 3, 2), "core": (20_000, 3, 2, 3, 10, 2), "full": (60_000, 3, 1, 6, 15, 6)}
count, reading, astray, dense, convolutional, styled = plans[lesson.profile]
digits, labels = next(iter(md.data.DataLoader(md.data.MNIST(), count)))
held_out, answers = next(iter(md.data.DataLoader(md.data.MNIST(train=False), 400)))
size = f"{len(digits):,} digits" + ", a subset of MNIST" * (len(digits) < 60_000)
md.manual_seed(lesson.seed)
judge = md.models.SimpLeNet()
train.Trainer(judge, nn.CrossEntropyLoss(), optim.Adam(judge.parameters())).fit(digits, labels, 64, reading, verbose=0)

@md.no_grad()
def read(x):
    """What the judge reads, and how sure it is."""
    p = judge(x).softmax(1).numpy()
    return p.argmax(1), p.max(1)

said, sure = read(held_out)
print(f"This run: {size}. Held out: {np.mean(said != answers.numpy()):.1%} misread, sure of {np.mean(sure > 0.9):.1%}")

# %% [markdown]
# ## 2. Make: one round of the game
#
# noise → *generator* → fake → *discriminator* → score s; σ(s) = 1/(1 + e⁻ˢ) is how likely an image is real. The
# discriminator pays −log σ(s) for a real one, −log(1 − σ(s)) for a fake. The generator pays −log σ(s) for its fake: not
# the other's loss with the sign changed, which hardly slopes while every fake is found out (Goodfellow et al., 2014).
# The discriminator's step must not reach beyond the fake: `detach` it. The generator's gradient comes *through* the
# discriminator, and leaves it as it is. Exercise: a step of each, by `F.binary_cross_entropy_with_logits`.

# %%
def play(generator, discriminator, optimizers, real, noise):
    """A step of the discriminator, then one of the generator, each by its optimizer, the generator's first; losses."""
    raise NotImplementedError

check("16.1", play)

# %% [markdown]
# ## 3. Predict, then run: dense layers draw
#
# 32 numbers, a *latent*, become 32×32 pixels. Twelve latents are drawn each epoch: does each of them keep to a digit?

# %%
LATENT, latents = 32, md.randn(2000, 32, 1, 1)

def cost(scores, label):
    """The loss of scores that should be high (label 1) or low (0)."""
    return F.binary_cross_entropy_with_logits(scores, md.full_like(scores, label))

@md.no_grad()
def draw(generator, *z):
    """What a generator makes of z in evaluation mode: (n, 1, 28, 28), in [0, 1]."""
    return (generator.eval()(*z)[:, :, 2:-2, 2:-2] + 1) / 2

def game(generator, discriminator, images, epochs, rates=(5e-4, 1e-3), mistake=None):
    """Both learn from images, in the second half at falling rates; what is drawn of twelve latents after each epoch."""
    players, steps = (generator, discriminator), epochs * (len(images) // 64)
    draws, finds = (optim.Adam(one.parameters(), rate, (0.5, 0.999)) for one, rate in zip(players, rates))
    falls = [optim.lr_scheduler.LambdaLR(one, lambda step: min(1, 2 - 2 * step / steps)) for one in (draws, finds)]
    album, padded = {"before": draw(generator, latents[:12])}, F.pad(2 * images - 1, (2, 2, 2, 2), value=-1)
    for epoch in range(epochs):
        for (real,) in md.data.DataLoader(md.data.TensorDataset(padded), 64, shuffle=True, drop_last=True):
            fake = generator.train()(md.randn(len(real), LATENT, 1, 1))
            finds.zero_grad()
            found = cost(discriminator(real), 0.9) + cost(discriminator(fake.detach()), 0)  # 0.9: never too sure
            found.backward()
            finds.step()
            draws.zero_grad()
            fooled = cost(discriminator(fake.detach() if mistake == "wrong side" else fake), 1)
            fooled.backward()
            draws.step()
            if mistake == "both move":
                finds.step()
            for fall in falls:
                fall.step()
        album[f"epoch {epoch + 1}"] = draw(generator, latents[:12])
        print(f"epoch {epoch + 1}: the discriminator pays {found.item():.2f}, the generator {fooled.item():.2f}")
    return album

def judged(name, generator):
    """The judge's verdict on two thousand drawings, printed and returned."""
    said, sure = read(draw(generator, latents))
    share, counts = round(float(np.mean(sure > 0.9)), 4), np.bincount(said[sure > 0.9], minlength=10).tolist()
    print(f"{name}: sure of {share:.1%} of the drawings; from 0 to 9: {counts}")
    return [dict(seed=lesson.seed, sure=share, counts=counts)]

def dense_players():
    """Latents (N, 32, 1, 1) to images (N, 1, 32, 32), and images to scores (N, 1)."""
    md.manual_seed(lesson.seed)
    layers = [nn.Flatten(), nn.Linear(LATENT, 128), nn.LeakyReLU(0.2), nn.Linear(128, 256), nn.LeakyReLU(0.2)]
    generator = nn.Sequential(*layers, nn.Linear(256, 1024), nn.Tanh(), nn.Unflatten(1, (1, 32, 32)))
    layers = [nn.Flatten(), nn.Linear(1024, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3)]
    layers += [nn.Linear(256, 256), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(256, 1)]
    return generator, nn.Sequential(*layers)

generator, discriminator = dense_players()
album = game(generator, discriminator, digits, dense)
lesson.show(plots.album(album), "dense")
results = {"dense": judged("dense", generator)}

# %% [markdown]
# ## 4. Predict: three ways to lose
#
# A loss tells how strong the *other* player is. Two well-known mistakes, each a line of the generator's step: *both
# move*, by both optimizers; *wrong side*: fake is detached. And *too fast*: the generator, which need find only *one*
# image that passes (nobody asks for many), has ten times the other's rate. Whose losses look best? Who draws what?

# %%
rows = {"before": album["before"], "as it should be": album[f"epoch {astray}"]}
for way, rates in {"both move": (5e-4, 1e-3), "wrong side": (5e-4, 1e-3), "too fast": (2e-3, 2e-4)}.items():
    print(f"{way}:")
    rows[way] = game(*dense_players(), digits, astray, rates, mistake=way)[f"epoch {astray}"]
for way, x in rows.items():
    apart, moved = ((x - other).flatten(1).norm(dim=1).mean().item() for other in (x.roll(1, 0), rows["before"]))
    print(f"{way}: {moved:.1f} away from the beginning, drawings {apart:.1f} apart")
lesson.show(plots.album(rows), "losing")

# %% [markdown]
# The last row nears *mode collapse*: one drawing, whatever goes in. Often it is milder: some digit is never drawn.
#
# ## 5. Make: the way back of a convolution draws
#
# A convolution of stride 2 makes 16×16 of 32×32. Its *adjoint*, lesson 05's transposed matrix, goes the other way:
# ⟨w∗x, y⟩ = ⟨x, wᵀ∗y⟩. Each value lays down its multiple of a filter, a stride from the last; overlaps add up.
# Exercise: that.

# %%
def spread(values, w, stride=1, padding=0):
    """Values (C, h, w), spread by filters (C, O, K, K): (O, H, W), with H = stride·(h − 1) + K − 2·padding."""
    raise NotImplementedError

check("16.2", spread)

# %% [markdown]
# ## 6. Predict, then run: DCGAN
#
# Generator: transposed convolutions, batch norm and relu, from 4×4 to 32×32. Discriminator: convolutions of stride 2
# and leaky relu (0.2·x below 0), back to one score (Radford et al., 2016). Is the judge sure more often, or less?

# %%
md.manual_seed(lesson.seed)
generator = md.models.dcgan_generator(LATENT, channels=1, width=32, size=32)
discriminator = md.models.dcgan_discriminator(channels=1, width=32, size=32)
lesson.show(plots.album(game(generator, discriminator, digits, convolutional, (1e-3, 1e-3))), "dcgan")
results["DCGAN"], drawn = judged("DCGAN", generator), draw(generator, latents)
said, sure = read(drawn)
lesson.show(plots.pictures(drawn[:60].numpy(), [f"{k}, {p:.2f}" for k, p in zip(said, sure)], columns=12), "drawn")

# %% [markdown]
# ## 7. Predict: halfway
#
# Between two drawings lie mixtures: of their pixels, or of their latents. How sure is the judge, halfway?

# %%
a, b = np.array([(i, i + 1) for i in range(0, len(said), 2) if said[i] != said[i + 1]] or [(0, 1)]).T
mixtures, rows = {"pixels": lambda t: (1 - t) * drawn[a] + t * drawn[b]}, {}
mixtures["latents"] = lambda t: draw(generator, (1 - t) * latents[a] + t * latents[b])
for name, mix in mixtures.items():
    print(f"halfway between {name}: sure of {np.mean(read(mix(0.5))[1] > 0.9):.1%}")
    ways = md.stack([mix(t)[:2] for t in np.linspace(0, 1, 12)], 1)
    rows |= {f"{name}, {number}": way for number, way in enumerate(ways, 1)}
lesson.show(plots.album(rows), "halfway")

# %% [markdown]
# ## 8. Predict: sums
#
# Take the digit that is drawn most often: the mean latent of its thick drawings, less that of its thin ones. Add this
# to thin drawings of *another* digit. What comes out?

# %%
by_ink, (one, other) = np.argsort(drawn.mean((1, 2, 3)).numpy()), np.argsort(-np.bincount(said, minlength=10))[:2]
ones, others = (by_ink[said[by_ink] == digit] for digit in (one, other))
thin, rows = others[: len(others) // 2 + 1], {}
thicker = latents[ones[len(ones) // 2 :]].mean(0) - latents[ones[: len(ones) // 2]].mean(0)
for times in (-1, 0, 0.5, 1):
    x = draw(generator, latents[thin] + times * thicker)
    rows[f"{times:+}"], kept = x[:12], np.mean(read(x)[0] == other)
    print(f"{times:+} · (thick {one} − thin {one}): ink {x.mean().item():.3f}, {kept:.0%} are read as {other}")
lesson.show(plots.album(rows), "sums")

# %% [markdown]
# ## 9. Make, then run: a style for each layer
#
# StyleGAN (Karras et al., 2019) begins with one and the same picture. A *mapping network* makes w from z, and w gives
# each channel of an image scale and shift: scale·(x − μ)/√(σ² + ε) + shift, μ and σ² over its pixels. Exercise: that.

# %%
def style(x, scale, shift, eps=1e-5):
    """Channels of x (N, C, H, W), each of mean 0 and deviation 1, then scaled and shifted by (N, C)."""
    raise NotImplementedError

check("16.3", style)

# %%
class Styled(nn.Module):
    """Latents (N, 32, 1, 1) to images (N, 1, 32, 32); 16×16 may have a style of its own, from `fine`."""

    def __init__(self, *widths):
        self.mapping = nn.Sequential(nn.Flatten(), nn.Linear(LATENT, 64), nn.LeakyReLU(0.2), nn.LayerNorm(64))
        self.start = nn.Parameter(md.randn(1, widths[0], 4, 4))
        self.styles = nn.ModuleList([nn.Linear(64, 2 * channels) for channels in widths])
        self.larger = nn.ModuleList([nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(widths, [*widths[1:], 1])])

    def forward(self, z, fine=None):
        x = self.start.expand(len(z), -1, -1, -1)
        for one, layer, larger in zip((z, z, z if fine is None else fine), self.styles, self.larger):
            scale, shift = layer(self.mapping(one))[:, :, None, None].chunk(2, 1)
            x = larger(F.leaky_relu(F.instance_norm(x) * (1 + scale) + shift, 0.2))
        return x.tanh()

clothes, _ = next(iter(md.data.DataLoader(lesson.data()[0], count)))
stylist, discriminator = Styled(64, 32, 16), md.models.dcgan_discriminator(channels=1, width=16, size=32)
lesson.show(plots.album(game(stylist, discriminator, clothes, styled, (1e-3, 1e-3))), "styled")
columns, rows = latents[5:12], {"": md.cat([md.ones(1, 1, 28, 28), draw(stylist, latents[5:12])])}
for row, z in zip("abcde", latents[:5, None]):
    rows[row] = md.cat([draw(stylist, z), draw(stylist, z.expand(7, -1, -1, -1), columns)])
lesson.show(plots.album(rows), "mixed")

# %% [markdown]
# ## 10. Investigate, modify and make
#
# - Investigate: in the last picture 4×4 and 8×8 have the style at the left, 16×16 the one above. What does each decide?
# - Investigate: which digit that it learnt from is nearest to a drawing? Has the generator learnt them by heart?
# - Modify: latents of 2 numbers; no batch norm; DCGAN on clothes. What collapses?
# - Make: a *conditional* GAN: both players get the label, one-hot, as ten more channels. Order digits by name.

# %%
lesson.record(f"MNIST, {len(digits):,}", lesson.device, results)
print(f"DCGAN: sure of {results['DCGAN'][0]['sure']:.1%} of the drawings ({size}); {lesson.seconds:.0f} s in all")
