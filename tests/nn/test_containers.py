"""Containers: lists and dictionaries of modules, and Sequential."""

import collections

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl import nn

LAYERS = [nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]


def named(*names):
    """What ``dict(model._modules)`` must be: these names, of the layers in their order."""
    return dict(zip(names, LAYERS, strict=False))


def children(model):
    return dict(model._modules)


@pytest.fixture(params=[nn.Sequential, lambda *layers: nn.ModuleList(layers)], ids=["Sequential", "ModuleList"])
def numbered(request):
    return request.param


def test_lists(numbered):
    model = numbered(*LAYERS)
    assert len(model) == 3 and list(model) == LAYERS and LAYERS[1] in model and nn.ReLU() not in model
    assert [model[i] for i in (0, -1, np.int64(1))] == [LAYERS[0], LAYERS[2], LAYERS[1]]
    assert children(model) == named("0", "1", "2") and children(numbered()) == {} and not numbered()
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    model[-1] = LAYERS[1]
    assert children(model) == {"0": LAYERS[0], "1": LAYERS[1], "2": LAYERS[1]}


def test_lists_grow(numbered):
    a, b, c = LAYERS
    model = numbered()
    assert model.append(a) is model and model.extend([b, c]) is model and children(model) == named("0", "1", "2")
    assert model.extend(model) is model and list(model) == LAYERS * 2
    left, right = numbered(a), numbered(b, c)
    joined = left + right
    assert type(joined) is type(model) and children(joined) == named("0", "1", "2")
    assert list(left) == [a] and list(right) == [b, c]
    same = joined
    joined += [a]
    assert same is joined and list(joined) == [*LAYERS, a]
    for index, expected in {0: [c, a, b], 1: [a, c, b], 2: [a, b, c], -1: [a, c, b], -2: [c, a, b]}.items():
        model = numbered(a, b)
        assert model.insert(index, c) is model
        assert children(model) == {str(i): layer for i, layer in enumerate(expected)}


def test_lists_shrink(numbered):
    a, b, c = LAYERS
    for index in range(-3, 3):
        model, rest = numbered(*LAYERS), list(LAYERS)
        del model[index], rest[index]
        assert children(model) == {str(i): layer for i, layer in enumerate(rest)}
        model, rest = numbered(*LAYERS), list(LAYERS)
        assert model.pop(index) is rest.pop(index) and list(model) == rest
    model = numbered(*LAYERS)
    del model[::2]
    assert children(model) == {"0": b}
    model = numbered(*LAYERS)
    gone = model.pop(slice(1, None))
    assert type(gone) is type(model) and list(gone) == [b, c] and children(model) == {"0": a}


def test_mistakes_leave_lists_as_they_were(numbered):
    model = numbered(*LAYERS)
    for act in (lambda: model[3], lambda: model.pop(-4), lambda: model.insert(4, 1), lambda: model.insert(-4, 1)):
        with pytest.raises(IndexError, match=f"{type(model).__name__}: index -?[34] is out of range for 3 modules"):
            act()
    for act in (lambda: model.append(1), lambda: model.insert(0, 1), lambda: model.__setitem__(0, 1)):
        with pytest.raises(TypeError, match=f"{type(model).__name__}: [03] must be a Module, got int"):
            act()
    with pytest.raises(TypeError, match="integer"):
        model["0"]
    assert children(model) == named("0", "1", "2")


def test_slices_of_a_sequential_keep_their_names_and_those_of_a_list_do_not():
    assert children(nn.Sequential(*LAYERS)[1:]) == {"1": LAYERS[1], "2": LAYERS[2]}  # as in PyTorch
    assert children(nn.ModuleList(LAYERS)[1:]) == {"0": LAYERS[1], "1": LAYERS[2]}
    assert list(nn.ModuleList(LAYERS)[::-1]) == LAYERS[::-1]
    part = nn.Sequential(*LAYERS)[1:].append(LAYERS[0])
    assert children(part) == {"1": LAYERS[1], "2": LAYERS[2], "3": LAYERS[0]}  # beside the others, in no one's place


def test_sequential():
    model, x = nn.Sequential(collections.OrderedDict(named("a", "b", "c"))), md.ones(5, 2)
    assert children(model) == named("a", "b", "c") and list(model.state_dict())[0] == "a.weight"
    assert np.array_equal(*(m(x).detach().numpy() for m in (model, nn.Sequential(*LAYERS))))
    assert children(model[:2]) == named("a", "b") and model.pop(0) is LAYERS[0]
    assert children(model) == {"0": LAYERS[1], "1": LAYERS[2]}  # as in PyTorch
    assert nn.Sequential()(x) is x


