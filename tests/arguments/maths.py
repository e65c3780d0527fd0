"""More that is computed with tensors: accumulated, sorted, chosen, rearranged, multiplied, compared."""

import numpy as np

from arguments.functions import TARGET, X
from arguments.table import each, fixed, given, of, row, separate, wave

SPACED = separate(3, 4)
POSITIVE = abs(wave(3, 4)) + 0.2
INTS = np.array([[3, -2, 0, 5], [1, 1, -4, 2]])
FEW = np.array([1, 2, 3, 2])
BLOCK = wave(2, 3, 4)
SQUARE = wave(3, 3)
STRANGE = fixed(np.array([1.5, np.nan, np.inf, -np.inf]))
DOUBLE = given(of("float64"), input=np.float32(X))

# --- element by element -----------------------------------------------------------------------------------------------

for name in ("exp2", "reciprocal", "rsqrt", "square", "log2", "log10", "frac"):
    row(name, input=POSITIVE)()
for name in ("atan2", "hypot", "logaddexp"):
    row(name, input=X, other=wave(4, phase=1.0))()
for name in ("remainder", "fmod"):
    row(name, input=7 * X, other=fixed(POSITIVE))(other=-1.5)
row("floor_divide", input=fixed(7 * X), other=fixed(POSITIVE))(other=-1.5)
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    row(name, input=INTS, other=FEW)(other=6)
for name in ("bitwise_left_shift", "bitwise_right_shift"):
    row(name, input=INTS, other=FEW)(other=1)
row("bitwise_not", input=INTS)(input=INTS > 0)
row("add", input=X, other=wave(4))(alpha=0.3)
row("sub", input=X, other=wave(4))(alpha=0.3)
row("div", input=fixed(7 * X), other=fixed(POSITIVE))(rounding_mode=each("floor", "trunc"))
for name in ("max", "min"):
    row(name, input=X)(other=TARGET)
for name in ("addcmul", "addcdiv"):
    row(name, input=X, tensor1=TARGET, tensor2=POSITIVE)(value=0.3)
row("lerp", input=X, end=TARGET, weight=0.3)(weight=each(0.8, POSITIVE))
row("clamp_min", input=X, min=-0.3)(min=0.1)
row("clamp_max", input=X, max=0.3)(max=-0.1)
row("nan_to_num", input=STRANGE)(nan=2.5, posinf=100.0, neginf=-100.0)
row("where", condition=X > 0)(input=given(X, other=0.5))

# --- with a tolerance, from both sides --------------------------------------------------------------------------------

NEAR = fixed(np.array([1.0, 1.0, 0.0, 0.0, np.nan]))
for name in ("isclose", "allclose"):
    for off, tolerance in ((0.99e-5, {}), (1.01e-5, {}), (0.99e-3, dict(rtol=1e-3)), (1.01e-3, dict(rtol=1e-3))):
        row(name, input=fixed(np.array([1.0 + off, 1.0])), other=fixed(np.array([1.0, 1.0])), **tolerance)()
    for off, tolerance in ((0.99e-8, {}), (1.01e-8, {}), (0.99e-3, dict(atol=1e-3)), (1.01e-3, dict(atol=1e-3))):
        row(name, input=fixed(np.array([off, 0.0])), other=fixed(np.array([0.0, 0.0])), **tolerance)()
    row(name, input=fixed(np.array([1.001])), other=fixed(np.array([1.0])))(rtol=0.1, atol=0.1)
    row(name, input=fixed(np.array([np.nan])), other=fixed(np.array([np.nan])))(equal_nan=True)
row("equal", input=INTS, other=INTS)(other=-INTS)

# --- accumulated ------------------------------------------------------------------------------------------------------

row("count_nonzero", input=np.arange(24).reshape(2, 3, 4) % 5)(dim=each(0, (0, 2)))
row("cumprod", input=X, dim=0)(dim=1, dtype=DOUBLE)
for name in ("cummax", "cummin"):
    row(name, input=SPACED, dim=0)(dim=1)
for name in ("mean", "prod"):
    row(name, input=X)(dtype=DOUBLE)
for name in ("nanmean", "nansum"):
    row(name, input=STRANGE)()
    row(name, input=X)(dim=0, keepdim=given(True, dim=1), dtype=DOUBLE)
for name in ("std_mean", "var_mean"):
    row(name, input=BLOCK)(
        dim=each(0, (0, -1)), unbiased=given(False, dim=1), correction=each(0, 2), keepdim=given(True, dim=1)
    )
row("diff", input=X)(n=2, dim=0, prepend=wave(3, 1), append=wave(3, 2, phase=1.0))

# --- sorted and chosen ------------------------------------------------------------------------------------------------

for name in ("sort", "argsort"):
    row(name, input=SPACED)(dim=0, descending=True)
