"""`minidl.nn`: each layer with each of its arguments off the default, in training and in evaluation."""

import numpy as np

from arguments.functions import (
    IMAGE,
    IN_0_1,
    KINKS,
    LABELS,
    ONE_HOT,
    PROBABILITIES,
    SIGNAL,
    SIGNS,
    SMALL,
    SPACED,
    SPACED_SIGNAL,
    TARGET,
    WEIGHT,
    X,
)
from arguments.table import each, fixed, given, layer, of, refused, wave

DOUBLE = dict(dtype=of("float64"))
REDUCTION = each("sum", "none")
PADDING_MODES = each(*[given(mode, padding=1) for mode in ("reflect", "replicate", "circular")],
                     given("circular", padding="same", dilation=2), given("circular", padding="same", kernel_size=2)
                     )  # fmt: skip

# --- layers with parameters -------------------------------------------------------------------------------------------

layer("nn.Bilinear", X, wave(3, 2, phase=1), in1_features=4, in2_features=2, out_features=3)(
    out_features=2, bias=False, **DOUBLE
)
layer("nn.Linear", X, in_features=4, out_features=3)(out_features=2, bias=False, **DOUBLE)
layer("nn.Embedding", ONE_HOT, num_embeddings=3, embedding_dim=2)(
    num_embeddings=4, embedding_dim=3, padding_idx=each(2, -3), **DOUBLE
)
layer("nn.PReLU", IMAGE)(num_parameters=4, init=0.7, **DOUBLE)
layer("nn.Conv1d", SIGNAL, in_channels=4, out_channels=6, kernel_size=3)(
    out_channels=2, kernel_size=2, stride=2, padding=each(1, "same"), dilation=2, groups=2, bias=False,
    padding_mode=PADDING_MODES, **DOUBLE,
)  # fmt: skip
layer("nn.Conv2d", IMAGE, in_channels=4, out_channels=6, kernel_size=3)(
    out_channels=2, kernel_size=(2, 3), stride=each(2, (1, 2)), padding=each(1, (0, 1), "same"),
    dilation=each(2, (1, 2)), groups=2, bias=False, padding_mode=each(*PADDING_MODES, given("reflect", padding=(2, 1))),
    **DOUBLE,
)  # fmt: skip
layer("nn.ConvTranspose1d", SIGNAL, in_channels=4, out_channels=6, kernel_size=3, stride=3)(
    out_channels=2,
    kernel_size=2,
    stride=2,
    padding=1,
    output_padding=1,
    groups=2,
    bias=False,
    dilation=2,
    padding_mode=refused("reflect"),
    **DOUBLE,
)
layer("nn.ConvTranspose2d", IMAGE, in_channels=4, out_channels=6, kernel_size=3, stride=3)(
    out_channels=2, kernel_size=(2, 3), stride=each(2, (3, 2)), padding=each(1, (0, 1)),
    output_padding=each(1, (0, 1)), groups=2, bias=False, dilation=each(2, (1, 2)), padding_mode=refused("reflect"),
    **DOUBLE,
)  # fmt: skip

BATCH_NORM = dict(
    eps=1e-2, momentum=each(0.4, None), affine=False, track_running_stats=False, bias=False, **DOUBLE,
)  # fmt: skip
layer("nn.BatchNorm1d", SMALL[:, :, 0], num_features=4)(**BATCH_NORM)
layer("nn.BatchNorm1d", SMALL[:, :, :, 0], num_features=4)(**BATCH_NORM)
layer("nn.BatchNorm2d", SMALL, num_features=4)(**BATCH_NORM)
INSTANCE_NORM = dict(
    eps=1e-2, momentum=each(*[given(value, track_running_stats=True) for value in (0.4, None)]), affine=True,
    track_running_stats=True, bias=given(False, affine=True), dtype=given(DOUBLE["dtype"], affine=True),
)  # fmt: skip
layer("nn.InstanceNorm1d", SMALL[:, :, :, 0], num_features=4)(**INSTANCE_NORM)
layer("nn.InstanceNorm1d", SMALL[:1, :, :, 0], num_features=4)(**INSTANCE_NORM)
layer("nn.InstanceNorm1d", SMALL[0, :, :, 0], num_features=4)(**INSTANCE_NORM)
layer("nn.InstanceNorm2d", SMALL, num_features=4)(**INSTANCE_NORM)
layer("nn.InstanceNorm2d", SMALL[0, :, :, :1], num_features=4)(**INSTANCE_NORM)
layer("nn.LayerNorm", SMALL, normalized_shape=2)(
    normalized_shape=(3, 2), eps=1e-2, elementwise_affine=False, bias=False, **DOUBLE
)
layer("nn.GroupNorm", SMALL, num_groups=2, num_channels=4)(num_groups=4, eps=1e-2, affine=False, bias=False, **DOUBLE)

