"""A lesson, step by step: read, predict, run, look inside, write, go on; and come back later where one has left."""

from __future__ import annotations

import code
import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minidl.engine.core import Tensor
from minidl.learn import checks
from minidl.learn.course import Cell, Script, Step, opened
from minidl.learn.learner import Learner
from minidl.learn.lesson import Lesson
from minidl.learn.screen import Screen
from minidl.learn.walking import stroll
from minidl.nn import Module
from minidl.nn.utils import get_total_norm
from minidl.viz import backward, graph, sketch

EDITORS = ("nano", "vi")  # that take "+53" for a line, the easier one first


class Stepper:
    """A learner at a lesson.

    Parameters
    ----------
    lesson : Script
        Which one; the learner's own copy of it is run.
    learner : Learner
    screen : Screen
    """

    def __init__(self, lesson: Script, learner: Learner, screen: Screen) -> None:
        self.learner, self.screen = learner, screen
        self.script = learner.copy(lesson)
        self.steps = self.script.steps
        self.state = learner.of(lesson.number)
        checks.hints_given.update(self.state["hints"])
        self.here, self.at = 0, 0  # the step, and the part of it
        self.ran = False  # what stands here
        self.seconds: dict[int, float] = {}  # that the parts of the step have taken
        self.keys: dict[str, tuple[str, Callable[[], None]]] = {
            "r": ("run again", self.run),
            "v": ("variables", self.variables),
            "g": ("graph", self.graph),
            "b": ("backward", self.backward),
            "p": ("prompt", self.prompt),
            "e": ("edit", self.edit),
            "h": ("hint", self.hint),
            "s": ("solution", self.solution),
        }

    @property
    def step(self) -> Step:
        """Where the learner stands."""
        return self.steps[self.here]

    @property
    def part(self) -> list[Cell]:
        """Of it, where the learner stands: what is told, and the code."""
        return self.step.parts[self.at]

    def go(self) -> None:
        """From where the learner left, to the end of the lesson, or until they quit."""
        main, arguments = sys.modules["__main__"], sys.argv
        sys.argv = [str(self.script.path)]
        self.renew()
        try:
            self.resume()
            self.begin()
            while self.turn():
                pass
        finally:
            sys.modules["__main__"], sys.argv = main, arguments
        self.screen.say(
            f"You stand at step {self.here} of {len(self.steps) - 1}; minidl learn {self.script.number} goes on."
        )

    def renew(self) -> None:
        """A namespace in which nothing has run."""
        self.module = ModuleType("__main__")
        self.module.__file__ = str(self.script.path)
        sys.modules["__main__"] = self.module

    def resume(self) -> None:
        """Run the steps before the one where the learner left, in silence: nothing of them is kept but the place.

        Where that is the last one, the first of which an exercise is left.
        """
        left = min(self.state["step"], len(self.steps) - 1)
        if left == len(self.steps) - 1:
            left = next((place for place, step in enumerate(self.steps) if self.open(step)), left)
        if left == 0:
            return
        seconds = sum(self.state["seconds"].get(str(step.number), 0) for step in self.steps[:left])
        before = {1: "the beginning", 2: "step 1"}.get(left, f"steps 1 to {left - 1}")
        self.screen.say(f"Running {before} again, which took {seconds:.0f} s; Ctrl-C begins at the first.", "dim")
        while self.here < left:
            if not self.execute(self.step.cells, aloud=False):
                self.here = 0
                self.renew()
                return
            self.here += 1

    def begin(self) -> None:
        """Show the first part of the step, and ask for a prediction where it wants one: the answer comes later."""
        self.at = 0
        self.seconds.clear()
        self.read()
        number = str(self.step.number)
        asks = self.step.asks and number not in self.state["predictions"]
        if asks and (said := self.screen.ask("Your prediction: ")):
            self.state["predictions"][number] = said
            self.keep()

    def read(self) -> None:
        """Show where the learner stands."""
        self.ran = False
        for cell in self.part:
            self.show(cell)

    def show(self, cell: Cell) -> None:
        """Show a cell, and what its exercises are."""
        if cell.prose:
            self.screen.prose(cell.source)
        else:
            self.screen.code(cell.source, cell.line)
        for exercise in cell.exercises:
            asked = checks.exercise(exercise)
            effort = "★" * asked.difficulty
            self.screen.say(f"Exercise {exercise}, {asked.title}: {asked.minutes} minutes, {effort}. {asked.purpose}")

    def turn(self) -> bool:
        """Ask for a key, and do what it says; False where the lesson is left."""
        keys = {key: what for key, (what, _) in self.keys.items() if key not in "hs" or self.exercises}
        enter = "next" if self.ran or not self.has_code else "run"
        menu = " · ".join([f"Enter {enter}", *(f"{key} {what}" for key, what in keys.items()), "a back", "q quit"])
        pressed = self.screen.key(menu, ["\n", "n", "a", "q", *keys])
        if pressed == "q":
            return False
        if pressed == "a":
            self.move(0 if self.at else -1)
        elif pressed in ("\n", "n"):
            if self.has_code and not self.ran and pressed == "\n":
                self.run()
            else:
                return self.onward()
        else:
            self.keys[pressed][1]()
        return True

    @property
    def exercises(self) -> list[str]:
        """The exercises of the step that the learner has seen."""
        return [number for part in self.step.parts[: self.at + 1] for cell in part for number in cell.exercises]

    @property
    def has_code(self) -> bool:
        """Whether there is anything to run."""
        return any(not cell.prose for cell in self.part)

    def onward(self) -> bool:
        """Go to the next part, or to the next step; False at the end of the lesson."""
        if self.at + 1 == len(self.step.parts):
            return self.move(1)
        self.at += 1
        self.read()
        return True

    def move(self, by: int) -> bool:
        """Go to another step, 0 being this one from its first part; False at the end of the lesson."""
        if self.here + by >= len(self.steps):
            self.screen.say("That was the lesson.", "bold")
            if left := [number for step in self.steps for number in self.open(step)]:
                self.screen.say(f"Left to write: {', '.join(left)}.")
            return False
        self.here = max(0, self.here + by)
        self.state["step"] = self.here
        self.state["farthest"] = max(self.state["farthest"], self.here)
        self.keep()
        self.begin()
        return True

    def open(self, step: Step) -> list[str]:
        """The exercises of a step that have not passed."""
        return [number for number in step.exercises if self.state["exercises"].get(number) != "passed"]

    def keep(self) -> None:
        """Write down how far the learner has come."""
        self.learner.keep(self.script.number, self.state)

    # --- what the keys do ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run the part as it is written now, and show what was predicted beside what came out."""
        shown = self.part
        self.renew_script()
        if self.part != shown:
            self.read()
        self.screen.say("Running; Ctrl-C stops it.", "dim")
        started = time.perf_counter()
        if not self.execute(self.part):
            return
        self.ran = True
        self.seconds[self.at] = time.perf_counter() - started
        self.state["seconds"][str(self.step.number)] = round(sum(self.seconds.values()), 2)
        prediction = self.state["predictions"].get(str(self.step.number))
        if prediction and self.at == self.step.answering:
            self.screen.say(f"You predicted: {prediction}", "bold")
        for exercise in self.step.exercises:
            if exercise in checks.verdicts:
                self.state["exercises"][exercise] = checks.verdicts[exercise].state
        if any(cell.exercises for cell in self.part) and set(self.open(self.step)) & set(self.exercises):
            self.screen.say(f"Write it into {self.script.path}: e opens it in your editor, or use any other.", "dim")
            self.screen.say("r runs it again, h gives a hint; Enter leaves it.", "dim")
        self.keep()

    def execute(self, cells: list[Cell], aloud: bool = True) -> bool:
        """Run the code among some cells, and show what it prints and draws, if `aloud`.

        False where it was stopped, or raised what is then shown.
        """
        shown = len(self.pictures())
        try:
            with contextlib.nullcontext() if aloud else contextlib.redirect_stdout(io.StringIO()):
                for cell in cells:
                    if not cell.prose:
                        source = "\n" * (cell.line - 1) + cell.source
                        exec(compile(source, str(self.script.path), "exec"), vars(self.module))
        except KeyboardInterrupt:
            self.screen.say("stopped; r runs it again", "bold")
            return False
        except (Exception, SystemExit) as error:
            own = [
                frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(self.script.path)
            ]
            self.screen.say("".join(traceback.format_list(own)) + f"{type(error).__name__}: {error}", "red")
            return False
        for path in self.pictures()[shown:] if aloud else ():
            self.screen.picture(path)
        return True

    def pictures(self) -> list[Any]:
        """The pictures that the lesson has saved so far."""
        return [path for value in vars(self.module).values() if isinstance(value, Lesson) for path in value.pictures]

    def variables(self) -> None:
        """Show the tensors, networks and numbers of the lesson, a line each; |grad| is the norm of a gradient."""
        rows = []
        for name, value in vars(self.module).items():
            if isinstance(value, Tensor):
                rows.append((name, sketch(value) + slope(value)))
            elif isinstance(value, np.ndarray):
                rows.append((name, sketch(value)))
            elif isinstance(value, Module):
                learnt = list(value.parameters())
                count = sum(p.numel() for p in learnt)
                rows.append((name, f"{type(value).__name__}, {count:,} parameters{slope(*learnt)}"))
            elif not name.startswith("_") and isinstance(value, (int, float, str, list, tuple, dict, np.generic)):
                with np.printoptions(legacy="1.25"):  # in a list, too, NumPy's numbers look like Python's
                    text = repr(value)
                rows.append((name, " ".join(text.split())[: self.screen.console.width - 24]))
            elif type(value).__module__ == self.module.__name__ and hasattr(value, "__dict__"):
                rows.append((name, "  ".join([type(value).__name__, *attributes(value)])))
        self.screen.table(("name", "value"), rows)

    def recorded(self) -> list[str]:
        """The names of tensors that know how they were computed, the newest first."""
        found = [
            name for name, value in vars(self.module).items() if isinstance(value, Tensor) and value.node is not None
        ]
        return found[::-1]

    def network(self) -> Module | None:
        """The newest network of the lesson, whose parameters are called by their names."""
        return next((value for value in reversed(vars(self.module).values()) if isinstance(value, Module)), None)

    def chosen(self) -> Tensor | None:
        """The tensor that the learner names, by default the newest that knows how it was computed."""
        names = self.recorded()
        if not names:
            self.screen.say(
                "No tensor with a name was computed from one that requires grad; at the prompt, p, you can make one."
            )
            return None
        name = self.screen.ask(f"Of which tensor: {', '.join(names)}? Enter: {names[0]}. ") or names[0]
        if name not in names:
            self.screen.say(f"{name} is none of {', '.join(names)}")
            return None
        return vars(self.module)[name]

    def graph(self) -> None:
        """Show how a tensor was computed."""
        tensor = self.chosen()
        if tensor is not None:
            try:
                self.screen.say(str(graph(tensor, self.network())))
            except RuntimeError as error:
                self.screen.say(str(error))

    def backward(self) -> None:
        """Walk back from a tensor, standing at each op."""
        tensor = self.chosen()
        if tensor is None:
            return
        if tensor.numel() > 1:
            self.screen.say(f"From the sum of its {tensor.numel()} numbers, since a walk begins at one.")
            tensor = tensor.sum()
        try:
            steps = backward(tensor, network=self.network())
        except RuntimeError as error:
            self.screen.say(str(error))
            return
        stroll(steps, self.screen)

    def prompt(self) -> None:
        """A Python prompt among the names of the lesson."""
        with contextlib.suppress(SystemExit):
            code.interact("Ctrl-D leaves the prompt.", local=vars(self.module), exitmsg="")

    def edit(self) -> None:
        """Open the learner's copy in the editor, and read it anew."""
        command = editor(self.script.path, self.part[-1].line if self.part else 1)
        if command[0] == "vi":
            self.screen.ask("In vi, i begins to write; Esc, then :wq and Enter, saves and leaves. Enter opens it. ")
        try:
            subprocess.run(command, check=False)
        except FileNotFoundError:
            self.screen.say(
                f"No editor {command[0]}; the environment variable EDITOR names one. The file: {self.script.path}"
            )
            return
        self.renew_script()
        self.read()

    def renew_script(self) -> None:
        """Read the learner's copy anew, whoever has written into it."""
        self.script = opened(self.script.path)
        self.steps = self.script.steps
        self.here = min(self.here, len(self.steps) - 1)
        self.at = min(self.at, len(self.step.parts) - 1)

    def hint(self) -> None:
        """Show the next hint to each exercise of the step."""
        for exercise in self.exercises:
            self.screen.say(f"{exercise} {checks.hint(exercise)}")
            self.state["hints"][exercise] = checks.hints_given[exercise]
        self.keep()

    def solution(self) -> None:
        """Show the solutions of the step's exercises, asking first where one has not passed."""
        for exercise in self.exercises:
            passed = self.state["exercises"].get(exercise) == "passed"
            if passed or self.screen.ask(f"Show the solution of {exercise}? y or Enter for no: ") == "y":
                self.screen.code(checks.solution(exercise), 1)


def slope(*tensors: Tensor) -> str:
    """How long the gradients of some tensors are, as one vector, where there are any."""
    gradients = [tensor.grad for tensor in tensors if tensor.grad is not None]
    return f"  |grad| {get_total_norm(gradients).item():.3g}" if gradients else ""


def attributes(value: Any) -> list[str]:
    """The numbers and arrays that an object of the lesson's own keeps, each by its name."""
    known = {name: one for name, one in vars(value).items() if isinstance(one, (int, float, np.generic, np.ndarray))}
    return [f"{name} {sketch(np.asarray(one)) if np.ndim(one) else f'{one:g}'}" for name, one in known.items()]


def editor(path: Path, line: int) -> list[str]:
    """The command that opens a file at a line, where it is known how, in the learner's editor, else in what is here."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    command = shlex.split(named) if named else [next(filter(shutil.which, EDITORS), EDITORS[0])]
    name = Path(command[0]).stem
    if name in ("code", "codium", "cursor"):
        return [*command, "--goto", f"{path}:{line}"]
    return [*command, *([f"+{line}"] if name in (*EDITORS, "vim", "nvim", "emacs", "emacsclient") else []), str(path)]
