"""torchvision without its compiled ops, which networks and transforms do not need: its wheels are of other PyTorchs."""

import importlib

import pytest

torch = pytest.importorskip("torch")
try:
    torchvision = importlib.import_module("torchvision")
except ImportError:
    pytest.skip("torchvision is not installed", allow_module_level=True)
except RuntimeError:  # which looks for these ops; they last as long as the library that defines them
    _ops = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _ops.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torchvision = importlib.import_module("torchvision")
