"""What networks see: `minidl.interpret`, beside captum's where it has it, else by hand in PyTorch."""

import functools
import math
import warnings
from unittest import mock

import numpy as np

import minidl as md
from arguments.table import each, filled, fixed, given, of, row, separate, wave
from minidl.backend.random import stream

IMAGES, OTHERS = fixed(wave(2, 2, 8, 8)), fixed(wave(2, 2, 8, 8, phase=0.7))
GREY = fixed(0.1 * wave(2, 2, 8, 8, phase=1.3))


def ready(m, made):
    """A network in evaluation, with known weights of both signs."""
    made = filled(m, made.to(m.float64))
    for i, weight in enumerate(p.detach() for p in made.parameters() if p.ndim > 1):
        weight.copy_(m.tensor(2 * wave(*weight.shape, phase=i) / math.sqrt(math.prod(weight.shape[1:]))))
    return made.eval()


@of
def pooling(m):
    """2×8×8 to 3 scores, with relus before and after a pool; layer 3 is 5×2×2."""
    first = [m.nn.Conv2d(2, 4, 3, padding=1), m.nn.ReLU(), m.nn.MaxPool2d(2)]
    return ready(m, m.nn.Sequential(*first, m.nn.Conv2d(4, 5, 3), m.nn.ReLU(), m.nn.Flatten(), m.nn.Linear(20, 3)))


@of
def residual(m):
    """2×8×8 to 3 scores, with batch norm, a stride and a shortcut; layer 3 is 4×4×4."""

    class Block(m.nn.Module):
        def __init__(self):
            super().__init__()
            self.main = m.nn.Sequential(m.nn.Conv2d(4, 4, 3, padding=1), m.nn.ReLU(), m.nn.Conv2d(4, 4, 1))

        def forward(self, x):
            return x + self.main(x)

    first = [m.nn.Conv2d(2, 4, 3, 2, 1), m.nn.BatchNorm2d(4), m.nn.ReLU(), Block(), m.nn.ReLU()]
    return ready(m, m.nn.Sequential(*first, m.nn.AvgPool2d(2), m.nn.Flatten(), m.nn.Linear(16, 3)))


WINDOWS = {7: [(3, 1, 1), (2, 2, 0), (3, 1, 0)], 8: [(3, 2, 1), (3, 1, 1)]}  # to layer 3: sizes, strides, padding


def captum(call):
    """A function that may import captum, which warns of what it does, and rounds to float32 here and there."""

    @functools.wraps(call)
    def called(m, *args, **options):
        with warnings.catch_warnings(), mock.patch.object(m.Tensor, "float", m.Tensor.double):
            warnings.simplefilter("ignore")
            m.set_default_dtype(m.float64)
            try:
                return call(m, *args, **options)
            finally:
                m.set_default_dtype(m.float32)

    return called


def of_unit(name, neuron):
    """captum's class `name`, or `neuron` for a unit of a layer."""

    @captum
    def called(m, model, inputs, target=None, abs=True, *, layer=None):
        from captum import attr

        if layer is None:
            options = {"abs": abs} if name == "Saliency" else {}
            return getattr(attr, name)(model).attribute(inputs, target, **options)
        found = getattr(attr, neuron)(model, model.get_submodule(layer)).attribute(inputs, target)
        return found.abs() if name == "Saliency" and abs else found

    return called


UNIT = given("3", target=(1, 0, 1))
TARGETS = each([2, 0], fixed(np.array([0, 2])), 0)
for name, theirs in {
    "saliency": of_unit("Saliency", "NeuronGradient"),
    "guided_backprop": of_unit("GuidedBackprop", "NeuronGuidedBackprop"),
    "deconvolution": of_unit("Deconvolution", "NeuronDeconvolution"),
}.items():
    signs = {"abs": each(False, given(False, model=residual))} if name == "saliency" else {}
    row(f"interpret.{name}", None, theirs, model=pooling, inputs=IMAGES, target=1)(
        model=residual, inputs=OTHERS, target=TARGETS, layer=each(UNIT, given("3", target=(1, 0, 1), model=residual)),
        **signs,
    )  # fmt: skip

