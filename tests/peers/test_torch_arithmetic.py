"""Arithmetic, comparisons and bits as learners type them, beside PyTorch's: values, gradients, dtypes, refusals."""

import operator
from itertools import product

import numpy as np
import pytest
from parity import OURS, THEIRS, agree, call, compare, method, normal, refused, torch

import minidl as md

WHOLE = np.array([[7, -7, 0], [3, -2, 5]])
OTHERS = np.array([2, -3, 4])
BYTES = np.array([0, 1, 200, 255], "uint8")
BOOLS = np.array([True, False, True])
X, Y = normal(2, 3) * 4, normal(3) + np.array([2, -2, 3])

# --- two operands -----------------------------------------------------------------------------------------------------

QUOTIENTS = ["remainder", "fmod"]  # whose gradients PyTorch has, too
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"]
OPERATORS = {"//": operator.floordiv, "%": operator.mod, "&": operator.and_, "|": operator.or_, "^": operator.xor}
OPERATORS |= {"<<": operator.lshift, ">>": operator.rshift}
PAIRS = {
    "floats": (X, Y),
    "broadcast": (normal(2, 1, 3), normal(4, 1)),
    "integers": (WHOLE, OTHERS),
    "mixed": (WHOLE, Y),
    "bytes": (BYTES, np.array([1, 2, 3, 4])),
    "bytes alone": (BYTES, BYTES[::-1] | 1),
    "narrow": (WHOLE.astype("int8"), OTHERS.astype("int32")),
    "bools": (BOOLS, ~BOOLS),
    "bools and integers": (BOOLS, OTHERS),
    "nothing": (normal(0, 3), normal(3)),
    "0-d": (np.array(1.5), np.array(3)),
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", [*QUOTIENTS, *BITS, "floor_divide", "hypot", "atan2", "logaddexp"])
def test_pair(name, pair):
    x, y = PAIRS[pair]
    agree(name, call(name), x, y, order=0 if name == "floor_divide" else 2, tol=1e-11 if X is x else 1e-6)
    agree(name, method(name), x, y, order=0, tol=1e-6)


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("sign", OPERATORS)
def test_operator(sign, pair):
    x, y = PAIRS[pair]
    name = "(floor_divide|remainder|bitwise_.*)"
    agree(name, lambda m, x, y: OPERATORS[sign](x, y), x, y, order=0)
    for number in (2, 3.5, True):
        agree(name, lambda m, x, number=number: OPERATORS[sign](x, number), x, order=0)
        agree(name, lambda m, x, number=number: OPERATORS[sign](number, x), y, order=0)


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod", "trunc"])
def test_division_of_integers_by_zero(name):
    f = (lambda m, x: m.div(x, 0, rounding_mode="trunc")) if name == "trunc" else call(name, 0)
    refused("(floor_divide|remainder|fmod|div)", f, WHOLE)


def test_not():
    for x in (WHOLE, BYTES, BOOLS, X):
        agree("bitwise_not", call("bitwise_not"), x, order=0)
        agree("bitwise_not", lambda m, x: ~x, x, order=0)


EDGES = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan, 1e-300, 1e300])


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod", "hypot", "atan2", "logaddexp"])
def test_where_numbers_end(name):
    edges = EDGES[:7] if name in QUOTIENTS else EDGES  # of huge quotients PyTorch leaves other rests, or NaN
    x, y = np.array(list(product(edges, edges))).T.copy()
    compare(call(name), x, y, order=0, scale=0)
    if name in ("atan2", "hypot"):
        compare(call(name), *(a[np.isfinite(x) & np.isfinite(y) & (abs(x) + abs(y) > 1)] for a in (x, y)), order=1)


# --- options and forms ------------------------------------------------------------------------------------------------

