"""Random programs of views and in-place writes beside PyTorch: values, gradients of both orders, and what is refused.

A program is made line by line, each line from the shapes that the names have at that point; after each, all names are
compared. What only one side refuses ends it: minidl may refuse nothing that PyTorch takes but where `STRICTER` says so.
"""

import gc
import itertools
import re
import warnings
import weakref

import numpy as np
import pytest
from parity import MISTAKES, OURS, THEIRS

import minidl as md
from minidl.engine.writes import owner_of

STRICTER = re.compile(  # what minidl alone refuses
    "other tensors are views of this one|under no_grad.* would not fit it|memory can't be written|given another shape"
)
BEHIND = re.compile("changed in place after it was read|replaced after it was read")  # what is done by way of .data
OVERLAPS = {1184, 1803, 2466}  # PyTorch reads there what it has just written; minidl what stood there before
LEAVES = {"w": (3, 4), "u": (4,)}


class Program:
    """A program on both sides, as it grows."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.fresh = map("t{}".format, itertools.count())
        self.lines = []
        self.outside = False  # whether the line stands under no_grad
        self.cut = set()  # views made there: PyTorch lets them say that they require grad, though none reaches them
        self.theirs, self.ours = ({"m": m, "part": part} for m in (THEIRS, OURS))
        for name, shape in LEAVES.items():
            value = self.rng.standard_normal(shape).round(2).tolist()
            self.do(f"{name} = m.tensor({value}, dtype=m.float64, requires_grad=True)")
        self.do("c = m.tensor([[0.5, -1.0, 1.5, 2.0]] * 3, dtype=m.float64)")
        self.do("a = w * 1.5")

    # --- choices

    def one(self, *options):
        return options[self.rng.integers(len(options))]

    def chance(self, p):
        return self.rng.random() < p

    def names(self):
        tensors = [name for name, x in self.theirs.items() if isinstance(x, THEIRS.Tensor)]
        return tensors if self.outside else [name for name in tensors if name not in self.cut]

    def shape(self, name):
        return tuple(self.theirs[name].shape)

    def name(self):
        names = self.names()
        return self.one(*names[-4:]) if self.chance(0.6) else self.one(*names)

    def fitting(self, shape):
        """A name, or an expression, that broadcasts to a shape."""
        fits = [n for n in self.names() if broadcasts(self.shape(n), shape)]
        if not fits or self.chance(0.25):
            return self.one("0.5", "-1.5", "2.0", "u.sum()", "w[1, 2]")
        return self.one(*fits)

    def number(self):
        return self.one("0.5", "-0.5", "1.5", "2.0")

    # --- lines

    def index(self, shape):
        """An index of basic parts, and sometimes an array or a mask."""
        parts = []
        for n in shape[: self.rng.integers(1, len(shape) + 1)] if shape else ():
            kind = self.rng.choice(["int", "slice", "step", "all", "none", "array"], p=[0.3, 0.3, 0.1, 0.1, 0.1, 0.1])
            forms = {
                "slice": f"{self.rng.integers(0, n + 1)}:",
                "step": f"{self.rng.integers(0, 2)}::2",
                "none": "None, :",
            }
            if n:
                forms["int"] = str(self.rng.integers(-n, n))
                forms["array"] = f"m.tensor({self.rng.integers(-n, n, 2).tolist()})"
            parts.append(forms.get(kind, ":"))
        if not parts or self.chance(0.1):
            return self.one("...", "None")
        return ", ".join(parts)

    def a_view(self):
        x = self.name()
        shape = self.shape(x)
        n, z = len(shape), next(self.fresh)
        d = int(self.rng.integers(0, max(n, 1)))
        e = int(self.rng.integers(0, max(n, 1)))
        size = shape[d] if n else 1
        total = int(np.prod(shape))
        flat = self.one((-1,), (total,), (1, -1), *((k, -1) for k in (2, 3) if total and total % k == 0))
        options = [
            f"{x}[{self.index(shape)}]",
            f"{x}[{self.index(shape)}]",
            f"{x}.view{flat}",
            f"{x}.reshape{flat}",
            f"{x}.transpose({d}, {e})",
            f"{x}.permute({self.rng.permutation(n).tolist()})",
            f"{x}.expand(2, {', '.join(map(str, shape))})",
            f"{x}.squeeze()",
            f"{x}.squeeze({d})",
            f"{x}.unsqueeze({d})",
            f"{x}.view_as({x})",
            f"{x}.detach()",
            f"{x}.data",
            f"{x}.clone()",
            f"{x}.double()",
            f"{x}.contiguous()",
            f"{x}[{x} > 0.5]",
            x,
        ]
        if n and size:
            options += [
                f"{x}.narrow({d}, {size // 2}, {size - size // 2})",
                f"{x}.select({d}, {self.rng.integers(0, size)})",
                f"part({x}, 'chunk', 2, {d})",
                f"part({x}, 'split', {max(size - 1, 1)}, {d})",
                f"part({x}, 'unbind', None, {d})",
            ]
        if n >= 2:
            options += [
                f"{x}.diagonal()",
                f"{x}.diagonal({self.one(-1, 1)}, {n - 1}, {n - 2})",
                f"{x}.flatten(0, 1)",
                f"{x}.flatten()",
            ]
            options += [f"{x}.movedim(0, {n - 1})", f"{x}.mT"]
        return f"{z} = {self.one(*options)}"

    def a_value(self):
        x, z = self.name(), next(self.fresh)
        y = self.fitting(self.shape(x))
        options = [f"{x} * {y}", f"{x} + {y}", f"{x} * {x}", f"{x}.sin()", f"{x}.tanh()", f"{x}.relu()", f"{x} * 2.0"]
        options += [f"{x}.sum(0)", f"{x} / ({y} * {y} + 1)", f"m.cat([{x}, {x}])", f"m.where({x} > 0, {x}, {y})"]
        options += [f"m.zeros_like({x})", f"m.stack([{x}, {x}])", f"m.ones({self.shape(x)}, dtype=m.float64)"]
        return f"{z} = {self.one(*options)}"

    def a_write(self):
        x = self.name()
        shape = self.shape(x)
        y, k, at = self.fitting(shape), self.number(), self.index(shape)
        try:
            there = tuple(eval(f"m.zeros({shape})[{at}]", {"m": THEIRS}).shape)
        except MISTAKES:
            at, there = "...", shape
        v = self.fitting(there)
        options = [
            f"{x} += {y}",
            f"{x} -= {y}",
            f"{x} *= {y}",
            f"{x} /= {y} * {y} + 1",
            f"{x} **= 2",
            f"{x} *= {k}",
            f"{x}.add_({y})",
            f"{x}.mul_({y})",
            f"{x}.sub_({y}, alpha=0.5)",
            f"{x}.clamp_(-1.0, 1.0)",
            f"{x}.relu_()",
            f"{x}.exp_()",
            f"{x}.sin_()",
            f"{x}.tanh_()",
            f"{x}.sigmoid_()",
            f"{x}.neg_()",
            f"{x}.copy_({y if y[-1].isalnum() and not y[-1].isdigit() or y[0] == 't' else 'c[0, 0]'})",
            f"{x}.fill_({k})",
            f"{x}.zero_()",
            f"{x}.masked_fill_({x} > 0.3, {k})",
            f"{x}[{at}] = {v}",
            f"{x}[{at}] = {v}",
            f"{x}[{at}] += {v}",
            f"{x}[{at}] *= {v}",
            f"{x}[{x} < 0] = {k}",
            f"{x}[{x} < 0] *= {k}",
            f"{x}.data += {y}",
            f"{x}.data.mul_({k})",
            f"{x}.addcmul_({x} * 0.5, {x} * 1.5, value=0.5)",
            f"{x}.lerp_({x} * 0.5, 0.25)",
        ]
        if shape and shape[0]:
            options += [f"{x}.index_fill_(0, m.tensor([0]), {k})", f"{x}.index_add_(0, m.tensor([0]), {x}[:1] * 2)"]
        return self.one(*options)

    def a_rest(self):
        x = self.name()
        loss = self.one(f"{x}.sum()", f"({x} * {x}).sum()", f"({x}.sin() * c[0, 1]).sum()")
        many = self.one("w", "u", "a")
        options = [
            f"{loss}.backward()",
            f"{loss}.backward(retain_graph=True)",
            f"g = m.autograd.grad({loss}, [{many}], create_graph=True)[0].clone()",
            f"g = m.autograd.grad({loss}, [{many}], retain_graph=True)[0].clone()",
            "v = m.ones((2, 3), dtype=m.float64).requires_grad_()",
            f"{x}.unsqueeze_(0)",
            f"{x}.squeeze_()",
            f"{x}.t_()",
            f"{x}.transpose_(0, -1)",
            f"del {next((n for n in self.names()[::-1] if n not in ('w', 'u', 'a', 'c')), 'g')}",
            "w.grad = None",
            "w.grad.zero_()",
            "w.grad *= 0.5",
            "w.data = w.data * 0.5",
        ]
        return self.one(*options)

    def line(self):
        kind = self.rng.choice(["view", "value", "write", "rest"], p=[0.32, 0.15, 0.4, 0.13])
        self.outside = self.chance(0.15)
        made = getattr(self, f"a_{kind}")()
        if self.outside and kind == "view":
            self.cut.add(made.split()[0])
        return f"with m.no_grad(): {made}" if self.outside else made

    # --- both sides

    def attempt(self, side, line):
        """What a line is refused with on one side, or None."""
        try:
            exec(line, side)
        except (*MISTAKES, NameError, AttributeError) as error:
            return str(error).splitlines()[0]  # with the error itself lives all that it met

    def do(self, line):
        """Run a line on both sides. False where one alone refuses it."""
        self.lines.append(line)
        theirs = self.attempt(self.theirs, line)
        if theirs is None:
            theirs = self.stale()
            self.doubtful = theirs is not None
        ours = self.attempt(self.ours, line)
        if theirs is not None and self.doubtful:
            return "doubtful"
        if (theirs is None) != (ours is None):
            self.lines.append(f"# PyTorch: {theirs}; minidl: {ours}")
            if theirs is not None:
                return "lenient"
            known = STRICTER.search(ours) or (".data" in "".join(self.lines[:-2]) and BEHIND.search(ours))
            return "known" if known else "stricter"
        if theirs is not None:
            self.lines[-1] += "  # refused"
        difference = self.compare()
        if difference and theirs is not None and ("grad(" in line or "backward(" in line):
            return "refused"  # as far as it came, .grad may have been filled
        if difference:
            self.lines.append(f"# {difference}")
            return "differs"

    def stale(self):
        """The error of PyTorch's that a view is in, of a base that has been written since: all that is asked of it."""
        for name in self.names():
            try:
                str(self.theirs[name].requires_grad)
            except RuntimeError as error:
                return str(error)

    def compare(self):
        ours, theirs = self.ours, self.theirs
        for name in [n for n in {**ours, **theirs} if n not in ("m", "part", "__builtins__")]:
            x, z = ours.get(name), theirs.get(name)
            if x is None and z is None:
                continue
            if x is None or z is None:
                return f"{name}: {x} {z}"
            if x.shape != z.shape or not close(x, z):
                return f"{name}: {x}, PyTorch: {z}"
            if name in self.cut:
                continue
            for what in ("requires_grad", "is_leaf"):
                if getattr(x, what) != getattr(z, what):
                    return f"{name}.{what}: {getattr(x, what)}, PyTorch: {getattr(z, what)}"
            if not z.is_leaf and z._is_view():
                continue  # its place in the graph may not be that of its memory, after writes into a detached one
            g, h = x.grad, z.grad
            if (g is None) != (h is None) or (g is not None and not close(g, h)):
                return f"{name}.grad: {g}, PyTorch: {h}"
        return None

    def finish(self):
        """Gradients of everything alive, of both orders."""
        self.outside = False
        total = " + ".join(f"({name} * {name}).sum()" for name in self.names() if name != "g")
        for line in (
            f"total = {total}",
            "g, h = m.autograd.grad(total, [w, u], create_graph=True, allow_unused=True)",
            "total.backward(retain_graph=True)",
            "more = ((g * g).sum() if g is not None else 0) + ((h * h).sum() if h is not None else 0)",
            "more.backward()",
        ):
            verdict = self.do(line)
            if verdict:
                return verdict
            if self.lines[-1].endswith("# refused"):
                return None
        return None


