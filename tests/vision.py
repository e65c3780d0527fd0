"""torchvision without its compiled ops, which networks and transforms do not need: its wheels are of other PyTorchs."""

import importlib

import pytest

torch = pytest.importorskip("torch")
_ops = torch.library.Library("torchvision", "DEF")  # what it looks for when it is imported; they last as long as this
for _name in ("nms", "qnms"):
    _ops.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
try:
    torchvision = importlib.import_module("torchvision")
except ImportError:
    pytest.skip("torchvision is not installed", allow_module_level=True)
