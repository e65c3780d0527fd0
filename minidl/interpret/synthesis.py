"""Images made by descent on pixels: what excites a unit most, and what a layer still knows of an image."""

from __future__ import annotations

from collections.abc import Callable

from minidl.autograd import grad
from minidl.backend import dims
from minidl.backend.modes import enable_grad, no_grad
from minidl.backend.random import Generator, stream
from minidl.data.sampler import require_count
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.interpret.target import Target, evaluating, outputs_of, require_inputs, selected
from minidl.nn import Module
from minidl.ops.arrange import roll
from minidl.ops.elementwise import clip
from minidl.optim import Adam


def maximize_activation(
    model: Module,
    start: Tensor,
    target: Target = None,
    layer: str | None = None,
    steps: int = 200,
    lr: float = 0.05,
    l2: float = 0.0,
    tv: float = 0.0,
    jitter: int = 0,
    bounds: tuple[float, float] | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Images that excite units or classes: activation − l2·‖x‖² − tv·TV(x), raised by Adam.

    D. Erhan et al., "Visualizing higher-layer features of a deep network" (2009); `l2` is of K. Simonyan et al. (2014),
    section 2; `jitter` of A. Mordvintsev et al., "Inceptionism" (2015).

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    start : Tensor (N, C, H, W) of floats
        What to begin with: noise, or grey.
    target : as in `saliency`; of a score, not of a probability, which rises as others fall
    layer : the path of the layer whose outputs `target` means
    steps : how many
    lr : the rate of Adam, in pixels
    l2 : the weight of the squared pixels
    tv : the weight of the total variation, the squared differences of neighbours
    jitter : by how many pixels, at most, images are shifted before each step, around their edges
    bounds : what pixels are held between, such as (0, 1)
    generator : what shifts are drawn from

    Returns
    -------
    Tensor (N, C, H, W)

    Raises
    ------
    ValueError
        For images of another shape, negative numbers, and as in `saliency`.
    """
    name = "maximize_activation"
    require_images(name, start)
    require_count(name, "jitter", jitter, 0)
    draws = stream(generator)

    def cost(x: Tensor) -> Tensor:
        if jitter:
            x = roll(x, tuple(draws.integers(-jitter, jitter + 1, 2).tolist()), (2, 3))
        return -selected(name, outputs_of(model, x, layer), target).sum()

    with evaluating(name, model):
        return descended(name, start, cost, steps, lr, l2, tv, bounds)


def invert_features(
    model: Module,
    features: Tensor,
    layer: str,
    start: Tensor,
    steps: int = 200,
    lr: float = 0.05,
    l2: float = 0.0,
    tv: float = 0.0,
    bounds: tuple[float, float] | None = None,
) -> Tensor:
    """Images of which a layer gives what is known: ‖Φ(x) − Φ₀‖² / ‖Φ₀‖² + l2·‖x‖² + tv·TV(x), lowered by Adam.

    A. Mahendran, A. Vedaldi, "Understanding deep image representations by inverting them" (2015), equation 3.

    Parameters
    ----------
    model : Module
        Evaluates meanwhile.
    features : Tensor (N, …)
        What the layer gives for the images that are sought.
    layer : its path, such as "features.3"
    start : Tensor (N, C, H, W) of floats
        What to begin with: noise, or grey.
    steps, lr, l2, tv, bounds : as in `maximize_activation`

    Returns
    -------
    Tensor (N, C, H, W)

    Raises
    ------
    ValueError
        For features of another shape than the layer gives, or without a number but 0, and as in `maximize_activation`.
    """
    name = "invert_features"
    require_tensors(name, start, features)
    require_images(name, start)
    wanted = features.detach()
    scale = (wanted * wanted).reshape(len(wanted), -1).sum(1)
    if not bool((scale > 0).all()):
        raise ValueError(f"{name}: features of an image are all 0, or not finite, and so say nothing of it")

    def cost(x: Tensor) -> Tensor:
        found = outputs_of(model, x, layer)
        if found.shape != wanted.shape:
            raise ValueError(f"{name}: {layer} gives {dims(found.shape)}, features are {dims(wanted.shape)}")
        apart = found - wanted
        return ((apart * apart).reshape(len(apart), -1).sum(1) / scale).sum()

    with evaluating(name, model):
        return descended(name, start, cost, steps, lr, l2, tv, bounds)


def require_images(name: str, images: Tensor) -> None:
    """Raise ValueError, in the name of a function, for anything but images (N, C, H, W) of floats."""
    require_inputs(name, images)
    if images.ndim != 4:
        raise ValueError(f"{name}: expected images N×C×H×W, got {dims(images.shape)}")


def total_variation(images: Tensor) -> Tensor:
    """The squared differences between neighbours, summed."""
    down, across = images[:, :, 1:] - images[:, :, :-1], images[..., 1:] - images[..., :-1]
    return (down * down).sum() + (across * across).sum()


def descended(
    name: str,
    start: Tensor,
    cost: Callable[[Tensor], Tensor],
    steps: int,
    lr: float,
    l2: float,
    tv: float,
    bounds: tuple[float, float] | None,
) -> Tensor:
    """Images after some steps of Adam down a cost, their squares and variation, each held between bounds."""
    if steps < 1 or bounds is not None and not bounds[0] < bounds[1]:
        raise ValueError(f"{name}: expected a step or more, and bounds that rise, got {steps} and {bounds}")
    if not (l2 >= 0 and tv >= 0):
        raise ValueError(f"{name}: l2 and tv must be 0 or more, got {l2} and {tv}")
    x = start.detach().clone().requires_grad_()
    optimizer = Adam([x], lr=lr)
    for _ in range(steps):
        with enable_grad():
            total = cost(x) + l2 * (x * x).sum() + tv * total_variation(x)
            x.grad = grad(total, x)[0]
        optimizer.step()
        if bounds is not None:
            with no_grad():
                x.copy_(clip(x, *bounds))
    return x.detach()
