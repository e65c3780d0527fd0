"""Random numbers that a kernel makes: to the bit those of NumPy's stream, which goes on from where it would stand."""

import numpy as np
import pytest
from devices import asked

import minidl as md
from minidl import backend
from minidl import functional as F
from minidl.backend.random import Generator, fill_uniform
from minidl.kernels.cuda import random, source

pytestmark = pytest.mark.gpu

# What is drawn before: nothing, inside of a block of words, with the half of a word left over, with another draw since.
BEFORE = {
    "at the start": lambda stream: None,
    "one": lambda stream: stream.random(1, np.float32),
    "three": lambda stream: stream.random(3, np.float32),
    "a block": lambda stream: stream.random(8, np.float32),
    "a word": lambda stream: stream.random(1),
    "half a word, then words": lambda stream: (stream.random(5, np.float32), stream.random(6)),
    "half a word, then normal": lambda stream: (stream.random(1, np.float32), stream.standard_normal(7)),
    "the end of 64 bits": lambda stream: stream.bit_generator.advance(2**64 - 2),
    "the end of 256 bits": lambda stream: stream.bit_generator.advance(2**256 - 3),
}
each_start = pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)


def pair(before):
    """Two streams that stand at the same place."""
    generators = Generator(), Generator()
    for generator in generators:
        before(generator.manual_seed(3).numpy)
    return generators


def same_state(ours, theirs):
    return str(ours.numpy.bit_generator.state) == str(theirs.numpy.bit_generator.state)


@each_start
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 10, 17, 2049, 10_000])
def test_skipping_leaves_the_stream_as_drawing_does(before, n):
    ours, theirs = pair(before)
    ours.skip(n)
    theirs.numpy.random(n, np.float32)
    assert same_state(ours, theirs)


@each_start
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, (5, 13), (3, 1, 683), 10_001])
def test_numbers_are_those_of_numpy(before, size):
    ours, theirs = pair(before)
    out = backend.cupy().empty(size, np.float32)
    for _ in range(2):
        fill_uniform(out, ours)
        assert out.get().tobytes() == theirs.numpy.random(size, np.float32).tobytes()
        assert same_state(ours, theirs)
    assert np.array_equal(ours.numpy.standard_normal(3), theirs.numpy.standard_normal(3))


def test_nothing_is_written_beside():
    whole = backend.cupy().zeros(100, np.float32)
    fill_uniform(whole[7:80], Generator())
    assert np.array_equal(np.flatnonzero(whole.get()), range(7, 80))


@pytest.mark.parametrize("dtype", [md.float16, md.float32, md.float64])
@pytest.mark.parametrize("make", [md.rand, md.randn])
def test_tensors_drawn_on_a_device(make, dtype):
    there = make(7, 5, dtype=dtype, device="cuda", generator=Generator())
    assert there.device == "cuda:0" and there.dtype == dtype
    assert np.array_equal(there.numpy(), make(7, 5, dtype=dtype, generator=Generator()).numpy())


@pytest.mark.parametrize("dtype", [md.float16, md.float32, md.float64])
@pytest.mark.parametrize("p", [0.25, 0.5, np.float64(0.1), 1])
@pytest.mark.parametrize("dropout, size", [(F.dropout, (9, 250)), (F.dropout2d, (30, 20, 2, 3)), (F.dropout, (0, 3))])
def test_dropout_drops_what_it_drops_on_the_cpu(dropout, size, p, dtype):
    x = md.randn(*size, dtype=dtype)
    ours, theirs = pair(BEFORE["three"])
    z, there = (dropout(a, p, generator=g) for a, g in ((x, theirs), (x.to("cuda"), ours)))
    assert z.dtype == dtype and there.numpy().tobytes() == z.numpy().tobytes()
    assert same_state(ours, theirs)


@pytest.mark.parametrize("more", [0, 1e-12])
def test_a_number_that_is_equal_to_p_in_float32_is_kept(more):
    p = float(Generator().numpy.random(9, np.float32)[5]) + more
    z = F.dropout(md.ones(9, device="cuda"), p, generator=Generator()).numpy()
    assert z[5] and np.array_equal(z, F.dropout(md.ones(9), p, generator=Generator()).numpy())


def test_dropout_passes_gradients_where_it_kept():
    x = md.ones(1000, device="cuda", requires_grad=True)
    z = F.dropout(x, 0.3)
    z.sum().backward()
    assert np.array_equal(x.grad.numpy(), z.detach().numpy()) and 0 < (z.detach().numpy() == 0).sum() < 1000


def test_what_kernels_can_not_count_is_drawn_without_them(monkeypatch):
    monkeypatch.setattr(source, "MOST", 100)
    monkeypatch.setattr(random, "draw", None)  # which would launch one
    ours, theirs = pair(BEFORE["three"])
    z, there = (F.dropout(x, generator=g) for x, g in ((md.ones(200), theirs), (md.ones(200, device="cuda"), ours)))
    assert np.array_equal(there.numpy(), z.numpy()) and same_state(ours, theirs)


def test_the_same_without_fusion():
    x = md.ones(50, device="cuda")
    fused = F.dropout(x, generator=Generator())
    with md.no_fusion():
        assert np.array_equal(F.dropout(x, generator=Generator()).numpy(), fused.numpy())
        assert np.array_equal(
            md.rand(9, device="cuda", generator=Generator()).numpy(), Generator().numpy.random(9, "f")
        )


def test_launches():
    x = md.ones(1000, device="cuda")
    assert asked(lambda: F.dropout(x)) == {"launch": 2}
    leaf, v = x.clone().requires_grad_(), x.clone()
    assert asked(lambda: md.grad(F.dropout(leaf), leaf, v)) == {"launch": 3}
    assert asked(lambda: md.rand(1000, device="cuda")) == {"launch": 1}
