"""Gradients that are taken over as soon as they are whole."""

import numpy as np
import pytest

import minidl as md
from minidl.engine.arrivals import receive


class Record:
    """A receiver that writes down what comes when."""

    def __init__(self):
        self.events, self.takes = [], True

    def begun(self, readers, partly):
        self.read, self.partly = {leaf.name: len(nodes) for leaf, nodes in readers.items()}, partly
        return self.takes

    def arrived(self, leaf, g):
        self.events.append((leaf.name, np.asarray(getattr(g, "array", g)).tolist()))

    def finished(self):
        self.events.append("end")

    def failed(self):
        self.events.append("failed")


@pytest.fixture
def taken():
    """Leaves 1, 2, 3 with one receiver, and what it writes down."""
    record, leaves = Record(), [md.tensor(float(i), requires_grad=True) for i in (1, 2, 3)]
    for name, leaf in zip("abc", leaves, strict=True):
        leaf.name = name
        receive(leaf, record)
    return *leaves, record.events


def seen(tensor, events):
    """The tensor itself, whose gradient is an event, too."""
    out = tensor * 1
    out.register_hook(lambda g: events.append("passed"))
    return out


def test_as_soon_as_they_are_whole(taken):
    """The last that is read comes first; what is read twice comes when the oldest node has sent its part."""
    a, b, c, events = taken
    other = md.tensor(5.0, requires_grad=True)
    y = seen(a * b * other, events)
    z = seen(y * c * a, events)
    z.backward()
    assert events == ["passed", ("c", 10.0), "passed", ("a", 60.0), ("b", 15.0), "end"]
    assert a.grad is b.grad is c.grad is None and other.grad.item() == 6 * 1
    (a * other).backward()
    assert events[6:] == [("a", 5.0), "end"] and other.grad.item() == 7


def test_hooks_come_first(taken):
    a, *_, events = taken
    a.register_hook(lambda g: g * 10)
    (a * 2).backward()
    assert events == [("a", 20.0), "end"]


def test_only_backward_hands_over(taken):
    a, b, c, events = taken
    assert md.grad(a * b, a)[0].item() == 2 and not events
    (a * b).backward(inputs=[a])
    assert events == [("a", 2.0), "end"] and b.grad is None
    events.clear()
    a.backward()
    assert a.grad.item() == 1 and not events
    receive(a, None)
    (a * b).backward()
    assert a.grad.item() == 3 and events == [("b", 1.0), "end"]


@pytest.mark.filterwarnings("ignore:backward\\(create_graph=True\\)")
def test_of_second_order(taken):
    a, b, _, events = taken
    (a * a * b).backward(create_graph=True)
    assert events == [("b", 1.0), ("a", 4.0), "end"]


def test_with_kernels(taken):
    """What is served in one go, and what it unfolds into, send the same."""
    *_, events = taken
    conv = md.nn.Sequential(md.nn.Conv2d(1, 2, 3), md.nn.ReLU(), md.nn.MaxPool2d(2))
    record = Record()
    for name, p in conv.named_parameters():
        p.name = name
        receive(p, record)
    z = conv(md.ones(1, 1, 6, 6)).sum()
    list(z.backward_steps(retain_graph=True))
    steps, record.events = record.events, []
    z.backward()
    assert [e if e == "end" else e[0] for e in steps] == [e if e == "end" else e[0] for e in record.events]
    assert steps[-1] == "end" and len(steps) == 3


def test_a_receiver_knows_what_comes_and_may_decline():
    record, (a, b) = Record(), (md.tensor(float(i), requires_grad=True) for i in (2, 3))
    for name, leaf in ("a", a), ("b", b):
        leaf.name = name
        receive(leaf, record)
    (a * b * a).backward(inputs=[a])
    assert record.read == {"a": 2} and record.partly and record.events == [("a", 12.0), "end"]
    record.takes, record.events = False, []
    (a * b * a).backward()
    assert record.read == {"a": 2, "b": 1} and not record.partly
    assert not record.events and (a.grad.item(), b.grad.item()) == (12, 4)


def test_a_receiver_is_told_of_a_walk_that_fails(taken):
    a, b, _, events = taken
    y = a * 2
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (y * b).backward()
    assert events == [("b", 2.0), "failed"]
    events.clear()
    steps = (a * b).backward_steps()
    next(steps)
    steps.close()
    assert events[-1] == "failed"
