"""Whether a picture explains the network at all: it must change where the network knows nothing any more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.interpret.target import evaluating
from minidl.nn import Module


def rank_correlation(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation of two attributions, from −1 to 1, the mean of the samples'.

    J. Adebayo et al., "Sanity checks for saliency maps" (2018) compare by it, with signs and without. Random *labels*
    are tried by it as well: train another network of the kind on labels that were shuffled, and compare what both
    give; an explanation of what was learnt must not agree.

    Parameters
    ----------
    first, second : Tensor (N, …) of the same shape

    Raises
    ------
    ValueError
        For different shapes.
    """
    require_tensors("rank_correlation", first, second)
    if first.shape != second.shape or first.ndim < 2:
        raise ValueError(
            f"rank_correlation: expected attributions of the same shape (N, …), got {dims(first.shape)} and "
            f"{dims(second.shape)}"
        )
    pairs = zip(first.detach().numpy(), second.detach().numpy(), strict=True)
    return float(np.mean([ranked(a.ravel(), b.ravel()) for a, b in pairs]))


def ranked(a: np.ndarray, b: np.ndarray) -> float:
    """The rank correlation of two rows of numbers; 0 where one of them is constant, and so ranks nothing."""
    from scipy.stats import spearmanr  # which takes half as long to import as all else together

    return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a, b).statistic)


def randomization_test(
    model: Module, attribute: Callable[[Module], Tensor], cascading: bool = True
) -> dict[str, float]:
    """How alike an attribution remains as layers get random weights, the last layer first.

    J. Adebayo et al., "Sanity checks for saliency maps" (2018), section 3.1. A method that shows the network's reasons
    falls towards 0; one that stays near 1 shows the image. The weights come back at the end, after an error, too.

    Parameters
    ----------
    model : Module
        Its layers with parameters must have ``reset_parameters()``; what they draw is the global stream's.
    attribute : callable
        From the network to attributions (N, …): ``lambda network: saliency(network, images, labels, abs=False)``.
    cascading : whether layers stay random as the next becomes so; else each alone is

    Returns
    -------
    dict of str to float
        The `rank_correlation` with what the network gave at first, by the path of the layer that was changed last.

    Raises
    ------
    ValueError
        For a layer that can't be reset, and a model without parameters.
    """
    name = "randomization_test"
    alike = {}
    with evaluating(name, model):
        layers = {path: part for path, part in model.named_modules() if any(True for _ in part.parameters(False))}
        fixed = [path for path, layer in layers.items() if not hasattr(layer, "reset_parameters")]
        if fixed or not layers:
            said = (
                f"{', '.join(fixed)}: no reset_parameters()" if fixed else f"{type(model).__name__} has no parameters"
            )
            raise ValueError(f"{name}: {said}")
        kept = {path: value.clone() for path, value in model.state_dict().items()}
        first = attribute(model)
        try:
            for path, layer in reversed(layers.items()):
                if not cascading:
                    model.load_state_dict(kept)
                layer.reset_parameters()
                alike[path] = rank_correlation(first, attribute(model))
        finally:
            model.load_state_dict(kept)
    return alike
