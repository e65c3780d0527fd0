"""Search for hyperparameters: trials on a grid or drawn at random, in turn or side by side, poor ones dropped early.

The trials are settled before the first one runs, by the space and the seed alone: they are the same whoever runs them,
in whichever order.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minidl.data.sampler import require_count
from minidl.files import PathLike
from minidl.train.journal import Journal
from minidl.train.results import COLUMNS, Outcome, Results

Space = Mapping[str, Any]
MODES = ("min", "max")


@dataclass(frozen=True)
class Trial:
    """What an objective is given: ``objective(trial)`` returns its score.

    Attributes
    ----------
    number : int
        Which of the search, from 0.
    params : dict
        The hyperparameters.
    seed : int
        A seed of its own, for ``md.manual_seed``.
    budget : int or None
        In `halving` and `median_stopping`: how much to train by now, in all, such as epochs. A trial that is given more
        is called again, and may go on from what it has left (`Checkpoints`), or begin anew.
    """

    number: int
    params: dict[str, Any]
    seed: int
    budget: int | None = None

    def __getitem__(self, name: str) -> Any:
        return self.params[name]


Objective = Callable[[Trial], float]
Keep = Callable[[list[Outcome]], Collection[int]]  # of the trials that have come to a budget, the numbers that go on


def grid(space: Space, seed: int = 0) -> list[Trial]:
    """All combinations of lists, the last name's values changing fastest.

    Parameters
    ----------
    space : dict of lists
    seed : int
        What the seeds of the trials come from.

    Raises
    ------
    ValueError, TypeError
        For an empty space, or one with distributions.
    """
    space = checked("grid", space)
    drawn = [name for name, values in space.items() if is_distribution(values)]
    if drawn:
        raise TypeError(f"grid: {drawn[0]} is a distribution; a grid wants lists, sample(…) draws")
    return trials([dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())], seed)


def sample(space: Space, n: int, seed: int = 0) -> list[Trial]:
    """Combinations that are drawn at random, from lists and distributions.

    Of lists alone none is drawn twice. With the same seed the first trials are the same, however many are drawn.

    Parameters
    ----------
    space : dict of lists, and of distributions as scipy.stats has them, with ``rvs(random_state=…)``
    n : int
    seed : int

    Raises
    ------
    ValueError, TypeError
        For an empty space, for other than lists and distributions, and for more than there are.
    """
    space = checked("sample", space)
    require_count("sample", "n", n)
    stream = np.random.Generator(np.random.Philox(seed_of("sample", seed)))
    if any(map(is_distribution, space.values())):
        return trials([{name: one(values, stream) for name, values in space.items()} for _ in range(n)], seed)
    sizes = [len(values) for values in space.values()]
    total = math.prod(sizes)
    if n > total:
        raise ValueError(f"sample: n={n}, and there are {total} combinations; grid(space) has them all")
    places = (np.unravel_index(place, sizes) for place in distinct(total, n, stream))
    chosen = [[values[i] for values, i in zip(space.values(), place, strict=True)] for place in places]
    return trials([dict(zip(space, values, strict=True)) for values in chosen], seed)


def distinct(total: int, n: int, stream: np.random.Generator) -> Iterator[int]:
    """The first `n` of the numbers below `total` in a random order, by exchanges of those that are asked for alone."""
    moved: dict[int, int] = {}
    for i in range(n):
        j = int(stream.integers(i, total))
        yield moved.get(j, j)
        moved[j] = moved.get(i, i)


def one(values: Any, stream: np.random.Generator) -> Any:
    """A value of a list, or of a distribution."""
    if not is_distribution(values):
        return values[int(stream.integers(len(values)))]
    drawn = np.asarray(values.rvs(random_state=stream))
    return drawn.item() if drawn.ndim == 0 else drawn.tolist()


def trials(combinations: Sequence[dict[str, Any]], seed: int) -> list[Trial]:
    """A trial of each combination, with its number and a seed; ValueError for a name that is a column of results."""
    if taken := sorted({name for params in combinations for name in params} & COLUMNS):
        raise ValueError(f"search: {taken[0]!r} is a column of the results; call the hyperparameter otherwise")
    seeds = np.random.SeedSequence(seed_of("search", seed)).generate_state(max(1, len(combinations)), np.uint32)
    return [Trial(i, params, int(seeds[i])) for i, params in enumerate(combinations)]


def run(
    objective: Objective,
    trials: Sequence[Trial],
    *,
    mode: str = "min",
    executor: Executor | None = None,
    journal: PathLike | None = None,
) -> Results:
    """Run trials, each to its end.

    Parameters
    ----------
    objective : callable
        ``objective(trial)`` returns the score, a number. For processes it must be a function of a module. A trial that
        raises is on record with its error, and the others go on.
    trials : list of Trial
        By `grid` or `sample`.
    mode : {"min", "max"}
        Whether low scores are good, or high ones.
    executor : concurrent.futures.Executor, optional
        Runs them, side by side as it can; by default they run in turn, here. One of mpi4py, ``MPIPoolExecutor()``, runs
        them on the ranks of ``mpiexec -n N python -m mpi4py.futures script.py``.
    journal : path, optional
        A file with a line of JSON for each trial that is done. A search that is started again with the same file goes
        on with the trials that are left.

    Raises
    ------
    ValueError
        For another mode, for no trials, and for the journal of another search.
    RuntimeError
        If the executor breaks; with a journal, what was done by then is kept.
    """
    require_search("run", objective, trials, mode)
    with Journal(journal, trials, mode) as kept:
        outcomes = finished(objective, trials, executor, kept)
    return Results(outcomes, mode)


def halving(
    objective: Objective,
    trials: Sequence[Trial],
    *,
    budget: int = 1,
    factor: int = 3,
    max_budget: int | None = None,
    mode: str = "min",
    executor: Executor | None = None,
    journal: PathLike | None = None,
) -> Results:
    """Run all trials for a little, and the better ones for longer: successive halving.

    All are given `budget`; then the best of them, one of `factor`, that many times as much, and so on until one is
    left. Karnin et al. (2013), "Almost optimal exploration in multi-armed bandits"; Jamieson & Talwalkar (2016).

    Parameters
    ----------
    objective, trials, mode, executor, journal
        As in `run`; the objective trains up to ``trial.budget``.
    budget : int, default 1
        What each trial is given first, such as epochs.
    factor : int, default 3
        How many times as much the better ones are given, and which share of them goes on.
    max_budget : int, optional
        What none is given more than.

    Returns
    -------
    Results
        Each trial as it was last run.

    Raises
    ------
    ValueError
        As `run` does, and for budgets and factors out of range.
    """
    require_search("halving", objective, trials, mode)
    require_count("halving", "budget", budget)
    require_count("halving", "factor", factor, least=2)
    if max_budget is not None:
        require_count("halving", "max_budget", max_budget, least=budget)

    def best(outcomes: list[Outcome]) -> list[int]:
        good = Results(outcomes, mode).ranked[: len(outcomes) // factor]
        return [outcome.number for outcome in good if not math.isnan(outcome.score)]

    budgets = (budget * factor**rung for rung in itertools.count())
    given = itertools.takewhile(lambda each: max_budget is None or each <= max_budget, budgets)
    with Journal(journal, trials, mode, budget=budget, factor=factor, max_budget=max_budget) as kept:
        return staged(objective, trials, given, best, mode, executor, kept)


def median_stopping(
    objective: Objective,
    trials: Sequence[Trial],
    *,
    max_budget: int,
    budget: int = 1,
    grace_period: int = 1,
    mode: str = "min",
    executor: Executor | None = None,
    journal: PathLike | None = None,
) -> Results:
    """Run all trials step by step, and drop those that are worse than most have been by then.

    A trial ends when its best score so far is worse than the median, over all that have come as far, of the means of
    their scores so far: the median stopping rule of Golovin et al. (2017), "Google Vizier: a service for black-box
    optimization". All come to a budget before any is given more: who runs them, and how fast, changes nothing.

    Parameters
    ----------
    objective, trials, mode, executor, journal
        As in `run`; the objective trains up to ``trial.budget``.
    max_budget : int
        What a trial that is never dropped comes to, such as epochs.
    budget : int, default 1
        What each is given first, and then more by each time.
    grace_period : int, default 1
        The least budget after which one is dropped; one without a score always is.

    Returns
    -------
    Results
        Each trial as it was last run.

    Raises
    ------
    ValueError
        As `run` does, and for budgets out of range.
    """
    require_search("median_stopping", objective, trials, mode)
    require_count("median_stopping", "budget", budget)
    require_count("median_stopping", "max_budget", max_budget, least=budget)
    require_count("median_stopping", "grace_period", grace_period)
    scores: dict[int, list[float]] = {trial.number: [] for trial in trials}
    best = min if mode == "min" else max

    def not_worse(outcomes: list[Outcome]) -> list[int]:
        scored = [outcome for outcome in outcomes if not math.isnan(outcome.score)]
        for outcome in scored:
            scores[outcome.number].append(outcome.score)
        numbers = [outcome.number for outcome in scored]
        if not scored or (scored[0].budget or 0) < grace_period:
            return numbers
        middle = statistics.median(statistics.fmean(scores[number]) for number in numbers)
        bests = {number: best(scores[number]) for number in numbers}
        return [number for number in numbers if best(bests[number], middle) == bests[number]]

    given = [*range(budget, max_budget, budget), max_budget]
    options = {"budget": budget, "max_budget": max_budget, "grace_period": grace_period}
    with Journal(journal, trials, mode, **options) as kept:
        return staged(objective, trials, given, not_worse, mode, executor, kept)


def staged(
    objective: Objective,
    trials: Sequence[Trial],
    budgets: Iterable[int],
    keep: Keep,
    mode: str,
    executor: Executor | None,
    journal: Journal,
) -> Results:
    """Run all trials up to the first budget, those that are kept up to the next, and so on."""
    left, stages = list(trials), list[Outcome]()
    for budget in budgets:
        outcomes = finished(objective, [replace(trial, budget=budget) for trial in left], executor, journal)
        stages += outcomes
        kept = keep(outcomes)
        left = [trial for trial in left if trial.number in kept]
        if not left:
            break
    last = {outcome.number: outcome for outcome in stages}
    return Results([last[trial.number] for trial in trials], mode, stages)


def finished(
    objective: Objective, trials: Sequence[Trial], executor: Executor | None, journal: Journal
) -> list[Outcome]:
    """The outcome of each trial: from the journal, or of a run, which is then put there."""
    waiting = [trial for trial in trials if journal.of(trial.number, trial.budget) is None]
    if executor is None:
        for trial in waiting:
            journal.add(tried(objective, trial))
    else:
        futures = [executor.submit(tried, objective, trial) for trial in waiting]
        try:
            for future in as_completed(futures):
                journal.add(future.result())
        except Exception as error:  # none of the objective's, which `tried` keeps
            raise RuntimeError(
                f"search: the executor failed: {error}; for processes, the objective must be a function of a module"
            ) from error
        finally:
            for future in futures:
                future.cancel()
    return [journal.known[trial.number, trial.budget] for trial in trials]


def tried(objective: Objective, trial: Trial) -> Outcome:
    """What comes of a trial."""
    started = time.perf_counter()
    score, error = math.nan, None
    try:
        given = objective(trial)
        score = float(given.item() if hasattr(given, "item") else given)
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    seconds = round(time.perf_counter() - started, 3)
    return Outcome(trial.number, trial.params, trial.budget, score, seconds, error)


def is_distribution(values: Any) -> bool:
    """Whether values are drawn, as scipy.stats draws."""
    return hasattr(values, "rvs")


def checked(name: str, space: Any) -> dict[str, Any]:
    """A space, if each name has a list that is not empty, or a distribution; else TypeError or ValueError."""
    if not isinstance(space, Mapping) or not space:
        raise ValueError(f"{name}: expected a dict of lists or distributions by name, got {space!r}")
    for parameter, values in space.items():
        if isinstance(values, type) or not is_distribution(values) and not is_list(values):
            raise TypeError(
                f"{name}: {parameter} is {values!r}; expected a list of values, or a distribution of scipy.stats such "
                "as loguniform(1e-4, 1e-1)"
            )
        if not is_distribution(values) and not len(values):
            raise ValueError(f"{name}: {parameter} has no values")
    return {name: values.tolist() if isinstance(values, np.ndarray) else values for name, values in space.items()}


def is_list(values: Any) -> bool:
    """Whether values stand one beside the other."""
    return isinstance(values, (Sequence, np.ndarray)) and not isinstance(values, (str, bytes))


def seed_of(name: str, seed: Any) -> int:
    """A seed as an int."""
    return require_count(name, "seed", seed, least=0)


def require_search(name: str, objective: Any, trials: Sequence[Trial], mode: str) -> None:
    """Raise TypeError or ValueError unless there is something to search."""
    if not callable(objective):
        raise TypeError(f"{name}: objective must be a function of a trial, got {type(objective).__name__}")
    if mode not in MODES:
        raise ValueError(f"{name}: mode must be 'min' or 'max', got {mode!r}")
    if isinstance(trials, Mapping) or not len(trials) or not all(isinstance(trial, Trial) for trial in trials):
        raise ValueError(f"{name}: expected trials, as grid(space) or sample(space, n) gives them, got {trials!r}")
