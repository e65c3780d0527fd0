"""The error contract: a mistake raises where it is made, naming the op or layer, what came and what was expected."""

import re

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.models import SimpLeNet, mlp
from minidl.ops import elementwise as E
from minidl.ops import extremes
from minidl.ops import joining as J
from minidl.ops import reduce as R

MISTAKES = (ValueError, TypeError, RuntimeError, IndexError)
RAW = re.compile(
    "(^|: )(operands could not be broadcast|matmul: Input operand|cannot reshape array|setting an array element"
    "|axis .* out of bounds for array|.* values to unpack|(tuple|list) index out of range|ufunc|The numpy)"
)


def x(*size, dtype="float32", requires_grad=False):
    """Ones."""
    return md.ones(size, dtype=np.dtype(dtype), requires_grad=requires_grad)


def labels(*values):
    return md.tensor(np.array(values, np.int64))


WIDE = x(2, 3, dtype="float64")
IMAGE = x(2, 3, 8, 8)
WEIGHT = x(4, 3, 3, 3)

# name: (the call, what its message must contain)
OPS = {
    "add shapes": (lambda: x(2, 3) + x(4), "add", "2×3", "4", "broadcast"),
    "mul shapes": (lambda: x(2, 3) * x(2, 2), "mul", "2×3", "2×2"),
    "where shapes": (lambda: E.where(x(2) > 0, x(3), x(3)), "where", "2", "3"),
    "maximum shapes": (lambda: E.maximum(x(2), x(3)), "maximum", "2", "3"),
    "add text": (lambda: x(2) + "1", "add", "str"),
    "add None": (lambda: x(2) + None, "add", "NoneType"),
    "sub bool": (lambda: (x(2) > 0) - (x(2) > 0), "sub:", "bool"),
    "neg bool": (lambda: -(x(2) > 0), "neg:", "bool"),
    "int ** -1": (lambda: labels(1, 2) ** -1, "pow", "integer", "negative"),
    "clip nothing": (lambda: E.clip(x(2)), "clip", "min", "max"),
    "too many arguments": (lambda: R.sum(x(2), 0, True, None, 1), "sum", "dim", "keepdim"),
    "too few arguments": (lambda: E.add(x(2)), "add", "y"),
    "an argument twice": (lambda: x(2, 3).sum(0, dim=1), "sum", "dim"),
    "sum dim": (lambda: x(2, 3).sum(2), "dim 2", "2 dimensions"),
    "sum dim twice": (lambda: x(2, 3).sum((0, -2)), "dim", "twice"),
    "mean of integers": (lambda: labels(1, 2).mean(), "mean", "int64"),
    "mean dim": (lambda: x(2, 3).mean(-3), "dim -3"),
    "max of nothing": (lambda: x(0, 3).max(), "max", "0×3"),
    "max of nothing along dim": (lambda: x(2, 0).max(1), "max", "2×0", "1"),
    "min of nothing": (lambda: x(0).min(), "min", "0"),
    "amax of nothing": (lambda: x(2, 0).amax(1), "amax", "2×0"),
    "argmax of nothing": (lambda: x(0).argmax(), "argmax", "0"),
    "max over two dims": (lambda: x(2, 3).max((0, 1)), "max", "(0, 1)"),
    "argmax over two dims": (lambda: extremes.argmax(x(2, 3), (0, 1)), "argmax", "(0, 1)"),
    "reshape": (lambda: x(2, 3).reshape(4, 2), "reshape", "2×3", "6", "(4, 2)"),
    "reshape -1 twice": (lambda: x(2, 3).reshape(-1, -1), "reshape", "(-1, -1)"),
    "reshape -1 of nothing": (lambda: x(0).reshape(0, -1), "reshape", "(0, -1)"),
    "permute": (lambda: x(2, 3).permute(0), "permute", "2×3"),
    "permute twice": (lambda: x(2, 3).permute(0, 0), "twice"),
    "T of three dimensions": (lambda: x(2, 3, 4).T, "T", "2×3×4"),
    "transpose": (lambda: x(2, 3).transpose(0, 2), "dim 2"),
    "flatten backwards": (lambda: x(2, 3).flatten(1, 0), "flatten", "1", "0"),
    "unsqueeze": (lambda: x(2).unsqueeze(3), "dim 3"),
    "expand": (lambda: x(2, 3).expand(4, 3), "expand", "2×3", "(4, 3)"),
    "expand fewer": (lambda: x(2, 3).expand(3), "expand", "2×3", "(3,)"),
    "pad odd": (lambda: J.pad(x(2), (1,)), "pad", "(1,)"),
    "pad crops all": (lambda: J.pad(x(2), (-2, -1)), "pad", "(-2, -1)", "2"),
    "cat shapes": (lambda: J.cat([x(2, 3), x(2, 4)]), "cat", "2×3", "2×4"),
    "cat ranks": (lambda: J.cat([x(2, 3), x(2)]), "cat", "2×3"),
    "cat dim": (lambda: J.cat([x(2), x(2)], 1), "dim 1"),
    "cat scalars": (lambda: J.cat([x(), x()]), "cat", "scalar"),
    "cat nothing": (lambda: J.cat([]), "cat", "tensor"),
    "stack nothing": (lambda: J.stack([]), "stack", "tensor"),
    "stack shapes": (lambda: J.stack([x(2), x(3)]), "stack", "2", "3"),
    "index": (lambda: x(2, 3)[2], "getitem", "index 2", "2×3"),
    "index array": (lambda: x(2, 3)[[0, 5]], "getitem", "index from 0 to 5", "dim 0 of 2×3"),
    "index float": (lambda: x(2)[x(1)], "getitem", "integer", "2"),
    "index too many": (lambda: x(2)[0, 0], "getitem", "too many indices", "2"),
    "index mask": (lambda: x(2, 3)[x(3) > 0], "getitem", "mask of 3", "2×3"),
    "matmul inner": (lambda: x(2, 3) @ x(2, 3), "matmul", "2×3 @ 2×3"),
    "matmul scalar": (lambda: x() @ x(2), "matmul", "scalar"),
    "one name in a chain": (lambda: R.std(x(2, 3), 5), "std: dim 5 is out of range for 2 dimensions"),
    "a weight that is too large": (
        lambda: F.binary_cross_entropy_with_logits(x(2, 3), x(2, 3), pos_weight=x(2)),
        "binary_cross_entropy_with_logits", "2 and 2×3", "do not broadcast",
    ),
    "matmul batch": (lambda: x(2, 3, 4) @ x(3, 4, 5), "matmul", "2×3×4", "3×4×5"),
    "matmul dtypes": (lambda: x(2, 2) @ WIDE, "matmul", "float32", "float64"),
    "softmax dim": (lambda: F.softmax(x(2, 3), 2), "dim 2"),
    "softmax method dim": (lambda: x(2, 3).softmax(2), "dim 2"),
    "softmax of integers": (lambda: F.softmax(labels(1, 2), 0), "softmax", "int64"),
    "log_softmax dim": (lambda: F.log_softmax(x(2, 3), -3), "dim -3"),
    "linear": (lambda: F.linear(x(2, 3), x(4, 5)), "linear", "2×3", "4×5"),
    "linear scalar": (lambda: F.linear(x(), x(4, 5)), "linear", "scalar"),
    "linear weight": (lambda: F.linear(x(2, 3), x(3)), "linear", "weight", "3"),
    "linear bias": (lambda: F.linear(x(2, 3), x(4, 3), x(3)), "linear", "bias", "3", "4×3"),
    "linear dtypes": (lambda: F.linear(WIDE, x(4, 3)), "linear", "float64", "float32"),
    "linear bias dtype": (lambda: F.linear(x(2, 3), x(4, 3), x(4, dtype="float64")), "linear", "float64", "float32"),
    "conv2d rank": (lambda: F.conv2d(x(8, 8), WEIGHT), "conv2d", "8×8", "(N, C, H, W)"),
    "conv2d weight rank": (lambda: F.conv2d(IMAGE, x(4, 3, 3)), "conv2d", "weight", "4×3×3"),
    "conv2d channels": (lambda: F.conv2d(x(2, 1, 8, 8), WEIGHT), "conv2d", "1 channel,", "expects 3", "4×3×3×3"),
    "conv2d groups": (lambda: F.conv2d(IMAGE, WEIGHT, groups=3), "conv2d", "groups", "4", "3"),
    "conv2d groups 0": (lambda: F.conv2d(IMAGE, WEIGHT, groups=0), "conv2d", "groups", "0"),
    "conv2d bias": (lambda: F.conv2d(IMAGE, WEIGHT, x(3)), "conv2d", "bias", "3", "4×3×3×3"),
    "conv2d stride": (lambda: F.conv2d(IMAGE, WEIGHT, stride=0), "conv2d", "stride", "0"),
    "conv2d stride triple": (lambda: F.conv2d(IMAGE, WEIGHT, stride=(1, 1, 1)), "conv2d", "stride", "(1, 1, 1)"),
    "conv2d stride float": (lambda: F.conv2d(IMAGE, WEIGHT, stride=1.5), "conv2d", "stride", "1.5"),
    "conv2d dilation": (lambda: F.conv2d(IMAGE, WEIGHT, dilation=0), "conv2d", "dilation", "0"),
    "conv2d padding": (lambda: F.conv2d(IMAGE, WEIGHT, padding=-1), "conv2d", "padding", "-1"),
    "conv2d padding word": (lambda: F.conv2d(IMAGE, WEIGHT, padding="full"), "conv2d", "'same'", "'valid'", "'full'"),
    "conv2d same": (lambda: F.conv2d(IMAGE, WEIGHT, None, 2, "same"), "conv2d", "same", "stride 1", "2"),
    "conv2d too small": (lambda: F.conv2d(x(2, 3, 2, 2), WEIGHT), "conv2d", "3×3", "2×2"),
    "conv2d dtypes": (lambda: F.conv2d(x(2, 3, 8, 8, dtype="float64"), WEIGHT), "conv2d", "float64", "float32"),
    "conv2d of bytes": (lambda: F.conv2d(x(2, 3, 8, 8, dtype="uint8"), WEIGHT), "conv2d", "uint8", "float32"),
    "conv2d bias dtype": (lambda: F.conv2d(IMAGE, WEIGHT, x(4, dtype="float64")), "conv2d", "float64", "float32"),
    "max_pool2d rank": (lambda: F.max_pool2d(x(8, 8), 2), "max_pool2d", "8×8"),
    "max_pool2d kernel": (lambda: F.max_pool2d(IMAGE, 0), "max_pool2d", "kernel_size", "0"),
    "max_pool2d padding": (lambda: F.max_pool2d(IMAGE, 2, padding=2), "max_pool2d", "padding", "2"),
    "max_pool2d too small": (lambda: F.max_pool2d(x(1, 1, 1, 1), 2), "max_pool2d", "2×2", "1×1"),
    "max_pool2d of no image": (lambda: F.max_pool2d(x(1, 1, 0, 4), 2), "max_pool2d", "0×4"),
    "avg_pool2d rank": (lambda: F.avg_pool2d(x(8), 2), "avg_pool2d", "8"),
    "avg_pool2d stride": (lambda: F.avg_pool2d(IMAGE, 2, 0), "avg_pool2d", "stride", "0"),
    "avg_pool2d too small": (lambda: F.avg_pool2d(x(1, 1, 1, 1), (2, 1)), "avg_pool2d", "2×1", "1×1"),
    "avg_pool2d divisor": (lambda: F.avg_pool2d(IMAGE, 2, divisor_override=0), "avg_pool2d", "divisor_override", "0"),
    "conv1d rank": (lambda: F.conv1d(IMAGE, x(4, 3, 3)), "conv1d", "2×3×8×8", "(N, C, L)"),
    "conv1d channels": (lambda: F.conv1d(x(2, 3, 8), x(4, 2, 3)), "conv1d", "3 channels", "expects 2", "4×2×3"),
    "conv1d too small": (lambda: F.conv1d(x(2, 3, 2), x(4, 3, 3)), "conv1d", "window of 3", "input of 2", "2×3×2"),
    "conv1d stride pair": (lambda: F.conv1d(x(2, 3, 8), x(4, 3, 3), stride=(1, 1)), "conv1d", "stride", "(1, 1)"),
    "conv_transpose2d channels": (lambda: F.conv_transpose2d(IMAGE, WEIGHT), "3 channels", "expects 4", "4×3×3×3"),
    "conv_transpose2d weight rank": (lambda: F.conv_transpose2d(IMAGE, x(3)), "(C, O/groups, KH, KW)", "got 3"),
    "conv_transpose2d output_padding": (
        lambda: F.conv_transpose2d(IMAGE, x(3, 4, 3, 3), output_padding=1), "output_padding", "stride or dilation", "1"
    ),
    "conv_transpose1d padding": (
        lambda: F.conv_transpose1d(x(3, 2), x(3, 4, 3), padding=2), "conv_transpose1d", "3×2", "padding=2"
    ),
    "fold columns": (lambda: F.fold(x(1, 4, 5), 3, 2), "fold", "C·4", "2×2", "3×3", "1×4×5"),
    "adaptive_avg_pool2d size": (lambda: F.adaptive_avg_pool2d(IMAGE, (2, -1)), "adaptive_avg_pool2d", "(2, -1)"),
    "max_unpool2d index": (lambda: F.max_unpool2d(x(1, 1, 1), labels([[4]]), 2), "max_unpool2d", "4", "2×2"),
    "max_unpool2d size": (
        lambda: F.max_unpool2d(x(1, 1, 1), labels([[0]]), 2, output_size=(4, 4)), "max_unpool2d", "(4, 4)", "(2, 2)"
    ),
    "unique dim": (lambda: md.unique(IMAGE, dim=1), "unique", "dim is not supported", "got dim=1"),
    "interpolate mode": (lambda: F.interpolate(IMAGE, 4, mode="cubic"), "interpolate", "'bicubic'", "'cubic'"),
    "interpolate rank": (lambda: F.interpolate(IMAGE, 4, mode="linear"), "interpolate", "'linear'", "2×3×8×8"),
    "interpolate nothing": (lambda: F.interpolate(IMAGE, scale_factor=0.1), "interpolate", "0.1", "8×8"),
    "local_response_norm rank": (lambda: F.local_response_norm(x(2, 3), 3), "local_response_norm", "2×3"),
    "batch_norm rank": (lambda: F.batch_norm(x(3), None, None, training=True), "batch_norm", "3", "(N, C, …)"),
    "batch_norm vector": (lambda: F.batch_norm(IMAGE, x(2), x(3)), "batch_norm", "running_mean", "2", "3 channels"),
    "batch_norm eval": (lambda: F.batch_norm(IMAGE, None, None), "batch_norm", "running", "training"),
    "batch_norm one value": (lambda: F.batch_norm(x(1, 3), None, None, training=True), "batch_norm", "1 value", "1×3"),
    "batch_norm of integers": (lambda: F.batch_norm(labels([1], [2]), x(1), x(1)), "batch_norm", "int64"),
    "batch_norm training on integers": (
        lambda: F.batch_norm(labels([1], [2]), None, None, training=True), "batch_norm", "int64"
    ),
    "dropout p": (lambda: F.dropout(x(3), 1.5), "dropout", "1.5"),
    "dropout of integers": (lambda: F.dropout(labels(1, 2)), "dropout", "int64"),
    "cross_entropy scalar": (lambda: F.cross_entropy(x(), labels(0)), "cross_entropy", "scalar"),
    "cross_entropy label": (lambda: F.cross_entropy(x(2, 3), labels(0, 3)), "cross_entropy", "label 3", "3 classes"),
    "cross_entropy negative": (lambda: F.cross_entropy(x(2, 3), labels(-1, 0)), "cross_entropy", "label -1", "3"),
    "cross_entropy batch": (lambda: F.cross_entropy(x(2, 3), labels(0, 1, 2)), "cross_entropy", "target", "3", "2×3"),
    "cross_entropy rank": (lambda: F.cross_entropy(x(2, 3), labels([0], [1])), "cross_entropy", "2×1", "2×3"),
    "cross_entropy float": (lambda: F.cross_entropy(x(2, 3), x(2)), "cross_entropy", "integer", "2×3"),
    "cross_entropy of integers": (lambda: F.cross_entropy(labels([1, 2]), labels(0)), "cross_entropy", "int64"),
    "cross_entropy weight": (lambda: F.cross_entropy(x(2, 3), labels(0, 1), x(2)), "cross_entropy", "weight", "2", "3"),
    "cross_entropy reduction": (lambda: F.cross_entropy(x(1, 3), labels(0), reduction="max"), "cross_entropy", "'max'"),
    "cross_entropy smoothing": (lambda: F.cross_entropy(x(1, 3), labels(0), label_smoothing=2), "label_smoothing", "2"),
}  # fmt: skip