# --- over noise, and along a way --------------------------------------------------------------------------------------


@of
def explain(m):
    """What smooth_grad averages: ours is called on inputs, captum's is wrapped."""
    if m is md:
        return functools.partial(md.interpret.saliency, pooling(m), target=1, abs=False)
    return lambda attr: (attr.Saliency(pooling(m)), {"target": 1, "abs": False})


@of
def explain_otherwise(m):
    if m is md:
        return functools.partial(md.interpret.guided_backprop, residual(m), target=2)
    return lambda attr: (attr.GuidedBackprop(residual(m)), {"target": 2})


def seeded(seed):
    """A generator of ours, for both."""
    return of(lambda m: md.Generator().manual_seed(seed))


@captum
def noise_tunnel(m, attribute, inputs, nt_type="smoothgrad", nt_samples=5, stdevs=1.0, generator=None):
    from captum import attr

    drawn = [md.randn(*inputs.shape, generator=generator, dtype=md.float64).numpy() for _ in range(nt_samples)]
    noise = m.tensor(np.stack(drawn, 1).reshape(-1, *inputs.shape[1:]))
    method, options = attribute(attr)
    with mock.patch("torch.normal", lambda mean, std: noise * std):
        return attr.NoiseTunnel(method).attribute(
            inputs, nt_type=nt_type, nt_samples=nt_samples, stdevs=stdevs, **options
        )


row("interpret.smooth_grad", None, noise_tunnel, attribute=explain, inputs=IMAGES, generator=seeded(3))(
    attribute=explain_otherwise, inputs=OTHERS, nt_type=each("smoothgrad_sq", "vargrad"), nt_samples=3, stdevs=0.1,
    generator=seeded(4),
)  # fmt: skip


@captum
def captum_integrated(m, model, inputs, baselines=0.0, target=None, **options):
    from captum import attr

    if not isinstance(baselines, float):
        baselines = baselines.expand(inputs.shape)
    return attr.IntegratedGradients(model).attribute(inputs, baselines, target, **options)


RIEMANN = each("riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid")
row("interpret.integrated_gradients", None, captum_integrated, model=pooling, inputs=IMAGES, target=1)(
    model=residual, inputs=OTHERS, baselines=each(0.5, fixed(wave(1, 2, 8, 8, phase=2.0))), target=TARGETS,
    n_steps=3, method=RIEMANN, return_convergence_delta=each(True, given(True, n_steps=3, baselines=0.5)),
)  # fmt: skip


@captum
def captum_occlusion(m, model, inputs, sliding_window_shapes, strides=None, baselines=0.0, target=None):
    from captum import attr

    if not isinstance(baselines, float):
        baselines = baselines.expand(inputs.shape)
    return attr.Occlusion(model).attribute(inputs, sliding_window_shapes, strides, baselines, target)


row("interpret.occlusion", None, captum_occlusion, model=pooling, inputs=IMAGES, sliding_window_shapes=(2, 3, 3),
    target=1)(
    model=residual, inputs=OTHERS, sliding_window_shapes=each((1, 3, 2), (2, 8, 1)), target=TARGETS,
    strides=each((1, 3, 2), given(2, sliding_window_shapes=(2, 3, 3))),
    baselines=each(0.5, fixed(wave(1, 2, 8, 8, phase=2.0))),
)  # fmt: skip


@captum
def captum_grad_cam(m, model, inputs, layer, target=None, **options):
    from captum import attr

    return attr.LayerGradCam(model, model.get_submodule(layer)).attribute(inputs, target, **options).detach()


row("interpret.grad_cam", None, captum_grad_cam, model=pooling, inputs=IMAGES, layer="3", target=1)(
    model=residual, inputs=OTHERS, layer=each("0", "6"), target=TARGETS, relu_attributions=True,
    attr_dim_summation=False,
)  # fmt: skip

# --- patches ----------------------------------------------------------------------------------------------------------


