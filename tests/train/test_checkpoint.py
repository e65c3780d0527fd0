"""Checkpoints: what they hold, which are kept, and that what is damaged is refused by name."""

import copy
import json
import os
import random
import re
import warnings

import numpy as np
import pytest
import safetensors.numpy

import minidl as md
from minidl import files, nn
from minidl.train import Checkpoints, Trainer
from minidl.train.checkpoint import seal_of
from minidl.train.stateful import part_state


class Counter:
    """The simplest thing with a state."""

    def __init__(self, value=0):
        self.value = value

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state_dict):
        self.value = state_dict["value"]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "a"


def saved(folder, *steps, **options):
    """Checkpoints of these steps, whose counter is ten times the step."""
    checkpoints = Checkpoints(folder, **options)
    for step in steps:
        checkpoints.save(step, counter=Counter(10 * step))
    return checkpoints


def test_a_training_goes_on(folder):
    """Model, optimizer and streams go on as if nothing had happened."""

    def learn(model, optimizer, generator):
        for _ in range(3):
            optimizer.zero_grad()
            noise = md.rand(3, generator=generator) + md.rand(3) + random.random() + np.random.rand()
            (model(noise) ** 2).sum().backward()
            optimizer.step()
        return [tensor.detach().numpy().copy() for tensor in model.state_dict().values()]

    def parts():
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2))
        optimizer = md.optim.Adam(model.parameters(), lr=0.1, betas=(0.5, 0.9), amsgrad=True)
        return dict(model=model, optimizer=optimizer, generator=md.Generator())

    first, second = parts(), parts()
    learn(**first)
    path = Checkpoints(folder).save(3, **first)
    want = learn(**first)
    assert Checkpoints(folder).restore(**second) == 3
    assert all(map(np.array_equal, learn(**second), want))
    assert path.name == "step-00000003.safetensors" and os.listdir(folder) == [path.name]
    assert safetensors.numpy.load_file(path)["parts.model.2.bias"].shape == (2,)  # any library reads it
    assert files.metadata(path)["step"] == "3"


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_streams_of_numpy(bits, folder):
    generator, other = np.random.Generator(bits(5)), np.random.Generator(bits(6))
    generator.random(3)
    Checkpoints(folder).save(0, rng=generator)
    assert Checkpoints(folder).restore(rng=other) == 0
    assert other.random() == generator.random()


def test_global_streams(folder):
    saved(folder, 1)

    def drawn():
        return md.rand(()).item(), random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn()

    want = drawn()
    Checkpoints(folder).restore(counter=Counter())
    assert drawn() == want


@pytest.mark.parametrize("keep, left", [(1, [5]), (3, [3, 4, 5]), (9, [1, 2, 3, 4, 5]), (None, [1, 2, 3, 4, 5])])
def test_the_last_are_kept(keep, left, folder):
    checkpoints = saved(folder, 1, 2, 3, 4, 5, keep=keep)
    assert checkpoints.steps == left and len(os.listdir(folder)) == len(left)
    assert len(saved(folder.parent / "b", 1, 2, 3, 4).steps) == 3  # by default


@pytest.mark.parametrize("best, scores, kept", [
    ("min", [3, 1, 2, 1, 4], [2, 5]), ("max", [1, 5, 2, 5, 4], [2, 5]), ("max", [1, None, 0, -2, -3], [1, 5]),
    ("min", [float("nan"), 2, float("inf"), 3, 9], [2, 5]), ("min", [None] * 5, [5]),
])  # fmt: skip
def test_the_best_is_kept(best, scores, kept, folder):
    checkpoints = Checkpoints(folder, keep=1, best=best)
    assert checkpoints.best is None
    for step, score in enumerate(scores, 1):
        checkpoints.save(step, score=score, counter=Counter(step))
    assert checkpoints.steps == kept
    assert checkpoints.best == (kept[0] if scores[0] or scores[1] else None)
    if checkpoints.best:
        assert checkpoints.score(checkpoints.best) == scores[checkpoints.best - 1]
    counter = Counter()
    assert checkpoints.restore(step=kept[0], counter=counter) == counter.value == kept[0]