FEATURES = nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(20, 50, 5))
LAYERS = {
    "channels in a model": (lambda: SimpLeNet()(x(2, 3, 9, 9)), "features.0: Conv2d(1, 20, ", "3 channels"),
    "size in a model": (lambda: SimpLeNet()(x(2, 1, 32, 32)), "classifier.0: Linear(", "2×1250", "256×800"),
    "small image in a model": (lambda: FEATURES(x(1, 1, 8, 8)), "3: Conv2d(20, 50, ", "5×5", "2×2"),
    "bytes in a model": (lambda: SimpLeNet()(x(2, 1, 28, 28, dtype="uint8")), "features.0: Conv2d", "uint8", "float32"),
    "doubles in a model": (lambda: mlp(3, 2)(WIDE), "1: Linear(in_features=3, ", "float64", "float32"),
    "Linear": (lambda: nn.Linear(3, 4)(x(2, 5)), "Linear(in_features=3, ", "2×5", "4×3"),
    "Conv2d rank": (lambda: nn.Conv2d(1, 2, 3)(x(8, 8)), "Conv2d(1, 2, kernel_size=(3, 3), ", "8×8"),
    "MaxPool2d": (lambda: nn.MaxPool2d(2)(x(8)), "MaxPool2d(kernel_size=2, ", "max_pool2d", "8"),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, padding=2)(IMAGE), "AvgPool2d(kernel_size=3, ", "padding", "2"),
    "InstanceNorm2d nothing": (lambda: nn.InstanceNorm2d(3)(None), "InstanceNorm2d", "expected a Tensor", "NoneType"),
    "GroupNorm nothing": (lambda: nn.GroupNorm(1, 3)(None), "GroupNorm", "expected a Tensor", "NoneType"),
    "BatchNorm2d rank": (lambda: nn.BatchNorm2d(3)(x(2, 3)), "BatchNorm2d(3, ", "4-d", "2×3"),
    "BatchNorm2d channels": (lambda: nn.BatchNorm2d(2)(IMAGE), "BatchNorm2d(2, ", "2 channels", "2×3×8×8"),
    "BatchNorm1d rank": (lambda: nn.BatchNorm1d(3)(IMAGE), "BatchNorm1d(3, ", "2-d or 3-d", "2×3×8×8"),
    "BatchNorm1d one value": (lambda: nn.BatchNorm1d(3)(x(1, 3)), "BatchNorm1d(3, ", "more than 1", "1×3"),
    "Flatten": (lambda: nn.Flatten()(x(3)), "Flatten(start_dim=1, ", "dim 1"),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss()(x(2, 3), labels(0, 9)), "CrossEntropyLoss()", "label 9"),
    "Linear sizes": (lambda: nn.Linear(0, 3), "Linear", "in_features", "0"),
    "Linear size True": (lambda: nn.Linear(3, True), "Linear", "out_features", "True"),
    "Conv2d size": (lambda: nn.Conv2d(1, 2.0, 3), "Conv2d", "out_channels", "2.0"),
    "Conv2d kernel": (lambda: nn.Conv2d(1, 2, (3, 0)), "Conv2d", "kernel_size", "(3, 0)"),
    "Conv2d groups": (lambda: nn.Conv2d(3, 4, 3, groups=2), "Conv2d", "groups=2", "in_channels=3"),
    "BatchNorm2d size": (lambda: nn.BatchNorm2d(-1), "BatchNorm2d", "num_features", "-1"),
    "Dropout p": (lambda: nn.Dropout(-0.1), "Dropout", "-0.1"),
    "Sequential": (lambda: nn.Sequential(nn.ReLU(), F.relu), "Sequential", "1", "function"),
    "mlp": (lambda: mlp(3), "mlp", "two widths", "(3,)"),
    "load_state_dict": (lambda: mlp(3, 2).load_state_dict({"1.weight": x(2, 2), "2.bias": x(2)}),
                        "1.weight is 2×2, expected 2×3", "missing: 1.bias", "unexpected: 2.bias"),
    "init mode": (lambda: nn.init.kaiming_normal_(x(2, 2), mode="fan"), "fan_in", "'fan'"),
    "init of a vector": (lambda: nn.init.kaiming_normal_(x(2)), "2 dimensions", "2"),
}  # fmt: skip

