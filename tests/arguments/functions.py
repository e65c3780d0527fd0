"""`minidl.functional`: each function with each of its arguments off the default."""

import numpy as np

from arguments.table import each, fixed, given, of, row, separate, wave

X = wave(3, 4)
ONE_HOT = np.array([2, 0, 1, 2])
SIGNAL, IMAGE = wave(2, 4, 7), wave(2, 4, 6, 5)
SPACED_SIGNAL, SPACED = separate(2, 2, 7), separate(1, 2, 7, 6)
SMALL = 0.01 * wave(2, 4, 3, 2)  # of a variance near eps
TARGET, WEIGHT = wave(3, 4, phase=2.0), 0.2 + abs(wave(3, 4, phase=3.0))
REDUCTIONS = each("sum", "none")

# --- activations ------------------------------------------------------------------------------------------------------

KINKS = np.array([-7.3, -3.6, -2.2, -0.7, -0.2, 0.3, 0.6, 0.9, 2.5, 3.7, 6.4, 25.0])

for name in ("relu", "sigmoid", "tanh", "logsigmoid", "softsign", "relu6", "selu", "silu", "hardsigmoid", "hardswish"):
    row(f"functional.{name}", input=KINKS)()
for name in ("elu", "celu"):
    row(f"functional.{name}", input=KINKS)(alpha=0.3)
for name in ("relu_", "selu_"):
    row(f"functional.{name}", input=KINKS)()
for name in ("elu_", "celu_"):
    row(f"functional.{name}", input=KINKS)(alpha=0.3)
row("relu_", input=KINKS)()
row("functional.leaky_relu_", input=KINKS)(negative_slope=0.3)
row("functional.hardtanh_", input=KINKS)(min_val=-3.0, max_val=0.5)
row("functional.threshold_", input=KINKS, threshold=0.5, value=-3.0)(threshold=-1.0, value=2.0)
for name in ("hardshrink", "softshrink"):
    row(f"functional.{name}", input=KINKS)(lambd=2.3)
for name in ("mish", "tanhshrink"):
    row(f"functional.{name}", input=KINKS)()
row("functional.threshold", input=KINKS, threshold=0.5, value=-3.0)(threshold=-1.0, value=2.0)
row("functional.glu", input=wave(4, 6))(dim=0)
row("functional.softmin", input=X, dim=1)(dim=0)
row("functional.leaky_relu", input=KINKS)(negative_slope=0.3)
row("functional.gelu", input=KINKS)(approximate="tanh")
row("functional.softplus", input=KINKS)(beta=2.0, threshold=2.0)
row("functional.hardtanh", input=KINKS)(min_val=-3.0, max_val=0.5)
row("functional.prelu", input=IMAGE, weight=wave(1))(weight=wave(4))
row("functional.softmax", input=X, dim=1)(dim=0, dtype=given(of("float64"), input=X.astype("float32")))
row("functional.log_softmax", input=X, dim=1)(dim=0, dtype=given(of("float64"), input=X.astype("float32")))

# --- convolution ------------------------------------------------------------------------------------------------------

row("functional.conv1d", input=SIGNAL, weight=wave(6, 4, 3, phase=1.0))(
    input=wave(4, 7), bias=wave(6), stride=2, padding=each(1, "same"), dilation=2,
    groups=given(2, weight=wave(6, 2, 3)),
)  # fmt: skip
row("functional.conv2d", input=IMAGE, weight=wave(6, 4, 3, 2, phase=1.0))(
    input=wave(4, 6, 5), bias=wave(6), stride=each(2, (1, 2)), padding=each(1, (0, 1), "same"),
    dilation=each(2, (1, 2)), groups=given(2, weight=wave(6, 2, 3, 2)),
)  # fmt: skip
row("functional.conv_transpose1d", input=SIGNAL, weight=wave(4, 6, 3, phase=1.0), stride=3)(
    bias=wave(6), stride=2, padding=1, output_padding=1, groups=given(2, weight=wave(4, 3, 3)), dilation=2,
)  # fmt: skip
row("functional.conv_transpose2d", input=IMAGE, weight=wave(4, 6, 3, 2, phase=1.0), stride=3)(
    bias=wave(6), stride=each(2, (3, 2)), padding=each(1, (0, 1)), output_padding=each(1, (0, 1)),
    groups=given(2, weight=wave(4, 3, 3, 2)), dilation=each(2, (1, 2)),
)  # fmt: skip
row("functional.unfold", input=IMAGE, kernel_size=2)(
    kernel_size=(2, 3), dilation=each(2, (2, 1)), padding=each(1, (0, 1)), stride=each(2, (1, 2))
)
row("functional.fold", input=wave(2, 8, 20), output_size=(6, 5), kernel_size=2)(
    output_size=(5, 6), dilation=given((2, 1), output_size=(7, 5)), padding=given((0, 1), output_size=(6, 3)),
    stride=given((1, 2), output_size=(6, 8)),
)  # fmt: skip

