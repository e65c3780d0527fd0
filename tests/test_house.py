"""The house: imports point down, in no circle; no file holds two ideas."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import minidl

HOUSE = Path(minidl.__file__).parent
# The rooms, each on its floor: what lies in one may import what lies on lower floors. "minidl" is the face itself.
FLOORS = [
    {"backend", "backends"},
    {"engine"},
    {"ops"},
    {"autograd", "files", "functional", "profiler"},
    {"data"},
    {"nn", "utils"},
    {"optim"},
    {"kernels"},
    {"distributed", "draw", "models", "viz"},
    {"interpret", "train"},
    {"minidl"},
    {"learn"},
    {"commands"},
    {"__main__"},
]
LONG: dict[str, str] = {}  # a file of more than 400 lines: why it is one
FILES = {path.relative_to(HOUSE): path.read_text(encoding="utf-8") for path in HOUSE.rglob("*.py")}


def dotted(path: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(["minidl", *path.with_suffix("").parts]).removesuffix(".__init__")


MODULES = {dotted(path): path for path in FILES}


def room(module: str) -> str:
    """Where a module lives: its folder, or the file itself."""
    return module.split(".")[min(1, module.count("."))]


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of minidl that some code imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


def imports() -> dict[str, set[str]]:
    """For each module those that it imports: at the top, in functions, and for types alone.

    A name that a folder hands on (``from minidl.backend import dims``) counts as the folder, but for files in it.
    """
    return {module: set(imported(ast.parse(FILES[path]))) - {module} for module, path in MODULES.items()}


def upward(graph: dict[str, set[str]]) -> list[str]:
    """The imports of what lies higher, or beside."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    return [
        f"{module} imports {other}"
        for module, others in sorted(graph.items())
        for other in sorted(others)
        if room(module) != room(other) and floor[room(module)] <= floor[room(other)]
    ]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of which each imports the next, and the last the first; none where there is no circle."""
    done: set[str] = set()

    def search(module: str, way: list[str]) -> list[str]:
        if module in way:
            return way[way.index(module) :]
        if module in done:
            return []
        found = next(filter(None, (search(other, [*way, module]) for other in sorted(graph[module]))), [])
        done.add(module)
        return found

    return next(filter(None, (search(module, []) for module in sorted(graph))), [])


def test_imports_point_down():
    assert not upward(imports())


def test_no_imports_go_in_a_circle():
    """Not even one that hides in a function, or under TYPE_CHECKING."""
    assert not circle(imports())


def test_every_room_is_on_a_floor():
    assert sorted(name for names in FLOORS for name in names) == sorted(set(map(room, MODULES)))


def test_few_files_lie_about():
    assert len([path for path in HOUSE.iterdir() if path.is_file()]) <= 8


def test_every_room_says_what_lives_there():
    for path in FILES:
        if path.name == "__init__.py":
            said = ast.get_docstring(ast.parse(FILES[path])) or ""
            assert said.partition("\n\n")[0].endswith("."), f"{path}: opens with no sentence"


@pytest.mark.parametrize("path", sorted(FILES), ids=str)
def test_long_files_say_why(path):
    assert FILES[path].count("\n") <= 400 or str(path) in LONG, f"{path}: perhaps two ideas"


# --- what they find ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("low", "high"), [("engine", "nn"), ("ops", "functional"), ("functional", "data")])
def test_an_upward_import_is_found(low, high):
    assert upward(imports() | {f"minidl.{low}": {f"minidl.{high}"}}) == [f"minidl.{low} imports minidl.{high}"]


@pytest.mark.parametrize("source", [
    "import minidl.nn.module",
    "from minidl.nn import module",
    "from minidl.nn.module import Module",
    "def f():\n    from minidl.nn.module import Module",
    "if TYPE_CHECKING:\n    from minidl.nn.module import Module",
])  # fmt: skip
def test_a_circle_is_found(source):
    assert set(imported(ast.parse(source))) == {"minidl.nn.module"}
    assert circle({"minidl.nn": {"minidl.nn.layers"}, "minidl.nn.layers": {"minidl.nn"}})
