"""Networks taken apart: what layers inside them give, another head, blocks and their learning rates."""

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl import models, nn
from minidl.nn.utils import skip_init

X = md.tensor(np.random.default_rng(0).standard_normal((2, 3, 33, 33)).astype(np.float32))


@pytest.fixture(scope="module")
def resnet():
    """A small residual network, in evaluation mode."""
    md.manual_seed(0)
    return models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=3).eval()


# --- what layers inside give ------------------------------------------------------------------------------------------


def by_hand(network, x):
    """What the layers give, called one after another."""
    x = network.maxpool(network.relu(network.bn1(network.conv1(x))))
    first = network.layer1(x)
    inner = network.layer2[0]
    second = network.layer2(first)
    return {"layer1": first, "layer2.0.conv1": inner.conv1(first), "layer2": second,
            "layer2.0.relu": inner.relu(inner.bn1(inner.conv1(first)))}  # fmt: skip


def test_what_layers_give(resnet):
    """A layer that is called twice gives what it gave first; the order is that of the paths."""
    paths = ["layer2", "layer1", "layer2.0.relu", "layer2.0.conv1"]
    extractor = models.create_feature_extractor(resnet, paths)
    assert isinstance(extractor, models.FeatureExtractor) and extractor.network is resnet
    found = extractor(X)
    assert list(found) == paths
    for path, expected in by_hand(resnet, X).items():
        np.testing.assert_allclose(found[path].detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert not any(module._registered_hooks for module in resnet.modules())


def test_names_of_outputs(resnet):
    extractor = models.create_feature_extractor(model=resnet, return_nodes={"layer2": "middle", "avgpool": "end"})
    assert {name: value.shape for name, value in extractor(X).items()} == {
        "middle": (2, 128, 5, 5), "end": (2, 512, 1, 1)
    }  # fmt: skip
    assert repr(extractor).startswith("FeatureExtractor(\n  return_nodes={'layer2': 'middle', 'avgpool': 'end'}")


def test_nothing_is_computed_behind_the_last_layer(resnet):
    called = []
    handles = [
        resnet.get_submodule(path).register_forward_hook(lambda m, a, z, path=path: called.append(path))
        for path in ("layer2", "layer3", "fc")
    ]
    try:
        models.create_feature_extractor(resnet, ["layer1", "layer2"])(X)
        assert called == ["layer2"]
        with pytest.raises(ValueError, match="conv1: Conv2d"):  # an error on the way leaves no hooks
            models.create_feature_extractor(resnet, ["layer1"])(X[:, :2])
    finally:
        for handle in handles:
            handle.remove()
    assert not any(module._registered_hooks for module in resnet.modules())


def test_gradients_flow_back_from_what_layers_give(resnet):
    x = X.detach().requires_grad_()
    models.create_feature_extractor(resnet, ["layer1"])(x)["layer1"].sum().backward()
    assert x.grad is not None and resnet.conv1.weight.grad is not None and resnet.layer2[0].conv1.weight.grad is None
    resnet.zero_grad()


@pytest.mark.parametrize("return_nodes, said", [
    (["layer5"], "create_feature_extractor: ResNet has no module 'layer5'; is it layer"),
    ([], r"expected a list of paths, or a dict of them and names, got \[\]"),
    ("layer1", "expected a list of paths, or a dict of them and names, got 'layer1'"),
    ({"layer1": "a", "layer2": "a"}, r"two outputs of one name in \['a', 'a'\]"),
])  # fmt: skip
def test_paths_that_are_refused(resnet, return_nodes, said):
    with pytest.raises(ValueError, match=said):
        models.create_feature_extractor(resnet, return_nodes)


def test_a_layer_that_is_not_called():
    model = Skipping()
    with pytest.raises(RuntimeError, match="create_feature_extractor: spare: not called by the network in training"):
        models.create_feature_extractor(model, ["used", "spare"])(md.ones(1, 2))


class Skipping(nn.Module):
    """Of its two layers it calls one."""

    def __init__(self):
        self.used, self.spare = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x):
        return self.used(x)


