"""What CuPy and its stand-in are both asked: expressions that minidl is made of, and traps between NumPy and CuPy.

In them h and xh are host arrays; d is h on the device, x images with channels last in memory, i and j indices, m a
mask, n integers, b bytes, e half precision, s a 0-d array.
"""

from typing import Any

import numpy as np

# Host and device arrays in one call; what is copied to the device.
MIXED = """
np.add(d, h) | h + d | d + h | d * np.array(2.0) | np.array(2.0) * d | d > h | d == h | d @ h.T | h.T @ d
cp.add(d, h) | cp.maximum(d, np.array(0.0)) | cp.where(h > 0, d, 0) | cp.where(d > 0, d, h) | cp.clip(d, h, 1)
cp.concatenate([d, h]) | np.concatenate([h, d]) | np.asarray(d) | np.array([d]) | h.__iadd__(d) | np.exp(h, out=d)
np.stack([d, h]) | cp.stack([d, h]) | h.__setitem__(0, d[0]) | d.__setitem__(0, h[0]) | d.__setitem__(0, [1, 2, 3])
cp.full(3, h[0]) | cp.full(3, d[0]) | cp.full(3, h[0, 0]) | cp.full_like(d, h[0])
d.__setitem__((0, 0), np.array(3.0)) | cp.exp([1.0, 2.0]) | cp.add(d, (1, 2, 3)) | d + [1, 2, 3] | d + None | d + "a"
cp.maximum(d, None) | d.fill(h[0]) | cp.zeros_like(h) | cp.empty_like(h).shape | np.zeros_like(d) | np.ones_like(d)
cp.full_like(h, 2) | np.shape(d) | np.ndim(d) | np.result_type(d, 1.0) | np.sum(d) | np.max(d, axis=1) | np.exp(d)
np.add.reduce(d) | np.moveaxis(d, 0, 1) | np.concatenate([d, d]) | np.where(d > 1, d, 0) | np.matmul(d, d.T)
np.linalg.norm(d) | np.isfinite(d) | cp.asarray(h) | cp.asarray(h.T) | cp.asarray(xh) | cp.array(h, dtype="e")
cp.asarray(2.5) | cp.asarray(np.array(2.5)) | cp.full(3, s) | cp.full(3, np.array(2.0)) | cp.asarray([1, 2])
cp.asarray(np.float32(3)) | cp.asarray([h, h]) | cp.asarray([d, d]) | cp.asarray([s, s]) | cp.array(d, copy=True)
cp.asarray(d) is d | cp.ascontiguousarray(h.T) | cp.asfortranarray(h) | cp.asnumpy(d) | cp.asnumpy(h)
cp.get_array_module(d) is cp | cp.get_array_module(h) is np
"""

# What NumPy has and CuPy lacks.
LACKING = """
d.max(initial=0) | cp.max(d, initial=0) | d.min(1, keepdims=True, initial=0) | d.sum(where=m) | d.sum(initial=1)
cp.sum(d, where=m) | cp.exp(d, where=m) | cp.exp(d, order="C") | cp.add(d, d, subok=True) | d.any(where=m)
d.mean(where=m) | cp.maximum.reduce(d) | cp.minimum.reduce(d) | cp.logical_or.reduce(d > 0) | cp.bitwise_or.reduce(n)
cp.subtract.reduce(d) | cp.errstate | cp.nditer | cp.ma | cp.block | cp.lib.index_tricks | d.newbyteorder
d.flags.writeable | d.ctypes | cp.lib.stride_tricks.as_strided(d, (2, 3), (8, 4), writeable=False) | hash(d)
range(s) | d.reshape((4, s)) | len(s) | iter(s) | [1, 2][n[0]] | d.item() | d.item(3)
cp.put_along_axis(d, i[:, None], h[:1], 1)
"""