ENGINE = {
    "requires_grad of integers": (lambda: labels(1).requires_grad_(), "requires_grad", "int64"),
    "requires_grad of a result": (lambda: (x(1, requires_grad=True) * 2).requires_grad_(False), "leaves", "detach"),
    "backward of a vector": (lambda: (x(2, requires_grad=True) * 2).backward(), "backward", "scalar", "2"),
    "backward without history": (lambda: x().backward(), "backward", "require grad"),
    "backward with a wrong gradient": (lambda: (x(2, requires_grad=True) * 2).backward(x(3)), "backward", "shape 2"),
    "numpy": (lambda: x(1, requires_grad=True).numpy(), "numpy", "detach"),
    "item": (lambda: x(2).item(), "item", "2"),
    "bool": (lambda: bool(x(2)), "bool", "2"),
    "len": (lambda: len(x()), "len", "0-d"),
    "a float as an index": (lambda: [1, 2][x()], "integer"),
    "ragged": (lambda: md.tensor([[1], [1, 2]]), "tensor", "length"),
    "text": (lambda: md.tensor("abc"), "tensor", "numbers"),
    "complex": (lambda: md.tensor(1j), "tensor", "complex"),
    "sizes": (lambda: md.Tensor(2, 3, 4), "Tensor", "int", "md.empty"),
    "a list": (lambda: md.Tensor([1.0]), "Tensor", "list", "md.tensor", "md.empty"),
    "a device": (lambda: x(1).to("cuda:x"), "device", "'cuda:x'"),
    "neither device nor dtype": (lambda: x(1).to("gpu"), "gpu"),
    "seed": (lambda: md.manual_seed(1.5), "manual_seed", "1.5"),
    "write shape": (lambda: x(2).copy_(x(3)), "in-place write", "2"),
    "write index": (lambda: x(2).__setitem__(5, 1), "in-place write", "index 5"),
    "write into history": (lambda: x(1, requires_grad=True).zero_(), "in-place write", "no_grad"),
    "grad of a constant": (lambda: md.grad(x(requires_grad=True) * 2, x()), "grad", "require grad"),
    "grad unused": (lambda: md.grad(x(requires_grad=True) * 2, x(requires_grad=True)), "grad", "allow_unused"),
    "grad only_inputs": (
        lambda: md.grad(WIDE, WIDE, only_inputs=False),
        "only_inputs=False is not supported",
        "backward()",
    ),
    "grad batched": (lambda: md.grad(WIDE, WIDE, is_grads_batched=True), "is_grads_batched=True", "jacobian"),
    "positive": (lambda: +(x(2) > 0), "positive: not defined for bool"),
    "cdist": (lambda: md.cdist(x(3), x(2, 3)), "cdist: expected rows of one length, got 3 and 2×3"),
    "grad outputs": (lambda: md.grad(x(requires_grad=True) * 2, x(), [None, None]), "grad", "1 outputs"),
    "optimizer of a tensor": (lambda: optim.SGD(x(2)), "SGD", "list"),
    "group without params": (lambda: optim.SGD([{"lr": 1}]), "SGD", "params"),
}


