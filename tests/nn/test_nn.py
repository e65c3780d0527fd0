"""Modules: what they consist of, their state, what they look like, and how they start; dropout and batch norm."""

import copy
import math

import numpy as np
import pytest

import minidl as md
from minidl import nn


class Block(nn.Module):
    """A network with every kind of attribute."""

    def __init__(self):
        self.scale = nn.Parameter(np.ones(3, np.float32))
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 3))
        self.register_buffer("seen", md.zeros(2))
        self.register_buffer("absent", None)
        self.plain = md.zeros(5)

    def forward(self, x):
        return self.body(x * self.scale)


class Scale(nn.Module):
    """A module whose arguments leave no attributes of their names."""

    def __init__(self, size, start=None, *rest):
        self.w = nn.Parameter(np.ones(size, np.float32))
        self.start = np.ones(3)


OWN = ["scale", "seen"]
BODY = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked",
        "4.weight", "4.bias"]  # fmt: skip
STATE = [*OWN, *(f"body.{name}" for name in BODY)]
BUFFERS = ["seen", "body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"]


def values(module):
    return {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


# --- what a module consists of ----------------------------------------------------------------------------------------


def test_names():
    block = Block()
    assert list(block.state_dict()) == STATE
    assert [name for name, _ in block.named_buffers()] == BUFFERS
    assert [name for name, _ in block.named_parameters()] == [name for name in STATE if name not in BUFFERS]
    paths = ["net", "net.body", *(f"net.body.{i}" for i in range(5))]
    assert [name for name, _ in block.named_modules(prefix="net")] == paths
    assert [name for name, _ in block.named_children()] == ["body"]
    assert list(block.modules())[1:3] == [block.body, block.body[0]]


def test_shared_modules_and_parameters_count_once_and_load_by_either_name():
    block = Block()
    block.again, block.tied = block.body[0], block.scale
    assert len(list(block.parameters())) == 7
    assert len(list(block.modules())) == 7
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]  # as in PyTorch


def test_children_may_be_replaced_and_removed_as_they_come():
    block = Block()
    block.head = nn.Linear(3, 1)
    for name, child in block.named_children():
        setattr(block, f"{name}_too", child)
        delattr(block, name)
    assert [name for name, _ in block.named_children()] == ["body_too", "head_too"]


def test_replacing_and_removing_attributes():
    block = Block()
    block.scale = None
    del block.body
    assert list(block.state_dict()) == ["seen"]


def test_training_mode_reaches_all_modules():
    block = Block()
    assert all(module.training for module in block.modules())
    assert block.eval() is block and not any(module.training for module in block.modules())
    block.body.train()
    assert not block.training and block.body[3].training


def test_gradients_are_forgotten_and_stopped():
    block = Block()
    block(md.ones(4, 3)).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())
    assert block.requires_grad_(False) is block
    assert not block(md.ones(4, 3)).requires_grad


def test_apply_visits_children_first():
    visited = []
    block = Block()
    assert block.apply(visited.append) is block
    assert visited == [*block.body, block.body, block]


def test_to_dtype_converts_floats_and_gradients_and_no_counter():
    block = Block()
    block(md.ones(4, 3)).sum().backward()
    weight = block.body[0].weight
    assert block.to(md.float64) is block and block.body[0].weight is weight
    dtypes = {name: tensor.dtype for name, tensor in block.state_dict().items()}
    assert dtypes.pop("body.1.num_batches_tracked") == md.int64
    assert set(dtypes.values()) == {md.float64} == {p.grad.dtype for p in block.parameters()}
    assert block.to("cpu", "float32")(md.ones(4, 3)).dtype == md.float32


def test_deepcopy_shares_nothing_and_keeps_what_is_shared_within():
    block = Block()
    block.tied = block.scale
    twin, before = copy.deepcopy(block), values(block)
    assert same(values(twin), before) and twin.tied is twin.scale
    for tensor in twin.state_dict().values():
        tensor.add_(1)
    assert same(values(block), before)


# --- state ------------------------------------------------------------------------------------------------------------


def test_state_dict_shares_memory_and_has_no_history():
    linear = nn.Linear(2, 2)
    state = linear.state_dict()
    assert not state["weight"].requires_grad
    state["weight"].fill_(7)
    assert (linear.weight.array == 7).all()


def test_load_state_dict():
    block, other = Block(), Block()
    assert block.load_state_dict(other.state_dict()) == ([], [])
    assert same(values(block), values(other))
    block.load_state_dict({name: array.astype(np.float64) for name, array in values(other).items()})
    assert block.scale.dtype == md.float32


