"""Networks: modules, layers, containers, initialisation."""

# ruff: noqa: F401
from minidl.nn import init, utils
from minidl.nn.containers import ModuleDict, ModuleList, Sequential
from minidl.nn.functions import (
    ELU,
    GELU,
    SELU,
    AvgPool2d,
    BCELoss,
    BCEWithLogitsLoss,
    CosineSimilarity,
    CrossEntropyLoss,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    MaxPool2d,
    MSELoss,
    NLLLoss,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    SmoothL1Loss,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from minidl.nn.layers import Conv2d, Dropout, Dropout2d, Embedding, Flatten, Identity, Linear, PReLU
from minidl.nn.module import Module, Parameter
from minidl.nn.normalisation import (
    BatchNorm1d,
    BatchNorm2d,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    LayerNorm,
)
from minidl.nn.summary import summary
