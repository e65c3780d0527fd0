"""Networks and their parameters: `nn.Module`, containers, `nn.init`, `nn.utils`, the models."""

import math

import numpy as np

from arguments.table import (
    Part,
    Row,
    Statistics,
    converted,
    each,
    filled,
    fixed,
    flat,
    given,
    of,
    put,
    refused,
    row,
    summary,
    wave,
)

# --- modules ----------------------------------------------------------------------------------------------------------


def network(m):
    """A network with a module that has two names, a batch norm, and gradients."""
    shared = m.nn.Linear(2, 2)
    shared.register_buffer("count", m.tensor([3]))
    inside = m.nn.Sequential(shared, m.nn.Tanh(), shared)
    net = filled(m, m.nn.Sequential(m.nn.Linear(3, 2), inside, m.nn.BatchNorm1d(2)))
    for i, p in enumerate(net.parameters()):
        p.grad = m.tensor(np.float32(wave(*p.shape, phase=i)))
    return net


def described(value):
    """A module by its kind and its parameters, a tensor or a name as it is."""
    return [type(value).__name__, *value.parameters()] if hasattr(value, "named_modules") else value


def state(net):
    """All that can be read off a network, by name."""
    read = {name: value * 1 for name, value in net.state_dict().items()}
    read |= {f"{name}.training": [type(module).__name__, module.training] for name, module in net.named_modules()}
    return read | {f"{name}.grad": [p.requires_grad, p.grad] for name, p in net.named_parameters()}


def of_network(m, row, found, args, options):
    """What a method of the network returns, and what is other afterwards."""
    net, before = network(m), state(network(m))
    args, options = put({"a set with the network": {net}}, [net, *args], options)
    try:
        outcome = [described(value) for value in flat(found(*args, **options))]
    except RuntimeError:
        return "raises"
    after = state(net)
    kept = [name for name in after if name in before and in_short(after[name]) == in_short(before[name])]
    return [
        outcome,
        *[(name, value) for name, value in after.items() if name not in kept],
        sorted({*before} - {*after}),
    ]


def in_short(value):
    return list(map(summary, flat(value)))


def method(name, /, **base):
    """A row of a method of the network."""
    return row(f"nn.Module.{name}", of_network, **base)


def fewer(m):
    """A state for the network, without its first entry."""
    return {name: value * 2 for name, value in list(network(m).state_dict().items())[1:]}


RECURSE = dict(recurse=False)
PREFIX = dict(prefix="net", remove_duplicate=False)
method("parameters")(**RECURSE)
method("buffers")(**RECURSE)
method("named_parameters")(**RECURSE, **PREFIX)
method("named_buffers")(**RECURSE, **PREFIX)
method("named_modules")(**PREFIX, memo=Part("a set with the network"))
method("state_dict")(prefix="net.", keep_vars=True, destination=of(lambda m: {"first": m.tensor(1.0)}))
for name in ("named_children", "children", "modules", "eval", "cpu", "half", "float", "double"):
    method(name)()
method("type", dst_type=of("float16"))(dst_type=of("float64"))
method("get_buffer", target="2.running_mean")(target="2.running_var")
method("train")(mode=False)
method("requires_grad_")(requires_grad=False)
method("zero_grad")(set_to_none=False)
method("get_submodule", target="1.2")(target="0")
method("get_parameter", target="1.2.weight")(target="0.bias")
method("register_buffer", name="extra", tensor=np.arange(3))(tensor=None, persistent=False)
method("register_parameter", name="extra", param=of(lambda m: m.nn.Parameter(m.tensor([1.5]))))(param=None)
for name in ("add_module", "register_module"):
    method(name, name="extra", module=of(lambda m: filled(m, m.nn.Linear(1, 1))))(name="7")
method("apply", fn=of(lambda m: lambda module: module.eval()))()
method("to", target=(of("float16"),))()
method("to")(dtype=of("float16"))
method("load_state_dict", state_dict=of(fewer))(strict=False, assign=given(True, strict=False))


def in_container(m, row, found, args, options):
    """The names that modules get."""
    return [(name, described(module)) for name, module in found(*args, **options).named_modules()]


PARAMETER = of(lambda m: m.nn.Parameter(m.tensor([1.5])))
LAYERS = [of(lambda m: m.nn.Tanh()), of(lambda m: m.nn.ReLU())]
row("nn.ModuleList", in_container)(modules=LAYERS)
row("nn.ModuleDict", in_container)(modules=of(lambda m: {"a": m.nn.Tanh(), "b": m.nn.ReLU()}))
row("nn.ParameterList", in_container)(values=[PARAMETER, PARAMETER])
row("nn.ParameterDict", in_container)(parameters=of(lambda m: {"a": m.nn.Parameter(m.tensor([1.5]))}))
row("nn.Parameter", data=of(lambda m: m.tensor([1.5])))(requires_grad=False)