def test_back_to_an_earlier_step(folder):
    saved(folder, 1, 2, 3)
    checkpoints = Checkpoints(folder)
    assert checkpoints.restore(step=1, counter=Counter()) == 1
    checkpoints.save(2, counter=Counter(7))
    assert checkpoints.steps == [1, 2]  # the third is of what would have come
    counter = Counter()
    assert Checkpoints(folder).restore(counter=counter) == 2 and counter.value == 7


def test_another_training_is_not_overwritten(folder):
    saved(folder, 4)
    for step in (3, 4):
        with pytest.raises(
            FileExistsError, match=r"step 4, of another training; restore\(…\) goes on from it, or give"
        ):
            saved(folder, step)
    saved(folder, 5)
    assert Checkpoints(folder).steps == [4, 5]


def test_nothing_to_restore(folder):
    counter = Counter(3)
    assert Checkpoints(folder).restore(counter=counter) is None and counter.value == 3
    assert Checkpoints(folder).steps == [] and not folder.exists()


def test_what_was_killed_is_tidied(folder):
    checkpoints = saved(folder, 1)
    (folder / ".abc.part").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    checkpoints.save(2, counter=Counter())
    assert sorted(os.listdir(folder)) == ["notes.txt", "step-00000001.safetensors", "step-00000002.safetensors"]
    checkpoints.clear()
    assert os.listdir(folder) == ["notes.txt"]
    saved(folder.parent / "b", 1).clear()
    assert not (folder.parent / "b").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="names of open files as Linux tells them")
def test_it_is_flushed_before_it_gets_its_name(folder, monkeypatch):
    """The file, then its name, then the folder."""
    done = []
    replace, fsync = os.replace, os.fsync
    monkeypatch.setattr(os, "replace", lambda a, b: done.append("rename") or replace(a, b))
    monkeypatch.setattr(os, "fsync", lambda file: done.append(os.readlink(f"/proc/self/fd/{file}")[-5:]) or fsync(file))
    saved(folder, 1)
    assert done == [".part", "rename", "uns/a"]


