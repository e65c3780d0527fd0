"""minidl: a deep-learning engine that can be read whole. This is its public face: only names."""

# ruff: noqa: F401, I001
# fmt: off
from math import e, inf, nan, pi
from sys import modules as _modules

from minidl import (
    autograd, backends, data, distributed, functional, interpret, kernels, models, nn, ops, optim, profiler, train,
    utils, viz,
)
from minidl.backend import accelerator, cuda, random, xpu
from minidl.autograd import GradcheckError, grad, gradcheck, gradgradcheck
from minidl.autograd.functional import hvp, jacobian, jvp, vjp
from minidl.backend import device, get_default_device, set_default_device
from minidl.engine.absent import explain_absent as _explain_absent
from minidl.engine.core import Tensor
from minidl.engine.op import clone
from minidl.engine.printing import set_printoptions
from minidl.engine.size import Size
from numpy import finfo, iinfo
from minidl.backend.dtypes import bool_ as bool
from minidl.backend.dtypes import float16 as half, float32 as float, float64 as double
from minidl.backend.dtypes import int16 as short, int32 as int, int64 as long
from minidl.backend.dtypes import (
    float16, float32, float64, get_default_dtype, int8, int16, int32, int64, set_default_dtype, uint8,
)
from minidl.files import load, save
from minidl.functional.activations import relu_
from minidl.functional.dense import bilinear, cdist, cosine_similarity, pairwise_distance
from minidl.backend.modes import (
    detect_anomaly, enable_grad, inference_mode, is_anomaly_enabled, is_grad_enabled, no_fusion, no_grad,
    set_detect_anomaly, set_grad_enabled,
)
from minidl.nn.summary import summary
from minidl.ops.compare import (
    eq, ge, gt, isfinite, isinf, isnan, le, logical_and, logical_not, logical_or, logical_xor, lt, ne,
)
from minidl.ops.convert import is_floating_point, is_tensor, numel
from minidl.ops.create import (
    arange, empty, empty_like, eye, full, full_like, linspace, logspace, meshgrid, ones, ones_like, zeros, zeros_like,
)
from minidl.ops.draw import (
    bernoulli, get_rng_state, multinomial, normal, rand, rand_like, randint, randint_like, randn, randn_like, randperm,
    set_rng_state,
)
from minidl.ops.arithmetic import (
    add, addcdiv, addcmul, allclose, clamp_max, clamp_min, div, equal, frac, isclose, lerp, nan_to_num, reciprocal,
    rsqrt, square, sub,
)
from minidl.ops.arrange import fliplr, flipud, repeat_interleave, roll, rot90
from minidl.ops.diagonal import diag, diag_embed, diagonal, trace, tril, triu
from minidl.ops.division import (
    bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, floor_divide, fmod,
    remainder,
)
from minidl.ops.einsum import einsum
from minidl.ops.elementwise import (
    abs, ceil, clip, exp, floor, log, masked_fill, maximum, minimum, mul, neg, pow, relu, round, sigmoid, sign, sqrt,
    tanh, trunc,
)
from minidl.ops.extremes import (
    amax, amin, argmax, argmin, argsort, cummax, cummin, kthvalue, max, median, min, quantile, sort,
    topk,
)
from minidl.ops.from_data import as_tensor, from_numpy, tensor
from minidl.ops.indexing import gather, index_select, scatter_add
from minidl.ops.joining import cat, chunk, dstack, hstack, split, stack, vstack
from minidl.ops.linalg import addmm, bmm, cross, dot, matmul, mm, mv, norm, outer, tensordot
from minidl.ops.loss import log_softmax, softmax
from minidl.ops.reduce import (
    all, any, count_nonzero, cumprod, cumsum, diff, logsumexp, mean, nanmean, nansum, prod, std, std_mean, sum, var,
    var_mean,
)
from minidl.ops.scatter import index_add, index_copy, index_fill, scatter
from minidl.ops.selection import (
    argwhere, bincount, histc, masked_select, nonzero, take, take_along_dim, unique, where,
)
from minidl.ops.shape import flatten, flip, permute, reshape, squeeze, tile, transpose, unsqueeze
from minidl.ops.special import (
    acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, erf, exp2, expm1, hypot, log1p, log2, log10, logaddexp,
    sin, sinh, tan, xlogy,
)
from minidl.backend.random import Generator, default_generator, initial_seed, manual_seed, seed
from minidl.ops.views import (
    broadcast_shapes, broadcast_tensors, broadcast_to, movedim, narrow, ravel, select, swapaxes, t, unbind, unflatten,
)
from minidl.ops.arithmetic import div as divide, div as true_divide, sub as subtract
from minidl.ops.compare import ge as greater_equal, gt as greater, le as less_equal, lt as less, ne as not_equal
from minidl.ops.elementwise import abs as absolute, clip as clamp, mul as multiply, neg as negative
from minidl.ops.elementwise import trunc as fix
from minidl.ops.joining import cat as concat, cat as concatenate
from minidl.ops.special import atan2 as arctan2
from minidl.ops.shape import transpose as swapdims
from minidl.ops.views import movedim as moveaxis
from minidl.backend.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

_parts = (
    "autograd", "autograd.functional", "backend.cuda", "backend.xpu", "data", "data.transforms",
    "data.transforms.functional", "distributed", "functional", "nn", "nn.init", "nn.utils", "optim",
    "optim.lr_scheduler", "optim.swa_utils", "utils", "utils.data", "utils.data.dataloader", "utils.data.dataset",
    "utils.data.sampler",
)
_explain_absent(__name__, *[f"minidl.{part}" for part in _parts])
_modules.update({"minidl.accelerator": accelerator, "minidl.cuda": cuda, "minidl.random": random, "minidl.xpu": xpu})