@pytest.mark.parametrize("change, said", [
    (lambda state: state.pop("scale"), "missing: scale"),
    (lambda state: state.update(extra=md.zeros(1)), "unexpected: extra"),
    (lambda state: state.update({"body.4.bias": md.zeros(2)}), "body.4.bias is 2, expected 3"),
    (lambda state: state.update({"body.1.num_batches_tracked": md.zeros(1)}), "tracked is 1, expected a scalar"),
])  # fmt: skip
def test_nothing_is_loaded_from_a_state_that_does_not_fit(change, said):
    block, state = Block(), {name: tensor + 1 for name, tensor in Block().state_dict().items()}
    before = values(block)
    change(state)
    with pytest.raises(RuntimeError, match=f"load_state_dict: Block: .*{said}"):
        block.load_state_dict(state)
    assert same(values(block), before)


def test_load_state_dict_not_strict():
    block, state = Block(), {"scale": md.full((3,), 5.0), "extra": md.zeros(1)}
    loaded = block.load_state_dict(state, strict=False)
    assert loaded.missing_keys == STATE[1:] and loaded.unexpected_keys == ["extra"]
    assert (block.scale.array == 5).all()
    with pytest.raises(RuntimeError, match="scale is 2, expected 3"):
        block.load_state_dict({"scale": md.zeros(2)}, strict=False)


# --- names ------------------------------------------------------------------------------------------------------------


def test_paths():
    block = Block()
    assert block.get_submodule("body.4") is block.body[4] and block.get_submodule("") is block
    assert block.get_parameter("body.4.bias") is block.body[4].bias and block.get_parameter("scale") is block.scale
    block.again = block.body
    assert block.get_submodule("again.0") is block.body[0] and block.get_parameter("again.0.bias") is block.body[0].bias
    for path in ("body.5", "body.0.weight", "seen", "body.", "absent"):
        with pytest.raises(AttributeError, match=f"get_submodule: Block has no module '{path}'"):
            block.get_submodule(path)
    for path in ("body", "seen", "body.1.running_mean", "body.9.bias", "", "plain"):
        with pytest.raises(AttributeError, match=f"get_parameter: Block has no parameter '{path}'"):
            block.get_parameter(path)


def test_attributes_asked_for_by_a_call():
    """As ``self.__getattr__("level_%d" % i)`` of deep layer aggregation does."""
    block = Block()
    for name in ("body", "scale", "seen"):
        assert block.__getattr__(name) is getattr(block, name)
    with pytest.raises(AttributeError, match="'Block' object has no attribute 'bodi'; did you mean body?"):
        block.__getattr__("bodi")


def test_registering():
    module, p, layer = nn.Module(), nn.Parameter(md.ones(2)), nn.ReLU()
    module.register_parameter("p", p)
    module.register_parameter("none", None)
    module.layer = None
    module.add_module("layer", layer)
    module.register_module("3", layer)
    module.register_buffer("b", md.zeros(1))
    module.register_buffer("b", md.ones(1))
    module.register_parameter("none", p)
    assert module.p is module.none is p and module.layer is getattr(module, "3") is layer and module.b.item() == 1
    assert list(module.state_dict()) == ["p", "none", "b"] and list(module.children()) == [layer]
    assert dict(module._modules) == {"layer": layer, "3": layer}
    for act, said in {
        lambda: module.register_parameter("q", md.ones(1)): "q must be a Parameter or NoneType, got Tensor",
        lambda: module.register_buffer("q", np.ones(1)): "q must be a Tensor or NoneType, got ndarray",
        lambda: module.add_module("q", None): "q must be a Module, got NoneType",
        lambda: module.add_module(3, layer): "string",
    }.items():
        with pytest.raises(TypeError, match=said):
            act()
    for act in (
        lambda: module.register_parameter("layer", p),
        lambda: module.register_buffer("training", md.ones(1)),
        lambda: module.add_module("p", layer),
        lambda: module.register_buffer("a.b", md.ones(1)),
        lambda: module.register_parameter("", p),
    ):
        with pytest.raises(ValueError, match="Module: '.*' can't be the name of a (Para|Ten|Mod).*, or is taken"):
            act()


