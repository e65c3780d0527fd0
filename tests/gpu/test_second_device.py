"""On the second device while the first is the current one: nothing lands there, and nothing is computed there."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
from devices import same
from gpu.test_devices import HOSTED, computed
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import DIFFERENTIABLE, OPS, SPECS, cases
from standin import standin  # noqa: F401

import minidl as md
from minidl import backend, nn, optim
from minidl import functional as F
from minidl.backend.modes import mode
from minidl.engine.op import Op
from minidl.kernels.cuda import source

pytestmark = pytest.mark.usefixtures("standin")


@pytest.fixture
def launched(standin, monkeypatch):  # noqa: F811
    """Kernels that compute nothing, of arrays on the current device: which that was, for each launch.

    What they leave as it was is zeros.
    """
    devices = []

    def launch(grid, block, arguments):
        devices.append(f"cuda:{standin.cuda.Device().id}")
        assert {backend.device_of(a) for a in arguments if backend.on_gpu(a)} <= {devices[-1]}

    module = SimpleNamespace(get_function=lambda name: launch)
    own = {"RawModule": lambda **_: module, "empty": standin.zeros, "empty_like": standin.zeros_like}
    for name, function in own.items():
        monkeypatch.setitem(vars(standin), name, function)
    monkeypatch.setattr(standin.ndarray, "data", SimpleNamespace(ptr=0), raising=False)
    monkeypatch.setattr(mode, "fused", True)
    for cached in (source.compiled, source.kernel):
        cached.cache_clear()
    yield devices
    for cached in (source.compiled, source.kernel):
        cached.cache_clear()


SERVED = {name for name, op in OPS.items() if (op.cuda if isinstance(op, Op) else op.kernels)}
SERVED -= {"window_take", "window_put"}  # not by indices of the dtype that is drawn


@pytest.mark.parametrize("name", sorted(SERVED))
def test_kernels(name, launched):
    @settings(max_examples=5)
    @given(cases(SPECS[name]))
    def check(case):
        assert {z.device for z in computed(name, case, "cuda:1", "float32")} == {"cuda:1"}

    check()
    assert {*launched} == {"cuda:1"}


@pytest.mark.parametrize("optimizer", [optim.Adam, lambda parameters: optim.SGD(parameters, momentum=0.9)])
def test_kernels_of_optimizers(optimizer, launched):
    x = leaf("cuda:1")
    x.grad = md.ones(3, 2, device="cuda:1").T
    steps = optimizer([x])
    steps.step()
    assert launched == ["cuda:1"]
    assert {kept.device for kept in steps.state[x].values() if isinstance(kept, md.Tensor)} == {"cuda:1"}


@pytest.mark.parametrize("name", sorted(set(DIFFERENTIABLE) - HOSTED))
@settings(max_examples=2)
@given(data=st.data())
def test_op(name, data):
    case = data.draw(cases(SPECS[name]))
    same(computed(name, case, "cuda:1", "float64"), computed(name, case, "cpu", "float64"), 1e-10)


def leaf(device):
    return md.tensor([[0.5, 1, 2], [3, 4, 5]], device=device, requires_grad=True)


def images(device):
    return md.tensor(np.arange(96, dtype=np.float32).reshape(2, 3, 4, 4), device=device)


def labels(device):
    return md.tensor([0, 2], device=device)


def written(write):
    def call(device):
        with md.no_grad():
            x = leaf(device).detach()
            write(x)
            return x

    return call


def gradient(function):
    def call(device):
        x = leaf(device)
        function(x)
        return x.grad

    return call


def second(function):
    def call(device):
        x = leaf(device)
        (g,) = md.grad(function(x), x, create_graph=True)
        return md.grad((g * g).sum(), x)[0]

    return call


def layer(device):
    md.manual_seed(0)
    return nn.Linear(3, 2).to(device)


def learned(optimizer):
    """A weight after two steps, before the second of which the optimizer's state is loaded."""

    def call(device):
        net = layer(device)
        steps = optimizer(net.parameters())
        for _ in range(2):
            net(leaf(device)).sum().backward()
            steps.step()
            steps.load_state_dict(steps.state_dict())
        return net.weight

    return call


def clipped(device):
    net = layer(device)
    net(leaf(device)).sum().backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    return net.weight.grad


def loaded(device):
    net = layer(device)
    net.load_state_dict(nn.Linear(3, 2).state_dict())
    return net.weight


def twice(x):
    x.sum().backward()
    x.sum().backward()


def forgotten(x):
    x.sum().backward()
    optim.SGD([x]).zero_grad(set_to_none=False)


