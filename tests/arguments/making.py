"""Making tensors: filled, counted, converted, drawn."""

import re

import numpy as np

from arguments.functions import X
from arguments.modules import SEEDED, drawn
from arguments.table import each, fixed, given, of, row, wave

DOUBLE, INTEGERS = of("float64"), of("int32")
GRAD = dict(requires_grad=True)
LIKE = fixed(np.float32(X))


def of_kind(m, row, found, args, options):
    """The shape and the dtype alone, where memory is left as it is found."""
    z = found(*args, **options)
    return [list(z.shape), str(z.dtype).removeprefix("torch."), z.requires_grad]


# --- filled -----------------------------------------------------------------------------------------------------------

for name, run in (("zeros", None), ("ones", None), ("empty", of_kind)):
    row(name, run, size=(2, 3))(size=(4,), dtype=each(DOUBLE, INTEGERS), **GRAD)
    row(name, run, sizes=(2, 3))()
    row(name, run, sizes=((2, 3),))()
    row(f"{name}_like", run, input=LIKE)(input=np.arange(3), dtype=each(DOUBLE, INTEGERS), **GRAD)
    row(f"Tensor.new_{name}", run, self=LIKE, args=(2, 3))(dtype=DOUBLE)
row("full", size=(2, 3), fill_value=1.5)(fill_value=each(2, True), dtype=DOUBLE, **GRAD)
row("full_like", input=LIKE, fill_value=1.5)(fill_value=2, dtype=DOUBLE, **GRAD)
row("Tensor.new_full", self=LIKE, args=((2, 3), 1.5))(dtype=DOUBLE)
row("eye", n=3)(n=2, m=2, dtype=DOUBLE, **GRAD)

# --- counted ----------------------------------------------------------------------------------------------------------

for bounds in ((4,), (1.5, 4), (5, -1, -2), (0, 1, 0.25)):
    row("arange", bounds=bounds)()
row("arange", start=1, end=9)(
    start=2.5, end=7, step=each(3, given(-0.5, end=-1)), dtype=DOUBLE, requires_grad=given(True, start=0.5)
)
row("linspace", start=-1.0, end=2.0, steps=4)(start=0.5, end=3, steps=7, dtype=DOUBLE, **GRAD)
row("logspace", start=-1.0, end=2.0, steps=4)(start=0.5, end=1.5, steps=3, base=2.0, dtype=DOUBLE, **GRAD)
row("meshgrid", tensors=(fixed(X[0]), fixed(X[:, 0])), indexing="ij")(indexing="xy")

# --- converted --------------------------------------------------------------------------------------------------------

row("tensor", data=[[1, 2], [3, 4]])(data=each(1.5, [True, False]), dtype=DOUBLE, requires_grad=given(True, data=[1.5]))
row("as_tensor", data=[[1, 2], [3, 4]])(data=1.5, dtype=DOUBLE)
row("from_numpy", None, lambda m, ndarray: m.tensor(ndarray), ndarray=of(lambda m: np.array([1.0, 2.0])))()
row("Tensor.new_tensor", self=LIKE, args=([1, 2],))(dtype=DOUBLE)
for name in ("bool", "byte", "char", "short", "int", "long", "half", "float", "double"):
    row(f"Tensor.{name}", self=fixed(abs(9.3 * X)))()
row("Tensor.to", self=X, target=(of("float32"),))()
row("Tensor.to", self=X)(dtype=of("float16"))
row("get_default_dtype", None, lambda m: "float32")()
row("Tensor.type", self=X)(dtype=of("int64"))
row("Tensor.type_as", self=X, other=LIKE)()
row("is_floating_point", input=X)(input=np.arange(3))
row("is_tensor", None, lambda m, obj: m.is_tensor(obj), obj=fixed(X))(obj=1.5)
row("numel", input=X)()


def as_printed(m, row, found, args, options):
    """What tensors look like but for spaces and last zeros, and how many lines that takes."""
    found(*args, **options)
    try:
        texts = [str(m.tensor(np.float32(values))) for values in (wave(40), wave(2, 3) * 1e-4, wave(3) ** 2 + 0.1)]
    finally:
        m.set_printoptions(profile="default")
    return [re.sub(r"(\.\d*?)0+(?=[],e])", r"\1", "".join(text.split())) for text in texts] + [texts[0].count("\n")]


row("set_printoptions", as_printed, linewidth=100)(
    precision=5,
    threshold=20,
    edgeitems=given(2, threshold=20),
    linewidth=60,
    profile=given("short", linewidth=None),
    sci_mode=each(True, False),
)

# --- drawn ------------------------------------------------------------------------------------------------------------

MANY = (200, 150)
WIDE = of(lambda m: m.zeros(200, 150))
KINDS = dict(dtype=DOUBLE, generator=SEEDED)
for name in ("rand", "randn"):
    row(name, drawn, size=MANY)(size=(300, 100), **KINDS, **GRAD)
    row(name, drawn, sizes=MANY)()
    row(f"{name}_like", drawn, input=WIDE)(**KINDS, **GRAD)
row("randint", drawn, low=-3, high=9, size=MANY)(
    low=2, high=4, size=(300, 100), **KINDS, requires_grad=given(True, dtype=DOUBLE)
)
row("randint", drawn, bounds=(9, MANY))()
row("randint_like", drawn, input=WIDE, low=-3, high=9)(low=2, high=4, **KINDS, **GRAD)
row("randperm", drawn, n=20000)(n=10000, dtype=DOUBLE, requires_grad=given(True, dtype=DOUBLE))
row("normal", drawn, mean=1.0, std=2.0, size=MANY)(mean=-1.0, std=0.5, size=(300, 100), **KINDS, **GRAD)
row("bernoulli", drawn, input=of(lambda m: m.full((200, 150), 0.3)))(p=0.7, generator=SEEDED)
row("Tensor.bernoulli_", drawn, self=WIDE)(p=0.7, generator=SEEDED)
row("Tensor.uniform_", drawn, lambda m, x, a=0, b=1, **k: x.uniform_(a, b, **k), self=WIDE)(
    a=-3.0, b=5.0, generator=SEEDED
)
row("Tensor.random_", drawn, self=WIDE, bounds=(-3, 9))(bounds=(4,), generator=SEEDED)
row("Tensor.normal_", drawn, self=WIDE)(mean=2.0, std=3.0, generator=SEEDED)
WEIGHTS = of(lambda m: m.tensor(abs(wave(5000)) + 0.1))
row("multinomial", drawn, input=WEIGHTS, num_samples=3000, replacement=True)(
    num_samples=4000, replacement=False, generator=SEEDED
)