# --- functions as layers ----------------------------------------------------------------------------------------------

for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Softsign", "Tanh", "Sigmoid", "LogSigmoid", "Hardsigmoid", "Hardswish"):
    layer(f"nn.{name}", KINKS)()
for name in ("Mish", "Tanhshrink"):
    layer(f"nn.{name}", KINKS)()
for name in ("Hardshrink", "Softshrink"):
    layer(f"nn.{name}", KINKS)(lambd=2.3)
layer("nn.CELU", KINKS)(alpha=0.3)
layer("nn.Threshold", KINKS, threshold=0.5, value=-3.0)(threshold=-1.0, value=2.0)
layer("nn.GLU", wave(4, 6))(dim=0)
layer("nn.Softmin", X, dim=1)(dim=0)
layer("nn.Softmax2d", IMAGE)()
layer("nn.Softmax2d", IMAGE[0])()
layer("nn.LeakyReLU", KINKS)(negative_slope=0.3)
layer("nn.ELU", KINKS)(alpha=0.3)
layer("nn.GELU", KINKS)(approximate="tanh")
layer("nn.Softplus", KINKS)(beta=2.0, threshold=2.0)
layer("nn.Hardtanh", KINKS)(min_val=-3.0, max_val=0.5)
layer("nn.Softmax", X, dim=1)(dim=0)
layer("nn.LogSoftmax", X, dim=1)(dim=0)
layer("nn.Identity", X)()
layer("nn.Flatten", IMAGE)(start_dim=2, end_dim=2)

layer("nn.MaxPool1d", SPACED_SIGNAL, kernel_size=2)(
    kernel_size=3, stride=1, padding=1, dilation=2, return_indices=True, ceil_mode=True
)
layer("nn.MaxPool2d", SPACED, kernel_size=2)(
    kernel_size=(2, 3), stride=each(1, (2, 1)), padding=each(1, (0, 1)), dilation=each(2, (1, 2)),
    return_indices=True, ceil_mode=True,
)  # fmt: skip
layer("nn.MaxUnpool1d", wave(1, 1, 2), np.array([[[1, 4]]]), kernel_size=3)(
    kernel_size=4, stride=given(4, kernel_size=2), padding=given(1, kernel_size=5)
)
layer("nn.MaxUnpool2d", wave(1, 1, 2, 2), np.array([[[[0, 3], [9, 11]]]]), kernel_size=2)(
    kernel_size=3, stride=3, padding=given(1, kernel_size=4)
)
layer("nn.AvgPool1d", SIGNAL, kernel_size=2)(
    kernel_size=3, stride=1, padding=1, ceil_mode=True, count_include_pad=given(False, padding=1)
)
layer("nn.AvgPool2d", wave(2, 2, 7, 5), kernel_size=2)(
    kernel_size=(2, 3), stride=each(1, (2, 1)), padding=each(1, (0, 1)), ceil_mode=True,
    count_include_pad=given(False, padding=1), divisor_override=3,
)  # fmt: skip
layer("nn.AdaptiveAvgPool1d", SIGNAL, output_size=3)(output_size=2)
layer("nn.AdaptiveAvgPool2d", IMAGE, output_size=3)(output_size=each((2, 3), (None, 2)))
layer("nn.AdaptiveMaxPool1d", SPACED_SIGNAL, output_size=3)(output_size=2, return_indices=True)
layer("nn.AdaptiveMaxPool2d", SPACED, output_size=3)(output_size=each((2, 3), (None, 2)), return_indices=True)
layer("nn.Upsample", SIGNAL, size=11)(mode=each("nearest-exact", "linear"), size=5)
layer("nn.Upsample", IMAGE, scale_factor=1.7)(
    size=given((4, 9), scale_factor=None), scale_factor=(0.6, 2.0), mode=each("nearest-exact", "bilinear"),
    align_corners=given(True, mode="bilinear"), recompute_scale_factor=given(True, mode="bilinear"),
)  # fmt: skip
layer("nn.UpsamplingNearest2d", IMAGE, scale_factor=2)(size=given((4, 9), scale_factor=None), scale_factor=3)
layer("nn.UpsamplingBilinear2d", IMAGE, scale_factor=2)(size=given((4, 9), scale_factor=None), scale_factor=3)
layer("nn.PixelShuffle", IMAGE, upscale_factor=2)(upscale_factor=1)
layer("nn.PixelUnshuffle", wave(2, 2, 6, 4), downscale_factor=2)(downscale_factor=1)
layer("nn.ChannelShuffle", IMAGE, groups=2)(groups=4)
layer("nn.Unflatten", IMAGE, dim=1, unflattened_size=(2, 2))(
    dim=given(0, unflattened_size=(1, 2)), unflattened_size=each((4, 1), given((-1, 2), dim=2))
)
layer("nn.Unfold", IMAGE, kernel_size=2)(
    kernel_size=(2, 3), dilation=each(2, (2, 1)), padding=each(1, (0, 1)), stride=each(2, (1, 2))
)
layer("nn.Fold", wave(2, 8, 20), output_size=(6, 5), kernel_size=2)(
    output_size=(5, 6), dilation=given((2, 1), output_size=(7, 5)), padding=given((0, 1), output_size=(6, 3)),
    stride=given((1, 2), output_size=(6, 8)),
)  # fmt: skip
layer("nn.LocalResponseNorm", 3 * IMAGE, size=2)(size=3, alpha=0.1, beta=0.5, k=2.0)

