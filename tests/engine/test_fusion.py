"""Runs of layers that are served at once: the same as one by one, in every respect that can be seen."""

import contextlib
import itertools

import numpy as np
import pytest

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.engine import fusion
from minidl.nn import containers

RNG = np.random.default_rng(0)


def conv(**options):
    return nn.Conv2d(3, 4, 3, **options)


RUNS = {
    "conv-relu": lambda: [conv(), nn.ReLU()],
    "conv-pool": lambda: [conv(bias=False), nn.MaxPool2d(2)],
    "conv-relu-pool": lambda: [conv(padding=1), nn.ReLU(), nn.MaxPool2d(2)],
    "conv-pool-relu": lambda: [conv(padding="same"), nn.MaxPool2d((2, 3), (2, 1)), nn.ReLU()],
    "strided": lambda: [conv(stride=2, padding=1), nn.ReLU()],
    "grouped": lambda: [nn.Conv2d(3, 6, 3, dilation=(2, 1), groups=3), nn.ReLU()],
    "conv-norm, strided": lambda: [conv(stride=(2, 1), padding=(0, 1)), nn.BatchNorm2d(4)],
    "conv-norm, grouped": lambda: [nn.Conv2d(3, 6, 3, dilation=(2, 1), groups=3), nn.BatchNorm2d(6), nn.ReLU()],
    "norm-relu": lambda: [nn.BatchNorm2d(3), nn.ReLU()],
    "norm-relu-pool": lambda: [nn.BatchNorm2d(3, affine=False), nn.ReLU(), nn.MaxPool2d(2)],
    "norm-pool-relu": lambda: [nn.BatchNorm2d(3, momentum=None), nn.MaxPool2d(3, 2), nn.ReLU()],
    "conv-norm": lambda: [conv(bias=False), nn.BatchNorm2d(4)],
    "conv-norm-relu": lambda: [conv(), nn.BatchNorm2d(4), nn.ReLU()],
    "conv-norm-relu-pool": lambda: [conv(padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)],
    "conv-norm-pool-relu": lambda: [conv(bias=False), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.ReLU()],
    "untracked": lambda: [conv(), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU()],
}
OTHERS = {
    "padded pool": lambda: [conv(), nn.MaxPool2d(3, padding=1), nn.ReLU()],
    "reflected": lambda: [conv(padding=1, padding_mode="reflect"), nn.ReLU()],
    "reflected, norm": lambda: [conv(padding=1, padding_mode="reflect"), nn.BatchNorm2d(4)],
    "circular, norm and relu": lambda: [conv(padding=1, padding_mode="circular"), nn.BatchNorm2d(4), nn.ReLU()],
    "padded one way": lambda: [conv(), nn.ReLU(), nn.MaxPool2d(3, padding=(0, 1))],
    "dilated pool": lambda: [conv(), nn.MaxPool2d(2, dilation=2), nn.ReLU()],
    "norm, dilated one way": lambda: [conv(), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2, dilation=(2, 1))],
    "ceiling": lambda: [nn.BatchNorm2d(3), nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()],
}


@pytest.fixture(autouse=True)
def fused(monkeypatch):
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)


def network(layers):
    """The layers in a row, in float64, with statistics that are not those of a new one."""
    net = nn.Sequential(*layers()).to(dtype=md.float64)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.copy_(md.from_numpy(RNG.standard_normal(module.num_features)))
            module.running_var.copy_(md.from_numpy(RNG.uniform(0.5, 2, module.num_features)))
    return net


def image(*shape):
    return md.from_numpy(RNG.standard_normal(shape or (2, 3, 9, 8)))


@contextlib.contextmanager
def counted():
    """Collects the runs that are served at once."""
    served = []
    with pytest.MonkeyPatch.context() as patch:
        for types, function in fusion.runs.items():

            def spied(*args, types=types, function=function):
                output = function(*args)
                served.extend([types] * (output is not None))
                return output

            patch.setitem(fusion.runs, types, spied)
        yield served


def everything(net, x):
    """Result, gradients of first and second order, buffers."""
    x = x.detach().requires_grad_()
    inputs = [x, *net.parameters()]
    z = net(x)
    rng = np.random.default_rng(1)
    g = md.from_numpy(rng.standard_normal(z.shape)).requires_grad_()
    first = md.grad(z, inputs, g, create_graph=True)
    second = md.grad(
        first, [*inputs, g], [md.from_numpy(rng.standard_normal(f.shape)) for f in first], allow_unused=True
    )
    return [z, *first, *[s for s in second if s is not None], *net.buffers()]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", [*RUNS, *OTHERS])
