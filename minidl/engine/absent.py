"""PyTorch's names that are not here, and what to use: what an AttributeError says in their place."""

from __future__ import annotations

import difflib
import functools
import opcode
import sys
from collections.abc import Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

VOLUMES = "volumes (3-D layers) are out of scope; 1-D and 2-D ones are here"
RECURRENT = "recurrent networks are out of scope; Linear, Conv1d and a loop over time build one"
ATTENTION = "matmul and softmax build attention in a few lines"
ORDER = "the engine chooses the order in memory; leave memory_format= out, or call contiguous()"
DECOMPOSITION = "matrix decompositions are out of scope; use numpy.linalg on t.numpy(), which has no gradients"
COMPLEX = "complex tensors are out of scope; keep real and imaginary parts as two tensors"
SPARSE = "sparse tensors are out of scope; use dense ones"
QUANTIZED = "quantized tensors are out of scope"
OLD_TENSOR = "an old constructor; use minidl.tensor(data, dtype=…), or zeros, ones, empty for sizes; x.{0}() converts"
COMPILED = "there is no compiler here; leave the call out, programs run as they are"
PARALLEL = "one process uses one device; minidl.distributed.DistributedDataParallel, under mpiexec, uses several"
DISTRIBUTED = (
    "minidl.distributed has process groups, all_reduce and its like, DistributedDataParallel, SyncBatchNorm and "
    "DistributedSampler, on MPI alone"
)
OPTIMIZER = "Adam, AdamW and others are here; a subclass of minidl.optim.Optimizer that defines update() makes another"
FUNCTION = "it is a few lines of ops"
LAYER = "write it as a Module, whose forward is made of ops"
WEIGHTS = "nn.utils.spectral_norm and weight_norm are here; compute others in forward, from what they are made of"
STORAGE = "storages have no class here; t.array is the raw array, and t.data_ptr() tells shared memory"
POLICY = "there are no policies here; RandomApply([…], p) and RandomChoice([…]) of transforms make one for each image"
CROPS = "a batch has one crop of each image; stack those of transforms.functional.crop"
SIZES = "the images of a batch are of one size; use RandomResizedCrop"
BOXES = "boxes, masks and key points are out of scope; images alone are transformed"
TRANSFORM = "a subclass of Transform that defines transform(images, params) makes one"