# In which order a result lies in memory, and what is a view of what.
ORDER = """
x + 1 | x * x | -x | cp.exp(x) | cp.maximum(x, 0) | x.copy() | cp.copy(x) | x.astype("f8")
x.astype("f4", copy=False) is x | x.astype("f8", order="C") | cp.where(x > 0, x, 0) | cp.zeros_like(x)
cp.ones_like(x) | cp.nextafter(x, x + 1) | cp.full_like(x, 3) | cp.empty_like(x).flags.c_contiguous | x.sum(1)
x.sum(0, keepdims=True)
x.max((2, 3)) | x.transpose(0, 2, 3, 1) | x.reshape(2, 48) | x.ravel() | cp.ascontiguousarray(x) | x[:, ::-1]
x[..., None] | x[1] | x[:, i] | x[:, :, i[:1], i[:1]] | cp.concatenate([x, x], axis=1) | cp.stack([x, x])
cp.flip(x, 1) | cp.repeat(x, 2, 1) | cp.broadcast_to(s, (2, 3)) | cp.moveaxis(x, 1, 3) | cp.clip(x, 0, 1) | x.round()
x.clip(0, 1) | cp.divide(x, x + 1, out=x) is x | x.real | x.T | d.T + 1 | d.T.copy() | d.T.copy("K") | d.T.astype("e")
d.T @ d | d @ d.T | cp.matmul(x, x) | cp.tensordot(d, d, 2) | d.dot(d.T) | cp.einsum("ij,ij->j", d, d)
cp.einsum("nchw,nchw->c", x, x) | cp.einsum("nyx,nyx->x", x[0], x[0]) | cp.einsum("ij->ji", d) | x.view("i4")
x.swapaxes(0, 1) | x.squeeze() | cp.cumsum(d, 0) | d.cumsum(1) | cp.take_along_axis(d, i[None], 0)
cp.take(d, i[:2], axis=1) | d.take(0, 1) | d.take(i[:2], 1) | cp.lib.stride_tricks.as_strided(d, (2, 3), (8, 4))
d.reshape(2, 6).base is d | (d + 1).base is None | d[1:].base is d | d.T.base is d | d.T.T.base is d
cp.lib.stride_tricks.as_strided(d, (2, 3), (8, 4)).base is None | cp.repeat(i, 2) | cp.flip(d, 0).base is d
cp.atleast_1d(s) | s.reshape(1).base is s | d[0, 0].base is d | d[0, 0].shape | d.sum().base is None
cp.expand_dims(d, 0).base is d
"""

# Values and dtypes.
TYPES = """
d * 2 | d * 2.5 | 2 ** d | d ** 2 | d * np.float32(2) | np.float64(2) * d | d * np.float64(2) | d * np.int64(2)
n * 2.5 | n / 2 | n // 2 | n + np.float32(1) | n * d | e * 2.5 | e * d | e.sum() | n.sum() | b.sum() | (d > 1).sum()
b * 2 | b + b | d.sum(dtype="f8") | d.sum(dtype=np.float64, keepdims=True) | e.sum(dtype="f4") | d.mean() | d.mean(0)
d.var(0) | d.prod(1) | d.argmax(1) | d.argmax(1, keepdims=True) | d.argmin() | cp.argmax(d, axis=0) | n.max()
d.all() | d.any(1) | n.mean() | cp.sqrt(2.0) | cp.sqrt(np.float32(2)) | cp.sqrt(n) | cp.exp(n) | cp.log(d)
cp.log1p(-d) | d / 0 | cp.isnan(d / 0) | ~m | m & m | m ^ (d > 7) | cp.where(m, 1.0, 0.0) | cp.where(m, d, 0.5)
cp.where(m, n, d) | cp.where(m, d, np.float64(2)) | cp.maximum(d, np.float64(2)) | cp.minimum(d, 3) | cp.maximum(b, b)
cp.divmod(n, 3) | divmod(n, 2) | cp.arange(3) | cp.arange(3.0, dtype="f") | cp.arange(2, 9, 3) | cp.zeros((2, 3))
cp.ones(3, "f") | cp.full((2, 2), 1, "f") | cp.full((2,), -cp.inf, "f") | cp.eye(3) | cp.empty((2, 3), "e").dtype
cp.trunc(d) | cp.floor(d) | cp.ceil(-d) | cp.round(d, 1) | cp.abs(-d) | cp.logical_not(d) | cp.logical_xor(d, n)
cp.isinf(d) | cp.expm1(d) | cp.tanh(d) | cp.arctan(d) | cp.signbit(d) | cp.sign(d)
cp.sin(d) | cp.cos(d) | cp.tan(d) | cp.arcsin(d / 12) | cp.arccos(d / 12) | cp.sinh(d) | cp.cosh(d) | cp.arcsinh(d)
cp.arccosh(d + 1) | cp.arctanh(d / 12) | cp.logical_and(d, n) | cp.logical_or(d, n) | cp.argsort(-d, 1) | d.min(0)
cp.dot(d, d.T) | special.erf(d) | special.erf(e)
special.xlogy(d, d) | special.expit(d) | special.logsumexp(d).shape | cp.result_type(d, np.float32) | cp.dtype("f4")
cp.float32(3) | cp.finfo("f4").eps | cp.inf | cp.concatenate([d, n]) | cp.concatenate([e, d])
cp.concatenate([d, d], axis=2) | cp.stack([d, d], axis=-1) | d.astype(bool) | d.astype("i4") | (-d).astype("u1").dtype
cp.clip(d, 1, None) | cp.clip(d, None, 2) | cp.clip(n, 1.5, 2) | cp.clip(b, -1, 300) | b.clip(0, 256) | d != 0
d.shape | d.size | d.nbytes | d.itemsize
d.strides | x.strides | d.flags.c_contiguous | d.T.flags.f_contiguous | cp.ndim(d) | cp.shape(d) | cp.ndim(2)
d.device.id | cp.cuda.Device().id
"""

