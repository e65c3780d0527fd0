"""Schedules: what changes an optimizer's rates from epoch to epoch. They know optimizers, and nothing of losses."""

# ruff: noqa: F401
from minidl.optim.lr_scheduler.composed import ChainedScheduler, SequentialLR
from minidl.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from minidl.optim.lr_scheduler.cyclic import CyclicLR, OneCycleLR
from minidl.optim.lr_scheduler.factor import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from minidl.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minidl.optim.lr_scheduler.scheduler import LRScheduler
from minidl.optim.lr_scheduler.scheduler import LRScheduler as _LRScheduler  # as schedules of one's own call it
