"""What the keys of the stepper do: variables, graph, backward, prompt, editor, hints, solution."""

import re
import sys
from pathlib import Path

import pytest

from minidl.learn import checks
from minidl.learn.screen import Screen
from minidl.learn.stepper import editor


def test_variables(step):
    shown, _ = step("\n\n\nv", "5")
    assert "w = 2 float32  mean 1.5 ± 0.5" in shown
    assert "loss = a scalar float32  5" in shown


def test_variables_with_the_norm_of_their_gradients(step, changed):
    changed("(w * w).sum()", "(w * w).sum(); loss.backward()")
    changed("w = md", "net = md.nn.Sequential(md.nn.Linear(1, 1), md.nn.Linear(1, 1, bias=False))\nw = md")
    given = "for p, g in zip(net.parameters(), (3.0, 4.0, None)):\n    p.grad = g and md.full(p.shape, g)\n\n"
    changed("loss =", f"{given}loss =")
    lines = step("\n\n\nv", "5")[0].splitlines()
    assert "w = 2 float32  mean 1.5 ± 0.5  in [1, 2]  █▁▁▁▁▁▁▁▁▁▁█  |grad| 4.47" in lines  # of (2, 4): √20
    assert "net = Sequential, 3 parameters  |grad| 5" in lines
    assert "loss = a scalar float32  5" in lines


def test_variables_on_one_line_each(step, changed):
    changed(
        "w = md",
        "import numpy as np\nx, y, z = np.float32(0.5), [np.float64(2)], 'a\\nb'\n"
        "nets = [md.nn.Sequential(md.nn.ReLU())]\nw = md",
    )
    lines = step("\nv")[0].splitlines()
    assert {"x = 0.5", "y = [2.0]", "z = 'a\\nb'", "nets = [Sequential( (0): ReLU() )]"} <= set(lines)


def test_variables_that_are_long_private_and_networks(step, changed):
    more = "import numpy as np\n_hidden, array, far, net = 1, np.ones((2, 3)), 300 * 'x', md.nn.Linear(40, 30)\nw = md"
    changed("w = md", more)
    lines = step("\nv")[0].splitlines()
    assert "array = 2×3 float64  mean 1 ± 0  in [1, 1]  ▁▁▁▁▁▁█▁▁▁▁▁" in lines
    assert "net = Linear, 1,230 parameters" in lines
    assert f"far = '{(Screen().console.width - 25) * 'x'}" in lines
    assert "_hidden = 1" not in lines


def test_variables_of_the_lessons_own_classes(step, changed):
    pair = "class Pair:\n    def __init__(self):\n        self.data, self.of, self.grad = np.ones((2, 3)), [], 0.25\n\n"
    changed("w = md", f"import numpy as np\n\n{pair}pair = Pair()\nw = md")
    assert re.search(r"^pair = Pair  data 2×3 float64  mean 1 ± 0 .*  grad 0.25$", step("\nv")[0], re.M)


def test_backward_from_several_numbers(step, changed):
    changed("loss = (w", "squares = w * w\nloss = (w")
    shown, _ = step("\n\n\nb\n\n", "5", "squares")
    assert "Of which tensor: loss, squares? Enter: loss. " in shown
    assert "From the sum of its 2 numbers" in shown and "1 of 2 · sum" in shown and "2 of 2 · mul" in shown


def test_graph_and_backward(step):
    shown, _ = step("\n\n\ngb\nalq", "5", "", "loss")
    assert re.search(r"mul +2 +of", shown)
    assert [found[0] for found in re.finditer(r"^\d of 2 · \w+", shown, re.M)] == [
        "1 of 2 · sum",
        "2 of 2 · mul",
        "1 of 2 · sum",
        "1 of 2 · sum",
    ]
    assert "x → mul" in shown


