"""Parts of a network that learn no more, whatever mode the network is put in."""

from __future__ import annotations

from minidl.nn.module import Module
from minidl.nn.tree import require_module


def freeze(module: Module) -> Module:
    """Keep a module as it is, its parameters and its statistics, until `unfreeze`; returns it.

    It and all modules in it are in evaluation mode, and stay there when ``train()`` is called, also of a network around
    them: batch norm normalises by what it has seen and goes on counting nothing, dropout drops nothing. Gradients flow
    through, to what lies before. ``requires_grad_(False)`` alone stops gradients of parameters, and statistics go on.

    Examples
    --------
    >>> network = freeze(models.resnet18(weights="DEFAULT"))
    >>> models.reset_classifier(network, 2)  # a new layer, which learns
    >>> network.train()  # the rest stays as it is
    """
    require_module("freeze", module)
    for part in module.modules():
        part._frozen = True
    module.zero_grad()  # or an optimizer would still move by them
    return module.eval().requires_grad_(False)


def unfreeze(module: Module) -> Module:
    """Let a module learn again, all of its parameters and its statistics; it is in training mode then; returns it.

    It may be a part of what was frozen: ``unfreeze(network.layer4)``.
    """
    require_module("unfreeze", module)
    for part in module.modules():
        part._frozen = False
    return module.train().requires_grad_(True)