# --- padding ----------------------------------------------------------------------------------------------------------

for name in ("Reflection", "Replication", "Circular", "Zero"):
    layer(f"nn.{name}Pad1d", SIGNAL, padding=2)(padding=(1, 2))
    layer(f"nn.{name}Pad2d", IMAGE, padding=2)(padding=(1, 2, 0, 3))
layer("nn.ConstantPad1d", SIGNAL, padding=2, value=0.5)(padding=(1, 2), value=-2.0)
layer("nn.ConstantPad2d", IMAGE, padding=2, value=0.5)(padding=(1, 2, 0, 3), value=-2.0)

# --- losses -----------------------------------------------------------------------------------------------------------

layer("nn.MSELoss", X, TARGET)(reduction=REDUCTION)
layer("nn.L1Loss", X, TARGET)(reduction=REDUCTION)
layer("nn.SmoothL1Loss", X, TARGET)(reduction=REDUCTION, beta=0.3)
layer("nn.HuberLoss", X, TARGET)(reduction=REDUCTION, delta=0.3)
layer("nn.BCELoss", 0.1 + 0.8 * abs(X), fixed(IN_0_1))(weight=fixed(WEIGHT), reduction=REDUCTION)
layer("nn.BCEWithLogitsLoss", X, fixed(IN_0_1))(weight=fixed(WEIGHT), reduction=REDUCTION, pos_weight=fixed(WEIGHT[0]))
layer("nn.KLDivLoss", X, fixed(PROBABILITIES))(reduction=each("batchmean", "sum", "none"), log_target=True)
layer("nn.NLLLoss", X, LABELS)(weight=fixed(WEIGHT[0]), ignore_index=2, reduction=REDUCTION)
layer("nn.CrossEntropyLoss", X, LABELS)(
    weight=fixed(WEIGHT[0]), ignore_index=2, reduction=REDUCTION, label_smoothing=0.2
)
layer("nn.CosineSimilarity", X, TARGET)(dim=0)
layer("nn.CosineSimilarity", fixed(X), fixed(TARGET))(eps=3.0)

layer("nn.PairwiseDistance", X, TARGET)(p=1.0, eps=0.3, keepdim=True)
layer("nn.CosineEmbeddingLoss", X, TARGET, fixed(-abs(SIGNS)))(margin=-0.9, reduction=REDUCTION)
layer("nn.HingeEmbeddingLoss", X, fixed(np.sign(TARGET)))(margin=0.3, reduction=REDUCTION)
layer("nn.MarginRankingLoss", X, TARGET, fixed(np.sign(TARGET)))(margin=0.3, reduction=REDUCTION)
layer("nn.SoftMarginLoss", X, fixed(np.sign(TARGET)))(reduction=REDUCTION)
layer("nn.TripletMarginLoss", X, TARGET, X[::-1].copy())(margin=3.0, p=1.0, eps=0.3, swap=True, reduction=REDUCTION)

# --- containers -------------------------------------------------------------------------------------------------------

layer("nn.Sequential", X, args=(of(lambda m: m.nn.Linear(4, 2)), of(lambda m: m.nn.Tanh())))()
