"""Faults that change nothing that can be seen, with the reason. One that is found, or is no more, fails the suite."""

from __future__ import annotations

from collections.abc import Iterable


def each(places: Iterable[str], faults: Iterable[str]) -> list[str]:
    return [f"{place}: {fault}" for place in places for fault in faults]


FLAT = ("sign.x", "floor.x", "ceil.x", "trunc.x", "round.x")
LINEAR = ("zero", "negate", "scale", "lose precision", "reverse", "roll", "swap axes", "drop an element", "square in g")
EACH = "self.number * channels"
MOST = f"CHUNK // ({EACH})"
CHUNKS = ("1", f"max(min({MOST}, n // 2), 1)", f"max(2, min({MOST}, n // 2))")

REASONS: dict[str, list[str]] = {
    "The gradient is 0 for every finite cotangent, and so is what becomes of it.": each(FLAT, LINEAR),
    "The array is only compared, or asked for its sign: no gradient passes through that.": [
        *each(["abs.x", "hardtanh.x", "limit.x"], ["detach x"]),
        *each(["maximum.x", "maximum.y", "minimum.x", "minimum.y"], ["detach x", "detach y"]),
        *each(["amax.x", "amin.x"], ["detach x", "detach z"]),
        "relu.x: detach z",
        "pow.n: detach n",
        "xlogy.x: detach x",
    ],
    "The result lies within the same bounds as the argument.": ["hardtanh.x: keep z for x"],
    "Two dimensions are swapped in either order, and of two there is but one pair.": [
        *each(["bmm._swap", "linear._swap"], ["transpose(x, -2, -1) → transpose(x, -1, -2)"]),
        "linear._swap: -1 → 1",
    ],
    "What is cast to the dtype of the argument in the end may be of another before; SciPy serves both.": [
        *each(["leaky_relu.step", "elu.step", "gelu_by_erf.step"], ["(x > 0).astype(x.dtype) → x > 0"]),
        "gelu_by_erf.normal: if x.dtype == np.float64: → if True:",
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
        "max_pool.pooled: np.maximum(seen, best, out=best) → np.maximum(best, seen, out=best)",
        "max_pool.pooled: np.maximum(place, larger * place.dtype.type(k), out=place) → "
        "np.maximum(larger * place.dtype.type(k), place, out=place)",
        "normalize_channels.NormalizeChannels.backward: np.multiply(lines(image[part]), slope, out=d) → "
        "np.multiply(slope, lines(image[part]), out=d)",
        "normalize_channels.NormalizeChannels.backward: np.multiply(lines(kept[part]), factor, out=lines(scaled)) → "
        "np.multiply(factor, lines(kept[part]), out=lines(scaled))",
        "normalize_channels.statistics: means - mean → mean - means",
        "normalize_channels.affine: np.multiply(x, scale, out=out) → np.multiply(scale, x, out=out)",
        "normalize_channels.affine: np.add(out, shift, out=out) → np.add(shift, out, out=out)",
        "normalize_channels.affine: np.maximum(out, zero, out=out) → np.maximum(zero, out, out=out)",
        "normalize_channels.where_positive: np.bitwise_and(g.view(bits), mask, out=mask) → "
        "np.bitwise_and(mask, g.view(bits), out=mask)",
        "softmax_cross_entropy.reference: min(1, x.ndim - 1) → min(x.ndim - 1, 1)",
        "softmax_cross_entropy.reference: ne(target, ignore_index) → ne(ignore_index, target)",
        "softmax_cross_entropy.against_labels: ne(target, ignore_index) → ne(ignore_index, target)",
        "normalize_channels.reference: (0, *range(2, x.ndim)) → (*range(2, x.ndim), 0)",
    ],
    "Where y ≤ 0, z = x · ln y is 0 just where x is.": ["xlogy.x: keep z for x"],
    "The other factor has the whole shape, to which this one broadcasts.": [
        "logsumexp.back: expand(reshape(y, kept(shape, dim)), shape) → reshape(y, kept(shape, dim))"
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
        "max_pool.pooled: if np.isnan(best).any(): → if True:",
        "max_pool.pooled: np.isnan(best) → best",
        "max_pool.scatter: any(map(any, window.padding)) → map(any, window.padding)",
        "normalize_channels.NormalizeChannels.forward: image if (side > 0).all() else image * side → image * side",
        "normalize_channels.NormalizeChannels.forward: side > 0 → side > 1",
        "normalize_channels.NormalizeChannels.forward: z if relu else None → z",
        "softmax_cross_entropy.reference: if label_smoothing: → if True:",
        "softmax_cross_entropy.SoftmaxCrossEntropy.forward: p @ by_class if label_smoothing else None → p @ by_class",
        "softmax_cross_entropy.SoftmaxCrossEntropy.backward: if label_smoothing: → if True:",
    ],
    "Both have one dtype, or one length.": [
        "max_pool.MaxPool.backward: g.dtype → x.dtype",
        "normalize_channels.NormalizeChannels.backward: g.dtype → x.dtype",
        "normalize_channels.statistics: True → False",
        "softmax_cross_entropy.SoftmaxCrossEntropy.forward: len(target) → len(x)",
    ],
    "A side is 1 or −1, and where the scale is 0 either will do.": [
        "normalize_channels.NormalizeChannels.forward: scale < 0 → scale <= 0",
        "normalize_channels.NormalizeChannels.forward: side > 0 → side >= 0",
        "normalize_channels.NormalizeChannels.forward: image * side → image / side",
        "normalize_channels.NormalizeChannels.forward: scale * side → scale / side",
    ],
    "A shift by more bits than there are leaves the sign.": [
        "normalize_channels.where_positive: np.right_shift(mask, 63, out=mask) → np.right_shift(mask, 64, out=mask)"
    ],
    "NumPy takes a Tensor for an index.": ["softmax_cross_entropy.against_labels: raw(labels) → labels"],
    "Labels have no gradient.": each(
        ["softmax_cross_entropy.SoftmaxCrossEntropy.target"],
        ("zero", "negate", "scale", "add a constant", "lose precision", "reverse", "roll", "swap axes")
        + ("drop an element",),
    ),
    "Both devices are the CPU, where a transfer moves nothing.": [
        "transfer.x: transfer(g, source, device) → g",
        "transfer.x: transfer(g, source, device) → transfer(g, device, source)",
    ],
    "A bias has no two dimensions.": ["convolve.Winograd.bias: swap axes"],
    "The arrays of a convolution are of one dtype.": [
        "convolve.Winograd.forward: x.dtype → weight.dtype",
        *each(["convolve.Winograd.backward"], ["x.dtype → g.dtype", "x.dtype → weight.dtype"]),
        *each(
            ["convolve.Winograd.backward"],
            [f"g.dtype → {a}.dtype{n}" for a in ("x", "weight") for n in ("", " (2)", " (3)", " (4)")],
        ),
        "convolve.Winograd.backward: g.dtype → bias.dtype (4)",
    ],
    "A maximum is symmetric.": ["convolve.Winograd.forward: np.maximum(y, 0, out=y) → np.maximum(0, y, out=y)"],
    "A result that needs no cutting may be copied once more.": each(
        ["convolve.Winograd.forward"],
        [
            "if (h, w) == (step * tiles.down, step * tiles.across): → if False:",
            "(h, w) → (w, h)",
            "(step * tiles.down, step * tiles.across) → (step * tiles.across, step * tiles.down)",
            "step * tiles.down → step / tiles.down",
            "step * tiles.across → step",
            "step * tiles.across → step / tiles.across",
        ],
    ),
    "How many images are worked on at a time is a question of speed.": [
        *each(["convolve.Winograd.forward", "convolve.Winograd.backward"], ["max(c, o) → c", "max(c, o) → max(o, c)"]),
        *[f"convolve.Tiles.chunks: max(1, min({MOST}, n // 2)) → {other}" for other in CHUNKS],
        *[f"convolve.Tiles.chunks: min({MOST}, n // 2) → {other}" for other in (MOST, f"min(n // 2, {MOST})")],
        *[
            f"convolve.Tiles.chunks: {MOST} → {other}"
            for other in ("CHUNK", EACH, f"CHUNK * ({EACH})", f"{EACH} // CHUNK")
        ],
        *[f"convolve.Tiles.chunks: {EACH} → {other}" for other in ("self.number", "channels")],
        *each(["convolve.Tiles.chunks"], [f"n // 2 → {other}" for other in ("n", "2", "n * 2", "2 // n", "n // 3")]),
    ],
    "What nobody asked for is computed, and dropped.": each(
        ["convolve.Winograd.backward"],
        [
            "empty(x.shape, x.dtype).transpose(0, 3, 1, 2) if 0 in needs else None → "
            "empty(x.shape, x.dtype).transpose(0, 3, 1, 2)",
            "if 2 in needs: → if True:",
            "if 1 in needs: → if True:",
        ],
    ),
    "There are as many gradients as images, and results as chunks.": each(
        ["convolve.Winograd.backward"], ["g[chunk] → x[chunk]", "g[chunk] → x[chunk] (3)", "True → False"]
    ),
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