# --- first values -----------------------------------------------------------------------------------------------------


def drawn(m, row, found, args, options):
    """The distribution of what is drawn, and what kind of tensor it is."""
    m.manual_seed(0)
    z = found(*args, **options)
    return [Statistics(z.detach().numpy()), str(z.dtype).removeprefix("torch."), z.requires_grad]


WEIGHT = of(lambda m: m.zeros(100, 20, 3, 3))
SEEDED = of(lambda m: m.Generator().manual_seed(3))
KAIMING = dict(a=given(2.0), mode="fan_out", nonlinearity="tanh", generator=SEEDED)


def initialiser(name, theirs=None):
    """A row of an initialiser that draws."""
    return row(f"nn.init.{name}", drawn, theirs, tensor=WEIGHT)


initialiser("uniform_")(a=-3.0, b=5.0, generator=SEEDED)
initialiser("normal_")(mean=2.0, std=3.0, generator=SEEDED)
initialiser("trunc_normal_")(mean=1.0, std=2.0, a=-1.0, b=0.5, generator=SEEDED)
initialiser("xavier_uniform_")(gain=3.0, generator=SEEDED)
initialiser("xavier_normal_")(gain=3.0, generator=SEEDED)
initialiser("kaiming_uniform_")(**KAIMING)
initialiser("kaiming_normal_")(**KAIMING)
initialiser("orthogonal_")(gain=3.0, generator=SEEDED)
initialiser(
    "lecun_uniform_", lambda m, tensor, generator=None: m.nn.init.kaiming_uniform_(tensor, 1.0, generator=generator)
)(generator=SEEDED)
initialiser(
    "lecun_normal_", lambda m, tensor, generator=None: m.nn.init.kaiming_normal_(tensor, 1.0, generator=generator)
)(generator=SEEDED)
row("nn.init.constant_", tensor=WEIGHT, val=0.5)(val=-2)
row("nn.init.zeros_", tensor=of(lambda m: m.ones(2, 3)))()
row("nn.init.ones_", tensor=WEIGHT)()
row("nn.init.eye_", tensor=of(lambda m: m.zeros(3, 4)))()
row("nn.init.dirac_", tensor=of(lambda m: m.ones(4, 2, 3)))(groups=2)
row("nn.init.calculate_gain", nonlinearity="leaky_relu")(
    nonlinearity=each("linear", "conv2d", "sigmoid", "tanh", "relu", "selu"), param=0.3
)
row("nn.init.fans", None, lambda m, tensor: m.nn.init._calculate_fan_in_and_fan_out(tensor), tensor=WEIGHT)()


def kaiming_std(m, tensor, a, mode, nonlinearity):
    fan = m.nn.init._calculate_correct_fan(tensor, mode)
    return m.nn.init.calculate_gain(nonlinearity, a) / math.sqrt(fan)


KAIMING = dict(a=0.5, mode="fan_in", nonlinearity="leaky_relu")
row("nn.init.kaiming_std", None, kaiming_std, tensor=WEIGHT, **KAIMING)(a=0.0, mode="fan_out", nonlinearity="tanh")

# --- norms of weights ------------------------------------------------------------------------------------------------


def of_layer(m, row, found, args, options):
    """What a layer computes whose weight is computed, twice in training and once not, with gradients and state."""
    layer = filled(m, m.nn.Linear(3, 2)).double()
    if "remove" in row.name:
        for name in ("weight", "bias"):
            getattr(m.nn.utils, row.name.rpartition("remove_")[2])(layer, name)
        settle(m, layer)
    args, options = put({"layer": layer}, args, options)
    found(*args, **options)
    settle(m, layer)
    x = m.tensor(wave(4, 3))
    y = layer(x) * layer(x)
    y.sum().backward()
    layer.eval()
    return [y, layer(x), layer.state_dict(), *[p.grad for p in layer.parameters()]]


def settle(m, layer):
    """Put singular vectors in the place of those that were drawn."""
    for i, buffer in enumerate(layer.buffers()):
        with m.no_grad():
            buffer.copy_(m.tensor(wave(*buffer.shape, phase=i)))


NORMED = Part("layer")
row("nn.utils.spectral_norm", of_layer, module=NORMED)(name="bias", n_power_iterations=3, eps=10.0, dim=1)
row("nn.utils.weight_norm", of_layer, module=NORMED)(name="bias", dim=each(1, None))
row("nn.utils.remove_spectral_norm", of_layer, module=NORMED)(name="bias")
row("nn.utils.remove_weight_norm", of_layer, module=NORMED)(name="bias")

# --- gradients and vectors --------------------------------------------------------------------------------------------


