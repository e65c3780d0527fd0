"""Every exercise: the solution passes, the stub does not, misconceptions are told by name, and no mutant passes."""

import re
from pathlib import Path

import pytest
from exercises import broken, planted

import minidl as md
import minidl.functional as F
from minidl.learn import checks, course
from minidl.learn.judge import judge

EXERCISES = {
    number: exercise for script in course.scripts() for number, exercise in checks.exercises(script.number).items()
}


OF_EACH_LESSON = [pytest.param(number, marks=() if number.endswith(".2") else pytest.mark.deep) for number in EXERCISES]


@pytest.fixture(params=EXERCISES)
def exercise(request):
    return EXERCISES[request.param]


def test_every_exercise_is_in_its_lesson_and_every_check_has_one():
    checked = [number for script in course.scripts() for step in script.steps for number in step.exercises]
    assert sorted(checked) == sorted(EXERCISES)


def test_the_solution_passes(exercise):
    verdict = judge(exercise, exercise.answer)
    assert verdict.state == "passed", verdict.text


def test_each_wrong_version_is_told_by_its_name(exercise):
    assert len(exercise.wrongs) >= 3
    for name, version in exercise.wrongs.items():
        verdict = judge(exercise, version)
        assert verdict.state == "failed"
        assert verdict.text.endswith(f"That is what comes out if {name}."), verdict.text


def test_the_stub_does_not_pass(exercise):
    """It is taken from the lesson itself: all that defines the name which is checked, the solution's own."""
    (cell,) = [
        cell
        for step in course.script(exercise.number[:2]).steps
        for cell in step.cells
        if f'check("{exercise.number}"' in cell.source and not cell.prose
    ]
    stubs = {}
    exec(cell.source, {"check": stubs.__setitem__})
    assert judge(exercise, stubs[exercise.number]).state == "stub"
    assert stubs[exercise.number].__name__ == exercise.answer.__name__


@pytest.mark.parametrize("exercise", OF_EACH_LESSON, indirect=True)
def test_no_mutant_of_the_solution_passes(exercise):
    found = list(planted(exercise))
    assert len(found) >= 5
    assert [change for change, noticed in found if not noticed] == []


@pytest.mark.deep
def test_there_are_as_many_mutants_as_the_readme_says():
    said = re.search(
        r"one place at a time, in\s([\d,]+) ways", (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    )
    assert sum(1 for exercise in EXERCISES.values() for _ in broken(exercise)) == int(said[1].replace(",", ""))


def test_what_works_in_place_passes():
    def momentum(p, g, v, lr=0.1, momentum=0.9):
        v *= momentum
        v += g
        p -= lr * v
        return p, v

    def adam(p, g, m, v, t, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        p -= lr * m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        return p, m, v

    for number, mine in {"04.1": momentum, "04.2": adam}.items():
        assert judge(EXERCISES[number], mine).state == "passed"
        assert judge(EXERCISES[number], EXERCISES[number].answer).state == "passed"


def test_the_library_does_not_pass():
    def score_gradient(z, labels):
        scores = md.tensor(z, requires_grad=True)
        F.cross_entropy(scores, md.tensor(labels)).backward()
        return scores.grad

    def move(running_mean, running_var, x, momentum=0.1):
        mean, var = md.tensor(running_mean), md.tensor(running_var)
        F.batch_norm(md.tensor(x), mean, var, training=True, momentum=momentum)
        return mean, var

    for number, theirs in {"02.3": score_gradient, "09.2": move}.items():
        assert judge(EXERCISES[number], theirs).text.startswith("It uses ")
