"""What layers refuse when they are made or called: the type of the error, and its words to the letter."""

import operator

import numpy as np
import pytest

import minidl as md
from minidl import nn

MADE = {
    "nn.Linear(0, 2)": "Linear: in_features must be a positive integer, got 0",
    "nn.Linear(2, -1)": "Linear: out_features must be a positive integer, got -1",
    "nn.Linear(2, 1.0)": "Linear: out_features must be a positive integer, got 1.0",
    "nn.Linear(True, 1)": "Linear: in_features must be a positive integer, got True",
    "nn.PReLU(0)": "PReLU: num_parameters must be a positive integer, got 0",
    "nn.Embedding(0, 2)": "Embedding: num_embeddings must be a positive integer, got 0",
    "nn.Embedding(3, 0)": "Embedding: embedding_dim must be a positive integer, got 0",
    "nn.Embedding(3, 2, 3)": "Embedding: padding_idx 3 is out of range for 3 rows",
    "nn.Embedding(3, 2, -4)": "Embedding: padding_idx -4 is out of range for 3 rows",
    "nn.Embedding.from_pretrained(md.ones(3))": "from_pretrained: expected a table (rows, features), got 3",
    "nn.Embedding.from_pretrained(md.ones(1, 2, 3))": ("from_pretrained: expected a table (rows, features), got 1×2×3"),
    "nn.BatchNorm2d(0)": "BatchNorm2d: num_features must be a positive integer, got 0",
    "nn.InstanceNorm1d(2, eps='x')": "InstanceNorm1d: eps must be a number, got 'x'",
    "nn.BatchNorm1d(2, momentum=float('nan'))": "BatchNorm1d: momentum must be a number, got nan",
    "nn.GroupNorm(0, 2)": "GroupNorm: num_groups must be a positive integer, got 0",
    "nn.GroupNorm(2, 0)": "GroupNorm: num_channels must be a positive integer, got 0",
    "nn.GroupNorm(2, 3)": "GroupNorm: num_groups=2 must divide num_channels=3",
    "nn.GroupNorm(1, 2, float('nan'))": "GroupNorm: eps must be a number, got nan",
    "nn.Conv2d(0, 1, 1)": "Conv2d: in_channels must be a positive integer, got 0",
    "nn.Conv2d(1, 0, 1)": "Conv2d: out_channels must be a positive integer, got 0",
    "nn.Conv1d(2, 2, 1, groups=0)": "Conv1d: groups must be a positive integer, got 0",
    "nn.Conv2d(2, 3, 1, groups=2)": "Conv2d: groups=2 must divide in_channels=2 and out_channels=3",
    "nn.Conv2d(3, 2, 1, groups=2)": "Conv2d: groups=2 must divide in_channels=3 and out_channels=2",
    "nn.Conv2d(1, 1, 1, padding_mode='wrap')": (
        "Conv2d: padding_mode must be 'zeros' or 'reflect' or 'replicate' or 'circular', got 'wrap'"
    ),
    "nn.ConvTranspose2d(1, 1, 1, padding_mode='circular')": (
        "ConvTranspose2d: padding_mode must be 'zeros', got 'circular'"
    ),
    "nn.Conv2d(1, 1, 3, 2, padding='same')": "Conv2d: padding='same' with stride=2; 'same' needs stride 1",
    "nn.Conv2d(1, 1, 0)": "Conv2d: kernel_size: must be at least 1, got 0",
    "nn.Conv2d(1, 1, (1, 2, 3))": "Conv2d: kernel_size: expected an int or a pair of ints, got (1, 2, 3)",
    "nn.Conv1d(1, 1, (2, 2))": "Conv1d: kernel_size: expected an int, got (2, 2)",
    "nn.Conv2d(1, 1, 1, stride=(1, 0))": "Conv2d: stride: must be at least 1, got (1, 0)",
    "nn.Conv1d(1, 1, 1, padding=-1)": "Conv1d: padding: must be at least 0, got -1",
    "nn.Conv2d(1, 1, 1, dilation=0)": "Conv2d: dilation: must be at least 1, got 0",
    "nn.Conv2d(1, 1, 1, 1.5)": "Conv2d: stride: expected an int or a pair of ints, got 1.5",
    "nn.Conv2d(1, 1, 3, (1, 2), padding='same')": "Conv2d: padding='same' with stride=(1, 2); 'same' needs stride 1",
    "nn.Conv1d(1, 1, 3, padding='full')": "Conv1d: padding='full' with stride=1; 'same' needs stride 1",
    "nn.ConvTranspose1d(1, 1, 3, padding='same')": (
        "ConvTranspose1d: padding='same' with stride=1; 'same' needs stride 1"
    ),
    "nn.ConvTranspose2d(1, 1, 3, output_padding=-1)": "ConvTranspose2d: output_padding: must be at least 0, got -1",
    "nn.Dropout(1.5)": "Dropout: p is a probability, expected 0 ≤ p ≤ 1, got 1.5",
    "nn.Dropout2d(-0.1)": "Dropout2d: p is a probability, expected 0 ≤ p ≤ 1, got -0.1",
    "nn.ZeroPad2d((1, 2, 3))": "ZeroPad2d: expected one size or 4, got (1, 2, 3)",
    "nn.init.uniform_(md.ones(2), 1, 0)": "uniform_: expected a ≤ b, got 1 and 0",
    "nn.init.normal_(md.ones(2), 0, -1)": "normal_: std must not be negative, got -1",
    "nn.init.eye_(md.ones(2))": "eye_: expected a matrix, got 2",
    "nn.init.sparse_(md.ones(2), 0.5)": "sparse_: expected a matrix, got 2",
    "nn.init.orthogonal_(md.ones(2))": "orthogonal_: expected at least 2 dimensions, got 2",
    "nn.init.kaiming_normal_(md.ones(2))": "init: fan in and out need at least 2 dimensions and 1 element, got 2",
    "nn.init.kaiming_normal_(md.ones(2, 2), mode='fan')": "init: mode must be 'fan_in' or 'fan_out', got 'fan'",
    "nn.Linear(1, 1).train('no')": "train: mode must be True or False, got 'no'",
}  # ValueErrors
OTHERS = {
    "nn.Linear(2)": (TypeError, "missing 1 required positional argument: 'out_features'"),
    "nn.ELU(1.0, False, 3)": (TypeError, "ELU(alpha, inplace): too many positional arguments"),
    "nn.ELU(slope=1)": (TypeError, "ELU(alpha, inplace): got an unexpected keyword argument 'slope'"),
    "nn.Unflatten('C', (2, 3))": (
        TypeError, "Unflatten: dim must be an integer, got 'C'; dimensions have no names here"
    ),
    "nn.Unflatten(True, (2, 3))": (
        TypeError, "Unflatten: dim must be an integer, got True; dimensions have no names here"
    ),
    "nn.Unflatten(1, 6)": (TypeError, "Unflatten: unflattened_size must be a tuple of sizes, got 6"),
    "nn.Sequential([nn.ReLU()])": (
        TypeError, "Sequential: expected modules one by one, got a list; unpack it: Sequential(*layers)"
    ),
    "nn.Sequential((nn.ReLU(),))": (
        TypeError, "Sequential: expected modules one by one, got a list; unpack it: Sequential(*layers)"
    ),
    "nn.Sequential(nn.ReLU())[1]": (IndexError, "Sequential: index 1 is out of range for 1 modules"),
    "nn.ModuleList([nn.ReLU()])[-2]": (IndexError, "ModuleList: index -2 is out of range for 1 modules"),
    "nn.ModuleList().extend(3)": (TypeError, "ModuleList: expected several, as a list, got int"),
    "nn.Linear(1, 1).to(md.int64)": (TypeError, "to: the parameters of a network are floating, int64 is not"),
}  # fmt: skip
CALLED = {
    "nn.BatchNorm2d(2)(md.ones(1, 3, 2, 2))": "expected an input with 2 channels, got 1×3×2×2",
    "nn.BatchNorm1d(2)(md.ones(2, 2, 2, 2))": "expected a 2-d or 3-d input, got 2×2×2×2",
    "nn.InstanceNorm2d(2)(md.ones(1, 2))": "expected a 3-d or 4-d input, got 1×2",
    "nn.LazyBatchNorm2d()(md.ones(2, 2))": "expected a 4-d input, got 2×2",
    "nn.GroupNorm(1, 2)(md.ones(1, 3))": "expected an input with 2 channels, got 1×3",
    "nn.GroupNorm(1, 2)(md.ones(2))": "group_norm: expected an input (N, C, …), got 2",
    "nn.Softmax2d()(md.ones(2, 2))": "expected an input (N, C, H, W) or (C, H, W), got 2×2",
    "nn.Unflatten(1, (2, 2))(md.ones(2, 6))": "unflatten: a dimension of 6 does not fit (2, 2)",
    "nn.LazyLinear(2)(md.tensor(1.0))": "expected an input (…, in_features), got a scalar",
    "nn.ConvTranspose1d(1, 1, 3)(md.ones(1, 1, 3), (4,))": "output_size 4 is less than the least, 5",
}