# --- another head -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [
    nn.Conv2d(4, 6, 3, 2, 1, 2, groups=2, bias=False, padding_mode="reflect", dtype=md.float64),
    nn.Conv2d(4, 6, (1, 3), padding=(0, 1), bias=True),
    nn.Linear(4, 6, bias=False, dtype=md.float16),
], ids=str)  # fmt: skip
def test_a_new_head_is_the_old_one_but_for_its_outputs(head):
    new = models.get_classifier(models.reset_classifier(nn.Sequential(nn.ReLU(), head), 8))
    assert new is not head and new.weight.dtype == head.weight.dtype
    assert repr(new) == repr(head).replace("4, 6", "4, 8").replace("out_features=6", "out_features=8")


HEADS = {  # of each family: the path of its head
    "fc64": "3", "simplenet": "classifier.2", "lenet5": "11", "keras_convnet": "8", "small_convnet": "11",
    "alexnet": "classifier.6", "alexnet_grouped": "classifier.6", "vgg11": "classifier.6", "vgg_style": "classifier.4",
    "resnet18": "fc", "resnet50v2": "fc", "resnet20": "linear", "nin": "20", "squeezenet1_1": "classifier.1",
    "densenet121": "classifier", "mobilenet_v1": "classifier.1", "mobilenet_v2": "classifier.1",
    "efficientnet_lite0": "classifier.1", "inception_v3": "fc", "googlenet": "fc", "xception": "fc",
    "nasnet_mobile": "fc", "dcgan_discriminator": "11",
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_the_head_of_each_family(name):
    network = skip_init(models.get_model, name)
    head = models.get_classifier(network)
    assert head is network.get_submodule(HEADS[name])
    inputs = head.weight.shape[1]
    assert models.reset_classifier(network, 7) is network
    new = models.get_classifier(network)
    assert new is network.get_submodule(HEADS[name]) and new is not head
    assert new.weight.shape[:2] == (7, inputs) and new.weight.shape[2:] == head.weight.shape[2:]
    assert new.weight.requires_grad and (new.bias is None) == (head.bias is None)


@pytest.mark.parametrize("name, size, features", [
    ("simplenet", (1, 28, 28), 256), ("squeezenet1_1", (3, 35, 35), 512), ("resnet20", (3, 16, 16), 64),
])  # fmt: skip
def test_a_network_with_another_head(name, size, features):
    """It gives so many scores, or what they are computed from."""
    network = models.get_model(name).eval()
    x = md.ones(2, *size)
    assert models.reset_classifier(network, num_classes=5)(x).shape == (2, 5)
    assert models.reset_classifier(network, 0)(x).shape == (2, features)


def test_what_a_head_is_computed_from(resnet):
    """The features without a head are what the head was given."""
    before = models.create_feature_extractor(resnet, ["avgpool"])(X)["avgpool"].flatten(1).detach().numpy()
    bare = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=3).eval()
    bare.load_state_dict(resnet.state_dict())
    np.testing.assert_array_equal(models.reset_classifier(bare, 0)(X).detach().numpy(), before)


def test_auxiliary_heads_are_new_too():
    network = models.reset_classifier(skip_init(models.googlenet), 4)
    assert [layer.out_features for layer in (network.aux1.fc2, network.aux2.fc2, network.fc)] == [4, 4, 4]
    assert network.aux1.fc1.out_features == 1024
    assert models.reset_classifier(skip_init(models.inception_v3), 4).AuxLogits.fc.out_features == 4


def test_a_new_head_is_drawn_from_the_stream_in_the_precision_of_the_old():
    heads = []
    for seed in (0, 0, 1):
        network = models.simplenet().double()
        md.manual_seed(seed)
        heads.append(models.get_classifier(models.reset_classifier(network, 10)).weight)
    assert heads[0].dtype == md.float64
    first, same, other = (head.detach().numpy() for head in heads)
    assert np.array_equal(first, same) and not np.array_equal(first, other)


@pytest.mark.usefixtures("standin")
def test_a_new_head_is_where_the_old_one_was():
    network = models.reset_classifier(nn.Sequential(nn.Linear(2, 3)).to("cuda"), 4)
    assert models.get_classifier(network).weight.device == "cuda:0"