def broadcasts(shape, to):
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def close(x, z):
    a, b = x.detach().array, z.detach().numpy()
    with np.errstate(all="ignore"):
        return a.shape == b.shape and np.allclose(a, b, rtol=1e-8, atol=1e-9, equal_nan=True)


def part(x, how, n, dim):
    """The last of several views. PyTorch lets nothing be written into them while it records: there one alone."""
    if isinstance(x, md.Tensor):
        return (x.unbind(dim) if how == "unbind" else getattr(x, how)(n, dim))[-1]
    size = x.shape[dim]
    if how == "unbind":
        return x.select(dim, size - 1)
    n = -(-size // n) if how == "chunk" else n
    length = size % n or n
    return x.narrow(dim, size - length, length)


def run(seed, length=12):
    """A program to its end, and what came of it: None, or why it was left early."""
    program = Program(seed)
    for _ in range(length):
        verdict = program.do(program.line())
        if verdict:
            return program, verdict
    return program, program.finish()


def check(seed):
    """Both sides agree; all that minidl held of a program goes with its names, at once."""
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program, verdict = run(seed)
        assert verdict not in ("differs", "stricter"), f"seed {seed}:\n" + "\n".join(program.lines)
        tensors = [x for x in program.ours.values() if isinstance(x, md.Tensor)]
        for x in tensors:
            views = (x.ties.views if x.ties is not None else None) or {}
            assert all(view() is not None for view in views.values()), f"seed {seed}: views that are gone"
        held = [weakref.ref(part) for x in tensors for part in (x, x.node, owner_of(x.array)) if part is not None]
        program.ours.clear()
        del tensors, x, views
        assert not any(reference() is not None for reference in held), f"seed {seed}: alive without a name"
    finally:
        gc.enable()


def test_random_writes():
    for seed in range(24):
        check(seed)


@pytest.mark.deep
@pytest.mark.parametrize("block", range(8))
def test_many_random_writes(block):
    for seed in {*range(1000 + 100 * block, 1100 + 100 * block)} - OVERLAPS:
        check(seed)