def said(expression):
    """The error that an expression raises."""
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        eval(expression, {"nn": nn, "md": md})
    return caught.value


@pytest.mark.parametrize("expression", MADE)
def test_wrong_values(expression):
    error = said(expression)
    assert type(error) is ValueError and str(error) == MADE[expression]


@pytest.mark.parametrize("expression", OTHERS)
def test_wrong_types_and_indices(expression):
    error, (kind, words) = said(expression), OTHERS[expression]
    assert type(error) is kind and str(error).endswith(words)


@pytest.mark.parametrize("expression", CALLED)
def test_wrong_inputs(expression):
    """A module's name stands before what its forward says, in parentheses where it is in another."""
    error = said(expression)
    assert type(error) is ValueError and str(error).endswith(CALLED[expression])


@pytest.mark.parametrize("call, name", [
    (nn.Flatten(), "flatten"), (nn.Unflatten(1, (1, 2)), "unflatten"), (nn.BatchNorm1d(2), "BatchNorm1d"),
    (lambda x: nn.LazyBatchNorm1d()(x), "LazyBatchNorm1d"), (lambda x: nn.LazyLinear(2)(x), "linear"),
    (nn.GroupNorm(1, 2), "group_norm"), (nn.Softmax2d(), "Softmax2d"),
    (nn.Embedding.from_pretrained, "from_pretrained"), (nn.init.eye_, "eye_"),
])  # fmt: skip
@pytest.mark.parametrize("input", [np.ones((2, 2)), [1.0]], ids=["array", "list"])
def test_inputs_are_tensors(call, name, input):
    with pytest.raises(TypeError, match=rf"\b{name}: expected a Tensor, got {type(input).__name__}"):
        call(input)


@pytest.mark.parametrize("name", [
    "freeze", "unfreeze", "summary", "utils.weight_norm", "utils.remove_weight_norm", "utils.spectral_norm",
    "utils.remove_spectral_norm", "regularizers.regularized", "regularizers.regularization",
])  # fmt: skip
def test_modules_are_modules(name):
    function = operator.attrgetter(name)(nn)
    with pytest.raises(TypeError) as caught:
        function([nn.Linear(1, 1)], *[(1,)] * (name == "summary"))
    assert str(caught.value) == f"{function.__name__}: expected a Module, got list"


def test_a_dimension_without_elements_is_unflattened():
    """To a size of 0, beside which any other may stand."""
    assert nn.Unflatten(1, (0, 2))(md.ones(3, 0)).shape == (3, 0, 2)