STEP_HOOKS = (  # of optimizers; modules lack those of states, too
    "register_step_pre_hook register_step_post_hook register_state_dict_pre_hook register_state_dict_post_hook "
    "register_load_state_dict_pre_hook register_load_state_dict_post_hook"
)
ABSENT = {
    **dict.fromkeys(("Variable",), "every Tensor records; set requires_grad=True"),
    **{
        f"{kind}Tensor": OLD_TENSOR.format(kind.lower())
        for kind in ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Char", "Bool")
    },
    **dict.fromkeys(("jit", "compile", "fx", "_dynamo", "export", "onnx"), COMPILED),
    "DataParallel": PARALLEL,
    **dict.fromkeys(("DistributedDataParallel", "DistributedSampler", "SyncBatchNorm", "parallel"), DISTRIBUTED),
    **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"), RECURRENT),
    **dict.fromkeys(
        ("MultiheadAttention", "Transformer", "TransformerEncoder", "TransformerEncoderLayer", "TransformerDecoder",
         "TransformerDecoderLayer", "scaled_dot_product_attention", "multi_head_attention_forward"),
        ATTENTION,
    ),
    **dict.fromkeys(
        ("det", "slogdet", "logdet", "svd", "eig", "eigh", "qr", "lu", "cholesky", "inverse", "inv", "pinverse",
         "pinv", "lstsq", "solve", "matrix_rank", "matrix_exp"),
        DECOMPOSITION,
    ),
    "linalg": f"norm, cross and matmul are in minidl itself; {DECOMPOSITION}",
    "modules": "layers are in minidl.nn itself",
    **dict.fromkeys(
        ("complex", "complex64", "complex128", "cfloat", "cdouble", "polar", "view_as_complex", "view_as_real", "fft",
         "stft", "istft", "real", "imag", "angle", "conj"),
        COMPLEX,
    ),
    **dict.fromkeys(("sparse", "sparse_coo_tensor", "sparse_csr_tensor", "to_sparse", "to_dense"), SPARSE),
    **dict.fromkeys(("quantization", "quantize_per_tensor", "qint8", "quint8", "ao"), QUANTIZED),
    **dict.fromkeys(("storage", "untyped_storage", "Storage"), STORAGE),
    **dict.fromkeys(("Adafactor", "ASGD", "LBFGS", "Muon", "RAdam", "Rprop", "SparseAdam"), OPTIMIZER),
    **dict.fromkeys(
        ("AdaptiveLogSoftmaxWithLoss", "CTCLoss", "EmbeddingBag", "FeatureAlphaDropout",
         "FractionalMaxPool2d", "GaussianNLLLoss", "LPPool1d", "LPPool2d", "MultiLabelMarginLoss",
         "MultiLabelSoftMarginLoss", "MultiMarginLoss", "PoissonNLLLoss", "RMSNorm", "RReLU",
         "TripletMarginWithDistanceLoss"),
        LAYER,
    ),
    **dict.fromkeys(("parametrizations", "parametrize", "prune"), WEIGHTS),
    "rnn": RECURRENT,
    **dict.fromkeys(("channels_last", "contiguous_format", "preserve_format"), ORDER),
    "distributions": "rand, randn, normal, bernoulli and multinomial draw; a density is a line of ops",
    "multiprocessing": "one process uses one device; threads share the work of an op by themselves",
    "special": "its functions are in minidl itself, and in minidl.functional",
    "set_float32_matmul_precision": "float32 is computed as float32; leave the call out",
    "bfloat16": "NumPy has no bfloat16; use float32 or float16",
    "tensorboard": "minidl.train.callbacks.TensorBoard writes the curves of a training; tensorboardX anything else",
    "model_zoo": "minidl.models.get_model(name, weights=…) has networks and weights, minidl.load reads files",
    "hub": "minidl.models.get_model(name, weights=…) has networks and weights, minidl.load reads files",
    "amp": "there is no mixed precision here; choose one dtype with .to(dtype)",
    "autocast": "there is no mixed precision here; choose one dtype with .to(dtype)",
    "set_default_tensor_type": "use set_default_dtype and set_default_device",
    "use_deterministic_algorithms": "every result can be repeated, to the bit; leave the call out",
    "set_device": "use set_default_device, or with device(…)",
    "new": "use new_tensor, new_zeros, new_empty …",
    "ger": "an old name; use outer",
    "mode": "unique(x, return_counts=True) counts the values, and argmax finds the most frequent",
    "histogram": "use histc",
    "histogramdd": "use numpy.histogramdd on t.numpy()",
    "scatter_reduce": "scatter_add adds, scatter puts",
    "index_put": "x[index] = value writes under no_grad(), where() and index_copy() with gradients; index_add() adds",
    "masked_scatter": "use where",
    "as_strided": "use unfold, narrow, expand or reshape",
    "unique_consecutive": "use unique",
    **dict.fromkeys(
        ("lp_pool1d", "lp_pool2d", "fractional_max_pool2d", "rrelu", "ctc_loss", "gaussian_nll_loss",
         "poisson_nll_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss",
         "embedding_bag", "rms_norm", "feature_alpha_dropout", "triplet_margin_with_distance_loss"),
        FUNCTION,
    ),
    "symeig": DECOMPOSITION,
    "vmap": "write the batch as a dimension",
    "hessian": "jacobian of lambda x: grad(f(x), x, create_graph=True)[0] is it, and hvp its products",
    "vhp": "a Hessian is symmetric, hvp gives the same",
    "func": "grad, vjp, jvp, hvp and jacobian are in minidl itself",
    "named_tensor": "dimensions have no names here",
    "names": "dimensions have no names here",
    "register_backward_hook": "an old name; use register_full_backward_hook",
    **dict.fromkeys(STEP_HOOKS.split(), "there is no such hook; do it beside the call, or in a method of a subclass"),
    "reinforce": "weight the log-probability of what was drawn by its reward, and call backward",
    "share_memory_": "tensors are not shared between processes",
    "upsample": "an old name; use interpolate",
    **dict.fromkeys(("AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"), POLICY),
    **dict.fromkeys(("FiveCrop", "TenCrop", "five_crop", "ten_crop"), CROPS),
    **dict.fromkeys(("RandomResize", "RandomShortestSize", "ScaleJitter"), SIZES),
    **dict.fromkeys(
        ("ClampBoundingBoxes", "ClampKeyPoints", "ConvertBoundingBoxFormat", "RandomIoUCrop", "RandomZoomOut",
         "SanitizeBoundingBoxes", "SanitizeKeyPoints"),
        BOXES,
    ),
    **dict.fromkeys(("RandomEqualize", "equalize", "ElasticTransform", "elastic", "JPEG", "jpeg"), TRANSFORM),
    "RandomOrder": "each Compose has one order; RandomChoice draws one of several for each image",
    **dict.fromkeys(("RandomPhotometricDistort", "RandomChannelPermutation"), "use ColorJitter"),
    "RGB": "use Grayscale(3), or functional.grayscale_to_rgb",
    "ConvertImageDtype": "an old name; use ToDtype(dtype, scale=True)",
    "convert_image_dtype": "an old name; use to_dtype(image, dtype, scale=True)",
    "to_tensor": "an old name; use ToTensor()",
    "to_grayscale": "use rgb_to_grayscale",
    "adjust_gamma": "gain * image**gamma is it, of floats from 0 to 1",
    **dict.fromkeys(("get_image_size", "get_size", "get_dimensions"), "image.shape says it, (…, C, H, W)"),
}  # fmt: skip
METHODS_ABSENT = (
    "det slogdet logdet svd eig qr lu cholesky inverse pinverse lstsq solve matrix_exp cfloat cdouble stft istft "
    "real imag angle conj to_sparse to_dense storage untyped_storage bfloat16 new ger mode histogram scatter_reduce "
    "scatter_reduce_ index_put index_put_ masked_scatter masked_scatter_ as_strided unique_consecutive symeig "
    "reinforce share_memory_"
)
MODULES = (
    "ao amp distributed distributions distributions.bernoulli distributions.normal export fft func fx hub jit linalg "
    "model_zoo modules modules.activation modules.batchnorm modules.conv modules.linear modules.loss modules.module "
    "modules.normalization modules.pooling modules.utils multiprocessing onnx parallel parametrizations parametrize "
    "prune quantization rnn sparse special tensorboard"
)
LOADERS = ("load_url", "load_state_dict_from_url")
IMPORTED = {"autograd": ("Variable",), "hub": LOADERS, "model_zoo": LOADERS}  # by many programs, few of which call them
VOLUMETRIC = ("3d", "3D")
TOP = __name__.partition(".")[0]

