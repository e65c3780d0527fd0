"""Layers without parameters: a function of `minidl.functional`, with its options set once."""

import inspect
from collections.abc import Callable
from typing import Any

from minidl import functional as F
from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.functional.losses import refuse_old
from minidl.nn.module import Module


class Functional(Module):
    """Calls a function with the options that it was made with; those that are tensors are its buffers.

    ``class ELU(Functional, of=F.elu)`` is the whole of a layer: its constructor takes what the function takes after its
    `inputs`, by the same names, with the same defaults. `options` says in which order, where that differs, `shown`
    which of them are printed, and `tuples` of how many numbers each option is that a window has.
    """

    _function: Callable[..., Any]
    _shown: tuple[str, ...] = ()
    _tuples = 0

    def __init_subclass__(
        cls, of: Callable[..., Any] | None = None, inputs: int = 1, options: str = "", shown: str = "", tuples: int = 0
    ) -> None:
        if of is None:  # it is a subclass of a layer
            return
        parameters = dict(list(inspect.signature(of).parameters.items())[inputs:])
        names = options.split() if options else list(parameters)
        cls._function, cls._shown, cls._tuples = staticmethod(of), tuple(shown.split()), tuples
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        cls.__signature__ = inspect.Signature([parameters[name].replace(kind=kind) for name in names])  # type: ignore[attr-defined]
        cls.__doc__ = f"`{of.__name__}`: {of.__doc__}"

    def __init__(self, *args: Any, **options: Any) -> None:
        signature = inspect.signature(type(self))
        try:
            bound = signature.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}({', '.join(signature.parameters)}): {error}") from None
        bound.apply_defaults()
        if "size_average" in signature.parameters:
            refuse_old(bound.arguments.pop("size_average"), bound.arguments.pop("reduce"), f"{type(self).__name__}: ")
        self._options = tuple(bound.arguments)
        for name, value in bound.arguments.items():
            if name == "stride" and value is None:
                value = self.kernel_size
            if self._tuples and name in WINDOW.split():
                value = value if isinstance(value, tuple) else (value,) * self._tuples
            if isinstance(value, Tensor) or signature.parameters[name].annotation == Tensor | None:
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def forward(self, *inputs: Tensor, **further: Any) -> Any:
        return self._function(*inputs, **{name: getattr(self, name) for name in self._options}, **further)

    def extra_repr(self) -> str:
        shown = [*self._shown, *["inplace"] * vars(self).get("inplace", False)]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)


class ReLU(Functional, of=F.relu): ...


class ReLU6(Functional, of=F.relu6):
    min_val, max_val = 0.0, 6.0


class LeakyReLU(Functional, of=F.leaky_relu, shown="negative_slope"): ...


class ELU(Functional, of=F.elu, shown="alpha"): ...


class SELU(Functional, of=F.selu): ...


class CELU(Functional, of=F.celu, shown="alpha"): ...


class GELU(Functional, of=F.gelu, shown="approximate"): ...


class SiLU(Functional, of=F.silu): ...


class Mish(Functional, of=F.mish): ...


class GLU(Functional, of=F.glu, shown="dim"): ...


class Hardshrink(Functional, of=F.hardshrink):
    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Softshrink(Functional, of=F.softshrink):
    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Tanhshrink(Functional, of=F.tanhshrink): ...


class Threshold(Functional, of=F.threshold, shown="threshold value"): ...


class Softplus(Functional, of=F.softplus, shown="beta threshold"): ...


class Softsign(Functional, of=F.softsign): ...


class Tanh(Functional, of=F.tanh): ...


class Sigmoid(Functional, of=F.sigmoid): ...


class LogSigmoid(Functional, of=F.logsigmoid): ...


class Hardtanh(Functional, of=F.hardtanh, shown="min_val max_val"): ...


class Hardsigmoid(Functional, of=F.hardsigmoid): ...


class Hardswish(Functional, of=F.hardswish): ...


class Softmax(Functional, of=F.softmax, options="dim", shown="dim"): ...


class Softmin(Functional, of=F.softmin, shown="dim"): ...