def test_buffers_that_are_no_part_of_the_state():
    module = nn.Module()
    module.register_buffer("kept", md.ones(2))
    module.register_buffer("passing", md.ones(3), persistent=False)
    assert list(module.state_dict()) == ["kept"] and [name for name, _ in module.named_buffers()] == ["kept", "passing"]
    assert module.load_state_dict({"kept": md.zeros(2)}) == ([], [])
    with pytest.raises(RuntimeError, match="unexpected: passing"):
        module.load_state_dict({"kept": md.zeros(2), "passing": md.zeros(3)})
    assert module.to(md.float64).passing.dtype == md.float64
    module.register_buffer("passing", md.ones(3))
    assert list(module.state_dict()) == ["kept", "passing"]
    del module.kept
    assert list(module.state_dict()) == ["passing"]


@pytest.mark.parametrize("module, text", [
    (nn.Linear(3, 4), "Linear(in_features=3, out_features=4, bias=True)"),
    (nn.Linear(3, 4, bias=False), "Linear(in_features=3, out_features=4, bias=False)"),
    (nn.Conv2d(20, 50, 5), "Conv2d(20, 50, kernel_size=(5, 5), stride=(1, 1))"),
    (nn.Conv2d(4, 8, (3, 1), 1, "same", 2, 2),
     "Conv2d(4, 8, kernel_size=(3, 1), stride=(1, 1), padding=same, dilation=(2, 2), groups=2)"),
    (nn.MaxPool2d(2, ceil_mode=True), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=True)"),
    (nn.AvgPool2d(2, 1), "AvgPool2d(kernel_size=2, stride=1, padding=0)"),
    (nn.BatchNorm2d(3, momentum=None),
     "BatchNorm2d(3, eps=1e-05, momentum=None, affine=True, bias=True, track_running_stats=True)"),
    (nn.Flatten(0), "Flatten(start_dim=0, end_dim=-1)"),
    (nn.CrossEntropyLoss(label_smoothing=0.1), "CrossEntropyLoss()"),
    (nn.Sequential(), "Sequential()"),
    (nn.Sequential({"a": nn.Sequential(nn.ReLU())}), "Sequential(\n  (a): Sequential(\n    (0): ReLU()\n  )\n)"),
])  # fmt: skip
def test_repr(module, text):
    assert repr(module) == text


def test_repr_of_a_module_of_ones_own():
    assert repr(Scale(3)) == "Scale()"
    shown = type("Shown", (nn.Module,), {"extra_repr": lambda self: "k=3"})
    assert repr(shown()) == "Shown(k=3)"
    outer = shown()
    outer.layer, outer.gone = nn.ReLU(), nn.ReLU()
    outer.gone = None
    assert repr(outer) == "Shown(\n  k=3\n  (layer): ReLU()\n)"


# --- first values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make, fan_in", [
    (lambda: nn.Linear(64, 50), 64),
    (lambda: nn.Conv2d(6, 50, 5), 150),
    (lambda: nn.Conv2d(6, 60, 5, groups=3), 50),
    (lambda: nn.Conv1d(6, 60, 5), 30),
    (lambda: nn.ConvTranspose1d(12, 60, 5, groups=3), 100),  # outputs of a group, by the kernel
    (lambda: nn.ConvTranspose2d(6, 50, 5), 1250),
    (lambda: nn.Bilinear(40, 7, 50), 40),
])  # fmt: skip
def test_default_initialisation(make, fan_in):
    """Weight and bias are uniform in ±1/√fan_in, as in PyTorch, and come from the global stream."""
    md.manual_seed(3)
    layer, bound = make(), 1 / math.sqrt(fan_in)
    for p in layer.parameters():
        assert p.dtype == md.float32
        assert -bound <= p.array.min() < -0.8 * bound and 0.8 * bound < p.array.max() <= bound
    assert layer.weight.array.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    other = make()
    assert not same(values(layer), values(other))
    md.manual_seed(3)
    assert same(values(layer), values(make()))


