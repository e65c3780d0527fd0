"""What is said of what a learner wrote, to the letter."""

import numpy as np
import pytest

import minidl as md
from minidl.learn import checks
from minidl.learn.exercise import Exercise, call
from minidl.learn.judge import Raised, alike, described, difference, judge, shown


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
    assert judge(declared(), lambda x: x * 2.0).number == declared().number


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


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda z: z * np.nan, "Returned nan at [0, 0], expected 0."),
        (lambda z: np.where(z == 6, np.nan, z), "Returned nan at [0, 3], expected 6."),
        (lambda z: np.where(z == 6, np.inf, z), "Returned inf at [0, 3], expected 6."),
        (lambda z: z * (1 + 2e-6), "Returned 22.000044 at [2, 3], expected 22."),
        (lambda z: z.astype(str), "Returned 3×4 of <U32, expected 3×4."),
        (lambda z: (z + (z == 6)).tolist(), "Returned 7 at [0, 3], expected 6."),
        (lambda z: z.tolist()[:2], "Returned the shape 2×4, expected 3×4."),
        (lambda z: [[1.0], 2.0], "Returned [[1], 2], expected 3×4."),
        (lambda z: [None], "Returned [None], expected 3×4."),
    ],
    ids=["NaN", "a NaN", "an inf", "by little", "text", "list", "short list", "ragged list", "list of None"],
)
def test_an_array_that_differs(change, text):
    def off(x):
        return change(2 * x) if np.ndim(x) else 2 * x

    assert said(off) == ("failed", f"Called off(3×4). {text}")


def test_equal_infinities_and_nans_are_equal():
    exercise = declared()
    exercise.oracle = lambda x: np.array([np.inf, np.nan] + 8 * [1.0])
    assert judge(exercise, lambda x: np.array([np.inf, np.nan] + 8 * [1.0])).state == "passed"
    text = judge(exercise, lambda x: np.array([np.inf, np.nan] + 7 * [1.0] + [3.0])).text
    assert text.endswith("Returned 3 at [9], expected 1.")


def test_of_named_results_the_one_that_differs():
    exercise = declared()
    exercise.oracle = lambda x: {"size": 3, "shape of the whole": [1, 2]}
    assert judge(exercise, lambda x: {"size": 3, "shape of the whole": [1, 2]}).state == "passed"
    text = judge(exercise, lambda x: {"size": 3, "shape of the whole": [1, 5]}).text
    assert text.endswith(". The shape of the whole: Returned [1, 5], expected [1, 2].")
    text = judge(exercise, lambda x: {"size": 3}).text
    assert text.endswith("Returned {'size': 3}, expected {'size': 3, 'shape of the whole': [1, 2]}.")
    assert judge(exercise, lambda x: [3, [1, 2]]).state == "failed"


def test_of_several_results_the_one_that_differs():
    exercise = declared()
    exercise.oracle = lambda x: (np.zeros(9), np.ones(9), 5)
    assert judge(exercise, lambda x: (np.zeros(9), np.zeros(9), 5)).text == (
        "Called <lambda>(3). Of 3 results, number 2: Returned 0 at [0], expected 1."
    )
    assert judge(exercise, lambda x: (np.zeros(9), np.ones(9), 6)).text == (
        "Called <lambda>(3). Returned (9, 9, 6), expected (9, 9, 5)."
    )
    exercise.oracle = lambda x: (3, 1)
    assert judge(exercise, lambda x: [4]).text == "Called <lambda>(3). Returned [4], expected (3, 1)."
    assert judge(exercise, lambda x: (4,)).text == "Called <lambda>(3). Returned (4,), expected (3, 1)."


def test_float32_is_held_to_its_own_digits():
    assert said(lambda x: np.float32(2) * np.asarray(x, np.float32) / np.float32(3) * np.float32(3), rtol=1e-9)[0] == (
        "passed"
    )
    assert said(lambda x: 2 * np.asarray(x, np.float32) + np.float32(1e-3))[0] == "failed"


def test_tensors_of_pytorch():
    class Theirs:
        """What PyTorch's tensors do that require grad."""

        def __init__(self, array):
            self.array = array

        def __array__(self):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")

        detach = cpu = lambda self: self
        numpy = lambda self: self.array  # noqa: E731

    assert said(lambda x: Theirs(np.asarray(2 * x)))[0] == "passed"


def test_an_exception():
    def raising(x):
        raise KeyError("no")

    assert said(raising)[1] == "Called raising(3). Raised KeyError: 'no'."


def test_an_array_where_something_else_is_due():
    exercise = declared()
    exercise.oracle = lambda x: (None, "two")
    assert judge(exercise, lambda x: (np.ones(3), "two")).state == "failed"
    assert judge(exercise, lambda x: (None, np.array(["two", "three"]))).state == "failed"
    assert judge(exercise, lambda x: (None, "two")).state == "passed"


def test_nothing_returned():
    def nothing(x):
        2 * x

    assert said(nothing)[1] == "Called nothing(3). Returned None, expected 6: is a return missing?"