class Softmax2d(Module):
    """`softmax` over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("Softmax2d", input)
        if input.ndim not in (3, 4):
            raise ValueError(f"expected an input (N, C, H, W) or (C, H, W), got {dims(input.shape)}")
        return F.softmax(input, -3)


class LogSoftmax(Functional, of=F.log_softmax, options="dim", shown="dim"): ...


WINDOW = "kernel_size stride padding"
MAX_POOL = dict(options=f"{WINDOW} dilation return_indices ceil_mode", shown=f"{WINDOW} dilation ceil_mode")


class MaxPool1d(Functional, of=F.max_pool1d, **MAX_POOL): ...


class MaxPool2d(Functional, of=F.max_pool2d, **MAX_POOL): ...


class _MaxUnpool(Functional):
    def forward(self, input: Tensor, indices: Tensor, output_size: tuple[int, ...] | None = None) -> Tensor:  # type: ignore[override]
        return super().forward(input, indices, output_size=output_size)


class MaxUnpool1d(_MaxUnpool, of=F.max_unpool1d, inputs=2, options=WINDOW, shown=WINDOW, tuples=1): ...


class MaxUnpool2d(_MaxUnpool, of=F.max_unpool2d, inputs=2, options=WINDOW, shown=WINDOW, tuples=2): ...


class AvgPool1d(Functional, of=F.avg_pool1d, shown=WINDOW, tuples=1): ...


class AvgPool2d(Functional, of=F.avg_pool2d, shown=WINDOW): ...


class AdaptiveAvgPool1d(Functional, of=F.adaptive_avg_pool1d, shown="output_size"): ...


class AdaptiveAvgPool2d(Functional, of=F.adaptive_avg_pool2d, shown="output_size"): ...


class AdaptiveMaxPool1d(Functional, of=F.adaptive_max_pool1d, shown="output_size"): ...


class AdaptiveMaxPool2d(Functional, of=F.adaptive_max_pool2d, shown="output_size"): ...


UPSAMPLE = "size scale_factor mode align_corners recompute_scale_factor"


class Upsample(Functional, of=F.interpolate, options=UPSAMPLE):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        factor = self.scale_factor
        if factor is not None:
            self.scale_factor: Any = tuple(map(float, factor)) if isinstance(factor, (tuple, list)) else float(factor)

    def extra_repr(self) -> str:
        given = f"scale_factor={self.scale_factor!r}" if self.size is None else f"size={self.size!r}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample, of=F.interpolate, options="size scale_factor"):
    mode = "nearest"


def bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Images of another size, bilinear, with the corners where they are."""
    return F.interpolate(input, size, scale_factor, "bilinear", align_corners=True)


class UpsamplingBilinear2d(Upsample, of=bilinear):
    mode, align_corners = "bilinear", True


class PixelShuffle(Functional, of=F.pixel_shuffle, shown="upscale_factor"): ...


class PixelUnshuffle(Functional, of=F.pixel_unshuffle, shown="downscale_factor"): ...


class ChannelShuffle(Functional, of=F.channel_shuffle, shown="groups"): ...


class Unfold(Functional, of=F.unfold, shown="kernel_size dilation padding stride"): ...


class Fold(Functional, of=F.fold, shown="output_size kernel_size dilation padding stride"): ...


class LocalResponseNorm(Functional, of=F.local_response_norm):
    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossEntropyLoss(Functional, of=F.cross_entropy, inputs=2): ...


class NLLLoss(Functional, of=F.nll_loss, inputs=2): ...


class MSELoss(Functional, of=F.mse_loss, inputs=2, options="size_average reduce reduction"): ...


class L1Loss(Functional, of=F.l1_loss, inputs=2, options="size_average reduce reduction"): ...


class SmoothL1Loss(Functional, of=F.smooth_l1_loss, inputs=2): ...


class HuberLoss(Functional, of=F.huber_loss, inputs=2, options="reduction delta"): ...


class BCELoss(Functional, of=F.binary_cross_entropy, inputs=2): ...


class BCEWithLogitsLoss(Functional, of=F.binary_cross_entropy_with_logits, inputs=2): ...


class KLDivLoss(Functional, of=F.kl_div, inputs=2): ...


class CosineEmbeddingLoss(Functional, of=F.cosine_embedding_loss, inputs=3): ...


class HingeEmbeddingLoss(Functional, of=F.hinge_embedding_loss, inputs=2): ...


class MarginRankingLoss(Functional, of=F.margin_ranking_loss, inputs=3): ...


class SoftMarginLoss(Functional, of=F.soft_margin_loss, inputs=2): ...


class TripletMarginLoss(Functional, of=F.triplet_margin_loss, inputs=3): ...


class PairwiseDistance(Functional, of=F.pairwise_distance, inputs=2): ...


class CosineSimilarity(Functional, of=F.cosine_similarity, inputs=2): ...
