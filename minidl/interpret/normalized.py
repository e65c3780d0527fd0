"""A network that takes pixels, whatever it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.nn import Module
from minidl.nn.tree import require_module
from minidl.ops.from_data import as_tensor


class Normalized(Module):
    """``model((x − mean) / std)``: of pixels, so that an ε is one of pixels, too.

    An attack on standardised inputs is 1/std too strong, and leaves the bounds that pixels have.

    Parameters
    ----------
    model : Module
        Itself, not a copy.
    mean, std : a number for each channel, or a single one
        As the network was trained with.

    Raises
    ------
    ValueError
        For a deviation that is not more than 0, and another number of means than of deviations.
    """

    def __init__(self, model: Module, mean: float | Sequence[float] | Any, std: float | Sequence[float] | Any) -> None:
        require_module("Normalized", model)
        self.model = model
        like = next(model.parameters(), None)
        place = {} if like is None else {"dtype": like.dtype, "device": like.device}
        for name, value in (("mean", mean), ("std", std)):
            self.register_buffer(name, as_tensor(value, **place).detach().reshape(-1, 1, 1))
        if self.mean.shape != self.std.shape or not bool((self.std > 0).all()):
            raise ValueError(
                f"Normalized: expected as many means as deviations, and these more than 0, got {mean} and {std}"
            )

    def forward(self, x: Tensor) -> Tensor:
        channels = self.mean.shape[0]
        if x.ndim != 4 or channels not in (1, x.shape[1]):
            raise ValueError(f"expected images N×{channels}×H×W, got {dims(x.shape)}")
        return self.model((x - self.mean) / self.std)
