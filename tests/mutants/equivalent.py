"""Faults that change nothing that can be seen, with the reason. One that is found, or is no more, fails the suite."""

from __future__ import annotations

from collections.abc import Iterable


def each(places: Iterable[str], faults: Iterable[str]) -> list[str]:
    return [f"{place}: {fault}" for place in places for fault in faults]


FLAT = ("sign.x", "floor.x", "ceil.x", "trunc.x", "round.x")
FLAT_QUOTIENTS = ("floor_divide.x", "floor_divide.y", "trunc_divide.x", "trunc_divide.y")
LINEAR = ("zero", "negate", "scale", "lose precision", "reverse", "roll", "swap axes", "drop an element", "square in g")

REASONS: dict[str, list[str]] = {
    "The gradient is 0 for every finite cotangent, and so is what becomes of it.": [
        *each(FLAT, LINEAR),
        *each(FLAT_QUOTIENTS, [*LINEAR, "skip the broadcast sum"]),
    ],
    "The array is only compared, rounded, or asked for its sign: no gradient passes through that.": [
        *each(["remainder.y", "fmod.y"], ["detach x", "detach y"]),
        *each(["abs.x", "hardtanh.x", "limit.x"], ["detach x"]),
        *each(["maximum.x", "maximum.y", "minimum.x", "minimum.y"], ["detach x", "detach y"]),
        *each(["amax.x", "amin.x", "greatest.x", "least.x", "middle.x"], ["detach x", "detach z"]),
        "relu.x: detach z",
        "pow.n: detach n",
        "xlogy.x: detach x",
    ],
    "The result lies within the same bounds as the argument.": ["hardtanh.x: keep z for x"],
    "Two dimensions are swapped in either order, and of two there is but one pair.": [
        *each(["matrix_product._swap", "linear._swap"], ["transpose(x, -2, -1) → transpose(x, -1, -2)"]),
        "linear._swap: -1 → 1",
    ],
    "What is cast to the dtype of the argument in the end may be of another before; SciPy serves both.": [
        *each(["leaky_relu.step", "elu.step", "gelu_by_erf.step"], ["(x > 0).astype(x.dtype) → x > 0"]),
        "gelu_by_erf.normal: if x.dtype == np.float64: → if True:",
    ],
    "A depthwise kernel's arrays are of one dtype, gradient and images as many, channels as many as biases.": [
        "convolve.Depthwise.forward: x.dtype → weight.dtype",
        *each(["convolve.Depthwise.backward"], ["x.dtype → g.dtype", "x.dtype → weight.dtype", "True → False"]),
        *each(["convolve.Depthwise.backward"], ["x.dtype → g.dtype (2)", "x.dtype → weight.dtype (2)"]),
        *each(["convolve.Depthwise.backward"], ["len(x) → len(g)"]),
    ],
    "There are no options.": [
        *each(
            [
                "silu.SiLU.forward",
                "gelu_by_erf.GELU.forward",
                "gelu_by_tanh.GELUByTanh.forward",
                "hardswish.HardSwish.forward",
            ],
            ["mapped(cls.value, x, **options) → mapped(cls.value, x)"],
        ),
        *each(
            [
                "selu.SELU.backward",
                "silu.SiLU.backward",
                "gelu_by_erf.GELU.backward",
                "gelu_by_tanh.GELUByTanh.backward",
                "hardswish.HardSwish.backward",
            ],
            ["mapped(cls.rule, g, x, **options) → mapped(cls.rule, g, x)"],
        ),
    ],
    "What stands there is not used, but for not overflowing.": [
        "elu.reference: input > 0 → input > 1 (2)",
        "elu.reference: where(input > 0, 0.0, input) → where(input > 0, 1.0, input)",
    ],
    "The factor beside it is 0 there.": ["gelu_by_erf.step: x > 0 → x >= 0"],
    "The function is symmetric.": [
        "log_likelihood.p: maximum(p * (1 - p), 1e-12) → maximum(1e-12, p * (1 - p))",
        "normalize_channels.statistics: means - mean → mean - means",
        *each(
            ["normalize_channels.moments", "normalize_channels.sums"],
            ["min(start + BLOCK, len(x)) → min(len(x), start + BLOCK)"],
        ),
        "normalize_channels.affine: y < zero → y <= zero",
        "softmax_cross_entropy.reference: min(1, x.ndim - 1) → min(x.ndim - 1, 1)",
        "softmax_cross_entropy.reference: ne(target, ignore_index) → ne(ignore_index, target)",
        "softmax_cross_entropy.against_labels: ne(target, ignore_index) → ne(ignore_index, target)",
        "normalize_channels.reference: (0, *range(2, x.ndim)) → (*range(2, x.ndim), 0)",
    ],
    "Where y ≤ 0, z = x · ln y is 0 just where x is.": ["xlogy.x: keep z for x"],
    "What has the shape may be reshaped once more.": each(
        ["logsumexp.back", "sum.back"],
        [
            "y if y.ndim in (0, len(shape)) else reshape(y, kept(shape, dim)) → reshape(y, kept(shape, dim))",
            "(0, len(shape)) → (len(shape), 0)",
            "len(shape) → shape",
        ],
    ),
    "The other factor has the whole shape in any case.": [
        "logsumexp.back: expand(y if y.ndim in (0, len(shape)) else reshape(y, kept(shape, dim)), shape) → "
        "y if y.ndim in (0, len(shape)) else reshape(y, kept(shape, dim))"
    ],
    "There the numerator is 0, so that any divisor will do, and the product is not used, so that any factor will.": [
        "root.x: where(z != 0, z, 1.0) → where(z != 0, z, 2.0)",
        "pow.x: where(n == 0, 1.0, n - 1) → where(n == 0, 2.0, n - 1)",
    ],
    "Any sequence of integers is an order.": [
        "permute.x: tuple(np.argsort(axes(order, len(shape))).tolist()) → np.argsort(axes(order, len(shape))).tolist()",
        "permute.x: np.argsort(axes(order, len(shape))).tolist() → np.argsort(axes(order, len(shape)))",
    ],
    "A vector has no two dimensions.": each(
        ["normalize_channels.NormalizeChannels.weight", "normalize_channels.NormalizeChannels.bias"], ["swap axes"]
    ),
    "What is skipped, or done more quickly, would change nothing: a question of speed.": [
        "normalize_channels.NormalizeChannels.forward: z if relu else None → z",
        "softmax_cross_entropy.reference: if label_smoothing: → if True:",
        "softmax_cross_entropy.SoftmaxCrossEntropy.forward: p @ by_class if label_smoothing else None → p @ by_class",
        "softmax_cross_entropy.SoftmaxCrossEntropy.backward: if label_smoothing: → if True:",
    ],
    "Both have one dtype, or one length.": [
        "max_pool.MaxPool.backward: g.dtype → x.dtype",
        *each(
            ["normalize_channels.NormalizeChannels.backward"], [f"x.dtype → g.dtype{n}" for n in ("", " (2)", " (3)")]
        ),
        "softmax_cross_entropy.SoftmaxCrossEntropy.forward: len(target) → len(x)",
    ],
    "A byte counts them either way.": each(
        ["max_pool.maxima", "max_pool.scatter"], ["np.uint8(i * kw + j) → i * kw + j"]
    ),
    "Only a normalisation asks for relu.": each(
        ["max_pool.scatter"],
        [f"result[k] > 0 → result[k] {other}" for other in ("<= 0", "> 1", ">= 0")]
        + [
            "(g[image, oy, ox], z[image, oy, ox], chosen[image, oy, ox]) → "
            "(z[image, oy, ox], g[image, oy, ox], chosen[image, oy, ox])"
        ],
    ),
    "Loops read as many as there are columns.": each(
        ["normalize_channels.along_rows"],
        [f"matrix.shape[1] // len(v) → matrix.shape[1]{more}" for more in ("", " * len(v)")],
    ),
    "The first block gives the mean whatever stood there.": ["normalize_channels.moments: 0 → 1"],
    "What is compiled takes arrays of one dtype, in C order.": [
        "convolve.Depthwise.backward: np.ascontiguousarray(dy) → dy",
        "normalize_channels.along_rows: v.astype(matrix.dtype) → v",
    ],
    "NumPy takes a Tensor for an index.": ["softmax_cross_entropy.against_labels: raw(labels) → labels"],
    "Labels have no gradient.": each(
        ["softmax_cross_entropy.SoftmaxCrossEntropy.target"],
        ("zero", "negate", "scale", "add a constant", "lose precision", "reverse", "roll", "swap axes")
        + ("drop an element",),
    ),
    "Both devices are the CPU, where a transfer moves nothing.": [
        "to_device.x: to_device(g, source, device) → g",
        "to_device.x: to_device(g, source, device) → to_device(g, device, source)",
    ],
    "A bias has no two dimensions.": each(
        ["convolve.Winograd.bias", "convolve.Columns.bias", "convolve.Depthwise.bias"], ["swap axes"]
    ),
    "The arrays of a convolution are of one dtype.": [
        "convolve.Winograd.forward: x.dtype → weight.dtype",
        *each(["convolve.Winograd.backward"], ["x.dtype → g.dtype", "x.dtype → weight.dtype"]),
        *each(
            ["convolve.Winograd.backward"], [f"g.dtype → {a}.dtype{n}" for a in ("x", "weight") for n in ("", " (2)")]
        ),
        *each(["convolve.Columns.forward"], ["x.dtype → weight.dtype", "x.dtype → weight.dtype (2)"]),
        *each(["convolve.Columns.backward"], ["x.dtype → g.dtype", "x.dtype → weight.dtype"]),
    ],
    "The operation is symmetric.": [
        *each(
            ["convolve.Winograd.forward", "convolve.Columns.forward"],
            ["np.maximum(y, 0, out=y) → np.maximum(0, y, out=y)"],
        ),
        "convolve.larger: np.maximum(a, b, out=out) → np.maximum(b, a, out=out)",
        "convolve.split: np.bitwise_xor(g.view(bits), b.view(bits), out=a.view(bits)) → "
        "np.bitwise_xor(b.view(bits), g.view(bits), out=a.view(bits))",
        "convolve.keep: np.bitwise_and(g.view(bits), -mask.view(np.int8), out=out.view(bits)) → "
        "np.bitwise_and(-mask.view(np.int8), g.view(bits), out=out.view(bits))",
    ],
    "NumPy takes any negative size for the one that is left open.": [
        *each(["convolve.Columns.forward", "convolve.block_maxima"], ["-1 → -2 (2)"]),
        *each(["convolve.Columns.forward", "convolve.Columns.backward"], ["-1 → -2"]),
        *each(["convolve.block_maxima"], ["-1 → -2 (3)", "-1 → -2 (4)"]),
        "normalize_channels.NormalizeChannels.backward: -1 → -2",
        "normalize_channels.statistics: -1 → -2",
    ],
    "A window is square, and a block has two equal rows.": [
        *each(["convolve.Winograd.forward", "convolve.Winograd.backward"], ["weight.shape[2] → weight.shape[3]"]),
        "convolve.block_maxima: y[0] → y[1]",
    ],
    "What is set to 0 besides is written over.": each(
        ["convolve.Tiles.join"],
        [f"4 * self.{side} → {other}" for side in ("down", "across") for other in ("4", f"self.{side}")],
    ),
    "A slice ends where there is no more.": ["convolve.Tiles.overlaps: (4, self.overlap) → (5, self.overlap)"],
    "What needs no cutting, nor extending, may be copied once more.": [
        *each(
            ["convolve.Winograd.forward"],
            [
                "if (h, w) == (step * tiles.down, step * tiles.across): → if False:",
                "(h, w) → (w, h)",
                "(step * tiles.down, step * tiles.across) → (step * tiles.across, step * tiles.down)",
                "step * tiles.down → step / tiles.down",
                "step * tiles.across → step / tiles.across",
            ],
        ),
        "convolve.extended: if (height, width) == (h, w): → if False:",
        *each(["convolve.extended"], ["(height, width) → (width, height)", "(h, w) → (w, h)"]),
        *each(["convolve.Columns.forward"], ["if groups > 1: → if True:", "groups > 1 → groups >= 1"]),
    ],
    "How many images are worked on at a time is a question of speed.": [
        *each(["convolve.Winograd.forward", "convolve.Winograd.backward"], ["max(c, o) → c", "max(c, o) → max(o, c)"]),
        *each(
            ["convolve.Geometry.__init__"],
            [
                "(*self.cut.places, *self.cut.whole.size, self.c) → (*self.cut.whole.size, *self.cut.places, self.c)",
                "(*self.cut.places, *self.cut.whole.size, self.c) → (*self.cut.places, self.c, *self.cut.whole.size)",
            ],
        ),
        "convolve.Columns.backward: list(zip(how.parts, saved, strict=True)) → zip(how.parts, saved, strict=True)",
        "convolve.Columns.backward: np.ascontiguousarray(g[images, ..., outputs]) → g[images, ..., outputs]",
    ],
    "What nobody asked for is computed, and dropped.": each(
        ["convolve.Winograd.backward"], ["if 2 in needs: → if True:", "if 1 in needs: → if True:"]
    ),
    "There are as many gradients as images, and results as chunks.": each(
        ["convolve.Winograd.backward"], ["g[chunk] → x[chunk] (2)", "True → False"]
    )
    + each(["convolve.Columns.backward"], ["True → False"]),
    "More tiles than needed see zeros, and what they give is cut off.": each(
        ["convolve.Tiles.__init__"], ["-n // 4 → -n", "-n // 4 → -n * 4"]
    ),
    "NumPy casts the smaller factor itself.": ["convolve.both: a.astype(x.dtype) → a"],
    "Two axes are swapped in either order; transposed here, U, V and M are transposed back in Y.": each(
        ["convolve.both"],
        [
            "rows.swapaxes(0, 1) → rows.swapaxes(1, 0)",
            "z.swapaxes(0, 1) → z",
            "z.swapaxes(0, 1) → z.swapaxes(1, 0)",
            "z.swapaxes(0, 1) → z.swapaxes(1, 1)",
        ],
    ),
}
EQUIVALENT = {fault: reason for reason, faults in REASONS.items() for fault in faults}
