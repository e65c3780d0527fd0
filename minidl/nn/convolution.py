"""Convolutions and transposed convolutions, of signals and of images."""

from typing import Any

from minidl import functional as F
from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.functional.windows import Pair, pair
from minidl.nn.layers import require_positive, weight_and_bias
from minidl.nn.module import Module


class _Conv(Module):
    """What all of them share: channels, groups, a weight and a bias."""

    rank: int
    transposed: bool

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Pair, groups: int, bias: bool) -> None:
        layer = type(self).__name__
        require_positive(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{layer}: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        window = self.each("kernel_size")
        self.weight, self.bias = weight_and_bias((first, second // groups, *window), out_channels, bias)

    def each(self, option: str, least: int = 1) -> tuple[int, ...]:
        """An option as one number for each of the dimensions that the window moves over."""
        return pair(getattr(self, option), f"{type(self).__name__}: {option}", least, self.rank)[-self.rank :]


class _Plain(_Conv):
    """A learned weight (O, C / groups, …) and bias (O,) for `conv1d` or `conv2d` of `minidl.functional`.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups : as in the function
    bias : learn a bias
    padding_mode : what is around the input, "zeros" or a mode of `minidl.functional.pad`
    """

    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
    ) -> None:
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(
                f"{type(self).__name__}: padding_mode must be 'zeros', 'reflect', 'replicate' or 'circular', "
                f"got {padding_mode!r}"
            )
        if isinstance(padding, str) and (
            padding not in ("valid", "same") or (padding == "same" and stride not in (1, (1, 1)))
        ):
            raise ValueError(f"{type(self).__name__}: padding={padding!r} with stride={stride}; 'same' needs stride 1")
        super().__init__(in_channels, out_channels, kernel_size, groups, bias)
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.padding_mode = padding_mode

    def forward(self, input: Tensor) -> Tensor:
        function, padding = (F.conv1d, F.conv2d)[self.rank - 1], self.padding
        if self.padding_mode != "zeros" and padding != "valid":
            input, padding = F.pad(input, self.around(), self.padding_mode), 0
        return function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def around(self) -> list[int]:
        """The padding before and after, from the last dimension on."""
        if self.padding == "same":
            spans = [d * (k - 1) for k, d in zip(self.each("kernel_size"), self.each("dilation"), strict=True)]
            return [n for span in reversed(spans) for n in (span // 2, span - span // 2)]
        return [n for p in reversed(self.each("padding", least=0)) for n in (p, p)]


class Conv1d(_Plain):
    __doc__ = _Plain.__doc__
    rank = 1


class Conv2d(_Plain):
    __doc__ = _Plain.__doc__
    rank = 2


class _Transposed(_Conv):
    """A learned weight (C, O / groups, …) and bias (O,) for `conv_transpose1d` or `conv_transpose2d`.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, dilation : as in the function
    bias : learn a bias
    """

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, groups, bias)
        self.stride = stride
        self.padding = padding
        self.output_padding = output_padding
        self.groups = groups
        self.dilation = dilation

    def forward(self, input: Tensor, output_size: tuple[int, ...] | None = None) -> Tensor:
        """The result; `output_size` chooses among the sizes that the strides leave open, in place of output_padding."""
        function, extra = (F.conv_transpose1d, F.conv_transpose2d)[self.rank - 1], self.output_padding
        if output_size is not None:
            options = ("stride", "padding", "dilation", "kernel_size")
            each = zip(input.shape[-self.rank :], *(self.each(name, least=0) for name in options), strict=True)
            least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in each]
            extra = tuple(n - m for n, m in zip(output_size[-self.rank :], least, strict=True))
            if min(extra) < 0:
                raise ValueError(f"output_size {dims(tuple(output_size))} is less than the least, {dims(tuple(least))}")
        return function(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)


class ConvTranspose1d(_Transposed):
    __doc__ = _Transposed.__doc__
    rank = 1


class ConvTranspose2d(_Transposed):
    __doc__ = _Transposed.__doc__
    rank = 2
