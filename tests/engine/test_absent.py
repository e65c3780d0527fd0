"""What is not here says what to use: names of PyTorch's, arguments, and what may have been meant."""

import copy
import importlib.util
import pickle
import re
import sys

import pytest

import minidl as md
from minidl import autograd, data, functional, nn, optim, utils
from minidl.data import transforms
from minidl.engine.absent import ABSENT, ARGUMENTS, MODULES, AbsentModules

PLACES = [md, nn, nn.utils, functional, optim, data, transforms, transforms.functional, utils, autograd, md.Tensor]


def x():
    return md.ones(2, 2)


NAMES = {
    "an old wrapper": (lambda: md.Variable, "minidl has no Variable; every Tensor records; set requires_grad=True"),
    "an old constructor": (lambda: md.FloatTensor, "FloatTensor; an old constructor; use minidl.tensor"),
    "a compiler": (lambda: md.jit, "jit; there is no compiler here; leave the call out"),
    "a volume": (lambda: nn.Conv3d, "minidl.nn has no Conv3d; volumes .* are out of scope"),
    "a volume's function": (lambda: functional.max_pool3d, "minidl.functional has no max_pool3d; volumes"),
    "a wrapper": (lambda: nn.DataParallel, "one process uses one device; minidl.distributed.D"),
    "recurrence": (lambda: nn.LSTM, "recurrent networks are out of scope"),
    "a decomposition": (lambda: md.svd, "use numpy.linalg"),
    "a layer's function": (lambda: functional.lp_pool2d, "minidl.functional has no lp_pool2d; it is a few lines"),
    "a method": (lambda: x().det(), "Tensor has no det; matrix decompositions"),
    "a method that writes": (lambda: x().index_put_((), x()), "Tensor has no index_put_; x\\[index\\] = value writes"),
    "a function of another place": (lambda: md.conv2d, "minidl has no conv2d; minidl.functional has it$"),
    "a slip of a name": (lambda: md.sqrtt, "minidl has no sqrtt; did you mean sqrt?"),
    "a policy": (lambda: transforms.RandAugment, "has no RandAugment; there are no policies here; RandomApply"),
    "more crops than one": (lambda: transforms.TenCrop, "has no TenCrop; a batch has one crop of each image; stack"),
    "a transform's function": (lambda: transforms.functional.to_tensor, "has no to_tensor; an old name; use ToTensor"),
    "a slip of a transform": (lambda: transforms.RandomHorizontalFilp, "did you mean RandomHorizontalFlip?"),
    "another case": (lambda: nn.conv2d, "minidl.nn has no conv2d; did you mean Conv2d?"),
    "of an optimizer": (lambda: optim.Sgd, "minidl.optim has no Sgd; did you mean SGD?"),
    "of a loader": (lambda: data.Dataloader, "minidl.data has no Dataloader; did you mean DataLoader?"),
    "of a gradient": (lambda: autograd.Variable, "minidl.autograd has no Variable; every Tensor records"),
    "like nothing": (lambda: md.qwertz, "minidl has no qwertz$"),
    "a dunder": (lambda: md.__arange__, "minidl has no __arange__$"),
    "a capital": (lambda: nn.MaxPool3D, "minidl.nn has no MaxPool3D; volumes .* are out of scope"),
    "its own, as another's": (lambda: nn.GroupNORM, "minidl.nn has no GroupNORM; did you mean GroupNorm?"),
    "a module": (lambda: nn.utilz, "minidl.nn has no utilz$"),
    "what is private": (lambda: md._version__, "minidl has no _version__$"),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_name(case):
    read, said = NAMES[case]
    with pytest.raises(AttributeError, match=said):
        read()


@pytest.fixture
def forgotten():
    """Modules that are imported meanwhile are taken off again."""
    before = set(sys.modules)
    yield
    for name in sorted(set(sys.modules) - before, reverse=True):  # what is inside first
        parent, _, leaf = name.rpartition(".")
        delattr(sys.modules[parent], leaf)
        del sys.modules[name]


IMPORTS = {
    "from minidl.nn import DataParallel": "^minidl.nn has no DataParallel; one process uses one device",
    "from minidl.nn import Variable": "^minidl.nn has no Variable; every Tensor records",
    "from minidl.xpu import device_count": "^minidl.backend.xpu has no device_count",
    "from minidl.distributions import Normal": "^minidl.distributions has no Normal; rand, randn, normal",
    "from minidl.utils.tensorboard import SummaryWriter": "^minidl.utils.tensorboard has no .*; minidl.train.callbacks",
    "from minidl.cuda.amp import autocast": "^minidl.cuda.amp has no autocast; there is no mixed precision here",
    "from minidl.nn.modules.utils import _pair": "^minidl.nn.modules.utils has no _pair; layers are in minidl.nn",
    "from minidl.data.transforms import AutoAugment": "^minidl.data.transforms has no AutoAugment; there are",
    "from minidl.nn import Linear, LSTM": "^minidl.nn has no LSTM; recurrent networks are out of scope",
}


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("statement", IMPORTS)
def test_what_is_imported_by_name(statement):
    """Python's own message would hide what the attribute's error says."""
    with pytest.raises(ImportError, match=IMPORTS[statement]):
        exec(statement, {})


TAKEN = {
    "import minidl.nn.parallel; minidl.nn.parallel.data_parallel": "^minidl.nn.parallel has no .*; minidl.distr",
    "import minidl.utils.model_zoo as zoo; zoo.load_url('a.pth')": "^minidl.utils.model_zoo has no load_url; minidl.",
    "from minidl.utils.model_zoo import load_url as load; load('a.pth')": "^minidl.utils.model_zoo has no load_url; mi",
    "from minidl.hub import load_state_dict_from_url as load; load('a.pth', progress=True)": "^minidl.hub has no load_",
    "from minidl.autograd import Variable; Variable(1, requires_grad=True)": "^minidl.autograd has no Variable; every",
    "from minidl.autograd import Variable; isinstance(1, Variable)": "^minidl.autograd has no Variable; every Tensor",
    "from minidl.autograd import Variable; issubclass(int, Variable)": "^minidl.autograd has no Variable; every Tensor",
    "from minidl.autograd import Variable\nclass Mine(Variable): ...": "^minidl.autograd has no Variable; every Tensor",
    "import minidl.nn.modules.conv as conv; conv.Conv2d": "^minidl.nn.modules.conv has no Conv2d; layers are in minidl",
    "import minidl.cuda.amp as amp; amp.GradScaler": "^minidl.cuda.amp has no GradScaler; there is no mixed precision",
    "import minidl.hub; minidl.hub.load": "^minidl.hub has no load; minidl.models.get_model",
    "from minidl import linalg; linalg.norm": "^minidl.linalg has no norm; norm, cross and matmul are in minidl itself",
    "import minidl.distributed.rpc as rpc": "^No module named 'minidl.distributed.rpc'",
    "import minidl.qwertz": "^No module named 'minidl.qwertz'",
}


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("statement", TAKEN)
def test_a_module_that_is_not_here_is_empty(statement):
    """Programs import more than they use."""
    with pytest.raises((AttributeError, ModuleNotFoundError, RuntimeError), match=TAKEN[statement]):
        exec(statement, {})


def test_modules_that_are_not_here_are_found_in_minidl_alone():
    first = {name.partition(".")[0] for name in MODULES.split()}
    assert first - {"distributed"} < set(ABSENT)  # which is here, but not where PyTorch has it as well
    for name in ("jit", "json.jit", "minidl.json"):
        assert importlib.util.find_spec(name) is None


ARGUMENT = {
    "of an op": (lambda: md.sum(x(), out=x()), "sum: .*; there is no out=; assign the result"),
    "of what is composed": (lambda: md.mean(x(), out=x()), "mean: .*; there is no out=; assign the result"),
    "of a method": (lambda: x().add(1, out=x()), "add: .*; there is no out="),
    "of no hint": (lambda: md.mean(x(), nonsense=1), "unexpected keyword argument 'nonsense'$"),
}


@pytest.mark.parametrize("case", ARGUMENT)
def test_argument(case):
    call, said = ARGUMENT[case]
    with pytest.raises(TypeError, match=said):
        call()


def test_what_is_here_is_not_called_absent():
    def here(place, name):
        value = getattr(place, name, None)
        return value is not None and not isinstance(getattr(value, "__loader__", None), AbsentModules)  # imported

    assert not [(place, name) for place in PLACES for name in ABSENT if here(place, name)]
    assert not [name for name in ABSENT if not ABSENT[name] or ABSENT[name][0].isspace()]
    assert all(f"{name}" in text or "leave it out" in text for name, text in ARGUMENTS.items())


def test_a_tensor_is_copied_and_pickled_though_its_class_answers_for_what_it_lacks():
    for again in (copy.copy(x()), copy.deepcopy(x()), pickle.loads(pickle.dumps(x()))):
        assert md.equal(again, x())
    assert not hasattr(x(), "det") and getattr(x(), "det", 3) == 3
    assert type(x()).__getattribute__ is object.__getattribute__ and not hasattr(md.Tensor, "__getattr__")  # slow


def test_what_is_to_be_used_is_here():
    """Each name that stands after "use", in minidl, one of its modules or a tensor's methods."""
    said = {name: re.findall(r"\buse ((?:\w+(?:, | and | or )?)+)(?![.\w])", words) for name, words in ABSENT.items()}
    named = {
        name: [word for part in parts for word in re.split(r", | and | or ", part) if word]
        for name, parts in said.items()
    }
    missing = [
        (name, word)
        for name, words in named.items()
        for word in words
        if word not in ("dense", "ones", "or") and not any(hasattr(place, word) for place in (*PLACES, nn.Module))
    ]
    assert not missing and sum(map(len, named.values())) > 15