def test_a_run_is_what_its_layers_are_one_by_one(name, training):
    net, x = network((RUNS | OTHERS)[name]).train(training), image()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    with md.no_fusion():
        expected = [a.clone() for a in everything(net, x)]
    net.load_state_dict(state)
    with counted() as served:
        found = everything(net, x)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-9, 1e-11)
    folded = "norm" in name and name.startswith("conv")
    if name in OTHERS:
        assert not any(len(types) == len(net) for types in served)
    elif name != "untracked" and (folded or name.startswith("norm")):
        assert (tuple(map(type, net)) in served) == (folded != training)
    elif name != "untracked":
        assert served == [tuple(map(type, net))]


def test_a_norm_without_statistics_is_by_the_batch_in_evaluation_too():
    net = network(RUNS["untracked"]).eval()
    with counted() as served:
        net(image())
    assert served == [(nn.BatchNorm2d, nn.ReLU)]


def test_every_run_that_is_declared_is_tried_and_none_is_longer_than_is_looked_for():
    tried = {tuple(map(type, layers())) for layers in RUNS.values()}
    assert tried >= set(fusion.runs) and max(map(len, fusion.runs)) == containers.LONGEST


def test_in_a_longer_network_runs_are_found_and_the_longest_first():
    net = network(lambda: [nn.Tanh(), *RUNS["conv-relu-pool"](), nn.Tanh(), nn.Conv2d(4, 3, 1), *RUNS["norm-relu"]()])
    with counted() as served:
        net(image())
    assert [len(types) for types in served] == [3, 2]
    with counted() as served:
        net.eval()(image())
    assert [len(types) for types in served] == [3, 3]


class Loud(nn.ReLU):
    def forward(self, input):
        return super().forward(input) + 1


def patched():
    layer = nn.ReLU()
    layer.forward = lambda input: input * 0
    return layer


@pytest.mark.parametrize("other", [Loud, patched])
def test_layers_with_a_forward_of_their_own_run_it(other):
    first = conv()
    net, x = nn.Sequential(first, other()), md.randn(2, 3, 9, 8)
    np.testing.assert_array_equal(net(x).detach().numpy(), net[1](first(x)).detach().numpy())


@pytest.mark.parametrize("place", [0, 1, 2])
def test_hooks_see_every_layer(place):
    net, x, seen = network(RUNS["conv-relu-pool"]), image(), []
    with net[place].register_forward_hook(lambda module, args, output: seen.append(output.shape)), counted() as served:
        net(x)
    assert seen == [[(2, 4, 9, 8), (2, 4, 9, 8), (2, 4, 4, 4)][place]]
    assert all(net[place].__class__ not in types or len(types) < 3 for types in served)


def test_it_can_be_switched_off_and_finding_a_nan_does():
    net, x = network(RUNS["conv-relu"]), image()
    for switch in (md.no_fusion, md.detect_anomaly):
        with switch(), counted() as served:
            assert net(x).node.op.name == "relu"
        assert not served


