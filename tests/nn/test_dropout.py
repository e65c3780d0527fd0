"""Layers of dropout: which share they drop, of elements or of channels, what the others become, and when."""

from types import SimpleNamespace

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.functional import alpha_dropout, dropout, dropout1d, dropout2d


def kept(z):
    """Which elements are kept, once they are known to be all of one size; and that size."""
    array = z.detach().numpy()
    sizes = np.unique(array[array != 0])
    assert len(sizes) == 1
    return array != 0, sizes[0]


def test_what_is_drawn_below_p_is_dropped():
    """p itself is kept: of [0, 1) the share p lies below it."""
    drawn = np.float32([0.25, 0.5, 0.75, np.nextafter(0.5, 0, dtype=np.float32)])
    generator = SimpleNamespace(numpy=SimpleNamespace(random=lambda shape, dtype: drawn))
    assert dropout(md.ones(4), 0.5, generator=generator).tolist() == [0, 2, 2, 0]


LAYERS = {"dropout": nn.Dropout, "dropout1d": nn.Dropout1d, "dropout2d": nn.Dropout2d}
FORMS = {
    "by keyword": lambda f, x, p: f(input=x, p=p, training=True),
    "by position": lambda f, x, p: f(x, p, True),
    "a layer": lambda f, x, p: LAYERS[f.__name__](p=p)(x),
    "a layer, by position": lambda f, x, p: LAYERS[f.__name__](p)(x),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("p", [0.5, 0.2, 0.75])
@pytest.mark.parametrize("function", [dropout, dropout1d, dropout2d])
def test_the_share_that_is_dropped(function, p, form):
    """With probability p each: elements apart from their neighbours, or channels as wholes."""
    shape = (50, 40, 30) if function is dropout1d else (50, 40, 6, 5)  # 2,000 channels of 30 elements
    alive, size = kept(FORMS[form](function, md.ones(shape), p))
    assert size == pytest.approx(1 / (1 - p))
    whole = alive.reshape(2000, 30)
    drawn = whole if function is dropout else whole[:, 0]
    assert abs(drawn.mean() - (1 - p)) < 4.5 * np.sqrt(p * (1 - p) / drawn.size)
    assert (whole == whole[:, :1]).all() == (function is not dropout)
    if function is dropout:  # neighbours agree by chance alone
        assert abs((whole[:, 1:] == whole[:, :1]).mean() - (p * p + (1 - p) ** 2)) < 0.02


def test_the_default_is_a_half():
    for z in (dropout(md.ones(9, 99, 9)), dropout2d(md.ones(99, 99, 2)), nn.Dropout()(md.ones(9, 999))):
        alive, size = kept(z)
        assert size == 2 and 0.45 < alive.mean() < 0.55


@pytest.mark.parametrize("function", [dropout, dropout1d, dropout2d])
def test_without_training_nothing_is_dropped(function):
    x = md.ones(2, 3, 4, requires_grad=True)
    assert np.array_equal(function(x, 0.9, training=False).detach().numpy(), np.ones((2, 3, 4)))
    assert np.array_equal(function(x, 0.9, False).detach().numpy(), np.ones((2, 3, 4)))
    layer = LAYERS[function.__name__](0.9)
    assert (layer(x).detach().numpy() == 0).any() and (layer.eval()(x).detach().numpy() == 1).all()
    assert (layer.train()(x).detach().numpy() == 0).any()


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_a_probability_is_one(p):
    for call in (lambda: dropout(md.ones(2), p), lambda: dropout2d(md.ones(2, 2, 2), p),
                 lambda: nn.Dropout(p), lambda: nn.Dropout1d(p), lambda: nn.Dropout2d(p)):  # fmt: skip
        with pytest.raises(ValueError, match=f"p is a probability, expected 0 ≤ p ≤ 1, got {p}"):
            call()


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p):
    """What is dropped is selu's lower end: all is then scaled and moved by one line."""
    md.manual_seed(0)
    x = md.randn(400, 500)
    for z in (alpha_dropout(x, p, True), nn.AlphaDropout(p)(x)):
        array = z.numpy()
        assert abs(array.mean()) < 0.01 and abs(array.std() - 1) < 0.01
        lowest, counts = np.unique(array, return_counts=True)
        dropped = array == lowest[counts.argmax()]
        assert abs(dropped.mean() - p) < 0.01
        slope, offset = np.polyfit(x.numpy()[~dropped], array[~dropped], 1)
        assert slope == pytest.approx(((1 - p) * (1 + p * 1.7580993**2)) ** -0.5, rel=1e-4)
        assert lowest[counts.argmax()] == pytest.approx(slope * -1.7580993 + offset, rel=1e-4)
    assert alpha_dropout(x, p) is x and nn.AlphaDropout(p).eval()(x) is x
    assert (alpha_dropout(x, 1.0, True).numpy() == 0).all() and alpha_dropout(x, 0.0, True) is x
