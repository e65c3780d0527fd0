"""Networks: modules, layers, containers, initialisation."""

# ruff: noqa: F401, I001
# fmt: off
from minidl import functional
from minidl.nn import fused, init, utils
from minidl.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from minidl.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from minidl.nn.functions import (
    ELU, GELU, SELU, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AvgPool1d,
    AvgPool2d, BCELoss, BCEWithLogitsLoss, CosineSimilarity, CrossEntropyLoss, Fold, Hardsigmoid, Hardswish,
    Hardtanh, HuberLoss, KLDivLoss, L1Loss, LeakyReLU, LocalResponseNorm, LogSigmoid, LogSoftmax, MaxPool1d,
    MaxPool2d, MaxUnpool2d, MSELoss, NLLLoss, PairwiseDistance, ReLU, ReLU6, Sigmoid, SiLU, SmoothL1Loss, Softmax,
    Softplus, Softsign, Tanh, Unfold, Upsample,
)
from minidl.nn.layers import Dropout, Dropout1d, Dropout2d, Embedding, Flatten, Identity, Linear, PReLU, Unflatten
from minidl.nn.module import Module
from minidl.nn.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm
from minidl.nn.padding import (
    CircularPad1d, CircularPad2d, ConstantPad1d, ConstantPad2d, ReflectionPad1d, ReflectionPad2d, ReplicationPad1d,
    ReplicationPad2d, ZeroPad1d, ZeroPad2d,
)
from minidl.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter
from minidl.nn.summary import summary
