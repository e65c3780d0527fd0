"""What asks the engine for gradients: as values, of functions, checked against differences, or written by hand.

The walk itself is the engine's; no op is declared here.
"""

# ruff: noqa: F401
from minidl.autograd import functional
from minidl.autograd.check import GradcheckError, gradcheck, gradgradcheck
from minidl.autograd.function import Function
from minidl.autograd.gradients import backward, grad
from minidl.backend.modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