def sees(windows, unit, length):
    """The pixels of a line that a unit sees, by the sizes, strides and padding of what lies before it."""
    first = last = unit
    for size, stride, padding in reversed(windows):
        first, last = first * stride - padding, last * stride - padding + size - 1
    return max(0, first), min(length, last + 1)


def by_arithmetic(m, model, shape, layer):
    windows = WINDOWS[len(list(model.children()))][: None if layer == "3" else 1]
    lines = []
    for length in shape[1:]:
        units = length
        for size, stride, padding in windows:
            units = (units + 2 * padding - size) // stride + 1
        lines.append(np.array([sees(windows, unit, length) for unit in range(units)]))
    return lines


def by_torch(m, model, inputs, layer, channel):
    return model[: int(layer) + 1](inputs)[:, channel].detach().numpy()


def their_strongest(m, model, inputs, layer, channel):
    active = by_torch(m, model, inputs, layer, channel)
    return [(channel, *np.argwhere(a == a.max())[0].tolist()) for a in active]


def their_patches(m, model, images, layer, channel, k=9):
    active = by_torch(m, model, images, layer, channel)
    places = sorted(
        ((i, r, c) for i, (_, r, c) in enumerate(their_strongest(m, model, images, layer, channel))),
        key=lambda place: -active[place],
    )[:k]
    lines, _ = by_arithmetic(m, model, images.shape[1:], layer)
    size = max(stop - start for start, stop in lines)
    pieces = np.zeros((len(places), 2, size, size))
    for piece, (i, r, c) in zip(pieces, places, strict=True):
        for line in range(*lines[r]):
            for column in range(*lines[c]):
                down = line - lines[r][0] + (size - np.ptp(lines[r])) * (lines[r][0] == 0)
                across = column - lines[c][0] + (size - np.ptp(lines[c])) * (lines[c][0] == 0)
                piece[:, down, across] = images[i, :, line, column]
    return m.tensor(pieces), m.tensor([active[place] for place in places]), places


MANY = fixed(wave(5, 2, 8, 8))
row("interpret.receptive_field", None, by_arithmetic, model=pooling, shape=(2, 8, 8), layer="3")(
    model=residual, shape=(2, 8, 10), layer="0"
)
row("interpret.strongest", None, their_strongest, model=pooling, inputs=MANY, layer="3", channel=1)(
    model=residual, inputs=fixed(separate(5, 2, 8, 8)), layer="0", channel=3
)
row("interpret.strongest_patches", None, their_patches, model=pooling, images=MANY, layer="3", channel=1)(
    model=residual, images=fixed(separate(5, 2, 8, 8)), layer="0", channel=2, k=2
)

# --- images by descent ------------------------------------------------------------------------------------------------


def descend(m, start, cost, steps, lr, bounds):
    x = start.clone().requires_grad_()
    adam = m.optim.Adam([x], lr=lr)
    for _ in range(steps):
        adam.zero_grad()
        cost(x).backward()
        adam.step()
        if bounds:
            x.data.clamp_(*bounds)
    return x.detach()


def priors(x, l2, tv):
    return l2 * (x**2).sum() + tv * ((x[:, :, 1:] - x[:, :, :-1]) ** 2).sum() + tv * (x.diff(dim=3) ** 2).sum()


def their_maximum(m, model, start, target=None, layer=None, steps=200, lr=0.05, l2=0.0, tv=0.0, jitter=0, bounds=None,
                  generator=None):  # fmt: skip
    part = model if layer is None else model[: int(layer) + 1]
    draws = stream(generator)

    def cost(x):
        down, across = draws.integers(-jitter, jitter + 1, 2).tolist() if jitter else (0, 0)
        z = part(x.roll((down, across), (2, 3)))
        picked = z[(slice(None), *target)] if isinstance(target, tuple) else z[range(2), target]
        return priors(x, l2, tv) - picked.sum()

    return descend(m, start, cost, steps, lr, bounds)


