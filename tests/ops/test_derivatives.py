"""The page of derivatives: that it is fresh and whole, and that its formulas mean what the rules compute."""

import operator
import re

import numpy as np
import pytest
import scipy.special
from derivatives import PAGE, Unwritten, derivative, main, symbol, value, word
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import SPECS, cases

from minidl.engine.fusion import composites
from minidl.engine.op import registry

ELEMENTWISE = [
    name
    for name, op in registry.items()
    if op.rules and op.forward.__module__ in ("minidl.ops.elementwise", "minidl.ops.special")
]
NAMES = vars(np) | dict(
    ln=np.log,
    max=np.maximum,
    min=np.minimum,
    sgn=np.sign,
    sigma=scipy.special.expit,
    logsigmoid=scipy.special.log_expit,
)
A, B, C = map(symbol, "abc")
TOTAL = word("sum")


def read(formula, **values):
    """The number that a formula stands for, as one reads it: LaTeX made Python, sign by sign."""
    formula = re.sub(r"\\left\\vert (.*?) \\right\\vert", r"abs(\1)", formula)
    for sign, python in {
        r"\bar z": "g", r"\mathrm": "", r"\left": "", r"\right": "", r"\frac": "", "}{": ")/(", "{": "(", "}": ")",
        "^": "**", r"\cdot": "*", r"\neq": "!=", r"\leq": "<=", r"\geq": ">=", " = ": " == ", r"\neg": "~",
        "[": "(", "]": ")", "\\": "",
    }.items():  # fmt: skip
        formula = formula.replace(sign, python)
    return eval(formula, NAMES | values)


def test_the_page_is_fresh():
    assert main(["--check"]) == 0