# Indices, writes, shapes.
INDICES = """
d[0] | d[-1, 1:] | d[:, None] | d[..., 0] | d[1, 2] | d[9] | d[:, 9] | d[0, 0, 0] | d[np.int64(1)] | d[np.array(1)]
d[s.astype(int)] | d[1 : s.astype(int) + 2] | d[()] | d[...] | d[i] | d[:, i] | d[i, i] | d[i[:, None], j]
d[h.astype(int)[:1]] | d[[0, 1]] | d[[]] | d[:, [0, 1]] | d[np.array([0, 1])] | d[(0, 1), (1, 2)] | d[i, ..., None]
d[m] | d[d > 100] | d[h > 4] | d[m[:, 0]] | d[[True, False, True, False]] | d[True] | d[np.bool_(True)] | d[:, m[0]]
d.__setitem__(0, 1.0) | d.__setitem__(..., d * 2) | d.__setitem__((slice(None), 1), d[:, 0]) | d.__setitem__(i, 5.0)
d.__setitem__(i, d[:3] * 2) | d.__setitem__((i, j[0]), d[0]) | d.__setitem__(m, 0.0) | d.__setitem__(m, d[m])
d.__setitem__(0, s) | d.__setitem__(0, n[0]) | d.__setitem__(0, np.float64(2)) | d.__setitem__(0, d)
d.__setitem__(9, 1.0) | d.__setitem__([0, 1], 3.0) | d.__iadd__(1) | d.__iadd__(d[0]) | d.__imul__(2.5)
n.__iadd__(0.5) | n.__itruediv__(2) | d.__iadd__(n) | e.__iadd__(d) | d.__isub__(h) | d[0].__iadd__(1)
cp.add(d, d, out=e) | cp.multiply(d, 2, out=d) is d | cp.add.at(d, i, 1.0) | cp.add.at(d, (i, j[0]), d[0])
cp.add.at(d, np.array([0, 0]), 1.0) | cp.add.at(d, i, h[:3]) | cp.multiply.at(d, i, 2.0) | cp.maximum.at(d, i, 2.0)
cp.put_along_axis(d, i[None], 9.0, 0) | cp.put_along_axis(d, i[None], d[:1] * 2, 0)
cp.ravel_multi_index((i, i), (4, 3)) | cp.ravel_multi_index((i + 9, i), (4, 3), "wrap") | cp.unravel_index(i, (4, 3))
cp.meshgrid(i, i, indexing="ij", sparse=True) | cp.broadcast_arrays(i, i[:, None]) | cp.add(d, d[:3])
cp.subtract(d, 1, out=d) is d | cp.subtract(d, h) | cp.abs(-d, out=d) is d
d.reshape(5, 5) | d.reshape(-1) | d.reshape(3, -1) | d.transpose(1, 0) | d.transpose(0, 0)
cp.floor_divide(n, 2) | cp.floor_divide(d, -2.5) | cp.remainder(n, -2) | cp.remainder(d, -2.5) | cp.fmod(n, 2)
cp.fmod(d, -2.5) | cp.bitwise_and(n, 3) | cp.bitwise_or(n, 3) | cp.bitwise_xor(n, n) | cp.bitwise_and(m, m)
cp.invert(n) | cp.invert(m) | cp.left_shift(n, 2) | cp.right_shift(n, 1) | cp.invert(d) | cp.left_shift(d, 1)
cp.exp2(d) | cp.log2(d + 1) | cp.log10(d + 1) | cp.copysign(d, -d) | cp.arctan2(d, d + 1) | cp.hypot(d, d + 1)
cp.logaddexp(d, d + 1) | cp.sort(d, 0) | cp.sort(d.ravel()) | cp.unique(i) | cp.unique(n, False, True, True)
cp.broadcast_to(d, (5, 3)) | d.sum(5) | d.sum((0, 1)) | d.sum((0, 0)) | cp.zeros((0, 3)).sum()
cp.zeros((0, 3)).max()
"""

