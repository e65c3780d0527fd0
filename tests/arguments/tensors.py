"""`minidl` itself and `Tensor`: what is made, computed, reduced and reshaped, with each argument off the default."""

import numpy as np

from arguments.functions import X
from arguments.table import each, fixed, given, of, row, separate, wave

POSITIVE = abs(wave(3, 4)) + 0.2
SPACED = separate(3, 4)
WHOLE = np.array([[3, -2, 0, 5], [1, 1, -4, 2]])
MASK = WHOLE > 0
BLOCK = wave(2, 3, 4)
DTYPE = of("float64")

# --- element by element -----------------------------------------------------------------------------------------------

for name in ("abs", "neg", "sign", "ceil", "floor", "trunc", "exp", "expm1", "relu", "sigmoid", "tanh", "sin", "cos",
             "tan", "sinh", "cosh", "asinh", "atan", "erf"):  # fmt: skip
    row(name, input=2.3 * X)()
for name in ("asin", "acos", "atanh"):
    row(name, input=0.9 * X)()
for name in ("log", "log1p", "sqrt"):
    row(name, input=POSITIVE)()
row("acosh", input=1 + POSITIVE)()
row("round", input=20.3 * X)(decimals=1)
for name in ("isnan", "isinf", "isfinite", "logical_not"):
    row(name, input=np.array([0.0, 1.5, np.nan, np.inf, -np.inf]))()
for name in ("add", "sub", "mul", "div", "lt", "le", "gt", "ge"):
    row(name, input=X, other=wave(4, phase=1.0))(other=each(2.5, fixed(X)))
for name in ("maximum", "minimum", "eq", "ne"):
    row(name, input=X, other=wave(4, phase=1.0))(other=fixed(X))
for name in ("logical_and", "logical_or", "logical_xor"):
    row(name, input=WHOLE, other=np.array([0, 0, 1, 2]))()
row("pow", input=POSITIVE, exponent=wave(4))(exponent=each(2.0, -1.5))
row("xlogy", input=X, other=POSITIVE)()
for name in ("clip", "clamp"):
    row(name, input=X, min=-0.3)(min=each(0.1, given(None, max=0.4)), max=each(0.4, -0.5))
row("where", condition=MASK[0], input=X, other=wave(4))(other=0.5)
row("masked_fill", input=X, mask=MASK[0], value=0.5)(value=-1.5)
row("matmul", input=X, other=wave(4, 2))(other=wave(4))
row("cdist", x1=X, x2=wave(2, 4, phase=1.0))(p=each(1.0, 3.0))

# --- reductions -------------------------------------------------------------------------------------------------------

for name in ("amax", "amin", "argmax", "argmin", "max", "min"):
    row(name, input=SPACED)(dim=each(0, -1), keepdim=given(True, dim=1))
for name in ("all", "any"):
    row(name, input=WHOLE)(dim=0, keepdim=given(True, dim=1))
row("sum", input=BLOCK)(dim=each(0, (0, -1)), keepdim=given(True, dim=1), dtype=given(DTYPE, input=X.astype("f4")))
row("mean", input=BLOCK)(dim=each(0, (0, -1)), keepdim=given(True, dim=1))
row("prod", input=X)(dim=0, keepdim=given(True, dim=1))
for name in ("var", "std"):
    row(name, input=BLOCK)(
        dim=each(0, (0, -1)), unbiased=given(False, dim=1), correction=each(0, 2), keepdim=given(True, dim=1)
    )
row("norm", input=BLOCK)(
    p=each(1, 3.0, float("inf")), dim=each(0, (0, -1)), keepdim=given(True, dim=1),
    dtype=given(DTYPE, input=BLOCK.astype("f4")),
)  # fmt: skip
row("logsumexp", input=X, dim=0)(dim=each(1, (0, 1)), keepdim=True)
row("cumsum", input=X, dim=0)(dim=1, dtype=given(DTYPE, input=X.astype("f4")))
row("topk", input=SPACED, k=2)(k=3, dim=0, largest=False)
row("softmax", input=X, dim=1)(dim=0, dtype=given(DTYPE, input=X.astype("f4")))
row("log_softmax", input=X, dim=1)(dim=0, dtype=given(DTYPE, input=X.astype("f4")))

# --- shapes -----------------------------------------------------------------------------------------------------------

row("flatten", input=BLOCK)(start_dim=1, end_dim=1)
row("transpose", input=BLOCK, dim0=0, dim1=2)(dim0=1)
row("reshape", input=BLOCK, shape=(6, 4))(shape=(-1, 2))
row("permute", input=BLOCK, dims=(2, 0, 1))(dims=(0, 2, 1))
row("flip", input=BLOCK, dims=(0, 2))(dims=(1,))
row("tile", input=BLOCK, dims=(2, 1))(dims=(2, 1, 1, 2))
row("squeeze", input=wave(1, 3, 1, 1))(dim=each(0, (0, 2)))
row("unsqueeze", input=BLOCK, dim=1)(dim=-1)
row("split", tensor=BLOCK, split_size_or_sections=2)(split_size_or_sections=given([1, 3], dim=2), dim=1)
row("chunk", input=BLOCK, chunks=2)(chunks=given(3, dim=1), dim=1)
row("cat", tensors=[X, X])(tensors=[X, wave(1, 4)], dim=1)
row("stack", tensors=[X, 2 * X])(dim=1)
row("gather", input=X, dim=1, index=np.array([[2, 0], [1, 1], [2, 0]]))(dim=0, index=np.array([[2, 0]]))
row("index_select", input=X, dim=1, index=np.array([2, 0, 2]))(dim=0, index=np.array([3, 0]))
row("scatter_add", input=X, dim=1, index=np.array([[2, 0], [1, 1], [2, 0]]), src=wave(3, 2, phase=1.0))(dim=0)

# --- methods that are no functions ------------------------------------------------------------------------------------


def one_by_one(m, row, found, args, options):
    """The sizes by name or in a sequence, and one by one."""
    x, sizes = args[0], [*args[1:], *options.values()][0]
    return [found(x, sizes), found(x, *sizes), found(*args, **options)]


row("Tensor.reshape", one_by_one, self=BLOCK, shape=(6, 4))(shape=(-1, 2))


def by_position(name):
    """PyTorch's method, which takes sizes by position alone."""
    return lambda m, x, *sizes, size=(), shape=(): getattr(x, name)(*sizes, *size, *shape)


row("Tensor.view", one_by_one, by_position("view"), self=BLOCK, size=(6, 4))(size=(-1, 2))
row("Tensor.expand", one_by_one, by_position("expand"), self=wave(2, 1, 3), shape=(2, 4, 3))(shape=(5, 2, 1, 3))
row("Tensor.unfold", self=BLOCK, dimension=1, size=2, step=1)(dimension=-1, size=1, step=2)
row("Tensor.permute", one_by_one, self=BLOCK, dims=(2, 0, 1))(dims=(0, 2, 1))
row("Tensor.flip", one_by_one, self=BLOCK, dims=(0, 2))(dims=(1,))
row("Tensor.tile", one_by_one, self=BLOCK, dims=(2, 1))(dims=(2, 1, 1, 2))


for name in ("clone", "detach", "cpu", "numel"):
    row(f"Tensor.{name}", self=X)()
row("Tensor.item", self=np.array([1.5]))()
row("Tensor.numpy", self=fixed(X))(force=given(True, self=X))
row("Tensor.where", None, lambda m, x, *a, **k: x.where(*a, *k.values()), self=X, condition=MASK[0], other=0.5)(
    other=-1.0
)