def test_every_op_has_a_row():
    page = PAGE.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)\(", page, re.MULTILINE)) == sorted(registry | composites)
    for name, op in registry.items():
        row = re.search(rf"^\| `{name}\(.*", page, re.MULTILINE).group()
        assert all(rf"{derivative(op, argument).at(0)}`$" in row for argument in op.rules)
        marks = "Δ ih ⟨⟩" if SPECS[name].analytic else "Δ δ ⟨⟩"
        assert (f"$ | {marks} | {marks} |" if op.rules else "| none |  |  |") in row


@pytest.mark.parametrize(("name", "argument", "formula"), [
    ("add", "x", r"\bar z"),
    ("div", "x", r"\frac{\bar z}{y}"),
    ("div", "y", r"-\bar z \cdot \frac{\frac{x}{y}}{y}"),
    ("tanh", "x", r"\bar z \cdot (1 - z^{2})"),
    ("pow", "x", r"[n \neq 0] \cdot \bar z \cdot n \cdot x^{[n = 0] + [n \neq 0] \cdot (n - 1)}"),
    ("maximum", "y", r"([x = y] \cdot \bar z \cdot 0.5 + [x \neq y] \cdot \bar z) \cdot [y \geq x]"),
    ("erf", "x", r"\bar z \cdot \frac{2}{\sqrt{\pi}} \cdot e^{-x^{2}}"),
    ("floor", "x", "0"),
    ("softmax", "x", r"z \cdot \left(\bar z - \sum_{\mathrm{dim}} \bar z \cdot z\right)"),
    ("matrix_product", "y", r"x^{\top}\,\bar z"),
    ("getitem", "x", r"\mathrm{unindex}(\bar z, \mathrm{index}, \mathrm{shape}(x))"),
    ("permute", "x", r"\mathrm{permute}(\bar z, \mathrm{order}^{-1})"),
    ("conv", "x", r"\mathrm{conv\_x}(\bar z, w, \mathrm{shape}(x)[2:])"),
    ("conv_w", "g", r"\mathrm{conv}(x, \bar z)"),
])  # fmt: skip
def test_rules_as_they_should_be_written(name, argument, formula):
    assert derivative(registry[name], argument).text == formula


@pytest.mark.parametrize(("formula", "text"), [
    (A - (B - C), "a - (b - c)"),
    ((A - B) - C, "a - b - c"),
    (A / (B * C), r"\frac{a}{b \cdot c}"),
    (A / B / C, r"\frac{\frac{a}{b}}{c}"),
    (-(A + B), "-(a + b)"),
    (-A * B, r"-a \cdot b"),
    (A * -B, r"a \cdot (-b)"),
    (A - -B, "a - (-b)"),
    (A + -B, "a - b"),
    ((A + B) ** 2, "(a + b)^{2}"),
    ((-A) ** 2, "(-a)^{2}"),
    (-(A**2), "-a^{2}"),
    ((A**B) ** C, "(a^{b})^{c}"),
    (A ** (B + C), "a^{b + c}"),
    (A * (B > C), r"a \cdot [b > c]"),
    (A + (B > C), r"a + [b > c]"),
    (A + (-B + C), r"a + (-b + c)"),
    (TOTAL(A + B) * C, r"\left(\sum (a + b)\right) \cdot c"),
    (A * TOTAL(B) * C, r"\left(a \cdot \sum b\right) \cdot c"),
    (A - TOTAL(-B), r"a - \sum (-b)"),
    (word("where")(A < B, A, C), r"[a < b] \cdot a + [a \geq b] \cdot c"),
])  # fmt: skip
def test_precedence(formula, text):
    assert formula.text == text


def expressions():
    binary = st.sampled_from([operator.add, operator.sub, operator.mul, operator.truediv])
    squares = st.sampled_from([operator.neg, lambda x: x**2, lambda x: 2 - x, lambda x: x * (x > 1)])

    def larger(parts):
        return st.builds(lambda f, x, y: lambda *v: f(x(*v), y(*v)), binary, parts, parts) | st.builds(
            lambda f, x: lambda *v: f(x(*v)), squares, parts
        )

    return st.recursive(st.sampled_from([lambda a, b, c: a, lambda a, b, c: b, lambda a, b, c: c]), larger)


@given(f=expressions())
@settings(max_examples=300)
def test_any_formula_means_what_was_computed(f):
    values = np.random.default_rng(0).uniform(1, 2, (3, 5))
    with np.errstate(all="ignore"):
        ours, expected = read(f(A, B, C).at(1), **dict(zip("abc", values, strict=True))), f(*values)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(data=st.data())
def test_formulas_on_the_page_mean_what_the_op_computes(name, data):
    op, case = registry[name], data.draw(cases(SPECS[name]))
    z = SPECS[name].oracle(*case.arrays, **case.options)
    known = dict(zip(op.arguments, case.arrays, strict=True)) | case.options | {"z": z}
    known["g"] = np.random.default_rng(0).standard_normal(np.shape(z))
    limits = {name: {"min": -np.inf, "max": np.inf}[name] for name, given in case.options.items() if given is None}
    if (formula := value(op)).startswith("$"):
        np.testing.assert_allclose(read(formula.strip("$`"), **known | limits), z, rtol=1e-9, atol=1e-12)
    for argument, rule in op.rules.items():
        expected = rule.function(known["g"], *[known[name] for name in rule.names])
        ours = read(derivative(op, argument).at(1), **known | limits)
        np.testing.assert_allclose(*np.broadcast_arrays(ours, expected), rtol=1e-9, atol=1e-12)


def test_a_changed_rule_makes_the_page_stale(monkeypatch, capsys):
    rules = registry["div"].rules
    monkeypatch.setitem(rules, "x", rules["x"]._replace(function=lambda g, y: g * y))
    assert main(["--check"]) == 1
    out = capsys.readouterr().out
    assert r"-| `div(x, y)`" in out and r"$`\bar x = \bar z \cdot y`$" in out and len(out.splitlines()) <= 20


def test_what_has_no_notation_is_an_error(monkeypatch):
    rules = registry["neg"].rules
    for rule in (lambda g: np.sort(g), lambda g: g if g > 0 else -g, lambda g: g * "a", lambda g: g * (1, 2)):
        monkeypatch.setitem(rules, "x", rules["x"]._replace(function=rule))
        with pytest.raises(Unwritten):
            derivative(registry["neg"], "x")
