"""Layers, state and optimizers beside PyTorch's."""

import pytest
from parity import OURS, THEIRS, compare, normal, pull, safetensors_torch, same, torch

import minidl as md


@pytest.mark.parametrize("options", [
    {}, {"momentum": 0.3, "eps": 1e-3}, {"momentum": None}, {"affine": False}, {"track_running_stats": False},
    {"bias": False},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("layer, size", [("BatchNorm1d", (4,)), ("BatchNorm1d", (4, 3)), ("BatchNorm2d", (4, 2, 3))])
def test_batch_norm(layer, size, options):
    """Three batches in training, then one in evaluation, with the state after each."""
    batches = [3 * normal(n, *size) + 10 for n in (5, 4, 7, 3)]
    start = {"weight": normal(4), "bias": normal(4)} if options.get("affine", True) else {}

    def f(m, *xs):
        made = getattr(m.nn, layer)(4, **options).to(md.float64 if m is OURS else torch.float64)
        made.load_state_dict({name: m.tensor(value) for name, value in start.items()}, strict=False)
        training = [made(x) for x in xs[:3]]
        counted = [v * 1.0 for v in made.state_dict().values()]
        weights = list(made.parameters())
        return *training, made.eval()(xs[3]), *counted, *pull(m, training, weights, create_graph=False)

    compare(f, *batches)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer, sizes, options", [
    ("LayerNorm", (3,), {}), ("GroupNorm", (2, 4), {}), ("InstanceNorm1d", (4,), {"affine": True}),
    ("InstanceNorm1d", (4,), {}),
], ids=str)  # fmt: skip
def test_weight_and_bias(layer, sizes, options, bias):
    def f(m, x):
        made = getattr(m.nn, layer)(*sizes, **options, bias=bias).to(md.float64 if m is OURS else torch.float64)
        z = made(x)
        return z, *made.state_dict().values(), *pull(m, [z], list(made.parameters()), create_graph=False)

    compare(f, normal(2, 4, 3), order=0)


@pytest.mark.parametrize("vectors", [0, 1, 2])
@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-4)])
def test_batch_norm_function(vectors, dtype, tol):
    arrays = [a.astype(dtype) for a in (normal(4, 3, 2, 2), normal(3), normal(3))[: 1 + vectors]]
    compare(lambda m, x, *v: m.F.batch_norm(x, None, None, *v, training=True), *arrays, tol=tol)


def simplenet(nn):
    """SimpLeNet, in either library: the features, and the classifier on them."""
    features = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU()
    )
    classifier = nn.Sequential(nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10))
    return features, classifier


def small_net(nn):
    """Convolution and batch normalisation, with all their buffers."""
    features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    return features, nn.Sequential(nn.Flatten())


class Whole(torch.nn.Module):
    """Features and classifier under the names that minidl's models have."""

    def __init__(self, build):
        super().__init__()
        self.features, self.classifier = build(torch.nn)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class OurWhole(md.nn.Module):
    def __init__(self, build):
        self.features, self.classifier = build(md.nn)

    forward = Whole.forward


@pytest.mark.parametrize("build, ours", [(simplenet, lambda _: md.models.SimpLeNet()), (small_net, OurWhole)])
def test_state_dicts_interchange(build, ours, tmp_path):
    theirs, model, x = Whole(build), ours(build), normal(4, 1, 28, 28).astype("float32")
    theirs(torch.tensor(x))  # running statistics move away from their start
    assert list(model.state_dict()) == list(theirs.state_dict())
    safetensors_torch.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    model.load_state_dict(md.load(tmp_path / "theirs.safetensors"), strict=True)
    same([model.eval()(md.tensor(x))], [theirs.eval()(torch.tensor(x))], tol=1e-5)

    for tensor in model.state_dict().values():
        tensor.copy_(tensor * 0.9 + 1)
    md.save(model.state_dict(), tmp_path / "ours.safetensors")
    theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "ours.safetensors"), strict=True)
    same([model(md.tensor(x))], [theirs(torch.tensor(x))], tol=1e-5)


OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"betas": (0.0, 0.0)}),
]


@pytest.mark.parametrize("name, options", OPTIMIZERS, ids=str)
def test_optimizer(name, options):
    """Ten steps with two groups; one parameter misses a gradient on the way."""
    start, gradients = (normal(3, 2), normal(4)), [(normal(3, 2), normal(4)) for _ in range(10)]

    def trajectory(m):
        w, v = parameters = [m.tensor(a, requires_grad=True) for a in start]
        optimizer = getattr(m.optim, name)([{"params": [w], "lr": 0.3}, {"params": v}], lr=0.01, **options)
        for t, step in enumerate(gradients):
            for p, g in zip(parameters, step, strict=True):
                p.grad = None if t == 3 and p is v else m.tensor(g)
            optimizer.step()
            yield [p.detach() * 1 for p in parameters]

    for got, want in zip(trajectory(OURS), trajectory(THEIRS), strict=True):
        same(got, want, tol=1e-12)
