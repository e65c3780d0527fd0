"""Trials: which there are, whoever runs them, and what is left of them."""

import json
import math
import operator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from scipy import stats
from train.problem import score

import minidl as md
from minidl import nn
from minidl.train import Checkpoints, search

SPACE = {"lr": [0.1, 0.01, 0.001], "width": (8, 16), "name": np.array(["a", "b"])}
DRAWN = {
    "lr": stats.loguniform(1e-4, 1e-1),
    "width": [8, 16],
    "dropout": stats.uniform(0, 0.5),
    "n": stats.randint(3, 6),
}


# --- which trials there are -------------------------------------------------------------------------------------------


def test_grid():
    trials = search.grid(SPACE)
    assert [trial.number for trial in trials] == list(range(12))
    assert keys(trials)[:3] == [(0.1, 8, "a"), (0.1, 8, "b"), (0.1, 16, "a")] and [*trials[0].params] == [*SPACE]
    assert trials[-1].params == {"lr": 0.001, "width": 16, "name": "b"} and trials[-1]["width"] == 16
    assert len({trial.seed for trial in trials}) == 12
    assert [trial.seed for trial in search.grid(SPACE, seed=1)] != [trial.seed for trial in trials]


def keys(trials):
    return [tuple(trial.params.values()) for trial in trials]


def test_lists_are_drawn_without_replacement():
    for seed in range(5):
        assert sorted(keys(search.sample(SPACE, 12, seed))) == sorted(keys(search.grid(SPACE)))
        assert len(set(keys(search.sample(SPACE, 7, seed)))) == 7
    firsts = [keys(search.sample(SPACE, 1, seed))[0] for seed in range(600)]
    counts = [firsts.count(each) for each in keys(search.grid(SPACE))]
    assert stats.chisquare(counts).pvalue > 1e-4
    huge = {str(i): range(1000) for i in range(6)}  # of which no list is made
    assert len(set(keys(search.sample(huge, 50)))) == 50


@pytest.mark.parametrize("space", [SPACE, DRAWN], ids=["lists", "distributions"])
def test_seeds(space):
    """The same trials for the same seed, the first of more among them."""
    trials = search.sample(space, 9, seed=3)
    assert trials == search.sample(space, 9, 3) and search.sample(space, 4, 3) == trials[:4]
    assert keys(trials) != keys(search.sample(space, 9, 4)) and keys(trials) != keys(search.sample(space, 9))
    assert len({trial.seed for trial in trials}) == 9


def test_distributions():
    trials = search.sample(DRAWN, 400)
    for name, distribution in DRAWN.items():
        drawn = [trial[name] for trial in trials]
        if name in ("lr", "dropout"):
            assert all(type(value) is float for value in drawn) and stats.kstest(drawn, distribution.cdf).pvalue > 1e-3
        else:
            assert {*map(type, drawn)} == {int} and set(drawn) == {"width": {8, 16}, "n": {3, 4, 5}}[name]
    pair = search.sample({"xy": stats.multivariate_normal([0, 0])}, 1)[0]["xy"]
    assert isinstance(pair, list) and len(pair) == 2


# --- running them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode, best", [("min", 0.01), ("max", 0.001)])
def test_run(mode, best):
    results = search.run(score, search.grid(SPACE), mode=mode)
    assert results.best.params["lr"] == best and len(results) == 12 and [o.number for o in results] == list(range(12))
    scores = [outcome.score for outcome in results.ranked]
    assert scores == sorted(scores, reverse=mode == "max") and results[3].score == pytest.approx(0.69897 + 1, abs=1e-4)
    assert results.best.number == results.ranked[0].number and results[0].budget is None and results[0].seconds >= 0


def median(*args, **options):
    """The median rule, over five stages."""
    return search.median_stopping(*args, max_budget=5, **options)


def told(results):
    return [(outcome.number, outcome.params, outcome.budget, outcome.score) for outcome in results]


def test_executors():
    """They give the same in whichever order they end."""
    trials = search.sample(DRAWN, 9)
    with ThreadPoolExecutor(3) as threads:
        for way in (search.run, search.halving, median):
            assert told(way(score, trials, executor=threads)) == told(way(score, trials))


@pytest.mark.deep
def test_processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        results = search.run(operator.attrgetter("seed"), search.grid(SPACE), executor=processes)
        assert [outcome.score for outcome in results] == [trial.seed for trial in search.grid(SPACE)]
        with pytest.raises(RuntimeError, match="search: the executor failed: .*must be a function of a module"):
            search.run(lambda trial: 0, search.grid(SPACE), executor=processes)


