"""Graphs in graphs: which module each vertex belongs to, and the modules as boxes, each with its vertices in order."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Path = tuple[str, ...]  # of a module: ("features", "0")


class Box(NamedTuple):
    """A module, and what is in it: numbers of vertices, and boxes; each after those that it was computed from."""

    path: Path
    items: list[int | Box]


def homes(inputs: Sequence[Sequence[int]], parameters: dict[int, Path]) -> list[Path]:
    """The module that each vertex stands in.

    A graph knows modules by their parameters: what reads some stands in the module whose they are. All else stands in
    the smallest one that holds both the newest before it that does and the first behind it.

    Parameters
    ----------
    inputs : for each vertex, those that it was computed from; they come before it
    parameters : the module of each vertex that is a parameter
    """
    readers: list[list[int]] = [[] for _ in inputs]
    for number, found in enumerate(inputs):
        for i in found:
            readers[i].append(number)
    read = [[parameters[i] for i in found if i in parameters] for found in inputs]
    own = [common(paths) if paths else None for paths in read]
    before, behind = list(own), list(own)
    for number, found in enumerate(inputs):
        if own[number] is None and found:
            before[number] = before[max(found)]
    for number, found in reversed(list(enumerate(readers))):
        if own[number] is None and found:
            behind[number] = behind[min(found)]
    places = [common([a, b]) if a is not None and b is not None else () for a, b in zip(before, behind, strict=True)]
    for number, path in parameters.items():
        places[number] = common([path, *(places[i] for i in readers[number])])
    return places


def common(paths: Sequence[Path]) -> Path:
    """The longest path that all of some begin with."""
    length = 0
    while all(length < len(path) and path[length] == paths[0][length] for path in paths):
        length += 1
    return paths[0][:length]


def boxed(inputs: Sequence[Sequence[int]], places: Sequence[Path]) -> Box:
    """The vertices in the boxes of their modules; one that is called again after others has none, nor have those."""
    return box((), range(len(inputs)), inputs, list(places))


def box(path: Path, members: Sequence[int], inputs: Sequence[Sequence[int]], places: list[Path]) -> Box:
    """A module, and its members: what stands in it or deeper."""

    def item(number: int) -> Path:
        """What a vertex belongs to in this box: the next module, or itself."""
        return places[number][: len(path) + 1] if len(places[number]) > len(path) else (*path, f"#{number}")

    contents: dict[Path, list[int]] = {}
    for number in members:
        contents.setdefault(item(number), []).append(number)
    sources = {key: {item(i) for number in numbers for i in inputs[number]} for key, numbers in contents.items()}
    sources = {key: found & contents.keys() - {key} for key, found in sources.items()}
    torn = [number for key, numbers in contents.items() if key in behind(key, sources) for number in numbers]
    if torn:
        for number in torn:
            places[number] = path
        return box(path, members, inputs, places)
    items: list[int | Box] = []
    for key in in_order(sources, {key: numbers[0] for key, numbers in contents.items()}):
        first = contents[key][0]
        items.append(first if len(places[first]) == len(path) else box(key, contents[key], inputs, places))
    if path and len(items) == 1 and isinstance(items[0], Box):
        return items[0]
    return Box(path, items)


def behind(key: Path, sources: dict[Path, set[Path]]) -> set[Path]:
    """All that an item was computed from, at any distance."""
    found: set[Path] = set()
    pending = [key]
    while pending:
        new = sources[pending.pop()] - found
        found |= new
        pending += new
    return found


def in_order(sources: dict[Path, set[Path]], numbers: dict[Path, int]) -> Iterator[Path]:
    """Items, each after its sources, of several that may come next that of the lowest number."""
    missing = {key: set(found) for key, found in sources.items()}
    ready = [(numbers[key], key) for key, found in missing.items() if not found]
    heapq.heapify(ready)
    while ready:
        _, done = heapq.heappop(ready)
        yield done
        for key, found in missing.items():
            if done in found:
                found.remove(done)
                if not found:
                    heapq.heappush(ready, (numbers[key], key))
