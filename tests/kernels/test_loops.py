"""Loops: compiled, kept, and left to the interpreter."""

import ast
import inspect
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import minidl as md
from minidl.backend.modes import mode
from minidl.kernels import loops
from minidl.kernels.loops import loop


@pytest.fixture(autouse=True)
def kernels_serve(monkeypatch):
    """Here and in other processes, whatever was set outside: without them no loop runs."""
    monkeypatch.setattr(mode, "fused", True)
    monkeypatch.setenv("MINIDL_FUSED", "1")


compiled = pytest.mark.skipif(not loops.installed() or not loops.COMPILED, reason="needs numba")


@loop("float64(T[::1])")
def plain_sum(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i]
    return total


@loop("float64(T[:, ::1])")
def largest_row(x):
    largest = -np.inf
    for i in range(len(x)):
        largest = max(largest, plain_sum(x[i]))
    return largest


def python(code: str, **environment: str) -> list[str]:
    """What a process of its own prints, on both streams, line by line."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=os.environ | environment, text=True, capture_output=True, check=True)
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


TRAIN = """
    import sys
    import minidl as md
    {first}
    md.manual_seed(0)
    layer = md.nn.BatchNorm2d(3)
    z = md.functional.max_pool2d(layer(md.randn(4, 3, 6, 6)), 2)
    z.backward(md.randn(z.shape))
    print(*(round(v, 4) for v in layer.weight.grad.tolist()), "numba" in sys.modules)
"""


@compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loop_calls_another_and_is_compiled_for_each_dtype(dtype, monkeypatch):
    x = np.arange(6, dtype=dtype).reshape(2, 3)
    assert largest_row(x) == 12 and np.dtype(dtype) in largest_row.dtypes
    monkeypatch.setattr(largest_row, "function", None)  # which the interpreter would have to call
    assert largest_row(x) == 12


def test_a_loop_that_is_not_compiled_is_stepped_through(monkeypatch):
    monkeypatch.setattr(loops, "COMPILED", False)
    entered = []
    sys.setprofile(lambda frame, event, _: entered.append(frame.f_code.co_name) if event == "call" else None)
    try:
        largest_row(np.ones((2, 3)))
    finally:
        sys.setprofile(None)
    assert entered.count("plain_sum") == 2


def test_when_loops_serve(monkeypatch):
    for there, wanted, expected in (
        (True, True, True),
        (True, False, True),
        (False, True, False),
        (False, False, True),
    ):
        monkeypatch.setattr(loops, "installed", lambda there=there: there)
        monkeypatch.setattr(loops, "COMPILED", wanted)
        assert loops.serve() is expected


def test_every_way_gives_the_same():
    """With numba, which nothing imports before it is needed; by the interpreter; and without numba."""
    without = "sys.modules['numba'] = None; md.kernels.loops.installed = lambda: False"
    ways = [python(TRAIN.format(first="assert 'numba' not in sys.modules"))[0]] if loops.installed() else []
    ways.append(python(TRAIN.format(first=""), MINIDL_COMPILED="0")[0])
    ways.append(python(TRAIN.format(first=without))[0])
    assert len({line.rpartition(" ")[0] for line in ways}) == 1
    if loops.installed() and loops.COMPILED:
        assert ways[0].endswith("True") and ways[1].endswith("False")


@compiled
@pytest.mark.deep
def test_what_is_compiled_is_kept_and_told_once(tmp_path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (python(TRAIN.format(first=""), **cache) for _ in range(2))
    assert first == [second[0], "minidl: compiling loops, which are kept for the next time"] and len(second) == 1


@compiled
def test_where_nothing_can_be_kept_loops_are_compiled_all_the_same(monkeypatch):
    from numba.core.dispatcher import Dispatcher

    def refuse(self):
        raise RuntimeError("no locator available")

    monkeypatch.setattr(Dispatcher, "enable_caching", refuse)
    assert loop("float64(T[::1])")(plain_sum.function)(np.ones(3)) == 3
    loops.declared.pop()


LOOPS = {f"{loop.__module__}.{loop.__name__}": loop for loop in loops.declared if loop.__module__.startswith("minidl")}


@pytest.mark.parametrize("declared", LOOPS.values(), ids=LOOPS)
def test_a_loop_calls_those_of_its_file_alone(declared):
    """numba compiles anew what it keeps when that file changes, not when another does."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(declared.function)))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = [declared.function.__globals__.get(name) for name in used]
    assert all(f.__module__ == declared.__module__ for f in found if isinstance(f, loops.Loop))


@compiled
def test_networks_ask_for_no_other_layout_than_is_declared():
    """Or else numba would compile another form, without a word."""
    before = {loop: len(loop.dispatcher.signatures) for loop in loops.declared if loop.dtypes}  # other tests may ask
    for channels_last in (True, False):
        x = md.randn(4, 8, 8, 3).permute(0, 3, 1, 2) if channels_last else md.randn(4, 3, 8, 8)
        norm = md.nn.BatchNorm2d(3)
        md.functional.max_pool2d(norm(x).relu(), 2).sum().backward()
        md.nn.Sequential(norm, md.nn.ReLU(), md.nn.MaxPool2d(2))(x).mean().backward()
    for groups, channels, kernel in ((1, 16, 3), (1, 16, 2), (16, 16, 3), (16, 32, 3)):  # Winograd, columns, depthwise
        x = np.ones((9, 8, 8, 16), np.float32)
        g, bias = np.ones((9, 9 - kernel, 9 - kernel, channels), np.float32), np.ones(2 * channels, np.float32)[::2]
        x, g, bias = (a.view() for a in (x, g, bias))
        for array in (x, g, bias):
            array.flags.writeable = False
        weight = md.randn(channels, 16 // groups, kernel, kernel, requires_grad=True)
        image = md.Tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
        z = md.functional.conv2d(image, weight, md.Tensor(bias, requires_grad=True), groups=groups)
        z.backward(md.Tensor(g.transpose(0, 3, 1, 2)))
        (image + image).relu().backward(image.detach())
    md.functional.layer_norm(md.randn(2, 3), (3,), eps=1)
    used = [loop for loop in loops.declared if loop.dtypes]
    assert used and all(len(loop.dispatcher.signatures) == before.get(loop, len(loop.dtypes)) for loop in used)


@compiled
def test_the_same_bits_on_any_number_of_threads():
    results, before = [], md.get_num_threads()
    try:
        for threads in (1, 2, 3):
            md.set_num_threads(threads)
            md.manual_seed(0)
            x = md.randn(32, 8, 24, 24, requires_grad=True)
            z = md.functional.max_pool2d(md.nn.BatchNorm2d(8)(x), 2)
            z.backward(md.randn(z.shape))
            results.append((z.detach().numpy().tobytes(), x.grad.numpy().tobytes()))
    finally:
        md.set_num_threads(before)
    assert len(set(results)) == 1
