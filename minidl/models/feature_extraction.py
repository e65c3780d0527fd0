"""What layers inside a network give, by their paths; what lies behind the last of them is not computed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from minidl.nn import Module
from minidl.nn.tree import require_module


class Complete(BaseException):
    """All outputs that were asked for are there; of a kind that no ``except Exception`` on the way up ends."""


class FeatureExtractor(Module):
    """A network as `create_feature_extractor` makes it: called like the network, it gives a dict of outputs by name.

    Attributes
    ----------
    network : Module
        Itself, not a copy.
    return_nodes : dict of str to str
        The names of outputs by the paths of their layers.
    """

    def __init__(self, network: Module, return_nodes: Mapping[str, str]) -> None:
        self.network = network
        self.return_nodes = dict(return_nodes)

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def keeps(path: str) -> Callable[[Module, Any, Any], None]:
            def keep(module: Module, args: Any, output: Any) -> None:
                found.setdefault(path, output)
                if len(found) == len(self.return_nodes):
                    raise Complete

            return keep

        with ExitStack() as hooks:
            for path in self.return_nodes:
                hooks.enter_context(self.network.get_submodule(path).register_forward_hook(keeps(path)))
            try:
                self.network(*args, **kwargs)
            except Complete:
                return {name: found[path] for path, name in self.return_nodes.items()}
        unused = ", ".join(path for path in self.return_nodes if path not in found)
        mode = "training" if self.network.training else "evaluation"
        raise RuntimeError(f"create_feature_extractor: {unused}: not called by the network in {mode} mode")

    def extra_repr(self) -> str:
        return f"return_nodes={self.return_nodes}"


def create_feature_extractor(model: Module, return_nodes: Sequence[str] | Mapping[str, str]) -> FeatureExtractor:
    """A network that gives what layers inside it give (``torchvision.models.feature_extraction``).

    Nothing is computed behind the last layer of them. Gradients flow back; the layers are the model's own.

    Parameters
    ----------
    model : Module
    return_nodes : list of str, or dict of str to str
        Paths of modules, such as ``["layer3", "layer4.1.conv2"]``, or names for the outputs of each. What a layer gives
        that is called several times, as a relu of a residual block, is what it gives first.

    Returns
    -------
    FeatureExtractor
        Called on what the model takes, it returns a dict: ``{"layer3": (N, 256, 14, 14), …}``.

    Raises
    ------
    ValueError
        For no paths, for one that the model has not, with those that are close, and for a name that is given twice.
    RuntimeError
        When it is called, if the model does not call one of the layers, such as an auxiliary classifier in evaluation.

    Examples
    --------
    >>> extractor = create_feature_extractor(models.resnet18(), {"layer2": "middle", "avgpool": "end"})
    >>> {name: z.shape for name, z in extractor(md.zeros(1, 3, 224, 224)).items()}
    {'middle': (1, 128, 28, 28), 'end': (1, 512, 1, 1)}
    """
    require_module("create_feature_extractor", model)
    if isinstance(return_nodes, str) or not return_nodes:
        raise ValueError(
            f"create_feature_extractor: expected a list of paths, or a dict of them and names, got {return_nodes!r}"
        )
    named = dict(return_nodes) if isinstance(return_nodes, Mapping) else {path: path for path in return_nodes}
    if len(set(named.values())) < len(named):
        raise ValueError(f"create_feature_extractor: two outputs of one name in {list(named.values())}")
    known = [path for path, _ in model.named_modules(remove_duplicate=False) if path]
    for path in named:
        if path not in known:
            close = difflib.get_close_matches(str(path), known, 3) or known[:5]
            raise ValueError(
                f"create_feature_extractor: {type(model).__name__} has no module {path!r}; is it {' or '.join(close)}?"
            )
    return FeatureExtractor(model, named)