WRONG = {
    "channels": (RUNS["conv-relu"], (2, 5, 9, 8)),
    "rank": (RUNS["conv-relu-pool"], (9, 8)),
    "too small": (RUNS["conv-relu"], (2, 3, 2, 2)),
    "pool too small": (RUNS["conv-pool"], (2, 3, 3, 3)),
    "norm": (RUNS["norm-relu"], (2, 5, 9, 8)),
    "norm pool too small": (RUNS["norm-relu-pool"], (2, 3, 1, 1)),
    "one value": (RUNS["norm-relu"], (1, 3, 1, 1)),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_comes_from_the_right_layer(name):
    layers, shape = WRONG[name]
    net = nn.Sequential(nn.Identity(), network(layers))
    messages, counts = [], []
    for switch in (contextlib.nullcontext, md.no_fusion):
        net[1].apply(lambda layer: layer.reset_running_stats() if isinstance(layer, nn.BatchNorm2d) else None)
        with switch(), pytest.raises(ValueError) as caught:
            net(image(*shape))
        messages.append(str(caught.value))
        counts.append([b.item() for name, b in net.named_buffers() if name.endswith("num_batches_tracked")])
    assert messages[0] == messages[1] and messages[0].startswith(("1.0: ", "1.1: ", "1.2: ")) and counts[0] == counts[1]
    with pytest.raises(TypeError, match="1.0: "):
        net(None)


def test_what_is_frozen_gets_no_gradient():
    net, x = network(RUNS["conv-norm-relu"]).eval(), image()
    net[0].weight.requires_grad_(False)
    net(x).sum().backward()
    assert net[0].weight.grad is None and net[0].bias.grad is not None and net[1].weight.grad is not None


def test_networks_learn_the_same_with_and_without():
    """In float64, through all layers of the two networks of the lessons."""
    for build, shape in ((md.models.SimpLeNet, (4, 1, 28, 28)), (md.models.vgg_style, (4, 3, 32, 32))):
        md.manual_seed(0)
        net = build().to(dtype=md.float64)
        x, y = image(*shape), md.tensor([0, 1, 2, 3])
        gradients = []
        for switch in (contextlib.nullcontext, md.no_fusion):
            net.zero_grad()
            md.manual_seed(1)
            with switch():
                F.cross_entropy(net(x), y).backward()
            gradients.append([p.grad.numpy() for p in net.parameters()])
        for a, b in zip(*gradients, strict=True):
            np.testing.assert_allclose(a, b, 1e-7, 1e-9 * (1 + np.abs(b).max()))


def test_layouts_and_types_of_input(monkeypatch):
    """Channels last or first, other strides, float32 and float64, a batch of none."""
    net = network(RUNS["conv-relu-pool"])
    x = image()
    expected = net(x).detach().numpy()
    last = np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    every_other = np.repeat(x.numpy(), 2, 3)[..., ::2]
    for array in (last, every_other, x.numpy()[::-1][::-1]):
        np.testing.assert_allclose(net(md.from_numpy(array)).detach().numpy(), expected, 1e-12)
    assert net(image(0, 3, 9, 8)).shape == (0, 4, 4, 4)
    single = net.to(dtype=md.float32)(x.to(md.float32))
    assert single.dtype == md.float32
    np.testing.assert_allclose(single.detach().numpy(), expected, 1e-4, 1e-5)


def test_pairs_of_runs_share_nothing():
    """Two networks over the same layers, the same input twice."""
    layer, x = conv().to(dtype=md.float64), image().requires_grad_()
    net = nn.Sequential(layer, nn.ReLU())
    total = net(x).sum() + net(x).sum()
    total.backward()
    doubled = layer.weight.grad.numpy().copy()
    layer.zero_grad()
    net(x).sum().backward()
    np.testing.assert_allclose(doubled, 2 * layer.weight.grad.numpy(), 1e-12)
    assert not any(np.shares_memory(a.grad.array, b.array) for a, b in itertools.product(net.parameters(), [x, x.grad]))


@pytest.mark.usefixtures("loops_serve")
def test_stepping_unfolds_what_a_kernel_did():
    net, x = network(RUNS["conv-relu-pool"]), image().requires_grad_()
    net(x).sum().backward()
    expected = [p.grad.numpy() for p in (x, *net.parameters())]
    x.grad = None
    net.zero_grad()
    z = net(x)
    assert z.node.op.name == "convolve"
    steps = list(z.sum().backward_steps())
    names = [step.name for step in steps]
    assert names.count("conv") == names.count("relu") == names.count("window_take") == 1 and "convolve" not in names
    assert all(type(g) is np.ndarray for step in steps for g in (step.incoming, *step.outgoing))
    for p, g in zip((x, *net.parameters()), expected, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), g, 1e-10, 1e-12)
    assert md.is_grad_enabled() and md.backend.modes.mode.fused


def test_a_result_that_is_written_over_is_noticed_though_only_the_kernel_keeps_it():
    for layers in (RUNS["norm-relu"], lambda: [nn.Conv2d(3, 3, 3, groups=3), nn.ReLU()]):
        y = network(layers)(image())
        with md.no_grad():
            y[:] = -1.0
        with pytest.raises(RuntimeError, match="was changed in place after it was read"):
            y.sum().backward()


POOLED = {
    "columns": lambda: [nn.Conv2d(16, 4, 3), nn.ReLU(), nn.MaxPool2d(2)],
    "depthwise": lambda: [nn.Conv2d(16, 16, 3, groups=16), nn.ReLU(), nn.MaxPool2d(3, 2)],
    "Winograd": lambda: [nn.Conv2d(16, 16, 3), nn.ReLU(), nn.MaxPool2d(2)],
    "norm": lambda: [nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)],
    "pool": lambda: [nn.Conv2d(16, 4, 3), nn.MaxPool2d(2)],
}


