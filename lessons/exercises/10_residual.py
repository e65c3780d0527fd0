"""The exercises of lesson 10."""

import numpy as np

import minidl as md
import minidl.functional as F
from minidl import nn
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 10.1 -------------------------------------------------------------------------------------------------------------

vanishing = Exercise(
    "10.1",
    "a gradient through sigmoids",
    minutes=8,
    difficulty=2,
    purpose="The number that kept networks shallow for thirty years, measured.",
    hints=[
        "Go through weights and outputs from the last to the first: reversed(weights), reversed(outputs).",
        "outputs has one layer for each matrix: z of the last layer is outputs[-1], and σ' there is z·(1 − z).",
        "g = (g * z * (1 - z)) @ w.T, and each g into a list.",
    ],
    forbidden=["grad", "backward"],
)


@vanishing.solution
def through(g, weights, outputs):
    """The gradients after each layer back, the last layer's first, from g (1, k) of the last output."""
    found = []
    for w, z in zip(reversed(weights), reversed(outputs)):
        g = (g * z * (1 - z)) @ w.T
        found.append(g)
    return found


def layers(depth, k, seed):
    """A gradient, weights, and the outputs of layers of sigmoid."""
    rng = np.random.default_rng(seed)
    weights, outputs, x = [rng.standard_normal((k, k)) for _ in range(depth)], [], rng.standard_normal((1, k))
    for w in weights:
        x = 1 / (1 + np.exp(-x @ w))
        outputs.append(x)
    return rng.standard_normal((1, k)), weights, outputs


@vanishing.calls
def vanishing_calls():
    yield call(np.array([[1.0]]), [np.array([[2.0]])], [np.array([[0.5]])])
    yield call(*layers(3, 4, 0))


@vanishing.expected
def vanishing_expected(g, weights, outputs):
    """By the library's tape: each layer's input is what makes its output."""
    found, g = [], md.tensor(g)
    for w, z in zip(weights[::-1], outputs[::-1], strict=True):
        x = md.tensor(np.linalg.solve(w.T, np.log(z / (1 - z)).T).T, requires_grad=True)
        (g,) = md.grad((md.sigmoid(x @ md.tensor(w)) * g).sum(), [x])
        found.append(g.numpy())
    return found


@vanishing.wrong("the slope of sigmoid is left out: only the matrices are gone back through")
def without_slope(g, weights, outputs):
    found = []
    for w in reversed(weights):
        g = g @ w.T
        found.append(g)
    return found


@vanishing.wrong("the gradient is multiplied by z, where the slope is z·(1 − z)")
def by_the_output(g, weights, outputs):
    found = []
    for w, z in zip(reversed(weights), reversed(outputs), strict=True):
        g = (g * z) @ w.T
        found.append(g)
    return found


@vanishing.wrong("the way back goes through W, not through Wᵀ")
def not_transposed(g, weights, outputs):
    return through(g, [w.T for w in weights], outputs)


@vanishing.wrong("the layers are gone through from the first to the last, where a gradient comes back from the last")
def forwards(g, weights, outputs):
    return through(g, weights[::-1], outputs[::-1])


@vanishing.wrong("the gradients stand in the order of the layers, where that of the last layer is asked for first")
def first_layer_first(g, weights, outputs):
    return through(g, weights, outputs)[::-1]


# --- 10.2 -------------------------------------------------------------------------------------------------------------

block = Exercise(
    "10.2",
    "a block backward",
    minutes=6,
    difficulty=2,
    purpose="Two lines, and the reason why networks of a hundred layers can be trained.",
    hints=[
        "First through relu: where z is 0, nothing comes back.",
        "The sum hands the same gradient to both its terms: to x itself, and to f(x).",
        "g = g * (z > 0), then g + branch_back(g).",
    ],
)


@block.solution
def block_back(g, z, branch_back):
    """The gradient of x, from that of z = relu(x + f(x)); branch_back takes one of f(x) back to x."""
    g = g * (z > 0)
    return g + branch_back(g)


class Times:
    """The way back through f(x) = x·M, printed as what it does."""

    def __init__(self, matrix):
        self.matrix = np.asarray(matrix)

    def __call__(self, g):
        return g @ self.matrix.T

    def __repr__(self):
        return f"lambda g: g @ {self.matrix.T.round(2).tolist()}"


@block.calls
def block_calls():
    yield call(np.array([[1.0, 1.0]]), np.array([[2.0, 0.0]]), Times([[3.0, 0.0], [5.0, 7.0]]))
    z = np.maximum(RNG.standard_normal((3, 4)), 0)
    yield call(RNG.standard_normal((3, 4)), z, Times(RNG.standard_normal((4, 4))))


