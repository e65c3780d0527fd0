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
    [((24, 80), {"NO_COLOR": "1"}), ((60, 200), {}), ((24, 80), {"PYTHONIOENCODING": "ascii"})],
    ids=["small without colour", "large", "without Unicode"],
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
    terminal.press("p")
    terminal.wait(">>> ")
    terminal.press("y = (3 * md.ones(2, requires_grad=True)).sum()\n")
    terminal.wait(">>> ")
    terminal.press("\x04")  # Ctrl-D
    terminal.wait("quit")
    terminal.press("b")
    terminal.wait("Of which tensor: y?")
    terminal.press("\n")
    terminal.wait("1 of 2")
    terminal.wait("leave")
    terminal.press("\n")
    terminal.wait("2 of 2")
    terminal.wait("g * x")  # its rule
    terminal.wait("leave")
    terminal.press("q")
    terminal.wait("quit")
    terminal.press("q")
    terminal.wait("You stand at step 2 of")
    assert terminal.process.wait(30) == 0
    assert bool(re.search(r"\x1b\[(\d+;)*[349][0-7]", terminal.text)) != ("NO_COLOR" in environment)
    own = tmp_path / "my-lessons" / "01_gradient.py"
    busy = 'import time; print("bu" + "sy", flush=True); time.sleep(60)'
    own.write_text(own.read_text("utf-8").replace("h = 10.0 **", f"{busy}\nh = 10.0 **"), "utf-8")
    again = Terminal(tmp_path, "01", size=size, **environment)
    again.wait("Running step 1 again")
    again.wait("Enter run")
    again.press("\n")
    again.wait("busy")
    again.process.send_signal(signal.SIGKILL)
    again.process.wait(30)
    third = Terminal(tmp_path, size=size, **environment)
    third.wait("q quit")
    third.press("\n")
    third.wait("Running step 1 again")
    third.wait("2. Predict: the smaller the step")
    third.wait("Enter run")
    third.press("q")
    third.wait("You stand at step 2 of")
    assert third.process.wait(30) == 0
    state = json.loads((tmp_path / "my-lessons" / "progress.json").read_text("utf-8"))["01"]
    assert state["predictions"] == {"1": "three", "2": "a valley"}