def test_from_layer_to_layer_on_the_way_back(step, changed):
    network = "net = md.nn.Sequential(md.nn.Linear(2, 3), md.nn.Tanh(), md.nn.Linear(3, 1))\nloss = net(w[None]).sum()"
    changed("loss = (w * w).sum()", network)
    shown, _ = step("\n\n\nb\nmmmlq", "5", "loss")
    stood = re.findall(r"^(\d+) of \d+ · .*\n((?:  .*\n)*)", shown, re.M)
    layers = [re.findall(r"→ (\d)\.(?:weight|bias)$", sent, re.M) for _, sent in stood[1:]]
    assert layers == [["2"], ["0"], ["2"], ["0"], ["0"]]
    marked = re.findall(r"^→ +(\d+)  ", shown, re.M)
    assert [int(place) + 1 for place in marked] == [int(stood[-1][0])]


def test_without_layers_there_is_no_way_to_the_next(step):
    shown, _ = step("\n\n\nb\nq", "5", "loss")
    assert "m next layer" not in shown


def test_gradients_of_images_are_shown_as_pictures(step, changed):
    images = "loss = (w[:, None, None] * md.ones(2, 4, 5)).exp().sum()"
    changed("loss = (w * w).sum()", images)
    shown, _ = step("\n\n\nb\npq", "5", "loss")
    menus = [line for line in shown.splitlines() if line.startswith("Enter on")]
    assert ["p pictures" in menu for menu in menus] == [True, True, True]
    assert re.search(r"comes in: 2×4×5 float32 .*\nfacets \(4, 11, 3\)\nto x: 2×4×5", shown)


def test_a_freed_graph_is_told(step, changed):
    changed("(w * w).sum()", "(w * w).sum(); loss.backward()")
    shown, learner = step("\n\n\ngb\n", "5", "", "")
    assert shown.count("freed") == 2 and learner.of("98")["step"] == 2


def test_a_graph_has_the_names_of_the_newest_network(step, changed):
    networks = "old, new = md.nn.Linear(2, 1), md.nn.Sequential(md.nn.Linear(2, 1))\nloss = new(w).sum() + old(w)"
    changed("loss = (w * w).sum()", networks)
    shown, _ = step("\n\n\ngblq", "5", "", "")
    assert "0.weight  1×2       leaf" in shown and "y → 0.bias" in shown


def test_pictures_are_shown_when_they_are_made(step, changed):
    saved = "from minidl.learn import Lesson, plots\nlesson = Lesson('98')\nlesson.show(plots.curves([], []), 'a')\n"
    second = "lesson.show(plots.curves([], []), 'b')\nloss = (w * w).sum()"
    changed("w = md", saved + "w = md")
    changed("loss = (w * w).sum()", second)
    shown, _ = step("\n\n\n", "5")
    assert [line for line in shown.splitlines() if line.startswith("picture")] == ["picture a.png", "picture b.png"]


def test_a_prompt_among_the_names_of_the_lesson(step, monkeypatch):
    def interact(banner, local, exitmsg):
        assert (banner, exitmsg, local["w"].tolist()) == ("Ctrl-D leaves the prompt.", "", [1, 2])
        local["mine"] = 3
        raise SystemExit  # of exit()

    monkeypatch.setattr("code.interact", interact)
    assert "mine = 3" in step("\npv")[0].splitlines()


def test_graph_of_nothing_and_of_an_unknown_name(step):
    told = "No tensor with a name was computed from one that requires grad; at the prompt, p, you can make one."
    assert told in step("g")[0]
    shown, _ = step("\n\n\nb", "5", "w")
    assert "w is none of loss" in shown


def test_hints_rise_and_are_kept(step):
    shown, learner = step("nnhhh", "5")
    assert [f"98.1 Hint {i} of 3: {text}" in shown for i, text in ((1, "one"), (2, "two"), (3, "three"))] == [True] * 3
    assert learner.of("98")["hints"] == {"98.1": 3}


def test_hints_go_on_where_the_learner_left(step, monkeypatch):
    step("nnh", "5")
    monkeypatch.setattr(checks, "hints_given", {})  # as in a new process
    shown, learner = step("h")
    assert "98.1 Hint 2 of 3: two" in shown and learner.of("98")["hints"] == {"98.1": 2}


def test_hints_only_where_there_is_an_exercise(step):
    shown, _ = step("nn", "5")
    menus = [line for line in shown.splitlines() if line.startswith("Enter ")]
    assert ["h hint" in menu for menu in menus] == [False, False, True]