CALLS = {
    "zeros_like": lambda device: md.zeros_like(leaf(device)),
    "ones_like": lambda device: md.ones_like(leaf(device)),
    "clone": lambda device: leaf(device).clone(),
    "deepcopy": lambda device: copy.deepcopy(leaf(device)),
    "randn": lambda device: md.manual_seed(0) and md.randn(2, 3, device=device),
    "one_hot": lambda device: F.one_hot(labels(device), 3),
    "by tensor": lambda device: leaf(device)[:, labels(device)],
    "by list": lambda device: leaf(device)[:, [0, 2]],
    "by mask": lambda device: leaf(device)[leaf(device) > 1],
    "write": written(lambda x: x.__setitem__(0, 2.0)),
    "write of a part": written(lambda x: x.__setitem__(0, x[1])),
    "fill_": written(lambda x: x.fill_(3)),
    "add_": written(lambda x: x.add_(x)),
    "init": written(lambda x: md.manual_seed(0) and nn.init.kaiming_normal_(x)),
    "backward": gradient(lambda x: (x * x).sum().backward()),
    "backward twice": gradient(twice),
    "backward of powers": gradient(lambda x: (x**3 + x**2.5 + 2.0**x).sum().backward()),
    "backward by steps": gradient(lambda x: [*F.silu(x).sum().backward_steps()]),
    "backward of a vector": gradient(lambda x: (x * 2).backward(md.ones_like(x))),
    "zero_grad": gradient(forgotten),
    "unused": lambda device: md.grad(leaf(device).sum(), [leaf(device)], materialize_grads=True)[0],
    "jvp": lambda device: md.jvp(lambda x: x * x, leaf(device), leaf(device).detach())[1],
    "hvp": lambda device: md.hvp(lambda x: (x**3).sum(), leaf(device), leaf(device).detach())[1],
    "jacobian": lambda device: md.jacobian(lambda x: (x * x).sum(0), leaf(device)),
    "weighted classes": lambda device: F.cross_entropy(leaf(device), labels(device), leaf(device).detach()[1]),
    "weighted likelihoods": lambda device: F.nll_loss(leaf(device), labels(device), leaf(device).detach()[1]),
    "second order": second(lambda x: F.cross_entropy(x, labels(x.device), x.detach()[1])),
    "classes by steps": gradient(lambda x: [*F.cross_entropy(x, labels(x.device)).backward_steps()]),
    "avg_pool2d": lambda device: F.avg_pool2d(images(device), 3, 2, 1),
    "avg_pool2d by a divisor": lambda device: F.avg_pool2d(images(device), 2, divisor_override=3),
    "reflect": lambda device: F.pad(images(device), (1, 2, 3, 0), "reflect"),
    "replicate": lambda device: F.pad(images(device), (1, -1, 2, 2), "replicate"),
    "circular": lambda device: F.pad(images(device), (1, -1, 2, 2), "circular"),
    "batch norm": lambda device: nn.BatchNorm2d(3, momentum=None).to(device)(images(device)),
    "instance norm": lambda device: nn.InstanceNorm2d(3, track_running_stats=True).to(device)(images(device)),
    "interpolate": lambda device: F.interpolate(images(device), scale_factor=2),
    "Adam": learned(optim.Adam),
    "SGD": learned(lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9)),
    "clip_grad_norm_": clipped,
    "load_state_dict": loaded,
}


@pytest.mark.parametrize("name", CALLS)
def test_call(name):
    result = CALLS[name]("cuda:1")
    assert result.device == "cuda:1"
    same([result], [CALLS[name]("cpu")], 1e-5)


VIEWS = {
    "C order": lambda x: x,
    "channels last": lambda x: x.permute(0, 3, 1, 2),
    "Fortran order": lambda x: x.permute(3, 2, 1, 0),
    "every other": lambda x: x.permute(3, 1, 0, 2)[:, ::2],
    "repeated": lambda x: x[:1].expand(2, 3, 4, 4),
}


@pytest.mark.parametrize("name", VIEWS)
def test_between_devices(name):
    x, y = images("cuda:0").requires_grad_(), images("cpu").requires_grad_()
    here, there = VIEWS[name](x) * 1, VIEWS[name](x).to("cuda:1")
    assert there.device == "cuda:1" and there.array.strides == here.array.strides
    (there * VIEWS[name](x).to("cuda:1")).sum().backward()
    (VIEWS[name](y) * VIEWS[name](y)).sum().backward()
    assert x.grad.device == "cuda:0"
    same([there, x.grad], [VIEWS[name](y), y.grad], 0)


def test_a_state_that_is_loaded_lies_in_memory_as_before():
    x = nn.Parameter(images("cuda:1").permute(0, 3, 1, 2).array)
    x.grad = md.ones_like(x)
    steps = optim.SGD([x], momentum=0.9)
    steps.step()
    before = steps.state[x]["momentum_buffer"].array
    steps.load_state_dict(steps.state_dict())
    after = steps.state[x]["momentum_buffer"].array
    assert after is not before and after.strides == before.strides == x.array.strides


def test_gradcheck():
    x = md.tensor([0.5, 2.0], dtype="d", device="cuda:1", requires_grad=True)
    assert md.gradcheck(lambda x: x * x + x.exp(), x) and md.gradgradcheck(lambda x: x**3, x)


@pytest.mark.parametrize("name", [*CALLS, "rand", "dropout"])
def test_call_with_kernels(name, launched):
    calls = CALLS | {
        "rand": lambda device: md.rand(2, 3, device=device),
        "dropout": lambda device: F.dropout(leaf(device)),
    }
    assert calls[name]("cuda:1").device == "cuda:1"
    assert {*launched} <= {"cuda:1"}
