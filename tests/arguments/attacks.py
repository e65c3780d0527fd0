"""Attacks on networks: the part of `minidl.interpret` that misleads them, beside captum's, else by hand in PyTorch."""

from unittest import mock

import numpy as np

import minidl as md
from arguments.interpretation import captum, descend, pooling, residual, seeded
from arguments.table import converted, each, fixed, given, of, row, wave
from minidl.backend.random import stream

PIXELS, MORE = fixed(0.5 + 0.5 * wave(2, 2, 8, 8)), fixed(0.5 + 0.4 * wave(2, 2, 8, 8, phase=0.7))
LABELS = fixed(np.array([1, 2]))


@of
def margin(m):
    return squares


def squares(scores, labels):
    """A loss of ours: half of the square of all scores, whatever the labels."""
    return (scores * scores).sum(1) / 2 + 0 * labels


def their_loss(m, loss_func):
    return loss_func or (lambda scores, labels: m.nn.functional.cross_entropy(scores, labels, reduction="none"))


@captum
def captum_fgsm(m, model, inputs, epsilon, target, loss_func=None, lower_bound=0.0, upper_bound=1.0, targeted=False,
                mask=None):  # fmt: skip
    from captum.robust import FGSM

    attack = FGSM(model, their_loss(m, loss_func), lower_bound, upper_bound)
    attack.zero_thresh = 0
    return attack.perturb(inputs, epsilon, target, targeted=targeted, mask=mask)


@captum
def captum_pgd(m, model, inputs, radius, step_size, step_num, target, loss_func=None, lower_bound=0.0, upper_bound=1.0,
               targeted=False, random_start=False, norm="Linf", mask=None, generator=None):  # fmt: skip
    from captum.robust import PGD

    attack = PGD(model, their_loss(m, loss_func), lower_bound, upper_bound)
    attack.fgsm.zero_thresh = 0

    def drawn(make):
        """One of ours, as PyTorch's."""
        return lambda shape: m.tensor(make(*shape, generator=generator, dtype=md.float64).numpy())

    def inside_a_sphere(center, radius, norm, mask):
        """captum's own stops for more than two dimensions."""
        way, share = drawn(md.randn)(center.shape), drawn(md.rand)((len(center), 1, 1, 1))
        lengths = m.linalg.vector_norm(way, dim=(1, 2, 3), keepdim=True)
        return center + way / lengths * radius * share ** (1 / center[0].numel()) * mask

    if norm == "L2":
        attack._random_point = inside_a_sphere
    with mock.patch("torch.rand_like", lambda x: drawn(md.rand)(x.shape)):
        options = dict(targeted=targeted, random_start=random_start, norm=norm, mask=mask)
        return attack.perturb(inputs, radius, step_size, step_num, target, **options)


HALF = fixed(np.arange(2.0 * 8 * 8).reshape(1, 2, 8, 8) % 2)
ATTACK = dict(
    loss_func=margin, lower_bound=given(0.2, inputs=fixed(0.5 + 0.3 * wave(2, 2, 8, 8))),
    upper_bound=given(0.8, inputs=fixed(0.5 + 0.3 * wave(2, 2, 8, 8))), targeted=True, mask=HALF,
)  # fmt: skip
row("interpret.fgsm", None, captum_fgsm, model=pooling, inputs=PIXELS, epsilon=0.1, target=LABELS)(
    model=residual, inputs=MORE, epsilon=0.3, target=fixed(np.array([0, 0])), **ATTACK
)
START = given(True, generator=seeded(1))
row("interpret.pgd", None, captum_pgd, model=pooling, inputs=PIXELS, radius=0.1, step_size=0.04, step_num=3,
    target=LABELS)(
    model=residual, inputs=MORE, radius=0.05, step_size=0.01, step_num=2, target=fixed(np.array([0, 0])),
    random_start=each(START, given(True, generator=seeded(1), norm="L2", mask=HALF)),
    norm=given("L2", step_num=5, model=residual), generator=given(seeded(2), random_start=True), **ATTACK,
)  # fmt: skip


def normalized(m, row, found, args, options):
    """What the network gives for pixels."""
    return found(*args, **options)(converted(m, PIXELS, [])).detach()


def their_normalized(m, model, mean, std):
    mean, std = (m.tensor(value, dtype=m.float64).reshape(-1, 1, 1) for value in (mean, std))
    return lambda x: model((x - mean) / std)


row("interpret.Normalized", normalized, their_normalized, model=pooling, mean=0.4, std=0.3)(
    model=residual, mean=given([0.1, 0.6], std=[0.3, 0.2]), std=0.5
)


def pasted(m, images, patch, rotation=0.0, scale=(1.0, 1.0), generator=None):
    """Of each pixel of the image: where in the patch it lies, and the patch there, between its four neighbours."""
    draws, n, (height, width), (tall, wide) = stream(generator), len(images), images.shape[2:], patch.shape[1:]
    angles, factors = np.deg2rad(draws.uniform(-rotation, rotation, n)), draws.uniform(*scale, n)
    half = [(abs(np.cos(angles)) * a + abs(np.sin(angles)) * b) * factors / 2 for a, b in ((wide, tall), (tall, wide))]
    centres = [
        length / 2 + draws.uniform(-1, 1, n) * (length / 2 - h) for length, h in zip((width, height), half, strict=True)
    ]
    done = []
    for image, a, f, cx, cy in zip(images, angles, factors, *centres, strict=True):
        y, x = m.meshgrid(*[m.arange(n, dtype=m.float64) + 0.5 for n in (height, width)], indexing="ij")
        x, y = (x - cx) / f, (y - cy) / f
        u = np.cos(a) * x + np.sin(a) * y + wide / 2 - 0.5
        v = -np.sin(a) * x + np.cos(a) * y + tall / 2 - 0.5
        seen, share = 0, 0
        for k in range(tall):
            for j in range(wide):
                weight = (1 - abs(u - j)).clamp(min=0) * (1 - abs(v - k)).clamp(min=0)
                seen, share = seen + weight * patch[:, k, j, None, None], share + weight
        done.append(image * (1 - share) + seen)
    return m.stack(done)


PATCH = fixed(0.5 + 0.5 * wave(2, 3, 4))
row("interpret.apply_patch", None, pasted, images=PIXELS, patch=PATCH, generator=seeded(1))(
    images=MORE, patch=fixed(wave(2, 4, 3)), rotation=30.0, scale=(0.5, 1.5), generator=seeded(2)
)


def their_patch(m, model, images, target, size, steps=200, lr=0.05, batch_size=32, rotation=0.0, scale=(1.0, 1.0),
                generator=None):  # fmt: skip
    draws = stream(generator)

    def cost(patch):
        some = draws.integers(len(images), size=min(batch_size, len(images))).tolist()
        scores = model(pasted(m, images[some], patch, rotation, scale, generator))
        return m.nn.functional.cross_entropy(scores, m.full((len(some),), target))

    return descend(m, m.full((images.shape[1], size, size), 0.5, dtype=m.float64), cost, steps, lr, (0, 1))


row("interpret.adversarial_patch", None, their_patch, model=pooling, images=PIXELS, target=1, size=3, steps=4,
    generator=seeded(1))(
    model=residual, images=MORE, target=2, size=4, steps=3, lr=0.01, batch_size=1, rotation=30.0, scale=(0.5, 1.5),
    generator=seeded(2),
)  # fmt: skip