def test_what_to_do_with_an_exercise_is_said_until_it_passes(step, changed, tmp_path):
    shown, _ = step("\n\n\n\n\n", "5")
    assert shown.count(f"Write it into {tmp_path / 'mine' / '98_small.py'}: e opens it in your editor") == 1
    assert shown.count("r runs it again, h gives a hint; Enter leaves it.") == 1
    changed("raise NotImplementedError", "return x + x")
    assert "e opens it" not in step("\n")[0]


def test_hints_wait_for_the_exercise(step, changed):
    changed("# ## 2. Make: twice\n", "# ## 2. Make: twice\n\n# %%\nx = 1\n")
    shown, _ = step("nnnh", "5")
    menus = [line for line in shown.splitlines() if line.startswith("Enter ")]
    assert ["h hint" in menu for menu in menus] == [False, False, False, True, True]
    assert "98.1 Hint 1 of 3: one" in shown


def test_solution_asks_first(step):
    shown, _ = step("nns", "5", "")
    assert "return 2 * x" not in shown
    shown, _ = step("s", "y")
    assert "return 2 * x" in shown


def test_an_edit_is_read_anew_and_can_pass(step, monkeypatch, tmp_path, capsys):
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys; p = sys.argv[-1]; t = open(p, encoding='utf-8').read()\n"
        "open(p, 'w', encoding='utf-8').write(t.replace('raise NotImplementedError', 'return x + x'))"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    shown, learner = step("\nnne\ns", "5")
    assert "✓ 98.1 twice: Passed, 1 call." in capsys.readouterr().out
    assert learner.of("98")["exercises"] == {"98.1": "passed"}
    assert "return 2 * x" in shown  # unasked, once it has passed


def test_what_another_editor_wrote_is_shown_and_run(step, changed, monkeypatch, capsys):
    monkeypatch.setattr("code.interact", lambda *_, **__: changed("raise NotImplementedError", "return x + x"))
    shown, learner = step("\nnnprr", "5")
    assert shown.count("return x + x") == 1
    assert "✓ 98.1 twice: Passed, 1 call." in capsys.readouterr().out
    assert learner.of("98")["exercises"] == {"98.1": "passed"}


def test_the_editor_opens_what_stands_here(step, monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr("subprocess.run", lambda command, check: called.append((command, check)))
    monkeypatch.setenv("VISUAL", "vim")
    step("ene", "5")
    own = str(tmp_path / "mine" / "98_small.py")
    assert called == [(["vim", "+5", own], False), (["vim", "+14", own], False)]


@pytest.mark.parametrize(
    "environment, command",
    [
        ({"VISUAL": "emacs -T 'a b'", "EDITOR": "ed"}, ["emacs", "-T", "a b", "+7", "a.py"]),
        ({"VISUAL": "", "EDITOR": "/usr/bin/vim"}, ["/usr/bin/vim", "+7", "a.py"]),
        ({"EDITOR": "code --wait"}, ["code", "--wait", "--goto", "a.py:7"]),
        ({"EDITOR": "typewriter"}, ["typewriter", "a.py"]),
        ({"here": "nano vi"}, ["nano", "+7", "a.py"]),
        ({"here": "vi"}, ["vi", "+7", "a.py"]),
        ({"here": ""}, ["nano", "+7", "a.py"]),
    ],
)
def test_editors_open_the_line_where_it_is_known_how(monkeypatch, environment, command):
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.setenv(name, environment.get(name, ""))
    monkeypatch.setattr("shutil.which", lambda name: name if name in environment["here"].split() else None)
    assert editor(Path("a.py"), 7) == command


def test_who_gets_vi_is_told_how_to_leave_it(step, monkeypatch):
    opened = []
    monkeypatch.setattr("minidl.learn.stepper.subprocess.run", lambda command, check: opened.append(command[0]))
    for named in ("vi", "vim"):
        monkeypatch.setenv("VISUAL", named)
        assert ("Esc, then :wq and Enter, saves and leaves" in step("e", "")[0]) == (named == "vi")
    assert opened == ["vi", "vim"]


def test_no_editor(step, monkeypatch):
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert "No editor no-such-editor; the environment variable EDITOR names one." in step("e")[0]
