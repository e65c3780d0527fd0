"""Trials that are dropped early: by successive halving, and by the median rule."""

import math

import numpy as np
import pytest
from train.problem import score

from minidl.train import search

# --- successive halving -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, rungs", [
    ({}, {1: 9, 3: 3, 9: 1}), (dict(budget=2), {2: 9, 6: 3, 18: 1}), (dict(factor=2), {1: 9, 2: 4, 4: 2, 8: 1}),
    (dict(max_budget=3), {1: 9, 3: 3}), (dict(max_budget=8), {1: 9, 3: 3}), (dict(budget=5, factor=10), {5: 9}),
])  # fmt: skip
def test_halving(options, rungs):
    asked = []
    trials = search.grid({"lr": np.logspace(-4, -1, 9)})
    results = search.halving(lambda trial: asked.append(trial) or score(trial), trials, **options)
    assert {budget: sum(trial.budget == budget for trial in asked) for budget in rungs} == rungs
    assert len(asked) == sum(rungs.values()) and [outcome.number for outcome in results] == list(range(9))
    assert results.best.budget == max(rungs) and results.best.params["lr"] == pytest.approx(10 ** (-4 + 3 / 8 * 6))
    for budget in rungs:  # those that go on are the best of those before
        here = sorted((t for t in asked if t.budget == budget), key=score)
        further = {t.number for t in asked if t.budget > budget}
        assert further <= {t.number for t in here} and further == {t.number for t in here[: len(further)]}


def test_what_was_given_most_is_best():
    """Scores of other budgets are not compared: these get worse the longer it trains."""
    results = search.halving(lambda trial: trial["a"] + 10 * trial.budget, search.grid({"a": [3, 1, 2]}))
    assert [outcome.params["a"] for outcome in results.ranked] == [1, 2, 3] and results.best.score == 31


def test_halving_upwards_and_failures():
    def objective(trial):
        return math.nan if trial["a"] > 6 else trial["a"]

    results = search.halving(objective, search.grid({"a": list(range(9))}), mode="max")
    assert results.best.params == {"a": 6} and results.best.budget == 9
    results = search.halving(objective, search.grid({"a": [7, 8, 9]}))
    assert [outcome.budget for outcome in results] == [1, 1, 1]  # none goes on


# --- the median rule --------------------------------------------------------------------------------------------------

CURVES = np.random.default_rng(5).normal(0, 1, (9, 13)).cumsum(1) + np.random.default_rng(6).normal(0, 2, (9, 1))


def by_hand(mode, budgets, grace):
    """How far each of the curves is followed."""
    curves, ends = CURVES[:, budgets], {}
    if mode == "max":
        curves = -curves
    for stage, budget in enumerate(budgets):
        here = [n for n in range(len(curves)) if n not in ends]
        so_far = {n: curves[n, : stage + 1] for n in here}
        middle = np.median([values.mean() for values in so_far.values()])
        ends |= {n: budget for n in here if budget >= grace and so_far[n].min() > middle}
    return [ends.get(n, budgets[-1]) for n in range(len(curves))]


@pytest.mark.parametrize("mode", search.MODES)
@pytest.mark.parametrize("options, budgets, grace", [
    (dict(max_budget=12), range(1, 13), 1), (dict(max_budget=5), range(1, 6), 1), (dict(max_budget=1), [1], 1),
    (dict(max_budget=12, budget=3), [3, 6, 9, 12], 1), (dict(max_budget=11, budget=4), [4, 8, 11], 1),
    (dict(max_budget=12, grace_period=6), range(1, 13), 6),
    (dict(max_budget=12, budget=5, grace_period=6), [5, 10, 12], 6),
])  # fmt: skip
def test_the_median_rule(mode, options, budgets, grace):
    trials, asked = search.grid({"a": [*range(9)]}), []
    objective = lambda trial: asked.append((trial.number, trial.budget)) or CURVES[trial["a"], trial.budget]  # noqa: E731
    results = search.median_stopping(objective, trials, mode=mode, **options)
    expected = by_hand(mode, [*budgets], grace)
    assert [outcome.budget for outcome in results] == expected and len(set(expected)) > (options["max_budget"] > 1)
    assert asked == [(n, budget) for budget in budgets for n in range(9) if expected[n] >= budget]
    assert [(outcome.number, outcome.budget) for outcome in results.stages] == asked
    assert results.best.budget == options["max_budget"]


def test_trials_without_a_score_are_dropped_by_the_median_rule():
    def objective(trial):
        return math.nan if trial["a"] == 0 and trial.budget == 2 else trial["a"]

    results = search.median_stopping(objective, search.grid({"a": [0, 1, 1]}), max_budget=3, grace_period=3)
    assert [outcome.budget for outcome in results] == [2, 3, 3]
    results = search.median_stopping(lambda trial: math.nan, search.grid({"a": [0, 1]}), max_budget=3)
    assert [outcome.budget for outcome in results] == [1, 1]