@pytest.mark.usefixtures("loops_serve")
@pytest.mark.parametrize("served", [True, False], ids=["by a kernel", "by the reference"])
@pytest.mark.parametrize("name", POOLED)
def test_what_was_pooled_may_be_written_over(name, served, monkeypatch):
    """Where the maxima were is kept, not what they are."""
    if not served:
        for composite in fusion.composites.values():
            monkeypatch.setattr(composite, "kernels", [])
    net, x = nn.Sequential(*POOLED[name]()), md.randn(2, 16, 16, 16)
    g = md.randn(*net(x).shape)
    expected = md.grad(net(x), [*net.parameters()], g)
    with counted() as runs:
        y = net(x)
    assert len(runs) == 1
    y += 1
    for a, b in zip(md.grad(y, [*net.parameters()], g), expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", [name for name in RUNS if name.endswith("pool")])
def test_a_pooling_that_gives_its_indices_runs_by_itself(name):
    net = network(RUNS[name]).eval() if name.startswith("conv") else network(RUNS[name])
    net[-1].return_indices = True
    x = image()
    maxima, indices = net(x)
    *before, pool = net
    expected = pool(nn.Sequential(*before)(x))
    np.testing.assert_allclose(maxima.detach().numpy(), expected[0].detach().numpy(), 1e-12)
    np.testing.assert_array_equal(indices.numpy(), expected[1].numpy())


def test_in_half_precision_nothing_is_folded():
    """Weights times the scale of a norm would overflow where neither result does."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1)).half().eval()
    net[0].weight.data.fill_(1000.0)
    net[1].running_var.fill_(1e-4)
    x = md.full((1, 1, 2, 2), 1e-3, dtype=md.float16)
    assert np.isfinite(net(x).detach().numpy()).all()


@pytest.mark.parametrize("norm", [lambda: nn.BatchNorm2d(1, dtype=md.float64), lambda: nn.BatchNorm2d(4)])
def test_a_norm_that_does_not_fit_is_not_folded(norm):
    """Of another dtype, or of one channel, which would broadcast."""
    net = network(lambda: [conv(), nn.ReLU()])
    net[1] = norm()
    with counted() as served, pytest.raises((ValueError, TypeError), match="1: BatchNorm2d"):
        net.eval()(image())
    assert not served


@pytest.mark.parametrize("images, rows, stride, folds", [
    (1, 16, 1, True), (1, 15, 1, False), (4, 4, 1, True), (3, 4, 1, False), (1, 32, 2, True), (1, 30, 2, False),
])  # fmt: skip
def test_where_weights_are_far_more_than_results_these_are_scaled(images, rows, stride, folds):
    """1024² weights and 1024 · 512 results differ by 2¹⁹, the most for which a norm is folded into weights."""
    net = network(lambda: [nn.Conv2d(1024, 1024, 1, stride), nn.BatchNorm2d(1024), nn.ReLU()]).eval()
    x = image(images, 1024, rows, 32 * stride)
    with md.no_grad():
        with counted() as served:
            z = net(x)
        assert served == [tuple(map(type, net))] * folds
        with md.no_fusion():
            np.testing.assert_allclose(z.numpy(), net(x).numpy(), rtol=1e-9, atol=1e-9)


def test_a_batch_is_counted_once_where_a_run_is_refused():
    net = network(RUNS["norm-relu-pool"])
    with pytest.raises(ValueError):
        net(image(2, 3, 1, 1))
    assert net[0].num_batches_tracked.item() == 1


def test_one_image_without_a_batch_is_refused_as_by_the_layers():
    with pytest.raises(ValueError, match="1: BatchNorm2d"):
        network(RUNS["conv-norm-relu"]).eval()(image(3, 9, 8))


def test_where_the_scale_is_zero_the_first_element_is_the_maximum():
    net, x = network(RUNS["norm-pool-relu"]), image()
    with md.no_grad():
        net[0].weight[:] = 0.0
        net[0].bias[:] = 1.0
    found = []
    for switch in (contextlib.nullcontext, md.no_fusion):
        net.zero_grad()
        with switch():
            z = net(x)
            z.backward(md.from_numpy(np.random.default_rng(2).standard_normal(z.shape)))
        found.append(net[0].weight.grad.numpy())
    np.testing.assert_allclose(*found, 1e-10, 1e-12)


def test_a_gradient_for_some_arguments_depends_on_all():
    """The gradient for the images alone, differentiated again, reaches the weights: as a gradient penalty needs it."""
    gradients = []
    for fused in (True, False):
        with contextlib.nullcontext() if fused else md.no_fusion():
            w = md.tensor(np.cos(np.arange(18.0)).reshape(2, 1, 3, 3), requires_grad=True)
            x = md.tensor(np.sin(np.arange(16.0)).reshape(1, 1, 4, 4), requires_grad=True)
            (g,) = md.grad(md.functional.conv2d(x, w, padding=1).tanh().sum(), [x], create_graph=True)
            (g * g).sum().backward()
            gradients.append(w.grad.numpy())
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-10)