def test_an_executor_that_breaks():
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        search.run(score, search.grid(SPACE), executor=threads)


def test_what_fails_is_on_record():
    def fails(trial):
        if trial.number == 1:
            raise KeyError("lr")
        return md.tensor(2.0) if trial.number else math.nan

    results = search.run(fails, search.grid({"a": [1, 2, 3]}))
    assert [outcome.error for outcome in results] == [None, "KeyError: 'lr'", None]
    assert results.best.number == 2 and results.best.score == 2.0
    assert [outcome.number for outcome in results.ranked] == [2, 0, 1]
    for mode in search.MODES:
        with pytest.raises(ValueError, match="search: no trial has a score; the first says: KeyError: 'lr'"):
            _ = search.run(fails, search.grid({"a": [1, 2]}), mode=mode).best
    results = search.run(lambda trial: "much", search.grid({"a": [1]}))
    assert results[0].error.startswith("ValueError: could not convert")


def test_training_in_trials():
    """Each trial has a seed, by which it gives the same again."""

    def objective(trial):
        md.manual_seed(trial.seed)
        model = nn.Sequential(nn.Linear(2, trial["width"]), nn.ReLU(), nn.Linear(trial["width"], 1))
        optimizer = md.optim.SGD(model.parameters(), lr=trial["lr"])
        for _ in range(3):
            optimizer.zero_grad()
            loss = ((model(md.tensor([[1.0, 2.0]])) - 1) ** 2).sum()
            loss.backward()
            optimizer.step()
        return loss.detach()

    trials = search.sample({"lr": stats.loguniform(1e-3, 1e-1), "width": [2, 4]}, 3)
    assert told(search.run(objective, trials)) == told(search.run(objective, trials))


def test_trials_that_go_on(tmp_path):
    """With checkpoints a trial that is given more goes on where it was, to what it would have come to at once."""
    steps = []

    def objective(trial, folder=None):
        md.manual_seed(trial.seed)
        model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.2), nn.Linear(4, 1))
        optimizer = md.optim.Adam(model.parameters(), lr=trial["lr"])
        checkpoints = Checkpoints((folder or tmp_path) / str(trial.number))
        done = checkpoints.restore(model=model, optimizer=optimizer) or 0
        for step in range(done, trial.budget):
            optimizer.zero_grad()
            loss = ((model(md.ones(3, 2)) - 3) ** 2).sum()
            loss.backward()
            optimizer.step()
            checkpoints.save(step + 1, model=model, optimizer=optimizer)
            steps.append(trial.number)
        return loss.item()

    trials = search.grid({"lr": [1e-3, 1e-2, 1e-1]})
    results = search.halving(objective, trials)
    assert [outcome.budget for outcome in results] == [1, 1, 3] and len(steps) == 1 + 1 + 3
    at_once = search.Trial(2, trials[2].params, trials[2].seed, budget=3)
    assert results.best.score == objective(at_once, tmp_path / "anew")


# --- what is left of them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [search.run, search.halving, median])
@pytest.mark.parametrize("mode", search.MODES)
def test_a_search_goes_on(way, mode, tmp_path):
    """Interrupted anywhere, in the midst of a line, too, it runs what is left, to the same end."""
    journal = tmp_path / "search.jsonl"
    trials = search.sample(DRAWN, 6, seed=1)
    done = []

    def objective(trial):
        done.append((trial.number, trial.budget))
        if len(done) in (3, 5):
            raise KeyboardInterrupt
        return math.nan if trial.number == 4 else score(trial)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            way(objective, trials, mode=mode, journal=journal)
        with journal.open("ab") as file:
            file.write(b'{"number": 5, "par')
    results = way(objective, trials, mode=mode, journal=journal)
    again = way(lambda trial: None, trials, mode=mode, journal=str(journal))
    whole = way(lambda trial: math.nan if trial.number == 4 else score(trial), trials, mode=mode)
    assert repr(told(again)) == repr(told(results)) == repr(told(whole))
    assert len(done) == len(set(done)) + 2  # the two that were interrupted have run twice
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert lines[0]["mode"] == mode and [line["score"] for line in lines[1:]].count(None) == 1


@pytest.mark.parametrize(
    "other", [dict(seed=1), dict(n=4), dict(mode="max"), dict(space=SPACE), dict(way=search.halving)]
)
def test_the_journal_of_another_search(other, tmp_path):
    def begin(way=search.run, mode="min", space=DRAWN, n=3, seed=0):
        return way(score, search.sample(space, n, seed), mode=mode, journal=tmp_path / "a.jsonl")

    begin()
    with pytest.raises(
        ValueError, match="a.jsonl is of another search, by its space, seed or options; give another file"
    ):
        begin(**other)


