"""The exercises of lesson 13."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn, optim
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)


def network():
    """A Sequential of (N, 3) to two scores, in training mode: dense, batch norm, dropout, relu, dense."""
    rng = np.random.default_rng(5)
    layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.ReLU(), nn.Linear(4, 2)).double()
    state = {name: rng.uniform(0.5, 1.5, value.shape) for name, value in layers.state_dict().items()}
    state["1.running_mean"] = np.array([2.5, 3.5, 4.0, 1.5])
    state = {name: md.tensor(value) for name, value in state.items() if not name.endswith("tracked")}
    layers.load_state_dict(state, strict=False)
    return layers


def embedded(images):
    """What the last layer of `network` is given, by the formulas of lesson 09, and all that it has by name."""
    state = {name: value.numpy() for name, value in network().state_dict().items()}
    z = images @ state["0.weight"].T + state["0.bias"]
    z = (z - state["1.running_mean"]) / np.sqrt(state["1.running_var"] + 1e-5)
    return np.maximum(state["1.weight"] * z + state["1.bias"], 0), state


# --- 13.1 -------------------------------------------------------------------------------------------------------------

embedding = Exercise(
    "13.1",
    "off with its head",
    minutes=6,
    difficulty=2,
    purpose="Features: all that another question needs of a network that has learned.",
    hints=[
        "network[:-1] is a Sequential of all layers but the last, the same ones; network.training is the mode.",
        "In training mode batch norm goes by the batch, and dropout drops: network.eval() first. Under `with "
        "md.no_grad():` no graph is made.",
        "At the end network.train(before), where before = network.training at the beginning.",
    ],
)


@embedding.solution
def embed(network, images):
    """What a Sequential's last layer is given for images, in evaluation mode, without a graph; it is left as it was."""
    training = network.training
    network.eval()
    with md.no_grad():
        features = network[:-1](images)
    network.train(training)
    return features


@embedding.through
def embedding_seen(candidate, images, training):
    """The features, whether they hang on a graph, and what the network is like afterwards."""
    layers = network().train(training)
    features = candidate(layers, md.tensor(images))
    modes = [layer.training for layer in layers]
    return {
        "features": features.detach(),
        "graph": features.requires_grad,
        "number of layers afterwards": len(layers),
        "training mode of each layer afterwards": modes,
    }


@embedding.calls
def embedding_calls():
    yield call(RNG.uniform(0, 1, (2, 3)), True)
    yield call(RNG.uniform(0, 1, (5, 3)), False)


@embedding.expected
def embedding_expected(images, training):
    """By formulas."""
    return {
        "features": embedded(images)[0],
        "graph": False,
        "number of layers afterwards": 5,
        "training mode of each layer afterwards": [training] * 5,
    }


@embedding.wrong("the network is asked in the mode that it has: batch norm goes by the batch, and dropout drops")
def in_its_mode(network, images):
    md.manual_seed(0)
    with md.no_grad():
        return network[:-1](images)


@embedding.wrong("scores are taken, not what the last layer makes them of")
def of_scores(network, images):
    training = network.training
    with md.no_grad():
        scores = network.eval()(images)
    network.train(training)
    return scores


@embedding.wrong("the network stays in evaluation mode")
def left_in_evaluation(network, images):
    with md.no_grad():
        return network.eval()[:-1](images)


@embedding.wrong("it is in training mode at the end, whatever it was in before")
def left_in_training(network, images):
    features = embed(network, images)
    network.train()
    return features


@embedding.wrong("a graph is made, and keeps all that was computed on the way")
def with_a_graph(network, images):
    training = network.training
    features = network.eval()[:-1](images)
    network.train(training)
    return features


@embedding.wrong("the network has lost its head for good")
def beheaded(network, images):
    features = embed(network, images)
    del network[-1]
    return features


# --- 13.2 -------------------------------------------------------------------------------------------------------------

stepping = Exercise(
    "13.2",
    "a step of the head alone",
    minutes=8,
    difficulty=2,
    purpose="Frozen is frozen: weights and statistics to the bit, whatever mode the loop has chosen.",
    hints=[
        "Two switches: requires_grad_ decides what the optimizer moves, eval() what batch norm counts and goes by.",
        "First all off: network.requires_grad_(False).eval(). Then the gradients of the last layer on: network[-1].",
        "Then as always: zero_grad, the cross-entropy of network(images), backward, step; and return the loss.",
    ],
)


@stepping.solution
def step(network, optimizer, images, labels):
    """One step of a Sequential's last layer by the cross-entropy, which is returned; all before it is frozen."""
    network.requires_grad_(False).eval()
    network[-1].requires_grad_(True).zero_grad()
    loss = F.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss


RATE, DECAY = 0.5, 0.1


@stepping.through
def stepped(candidate, images, labels):
    """Two steps, before each of which the loop calls ``train()``: the losses, the head, and what else has moved."""
    layers = network()
    before = {name: value.clone() for name, value in layers.state_dict().items()}
    optimizer = optim.SGD(layers.parameters(), lr=RATE, weight_decay=DECAY)
    losses = []
    for _ in range(2):
        layers.train()
        losses.append(candidate(layers, optimizer, md.tensor(images), md.tensor(labels)).item())
    after = layers.state_dict()
    moved = [name for name, value in before.items() if not np.array_equal(value.numpy(), after[name].numpy())]
    return {
        "names of what else has moved": [name for name in moved if not name.startswith("4")],
        "losses": losses,
        "weights of the head": after["4.weight"],
        "biases of the head": after["4.bias"],
    }


