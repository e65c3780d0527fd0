"""Modules as PyTorch's: what may be set where, views by kind, states, moves; and what goes wrong, in words."""

import copy
import pickle

import numpy as np
import pytest

import minidl as md
from minidl import nn


class Net(nn.Module):
    """A layer, a norm with buffers, a parameter, and a layer that has two names."""

    def __init__(self):
        self.scale = nn.Parameter(md.ones(2))
        self.first = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2)
        self.again = self.first
        self.register_buffer("seen", md.zeros(1))
        self.register_buffer("passing", md.zeros(1), persistent=False)


# --- attributes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, value, said", [
    ("scale", md.ones(2), "scale is a parameter of Net, and can only be set to a Parameter or None, got Tensor; md"),
    ("scale", np.ones(2), "can only be set to a Parameter or None, got ndarray"),
    ("scale", nn.ReLU(), "can only be set to a Parameter or None, got ReLU"),
    ("first", md.ones(2), "first is a submodule of Net, and can only be set to a Module or None, got Tensor"),
    ("first", 3, "can only be set to a Module or None, got int"),
    ("seen", np.ones(1), "seen is a buffer of Net, and can only be set to a Tensor or None, got ndarray; md.tensor"),
    ("passing", 1.0, "can only be set to a Tensor or None, got float"),
])  # fmt: skip
def test_what_is_refused_in_the_place_of_another(name, value, said):
    net = Net()
    with pytest.raises(TypeError, match=said):
        setattr(net, name, value)
    setattr(net, name, None)
    assert getattr(net, name) is None
    with pytest.raises(TypeError, match=said):  # its name is still that of such a thing
        setattr(net, name, value)
    delattr(net, name)
    setattr(net, name, value)


def test_what_may_take_the_place_of_another():
    net = Net()
    net.first = net.again = nn.Parameter(md.ones(1))
    net.seen = nn.Parameter(md.ones(3))
    net.passing = nn.ReLU()
    assert [name for name, _ in net.named_parameters()] == ["scale", "first", "seen", "norm.weight", "norm.bias"]
    assert [name for name, _ in net.named_buffers()][:1] == ["norm.running_mean"] and net.passing in list(
        net.children()
    )
    net.plain = np.ones(2)
    net.plain = nn.Linear(1, 1)
    assert "plain.weight" in net.state_dict()


def test_a_buffer_that_is_deleted_is_one_no_more():
    net = Net()
    del net.seen
    net.seen = md.ones(1)
    assert "seen" not in net.state_dict() and list(net._buffers) == ["passing"]


def test_members_are_live_views():
    net = Net()
    assert list(net._modules) == ["first", "norm", "again"] and net._modules["norm"] is net.norm
    assert list(net._parameters) == ["scale"] and list(net._buffers) == ["seen", "passing"]
    assert list(net.children()) == [net.first, net.norm] and len(list(net.modules())) == 3
    net._modules["last"] = nn.ReLU()
    assert isinstance(net.last, nn.ReLU) and "last" in net._modules
    members = net._modules
    del members["last"]
    assert not hasattr(net, "last") and list(members) == ["first", "norm", "again"]
    net._buffers["seen"] = md.ones(1)
    assert net.seen.item() == 1 and repr(net._buffers) == repr(dict(net._buffers))
    net.scale = None
    assert dict(net._parameters) == {"scale": None} and nn.Linear(1, 1, bias=False)._parameters["bias"] is None
    with pytest.raises(KeyError):
        net._modules["seen"]


def test_members_do_not_hide_behind_other_kinds():
    linear = nn.Linear(2, 2, bias=False)
    with pytest.raises(TypeError, match="bias is a parameter of Linear"):
        linear.bias = md.zeros(2)
    linear.bias = nn.Parameter(md.zeros(2))
    assert len(list(linear.parameters())) == 2 and linear._vacant == {}


def test_a_memo_is_no_prefix():
    with pytest.raises(TypeError, match="memo must be a set, got 'net'; give a prefix by name"):
        list(Net().named_modules("net"))


# --- modes ------------------------------------------------------------------------------------------------------------


