"""The house: imports point down, in no circle; no file holds two ideas."""

import ast

import pytest

from docs.house import FILES, HOUSE, MODULES, imported, imports, room

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


@pytest.mark.parametrize(
    ("low", "high"), [("engine", "nn"), pytest.param("functional", "data", marks=pytest.mark.deep)]
)
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