row("kthvalue", input=SPACED, k=2)(k=3, dim=0, keepdim=True)
row("median", input=SPACED)(dim=0, keepdim=given(True, dim=1))
row("quantile", input=BLOCK, q=0.3)(
    q=0.6, dim=1, keepdim=True, interpolation=each("lower", "higher", "midpoint", "nearest")
)
row("unique", input=INTS)(return_inverse=True, return_counts=True)
row("nonzero", input=INTS)(as_tuple=True)
row("argwhere", input=INTS)()
row("bincount", input=np.array([1, 4, 1]))(weights=fixed(wave(3)), minlength=9)
row("histc", input=fixed(X))(bins=4, min=given(-0.5, max=0.5), max=given(0.5, min=-0.5))
row("masked_select", input=X, mask=X > 0)()
row("take", input=X, index=np.array([[7, 0], [2, 2]]))()
row("take_along_dim", input=X, indices=np.array([[2, 0, 1, 1]]))(dim=0)
row("scatter", input=X, dim=1, index=np.array([[2, 0], [1, 3], [0, 2]]), src=wave(3, 2, phase=1.0))(
    dim=given(0, index=np.array([[2, 0], [1, 1], [0, 2]]))
)
row("index_add", input=X, dim=0, index=np.array([2, 0]), source=wave(2, 4, phase=1.0))(
    alpha=0.3, dim=given(1, source=wave(3, 2))
)
row("index_copy", input=X, dim=0, index=np.array([2, 0]), source=wave(2, 4, phase=1.0))(dim=given(1, source=wave(3, 2)))
row("index_fill", input=X, dim=0, index=np.array([2, 0]), value=0.5)(dim=1, value=-1.0)
row("narrow", input=X, dim=1, start=1, length=2)(dim=0, start=0, length=1)
row("select", input=X, dim=1, index=1)(dim=0, index=-1)

# --- rearranged -------------------------------------------------------------------------------------------------------

for name in ("fliplr", "flipud", "t"):
    row(name, input=X)()
row("roll", input=X, shifts=1)(shifts=-2, dims=each(0, given((0, 1), shifts=(1, 2))))
row("rot90", input=X)(k=each(2, -1), dims=(1, 0))
row("diag", input=SQUARE)(diagonal=each(1, -1))
row("diag_embed", input=X)(offset=each(1, -1), dim1=0, dim2=0)
row("diagonal", input=BLOCK)(offset=each(1, -1), dim1=2, dim2=2)
row("trace", input=SQUARE)()
for name in ("tril", "triu"):
    row(name, input=BLOCK)(diagonal=each(1, -1))
row("repeat_interleave", input=X, repeats=2)(repeats=given(np.array([1, 0, 2]), dim=0), dim=1)
for name in ("movedim", "moveaxis"):
    row(name, input=BLOCK, source=0, destination=2)(source=1, destination=1)
    row(name, input=BLOCK, source=(0, 1), destination=(2, 0))()
row("swapaxes", input=BLOCK, axis0=0, axis1=2)(axis0=1, axis1=1)
row("swapdims", input=BLOCK, dim0=0, dim1=2)(dim0=1, dim1=1)
row("unbind", input=BLOCK)(dim=1)
row("unflatten", input=BLOCK, dim=2, sizes=(2, 2))(sizes=(4, 1), dim=given(1, sizes=(3, 1)))
row("broadcast_to", input=X, size=(2, 3, 4))()
row("meshgrid", tensors=(fixed(X[0]), fixed(X[:, 0])), indexing="ij")(indexing="xy")
for name in ("hstack", "vstack", "dstack"):
    row(name, tensors=[X, TARGET])()

# --- products ---------------------------------------------------------------------------------------------------------

row("mm", input=X, **{"mat2": wave(4, 2)})()
row("mv", input=X, vec=wave(4))()
row("bmm", input=BLOCK, mat2=wave(2, 4, 2))()
row("dot", input=wave(4), tensor=wave(4, phase=1.0))()
row("outer", input=wave(4), vec2=wave(3))()
row("cross", input=SQUARE, other=wave(3, 3, phase=1.0))(dim=1)
row("addmm", input=wave(3, 2), mat1=X, mat2=wave(4, 2, phase=1.0))(beta=0.3, alpha=0.7)
row("tensordot", a=BLOCK, b=wave(3, 4, 2))(dims=each(given(1, b=wave(4, 2)), ([1], [0])))
row("einsum", None, lambda m, *given: m.einsum(*given), equation="ij,kj->ik", operands=(X, TARGET))()
row("ravel", input=BLOCK)()
row("clone", input=BLOCK)()
row("broadcast_tensors", None, lambda m, *given: m.broadcast_tensors(*given), tensors=(X, TARGET[:1]))()
row("broadcast_shapes", None, lambda m, *given: m.broadcast_shapes(*given), shapes=((3, 1), (2, 1, 4)))()

# --- methods ----------------------------------------------------------------------------------------------------------

OTHER = np.ones((6, 4))
for name in ("view_as", "reshape_as"):
    row(f"Tensor.{name}", self=BLOCK, other=OTHER)()
row("Tensor.expand_as", self=X, other=BLOCK[:, :1] * np.ones((2, 3, 4)))()
row("Tensor.repeat", None, lambda m, x, sizes: x.repeat(sizes), self=X, sizes=(2, 1))(sizes=(2, 1, 3))
row("Tensor.size", self=BLOCK)(dim=1)
row("Tensor.stride", None, lambda m, x, dim=None: x.stride() if dim is None else x.stride(dim), self=BLOCK)(dim=1)
for name in ("contiguous", "dim", "ndimension", "element_size", "is_contiguous", "tolist"):
    row(f"Tensor.{name}", self=BLOCK)()
row("Tensor.is_contiguous", self=of(lambda m: m.zeros(2, 3).t()))()