def test_a_module_that_has_a_train_of_its_own_is_asked():
    """As frozen batch norms do."""

    class Frozen(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    net = nn.Sequential(nn.Sequential(Frozen(2)), nn.ReLU()).train()
    assert net.training and net[1].training and not net[0][0].training


@pytest.mark.parametrize("mode", ["False", 1, None])
def test_a_mode_is_a_bool(mode):
    net = Net().eval()
    with pytest.raises(ValueError, match="train: mode must be True or False, got"):
        net.train(mode)
    assert not net.training and not net.norm.training


def test_zeroed_gradients():
    net = Net()
    net.first(md.ones(3, 2)).sum().backward()
    grad = net.first.weight.grad
    net.zero_grad(set_to_none=False)
    assert net.first.weight.grad.array is grad.array and (grad == 0).all() and net.scale.grad is None
    net.scale.grad = net.scale * 2  # as under create_graph=True
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.tolist() == [0, 0] and not net.scale.grad.requires_grad


# --- dtypes -----------------------------------------------------------------------------------------------------------


def test_casts():
    net = Net()
    for cast, dtype in ((net.double, md.float64), (net.half, md.float16), (net.float, md.float32)):
        assert cast() is net and {p.dtype for p in net.parameters()} == {dtype} == {net.seen.dtype}
        assert net.norm.num_batches_tracked.dtype == md.int64
    assert net.to(md.ones(1, dtype=md.float64)).scale.dtype == md.float64
    net.requires_grad_(False).type(md.int32)
    assert {t.dtype for t in net.state_dict().values()} == {np.dtype("int32")}
    with pytest.raises(RuntimeError, match="requires grad"):
        nn.Linear(1, 1).type(md.int64)


# --- states -----------------------------------------------------------------------------------------------------------


def test_state_dict_by_prefix_and_into_another():
    net, into = Net(), {"first": 1}
    assert net.state_dict(destination=into, prefix="a.") is into and list(into)[:2] == ["first", "a.scale"]
    assert net.state_dict(keep_vars=True)["scale"] is net.scale and not net.state_dict()["scale"].requires_grad


def test_a_state_that_is_assigned():
    """Its tensors become the module's, with their dtype; what requires no gradient goes on to require none."""
    net = Net()
    net.first.bias.requires_grad = False
    state = {name: value.to(md.float64) for name, value in Net().state_dict().items()}
    state["scale"] = nn.Parameter(md.full((2,), 3.0))
    assert net.load_state_dict(state, assign=True) == ([], [])
    assert net.scale is state["scale"] and net.first.weight.array is state["again.weight"].array
    assert net.first.weight.dtype == md.float64 and net.first.weight.requires_grad and not net.first.bias.requires_grad
    assert isinstance(net.first.weight, nn.Parameter) and net.seen is state["seen"]


@pytest.mark.parametrize("state, error, said", [
    ([1], TypeError, "load_state_dict: expected a dict of paths and tensors, got list"),
    ({"weight": 1.0, "bias": md.zeros(2)}, TypeError, "load_state_dict: expected a tensor, got float"),
    ({"weight": md.zeros(3), "bias": md.zeros(2)}, RuntimeError, "weight is 3, expected 2×2"),
    ({"weight": md.zeros(3), 3: md.zeros(1)}, RuntimeError, "missing: bias; unexpected: 3; weight is 3, expected 2×2$"),
    ({"weight": md.zeros(2, 2), "bias": md.zeros(2), 3: md.zeros(1)}, RuntimeError, "unexpected: 3"),
])  # fmt: skip
@pytest.mark.parametrize("assign", [True, False])
def test_states_that_do_not_fit(state, error, said, assign):
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().numpy().copy()
    with pytest.raises(error, match=said):
        layer.load_state_dict(state, assign=assign)
    assert np.array_equal(layer.weight.detach().numpy(), before)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"])
def test_copies(copied):
    net = Net()
    net.scale = None
    twin = copied(net)
    assert twin.again is twin.first and twin.first.weight is not net.first.weight
    assert list(twin.state_dict()) == list(net.state_dict()) and twin._parameters == {"scale": None}
    twin.seen.fill_(3)
    assert net.seen.item() == 0 and "passing" not in twin.state_dict()


# --- values that no layer can have ------------------------------------------------------------------------------------

NORMS = {
    nn.BatchNorm1d: (2,), nn.BatchNorm2d: (2,), nn.InstanceNorm1d: (2,), nn.InstanceNorm2d: (2,), nn.LayerNorm: (2,),
    nn.GroupNorm: (1, 2), nn.LazyBatchNorm2d: (),
}  # fmt: skip


@pytest.mark.parametrize("layer", NORMS)
def test_eps_and_momentum_are_numbers(layer):
    for eps in (float("nan"), "1e-5", None):
        with pytest.raises(ValueError, match=f"{layer.__name__}: eps must be a number, got"):
            layer(*NORMS[layer], eps=eps)
    if hasattr(layer, "counted"):
        for momentum in (float("nan"), "0.1"):
            with pytest.raises(ValueError, match=f"{layer.__name__}: momentum must be a number, got"):
                layer(*NORMS[layer], momentum=momentum)


def test_layers_start_anew():
    """`reset_parameters` draws as the constructor did; statistics and slopes are what they were at first."""
    for make in (lambda: nn.Linear(3, 4), lambda: nn.Conv2d(2, 4, 3), lambda: nn.ConvTranspose1d(2, 4, 3),
                 lambda: nn.Embedding(4, 3, 1), lambda: nn.BatchNorm1d(3), lambda: nn.LayerNorm(3),
                 lambda: nn.PReLU(3, 0.1), lambda: nn.GroupNorm(1, 3),
                 lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True)):  # fmt: skip
        md.manual_seed(5)
        layer = make()
        first = {name: value.numpy().copy() for name, value in layer.state_dict().items()}
        for tensor in layer.state_dict().values():
            tensor.fill_(7)
        md.manual_seed(5)
        layer.reset_parameters()
        assert all(np.array_equal(value.numpy(), first[name]) for name, value in layer.state_dict().items())


