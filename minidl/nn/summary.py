"""A table of a network's layers, in the manner of Keras."""

from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor, as_tuple
from minidl.nn.modes import modes_kept
from minidl.nn.module import Module


def summary(model: Module, input_size: tuple[int, ...]) -> str:
    """The layers in the order in which they run, with output shapes and parameter counts; then the totals.

    Parameters
    ----------
    model : Module
    input_size : the shape of one input, without the batch: (C, H, W)

    Returns
    -------
    str
        A layer a row: its path and type, its output shape (N for the batch), its number of parameters. Below: all
        parameters, of which floating buffers are the statistics, and how many are frozen.
    """
    rows: list[tuple[str, str, str]] = []
    hooks = []
    for path, module in model.named_modules():
        if not any(True for _ in module.children()):

            def note(layer: Module, _: Any, output: Any, path: str = path) -> None:
                count = sum(p.array.size for p in layer.parameters())
                first, *_ = as_tuple(output)
                rows.append((f"{path} ({type(layer).__name__})".strip(), f"N×{dims(first.shape[1:])}", f"{count:,}"))

            hooks.append(module.register_forward_hook(note))
    try:
        with no_grad(), modes_kept(model):
            parameter = next(model.parameters(), None)
            like = Tensor(np.zeros((1, *input_size), np.float32 if parameter is None else parameter.dtype))
            model.eval()(like if parameter is None else like.to(parameter.device))
    finally:
        for hook in hooks:
            hook.remove()
    header = ("layer", "output shape", "parameters")
    left, middle, right = (max(map(len, column)) for column in zip(header, *rows, strict=True))
    lines = [f"{a:<{left}}  {b:<{middle}}  {c:>{right}}" for a, b, c in (header, *rows)]
    rule = "─" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:], rule, totals(model)])


def totals(model: Module) -> str:
    """How many parameters it has, statistics among them, as Keras counts them; which learn, and which are frozen."""
    sizes = [(p.array.size, p.requires_grad) for p in model.parameters()]
    learned, frozen = sum(n for n, _ in sizes), sum(n for n, learns in sizes if not learns)
    statistics = sum(b.array.size for b in model.buffers() if b.dtype.kind == "f")
    text = f"parameters: {learned:,}"
    if statistics:
        text = f"parameters: {learned + statistics:,} = {learned:,} learned + {statistics:,} statistics"
    return f"{text}; {frozen:,} of them frozen" if frozen else text
