"""What is a learner's own: copies of the lessons, to write into, and how far each has come.

All of it lies in one folder, ``my-lessons`` in the working folder or what the environment variable ``MINIDL_LEARN``
names. How far is a text, ``progress.json``, written beside and renamed.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from minidl.learn.course import Script, opened


def fresh() -> dict[str, Any]:
    """How far a lesson has come that was never begun: where the learner stands, the farthest step so far, and by the
    number of a step or an exercise what was predicted, how long it ran, what came of it, and how many hints were read.
    """
    return {"step": 0, "farthest": 0, "predictions": {}, "seconds": {}, "exercises": {}, "hints": {}}


class Learner:
    """A learner's folder.

    Parameters
    ----------
    folder : path, optional
        By default what ``MINIDL_LEARN`` says, else ``my-lessons``. It is made when something is written.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = Path(folder or os.environ.get("MINIDL_LEARN") or "my-lessons")
        self.file = self.folder / "progress.json"

    def progress(self) -> dict[str, dict[str, Any]]:
        """How far each lesson has come, by its number.

        Raises
        ------
        ValueError
            If the file is damaged, with its name.
        """
        if not self.file.exists():
            return {}
        try:
            known = json.loads(self.file.read_text("utf-8"))
            return {str(number): fresh() | dict(lesson) for number, lesson in known.items()}
        except (ValueError, TypeError, AttributeError):
            raise ValueError(f"learn: {self.file} is damaged; move it away to begin anew") from None

    def of(self, number: str) -> dict[str, Any]:
        """How far one lesson has come."""
        return self.progress().get(number, fresh())

    def keep(self, number: str, lesson: dict[str, Any]) -> None:
        """Write down how far a lesson has come."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        with open(part, "w", encoding="utf-8") as file:
            json.dump(self.progress() | {number: lesson}, file, indent=2, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self.file)

    def copy(self, lesson: Script) -> Script:
        """The learner's copy of a lesson, made if there is none: what is updated never touches it."""
        own = self.folder / lesson.path.name
        if not own.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(lesson.path, own)
        return opened(own)

    def reset(self, lesson: Script) -> Path | None:
        """Begin a lesson anew; returns where the learner's copy has been put, None where there was none."""
        own, backup = self.folder / lesson.path.name, None
        if own.exists():
            backup = own.with_name(f"{own.stem}.{time.strftime('%Y%m%d-%H%M%S')}.py")
            os.replace(own, backup)
        if lesson.number in self.progress():
            self.keep(lesson.number, fresh())
        return backup
