"""AdamW."""

from collections.abc import Iterable, Mapping
from typing import Any

from minidl.engine.core import Tensor
from minidl.optim.adam import Adam


class AdamW(Adam):
    """`Adam` whose weight decay is not averaged with the gradient: p −= lr · weight_decay · p before its step.

    Loshchilov & Hutter (2019), "Decoupled weight decay regularization", algorithm 2. The other arguments are Adam's,
    and so is what is raised.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, which may be of an `Adam` without decoupled weight decay."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