# --- pooling ----------------------------------------------------------------------------------------------------------

row("functional.max_pool1d", input=SPACED_SIGNAL, kernel_size=2)(
    kernel_size=3, stride=1, padding=1, dilation=2, ceil_mode=True, return_indices=True
)
row("functional.max_pool2d", input=SPACED, kernel_size=2)(
    kernel_size=(2, 3), stride=each(1, (2, 1)), padding=each(1, (0, 1)), dilation=each(2, (1, 2)), ceil_mode=True,
    return_indices=each(True, given(True, padding=1, dilation=2)),
)  # fmt: skip
row("functional.avg_pool1d", input=SIGNAL, kernel_size=2)(
    kernel_size=3, stride=1, padding=1, ceil_mode=True, count_include_pad=given(False, padding=1)
)
row("functional.avg_pool2d", input=wave(2, 2, 7, 5), kernel_size=2)(
    kernel_size=(2, 3), stride=each(1, (2, 1)), padding=each(1, (0, 1)), ceil_mode=True,
    count_include_pad=given(False, padding=1), divisor_override=3,
)  # fmt: skip
for name in ("max_pool2d", "avg_pool2d"):  # whose last window would start in the padding
    row(f"functional.{name}", input=SPACED, kernel_size=2, stride=3, padding=1, ceil_mode=True)()
row("functional.adaptive_avg_pool1d", input=SIGNAL, output_size=3)(output_size=1)
row("functional.adaptive_avg_pool2d", input=IMAGE, output_size=3)(output_size=each((2, 3), (None, 2)))
row("functional.adaptive_max_pool1d", input=SPACED_SIGNAL, output_size=3)(return_indices=True)
row("functional.adaptive_max_pool2d", input=SPACED, output_size=3)(
    output_size=each((2, 3), (None, 2)), return_indices=True
)
row("functional.max_unpool1d", input=wave(1, 1, 2), indices=np.array([[[1, 4]]]), kernel_size=3)(
    stride=given(4, kernel_size=2), padding=given(1, kernel_size=5), output_size=(5,)
)
row("functional.max_unpool2d", input=wave(1, 1, 2, 2), indices=np.array([[[[0, 3], [9, 11]]]]), kernel_size=2)(
    stride=3, padding=given(1, kernel_size=4), output_size=(5, 4)
)

# --- normalisation ----------------------------------------------------------------------------------------------------

RUNNING = dict(running_mean=fixed(wave(4)), running_var=fixed(abs(wave(4)) + 0.2))
row("functional.batch_norm", input=IMAGE, **RUNNING)(
    weight=wave(4), bias=wave(4), training=True, momentum=given(0.3, training=True), eps=0.1
)
row("functional.batch_norm", input=SMALL, running_mean=None, running_var=None, training=True)(eps=1e-3)
row("functional.instance_norm", input=SMALL)(
    running_mean=given(RUNNING["running_mean"], running_var=RUNNING["running_var"]),
    running_var=given(RUNNING["running_var"], running_mean=RUNNING["running_mean"]),
    weight=wave(4), bias=wave(4), use_input_stats=given(False, **RUNNING), momentum=given(0.3, **RUNNING), eps=1e-3,
)  # fmt: skip
row("functional.layer_norm", input=SMALL, normalized_shape=(2,))(
    normalized_shape=(3, 2), weight=wave(2), bias=wave(2), eps=1e-3
)
row("functional.group_norm", input=SMALL, num_groups=2)(
    num_groups=4, weight=wave(4), bias=given(wave(4), weight=wave(4)), eps=1e-3
)
row("functional.local_response_norm", input=3 * IMAGE, size=2)(size=3, alpha=0.1, beta=0.5, k=2.0)
row("functional.normalize", input=X)(p=1.0, dim=0, eps=2.0)
row("functional.cosine_similarity", x1=X, x2=TARGET)(dim=0)
row("functional.cosine_similarity", x1=fixed(X), x2=fixed(TARGET))(eps=3.0)  # whose gradient PyTorch gets wrong

# --- losses -----------------------------------------------------------------------------------------------------------