@pytest.mark.parametrize("network, classes, said", [
    (lambda: nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), 3,
     "Sequential: expected its scores from a Linear or a Conv2d as its last layer, got BatchNorm1d"),
    (lambda: nn.Sequential(nn.ReLU()), 3, "as its last layer, got no layer with parameters"),
    (lambda: nn.Linear(2, 2), 3, "reset_classifier: the network is one layer, Linear"),
    (models.simplenet, -1, "reset_classifier: num_classes must be an integer of at least 0, got -1"),
    (models.simplenet, True, "reset_classifier: num_classes must be an integer of at least 0, got True"),
])  # fmt: skip
def test_heads_that_are_refused(network, classes, said):
    with pytest.raises(ValueError, match=said):
        models.reset_classifier(network(), classes)


# --- blocks and their learning rates ----------------------------------------------------------------------------------


def test_blocks():
    """Lists are taken apart, blocks are not; what has no parameters is none."""
    assert list(models.list_blocks(skip_init(models.resnet18))) == [
        "conv1", "bn1", *[f"layer{stage}.{i}" for stage in (1, 2, 3, 4) for i in (0, 1)], "fc"
    ]  # fmt: skip
    assert list(models.list_blocks(models.simplenet())) == ["features.0", "features.3", "classifier.0", "classifier.2"]
    blocks = models.list_blocks(skip_init(models.efficientnet_lite0))
    assert list(blocks)[:3] == ["features.0", "features.1.0", "features.2.0"] and len(blocks) == 19
    assert blocks["classifier.1"].out_features == 1000


def test_rates_fall_towards_the_input():
    """By the layer; a norm has the rate of its layer, and every parameter is in one group."""
    network = models.vgg_style()
    network.scale = nn.Parameter(md.ones(1))
    groups = models.param_groups_layer_decay(network, lr=0.8, layer_decay=0.5)
    rates = {group["name"]: group["lr"] for group in groups}
    assert [rates[name] for name in ("classifier.4", "classifier.1", "features.17", "features.18")] == pytest.approx(
        [0.8, 0.4, 0.2, 0.2]
    )
    assert rates["features.0"] == rates["features.1"] == pytest.approx(0.8 * 0.5**7)
    assert min(rates.values()) == rates[""]
    optimizer = md.optim.SGD(groups, lr=1.0)
    assert [group["lr"] for group in optimizer.param_groups] == list(rates.values())
    names = [name for group in optimizer.param_groups for name in group["param_names"]]
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    assert optimizer.param_groups[-1]["params"] == list(network.classifier[4].parameters())
    plain = models.param_groups_layer_decay(models.simplenet(), 1.0)
    assert [group["lr"] for group in plain] == [0.75**3, 0.75**2, 0.75, 1.0]


@pytest.mark.parametrize("options, said", [
    (dict(lr=-1.0), "lr must be a number of at least 0, got -1.0"),
    (dict(lr="1"), "lr must be a number of at least 0, got '1'"),
    (dict(lr=1.0, layer_decay=0.0), "layer_decay must be a number above 0, at most 1, got 0.0"),
    (dict(lr=1.0, layer_decay=1.5), "layer_decay must be a number above 0, at most 1, got 1.5"),
])  # fmt: skip
def test_rates_that_are_refused(options, said):
    with pytest.raises(ValueError, match=f"param_groups_layer_decay: {said}"):
        models.param_groups_layer_decay(models.simplenet(), **options)


# --- what is no network -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, further", [
    ("create_feature_extractor", ["layer1"]), ("get_classifier", None), ("reset_classifier", 2), ("list_blocks", None),
    ("param_groups_layer_decay", 0.1), ("load_keras_weights", "weights.h5"),
])  # fmt: skip
def test_what_is_no_network_is_refused(name, further):
    with pytest.raises(TypeError, match=f"^{name}: expected a Module, got function$"):
        getattr(models, name)(models.simplenet, *[further] * (further is not None))