@stepping.calls
def stepping_calls():
    yield call(RNG.uniform(0, 1, (4, 3)), np.array([0, 1, 1, 0]))
    yield call(RNG.uniform(0, 2, (3, 3)), np.array([1, 1, 1]))


@stepping.expected
def stepping_expected(images, labels):
    """Softmax regression on the features, by lesson 02's formula."""
    z, state = embedded(images)
    weight, bias = state["4.weight"], state["4.bias"]
    losses, due = [], np.eye(2)[labels]
    for _ in range(2):
        scores = z @ weight.T + bias
        p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        losses.append(-np.log((p * due).sum(1)).mean())
        slope = (p - due) / len(labels)
        weight = weight - RATE * (slope.T @ z + DECAY * weight)
        bias = bias - RATE * (slope.sum(0) + DECAY * bias)
    return {
        "names of what else has moved": [],
        "losses": losses,
        "weights of the head": weight,
        "biases of the head": bias,
    }


def learn(network, optimizer, images, labels):
    """A step, as the network stands."""
    optimizer.zero_grad()
    loss = F.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss


@stepping.wrong("weights are frozen, and statistics are not: batch norm goes by the batch, and counts")
def without_evaluation(network, optimizer, images, labels):
    md.manual_seed(0)
    network.requires_grad_(False)
    network[-1].requires_grad_(True)
    return learn(network, optimizer, images, labels)


@stepping.wrong("statistics are frozen, and weights are not: evaluation mode stops no gradient")
def by_evaluation_alone(network, optimizer, images, labels):
    return learn(network.eval(), optimizer, images, labels)


@stepping.wrong("nothing is frozen")
def of_everything(network, optimizer, images, labels):
    md.manual_seed(0)
    return learn(network, optimizer, images, labels)


@stepping.wrong("the head is frozen with all else")
def of_nothing(network, optimizer, images, labels):
    return learn(network.requires_grad_(False).eval(), optimizer, images, labels)


@stepping.wrong("the gradient of the step before is still there: zero_grad is missing")
def accumulated(network, optimizer, images, labels):
    network.requires_grad_(False).eval()
    network[-1].requires_grad_(True)
    loss = F.cross_entropy(network(images), labels)
    loss.backward()
    optimizer.step()
    return loss


# --- 13.3 -------------------------------------------------------------------------------------------------------------

grouping = Exercise(
    "13.3",
    "rates that fall towards the input",
    minutes=7,
    difficulty=2,
    purpose="Fine-tuning that keeps what was worth keeping.",
    hints=[
        "layers = [layer for layer in network if list(layer.parameters())] leaves out relu, pooling and the like.",
        "Count from the head: it has depth 0, the one before it 1. The rate is lr * decay ** depth.",
        "Of layer i the depth is len(layers) - 1 - i; {'params': list(layer.parameters()), 'lr': …} for each.",
    ],
    forbidden=["param_groups_layer_decay"],
)


@grouping.solution
def groups(network, lr, decay):
    """Groups {"params": […], "lr": …} for an optimizer, one for each layer of a Sequential that has parameters."""
    layers = [params for layer in network if (params := [*layer.parameters()])]
    return [{"params": params, "lr": lr * decay ** (len(layers) - 1 - i)} for i, params in enumerate(layers)]


@grouping.through
def grouped(candidate, outputs, lr, decay):
    """The rate of each parameter of a network, as an optimizer has it, in the order of the groups."""
    layers = []
    for inputs, width in zip([2, *outputs], outputs, strict=False):
        layers += [nn.Linear(inputs, width), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Dropout())
    names = {id(p): name for name, p in network.named_parameters()}
    found = optim.SGD(candidate(network, lr, decay), lr=1.0).param_groups
    return [([names[id(p)] for p in group["params"]], group["lr"]) for group in found]


@grouping.calls
def grouping_calls():
    yield call([3, 2], 0.1, 0.5)
    yield call([4, 3, 5, 2], 0.01, 0.75)


@grouping.expected
def grouping_expected(outputs, lr, decay):
    """From the head backwards."""
    found, rate = [], lr
    for i in reversed(range(len(outputs))):
        found.insert(0, ([f"{2 * i}.weight", f"{2 * i}.bias"], rate))
        rate *= decay
    return found


@grouping.wrong("the head is the slowest: depth is counted from the input")
def from_the_input(network, lr, decay):
    found = groups(network, lr, decay)
    rates = [group["lr"] for group in found]
    return [group | {"lr": rate} for group, rate in zip(found, reversed(rates), strict=True)]


@grouping.wrong("the head, too, is slowed down: its depth is 0, not 1")
def head_slowed(network, lr, decay):
    return groups(network, lr * decay, decay)


@grouping.wrong("layers without parameters are counted")
def all_counted(network, lr, decay):
    depth = {id(layer): len(network) - 1 - i for i, layer in enumerate(network)}
    layers = [layer for layer in network if list(layer.parameters())]
    return [{"params": list(layer.parameters()), "lr": lr * decay ** depth[id(layer)]} for layer in layers]


@grouping.wrong("all layers but the head have one rate")
def of_one_rate(network, lr, decay):
    *rest, head = groups(network, lr, decay)
    return [*(group | {"lr": lr * decay} for group in rest), head]


@grouping.wrong("the rate is divided by the share each time, not multiplied")
def rising(network, lr, decay):
    return groups(network, lr, 1 / decay)