LABELS = np.array([3, 0, 2])
PROBABILITIES = np.exp(TARGET) / np.exp(TARGET).sum(1, keepdims=True)
IN_0_1 = abs(wave(3, 4, phase=4.0))
row("functional.mse_loss", input=X, target=TARGET)(reduction=REDUCTIONS, weight=WEIGHT)
row("functional.l1_loss", input=X, target=TARGET)(reduction=REDUCTIONS, weight=WEIGHT)
row("functional.huber_loss", input=X, target=TARGET)(reduction=REDUCTIONS, delta=0.3, weight=WEIGHT)
row("functional.smooth_l1_loss", input=X, target=TARGET)(reduction=REDUCTIONS, beta=0.3)
row("functional.binary_cross_entropy", input=0.1 + 0.8 * abs(X), target=fixed(IN_0_1))(
    weight=fixed(WEIGHT), reduction=REDUCTIONS
)
row("functional.binary_cross_entropy_with_logits", input=X, target=fixed(IN_0_1))(
    weight=fixed(WEIGHT), reduction=REDUCTIONS, pos_weight=fixed(WEIGHT[0])
)
row("functional.kl_div", input=X, target=fixed(PROBABILITIES))(
    reduction=each("batchmean", "sum", "none"), log_target=True
)
row("functional.nll_loss", input=X, target=LABELS)(
    weight=fixed(WEIGHT[0]), ignore_index=2, reduction=each("sum", given("none", ignore_index=0))
)
row("functional.cross_entropy", input=X, target=LABELS)(
    target=fixed(PROBABILITIES), weight=fixed(WEIGHT[0]), ignore_index=2,
    reduction=each("sum", given("none", ignore_index=0), given("sum", target=fixed(PROBABILITIES))),
    label_smoothing=each(0.2, given(0.2, weight=fixed(WEIGHT[0])), given(0.3, target=fixed(PROBABILITIES))),
)  # fmt: skip

SIGNS = np.array([1.0, -1.0, 1.0])
PAIR = dict(input1=X, input2=TARGET)
row("functional.cosine_embedding_loss", **PAIR, target=fixed(-abs(SIGNS)))(margin=-0.9, reduction=REDUCTIONS)
row("functional.hinge_embedding_loss", input=X, target=fixed(np.sign(TARGET)))(margin=0.3, reduction=REDUCTIONS)
row("functional.margin_ranking_loss", **PAIR, target=fixed(np.sign(TARGET)))(margin=0.3, reduction=REDUCTIONS)
row("functional.soft_margin_loss", input=X, target=fixed(np.sign(TARGET)))(reduction=REDUCTIONS)
row("functional.triplet_margin_loss", anchor=X, positive=TARGET, negative=X[::-1].copy())(
    margin=each(3.0, 0.1), p=1.0, eps=0.3, swap=each(True, given(True, p=1.0, eps=0.3)), reduction=REDUCTIONS
)

# --- others -----------------------------------------------------------------------------------------------------------

row("functional.pairwise_distance", x1=X, x2=TARGET)(p=1.0, eps=0.1, keepdim=True)
for name in ("functional.bilinear", "bilinear"):
    row(name, input1=X, input2=wave(3, 2, phase=1), weight=wave(5, 4, 2, phase=2))(bias=wave(5))
row("functional.linear", input=X, weight=wave(2, 4))(input=wave(2, 3, 4), bias=wave(2))
row("functional.embedding", input=ONE_HOT, weight=X)(padding_idx=each(2, -3))
row("functional.one_hot", input=ONE_HOT)(num_classes=5)
row("functional.pad", input=IMAGE, pad=(1, 2))(
    pad=(1, -1, 0, 2), mode=each(*[given(mode, pad=(1, 2, 0, 3)) for mode in ("reflect", "replicate", "circular")]),
    value=0.5,
)  # fmt: skip
row("functional.interpolate", input=SIGNAL, size=11)(mode=each("nearest-exact", "linear"), size=5)
row("functional.interpolate", input=IMAGE, scale_factor=1.7)(
    size=given((4, 9), scale_factor=None), scale_factor=each((0.6, 2.0), given(0.5, mode="bilinear")),
    mode=each("nearest-exact", "bilinear"), align_corners=given(True, mode="bilinear"),
    recompute_scale_factor=given(True, mode="bilinear"),
    antialias=given(True, mode="bilinear", scale_factor=0.4),
)  # fmt: skip
row("functional.interpolate", input=IMAGE, scale_factor=1.7, mode="bicubic")(
    scale_factor=(0.6, 2.0), align_corners=True, mode="area",
    antialias=each(*[given(True, size=(2, 3), scale_factor=None, align_corners=corners) for corners in (False, True)]),
)  # fmt: skip
row("functional.affine_grid", theta=wave(2, 2, 3), size=(2, 1, 3, 4))(size=(2, 3, 1, 5), align_corners=True)
row("functional.grid_sample", input=IMAGE, grid=1.3 * wave(2, 3, 2, 2))(
    mode=given("nearest", grid=fixed(1.3 * wave(2, 3, 2, 2))),
    padding_mode=each("border", "reflection"),
    align_corners=True,
)
row("functional.pixel_shuffle", input=IMAGE, upscale_factor=2)(upscale_factor=1)
row("functional.pixel_unshuffle", input=wave(2, 2, 6, 4), downscale_factor=2)(downscale_factor=1)
row("functional.channel_shuffle", input=IMAGE, groups=2)(groups=4)