def test_embedding_from_pretrained():
    table = md.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    layer = nn.Embedding.from_pretrained(table, padding_idx=2)
    assert layer(md.tensor([2, 0])).numpy().tolist() == [[5, 6], [1, 2]] and not layer.weight.requires_grad
    assert (layer.num_embeddings, layer.embedding_dim, layer.padding_idx) == (3, 2, 2)
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    with pytest.raises(ValueError, match="from_pretrained: expected a table .rows, features., got 3"):
        nn.Embedding.from_pretrained(md.ones(3))


def test_containers_of_parameters():
    net = nn.Module()
    net.list = nn.ParameterList([md.ones(2), nn.Parameter(md.zeros(3))])
    net.dict = nn.ParameterDict({"a": md.ones(1)})
    net.list.append(md.ones(4))
    net.dict["b"] = md.ones(5)
    assert [name for name, _ in net.named_parameters()] == ["list.0", "list.1", "list.2", "dict.a", "dict.b"]
    assert [p.numel() for p in net.list[1:]] == [3, 4] and len(net.list) == 3 and "b" in net.dict
    shown = [f"({i}): Parameter containing: [float32 of size {n}]" for i, n in enumerate((2, 3, 4))]
    assert repr(net.list) == "\n  ".join(["ParameterList(", *shown]) + "\n)"
    net.list[0] = md.zeros(6)
    assert net.list[0].numel() == 6 and isinstance(net.list[0], nn.Parameter)
    with pytest.raises(TypeError, match="ParameterList: 3 must be a Parameter"):
        net.list.append(3.0)
    with pytest.raises(TypeError, match="ParameterList: expected several, as a list, got Tensor"):
        net.list.extend(md.ones(2))
    with pytest.raises(IndexError, match="ParameterList: index 3 is out of range for 3 parameters"):
        net.list[3]


def test_a_list_is_unpacked_for_sequential():
    with pytest.raises(TypeError, match=r"one by one, got a list; unpack it: Sequential\(\*layers\)"):
        nn.Sequential([nn.ReLU()])


def test_a_generator_that_is_used_up_is_told():
    net = Net()
    parameters = net.parameters()
    list(parameters)
    with pytest.warns(UserWarning, match="clip_grad_norm_: the generator of parameters is used up"):
        assert nn.utils.clip_grad_norm_(parameters, 1.0) == 0


def test_same_padding_takes_a_stride_of_one_in_every_form():
    for stride in (1, (1,), [1, 1], (1, 1)):
        assert nn.Conv2d(1, 1, 3, stride, "same")(md.ones(1, 1, 4, 4)).shape == (1, 1, 4, 4)
    with pytest.raises(ValueError, match="'same' needs stride 1"):
        nn.Conv2d(1, 1, 3, (1, 2), "same")


def test_functional_is_found_under_nn_too():
    import minidl.nn.functional as under_nn

    assert under_nn is md.functional


class Own(nn.Conv2d):
    """With attributes of names that say something here."""

    def __init__(self):
        super().__init__(1, 2, 3)
        self.frozen, self.rank, self.lazy, self.options = True, 4, True, {}
        self.registered_hooks, self.buffer_names, self.vacant, self.regularizers = [1], ["a"], None, [2]

    def locate(self):
        raise AssertionError("is nothing of ours")


def test_attributes_of_ones_own():
    """They change nothing, whatever they are called."""
    layer = Own()
    assert layer.train().training and layer.frozen is True and sorted(layer.state_dict()) == ["bias", "weight"]
    assert layer(md.zeros(1, 1, 5, 5)).shape == (1, 2, 3, 3) and nn.regularizers.regularization(layer) == 0.0
    with pytest.raises(ValueError, match="input has 2 channels"):
        layer(md.zeros(1, 2, 5, 5))
    norm, pool = nn.BatchNorm2d(2), nn.MaxPool2d(2)
    norm.channels, norm.ranks, pool.options, pool.function = 7, (), (), None
    assert nn.Sequential(norm, pool)(md.randn(2, 2, 4, 4)).shape == (2, 2, 2, 2)