@pytest.mark.parametrize(
    "candidate, text",
    [
        (3, "Expected a function or a class, got 3."),
        (2 / 3, "Expected a function or a class, got 0.666667."),
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


def test_only_what_is_used_is_forbidden_all_of_it_in_order():
    def twofold(x):
        return np.subtract(np.add(x, np.abs(x)), np.abs(x)) + x

    assert said(lambda x: 2 * x, forbidden=["add"])[0] == "passed"
    text = "It uses abs, add, subtract, which is what it shall do itself."
    assert said(twofold, forbidden=["subtract", "abs", "divide", "add"]) == ("failed", text)


def helper(x):
    return doubled(x, x)


doubled = np.add


def test_what_a_helper_does_is_forbidden_too():
    assert said(lambda x: helper(x))[0] == "passed"
    assert said(lambda x: helper(x), forbidden=["add"]) == ("failed", "It uses add, which is what it shall do itself.")


def test_the_methods_of_a_class_are_looked_through():
    class Mine:
        step = 3

        def __new__(cls, x):
            return doubled(x, x)

    assert said(Mine)[0] == "passed"
    assert said(Mine, forbidden=["doubled"])[0] == "failed"


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


def test_options_and_what_the_oracle_gets_are_copies():
    exercise = declared()
    exercise.generate = lambda: iter([call([1.0, 2.0], more=[3.0])])

    def growing(x, more):
        x += more
        more.clear()
        return x

    exercise.oracle = growing
    assert judge(exercise, growing).text == "Passed, 1 call."
    text = "Called <lambda>([1, 2], more=[3]). Returned [1, 2], expected [1, 2, 3]."
    assert judge(exercise, lambda x, more: x).text == text


def test_float32_is_held_to_five_digits():
    exercise = declared(rtol=0, atol=0)
    for value, due, state in (
        (1 + 5e-6, 1.0, "passed"),
        (1 + 3e-5, 1.0, "failed"),
        (5e-7, 0.0, "passed"),
        (5e-6, 0.0, "failed"),
    ):
        exercise.oracle = lambda x, due=due: np.array([due])
        assert judge(exercise, lambda x, value=value: np.array([value], np.float32)).state == state
        assert judge(exercise, lambda x, value=value: np.array([value])).state == "failed"


def test_named_numbers_have_their_tolerance():
    exercise = declared()
    exercise.oracle = lambda x: {"third": 1 / 3}
    assert judge(exercise, lambda x: {"third": 1 / 3 + 1e-9}).state == "passed"
    assert judge(exercise, lambda x: {"third": 1 / 3 + 1e-3}).state == "failed"


def test_a_text_is_no_tuple_of_its_letters():
    exercise = declared()
    exercise.oracle = lambda x: ("a", "b")
    assert judge(exercise, lambda x: "ab").state == "failed"


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


def test_hints_and_solutions_are_shown_as_they_are():
    hint, solution = checks.hint("01.1"), checks.solution("01.2")
    assert repr(hint) == str(hint) and repr(solution) == str(solution) and "\n" in repr(solution)
    assert solution._repr_markdown_() == f"```python\n{solution}\n```"


def test_the_courses_own_solution_does_not_pass(monkeypatch, capsys):
    monkeypatch.setattr(checks, "verdicts", {})
    checks.check("01.2", checks.exercise("01.2").answer)
    assert capsys.readouterr().out.endswith(": That is the course's own; write yours.\n")
    assert checks.verdicts["01.2"].state == "failed"


def test_an_exercise_that_is_not_there():
    with pytest.raises(ValueError, match="no exercise '01.9'; lesson 01 has 01.1, 01.2, 01.3"):
        checks.check("01.9", print)
    with pytest.raises(ValueError, match="no exercise '98.1'; lesson 98 has none"):
        checks.hint("98.1")
    with pytest.raises(ValueError, match="no exercise 1.1; lesson 01 has 01.1, 01.2, 01.3"):
        checks.hint(1.1)


@pytest.mark.parametrize(
    "value, text",
    [
        (np.arange(8.0), "[0., 1., 2., 3., 4., 5., 6., 7.]"),
        (np.arange(9.0), "9"),
        (np.array([[1 / 3, 1.0], [2.0, 3.0]]), "[[0.3333, 1.    ], [2.    , 3.    ]]"),
        (2 / 3, "0.666667"),
        ([2 / 3, "a"], "[0.666667, 'a']"),
        ((2 / 3,), "(0.666667,)"),
        (np.exp, "exp"),
        (None, "None"),
    ],
)
def test_values_in_few_words(value, text):
    assert described(value) == text


def test_calls_in_few_words():
    assert shown(call(1.5, np.ones((3, 4)), stride=2, mode="same")) == "1.5, 3×4, stride=2, mode='same'"


def test_what_is_farthest_apart_counts():
    wanted = np.array([-50.0, *range(1, 10)])
    value = wanted + [0.1, *[0.0] * 8, 3.0]
    text = "Returned 12 at [9], expected 9."
    assert difference(value, wanted, declared()) == text
    assert difference(value, wanted.astype(np.float32), declared()) == text
    value[2] = np.nan
    assert difference(value, wanted, declared()) == "Returned nan at [2], expected 2."


def test_one_that_raises_is_not_as_one_that_returns():
    exercise = declared()
    assert not alike(Raised(KeyError()), 3.0, exercise)
    assert not alike(3.0, Raised(KeyError()), exercise)
    assert alike(Raised(KeyError()), Raised(KeyError()), exercise)
    assert not alike(Raised(KeyError()), Raised(ValueError()), exercise)


def test_the_name_of_what_has_none():
    class Twice:
        def __call__(self, x):
            return 3.5 * x

    assert said(Twice())[1] == "Called Twice(3). Returned 10.5, expected 6."
