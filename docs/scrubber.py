"""The walk back, step by step under the reader's hand: recorded from real runs, shown by ``static/scrubber.js``."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import Any

import minidl as md
from minidl import functional as F
from minidl.draw.page import escaped
from minidl.viz import Backward, backward, picture
from minidl.viz.backward import Stand, value


def softmax_regression() -> Backward:
    """Of lesson 02's ten templates, 16 digits, after 20 steps on 500."""
    network = md.nn.Linear(784, 10)
    images, labels = digits(500)
    optimizer = md.optim.SGD(network.parameters(), lr=0.5)
    for _ in range(20):
        step(network, optimizer, images.flatten(1), labels)
    return backward(F.cross_entropy(network(images[:16].flatten(1)), labels[:16]), network=network)


def simplenet() -> Backward:
    """Of SimpLeNet, two digits, after 40 steps on 32."""
    network = md.models.SimpLeNet()
    images, labels = digits(40 * 32)
    optimizer = md.optim.Adam(network.parameters(), lr=1e-3)
    for begin in range(0, len(images), 32):
        step(network, optimizer, images[begin : begin + 32], labels[begin : begin + 32])
    return backward(F.cross_entropy(network(images[:2]), labels[:2]), network=network)


WALKS: dict[str, Callable[[], Backward]] = {"softmax_regression": softmax_regression, "simplenet": simplenet}


def digits(count: int) -> tuple[md.Tensor, md.Tensor]:
    """Images (n, 1, 28, 28) and labels (n,), the same in each build; what is drawn after this is the same, too."""
    md.manual_seed(1)
    loader = md.data.DataLoader(md.data.MNIST(), batch_size=count, shuffle=True)
    images, labels = next(iter(loader))
    return images, labels


def step(network: md.nn.Module, optimizer: Any, images: md.Tensor, labels: md.Tensor) -> None:
    """One step of learning."""
    optimizer.zero_grad()
    F.cross_entropy(network(images), labels).backward()
    optimizer.step()


def widget(name: str) -> str:
    """A walk as HTML: its record, and all of it as text for whoever has no script."""
    walk = WALKS[name]()
    record = escaped([shown(stand) for stand in walk])
    return (
        f'<div class="scrubber" aria-label="{name.replace("_", " ")}, step by step" role="group">'
        f'<script type="application/json">{record}</script></div>'
        f"<details><summary>The whole way as text</summary><pre tabindex=0>{escape(str(walk))}</pre></details>\n"
    )


def shown(stand: Stand) -> dict[str, Any]:
    """What the page says of a step."""
    outgoing = [
        {"to": sent.to, "argument": sent.argument, "rule": sent.rule, **gradient(sent.gradient)}
        for sent in stand.outgoing
    ]
    incoming = gradient(stand.incoming)
    return dict(name=stand.name, meaning=stand.meaning, module=stand.module, incoming=incoming, outgoing=outgoing)


def gradient(tensor: md.Tensor) -> dict[str, str]:
    """A gradient in words, and where it has rows and columns as a picture; the weights of 784 pixels are images."""
    said = {"size": "×".join(map(str, tensor.shape)) or "a number", "text": value(tensor)}
    if tensor.ndim < 2:
        return said
    drawn = picture(tensor.reshape(-1, 28, 28) if tensor.shape[-1] == 784 else tensor)
    return said | {"picture": base64.b64encode(drawn.png()).decode(), "width": str(drawn.pixels.shape[1])}
