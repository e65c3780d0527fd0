"""Penalties on weights beside Keras's: of a layer with kernel_regularizer and bias_regularizer, and by themselves."""

import os

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.nn import regularizers

pytestmark = pytest.mark.deep  # it takes seconds to import Keras
KINDS = [
    ("L1", {}),
    ("L1", dict(l1=0.3)),
    ("L2", {}),
    ("L2", dict(l2=0.3)),
    ("L1L2", {}),
    ("L1L2", dict(l1=0.2, l2=0.3)),
]


@pytest.fixture(scope="module")
def keras():
    """Keras upon PyTorch."""
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


@pytest.mark.parametrize("name, options", KINDS)
def test_values(keras, name, options):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("f")
    theirs = getattr(keras.regularizers, name)(**options)(x)
    np.testing.assert_allclose(getattr(regularizers, name)(**options)(md.tensor(x)).item(), theirs.item(), rtol=1e-6)


def test_a_layer(keras):
    theirs = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1), bias_regularizer="l1")
    theirs.build((None, 3))
    kernel, bias = np.arange(6, dtype="f").reshape(3, 2), np.float32([1, -2])
    theirs.set_weights([kernel, bias])
    ours = regularizers.regularized(nn.Linear(3, 2), weight=regularizers.L2(0.1), bias=regularizers.L1())
    ours.weight.data, ours.bias.data = md.tensor(kernel.T.copy()), md.tensor(bias)
    total = sum(loss.item() for loss in theirs.losses)
    np.testing.assert_allclose(regularizers.regularization(ours).item(), total, rtol=1e-6)
