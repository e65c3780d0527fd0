"""Streams of random numbers: where they stand, and how fine the numbers are."""

import copy
import pickle
import threading

import numpy as np
import pytest

import minidl as md
from minidl.backend import random
from minidl.backend.random import STATE, default_generator


@pytest.mark.parametrize("begun", [0, 1, 5])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 16, 17, 1000])
def test_what_is_left_out_might_as_well_have_been_drawn(begun, n):
    drawn, left_out = (md.Generator().manual_seed(3) for _ in range(2))
    for generator in (drawn, left_out):
        generator.numpy.random(begun, np.float32)
    drawn.numpy.random(n, np.float32)
    left_out.skip(n)
    np.testing.assert_array_equal(left_out.numpy.random(20, np.float32), drawn.numpy.random(20, np.float32))


@pytest.mark.parametrize("draw", [md.rand, md.randn])
@pytest.mark.parametrize("dtype, fine", [(md.float64, True), (md.float32, False)])
def test_double_precision_has_all_its_digits(draw, dtype, fine):
    x = draw(100, dtype=dtype)
    assert x.dtype == dtype and (x.to(md.float32).to(dtype) == x).all().item() is not fine


def test_half_precision_is_below_1():
    x = md.rand(100_000, dtype=md.float16).numpy()
    assert x.max() < 1 and set(np.unique(x * 2048) % 1) == {0} and abs(x.mean(dtype=np.float64) - 0.5) < 0.01


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda generator: pickle.loads(pickle.dumps(generator))])
@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_a_copy_goes_on_from_where_it_stands(copied, device):
    generator = md.Generator(device).manual_seed(3)
    generator.numpy.random(5)
    other = copied(generator)
    assert other is not generator and (other.device, other.initial_seed()) == (device, 3)
    assert other.numpy.random() == generator.numpy.random()


def test_seeds():
    """What is drawn by the system differs; a generator starts from 0, and a state takes its seed along."""
    a, b = md.Generator(), md.Generator()
    assert a.initial_seed() == 0 and a.seed() == a.initial_seed() != b.seed()
    assert b.set_state(a.get_state()).initial_seed() == a.initial_seed()
    assert md.manual_seed(-1) is default_generator and md.initial_seed() == 2**64 - 1
    assert md.seed() == md.initial_seed() != md.seed()
    seeds = {a.seed() for _ in range(20)}
    assert len(seeds) == 20 and max(seeds) > 2**58
    drawn = {seed: md.Generator().manual_seed(seed).numpy.random() for seed in (5, 5 + 2**63, 1005)}
    assert len(set(drawn.values())) == 3


@pytest.mark.parametrize("name, value", [("buffer_pos", 5), ("buffer_pos", -1), ("has_uint32", 2), ("has_uint32", -1)])
def test_bytes_that_are_no_state(name, value):
    state = md.Generator().get_state().copy()
    state.view(STATE)[name] = value
    with pytest.raises(ValueError, match=r"^set_state: these bytes are not of get_state\(\)$"):
        md.Generator().set_state(state)


def test_bytes_of_a_state_are_all_of_it():
    """What aligns its fields is 0, and nothing that was in that memory before."""
    generator = md.Generator().manual_seed(0)
    for filled in 0, 255:
        np.full(len(generator.get_state()), filled, np.uint8)  # is freed, and its memory taken again
        assert generator.get_state()[-4:].tolist() == [0] * 4


def test_states_of_another_form():
    state = md.Generator().get_state()
    for wrong in (state[:-1], state[:, None], state.astype(np.int8)):
        said = f"set_state: expected {len(state)} bytes of get_state, got {wrong.size} of {wrong.dtype}"
        with pytest.raises(ValueError, match=f"^{said}$"):
            md.Generator().set_state(wrong)


def test_another_stream_stands_for_the_global_one():
    """In everything that draws, or tells of it; in one thread, and until the end of the block, whatever happens."""
    md.manual_seed(5)
    expected = md.rand(2).numpy().tolist()
    before, own = md.get_rng_state().numpy().tolist(), md.Generator().manual_seed(5)
    others = []
    with random.using(own):
        thread = threading.Thread(target=lambda: others.append(random.current()))
        thread.start()
        thread.join()
        assert md.rand(2).numpy().tolist() == expected and md.initial_seed() == 5
        assert random.stream(None) is own.numpy and md.get_rng_state().numpy().tolist() == own.get_state().tolist()
        with pytest.raises(KeyError), random.using(md.Generator()):
            raise KeyError
        assert random.current() is own
        md.functional.dropout(md.ones(3))
        assert md.manual_seed(6) is own and own.initial_seed() == 6
        md.set_rng_state(md.tensor(before, dtype=md.uint8))
        assert own.get_state().tolist() == before
    assert others == [default_generator] == [random.current()] and md.get_rng_state().numpy().tolist() == before


def test_streams_below_a_seed():
    """Each path leads to another, and always to the same."""
    paths = [(1,), (2,), (1, 0), (1, 1), (1, 2**40), (2**63, 1), (1, 1, 2)]
    drawn = {path: random.child(*path).numpy.random() for path in paths}
    assert len(set(drawn.values())) == len(paths)
    assert drawn == {path: random.child(*path).numpy.random() for path in paths}
    (word,) = np.random.SeedSequence(2, spawn_key=(3,)).generate_state(1, np.uint64)
    assert random.child(2, 3).initial_seed() == word
