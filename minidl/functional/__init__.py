"""Functions of networks, what users call ``F``: PyTorch's names, arguments, defaults and semantics.

They are made of ops, check what they are given, and keep nothing from one call to the next.
"""

# ruff: noqa: F401, I001
# fmt: off
from minidl.functional.activations import (
    celu, celu_, elu, elu_, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, hardtanh_, leaky_relu, leaky_relu_,
    mish, prelu, relu, relu6, relu_, selu, selu_, silu, softmin, softshrink, softsign, tanhshrink, threshold,
    threshold_,
)
from minidl.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d, fold, unfold
from minidl.functional.dense import (
    bilinear, cosine_similarity, embedding, linear, normalize, one_hot, pairwise_distance,
)
from minidl.functional.dropout import alpha_dropout, dropout, dropout1d, dropout2d
from minidl.functional.losses import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, huber_loss, kl_div, l1_loss, mse_loss,
    nll_loss, smooth_l1_loss,
)
from minidl.functional.normalisation import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm
from minidl.functional.padding import pad
from minidl.functional.pooling import (
    adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_max_pool1d, adaptive_max_pool2d, avg_pool1d, avg_pool2d,
    max_pool1d, max_pool2d, max_unpool1d, max_unpool2d,
)
from minidl.functional.resampling import interpolate
from minidl.functional.sampling import affine_grid, grid_sample
from minidl.functional.shuffling import channel_shuffle, pixel_shuffle, pixel_unshuffle
from minidl.functional.similarity import (
    cosine_embedding_loss, hinge_embedding_loss, margin_ranking_loss, soft_margin_loss, triplet_margin_loss,
)
from minidl.ops.elementwise import sigmoid, tanh
from minidl.ops.loss import log_softmax, softmax
from minidl.ops.special import logsigmoid, softplus