# --- dropout and batch normalisation ----------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_passes_gradients_where_it_kept():
    md.manual_seed(0)
    x = md.ones(200, 500, requires_grad=True)
    z = nn.Dropout(0.3)(x)
    z.sum().backward()
    array = z.detach().numpy()
    assert array.dtype == np.float32
    assert np.unique(array).tolist() == pytest.approx([0, 1 / 0.7])
    assert array.mean() == pytest.approx(1, abs=0.01) and (array == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert np.array_equal(x.grad.numpy(), array)


@pytest.mark.parametrize("p, training, expected", [(0, True, 1), (1, True, 0), (0.5, False, 1), (1, False, 1)])
def test_dropout_at_its_ends(p, training, expected):
    assert (nn.Dropout(p).train(training)(md.ones(9)).numpy() == expected).all()


def test_dropout_is_seeded():
    def drawn(seed):
        md.manual_seed(seed)
        return nn.Dropout()(md.ones(50)).numpy()

    assert np.array_equal(drawn(1), drawn(1)) and not np.array_equal(drawn(1), drawn(2))
    streams = [md.Generator().manual_seed(4) for _ in range(2)]
    assert np.array_equal(*(md.functional.dropout(md.ones(50), generator=g).numpy() for g in streams))


def test_batch_norm_normalises_and_follows_the_statistics():
    x = md.tensor(np.random.default_rng(0).normal(5, 3, (64, 4, 3, 3)).astype(np.float32))
    layer = nn.BatchNorm2d(4)
    z = layer(x).detach().numpy()
    assert np.abs(z.mean((0, 2, 3))).max() < 1e-5 and z.std((0, 2, 3)) == pytest.approx(1, abs=1e-3)
    for _ in range(99):
        layer(x)
    assert layer.num_batches_tracked.item() == 100
    assert layer.running_mean.numpy() == pytest.approx(x.numpy().mean((0, 2, 3)), rel=1e-3)
    assert layer.running_var.numpy() == pytest.approx(x.numpy().var((0, 2, 3), ddof=1), rel=1e-3)
    before = values(layer)
    assert layer.eval()(x).detach().numpy() == pytest.approx(z, abs=1e-2)
    assert same(values(layer), before)


def test_without_momentum_statistics_stay_and_with_none_they_are_means():
    x = md.randn(5, 2)
    still, mean = nn.BatchNorm1d(2, momentum=0.0), nn.BatchNorm1d(2, momentum=None)
    for n in (1, 2):
        for layer in (still, mean):
            layer(x * n)
    assert still.running_mean.tolist() == [0, 0] and still.running_var.tolist() == [1, 1]
    assert still.num_batches_tracked.item() == 2
    assert mean.running_mean.numpy() == pytest.approx(1.5 * x.numpy().mean(0), rel=1e-5)


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.InstanceNorm1d])
@pytest.mark.parametrize("name", ["running_mean", "running_var"])
def test_running_statistics_that_backward_needs_are_guarded(kind, name):
    layer = kind(2, track_running_stats=True)
    z = (md.ones(2, requires_grad=True) * getattr(layer, name)).sum()
    layer(md.randn(3, 2, 4))
    with pytest.raises(RuntimeError, match="changed in place after it was read"):
        z.backward()


@pytest.mark.parametrize("offset", [1e3, 1e4])
def test_batch_norm_of_a_large_mean_keeps_its_digits(offset):
    noise = np.random.default_rng(0).normal(0, 1, (256, 2, 4, 4))
    x = (noise + offset).astype(np.float32)
    wide = x.astype(np.float64)
    exact = (wide - wide.mean((0, 2, 3), keepdims=True)) / wide.std((0, 2, 3), keepdims=True)
    assert nn.BatchNorm2d(2)(md.tensor(x)).detach().numpy() == pytest.approx(exact, abs=3e-3)


def test_a_parameter_can_only_be_replaced_by_one():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="weight is a parameter of Linear"):
        layer.weight = md.zeros(2, 2)
    layer.weight = nn.Parameter(md.zeros(2, 2))
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_a_shared_module_has_all_its_names_in_the_state():
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(list(model.parameters())) == 2


def test_a_network_is_of_a_floating_dtype():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with pytest.raises(TypeError, match="parameters of a network are floating"):
        model.to(md.int64)
    assert model.to(dtype=md.float64)[0].weight.dtype == md.float64


def test_errors_of_other_kinds_pass_unchanged():
    class Custom(ValueError):
        pass

    class Broken(nn.Module):
        def forward(self, x):
            raise Custom(3, "boom")

    with pytest.raises(Custom) as caught:
        Broken()(1)
    assert caught.value.args == (3, "boom")


@pytest.mark.parametrize("freeze", [True, False])
def test_a_given_table_learns_unless_it_is_frozen(freeze):
    table = md.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = nn.Embedding.from_pretrained(table, freeze=freeze)
    assert layer.weight.requires_grad is not freeze and layer(md.tensor([1])).tolist() == [[3, 4]]
    assert nn.Embedding.from_pretrained(table).weight.requires_grad is False