@pytest.mark.parametrize("option", ["budget", "max_budget", "grace_period"])
def test_the_journal_of_another_median_rule(option, tmp_path):
    options = dict(max_budget=5, journal=tmp_path / "a.jsonl")
    search.median_stopping(score, search.grid(SPACE), **options)
    with pytest.raises(ValueError, match="a.jsonl is of another search"):
        search.median_stopping(score, search.grid(SPACE), **(options | {option: 4}))


@pytest.mark.parametrize("option", ["budget", "factor", "max_budget"])
def test_the_journal_of_another_halving(option, tmp_path):
    search.halving(score, search.grid(SPACE), journal=tmp_path / "a.jsonl")
    with pytest.raises(ValueError, match="a.jsonl is of another search"):
        search.halving(score, search.grid(SPACE), journal=tmp_path / "a.jsonl", **{option: 5})


@pytest.mark.parametrize(
    "line, text", [(1, "{"), (2, "{"), (2, "[]"), (2, "{}"), (2, '{"score": 3}'), (3, "\xff"), (1, "x")]
)
def test_a_damaged_journal(line, text, tmp_path):
    path = tmp_path / "a.jsonl"
    search.run(score, search.grid(SPACE), journal=path)
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n", "latin-1")
    with pytest.raises(ValueError, match=f"search: {path}: line {line} is damaged: "):
        search.run(score, search.grid(SPACE), journal=path)


def test_no_other_file_is_written_over(tmp_path):
    path = tmp_path / "notes"
    path.write_text("of value")
    with pytest.raises(ValueError, match=f"search: {path} is no journal of a search; give another file"):
        search.run(score, search.grid(SPACE), journal=path)
    assert path.read_text() == "of value"


def test_a_journal_whose_first_line_was_cut_off(tmp_path):
    path = tmp_path / "a.jsonl"
    expected = search.run(score, search.grid(SPACE), journal=path)
    path.write_bytes(path.read_bytes()[:20])
    assert told(search.run(score, search.grid(SPACE), journal=path)) == told(expected)


def test_params_are_as_they_were_given(tmp_path):
    trials = search.grid({"widths": [(8, 4), (4,)]})
    for _ in range(2):
        results = search.run(lambda trial: len(trial["widths"]), trials, journal=tmp_path / "a.jsonl")
        assert [outcome.params for outcome in results] == [{"widths": (8, 4)}, {"widths": (4,)}]


def test_a_journal_holds_what_json_does(tmp_path):
    trials = search.grid({"layer": [nn.ReLU, nn.Tanh]})
    assert len(search.run(lambda trial: 1.0, trials)) == 2
    with pytest.raises(TypeError, match="search: a journal holds numbers, texts and lists of them alone: .*type"):
        search.run(lambda trial: 1.0, trials, journal=tmp_path / "a.jsonl")


