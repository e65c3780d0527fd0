"""What functions refuse: ValueErrors, to the letter. And what lies just inside of what they refuse, which they take.

`outside.txt` goes on with `REFUSED`, once for each way to be outside: a call, and below it what is said.
"""

from pathlib import Path

import numpy as np
import pytest

import minidl as md
from minidl import functional as F
from minidl.engine.absent import VOLUMES

NAMES = {**vars(F), **{name: getattr(md, name) for name in ("ones", "zeros", "full", "tensor", "int64", "cdist")}}
NAMES["nan"] = float("nan")
REFUSED = {
    # padding, vectors
    "pad(ones(2, 3), (1, 1), mode='wrap')": "mode must be 'constant', 'reflect', 'replicate' or 'circular', got 'wrap'",
    "pad(ones(2, 3), (1, 1), mode='reflect', value=1)": "mode 'reflect' has no use for a value, got 1",
    "pad(ones(1, 3), (3, 0), mode='reflect')": "3 and 0 do not fit a size of 3 with mode 'reflect'",
    "pad(ones(1, 3), (0, 4), mode='circular')": "0 and 4 do not fit a size of 3 with mode 'circular'",
    "pad(ones(1, 3), (-3, 0), mode='replicate')": "-3 and 0 do not fit a size of 3 with mode 'replicate'",
    "pad(ones(1, 3), (1, 1, 1, 1), mode='replicate')": "4 sizes do not fit an input 1×3 with mode 'replicate'",
    "pad(ones(1, 1, 1, 1, 1), (1,) * 8, mode='replicate')": (
        "8 sizes do not fit an input 1×1×1×1×1 with mode 'replicate'"
    ),
    "cosine_similarity(ones(2, 3), ones(2, 3), eps=-1e-8)": (
        "dim must be an integer and eps not negative, got 1 and -1e-08"
    ),
    "cosine_similarity(ones(2, 3), ones(2, 3), dim=0.5)": (
        "dim must be an integer and eps not negative, got 0.5 and 1e-08"
    ),
    "cdist(ones(3), ones(2, 3))": "expected rows of one length, got 3 and 2×3",
    "cdist(ones(2, 2), ones(2, 3))": "expected rows of one length, got 2×2 and 2×3",
    "bilinear(ones(2, 3), ones(2, 2), ones(3, 2))": "expected a weight (out, in1, in2), got 3×2",
    "bilinear(ones(2, 3), ones(2, 3), ones(1, 3, 2))": (
        "expected inputs (…, 3) and (…, 2) as weight 1×3×2, got 2×3 and 2×3"
    ),
    "bilinear(ones(2, 3), ones(1, 2), ones(1, 3, 2))": (
        "expected inputs (…, 3) and (…, 2) as weight 1×3×2, got 2×3 and 1×2"
    ),
    "bilinear(ones(2, 3), ones(2, 2), ones(1, 3, 2), ones(2))": "bias is 2, expected 1 as weight 1×3×2 has",
    "linear(ones(2, 3), ones(4, 2))": "input is 2×3, but its last size must be the second of weight 4×2",
    "linear(ones(2, 3), ones(3))": "input is 2×3, but its last size must be the second of weight 3",
    "linear(ones(2, 3), ones(4, 3), ones(3))": "bias is 3, expected 4 as weight 4×3 has",
    "embedding(tensor([0]), ones(3))": "expected a weight (rows, features), got 3",
    "embedding(tensor([0]), ones(3, 2), 3)": "padding_idx 3 is out of range for 3 rows",
    "embedding(tensor([0]), ones(3, 2), -4)": "padding_idx -4 is out of range for 3 rows",
    "one_hot(tensor([0, 5]), 3)": "classes from 0 to 5 do not fit num_classes=3",
    "one_hot(tensor([-1, 1]), 3)": "classes from -1 to 1 do not fit num_classes=3",
    "one_hot(tensor([0]), 0)": "num_classes must be a positive integer, or -1 and a class in the input; got 0",
    "one_hot(tensor([], dtype=int64))": (
        "num_classes must be a positive integer, or -1 and a class in the input; got -1"
    ),
    # dropout
    "dropout(ones(2), 1.5)": "p is a probability, expected 0 ≤ p ≤ 1, got 1.5",
    "dropout(ones(2), -0.5, training=False)": "p is a probability, expected 0 ≤ p ≤ 1, got -0.5",
    "dropout1d(ones(2))": "expected an input (N, C, L) or (C, L), got 2",
    "dropout1d(ones(1, 2, 3, 4))": "expected an input (N, C, L) or (C, L), got 1×2×3×4",
    "dropout2d(ones(2, 3))": "expected an input (N, C, H, W) or (N, C, L), got 2×3",
    "dropout2d(ones(1, 2, 3, 4, 5))": "expected an input (N, C, H, W) or (N, C, L), got 1×2×3×4×5",
    "alpha_dropout(ones(2), 2)": "p is a probability, expected 0 ≤ p ≤ 1, got 2",
    # losses
    "mse_loss(ones(2), ones(2), reduction='max')": "reduction must be 'mean', 'sum' or 'none', got 'max'",
    "mse_loss(ones(2), ones(2), weight=ones(3))": "weight is 3, the input is 2",
    "smooth_l1_loss(ones(2), ones(2), beta=-1)": "beta must not be negative, got -1",
    "huber_loss(ones(2), ones(2), delta=0)": "delta must be positive, got 0",
    "huber_loss(ones(2), ones(2), weight=ones(1))": "weight is 1, the input is 2",
    "binary_cross_entropy(ones(2), ones(3))": "target is 3, the input is 2",
    "binary_cross_entropy(tensor([0.5, 1.5]), ones(2))": (
        "input must be in [0, 1], is in [0.5, 1.5]; binary_cross_entropy_with_logits takes scores"
    ),
    "binary_cross_entropy(tensor([0.5, 0.5]), tensor([-0.5, 1.0]))": (
        "target must be in [0, 1], is in [-0.5, 1.0]; binary_cross_entropy_with_logits takes scores"
    ),
    "binary_cross_entropy(ones(2), ones(2), weight=ones(3, 2))": "a weight 3×2 has more dimensions than the input 2",
    "binary_cross_entropy_with_logits(ones(2), ones(2), pos_weight=ones(1, 2))": (
        "a weight 1×2 has more dimensions than the input 2"
    ),
    "binary_cross_entropy_with_logits(ones(2), ones(1))": "target is 1, the input is 2",
    "kl_div(ones(2), ones(2), reduction='batch')": "reduction must be 'mean', 'sum' or 'none', got 'batch'",
    "nll_loss(ones(2, 3), tensor([0, 3]))": "label 3 is out of range for 3 classes (input 2×3)",
    "nll_loss(ones(2, 3), tensor([-1, 2]))": "label -1 is out of range for 3 classes (input 2×3)",
    "cross_entropy(ones(2, 3), tensor([0, 3]))": "label 3 is out of range for 3 classes (input 2×3)",
    "cross_entropy(ones(2, 3), tensor([0.0, 1.0]))": (
        "target probabilities are 2, the input is 2×3; class labels must be integers"
    ),
    "cross_entropy(ones(2, 3), tensor([0]))": "target is int64 1, expected integer labels 2 (input 2×3)",
    "cross_entropy(ones(2, 3), tensor([0, 1]), label_smoothing=1.5)": "label_smoothing must be in [0, 1], got 1.5",
    "cross_entropy(ones(2, 3), ones(2, 3), ignore_index=0)": "ignore_index=0 is for class labels, target is float32",
    "cross_entropy(ones(2, 3), tensor([0, 1]), ignore_index=2**63)": (
        "ignore_index must be a label, an integer of 64 bits, got 9223372036854775808"
    ),
    "cross_entropy(ones(2, 3), tensor([0, 1]), weight=ones(2))": "weight is 2, expected one for each of 3 classes",
    "cross_entropy(ones(2, 3), tensor([0, 1]), reduction='batchmean')": (
        "reduction must be 'mean', 'sum' or 'none', got 'batchmean'"
    ),
    "cross_entropy(tensor(1.0), tensor(0))": "expected an input (C,), (N, C) or (N, C, …), got a scalar",
    "cosine_embedding_loss(ones(2, 3), ones(2, 3), ones(2, 3))": (
        "expected inputs (N, D) and a target (N,), or (D,) and a scalar, got 2×3, 2×3 and 2×3"
    ),
    "cosine_embedding_loss(ones(2, 3, 4), ones(2, 3, 4), ones(2, 3))": (
        "expected inputs (N, D) and a target (N,), or (D,) and a scalar, got 2×3×4, 2×3×4 and 2×3"
    ),
    "margin_ranking_loss(ones(2), ones(2), tensor(1.0))": (
        "expected inputs and target of one rank, got 2, 2 and a scalar"
    ),
    "margin_ranking_loss(ones(2), ones(1, 2), ones(2))": "expected inputs and target of one rank, got 2, 1×2 and 2",
    "triplet_margin_loss(ones(2, 3), ones(2, 3), ones(2, 3), margin=0)": "margin must be greater than 0, got 0",
    "triplet_margin_loss(ones(2, 3), ones(2, 3), ones(3))": "expected three inputs (N, D) or (D,), got 2×3, 2×3 and 3",
    "triplet_margin_loss(ones(1, 2, 3), ones(1, 2, 3), ones(1, 2, 3))": (
        "expected three inputs (N, D) or (D,), got 1×2×3, 1×2×3 and 1×2×3"
    ),
    # normalisation
    "batch_norm(ones(2, 3), None, None)": "without running statistics it works in training only",
    "batch_norm(ones(2, 3), ones(3), None, training=True)": "give running_mean and running_var, or neither",
    "batch_norm(ones(3), None, None, training=True)": "expected an input (N, C, …), got 3",
    "batch_norm(ones(1, 3), None, None, training=True)": (
        "expected more than 1 value per channel in training, got an input 1×3"
    ),
    "batch_norm(ones(2, 3), None, None, ones(2), training=True)": "weight is 2, the input 2×3 has 3 channels",
    "batch_norm(ones(2, 3), None, None, training=True, eps=0)": (
        "eps must be positive (in evaluation it may be 0), got 0"
    ),
    "batch_norm(ones(2, 3), zeros(3), ones(3), eps=-1)": "eps must be a number that is not negative, got -1",
    "layer_norm(ones(2, 3), (2,))": "input 2×3 does not end in normalized_shape (2,)",
    "layer_norm(ones(2, 3), ())": "input 2×3 does not end in normalized_shape ()",
    "layer_norm(ones(2, 3), (3,), ones(2))": "weight is 2, expected 3",
    "layer_norm(ones(2, 3), (3,), None, ones(2))": "bias is 2, expected 3",
    "layer_norm(ones(2, 3), (3,), eps=nan)": "eps must be a number that is not negative, got nan",
    "group_norm(ones(2, 3), 2)": "num_groups must divide the 3 channels, got 2",
    "group_norm(ones(1, 3), 3)": "expected more than 1 value per group, got an input 1×3",
    "group_norm(ones(1, 1), 1)": "expected more than 1 value per group, got an input 1×1",
    "instance_norm(ones(2, 3, 1))": "expected more than 1 value per channel, got an input 2×3×1",
    "instance_norm(ones(2, 3, 2), use_input_stats=False)": "without running statistics it works in training only",
    "local_response_norm(ones(2, 3), 1)": "expected an input (N, C, L, …), got 2×3",
    "local_response_norm(ones(2, 3, 4), 0)": "size must be an integer of at least 1, got 0",
    # pooling
    "max_pool2d(ones(1, 4, 4), 2, padding=2)": "padding must be at most half of kernel_size 2, got 2",
    "max_pool2d(ones(1, 4, 4), 5)": (
        "a window of 5×5 does not fit into an input of 4×4 with padding ((0, 0), (0, 0)) (input 1×4×4)"
    ),
    "max_pool2d(ones(4, 4), 2)": "expected an input (N, C, H, W) or (C, H, W), got 4×4",
    "max_pool1d(ones(1, 4), 2, stride=0)": "stride: must be at least 1, got 0",
    "max_pool1d(ones(1, 4), (2, 2))": "kernel_size: expected an int, got (2, 2)",
    "max_pool2d(ones(1, 2, 2), 3, padding=1, dilation=2)": (
        "a window of 5×5 does not fit into an input of 2×2 with padding ((1, 1), (1, 1)) (input 1×2×2)"
    ),
    "max_pool2d(ones(1, 1, 1), 2, 1, padding=1, dilation=2)": (
        "a window lies wholly in the padding (input 1×1×1, Window(size=(2, 2), stride=(1, 1), padding=((1, "
        "1), (1, 1)), dilation=(2, 2)))"
    ),
    "avg_pool2d(ones(1, 4, 4), 2, divisor_override=0)": "divisor_override must be an integer other than 0, got 0",
    "avg_pool2d(ones(1, 4, 4), 2, divisor_override=1.5)": "divisor_override must be an integer other than 0, got 1.5",
    "avg_pool1d(ones(1, 4), 3, padding=2)": "padding must be at most half of kernel_size 3, got 2",
    "adaptive_avg_pool2d(ones(1, 4, 4), -1)": "output_size: must be at least 0, got -1",
    "adaptive_max_pool1d(ones(1, 0), 2)": "nothing to pool in an input of 1×0",
    "adaptive_max_pool2d(ones(0, 4, 4), 2)": "nothing to pool in an input of 0×4×4",
    "max_unpool1d(ones(1, 2), zeros(1, 2, dtype=int64), 2, output_size=(6,))": (
        "output_size (6,) must be nearer to (4,) than stride (2,)"
    ),
    "max_unpool1d(ones(1, 2), zeros(1, 2, dtype=int64), 2, output_size=(4, 4))": (
        "output_size must be (OL) or (N, C, OL), got (4, 4)"
    ),
    "max_unpool1d(ones(1, 2), full((1, 2), 4), 2)": "indices from 4 to 4 are out of range for 4",
    "max_unpool2d(ones(1, 2, 2), zeros(1, 2, 2, dtype=int64), 2, output_size=(6, 4))": (
        "output_size (6, 4) must be nearer to (4, 4) than stride (2, 2)"
    ),
    "max_unpool2d(ones(1, 2, 2), zeros(1, 2, 2, dtype=int64), 2, output_size=(4, 4, 4))": (
        "output_size must be (OH, OW) or (N, C, OH, OW), got (4, 4, 4)"
    ),
    "max_unpool2d(ones(1, 2, 2), full((1, 2, 2), 16), 2)": "indices from 16 to 16 are out of range for 4×4",
    "max_unpool2d(ones(1, 2, 2), zeros(1, 2, 1, dtype=int64), 2)": "expected integer indices 1×2×2, got int64 1×2×1",
    # other sizes
    "interpolate(ones(1, 1, 4), 2, mode='bilinear')": "mode 'bilinear' does not take an input 1×1×4",
    "interpolate(ones(1, 1, 4), 2, mode='cubic')": (
        "mode must be one of 'nearest', 'nearest-exact', 'area', 'linear', 'bilinear', 'bicubic', got 'cubic'"
    ),
    "interpolate(ones(1, 1, 4), 2, align_corners=False)": (
        "align_corners is an option of the linear and cubic modes only"
    ),
    "interpolate(ones(1, 1, 4))": "give either size, or scale_factor with or without recompute_scale_factor",
    "interpolate(ones(1, 1, 4), 2, 2)": "give either size, or scale_factor with or without recompute_scale_factor",
    "interpolate(ones(1, 1, 4), 2, recompute_scale_factor=True)": (
        "give either size, or scale_factor with or without recompute_scale_factor"
    ),
    "interpolate(ones(1, 1, 4), scale_factor=0.1)": "scale_factor 0.1 leaves nothing of 4",
    "interpolate(ones(1, 1, 4, 4), scale_factor=(2, 0.1))": "scale_factor (2, 0.1) leaves nothing of 4×4",
    "interpolate(ones(1, 1, 4), (2, 2))": "size must be positive, one number or 1, got (2, 2)",
    "interpolate(ones(1, 1, 4), scale_factor=-1)": "scale_factor must be positive, one number or 1, got -1",
    "affine_grid(ones(1, 2, 3), (2, 1, 4, 4))": (
        "expected theta N×2×3 and size (N, C, H, W), got 1×2×3 and (2, 1, 4, 4); " + VOLUMES
    ),
    "affine_grid(ones(1, 3, 4), (1, 1, 4, 4, 4))": (
        "expected theta N×2×3 and size (N, C, H, W), got 1×3×4 and (1, 1, 4, 4, 4); " + VOLUMES
    ),
    "grid_sample(ones(1, 1, 4, 4), ones(1, 2, 2, 3))": (
        "expected input N×C×H×W and grid N×OH×OW×2, got 1×1×4×4 and 1×2×2×3; " + VOLUMES
    ),
    "grid_sample(ones(1, 1, 4, 4), ones(2, 2, 2, 2))": (
        "expected input N×C×H×W and grid N×OH×OW×2, got 1×1×4×4 and 2×2×2×2; " + VOLUMES
    ),
    "grid_sample(ones(1, 1, 0, 4), ones(1, 2, 2, 2))": "input 1×1×0×4 has no pixels",
    "grid_sample(ones(1, 1, 4, 4), ones(1, 2, 2, 2), 'bicubic')": (
        "mode must be one of 'bilinear', 'nearest', got 'bicubic'"
    ),
    "grid_sample(ones(1, 1, 4, 4), ones(1, 2, 2, 2), padding_mode='circular')": (
        "padding_mode must be one of 'zeros', 'border', 'reflection', got 'circular'"
    ),
    "pixel_shuffle(ones(3, 2, 2), 2)": "expected channels that 2² divides, got 3×2×2",
    "pixel_shuffle(ones(4, 2), 2)": "expected an input (…, C, H, W), got 4×2",
    "pixel_unshuffle(ones(1, 3, 2), 2)": "expected a height and a width that 2 divides, got 1×3×2",
    "pixel_unshuffle(ones(1, 2, 3), 2)": "expected a height and a width that 2 divides, got 1×2×3",
    "pixel_shuffle(ones(4, 2, 2), 0)": "upscale_factor must be a positive integer, got 0",
    "channel_shuffle(ones(1, 4, 2), 3)": "groups must be at least 1 and divide 4 channels, got 3",
    "channel_shuffle(ones(1, 4), 2)": "expected an input (N, C, …), got 1×4",
    # convolution
    "conv2d(ones(1, 1, 4, 4), ones(1, 2, 3, 3))": "input has 1 channel, weight expects 2 (weight 1×2×3×3, groups=1)",
    "conv2d(ones(2, 4, 4, 3), ones(1, 3, 3, 3))": "input has 4 channels, weight expects 3 (weight 1×3×3×3, groups=1); "
    "channels come before height and width: input.permute(0, 3, 1, 2)",
    "conv2d(ones(4, 5, 3), ones(1, 3, 3, 3))": "input has 4 channels, weight expects 3 (weight 1×3×3×3, groups=1); "
    "channels come before height and width: input.permute(2, 0, 1)",
    "conv2d(ones(1, 1, 4, 4), ones(1, 1, 3))": "expected a weight (O, C/groups, KH, KW), got 1×1×3",
    "conv1d(ones(1, 1, 4), ones(1, 1, 3, 3))": "expected a weight (O, C/groups, K), got 1×1×3×3",
    "conv2d(ones(1, 1, 4, 4), ones(1, 1, 5, 5))": (
        "a window of 5×5 does not fit into an input of 4×4 with padding ((0, 0), (0, 0)) (input 1×1×4×4)"
    ),
    "conv1d(ones(1, 1, 4), ones(1, 1, 5))": (
        "a window of 5 does not fit into an input of 4 with padding ((0, 0),) (input 1×1×4)"
    ),
    "conv1d(ones(1, 1, 4), ones(1, 1, 3), dilation=2)": (
        "a window of 5 does not fit into an input of 4 with padding ((0, 0),) (input 1×1×4)"
    ),
    "conv2d(ones(1, 1, 4, 4), ones(2, 1, 3, 3), ones(1))": "bias is 1, expected 2 (weight 2×1×3×3, groups=1)",
    "conv2d(ones(1, 2, 4, 4), ones(3, 1, 3, 3), groups=2)": "groups must be at least 1 and divide O = 3, got 2",
    "conv2d(ones(1, 1, 4, 4), ones(1, 1, 3, 3), stride=2, padding='same')": "padding='same' needs stride 1, got 2",
    "conv2d(ones(1, 1, 4, 4), ones(1, 1, 3, 3), padding='full')": (
        "padding must be a number, a pair, 'same' or 'valid', got 'full'"
    ),
    "conv2d(ones(1, 1, 4, 4), ones(1, 1, 3, 3), padding=-1)": "padding: must be at least 0, got -1",
    "conv_transpose2d(ones(1, 1, 2, 2), ones(1, 1, 3, 3), stride=2, output_padding=2)": (
        "output_padding must be smaller than stride or dilation, got 2"
    ),
    "conv_transpose1d(ones(1, 1, 2), ones(1, 1, 3), padding=2)": "of an input 1×1×2 nothing is left with padding=2",
    "conv_transpose1d(ones(1, 2, 2), ones(1, 1, 3))": "input has 2 channels, weight expects 1 (weight 1×1×3, groups=1)",
    "unfold(ones(1, 2, 2), 3)": (
        "a window of 3×3 does not fit into an input of 2×2 with padding ((0, 0), (0, 0)) (input 1×2×2)"
    ),
    "fold(ones(1, 4, 3), 3, 2)": (
        "expected an input (N, C·4, L) or (C·4, L) with L = 2×2, the places of a window of 2×2 in 3×3; got 1×4×3"
    ),
    "fold(ones(1, 3, 4), 3, 2)": (
        "expected an input (N, C·4, L) or (C·4, L) with L = 2×2, the places of a window of 2×2 in 3×3; got 1×3×4"
    ),
    # activations
    "prelu(ones(2, 3), ones(2))": "weight is 2, expected 1 or 3 as input 2×3 has channels",
    "gelu(ones(2), approximate='erf')": "approximate must be 'none' or 'tanh', got 'erf'",
    "celu(ones(2), 0)": "alpha must not be 0",
    "softshrink(ones(2), -0.1)": "lambd must not be negative, got -0.1",
    "glu(ones(2, 3))": "expected an even size along dim -1, got 2×3",
    "glu(tensor(1.0))": "expected an even size along dim -1, got a scalar",
}
TAKEN = {  # and the shape of the result
    "affine_grid(ones(1, 2, 3), (1, 1, 0, 4))": (1, 0, 4, 2),
    "grid_sample(ones(0, 3, 4, 4), ones(0, 2, 1, 2))": (0, 3, 2, 1),
    "grid_sample(ones(1, 1, 1, 1), full((1, 2, 2, 2), 9.0), padding_mode='reflection', align_corners=True)": (
        1,
        1,
        2,
        2,
    ),
    "pad(ones(1, 3), (2, 2), mode='reflect')": (1, 7),
    "pad(ones(1, 3), (3, 3), mode='circular')": (1, 9),
    "pad(ones(1, 3), (-2, 0), mode='replicate')": (1, 1),
    "pad(ones(1, 3), (-3, 0), mode='circular')": (1, 0),
    "pad(ones(1, 3), (1, 1), mode='reflect', value=0.0)": (1, 5),
    "cosine_similarity(ones(2, 3), ones(2, 3), eps=0)": (2,),
    "cosine_similarity(ones(1, 3), ones(2, 3))": (2,),
    "embedding(tensor([0]), ones(3, 2), 2)": (1, 2),
    "embedding(tensor([0]), ones(3, 2), -3)": (1, 2),
    "one_hot(tensor([0, 2]), 3)": (2, 3),
    "one_hot(tensor([0]), 1)": (1, 1),
    "dropout(ones(2), 1)": (2,),
    "dropout1d(ones(2, 3), 0)": (2, 3),
    "dropout2d(ones(2, 3, 4), 0)": (2, 3, 4),
    "alpha_dropout(ones(2), 1, training=True)": (2,),
    "smooth_l1_loss(ones(2), ones(2), beta=0)": (),
    "huber_loss(ones(2), ones(2), delta=1e-30)": (),
    "binary_cross_entropy(tensor([0.0, 1.0]), tensor([1.0, 0.0]))": (),
    "binary_cross_entropy(ones(3, 2), ones(3, 2), weight=ones(2))": (),
    "nll_loss(ones(2, 3), tensor([0, 2]))": (),
    "cross_entropy(ones(2, 3), tensor([0, 2]), label_smoothing=1)": (),
    "cross_entropy(ones(2, 3), ones(2, 3), ignore_index=-1)": (),
    "cross_entropy(ones(2, 3), tensor([-5, 2]), ignore_index=-5)": (),
    "cross_entropy(ones(2, 3), tensor([0, 2]), ignore_index=2**63 - 1)": (),
    "cosine_embedding_loss(zeros(2, 3), ones(2, 3), ones(2))": (),
    "triplet_margin_loss(ones(3), ones(3), ones(3), margin=1e-30)": (),
    "batch_norm(ones(2, 3), zeros(3), ones(3), eps=0)": (2, 3),
    "batch_norm(ones(2, 3), None, None, training=True)": (2, 3),
    "layer_norm(tensor([[1.0, 2.0]]), (2,), eps=0)": (1, 2),
    "group_norm(ones(2, 3), 3)": (2, 3),
    "instance_norm(ones(2, 3, 2))": (2, 3, 2),
    "local_response_norm(ones(2, 3, 4), 1)": (2, 3, 4),
    "max_pool2d(ones(1, 4, 4), 2, padding=1)": (1, 3, 3),
    "max_pool2d(ones(1, 4, 4), 4)": (1, 1, 1),
    "max_pool2d(ones(1, 2, 2), 2, 1, padding=1, dilation=2)": (1, 2, 2),
    "avg_pool1d(ones(1, 4), 3, padding=1)": (1, 2),
    "avg_pool1d(ones(1, 3), 2, padding=1, ceil_mode=True)": (1, 2),
    "max_pool1d(ones(1, 3), 2, 3, padding=0, ceil_mode=True)": (1, 1),
    "max_pool1d(ones(1, 4), 2, 3, padding=0, ceil_mode=True)": (1, 2),
    "avg_pool2d(ones(1, 4, 4), 2, divisor_override=-1)": (1, 2, 2),
    "adaptive_avg_pool2d(ones(1, 4, 4), 0)": (1, 0, 0),
    "max_unpool2d(ones(1, 2, 2), full((1, 2, 2), 15), 2)": (1, 4, 4),
    "max_unpool2d(ones(1, 2, 2), zeros(1, 2, 2, dtype=int64), 2, output_size=(5, 3))": (1, 5, 3),
    "interpolate(ones(1, 1, 4), scale_factor=0.25)": (1, 1, 1),
    "interpolate(ones(1, 1, 4, 4), [2, 3])": (1, 1, 2, 3),
    "interpolate(ones(1, 1, 4, 4), scale_factor=[0.5, 2])": (1, 1, 2, 8),
    "interpolate(ones(1, 1, 4, 4), scale_factor=tensor([0.5])[0])": (1, 1, 2, 2),
    "pad(ones(1, 3), [1, 2], mode='reflect')": (1, 6),
    "max_unpool2d(ones(1, 2, 2), zeros(1, 2, 2, dtype=int64), 2, output_size=[1, 1, 5, 5])": (1, 5, 5),
    "layer_norm(ones(2, 3), [3])": (2, 3),
    "fold(ones(4, 1), [2, 2], 2)": (1, 2, 2),
    "channel_shuffle(ones(1, 4, 2), 4)": (1, 4, 2),
    "conv2d(ones(1, 1, 4, 4), ones(1, 1, 4, 4))": (1, 1, 1, 1),
    "conv_transpose2d(ones(1, 1, 2, 2), ones(1, 1, 3, 3), stride=2, output_padding=1)": (1, 1, 6, 6),
    "conv_transpose2d(ones(1, 1, 2, 2), ones(1, 1, 3, 3), dilation=2, output_padding=1)": (1, 1, 7, 7),
    "softshrink(ones(2), 0)": (2,),
    "celu(ones(2), -1)": (2,),
}


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression):
    with pytest.raises(ValueError) as caught:
        eval(expression, NAMES)
    assert str(caught.value) == f"{expression.partition('(')[0]}: {REFUSED[expression]}"


