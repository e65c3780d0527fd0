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
        *each(["elu.step", "gelu_by_erf.step"], ["(x > 0).astype(x.dtype) → x > 0"]),
        "gelu_by_erf.normal: if x.dtype == np.float64: → if True:",
    ],
    "A depthwise kernel's arrays are of one dtype, gradient and images as many.": [
        *each(["convolve.Depthwise.forward"], ["x.dtype → weight.dtype", "x.dtype → weight.dtype (2)"]),
        *each(
            ["convolve.Depthwise.backward"],
            [
                *(f"g.dtype → {a}.dtype{n}" for a in ("x", "weight") for n in ("", " (2)")),
                *(f"x.dtype → {a}.dtype{n}" for a in ("g", "weight") for n in ("", " (2)")),
                "True → False",
                "summed(dw).reshape(*kernel, -1, len(weight)).sum(2).transpose(2, 0, 1)[:, None].astype(x.dtype) → "
                "summed(dw).reshape(*kernel, -1, len(weight)).sum(2).transpose(2, 0, 1)[:, None]",
            ],
        ),
    ],
    "Of each channel's results there may be one, and a row may be worked on place by place.": [
        *each(
            ["convolve.Depthwise.backward"],
            [
                "dx.reshape(*dx.shape[:3], x.shape[1], -1).sum(-1) if len(weight) > x.shape[1] else dx → "
                "dx.reshape(*dx.shape[:3], x.shape[1], -1).sum(-1)",
                "len(weight) > x.shape[1] → len(weight) >= x.shape[1]",
                "x.shape → weight.shape",
            ],
        ),
        *each(
            ["convolve.Prepared.__init__"],
            ["if len(weight) > groups: → if True:", "len(weight) > groups → len(weight) >= groups"],
        ),
        *each(["convolve.seen"], [f"last - first → {other}" for other in ("first", "first - last")]),
        *each(["convolve.seen"], [f"max(1, last - first) → {other}" for other in ("1", "max(2, last - first)")]),
        "convolve.seen: max(1, last - first) if step == 1 else 1 → 1",
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
    "The factor beside it is 0 there.": [
        "gelu_by_erf.step: x > 0 → x >= 0",
        "leaky_relu.leaking: x[i] > zero → x[i] >= zero",
    ],
    "The function is symmetric.": [
        "normalize_rows.in_rows: (weight, bias) → (bias, weight)",
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
        "softmax_cross_entropy.reference: if label_smoothing: → if True:",
        "softmax_cross_entropy.SoftmaxCrossEntropy.forward: matmul(p, by_class[:, None])[:, 0] if label_smoothing "
        "else None → matmul(p, by_class[:, None])[:, 0]",
        "softmax_cross_entropy.SoftmaxCrossEntropy.backward: if label_smoothing: → if True:",
    ],
    "Both have one dtype, or one length.": [
        "max_pool.MaxPool.backward: g.dtype → x.dtype",
        "normalize_rows.NormalizeRows.backward: x.dtype → g.dtype",
        *each(
            ["normalize_channels.NormalizeChannels.backward"], [f"x.dtype → g.dtype{n}" for n in ("", " (2)", " (3)")]
        ),
        "softmax_cross_entropy.SoftmaxCrossEntropy.forward: len(target) → len(x)",
    ],
    "A sum in double is rounded where it is stored.": [
        "normalize_rows.normalized: np.float64(0) → 0 (2)",
        *each(["normalize_rows.slope"], ["np.float64(0) → 0", "np.float64(0) → 0 (2)"]),
        *each(
            ["convolve.data", "convolve.data_back"],
            [f"T({c}) → {c}" for c in ("0.25", "0.5", "1.25", "2", "2.5", "4", "4.25", "5", "5.25")],
        ),
        *each(
            ["convolve.result", "convolve.result_back"],
            [f"T({c}) → {c}" for c in ("0.125", "0.25", "0.5", "2", "4", "8")],
        ),
    ],
    "A byte counts them either way.": each(
        ["max_pool.maxima", "max_pool.scatter"], ["np.uint8(i * kw + j) → i * kw + j"]
    ),
    "Loops read as many as there are columns.": each(
        ["normalize_channels.along_rows"],
        [f"matrix.shape[1] // len(v) → matrix.shape[1]{more}" for more in ("", " * len(v)")],
    ),
    "The first block gives the mean whatever stood there.": ["normalize_channels.moments: 0 → 1"],
    "What is compiled takes arrays of one dtype, in C order.": [
        "normalize_rows.NormalizeRows.backward: in_order(g) → g",
        "normalize_rows.in_order: np.require(array, None, ['C', 'W']) → array",
        *each(["normalize_rows.in_rows"], [f"in_order({a}) → {a}" for a in ("x", "weight", "bias")]),
        "convolve.Winograd.forward: bias.copy() → bias",
        "convolve.Columns.backward: np.ascontiguousarray(z[images, ..., outputs]) → z[images, ..., outputs]",
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
        *each(
            ["convolve.Winograd.forward"],
            [*(f"x.dtype → weight.dtype{n}" for n in ("", " (2)")), "x.dtype → bias.dtype (2)"],
        ),
        *each(
            ["convolve.Winograd.backward"],
            [
                *(f"x.dtype → {a}.dtype{n}" for a in ("g", "weight") for n in ("", " (2)")),
                "x.dtype → bias.dtype (2)",
                "summed(db).astype(x.dtype) → summed(db)",
            ],
        ),
        *each(["convolve.Columns.forward"], [f"x.dtype → weight.dtype{n}" for n in ("", " (2)", " (3)")]),
        *each(["convolve.Columns.backward"], ["x.dtype → g.dtype", "x.dtype → weight.dtype"]),
    ],
    "The operation is symmetric.": [
        "convolve.Depthwise.forward: np.maximum(y, 0, out=y) → np.maximum(0, y, out=y)",
        "convolve.correlate: (row[column * c:(column + run) * c], results[ox * c:(ox + run) * c]) → "
        "(results[ox * c:(ox + run) * c], row[column * c:(column + run) * c])",
        "convolve.seen: max(0, -(start // step)) → max(-(start // step), 0)",
        "convolve.seen: max(1, last - first) → max(last - first, 1)",
        "convolve.seen: min(places, (width - start + step - 1) // step) → "
        "min((width - start + step - 1) // step, places)",
        "convolve.Tiles.matrices: tiles.reshape(len(tiles) * self.number, self.q * self.q, -1).swapaxes(0, 1) → "
        "tiles.reshape(len(tiles) * self.number, self.q * self.q, -1).swapaxes(1, 0)",
        "convolve.begin: min(4 * ty + i, h - 1) → min(h - 1, 4 * ty + i)",
        "convolve.cut: max(0, min(y, h - 1)) → max(min(y, h - 1), 0)",
        "convolve.cut: min(y, h - 1) → min(h - 1, y)",
        "convolve.finish: min(4, h - 4 * ty) → min(h - 4 * ty, 4)",
        "convolve.finish: y < zero → y <= zero",
        "convolve.bias_relu: y < zero → y <= zero",
        "convolve.product: matmul(a, b, empty((len(a), b.shape[1]), a.dtype)) → matmul(a, b)",
        "convolve.Winograd.backward: matmul(tiles.matrices(m).mT, tiles.matrices(v), empty(u.shape, u.dtype)) "
        "→ matmul(tiles.matrices(m).mT, tiles.matrices(v))",
    ],
    "NumPy takes any negative size for the one that is left open.": [
        "normalize_rows.in_rows: -1 → -2 (2)",
        *each(["convolve.Columns.forward"], ["-1 → -2 (2)"]),
        *each(["convolve.Depthwise.backward"], ["-1 → -2", "-1 → -2 (3)"]),
        *each(["convolve.Columns.forward", "convolve.Columns.backward"], ["-1 → -2"]),
        "normalize_channels.NormalizeChannels.backward: -1 → -2",
        "normalize_channels.statistics: -1 → -2",
        *each(["convolve.Tiles.matrices", "convolve.Tiles.filters", "convolve.Tiles.filters_back"], ["-1 → -2"]),
        "convolve.Tiles.filters: -1 → -2 (2)",
    ],
    "A slice ends where there is no more, and nobody looks at what is left of a larger array.": [
        "normalize_rows.NormalizeRows.forward: (*rows.shape[:2], 2) → (*rows.shape[:2], 3)",
        *each(["convolve.cut", "convolve.join"], ["4 * across + q - 4 → 4 * across + q"]),
        *each(["convolve.cut", "convolve.join"], ["4 * across + q - 4 → 4 * across + q + 4"]),
        *each(["convolve.begin", "convolve.finish"], ["(4, q * o) → (5, q * o)", "(4, width * o) → (5, width * o)"]),
        *each(["convolve.begin", "convolve.cut", "convolve.finish", "convolve.join"], ["4 * across → 5 * across"]),
        *each(["convolve.cut", "convolve.join"], ["4 * tx → 5 * tx (2)"]),
        *each(["convolve.join"], ["4 * tx → 4 (2)", "4 * tx + j + 1 → 4 * tx + j + 2"]),
    ],
    "What needs no cutting may be copied once more.": [
        *each(["convolve.Columns.forward"], ["if groups > 1: → if True:", "groups > 1 → groups >= 1"])
    ],
    "How many images are worked on at a time is a question of speed.": [
        *each(
            ["convolve.Geometry.__init__"],
            [
                "(*self.cut.places, *self.cut.whole.size, self.c) → (*self.cut.whole.size, *self.cut.places, self.c)",
                "(*self.cut.places, *self.cut.whole.size, self.c) → (*self.cut.places, self.c, *self.cut.whole.size)",
            ],
        ),
        "convolve.Columns.backward: np.require(g[images, ..., outputs], None, ['C', 'W']) → g[images, ..., outputs]",
    ],
    "An array that is for reading only is read as well, by a loop that is compiled anew for it.": [
        *each(
            [
                f"{name}.chunked"
                for name in ("leaky_relu", "elu", "selu", "silu", "hardswish", "gelu_by_erf", "gelu_by_tanh")
            ],
            ["np.require(a.transpose(order).ravel(), None, 'W') → a.transpose(order).ravel()"],
        )
    ],
    "What nobody asked for is computed, and dropped.": [
        *each(["normalize_rows.NormalizeRows.backward"], ["if 0 in needs: → if True:", "if needs != {0}: → if True:"]),
        "convolve.Winograd.forward: None if pool is None else empty(z.shape, np.uint8) → empty(z.shape, np.uint8)",
        "convolve.Winograd.backward: if 1 in needs: → if True:",
        "convolve.Columns.forward: z if relu and pool is None else None → z",
        "convolve.Columns.forward: if relu or bias is not None: → if True:",
        "convolve.Columns.forward: bias is not None → weight is not None",
        "convolve.Columns.forward: bias is not None → x is not None",
        "convolve.Columns.backward: column_sums(rows(dy)) if 2 in needs else None → column_sums(rows(dy))",
        "convolve.Columns.backward: if 1 in needs: → if True:",
    ],
    "Forward says what was chosen; it is left open by the ops of convolution alone, which have tests of their own.": [
        *(
            f"convolve.{kernel}.backward: {change}"
            for kernel, parts in {"Columns": "how.parts", "Depthwise": "slices"}.items()
            for change in (
                *(
                    f"[None] * len({parts}) → {other}"
                    for other in ("[None]", f"len({parts})", f"[None] / len({parts})")
                ),
                f"len({parts}) → {parts}",
            )
        )
    ],
    "NumPy casts the smaller factor itself.": [
        "convolve.Tiles.filters: FILTERS[weight.shape[2:]].astype(self.dtype) → FILTERS[weight.shape[2:]]",
        "convolve.Tiles.filters_back: FILTERS[r, r].astype(self.dtype) → FILTERS[r, r]",
    ],
    "Columns have the order in which they are quickly made; products are the same in any.": [
        "convolve.Columns.forward: True → False",
        *each(
            ["convolve.Geometry.__init__"],
            [
                "True → False",
                "if forward and self.cut.block == 1 and (len(x) * math.prod(self.places) < self.o): → if False:",
                "len(x) * math.prod(self.places) < self.o → len(x) * math.prod(self.places) <= self.o",
                "len(x) * math.prod(self.places) < self.o → len(x) * math.prod(self.places) >= self.o",
                "len(x) * math.prod(self.places) → len(x)",
                "len(x) * math.prod(self.places) → len(x) / math.prod(self.places)",
                "len(x) * math.prod(self.places) → math.prod(self.places)",
                "self.cut._replace(by_channel=True) → self.cut",
            ],
        ),
    ],
    "There are as many gradients as images, and results as chunks.": [
        "normalize_rows.NormalizeRows.backward: True → False",
        *each(["convolve.Winograd.backward", "convolve.Columns.backward"], ["True → False"]),
        *each(["convolve.Columns.backward", "convolve.Depthwise.backward"], ["True → False (2)"]),
        "convolve.Winograd.backward: len(x) → len(g)",
        "convolve.Tiles.__init__: True → False",
    ],
    "What is taken off first is added again, and the sum of what differs from the mean is 0.": [
        "normalize_rows.normalized: (i, j, 0) → (i, 0, j)",
        *each(
            ["normalize_rows.normalized"],
            [f"x[i, j, at] - mean → x[i, j, at]{other}" for other in ("", " (2)", " + mean", " + mean (2)")],
        ),
    ],
}
EQUIVALENT = {fault: reason for reason, faults in REASONS.items() for fault in faults}