ARGUMENTS = {
    "out": "there is no out=; assign the result, or write with t.copy_(result)",
    "layout": "there are dense tensors alone; leave layout= out",
    "pin_memory": "memory is not pinned here; leave pin_memory= out",
    "memory_format": ORDER,
    "non_blocking": "copies wait for nothing here; leave non_blocking= out",
    "names": "dimensions have no names here; leave names= out",
    "async": "leave it out",
}


def advice(name: str, names: Iterable[str]) -> str:
    """What to say of a name that is not here: the way around it, or what it may have been meant to be."""
    known = name if name in ABSENT else name.removesuffix("_")
    if known in ABSENT:
        return f"; {ABSENT[known]}"
    if name.endswith(VOLUMETRIC):
        return f"; {VOLUMES}"
    public = [other for other in names if not other.startswith("_")]
    folded = {other.casefold(): other for other in public}
    close = folded.get(name.casefold()) or next(iter(difflib.get_close_matches(name, public, 1, 0.7)), None)
    return f"; did you mean {close}?" if close else ""


class Absent:
    """Stands in a class where PyTorch has a method: AttributeError, and what to use. It costs other lookups nothing."""

    def __init__(self, owner: str, name: str) -> None:
        self.said = f"{owner} has no {name}{advice(name, ())}"

    def __get__(self, instance: object, owner: type) -> object:
        raise AttributeError(self.said)


class AbsentModules(MetaPathFinder, Loader):
    """Finds those of PyTorch's modules that are not here, with nothing inside: programs import more than they use."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: D102
        top, *parts = fullname.split(".")
        ours = top == TOP and not {".".join(parts[-1:]), ".".join(parts[-2:])}.isdisjoint(MODULES.split())
        return ModuleSpec(fullname, self, is_package=True) if ours else None

    def exec_module(self, module: ModuleType) -> None:  # noqa: D102
        explain_absent(module.__name__)


def explain_absent(*modules: str) -> None:
    """Let modules say of a name that they do not have what to use instead."""
    for module in modules:
        sys.modules[module].__getattr__ = functools.partial(_missing, module)  # type: ignore[method-assign]


sys.meta_path.append(AbsentModules())


class Refused:
    """What a program may import and must not use: RuntimeError, and what to use."""

    def __init__(self, said: str) -> None:
        self.said = said

    def __call__(self, *args: object, **options: object) -> NoReturn:
        raise RuntimeError(self.said)

    def __instancecheck__(self, instance: object) -> NoReturn:
        raise RuntimeError(self.said)

    __subclasscheck__ = __mro_entries__ = __instancecheck__


def _missing(module: str, name: str) -> Refused:
    """Raise AttributeError or, for ``from module import name``, which would hide what that says, ImportError."""
    things = [other for other, thing in vars(sys.modules[module]).items() if not isinstance(thing, ModuleType)]
    place = next((part for part in module.split(".") if part in ABSENT and part in MODULES.split()), name)
    hint = "" if name.startswith("__") else advice(place, things)
    if module == TOP and hasattr(sys.modules[f"{TOP}.functional"], name):
        hint = f"; {TOP}.functional has it"
    said, caller = f"{module} has no {name}{hint}", sys._getframe(1)
    if caller.f_code.co_code[caller.f_lasti] != opcode.opmap["IMPORT_FROM"]:
        raise AttributeError(said)
    if name in IMPORTED.get(module.rpartition(".")[2], ()):
        return Refused(said)
    raise ImportError(said)


def unexpected(error: str) -> str:
    """What to say of a keyword that Python refused, by its message."""
    _, found, rest = error.partition("unexpected keyword argument '")
    hint = ARGUMENTS.get(rest.partition("'")[0]) if found else None
    return f"; {hint}" if hint else ""