@pytest.mark.parametrize("case", [pytest.param(c, id=k) for k, c in (OPS | LAYERS | ENGINE).items()])
def test_message(case):
    mistake, *fragments = case
    with pytest.raises(MISTAKES) as caught:
        mistake()
    message = str(caught.value)
    assert [part for part in fragments if part not in message] == [], message
    assert not RAW.search(message)


UNKNOWN = {
    "conv2d": lambda **k: F.conv2d(IMAGE, WEIGHT, **k),
    "max_pool2d": lambda **k: F.max_pool2d(IMAGE, 2, **k),
    "cross_entropy": lambda **k: F.cross_entropy(x(1, 2), labels(0), **k),
    "softmax": lambda **k: F.softmax(x(1, 2), 0, **k),
    "sum": lambda **k: x(2).sum(**k),
    "exp": lambda **k: x(2).exp(**k),
    "add": lambda **k: E.add(x(2), x(2), **k),
    "Conv2d": lambda **k: nn.Conv2d(1, 2, 3, **k),
    "BatchNorm2d": lambda **k: nn.BatchNorm2d(3, **k),
    "Linear": lambda **k: nn.Linear(3, 2, **k),
    "SGD": lambda **k: optim.SGD([x(2)], **k),
    "Adam": lambda **k: optim.Adam([x(2)], **k),
    "tensor": lambda **k: md.tensor([1], **k),
    "a group of Adam": lambda **k: optim.Adam([{"params": x(2), **k}]),
}