LINES = Path(__file__).with_name("outside.txt").read_text().splitlines()


@pytest.mark.parametrize("expression, said", list(zip(LINES[::2], LINES[1::2], strict=True)))
def test_outside(expression, said):
    with pytest.raises(ValueError) as caught:
        eval(expression, NAMES)
    assert str(caught.value) == f"{expression.partition('(')[0]}: {said.strip().replace('VOLUMES', VOLUMES)}"


WRONG_TYPES = {
    "pad(ones(1, 3), 2)": "expected sizes before and after, from the last dimension on, got 2",
    "pad(ones(1, 3), (1, 1), value='0')": "value must be a number, got '0'",
    "layer_norm(ones(2, 3), 3)": "normalized_shape must be a sequence of sizes, got 3",
    "batch_norm(ones(2, 3), zeros(3), ones(3), training=True, momentum=nan)": "momentum must be a number, got nan",
    "one_hot(ones(2))": "expected integers, got float32",
    "mse_loss(tensor([1]), tensor([1]))": "needs a floating dtype, got int64; convert with .to(md.float32)",
    "max_pool2d(ones(1, 2, 2) > 0, 2)": "not defined for bool; convert with .to(md.float32)",
    "relu6([1.0])": "expected a tensor or a number, got list",
}


@pytest.mark.parametrize("expression", WRONG_TYPES)
def test_wrong_types(expression):
    with pytest.raises(TypeError) as caught:
        eval(expression, NAMES)
    assert str(caught.value) == f"{expression.partition('(')[0]}: {WRONG_TYPES[expression]}"


@pytest.mark.parametrize("expression", TAKEN)
def test_taken(expression):
    z = eval(expression, NAMES)
    assert z.shape == TAKEN[expression] and not np.isnan(z.numpy()).any()


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
@pytest.mark.parametrize("shape, said", [((2, 1), "2×1"), ((3,), "3")])
def test_shapes_that_differ_are_warned_of(name, shape, said):
    with pytest.warns(UserWarning, match=f"^{name}: input is 2×3, target is {said}: they are broadcast") as warned:
        getattr(F, name)(md.ones(2, 3), md.ones(*shape))
    assert len(warned) == 1


def test_a_warning_names_the_line_of_the_call():
    with pytest.warns(UserWarning) as warned:
        F.mse_loss(md.ones(2, 3), md.ones(3))
    assert warned[0].filename == __file__
