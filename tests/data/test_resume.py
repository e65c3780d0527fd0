"""Where a loader stands: an iteration that is resumed gives what was left, to the bit, random transforms among it."""

import numpy as np
import pytest

import minidl as md
from minidl.data import BatchSampler, DataLoader, Dataset, IterableDataset, RandomSampler, TensorDataset


class Noisy(Dataset):
    """Samples that are their index, and what a transform draws."""

    def __len__(self):
        return 23

    def __getitem__(self, index):
        return index, md.rand(2)


class NoisyStream(IterableDataset):
    def __iter__(self):
        return ((i, md.rand(1)) for i in range(23))


def own(seed=3):
    return md.Generator().manual_seed(seed)


MADE = {
    "in order": lambda: DataLoader(Noisy(), 4),
    "shuffled": lambda: DataLoader(Noisy(), 4, shuffle=True),
    "by its own generator": lambda: DataLoader(Noisy(), 4, shuffle=True, generator=own()),
    "by a sampler's own": lambda: DataLoader(Noisy(), 4, sampler=RandomSampler(Noisy(), generator=own())),
    "by orders in a row": lambda: DataLoader(Noisy(), 4, sampler=RandomSampler(Noisy(), num_samples=60)),
    "drawn one by one": lambda: DataLoader(Noisy(), 4, sampler=RandomSampler(Noisy(), True, 60, own())),
    "by a batch sampler": lambda: DataLoader(
        Noisy(), batch_sampler=BatchSampler(RandomSampler(Noisy(), generator=own()), 4, True)
    ),
    "without batches": lambda: DataLoader(Noisy(), None, shuffle=True),
    "a stream": lambda: DataLoader(NoisyStream(), 4),
    "a stream without batches": lambda: DataLoader(NoisyStream(), None),
}


def values(batch):
    return [field.numpy().tolist() if isinstance(field, md.Tensor) else field for field in batch]


def train(loader, epochs, stop=None, state=None):
    """What a loop is given that draws from the global stream itself; its state is taken, and it is left, at `stop`."""
    given, start = [], 0
    if state:
        start = state["epoch"]
        loader.load_state_dict(state["loader"])
        md.set_rng_state(state["global"])
    for epoch in range(start, epochs):
        for batch in loader:
            given.append((values(batch), md.rand(1).item()))
            if len(given) == stop:
                return given, {"epoch": epoch, "loader": loader.state_dict(), "global": md.get_rng_state()}
    return given, {"epoch": epochs, "loader": loader.state_dict(), "global": md.get_rng_state()}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_it_goes_on_to_the_bit(make, tmp_path):
    """Wherever it was left: in an epoch, at its last batch, between epochs; also by way of a file."""
    md.manual_seed(1)
    whole, _ = train(make(), 3)
    epoch = len(whole) // 3
    for stop in (1, epoch - 1, epoch, epoch + 2, 2 * epoch):
        md.manual_seed(1)
        first, state = train(make(), 3, stop)
        md.save(state, tmp_path / "state.safetensors")
        md.manual_seed(99)
        rest, _ = train(make(), 3, state=md.load(tmp_path / "state.safetensors"))
        assert first + rest == whole, stop
    md.manual_seed(1)
    loader = make()
    first, state = train(loader, 1)
    assert state["loader"]["epoch"] is None
    rest, _ = train(make(), 3, state=state)
    assert first + rest == whole


def test_the_global_stream_gives_a_seed_an_epoch():
    """Nothing that the loader, its sampler or its samples draw moves the caller's stream any further."""
    states = []
    for loader in (DataLoader(Noisy(), 2), DataLoader(Noisy(), 5, shuffle=True), DataLoader([1])):
        md.manual_seed(4)
        list(loader)
        states.append(md.get_rng_state().numpy().tolist())
    assert states[0] == states[1] == states[2]
    noise = [values(batch)[1] for batch in DataLoader(Noisy(), 23)] + [values(b)[1] for b in DataLoader(Noisy(), 23)]
    assert noise[0] != noise[1] and len({x for row in noise[0] for x in row}) > 40


