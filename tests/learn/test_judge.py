"""What is said of what a learner wrote, to the letter."""

import numpy as np
import pytest

import minidl as md
from minidl.learn import checks
from minidl.learn.exercise import Exercise, call
from minidl.learn.judge import judge


def declared(**options):
    """An exercise: twice a number, or an array."""
    exercise = Exercise("99.1", "twice", minutes=1, difficulty=1, purpose="", hints=["a", "b", "c"], **options)

    @exercise.solution
    def twice(x):
        return 2 * x

    @exercise.calls
    def calls():
        yield call(3.0)
        yield call(np.arange(12.0).reshape(3, 4))

    @exercise.expected
    def expected(x):
        return x + x

    @exercise.wrong("it is squared")
    def squared(x):
        return x * x

    return exercise


def said(candidate, **options):
    verdict = judge(declared(**options), candidate)
    return verdict.state, verdict.text


def test_passed():
    assert said(lambda x: x * 2.0) == ("passed", "Passed, 2 calls.")


def test_stub():
    def stub(x):
        raise NotImplementedError

    assert said(stub) == ("stub", "Not written yet.")


def test_a_number():
    def mine(x):
        return 3 * x

    assert said(mine) == ("failed", "Called mine(3). Returned 9, expected 6.") or "squared" in said(mine)[1]


def test_a_misconception_is_told_only_if_it_fits_at_every_call():
    def square(x):
        return x**2

    def thrice(x):  # 9 at 3, as the square
        return 3 * x

    assert said(square)[1] == "Called square(3). Returned 9, expected 6. That is what comes out if it is squared."
    assert said(thrice)[1] == "Called thrice(3). Returned 9, expected 6."


def test_a_shape():
    def flat(x):
        return 2 * np.ravel(x) if np.ndim(x) else 2 * x

    assert said(flat)[1] == "Called flat(3×4). Returned the shape 12, expected 3×4."


def test_an_element_of_a_large_array():
    def off(x):
        z = 2 * np.asarray(x)
        if z.ndim:
            z[1, 2] += 0.5
        return z

    assert said(off)[1] == "Called off(3×4). Returned 12.5 at [1, 2], expected 12."


def test_an_exception():
    def raising(x):
        raise KeyError("no")

    assert said(raising)[1] == "Called raising(3). Raised KeyError: 'no'."


def test_nothing_returned():
    def nothing(x):
        2 * x

    assert said(nothing)[1] == "Called nothing(3). Returned None, expected 6."


@pytest.mark.parametrize(
    "candidate, text",
    [
        (3, "Expected a function or a class, got 3."),
        (md.exp, "exp is the library's own; write yours."),
        (md.nn.ReLU, "ReLU is the library's own; write yours."),
    ],
)
def test_what_is_not_the_learners(candidate, text):
    assert said(candidate) == ("failed", text)


def test_what_is_forbidden():
    def borrowed(x):
        def inner():
            return np.add(x, x)

        return inner()

    assert said(borrowed)[0] == "passed"
    assert said(borrowed, forbidden=["add"]) == ("failed", "It uses add, which is what it shall do itself.")


def test_tolerance():
    def rough(x):
        return x * 2.002

    assert said(rough)[0] == "failed"
    assert said(rough, rtol=2e-3)[0] == "passed"
    assert said(lambda x: 2 * x + 1e-3, rtol=0, atol=1.1e-3)[0] == "passed"
    assert said(lambda x: 2 * x + 1e-3, rtol=0, atol=0.9e-3)[0] == "failed"


def test_arguments_are_copies():
    def greedy(x):
        if np.ndim(x):
            x *= 2
            return x
        return 2 * x

    assert said(greedy)[0] == "passed"


def test_tuples_texts_and_tensors():
    exercise = declared()
    exercise.oracle = lambda x: (x, "a", md.tensor([1.0]))
    assert judge(exercise, lambda x: (x, "a", np.ones(1))).state == "passed"
    assert judge(exercise, lambda x: [x, "a", np.ones(1)]).state == "passed"
    assert judge(exercise, lambda x: (x, "b", np.ones(1))).state == "failed"
    assert judge(exercise, lambda x: (x, "a")).state == "failed"


def test_an_exercise_that_tries_nothing_is_refused():
    exercise = declared()
    exercise.generate = lambda: iter(())
    with pytest.raises(ValueError, match="exercise 99.1 tries nothing"):
        judge(exercise, lambda x: x)


@pytest.mark.parametrize("options", [dict(hints=["a"], difficulty=1), dict(hints=["a", "b", "c"], difficulty=4)])
def test_declarations_that_are_refused(options):
    with pytest.raises(ValueError, match="Exercise 99.1: wants three hints, and a difficulty of 1, 2 or 3"):
        Exercise("99.1", "", minutes=1, purpose="", **options)


def test_check_prints_and_remembers(capsys):
    checks.check("01.2", lambda x: 1 - x * x)
    text = "✗ 01.2 the derivative of tanh: Called <lambda>([ 0. ,  0.5, -2. ]). "
    assert capsys.readouterr().out.startswith(text)
    assert checks.verdicts["01.2"].state == "failed"
    assert '"01.2": {"state": "failed"' in checks.as_json()


def test_hints_rise(monkeypatch):
    monkeypatch.setattr(checks, "hints_given", {})
    hints = checks.exercise("01.1").hints
    assert [checks.hint("01.1") for _ in range(4)] == [f"Hint {i} of 3: {hints[i - 1]}" for i in (1, 2, 3, 3)]


def test_solution_is_source_without_decorators():
    assert checks.solution("01.2").startswith("def tanh_slope(x):\n")


def test_an_exercise_that_is_not_there():
    with pytest.raises(ValueError, match="no exercise 01.9; lesson 01 has 01.1, 01.2, 01.3"):
        checks.check("01.9", print)
    with pytest.raises(ValueError, match="no exercise 98.1; lesson 98 has none"):
        checks.hint("98.1")