@pytest.mark.parametrize("function", UNKNOWN)
def test_unknown_argument_is_refused_by_name(function):
    with pytest.raises(TypeError, match="nonsense"):
        UNKNOWN[function](nonsense=1)


# --- nothing, where nothing has a meaning -----------------------------------------------------------------------------

EMPTY = {
    "conv2d": (nn.Conv2d(3, 4, 3), (0, 3, 8, 8), (0, 4, 6, 6)),
    "conv2d grouped": (nn.Conv2d(4, 4, 3, groups=4, padding="same"), (0, 4, 8, 8), (0, 4, 8, 8)),
    "max_pool2d": (nn.MaxPool2d(2), (0, 3, 8, 8), (0, 3, 4, 4)),
    "avg_pool2d": (nn.AvgPool2d(2), (0, 3, 8, 8), (0, 3, 4, 4)),
    "linear": (nn.Linear(5, 2), (0, 5), (0, 2)),
    "relu": (nn.ReLU(), (0, 5), (0, 5)),
    "dropout": (nn.Dropout(), (0, 5), (0, 5)),
    "flatten": (nn.Flatten(), (0, 3, 2), (0, 6)),
    "batch_norm in evaluation": (nn.BatchNorm2d(3).eval(), (0, 3, 8, 8), (0, 3, 8, 8)),
    "a model": (SimpLeNet(), (0, 1, 28, 28), (0, 10)),
    "cross_entropy sum": (lambda z: F.cross_entropy(z, md.zeros(0, dtype=md.int64), reduction="sum"), (0, 3), ()),
    "softmax": (lambda z: F.softmax(z, 1), (0, 3), (0, 3)),
    "softmax of no classes": (lambda z: F.softmax(z, 1), (3, 0), (3, 0)),
    "sum": (lambda z: z.sum(0), (0, 3), (3,)),
    "max along another dim": (lambda z: z.max(1).values, (0, 3), (0,)),
    "matmul": (lambda z: z @ x(3, 2), (0, 3), (0, 2)),
    "matmul over nothing": (lambda z: z @ x(0, 2), (4, 0), (4, 2)),
    "index": (lambda z: z[[]], (4, 2), (0, 2)),
    "cat": (lambda z: J.cat([z, x(2, 3)]), (0, 3), (2, 3)),
    "pad": (lambda z: J.pad(z, (0, 0, 1, 1)), (0, 3), (2, 3)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty(name):
    """A size of zero gives a result of the right shape, and a gradient of the input's."""
    function, size, expected = EMPTY[name]
    given = x(*size, requires_grad=True)
    z = function(given)
    assert z.shape == expected
    z.sum().backward()
    assert given.grad.shape == size


def test_small_integers_meet_large_numbers():
    x = md.tensor([1], dtype=md.uint8)
    assert ((x + 300).item(), (x * -1).item()) == (45, 255)
    assert (x < 300).item() and not (x == -1).item() and not (md.tensor([44], dtype=md.uint8) == 300).item()
    scores, labels = md.rand(2, 3), md.tensor([0, 1])
    expected = F.cross_entropy(scores, labels).item()
    assert F.cross_entropy(scores, labels.to(md.uint8)).item() == expected


def test_a_window_in_nothing_but_padding_is_refused():
    with pytest.raises(ValueError, match="max_pool2d: a window lies wholly in the padding"):
        F.max_pool2d(md.rand(1, 1, 1, 9), (2, 2), (2, 1), (1, 0), (2, 1))


def test_integers_are_not_changed_by_fractions():
    with pytest.raises(TypeError, match="add_: the result is float32, and int64 can't hold it"):
        md.zeros(2, dtype=md.int64).add_(1.5)
    with pytest.raises(TypeError):
        md.rand(4).reshape(2.0, 2)