def test_module_dict():
    model = nn.ModuleDict(named("a", "b"))
    model["c"] = LAYERS[2]
    assert list(model) == list(model.keys()) == ["a", "b", "c"] and list(model.values()) == LAYERS
    assert dict(model.items()) == children(model) == named("a", "b", "c") and len(model) == 3
    assert "a" in model and "z" not in model and "training" not in model
    assert list(model.state_dict()) == ["a.weight", "a.bias", "c.weight", "c.bias"]
    for given in ([("x", LAYERS[0])], nn.ModuleDict(named("x"))):
        assert children(nn.ModuleDict(given)) == named("x")
    assert model.pop("b") is LAYERS[1] and list(model) == ["a", "c"]
    model.update({"c": LAYERS[1], "d": LAYERS[0]})
    assert list(model.values()) == [LAYERS[0], LAYERS[1], LAYERS[0]]
    del model["a"]
    model.eval()
    for act in (lambda: model["a"], lambda: model.pop("a"), lambda: model.__delitem__("training")):
        with pytest.raises(KeyError):
            act()
    model.clear()
    assert len(model) == 0 and not model.training and model == model and model != nn.ModuleDict()
    assert len({model, nn.ModuleDict()}) == 2
    for name in ("forward", "items", "training", "a.b", ""):
        with pytest.raises(ValueError, match=f"ModuleDict: '{name}' can't be the name of a Module"):
            model[name] = LAYERS[0]
    with pytest.raises(TypeError, match="ModuleDict: a must be a Module, got NoneType"):
        nn.ModuleDict({"a": None})


def test_modules_in_containers_are_found():
    class Net(nn.Module):
        def __init__(self):
            self.convs = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
            self.heads = nn.ModuleDict({"left": nn.Linear(2, 1), "right": nn.Sequential(nn.Linear(2, 1))})

        def forward(self, x, head):
            for conv in self.convs:
                x = conv(x)
            return self.heads[head](x)

    net = Net()
    assert net(md.ones(3, 2), "right").shape == (3, 1)
    assert [name for name in net.state_dict() if name.endswith("weight")] == [
        "convs.0.weight", "convs.1.weight", "heads.left.weight", "heads.right.0.weight"
    ]  # fmt: skip
    with pytest.raises(ValueError, match="heads.right.0: Linear"):
        net.heads["right"][0].forward = net.convs[0].forward = lambda x: F.linear(x, md.ones(1, 5))
        net.convs = nn.ModuleList()
        net(md.ones(3, 2), "right")


@pytest.mark.parametrize("module", [nn.ModuleList([nn.ReLU()]), nn.ModuleDict(), nn.Module()])
def test_what_has_no_forward_says_so(module):
    with pytest.raises(NotImplementedError, match=f"{type(module).__name__}.*: it has no forward to call; define one"):
        module(md.ones(1))


def test_the_order_of_dicts():
    """Parameters of a plain dict are sorted, as in PyTorch, and all else keeps its order."""
    pairs = [("b", md.ones(1)), ("a", md.zeros(1))]
    ordered = collections.OrderedDict(pairs)
    parameters = nn.ParameterDict(dict(pairs))
    assert list(parameters) == ["a", "b"] and parameters["b"].item() == 1
    parameters.update({"d": md.ones(2), "c": md.ones(3)})
    assert [name for name, _ in parameters.named_parameters()] == ["a", "b", "c", "d"]
    for kept in (pairs, ordered, nn.ParameterDict(ordered), iter(pairs)):
        assert list(nn.ParameterDict(kept)) == ["b", "a"]
    assert list(nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})) == ["b", "a"]


def test_any_name_may_be_a_key():
    """But those of methods."""
    for name in ("kind", "rank", "frozen", "vacant", "names", "type_", "0"):
        modules = nn.ModuleDict({name: nn.ReLU()})
        assert list(modules) == [name] and nn.ParameterDict({name: md.ones(1)})[name].tolist() == [1.0]
    with pytest.raises(ValueError, match="'keys' can't be the name of a Module, or is taken"):
        nn.ModuleDict({"keys": nn.ReLU()})