@block.expected
def block_expected(g, z, branch_back):
    """By the Jacobian of x + x·M, of which relu keeps the columns where z is not 0."""
    jacobian = np.eye(z.shape[1]) + branch_back(np.eye(z.shape[1]))
    return np.stack([(row * (out != 0)) @ jacobian for row, out in zip(g, z, strict=True)])


@block.wrong("the gradient comes back through f alone: the skip is forgotten")
def without_skip(g, z, branch_back):
    return branch_back(g * (z > 0))


@block.wrong("relu behind the sum is forgotten")
def without_relu(g, z, branch_back):
    return g + branch_back(g)


@block.wrong("relu is applied to one of the two ways alone: it stands behind the sum, before both")
def relu_on_one_way(g, z, branch_back):
    return g + branch_back(g * (z > 0))


@block.wrong("what f hands back is multiplied by the gradient, where the two are added")
def multiplied(g, z, branch_back):
    g = g * (z > 0)
    return g * (1 + branch_back(g))


@block.wrong("the two ways are averaged, where they are added")
def averaged(g, z, branch_back):
    return block_back(g, z, branch_back) / 2

# --- 10.3 -------------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """The lesson's block between images of one size; `seed` draws its weights."""

    def __init__(self, channels, seed=0):
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in range(2))
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        rng = np.random.default_rng(seed)
        for layer in (self.conv1, self.conv2):
            layer.weight.data.copy_(md.tensor(rng.standard_normal(layer.weight.shape), dtype=md.float32))

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + x)


silent = Exercise(
    "10.3",
    "a silent block",
    minutes=6,
    difficulty=2,
    purpose="One line that makes deep networks easier to train; torchvision calls it zero_init_residual.",
    hints=[
        "What comes last before the sum? Its result must be 0, whatever the image.",
        "bn2 gives γ·x̂ + β, and β is 0 already. If γ is 0, what is the gradient of γ? And if all else were 0, too?",
        "Of network.modules(), those with hasattr(module, \"bn2\") are blocks: nn.init.zeros_(module.bn2.weight).",
    ],
)


@silent.solution
def silence(network):
    """Make each block the identity on what comes out of a relu, and able to learn; how many blocks there are."""
    blocks = 0
    for module in network.modules():
        if hasattr(module, "bn2"):
            nn.init.zeros_(module.bn2.weight)
            blocks += 1
    return blocks


@silent.calls
def silent_calls():
    yield call(nn.Sequential(Block(2)))
    yield call(nn.Sequential(nn.Sequential(Block(3, seed=1)), nn.ReLU(), Block(3, seed=2)))


def drawn(network):
    """Images as they come out of a relu, and a gradient, of the channels of its last block."""
    rng, shape = np.random.default_rng(2), (2, len(network[-1].bn1.weight), 4, 4)
    return [np.abs(rng.standard_normal(shape)).astype(np.float32) for _ in range(2)]


@silent.through
def behaviour(candidate, network):
    """How many blocks it counts, what the network answers, and the gradient of what the last batch norm multiplies."""
    blocks = candidate(network)
    x, g = map(md.tensor, drawn(network))
    z = network(x)
    (z * g).sum().backward()
    return blocks, z.detach().numpy(), network[-1].bn2.weight.grad.numpy()


@silent.expected
def silent_expected(network):
    """x comes back as it is; the gradient of γ is Σ g·x̂ for each channel."""
    x, g = drawn(network)
    normed, last = md.tensor(x), network[-1]
    for layer, bend in ((last.conv1, F.relu), (last.conv2, lambda x: x)):
        normed = bend(F.batch_norm(F.conv2d(normed, layer.weight.detach(), padding=1), None, None, training=True))
    return (len(network) + 1) // 2, x, (g * normed.numpy()).sum((0, 2, 3))


def each(network, change):
    """Change each block; how many there are."""
    blocks = [module for module in network.modules() if isinstance(module, Block)]
    for block in blocks:
        change(block)
    return len(blocks)


@silent.wrong("what bn2 sees is 0, too: no gradient comes to its γ, and the block stays silent for ever")
def deaf(network):
    return each(network, lambda block: nn.init.zeros_(block.bn1.weight))


@silent.wrong("β is set to 0, as it is from the start")
def the_bias(network):
    return each(network, lambda block: nn.init.zeros_(block.bn2.bias))


@silent.wrong("γ of bn2 is made small, where it must be 0 for the block to be the identity")
def small_scale(network):
    return each(network, lambda block: block.bn2.weight.data.mul_(0.1))


@silent.wrong("all modules are counted, not the blocks alone")
def all_counted(network):
    silence(network)
    return len(list(network.modules()))


@silent.wrong("the first block alone is made silent")
def the_first_alone(network):
    blocks = []
    number = each(network, blocks.append)
    nn.init.zeros_(blocks[0].bn2.weight)
    return number
