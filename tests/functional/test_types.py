"""What functions take for their tensors: arrays in few places, lists nowhere, integers where they may be floats."""

import numpy as np
import pytest
from arguments import ROWS
from arguments.table import converted, each, fixed

import minidl as md

ARRAYS = """
    relu sigmoid tanh logsigmoid relu6 selu silu hardsigmoid hardswish elu celu hardshrink softshrink mish tanhshrink
    glu softmin leaky_relu gelu softplus hardtanh softmax log_softmax
"""  # activations, as all that goes element by element
INTEGERS = """
    relu.input sigmoid.input tanh.input logsigmoid.input softsign.input relu6.input threshold.input softplus.input
    hardtanh.input unfold.input fold.input max_pool1d.input max_pool2d.input adaptive_max_pool1d.input
    adaptive_max_pool2d.input max_unpool1d.input max_unpool2d.input mse_loss.target mse_loss.weight
    l1_loss.target l1_loss.weight huber_loss.target huber_loss.weight smooth_l1_loss.target
    cosine_embedding_loss.input2 cosine_embedding_loss.target
    hinge_embedding_loss.target margin_ranking_loss.input1 margin_ranking_loss.input2 margin_ranking_loss.target
    soft_margin_loss.input soft_margin_loss.target triplet_margin_loss.anchor triplet_margin_loss.positive
    triplet_margin_loss.negative pairwise_distance.x1 pairwise_distance.x2 embedding.weight pad.input interpolate.input
    grid_sample.input grid_sample.grid pixel_shuffle.input pixel_unshuffle.input channel_shuffle.input
"""  # and their arguments


def tensors(row):
    """The arguments of a row that are tensors: those of its plain call, then the first value of each other."""
    first = {name: value[0] if isinstance(value, each) else value for name, value in row.variations.items()}
    given = {name: value.array if isinstance(value, fixed) else value for name, value in (first | row.base).items()}
    return {name: value for name, value in given.items() if isinstance(value, np.ndarray)}


FUNCTIONS = {row.name.rpartition(".")[2]: row for row in reversed(ROWS) if row.name.startswith("functional.")}
CASES = [(name, argument) for name, row in FUNCTIONS.items() if not name.endswith("_") for argument in tensors(row)]


@pytest.mark.parametrize("name, argument", CASES)
def test_types(name, argument):
    row = FUNCTIONS[name]
    array, others = tensors(row)[argument], {key: converted(md, value, []) for key, value in row.base.items()}

    def call(value):
        return getattr(md.functional, name)(**others | {argument: value})

    with pytest.raises(TypeError, match=f"^{name}: .*expected a [tT]ensor.*, got list"):
        call(array.tolist())
    if name in ARRAYS.split():
        assert call(array).shape
    else:
        with pytest.raises(TypeError, match=f"^{name}: .*expected a Tensor, got ndarray"):
            call(array)
    if f"{name}.{argument}" in INTEGERS.split():
        call(md.tensor(array).to(md.int64))
    elif array.dtype.kind == "f":
        said = "needs a floating dtype, got int64|mixed dtypes float64 and int64"
        with pytest.raises(TypeError, match=f"^{name}: .*({said}); convert with "):
            call(md.tensor(array).to(md.int64))