@pytest.mark.parametrize("broken", ["os.replace", "os.fsync", "safetensors.numpy.save_file"])
def test_a_save_that_fails_leaves_what_was_there(broken, folder, monkeypatch):
    checkpoints = saved(folder, 1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(broken, full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(2, counter=Counter())
    assert os.listdir(folder) == ["step-00000001.safetensors"]
    assert Checkpoints(folder).restore(counter=Counter()) == 1


# --- damage -----------------------------------------------------------------------------------------------------------


def flipped(content, bit):
    """The content, one bit of it otherwise."""
    damaged = bytearray(content)
    damaged[bit // 8 % len(content)] ^= 1 << bit % 8
    return bytes(damaged)


def others(content):
    """Files that are no checkpoints."""
    whole = safetensors.numpy.save({"x": np.ones(3)})
    sealed = safetensors.numpy.save({"x": np.ones(3)}, {"sha256": "0" * 64, "step": "2"})
    texts = (b"", b"\0", b"{}", b"\xff" * 999, b"PK\x03\x04" + bytes(99), b"\x80\x04.", b"\x89HDF\r\n", bytes(5000))
    yield from (*texts, whole, sealed, content + b"\0", content[8:], content * 2, content[::-1])
    yield content.replace(b'"step":"2"', b'"step":"3"')
    yield re.sub(rb'"sha256":"\w{64}"', b'"sha256":"' + b"0" * 64 + b'"', content)
    yield re.sub(rb'"sha256":"\w{64}"', b'"sha256":7' + b" " * 65, content)


def damages(content, flips, cuts):
    """What may become of a file."""
    rng = random.Random(0)
    yield from others(content)
    yield from (flipped(content, bit) for bit in [*range(0, 80, 7), *rng.sample(range(8 * len(content)), flips)])
    yield from (content[:size] for size in rng.sample(range(1, len(content)), cuts))


def damaged(folder, flips, cuts):
    """Whatever becomes of the last, it is named, and the one before it used."""
    checkpoints = saved(folder, 1, 2)
    path = checkpoints.path(2)
    for content in damages(path.read_bytes(), flips, cuts):
        path.write_bytes(content)
        counter = Counter()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert checkpoints.restore(counter=counter) == 1 and counter.value == 10
        (line,) = [str(warning.message) for warning in told]
        assert re.match(
            re.escape(f"Checkpoints.restore: {path} is ") + "(damaged|no checkpoint).*; the one before it is used$",
            line,
        )
        assert told[0].filename == __file__
        with pytest.raises(ValueError, match=re.escape(f"Checkpoints.restore: {path} is ")):
            checkpoints.restore(step=2, counter=counter)


def test_damage(folder):
    damaged(folder, flips=10, cuts=5)


@pytest.mark.deep
def test_more_damage(folder):
    damaged(folder, flips=200, cuts=80)


def test_all_are_damaged(folder):
    checkpoints = saved(folder, 1, 2)
    for step in (1, 2):
        checkpoints.path(step).write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="the one before"),
        pytest.raises(ValueError, match=f"all 2 checkpoints in {folder} are damaged"),
    ):
        checkpoints.restore(counter=Counter())


def test_a_damaged_one_has_no_score(folder):
    checkpoints = Checkpoints(folder, best="max")
    checkpoints.save(1, score=2, counter=Counter())
    checkpoints.save(2, score=9, counter=Counter())
    content = checkpoints.path(2).read_bytes()
    checkpoints.path(2).write_bytes(content.replace(b'"9.0"', b'"nix"'))
    assert checkpoints.best == 1


def test_sealed_by_others(folder):
    """A file whose checksum is right, and that is no checkpoint all the same."""
    checkpoints = saved(folder, 1)
    arrays, texts = files.contents([md.ones(1)], {"sha256": "0" * 64})
    safetensors.numpy.save_file(arrays, checkpoints.path(2), texts)
    place, digest = seal_of(checkpoints.path(2))
    with checkpoints.path(2).open("r+b") as file:
        file.seek(place)
        file.write(digest.encode())
    with pytest.raises(ValueError, match="is no checkpoint: it holds no parts and streams"):
        checkpoints.restore(step=2, counter=Counter())


# --- refusals ---------------------------------------------------------------------------------------------------------

STEP = "step must be an integer from 0 to 1e\\+15, got "
STATEFUL = r"expected what has state_dict\(\) and load_state_dict\(\), or a Generator"


@pytest.mark.parametrize("options, said", [
    (dict(keep=0), "keep must be an integer of 1 or more, or None for all, got 0"),
    (dict(keep=-1), "keep must be"), (dict(keep=True), "keep must be"), (dict(keep=2.0), "keep must be"),
    (dict(keep="3"), "keep must be"), (dict(best="loss"), "best must be 'min', 'max' or None, got 'loss'"),
    (dict(best=True), "best must be"), (dict(best="MIN"), "best must be"),
])  # fmt: skip
def test_options(options, said, folder):
    with pytest.raises(ValueError, match=f"Checkpoints: {said}"):
        Checkpoints(folder, **options)


@pytest.mark.parametrize("arguments, options, error, said", [
    ((-1,), {}, ValueError, STEP + "-1"), ((1.0,), {}, ValueError, STEP + "1.0"), (("1",), {}, ValueError, STEP),
    ((True,), {}, ValueError, STEP), ((None,), {}, ValueError, STEP), ((10**15,), {}, ValueError, STEP),
    ((1,), {"counter": None}, TypeError, "counter is NoneType, " + STATEFUL),
    ((1,), {"counter": 3}, TypeError, "counter is int, "),
    ((1,), {"counter": {"a": 1}}, TypeError, "counter is dict, "),
    ((1,), {"counter": Counter}, TypeError, "counter is the class Counter, "),
    ((1,), {"score": "0.5"}, ValueError, "score must be a number, got '0.5'"),
    ((1,), {"score": True}, ValueError, "score must be a number"),
    ((1,), {"counter": Counter(print)}, TypeError, "save: parts.counter.value is builtin_function_or_method"),
    ((1,), {"counter": Counter(np.ones(2))}, TypeError, "save: parts.counter.value is ndarray"),
])  # fmt: skip
def test_save_refuses(arguments, options, error, said, folder):
    with pytest.raises(error, match=said):
        Checkpoints(folder).save(*arguments, **{"counter": Counter(), **options})
    assert not folder.exists() or not os.listdir(folder)


def test_save_and_restore_want_parts(folder):
    for method in ("save", "restore"):
        with pytest.raises(ValueError, match=f"Checkpoints.{method}: expected parts by name, such as model=model, got"):
            getattr(Checkpoints(folder), method)(step=1)


@pytest.mark.parametrize("step, parts, error, said", [
    (2, {"counter": Counter()}, FileNotFoundError, "no checkpoint .*step-00000002.safetensors"),
    ("1", {"counter": Counter()}, ValueError, STEP),
    (None, {"model": Counter()}, ValueError, "step-00000001.safetensors has no part model; it has counter"),
    (None, {"counter": 3}, TypeError, "counter is int, " + STATEFUL),
    (None, {"counter": nn.Linear(2, 2)}, ValueError, "step-00000001.safetensors: counter: .*weight"),
    (None, {"counter": md.Generator()}, ValueError, "step-00000001.safetensors: counter: "),
    (None, {"counter": np.random.default_rng()}, ValueError, "step-00000001.safetensors: counter: "),
])  # fmt: skip
def test_restore_refuses(step, parts, error, said, folder):
    with pytest.raises(error, match=said):
        saved(folder, 1).restore(step=step, **parts)


def test_parts_go_on_together_or_not_at_all(folder):
    """Where the last of them can't, the others stand as before."""

    def parts(loss=1.0):
        model = nn.Linear(3, 2)
        optimizer = md.optim.Adam(model.parameters(), lr=loss)
        (loss * model(md.ones(1, 3)).sum()).backward()
        optimizer.step()
        return dict(model=model, optimizer=optimizer, generator=md.Generator().manual_seed(int(loss)), last=Counter())

    Checkpoints(folder).save(1, **parts())
    there = parts(2.0) | {"last": nn.Linear(1, 1)}
    before = copy.deepcopy([part_state(part) for part in there.values()])
    with pytest.raises(ValueError, match="step-00000001.safetensors: last: "):
        Checkpoints(folder).restore(**there)
    for part, state in zip(there.values(), before, strict=True):
        assert str(part_state(part)) == str(state)


class Half(Counter):
    """What stops in the middle of its state, once."""

    def load_state_dict(self, state_dict):
        before, self.value = self.value, state_dict["value"]
        if before == "refusing":
            raise KeyError("zz")


def test_a_trainer_and_what_stops_half_way_are_as_they_were(folder):
    def trainer():
        net = nn.Linear(3, 2)
        trainer = Trainer(net, nn.CrossEntropyLoss(), md.optim.SGD(net.parameters(), 0.1))
        trainer.fit(np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]), verbose=0)
        return trainer

    Checkpoints(folder).save(1, trainer=trainer(), last=Counter(3))
    there, last = trainer(), Half("refusing")
    with pytest.raises(ValueError, match="step-00000001.safetensors: last: 'zz'"):
        Checkpoints(folder).restore(trainer=there, last=last)
    assert last.value == "refusing"
    assert len(there.fit(np.ones((4, 3), np.float32), np.array([0, 1, 0, 1]), epochs=2, verbose=0).rows) == 2


def test_folders_that_are_none(folder, tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(NotADirectoryError, match=f"Checkpoints: {file} is a file; give a folder"):
        Checkpoints(file)
    with pytest.raises(NotADirectoryError):
        saved(file / "below", 1)
    with pytest.raises(ValueError, match="best of what"):
        _ = Checkpoints(folder).best


def test_names_of_others_are_left_alone(folder):
    checkpoints = saved(folder, 1)
    for name in ("step-1.safetensors", "step-00000009.safetensors.bak", "step-000000x9.safetensors", "step-00000009"):
        (folder / name).write_text(json.dumps(name))
    checkpoints.save(2, counter=Counter())
    assert checkpoints.steps == [1, 2] and len(os.listdir(folder)) == 6
