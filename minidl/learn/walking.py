"""The walk back from a tensor in the stepper: a key for each way to go, and the place among all ops."""

from __future__ import annotations

from minidl.learn.screen import Screen
from minidl.viz.backward import Backward


def stroll(walk: Backward, screen: Screen) -> None:
    """Stand at one op of a walk after the other, until the learner leaves."""
    place = 0
    while True:
        stand = walk[place]
        screen.say(f"{place + 1} of {len(walk)} · {stand}")
        drawn, layer = stand.pictures(), following(walk, place)
        ways = {"\n": "Enter on", "a": "a back"}
        ways |= {"m": "m next layer"} if layer is not None else {}
        ways |= {"p": "p pictures"} if drawn else {}
        ways |= {"l": "l the whole way", "q": "q leave"}
        pressed = screen.key(" · ".join(ways.values()), ways)
        if pressed == "q" or (pressed == "\n" and place == len(walk) - 1):
            return
        if pressed == "l":
            screen.say("\n".join(f"{'→' if i == place else ' '}{line}" for i, line in enumerate(str(walk).split("\n"))))
        elif pressed == "p":
            for said, one in drawn.items():
                screen.say(f"{said}: {one.text.splitlines()[-1]}")
                screen.facets(one.pixels)
        elif pressed == "m" and layer is not None:
            place = layer
        else:
            place = max(0, place + (1 if pressed == "\n" else -1))


def following(walk: Backward, place: int) -> int | None:
    """Where another module begins, seen from a place: behind it, else from the start; None where there is no other."""
    modules = [stand.module for stand in walk]
    here = next((module for module in reversed(modules[: place + 1]) if module is not None), None)
    around = [*range(place + 1, len(modules)), *range(place)]
    return next((i for i in around if modules[i] not in (None, here)), None)
