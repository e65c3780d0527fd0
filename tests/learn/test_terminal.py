"""The stepper in a real pseudo-terminal, small and large, without colour and without Unicode: started, left, killed."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest


class Terminal:
    """A process in a pseudo-terminal: `wait` for a text, `press` keys."""

    def __init__(self, folder, *arguments, size=(24, 80), **environment):
        parent, child = pty.openpty()
        os.set_blocking(parent, False)
        environment = os.environ | {"LINES": str(size[0]), "COLUMNS": str(size[1]), "TERM": "xterm"} | environment
        environment |= {"MINIDL_PROFILE": "ci", "MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "minidl", "learn", *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=child, stdout=child, stderr=child, start_new_session=True
        )
        os.close(child)
        self.end, self.text, self.seen = parent, "", 0

    def wait(self, text, seconds=60):
        until = time.monotonic() + seconds
        while text not in self.text[self.seen :]:
            assert time.monotonic() < until, f"{text!r} did not come: {self.text[self.seen :]}"
            if select.select([self.end], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.end, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        self.seen = self.text.index(text, self.seen) + len(text)

    def press(self, keys):
        os.write(self.end, keys.encode())


@pytest.mark.deep
@pytest.mark.parametrize(
    "size, environment",
    [((24, 80), {}), ((60, 200), {"NO_COLOR": "1"}), ((24, 80), {"PYTHONIOENCODING": "ascii"})],
    ids=["small", "large without colour", "without Unicode"],
)
def test_in_a_terminal(tmp_path, size, environment):
    terminal = Terminal(tmp_path, "01", size=size, **environment)
    terminal.wait("a back")
    terminal.press("\n")
    terminal.wait("Enter next")
    terminal.press("\n")
    terminal.wait("Your prediction")
    terminal.press("three\n")
    terminal.wait("Enter run")
    terminal.press("\n")
    terminal.wait("You predicted: three")
    terminal.wait("quit")
    terminal.press("\n")
    terminal.wait("Your prediction")
    terminal.press("a valley\n")
    terminal.wait("Enter run")
    terminal.press("\n")
    terminal.wait("Enter next")
    terminal.press("\n")
    terminal.wait("solution")
    terminal.press("h")
    terminal.wait("Hint 1 of 3")
    terminal.wait("quit")
    terminal.press("s")
    terminal.wait("Show the solution of 01.1?")
    terminal.press("y\n")
    terminal.wait("return")
    terminal.wait("quit")
    terminal.press("q")
    terminal.wait("You stand at step 2 of")
    assert terminal.process.wait(30) == 0
    assert bool(re.search(r"\x1b\[(\d+;)*[349][0-7]", terminal.text)) != ("NO_COLOR" in environment)
    again = Terminal(tmp_path, "01", size=size, **environment)
    again.wait("Running step 1 again")
    again.wait("Enter run")
    again.process.send_signal(signal.SIGKILL)
    again.process.wait(30)
    third = Terminal(tmp_path, size=size, **environment)
    third.wait("q quit")
    third.press("\n")
    third.wait("q quit")
    third.press("q")
    assert third.process.wait(30) == 0
    state = json.loads((tmp_path / "my-lessons" / "progress.json").read_text("utf-8"))["01"]
    assert state["predictions"] == {"1": "three", "2": "a valley"}
