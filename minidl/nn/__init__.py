"""What networks are built of: modules, layers, containers, first values of parameters, limits of gradients.

A layer has parameters, options and a mode; what it computes is a function of `minidl.functional`.
"""

# ruff: noqa: F401, I001
# fmt: off
import sys

from minidl import functional
from minidl.nn import fused, init, regularizers, utils
from minidl.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from minidl.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from minidl.nn.freezing import freeze, unfreeze
from minidl.nn.functions import (
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d, AvgPool2d, BCELoss,
    BCEWithLogitsLoss, CELU, ChannelShuffle, CosineEmbeddingLoss, CosineSimilarity, CrossEntropyLoss, ELU, Fold,
    GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, HingeEmbeddingLoss, HuberLoss, KLDivLoss, L1Loss,
    LeakyReLU, LocalResponseNorm, LogSigmoid, LogSoftmax, MarginRankingLoss, MaxPool1d, MaxPool2d, MaxUnpool1d,
    MaxUnpool2d, Mish, MSELoss, NLLLoss, PairwiseDistance, PixelShuffle, PixelUnshuffle, ReLU, ReLU6, SELU, Sigmoid,
    SiLU, SmoothL1Loss, SoftMarginLoss, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Tanh, Tanhshrink,
    Threshold, TripletMarginLoss, Unfold, Upsample, UpsamplingBilinear2d, UpsamplingNearest2d,
)
from minidl.nn.layers import (
    AlphaDropout, Bilinear, Dropout, Dropout1d, Dropout2d, Embedding, Flatten, Identity, Linear, PReLU, Unflatten,
)
from minidl.nn.lazy import (
    LazyBatchNorm1d, LazyBatchNorm2d, LazyConv1d, LazyConv2d, LazyConvTranspose1d, LazyConvTranspose2d,
    LazyInstanceNorm1d, LazyInstanceNorm2d, LazyLinear,
)
from minidl.nn.module import Module
from minidl.nn.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm
from minidl.nn.padding import (
    CircularPad1d, CircularPad2d, ConstantPad1d, ConstantPad2d, ReflectionPad1d, ReflectionPad2d, ReplicationPad1d,
    ReplicationPad2d, ZeroPad1d, ZeroPad2d,
)
from minidl.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from minidl.nn.summary import summary

sys.modules[f"{__name__}.functional"] = functional  # so that `import minidl.nn.functional as F` finds it, too
