"""SmoothGrad: an attribution averaged over noise, in which what jumps from pixel to pixel cancels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.backend.random import Generator
from minidl.engine.core import Tensor
from minidl.interpret.target import require_inputs
from minidl.ops.draw import randn

KINDS = ("smoothgrad", "smoothgrad_sq", "vargrad")


def smooth_grad(
    attribute: Callable[[Tensor], Tensor],
    inputs: Tensor,
    nt_type: str = "smoothgrad",
    nt_samples: int = 5,
    stdevs: float = 1.0,
    generator: Generator | None = None,
) -> Tensor:
    """What an attribution gives on average where noise is added to the inputs (``captum.attr.NoiseTunnel``).

    D. Smilkov et al., "SmoothGrad: removing noise by adding noise" (2017); the square of it, and its variance, are of
    S. Hooker et al. (2019) and J. Adebayo et al. (2018).

    Parameters
    ----------
    attribute : callable
        From inputs to attributions, such as ``partial(saliency, model, target=3, abs=False)``.
    inputs : Tensor (N, …) of floats
    nt_type : the mean ("smoothgrad"), the mean of squares ("smoothgrad_sq") or the variance ("vargrad")
    nt_samples : how many times noise is drawn
    stdevs : the standard deviation of the noise, in the units of the inputs; the paper takes 0.1 to 0.2 of their range
    generator : what the noise is drawn from

    Returns
    -------
    Tensor of the attributions' shape

    Raises
    ------
    ValueError
        For another type, for no samples, and for a negative deviation.

    Examples
    --------
    >>> smooth_grad(partial(saliency, network, target=3, abs=False), images, nt_samples=25, stdevs=0.15)
    """
    require_inputs("smooth_grad", inputs)
    if nt_type not in KINDS:
        raise ValueError(f"smooth_grad: nt_type must be one of {', '.join(map(repr, KINDS))}, got {nt_type!r}")
    if nt_samples < 1 or stdevs < 0:
        raise ValueError(f"smooth_grad: expected a sample or more and stdevs ≥ 0, got {nt_samples} and {stdevs}")
    mean: Any = 0
    square: Any = 0
    for _ in range(nt_samples):
        noise = randn(*inputs.shape, generator=generator, dtype=inputs.dtype, device=inputs.device)
        found = attribute(inputs.detach() + stdevs * noise)
        mean, square = mean + found / nt_samples, square + found * found / nt_samples
    return {"smoothgrad": mean, "smoothgrad_sq": square, "vargrad": square - mean * mean}[nt_type]