@pytest.mark.parametrize("make, workers", [(Noisy, 0), (Noisy, 2), (NoisyStream, 0)])
def test_a_batch_draws_by_the_seed_of_its_epoch_and_its_number(make, workers):
    md.manual_seed(4)
    drawn = [values(batch)[1][0] for batch in DataLoader(make(), 8, num_workers=workers)]
    seed = int(np.random.Generator(np.random.Philox(4)).integers(2**63))
    for number, numbers in enumerate(drawn):
        (word,) = np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1, np.uint64)
        assert numbers == md.rand(len(numbers), generator=md.Generator().manual_seed(int(word))).tolist()


def test_what_a_state_says():
    loader = DataLoader(TensorDataset(np.arange(10)), 3)
    assert loader.state_dict() == {"epoch": None, "generator": None, "sampler": None}
    batches = iter(loader)
    assert loader.state_dict()["epoch"]["batches"] == 0
    next(batches), next(batches)
    state = loader.state_dict()
    assert state["epoch"]["batches"] == 2 and 0 <= state["epoch"]["seed"] < 2**63
    next(batches)
    assert state["epoch"]["batches"] == 2
    loader.load_state_dict(state)
    assert loader.state_dict() == state
    assert [values(batch) for batch in loader] == [[[6, 7, 8]], [[9]]]
    assert [len(batch[0]) for batch in loader] == [3, 3, 3, 1] and len(loader) == 4
    other = iter(loader)
    assert len(list(batches)) == 1 and loader.state_dict()["epoch"]["batches"] == 0  # of the latest
    assert len(list(other)) == 4 and loader.state_dict()["epoch"] is None
    loader.load_state_dict(state)
    assert next(iter(loader))[0].numpy().tolist() == [6, 7, 8] and len(list(loader)) == 4  # once
    loader.load_state_dict({"epoch": None, "generator": None, "sampler": None})
    assert len(list(loader)) == 4


def test_a_samplers_generator_may_be_restored_beside_the_loader():
    """To where it stood when the state was taken, which is behind the order of the epoch."""
    generator = own()
    loader = DataLoader(Noisy(), 4, sampler=RandomSampler(Noisy(), generator=generator))
    batches = iter(loader)
    next(batches)
    state, behind = loader.state_dict(), generator.get_state()
    rest = [values(batch) for batch in batches]
    loader.load_state_dict(state)
    generator.set_state(behind)
    assert [values(batch) for batch in loader] == rest


def test_an_error_does_not_count():
    class Faulty(Noisy):
        broken = True

        def __getitem__(self, index):
            if index == 5 and self.broken:
                raise ValueError("broken")
            return index

    loader = DataLoader(Faulty(), 2)
    with pytest.raises(ValueError, match="broken"):
        list(loader)
    state = loader.state_dict()
    assert state["epoch"]["batches"] == 2
    Faulty.broken = False
    loader.load_state_dict(state)
    assert next(iter(loader)).numpy().tolist() == [4, 5]


@pytest.mark.parametrize("changes, said", [
    ({"epoch": {"seed": 1}}, "expected what state_dict.. gives .*'batches'"),
    ({"epoch": 3}, "expected what state_dict.. gives"),
    ({"epoch": {"seed": -1, "batches": 0}}, "DataLoader: seed must be an integer of 0 or more, got -1"),
    ({"epoch": {"seed": 1, "batches": -1}}, "DataLoader: batches must be an integer of 0 or more, got -1"),
    ({"epoch": {"seed": 1, "batches": 0.5}}, "DataLoader: batches must be an integer of 0 or more, got 0.5"),
    ({"generator": md.Generator().get_state()}, "of generators of its own, the loader had one, this has none$"),
    ({"sampler": md.Generator().get_state()}, "of generators of its own, the sampler had one, this has none$"),
])  # fmt: skip
def test_what_is_no_state(changes, said):
    loader = DataLoader([1, 2])
    for state in ({"epoch": None, "generator": None, "sampler": None} | changes, {}, None):
        expected = said if state else "DataLoader: load_state_dict: expected what state_dict.. gives"
        with pytest.raises(ValueError, match=expected):
            loader.load_state_dict(state)
        assert loader.state_dict() == {"epoch": None, "generator": None, "sampler": None}


def test_a_generator_that_the_state_knows_nothing_of():
    state = DataLoader([1]).state_dict()
    others = {"loader": {"generator": own()}, "sampler": {"sampler": RandomSampler([1], generator=own())}}
    for name, options in others.items():
        with pytest.raises(ValueError, match=f"of generators of its own, the {name} had none, this has one$"):
            DataLoader([1], **options).load_state_dict(state)
