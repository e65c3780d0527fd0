"""Convolutions and transposed convolutions, of signals and of images."""

from typing import Any

from minidl import functional as F
from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.functional.windows import Pair, as_images, pair
from minidl.nn.layers import Weighted, require_positive


class _Conv(Weighted):
    """What all of them share: channels, groups, a weight and a bias; sizes are tuples, one for each dimension."""

    _rank: int
    transposed: bool

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair,
        padding: Pair | str,
        output_padding: Pair,
        dilation: Pair,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        layer = type(self).__name__
        require_positive(layer, out_channels=out_channels, groups=groups)
        self.require_inputs(in_channels=in_channels)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{layer}: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        modes = ("zeros",) if self.transposed else ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ValueError(f"{layer}: padding_mode must be {' or '.join(map(repr, modes))}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self.each("kernel_size", kernel_size)
        self.stride = self.each("stride", stride)
        self.padding: Any = padding if isinstance(padding, str) else self.each("padding", padding, least=0)
        self.dilation = self.each("dilation", dilation)
        self.output_padding = self.each("output_padding", output_padding, least=0)
        self.groups = groups
        self.padding_mode = padding_mode
        if isinstance(padding, str) and (
            self.transposed or padding not in ("valid", "same") or (padding == "same" and set(self.stride) != {1})
        ):
            raise ValueError(f"{layer}: padding={padding!r} with stride={stride}; 'same' needs stride 1")
        self.make_parameters(bias, device, dtype)

    def each(self, name: str, value: Any, least: int = 1) -> Any:
        """An option as one number for each of the dimensions that the window moves over."""
        return pair(value, f"{type(self).__name__}: {name}", least, self._rank)[-self._rank :]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return {"weight": (first, second // self.groups, *self.kernel_size), "bias": (self.out_channels,)}

    def take_inputs(self, input: Tensor) -> None:
        self.in_channels = as_images(input, self._rank).shape[1]
        if self.in_channels % self.groups:
            raise ValueError(f"groups={self.groups} must divide the {self.in_channels} channels of the input")

    def extra_repr(self) -> str:
        defaults: dict[str, Any] = {
            "padding": (0,) * self._rank,
            "dilation": (1,) * self._rank,
            "output_padding": (0,) * self._rank,
        }
        defaults |= {"groups": 1, "bias": True, "padding_mode": "zeros"}
        values = {name: getattr(self, name) for name in defaults} | {"bias": self.bias is not None}
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        shown += [f"{name}={value}" for name, value in values.items() if value != defaults[name]]
        return ", ".join(shown)


class _Plain(_Conv):
    """A learned weight (O, C / groups, …) and bias (O,) for `conv1d` or `conv2d` of `minidl.functional`.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups : as in the function
    bias : learn a bias
    padding_mode : what is around the input, "zeros" or a mode of `minidl.functional.pad`
    device, dtype : of the parameters
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
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        geometry = (kernel_size, stride, padding, 0, dilation, groups)
        super().__init__(in_channels, out_channels, *geometry, bias, padding_mode, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        function, padding = (F.conv1d, F.conv2d)[self._rank - 1], self.padding
        if self.padding_mode != "zeros" and padding != "valid":
            input, padding = F.pad(input, self.around(), self.padding_mode), 0
        return function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def around(self) -> list[int]:
        """The padding before and after, from the last dimension on."""
        if isinstance(self.padding, str):
            spans = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation, strict=True)]
            return [n for span in reversed(spans) for n in (span // 2, span - span // 2)]
        return [n for p in reversed(self.padding) for n in (p, p)]


class Conv1d(_Plain):
    __doc__ = _Plain.__doc__
    _rank = 1


class Conv2d(_Plain):
    __doc__ = _Plain.__doc__
    _rank = 2


class _Transposed(_Conv):
    """A learned weight (C, O / groups, …) and bias (O,) for `conv_transpose1d` or `conv_transpose2d`.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, dilation : as in the function
    bias : learn a bias
    padding_mode : "zeros" alone
    device, dtype : of the parameters
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
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        geometry = (kernel_size, stride, padding, output_padding, dilation, groups)
        super().__init__(in_channels, out_channels, *geometry, bias, padding_mode, device, dtype)

    def forward(self, input: Tensor, output_size: tuple[int, ...] | None = None) -> Tensor:
        """The result; `output_size` chooses among the sizes that the strides leave open, in place of output_padding."""
        function, extra = (F.conv_transpose1d, F.conv_transpose2d)[self._rank - 1], self.output_padding
        if output_size is not None:
            options = (self.stride, self.padding, self.dilation, self.kernel_size)
            each = zip(input.shape[-self._rank :], *options, strict=True)
            least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in each]
            extra = tuple(n - m for n, m in zip(output_size[-self._rank :], least, strict=True))
            if min(extra) < 0:
                raise ValueError(f"output_size {dims(tuple(output_size))} is less than the least, {dims(tuple(least))}")
        return function(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)


class ConvTranspose1d(_Transposed):
    __doc__ = _Transposed.__doc__
    _rank = 1


class ConvTranspose2d(_Transposed):
    __doc__ = _Transposed.__doc__
    _rank = 2