# Out of range.
WRAPPED = """
d[cp.asarray([9, -9])] | d[[0, 9]] | d[np.array([9])] | d[np.array(9)] | d[cp.asarray(9)] | d[:, cp.asarray([3])]
d[..., i + 9] | d[None, i + 9, 1] | d[i + 9, i - 9] | d.take(99) | d.take(i + 99) | cp.take(d, i + 9, axis=1)
cp.take_along_axis(d, i[None] + 9, 0) | cp.put_along_axis(d, i[None] + 9, 1.0, 0) | cp.add.at(d, i + 9, 1.0)
d.__setitem__(i + 9, 2.0) | d.__setitem__((..., i + 3), d[:, :3] * 2) | cp.add.at(d, (i + 9, i - 9), i)
"""
# What is copied to the host, and waited for.
TRAFFIC = """
d.get() | s.item() | float(s) | int(s) | bool(s) | float(d) | bool(d) | d.tolist() | repr(s) | str(s) | f"{s:.1f}"
complex(s) | cp.nonzero(i) | cp.flatnonzero(d) | cp.argwhere(m) | i.nonzero() | cp.count_nonzero(d) | cp.bincount(i)
cp.bincount(i, minlength=9) | cp.array_equal(d, d) | cp.allclose(d, d) | d.any() | bool((d > 0).all()) | d.fill(1.0)
d.fill(s) | cp.isfinite(d).all() | d.max() | cp.extract(m, d) | cp.compress(m[:, 0], d, axis=0)
d.compress(m[:, 0], axis=0) | 1 if s > 0 else 0 | max(s, s) | s in [1, 2] | sum(i) | [*i] | list(d) | cp.linalg.norm(d)
cp.trace(d) | cp.tril(d) | cp.outer(i, i) | cp.take(d, np.array([0, 1]), axis=0) | cp.take(d, [0, 1], axis=0)
d.take([0, 1]) | cp.repeat(d, 2, axis=0) | cp.arange(s.item()) | cp.linspace(0, 1, 5) | cp.einsum("ij,ij->", d, h)
cp.where(m[0]) | cp.tile(d, 2) | cp.pad(d, 1) | cp.roll(d, 1) | cp.split(d, 2) | cp.squeeze(d[:1]) | cp.isclose(d, d)
d.set(h * 2)
"""


def expressions(text: str) -> list[str]:
    """Those in a text, some to a line."""
    return [expression for line in text.splitlines() if line.strip() for expression in line.strip().split(" | ")]


EXPRESSIONS = expressions(MIXED + LACKING + ORDER + TYPES + INDICES + WRAPPED + TRAFFIC)


def operands(cp: Any, special: Any) -> dict[str, Any]:
    """What the expressions name, with device arrays of CuPy's or of the stand-in's."""
    h = np.arange(12, dtype=np.float32).reshape(4, 3)
    xh = np.random.default_rng(0).standard_normal((2, 4, 4, 3)).astype(np.float32).transpose(0, 3, 1, 2)
    d = cp.asarray(h)
    return {
        "cp": cp,
        "np": np,
        "special": special,
        "h": h,
        "xh": xh,
        "d": d,
        "x": cp.asarray(np.ascontiguousarray(xh.transpose(0, 2, 3, 1))).transpose(0, 3, 1, 2),
        "i": cp.asarray([2, 0, 1]),
        "j": cp.asarray([[1, 0, 1]]),
        "m": d > 4,
        "n": cp.asarray([[5, 0, -3]]),
        "b": cp.asarray(np.array([200, 100], np.uint8)),
        "e": d.astype(np.float16),
        "s": cp.asarray(np.float32(1)),
    }
