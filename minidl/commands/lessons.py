"""``minidl learn`` and ``minidl check``: the map of the course, a lesson step by step, and what a learner wrote."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from minidl.learn import checks, course
from minidl.learn.course import Script
from minidl.learn.learner import Learner
from minidl.learn.screen import Screen
from minidl.learn.stepper import Stepper

LEARN = """examples:
  minidl learn
      the map of the course; Enter goes on where you left
  minidl learn 01
      the first lesson, in a copy of your own: my-lessons/01_gradient.py"""
# Runs a script, and prints the verdicts of its exercises on a last line, however it ends.
ALONE = """
import runpy, sys
from minidl.learn import checks
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("\\n" + checks.as_json())
"""


def overview(learner: Learner) -> list[dict[str, Any]]:
    """What a map of the course says of each lesson: number, title, minutes, how far, and its exercises' states.

    The state is "new", "begun", "read" where the last step is reached while exercises are left, or "done".
    """
    progress = learner.progress()
    entries = []
    for lesson in course.scripts():
        state = progress.get(lesson.number)
        count = len(lesson.steps) - 1
        step = state["step"] if state else 0
        farthest = max(step, state["farthest"]) if state else 0
        exercises = {n: state["exercises"].get(n, "new") if state else "new" for n in checks.exercises(lesson.number)}
        passed = all(verdict == "passed" for verdict in exercises.values())
        entries.append(
            {
                "number": lesson.number,
                "title": lesson.title,
                "minutes": lesson.minutes,
                "state": "new" if state is None else "begun" if farthest < count else "done" if passed else "read",
                "step": step,
                "steps": count,
                "exercises": exercises,
                "path": str(lesson.path),
            }
        )
    return entries


def add_learn(parser: argparse.ArgumentParser) -> None:
    """What ``minidl learn`` may be told."""
    parser.epilog = LEARN
    parser.add_argument("number", nargs="?", metavar="LESSON", help="such as 06 (default: the map, and the next one)")
    parser.add_argument("--list", action="store_true", help="show the map, and ask nothing")
    parser.add_argument("--json", action="store_true", help="the map, for editors")
    parser.add_argument("--reset", action="store_true", help="begin the lesson anew, and put what you wrote aside")


def learn(asked: argparse.Namespace) -> int:
    """Step through a lesson; without a number, show the map and offer the next one."""
    learner, number = Learner(), asked.number
    if asked.json:
        print(json.dumps(overview(learner), indent=2, ensure_ascii=False))
        return 0
    screen = Screen()
    if asked.reset:
        if number is None:
            raise ValueError("learn: --reset wants the number of a lesson")
        begin_anew(course.script(number), learner, screen)
        return 0
    if number is None:
        entries = overview(learner)
        show_map(entries, screen)
        unread = [entry for entry in entries if entry["state"] in ("new", "begun")]
        following = next((entry for entry in [*unread, *entries] if entry["state"] != "done"), None)
        if asked.list or following is None:
            return 0
        place = f", step {following['step']} of {following['steps']}" if following["step"] else ""
        if screen.key(f"Enter: {following['number']} {following['title']}{place} · q quit", ["\n", "q"]) == "q":
            return 0
        number = following["number"]
    Stepper(course.script(number), learner, screen).go()
    return 0


def show_map(entries: list[dict[str, Any]], screen: Screen) -> None:
    """The lessons as a table, and how many minutes are left."""
    rows = []
    for entry in entries:
        passed = sum(state == "passed" for state in entry["exercises"].values())
        far = {"new": "", "begun": f"step {entry['step']} of {entry['steps']}"}.get(entry["state"], entry["state"])
        exercises = f"{passed} of {len(entry['exercises'])}" if entry["exercises"] else ""
        rows.append((entry["number"], entry["title"], f"{entry['minutes']}", far, exercises))
    screen.table(("", "lesson", "minutes", "so far", "exercises"), rows)
    unread = [entry for entry in entries if entry["state"] in ("new", "begun")]
    left = sum(entry["minutes"] * (1 - entry["step"] / max(1, entry["steps"])) for entry in unread)
    screen.say(f"{left:.0f} minutes left. minidl learn NN steps through one of them.")


def begin_anew(lesson: Script, learner: Learner, screen: Screen) -> None:
    """Forget how far a lesson has come, having asked; the learner's copy is kept under another name."""
    if screen.ask(f"Begin lesson {lesson.number} anew? y or Enter for no: ") == "y":
        backup = learner.reset(lesson)
        screen.say(f"Begun anew{f'; your copy is kept as {backup}' if backup else ''}.")


def add_check(parser: argparse.ArgumentParser) -> None:
    """What ``minidl check`` may be told."""
    parser.add_argument("number", nargs="?", metavar="LESSON", help="such as 06 (default: all that you have begun)")
    parser.add_argument("--json", action="store_true", help="for a grader")
    parser.add_argument("--timeout", type=float, default=600, help="seconds that a lesson may take (default: 600)")


def check(asked: argparse.Namespace) -> int:
    """Run the learner's copies of lessons, and say what came of the exercises: 0 where every one has passed, else 1.

    Each is run by itself, in the profile ``ci``.
    """
    learner, number = Learner(), asked.number
    begun = sorted(learner.progress()) if number is None else [course.script(number).number]
    results: dict[str, dict[str, str]] = {}
    for lesson in begun:
        states = judged(learner.copy(course.script(lesson)), asked.timeout)
        state = learner.of(lesson)
        for exercise, declared in checks.exercises(lesson).items():
            verdict = states.get(
                exercise, {"state": "failed", "text": "It was not reached: the lesson stopped before."}
            )
            results[exercise] = {"title": declared.title, **verdict}
            state["exercises"][exercise] = verdict["state"]
        learner.keep(lesson, state)
    if asked.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    else:
        for exercise, result in results.items():
            print(f"{checks.SIGNS[result['state']]} {exercise} {result['title']}: {result['text']}")
        if not results:
            print("Nothing to check yet; minidl learn begins.")
    return int(any(result["state"] != "passed" for result in results.values()))


def judged(lesson: Script, seconds: float) -> dict[str, dict[str, str]]:
    """The verdicts of a lesson's exercises, from a process of its own; of what it prints only an error is shown."""
    command = [sys.executable, "-c", ALONE, str(lesson.path)]
    environment = os.environ | {"MINIDL_PROFILE": "ci", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    told: dict[str, Any] = dict(env=environment, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8")
    try:
        done = subprocess.run(command, **told, timeout=seconds)
    except subprocess.TimeoutExpired:
        print(
            f"{lesson.path.name}: stopped after {seconds:g} s; a loop without end? --timeout allows more",
            file=sys.stderr,
        )
        return {}
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with the status {done.returncode}"]
        print(f"{lesson.path.name}: {said[-1]}", file=sys.stderr)
    last = done.stdout.splitlines()[-1:]
    return json.loads(last[0]) if last and last[0].startswith("{") else {}  # nothing comes of a process that is killed