def their_inversion(m, model, features, layer, start, steps=200, lr=0.05, l2=0.0, tv=0.0, bounds=None):
    part = model[: int(layer) + 1]
    scale = (features**2).sum((1, 2, 3), keepdim=True)
    return descend(m, start, lambda x: ((part(x) - features) ** 2 / scale).sum() + priors(x, l2, tv), steps, lr, bounds)


row("interpret.maximize_activation", None, their_maximum, model=pooling, start=GREY, target=1, steps=7)(
    model=residual, start=OTHERS, target=each(2, [0, 2]), layer=UNIT, steps=3, lr=0.01, l2=0.3, tv=0.2,
    jitter=given(2, generator=seeded(1)), bounds=(0.0, 0.3), generator=given(seeded(2), jitter=2),
)  # fmt: skip
row("interpret.invert_features", None, their_inversion, model=pooling, features=fixed(wave(2, 5, 2, 2)), layer="3",
    start=GREY, steps=7)(
    model=given(residual, features=fixed(wave(2, 4, 4, 4))), features=fixed(wave(2, 5, 2, 2, phase=1.0)),
    layer=given("0", features=fixed(wave(2, 4, 8, 8))), start=OTHERS, steps=3, lr=0.01, l2=0.3, tv=0.2,
    bounds=(0.0, 0.3),
)  # fmt: skip


def by_ranks(m, first, second):
    ranks = [np.argsort(np.argsort(x.detach().numpy().reshape(len(x), -1))) for x in (first, second)]
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)]))


row("interpret.rank_correlation", lambda m, row, found, args, options: m.tensor(found(*args, **options)), by_ranks,
    first=IMAGES, second=OTHERS)(first=fixed(separate(2, 2, 8, 8)), second=MANY.array[:2])  # fmt: skip

# --- landscapes -------------------------------------------------------------------------------------------------------


def their_direction(m, model, generator=None):
    found = {}
    for path, weight in model.named_parameters():
        drawn = np.zeros(weight.shape)
        if weight.ndim > 1:
            drawn = md.randn(*weight.shape, generator=generator, dtype=md.float64).numpy()
            for filter, like in zip(drawn, weight.detach().numpy(), strict=True):
                filter *= np.linalg.norm(like.ravel()) / np.linalg.norm(filter.ravel())
        found[path] = m.tensor(drawn)
    return found


def towards(phase):
    """A direction."""
    return of(lambda m: {path: m.tensor(wave(*p.shape, phase=phase)) for path, p in pooling(m).named_parameters()})


@of
def score(m):
    """A loss of the weights alone."""
    return lambda model: (next(iter(model.parameters())) ** 2).sum() + sum(p.sum() for p in model.parameters())


@of
def other_score(m):
    return lambda model: sum((p**2).sum() for p in model.parameters())


def their_landscape(m, model, loss, direction, steps, other=None, other_steps=(0.0,)):
    state = {path: p.detach().clone() for path, p in model.named_parameters()}
    losses = np.zeros((len(steps), len(other_steps)))
    for i, a in enumerate(steps):
        for j, b in enumerate(other_steps):
            for path, p in model.named_parameters():
                p.data = state[path] + a * direction[path] + (b * other[path] if other else 0)
            losses[i, j] = loss(model).item()
    return losses if other else losses[:, 0]


def as_numbers(m, row, found, args, options):
    """The losses as a tensor."""
    return m.tensor(found(*args, **options))


TWO = given(towards(2.0), other_steps=[0.0, 0.5, 1.0])
row("interpret.random_direction", None, their_direction, model=pooling, generator=seeded(1))(
    model=residual, generator=seeded(2)
)
row("interpret.loss_landscape", as_numbers, their_landscape, model=pooling, loss=score, direction=towards(1.0),
    steps=[-1.0, 0.5])(
    model=given(residual, direction=of(lambda m: {path: p * 2 for path, p in residual(m).named_parameters()})),
    loss=other_score, direction=towards(3.0), steps=[0.0, 1.0, 2.0], other=TWO,
    other_steps=given([1.0], other=towards(2.0)),
)  # fmt: skip
