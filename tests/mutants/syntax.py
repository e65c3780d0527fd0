"""Faults in a function's source: one node of its syntax tree changed, and compiled anew."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


@contextmanager
def recoded(function: FunctionType, code: CodeType) -> Iterator[None]:
    """The function with other code, wherever it is known."""
    own = function.__code__
    try:
        function.__code__ = code
        yield
    finally:
        function.__code__ = own


def faults(function: FunctionType, argument: str, arrays: Set[str]) -> Iterator[tuple[str, str, CodeType]]:
    """All ways to change one place: the kind, the change in words, the code.

    A lambda is the rule of an `argument`; parameters named in `arrays` may be taken for each other.
    """
    tree = definition(function, argument)
    names = [p.arg for p in tree.args.args if p.arg in arrays]
    seen = {ast.unparse(tree)}
    for node, parent, put in list(places(tree)):
        around = parent if isinstance(node, (ast.Name, ast.Constant)) and isinstance(parent, ast.expr) else None
        before = shown(around or node)
        for kind, other in variants(node, names, function.__globals__):
            put(other)
            changed = ast.unparse(tree)
            if changed not in seen:
                seen.add(changed)
                yield kind, f"{before} → {shown(around or other)}", compiled(tree, function.__code__.co_filename)
        put(node)


def shown(node: ast.AST) -> str:
    return "nothing" if isinstance(node, ast.Pass) else ast.unparse(node).partition("\n")[0]


# --- from a function to its tree and back -----------------------------------------------------------------------------


def definition(function: FunctionType, argument: str) -> ast.FunctionDef | ast.Lambda:
    """The syntax tree of a function or a lambda."""
    if function.__name__ != "<lambda>":
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        assert isinstance(tree, ast.FunctionDef)
        tree.decorator_list, tree.returns = [], None
        return tree
    path, line = function.__code__.co_filename, function.__code__.co_firstlineno
    for node in ast.walk(module(path)):
        if isinstance(node, ast.keyword) and node.arg == argument and node.value.lineno == line:
            assert isinstance(node.value, ast.Lambda)
            return node.value
    raise LookupError(f"no {argument}=lambda in line {line} of {path}")


@cache
def module(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def compiled(tree: ast.FunctionDef | ast.Lambda, path: str) -> CodeType:
    """The code of the function that `tree` defines."""
    whole = ast.Expression(tree) if isinstance(tree, ast.Lambda) else ast.Module([tree], [])
    code = compile(ast.fix_missing_locations(whole), path, "eval" if isinstance(tree, ast.Lambda) else "exec")
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))


def places(parent: ast.AST) -> Iterator[tuple[ast.AST, ast.AST, Callable[[ast.AST], None]]]:
    """Every expression and statement of a body, what it is part of, and how to put another in its place."""
    for name, value in ast.iter_fields(parent):
        for i, node in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(node, ast.AST) and not isinstance(node, (ast.arguments, ast.Raise)):
                put = partial(value.__setitem__, i) if isinstance(value, list) else partial(setattr, parent, name)
                yield node, parent, put
                yield from places(node)


# --- what may be put in the place of a node ---------------------------------------------------------------------------


def variants(node: ast.AST, arrays: list[str], scope: dict[str, Any]) -> Iterator[tuple[str, ast.AST]]:
    """Every fault that can stand where `node` does."""
    if isinstance(node, ast.BinOp):
        yield from binary(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield "drop a sign", node.operand
    elif isinstance(node, ast.Compare):
        for other in COMPARISONS[type(node.ops[0])]:
            yield "swap operators", ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
    elif isinstance(node, (ast.IfExp, ast.If)):
        yield from branches(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield "change a constant", ast.Constant(value)
    elif isinstance(node, ast.Call):
        yield from calls(node, scope)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        for i in range(len(node.elts) - 1):
            swapped = [*node.elts[:i], node.elts[i + 1], node.elts[i], *node.elts[i + 2 :]]
            yield "swap operands", ast.Tuple(swapped, node.ctx)
    elif isinstance(node, ast.Name) and node.id in arrays and isinstance(node.ctx, ast.Load):
        for name in arrays:
            yield "use a wrong array", ast.Name(name, node.ctx)
    elif isinstance(node, ast.AugAssign):
        yield "drop a statement", ast.Pass()
        yield "swap operators", ast.AugAssign(node.target, OPERATORS[type(node.op)](), node.value)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "drop a statement", ast.Pass()


def binary(node: ast.BinOp) -> Iterator[tuple[str, ast.AST]]:
    dropped = "drop a term" if isinstance(node.op, (ast.Add, ast.Sub)) else "drop a factor"
    yield dropped, node.left
    yield dropped, node.right
    logical = isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Compare)
    if type(node.op) in OPERATORS:
        yield "swap operators", ast.BinOp(node.left, ast.BitOr() if logical else OPERATORS[type(node.op)](), node.right)
    if not isinstance(node.op, (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr)):
        yield "swap operands", ast.BinOp(node.right, node.op, node.left)


def branches(node: ast.IfExp | ast.If) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.IfExp):
        yield "always one branch", node.body
        yield "always one branch", node.orelse
    else:
        yield "always one branch", ast.If(ast.Constant(True), node.body, node.orelse)
        yield "always one branch", ast.If(ast.Constant(False), node.body, node.orelse)


def calls(node: ast.Call, scope: dict[str, Any]) -> Iterator[tuple[str, ast.AST]]:
    method = isinstance(node.func, ast.Attribute) and not is_module(node.func.value, scope)
    arguments = [node.func.value] if method else [a for a in node.args[:1] if not isinstance(a, ast.Starred)]
    for first in arguments:
        yield "drop a call", first
    for i in range(len(node.args) - 1):
        swapped = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
        yield "swap operands", ast.Call(node.func, swapped, node.keywords)
    fewer = [ast.Call(node.func, node.args[:-1], node.keywords)] if node.args else []
    fewer += [
        ast.Call(node.func, node.args, [k for k in node.keywords if k is not keyword]) for keyword in node.keywords
    ]
    for call in fewer:
        if may_be_called(call, scope):
            yield "drop an option", call


def is_module(node: ast.AST, scope: dict[str, Any]) -> bool:
    return isinstance(node, ast.Name) and (node.id == "xp" or isinstance(scope.get(node.id), ModuleType))


def may_be_called(node: ast.Call, scope: dict[str, Any]) -> bool:
    """Whether the function takes a call of this form: one that lacks an argument would only be a TypeError."""
    function = scope.get(node.func.id) if isinstance(node.func, ast.Name) else None
    if not isinstance(function, FunctionType) or any(isinstance(a, ast.Starred) for a in node.args):
        return False
    first, function = ([None], function.op.forward) if hasattr(function, "op") else ([], function)
    try:
        inspect.signature(function).bind(*first, *node.args, **{k.arg: k for k in node.keywords if k.arg})
    except TypeError:
        return False
    return True