def test_table(tmp_path):
    results = search.run(
        lambda trial: [][0] if trial["lr"] == 0.1 else score(trial), search.grid({"lr": [0.1, 0.01, 1.0]})
    )
    first, *rows = str(results).splitlines()
    assert first.split() == ["trial", "lr", "score", "seconds", "error"]
    assert [row.split()[:3] for row in rows] == [
        ["1", "0.01", "1.301"], ["2", "1", "2.699"], ["0", "0.1", "nan"]
    ] and rows[2].endswith("  IndexError: list index out of range")  # fmt: skip
    results.to_csv(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "trial,lr,score,seconds,error" and lines[1].startswith("1,0.01,1.3010299956639813,")
    halved = search.halving(score, search.grid({"lr": [0.1, 0.01, 1.0]}))
    assert str(halved).splitlines()[0].split() == ["trial", "lr", "budget", "score", "seconds"]
    assert str(halved).splitlines()[1].split()[:3] == ["1", "0.01", "3"]


def test_picture():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    combinations = [
        {"lr": 10**-i, "width": 8 * i, "zero": 30 * (i - 1), "act": "tanh" if i % 2 else "relu", "on": i > 2}
        for i in range(1, 5)
    ]
    results = search.run(score, search.trials(combinations, 0))
    figure = results.plot()
    axes = figure.axes
    assert [a.get_xlabel() for a in axes] == ["lr", "width", "zero", "act", "on"]
    assert [a.get_xscale() for a in axes] == ["log", *["linear"] * 4] and axes[0].get_ylabel() == "score"
    points, star = (collection.get_offsets() for collection in axes[0].collections)
    assert sorted(points[:, 1]) == sorted(o.score for o in results)
    assert star.tolist() == [[results.best.params["lr"], results.best.score]]
    pyplot.close(figure)


def test_a_picture_of_stages():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    results = search.halving(score, search.grid({"lr": np.logspace(-4, -1, 9)}))
    axes = results.plot().axes
    assert [a.get_xlabel() for a in axes] == ["budget", "lr"] and axes[0].get_ylabel() == "score"
    lines = [line.get_xydata() for line in axes[0].lines]
    assert sorted(len(line) for line in lines) == [1] * 6 + [2] * 2 + [3] and len(lines[-1]) == 3  # the best on top
    best = [(o.budget, o.score) for o in results.stages if o.number == results.best.number]
    assert [tuple(point) for point in lines[-1]] == best and axes[0].lines[-1].get_color() == "tab:red"
    pyplot.close("all")


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make, error, said", [
    (lambda: search.grid({}), ValueError, "grid: expected a dict of lists or distributions by name, got {}"),
    (lambda: search.grid([1]), ValueError, "grid: expected a dict"),
    (lambda: search.grid({"a": 3}), TypeError, "grid: a is 3; expected a list of values, or a distribution of scipy"),
    (lambda: search.grid({"a": "relu"}), TypeError, "grid: a is 'relu'; expected a list"),
    (lambda: search.grid({"a": []}), ValueError, "grid: a has no values"),
    (lambda: search.grid(DRAWN), TypeError, r"grid: lr is a distribution; a grid wants lists, sample\(…\) draws"),
    (lambda: search.grid(SPACE, -1), ValueError, "search: seed must be an integer of 0 or more, got -1"),
    *((lambda name=name: search.grid({"lr": [1], name: [1]}), ValueError,
       f"'{name}' is a column of the results; call the hyperparameter otherwise")
      for name in ("trial", "budget", "score", "seconds", "error")),
    (lambda: search.sample({"score": stats.norm()}, 1), ValueError, "'score' is a column of the results"),
    (lambda: search.median_stopping(score, search.grid(SPACE), max_budget=0), ValueError, "max_budget must be"),
    (lambda: search.median_stopping(score, search.grid(SPACE), max_budget=2, budget=3), ValueError, "max_budget must"),
    (lambda: search.median_stopping(score, search.grid(SPACE), max_budget=2, budget=0), ValueError, "budget must be"),
    (lambda: search.median_stopping(score, search.grid(SPACE), max_budget=2, grace_period=0), ValueError, "grace_p"),
    (lambda: search.median_stopping(3, search.grid(SPACE), max_budget=2), TypeError, "median_stopping: objective must"),
    (lambda: search.sample({}, 1), ValueError, "sample: expected a dict"),
    (lambda: search.sample({"a": {1, 2}}, 1), TypeError, "sample: a is {1, 2}; expected a list"),
    (lambda: search.sample({"a": stats.rv_continuous}, 1), TypeError, "sample: a is <class"),
    (lambda: search.sample(SPACE, 0), ValueError, "sample: n must be an integer of 1 or more, got 0"),
    (lambda: search.sample(SPACE, 13), ValueError, r"n=13, and there are 12 combinations; grid\(space\) has them all"),
    (lambda: search.sample(SPACE, 3, "x"), ValueError, "sample: seed must be an integer"),
    (lambda: search.run(3, search.grid(SPACE)), TypeError, "run: objective must be a function of a trial, got int"),
    (lambda: search.run(score, []), ValueError, r"run: expected trials, as grid\(space\) or sample\(space, n\) gives"),
    (lambda: search.run(score, SPACE), ValueError, "run: expected trials"),
    (lambda: search.run(score, [{"lr": 1}]), ValueError, "run: expected trials"),
    (lambda: search.run(score, search.grid(SPACE), mode="best"), ValueError, "mode must be .*, got 'best'"),
    (lambda: search.halving(score, search.grid(SPACE), budget=0), ValueError, "budget must be an integer of 1"),
    (lambda: search.halving(score, search.grid(SPACE), factor=1), ValueError, "factor must be an integer of 2"),
    (lambda: search.halving(score, search.grid(SPACE), budget=3, max_budget=2), ValueError, "max_budget must be"),
    (lambda: search.halving(score, search.grid(SPACE), mode=None), ValueError, "halving: mode must be"),
])  # fmt: skip
def test_refusals(make, error, said):
    with pytest.raises(error, match=said):
        make()