FORMS = {
    "add alpha": (call("add", alpha=-2.5), X, Y),
    "sub alpha": (call("sub", alpha=3), X, Y),
    "sub alpha of integers": (call("sub", alpha=3), WHOLE, OTHERS),
    "add alpha to a number": (lambda m, x: m.add(x, 2, alpha=0.5), X),
    "add alpha to mixed": (call("add", alpha=0.5), WHOLE, Y),
    "add method": (method("add", alpha=2), X, Y),
    "sub method": (method("sub", other=1, alpha=2), X),
    "div floor": (call("div", rounding_mode="floor"), X, Y),
    "div trunc": (call("div", rounding_mode="trunc"), X, Y),
    "div none": (call("div", rounding_mode=None), X, Y),
    "div floor of integers": (call("div", rounding_mode="floor"), WHOLE, OTHERS),
    "div trunc of integers": (call("div", rounding_mode="trunc"), WHOLE, OTHERS),
    "div trunc of bytes": (call("div", 7, rounding_mode="trunc"), BYTES),
    "div method": (method("div", 2, rounding_mode="floor"), WHOLE),
    "addcmul": (call("addcmul", value=0.5), X, Y, normal(2, 1)),
    "addcdiv": (call("addcdiv", value=-2), X, normal(2, 1), Y),
    "addcmul of integers": (call("addcmul"), WHOLE, OTHERS, OTHERS),
    "lerp": (call("lerp", 0.3), X, normal(2, 3)),
    "lerp beyond": (call("lerp", 1.7), X, normal(2, 3)),
    "lerp by a tensor": (call("lerp"), X, normal(2, 3), np.array([0.2, 0.5, 0.9])),
    "reciprocal": (call("reciprocal"), Y),
    "reciprocal of integers": (call("reciprocal"), OTHERS),
    "rsqrt": (call("rsqrt"), abs(Y)),
    "square": (call("square"), X),
    "square of integers": (call("square"), WHOLE),
    "square of bools": (call("square"), BOOLS),
    "frac": (call("frac"), X),
    "exp2": (call("exp2"), X),
    "log2": (call("log2"), abs(X) + 0.1),
    "log10": (call("log10"), abs(X) + 0.1),
    "log10 of integers": (call("log10"), np.array([1, 10, 1000])),
    "clamp_min": (call("clamp_min", 0.5), X),
    "clamp_max": (call("clamp_max"), X, Y),
    "nan_to_num": (call("nan_to_num"), EDGES),
    "nan_to_num given": (call("nan_to_num", 1.5, 2.0, -3.0), EDGES),
    "nan_to_num of floats": (call("nan_to_num", posinf=4), EDGES[:7].astype("float32")),
    "nan_to_num of integers": (call("nan_to_num"), WHOLE),
    "isclose": (call("isclose", 0.1, 0.01), X, X + 0.2),
    "isclose of NaN": (call("isclose", equal_nan=True), EDGES, EDGES),
    "isclose of infinite": (call("isclose"), EDGES, EDGES[::-1].copy()),
    "isclose of integers": (call("isclose", rtol=0.3), WHOLE, WHOLE + 1),
    "max of two": (call("max"), X, Y),
    "min of two": (lambda m, x, y: m.min(x, other=y), X, Y),
    "max method of two": (method("max"), X, Y),
    "max of mixed": (call("max"), WHOLE, Y),
    "aliases": (
        lambda m, x, y: (
            m.subtract(x, y) + m.multiply(x, y) + m.divide(x, y) + m.true_divide(x, y) + m.negative(x) + m.absolute(y)
        ),
        X, Y,
    ),
    "comparisons by name": (
        lambda m, x, y: (m.greater(x, y), m.greater_equal(x, y), m.less(x, y), m.less_equal(x, y), m.not_equal(x, y)),
        X, Y,
    ),
    "rounding": (lambda m, x: (m.fix(x), m.clamp(x, 0), x.fix()), X),
    "numpy's names": (lambda m, x, y: m.add(x1=x, x2=y) + m.exp(x=y) + m.maximum(a=x, x2=y), X, Y),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_form(case):
    f, *arrays = FORMS[case]
    tol = 1e-11 if arrays[0].dtype == np.float64 else 1e-6
    compare(f, *arrays, tol=tol, order=0 if "nan" in case else 1 if "div" in case or case in ("frac", "lerp") else 2)


REFUSED = {
    "add alpha of integers": ("add", call("add", alpha=0.5), WHOLE, OTHERS),
    "add alpha in words": ("add", call("add", alpha="1"), X, Y),
    "add by position": ("add", call("add", 2), X, Y),
    "div rounding": ("div", call("div", rounding_mode="up"), X, Y),
    "isclose of dtypes": ("isclose", call("isclose"), WHOLE, WHOLE * 1.0),
    "isclose below 0": ("isclose", call("isclose", rtol=-1), X, X),
    "lerp to a number": ("lerp", call("lerp", 1.0, 0.5), X),
    "max of what does not broadcast": ("(max|maximum)", call("max"), X, normal(4)),
    "max keepdim alone": ("max", call("max", keepdim=True), X),
    "sum over dim and axis": ("sum", call("sum", dim=0, axis=0), X),
    "clamp_min by text": ("clamp_min", call("clamp_min", "0"), X),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    refused(*REFUSED[case])


@pytest.mark.parametrize("y", [X, X + 1e-9, X + 1, X[:1], X.astype("float32").astype("float64")], ids=range(5))
def test_truth_of_all(y):
    def f(m, x, y):
        return m.tensor(m.allclose(x, y)), m.tensor(m.equal(x, y)), m.tensor(x.allclose(y, atol=0.1))

    if y.shape == X.shape:
        compare(f, X, y, order=0)
    compare(lambda m, x, y: m.tensor(m.equal(x, y)), X, y, order=0)


# --- beside NumPy's arrays, and in Python's words ---------------------------------------------------------------------

COMPARE = {f.__name__: f for f in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)}
ARRAYS = [
    np.array([1, 0, 2]),
    np.array([1, 0, 200], "uint8"),
    np.array([1, 0, -2], "int32"),
    np.array([1.5, 0, 2]),
    BOOLS,
]


@pytest.mark.parametrize("name", COMPARE)
@pytest.mark.parametrize("left", range(len(ARRAYS)))
def test_comparison_with_arrays(name, left):
    """A tensor beside an array, on either side, is compared as two tensors are."""
    for right in range(len(ARRAYS)):
        x, y = ARRAYS[left], ARRAYS[right]
        expected = COMPARE[name](torch.tensor(x), torch.tensor(y)).numpy()
        for result in (COMPARE[name](md.tensor(x), y), COMPARE[name](x, md.tensor(y))):
            assert isinstance(result, md.Tensor)
            np.testing.assert_array_equal(result.array, expected)


def test_arithmetic_with_arrays():
    for x, y in product(ARRAYS[:4], ARRAYS[:4]):
        for f in (operator.add, operator.mul, operator.truediv, operator.sub, operator.pow):
            if f is not operator.pow or y.min() >= 0:
                expected = f(torch.tensor(x), torch.tensor(y))
                for z in (f(md.tensor(x), y), f(x, md.tensor(y))):
                    assert str(z.dtype) == str(expected.dtype).removeprefix("torch.")
                    np.testing.assert_array_equal(z.array, expected.numpy())
        chosen = md.where(md.tensor(BOOLS), x, md.tensor(y))
        np.testing.assert_array_equal(chosen.array, torch.where(torch.tensor(BOOLS), torch.tensor(x), torch.tensor(y)))


def test_numbers_out_of_range_are_compared_as_they_are():
    """PyTorch takes those modulo the range of the tensor's integers: 255 == -1 there, of bytes."""
    for number in (2.5, True, 200):
        compare(lambda m, x, n=number: (x == n, x < n, n <= x, x != n), BYTES, order=0)
    for number in (-1, 300):
        for f in COMPARE.values():
            np.testing.assert_array_equal(f(md.tensor(BYTES), number).array, f(BYTES.astype(int), number))


def test_in():
    for m in (OURS, THEIRS):
        x = m.tensor(WHOLE)
        assert 7 in x and 8 not in x and m.tensor(3) in x and 2.5 not in x and m.tensor([7, -7, 0]) in x
        assert m.tensor(1) in [m.tensor(0), m.tensor(1)] and x in [x, 1] and m.tensor(1) not in [m.tensor(2)]
        assert hash(x) == hash(x) and len({x, m.tensor(WHOLE)}) == 2 and {x: 1}[x] == 1
        assert (x == None) is False and (x != "a") is True and (x == [1]) is False  # noqa: E711
        with pytest.raises((TypeError, RuntimeError), match="tensor|Tensor"):
            assert "a" in x
