"""What can be read off a layer, and which names there are, beside PyTorch's."""

import inspect

import pytest
from arguments.surface import CASES, LAYERS, SILENT, attributes, made
from parity import OURS, THEIRS, torch

import minidl as md

NOT_LAYERS = {"Module", "Parameter", "UninitializedParameter", "UninitializedBuffer"}


def test_every_layer_is_here():
    ours = {name for name, value in vars(md.nn).items() if isinstance(value, type) and issubclass(value, md.nn.Module)}
    assert ours - NOT_LAYERS == LAYERS.keys()


@pytest.mark.parametrize("name, args, options", CASES, ids=str)
def test_attributes(name, args, options):
    """All that PyTorch's layer remembers of its arguments is here, with its values; and what it prints."""
    ours, theirs = (made(m, name, args, options) for m in (OURS, THEIRS))
    for attribute, want in attributes(theirs).items():
        got = getattr(ours, attribute, None)
        assert got == want and type(got) is type(want), (attribute, got, want)
    assert (repr(ours) == repr(theirs)) != (name in SILENT and ours.inplace)
    assert ours.training and not ours.eval().training
    for kind in ("_parameters", "_buffers", "_modules"):
        mine, other = getattr(ours, kind), getattr(theirs, kind)
        assert list(mine) == list(other)
        assert [v is None for v in mine.values()] == [v is None for v in other.values()]
    if not name.startswith("Lazy"):
        shapes = [{key: tuple(value.shape) for key, value in m.state_dict().items()} for m in (ours, theirs)]
        assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_names_are_free_that_pytorch_leaves_free(name):
    """What a subclass calls its own, such as `rank`, is nothing of ours."""
    ours, theirs = (made(m, name, *LAYERS[name][0]) for m in (OURS, THEIRS))
    own = {attribute for attribute in dir(ours) if not attribute.startswith("_") and not hasattr(theirs, attribute)}
    own -= {"p"} if name == "PairwiseDistance" else set()  # which PyTorch calls norm
    assert not [attribute for attribute in own if not callable(getattr(ours, attribute))]


REFUSED = {"max_norm", "norm_type", "scale_grad_by_freq", "sparse", "_weight", "_freeze", "min_value", "max_value"}
ANYTHING = {"Tanh", "Sigmoid", "LogSigmoid", "Softsign", "Tanhshrink", "Softmax2d"}  # PyTorch's swallow any argument


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - ANYTHING))
def test_constructors_take_the_same(name):
    """Names, order, kinds and defaults."""

    def parameters(m):
        found = inspect.signature(getattr(m.nn, name)).parameters.values()
        kept = [p for p in found if p.name not in REFUSED]
        return [(p.name, p.kind, p.default) for p in kept]

    ours, theirs = parameters(OURS), parameters(THEIRS)
    if name == "Embedding":  # device and dtype by name alone, for what is left out before them
        assert [p[0] for p in ours] == [p[0] for p in theirs]
    else:
        assert ours == theirs


# --- names ------------------------------------------------------------------------------------------------------------

LATER = {
    "nn": """Buffer RMSNorm RReLU LPPool1d LPPool2d FractionalMaxPool2d CTCLoss GaussianNLLLoss
        PoissonNLLLoss MultiMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss TripletMarginWithDistanceLoss
        AdaptiveLogSoftmaxWithLoss EmbeddingBag FeatureAlphaDropout CrossMapLRN2d NLLLoss2d Container RNNBase
        RNNCellBase LinearCrossEntropyLoss LinearCrossEntropyOptions""",
    "nn.Module": """bfloat16 ipu xpu mtia compile share_memory to_empty dump_patches T_destination call_super_init
        get_extra_state set_extra_state register_load_state_dict_post_hook register_load_state_dict_pre_hook
        register_state_dict_post_hook register_state_dict_pre_hook set_submodule""",
    "nn.init": "",
    "nn.utils": """clip_grad_norm get_total_norm clip_grads_with_norm_ weight_norm remove_weight_norm spectral_norm
        remove_spectral_norm fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights
        skip_init convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format""",
}


def public(owner):
    """What PyTorch has there, but modules, and what belongs to its machinery."""
    names = getattr(owner, "__all__", None) or [name for name in dir(owner) if not name.startswith("_")]
    return {
        name
        for name in names
        if name != "factory_kwargs" and callable(getattr(owner, name, None)) or inspect.isclass(owner)
    }


@pytest.mark.parametrize("space", LATER)
def test_names_that_are_not_here_are_known(space):
    """Each is refused with what to use instead, or stands in the list of what nobody has asked for."""
    ours, theirs = md, torch
    for part in space.split("."):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    instance = ours() if space == "nn.Module" else ours
    silent = set()
    for name in public(theirs):
        try:
            getattr(instance, name)
        except AttributeError as error:
            if "; " not in str(error):
                silent.add(name)
            assert not str(error).endswith(f"; did you mean {name}?")
    assert silent <= {*LATER[space].split()}