def of_parameters(m, row, found, args, options):
    """What becomes of two parameters and their gradients; or of others, of which a gradient is infinite."""
    parameters = [m.tensor(wave(2, 3), requires_grad=True), m.tensor(wave(4), requires_grad=True)]
    beyond = [m.tensor(wave(2), requires_grad=True)]
    for p in [*parameters, *beyond]:
        (p**2 * (1 if p is not beyond[0] else float("inf"))).sum().backward()
    args, options = put({"parameters": parameters, "parameters beyond": beyond}, args, options)
    try:
        outcome = found(*args, **options)
    except RuntimeError:
        outcome = "raises"
    return [outcome, *parameters, *[p.grad for p in parameters]]


PARAMETERS = Part("parameters")
row("nn.utils.clip_grad_norm_", of_parameters, parameters=PARAMETERS, max_norm=0.5)(
    max_norm=100.0,
    norm_type=each(1.0, float("inf")),
    error_if_nonfinite=given(True, parameters=Part("parameters beyond")),
)
row("nn.utils.get_total_norm", tensors=[wave(2, 3), wave(4)])(
    norm_type=each(1.0, float("inf")), error_if_nonfinite=refused(True, tensors=[fixed(np.array([np.inf]))])
)
row("nn.utils.clip_grads_with_norm_", of_parameters, parameters=PARAMETERS, max_norm=0.5,
    total_norm=of(lambda m: m.tensor(2.0, dtype=m.float64)))(max_norm=0.1)  # fmt: skip
row("nn.utils.clip_grad_value_", of_parameters, parameters=PARAMETERS, clip_value=0.5)(clip_value=0.1)
row("nn.utils.parameters_to_vector", of_parameters, parameters=PARAMETERS)()
row("nn.utils.vector_to_parameters", of_parameters, vec=np.arange(10.0), parameters=PARAMETERS)()
row("nn.utils.pieces", None, lambda m, vector, shapes: [vector[:6].reshape(2, 3), vector[6:].reshape(4)],
    vector=wave(10), shapes=[(2, 3), (4,)])()  # fmt: skip

# --- models -----------------------------------------------------------------------------------------------------------


def in_evaluation(m, row, found, args, options):
    """What a network gives for weights of both signs, and the shares that it drops in training."""
    made = filled(m, found(*args, **options).to(m.float64))
    for i, weight in enumerate(p.detach() for p in made.parameters() if p.ndim > 1):
        weight.copy_(m.tensor(3 * wave(*weight.shape, phase=i) / math.sqrt(math.prod(weight.shape[1:]))))
    shares = [module.p for module in made.modules() if hasattr(module, "p")]
    inputs = [converted(m, value, []) for value in row.inputs]
    return [made.training, *shares, made.eval()(*inputs), *[list(v.shape) for v in made.state_dict().values()]]


def model(name, theirs, *inputs, **base):
    """A row of a network, which is built of PyTorch's layers anew."""
    return Row(f"models.{name}", base, inputs, in_evaluation, theirs)


def dense(m, *widths):
    layers = [m.nn.Flatten()]
    for n, k in zip(widths[:-1], widths[1:], strict=True):
        layers += [m.nn.Linear(n, k), m.nn.ReLU()]
    return m.nn.Sequential(*layers[:-1])


def simplenet(m, num_classes=10):
    first = [m.nn.Conv2d(1, 20, 5), m.nn.MaxPool2d(2), m.nn.ReLU()]
    second = [m.nn.Conv2d(20, 50, 5), m.nn.MaxPool2d(2), m.nn.ReLU()]
    return m.nn.Sequential(*first, *second, m.nn.Flatten(), *dense(m, 800, 256, num_classes))


def vgg_style(m, in_channels=3, size=32, num_classes=10, dropout=0.3):
    layers = []
    for width in (32, 64, 128):
        for channels in (in_channels, width):
            layers += [m.nn.Conv2d(channels, width, 3, padding=1, bias=False), m.nn.BatchNorm2d(width), m.nn.ReLU()]
        layers += [m.nn.MaxPool2d(2)]
        in_channels = width
    flat = 128 * (size // 8) ** 2
    layers += [m.nn.Flatten(), m.nn.Dropout(dropout), m.nn.Linear(flat, 256), m.nn.ReLU(), m.nn.Dropout(dropout)]
    return m.nn.Sequential(*layers, m.nn.Linear(256, num_classes))


model("mlp", dense, wave(2, 1, 2, 2), widths=(4, 5, 3, 2))(widths=(4, 2))
model("SimpLeNet", simplenet, wave(2, 1, 28, 28))(num_classes=3)
model("vgg_style", vgg_style, wave(2, 3, 16, 16), size=16)(num_classes=3, dropout=0.7)
model("vgg_style", vgg_style, wave(1, 1, 8, 8), in_channels=1, size=8)()
