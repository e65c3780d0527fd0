"""The map of the course: which lesson stands on which."""

from __future__ import annotations

import re

from docs import drawing
from docs.markdown import section
from minidl.learn import course

ROW = re.compile(r"^\| (\d\d) [^|]*\| \d+ \| ([^|]*) \|", re.M)


def picture() -> str:
    """The lessons as SVG, each below those that it needs, as the teacher's page lists them."""
    needs = {
        number: set(re.findall(r"\d\d", after))
        for number, after in ROW.findall(section("lessons/TEACHING.md", "The lessons"))
    }
    boxes = {
        script.number: drawing.Box(
            f"{script.number} · {script.minutes} min", script.title, f"lessons/{script.path.stem}.html"
        )
        for script in course.scripts()
        if script.number in needs
    }
    known = {number: needs[number] & boxes.keys() for number in boxes}
    return drawing.graph(boxes, known, f"{len(boxes)} lessons, each below those that it needs", downward=True)


def listed() -> str:
    """The lessons with their minutes and exercises."""
    rows = []
    for script in course.scripts():
        exercises = sum(len(step.exercises) for step in script.steps)
        link = f"[{script.number} · {script.title}](lessons/{script.path.name})"
        rows.append(f"| {link} | {script.minutes} | {exercises} |")
    return "| lesson | minutes | exercises |\n|---|---|---|\n" + "\n".join(rows) + "\n"
