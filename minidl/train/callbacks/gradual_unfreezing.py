"""Let a network that has learned already learn again, from its head on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.data.sampler import require_count
from minidl.nn import freeze, unfreeze
from minidl.train.callbacks.callback import Callback, Logs


class GradualUnfreezing(Callback):
    """Freezes parts of a network, and lets one after the other learn again (Howard & Ruder 2018, section 3.2).

    The optimizer is over all of them from the beginning: ``models.param_groups_layer_decay(network, lr)``.

    Parameters
    ----------
    layers : list of str, or of lists of str
        Paths of modules in the order in which they are unfrozen, such as ``["layer4", "layer3", ["conv1", "bn1"]]``:
        those of a list at once. What is not named stays as it is.
    start_from_epoch : int, default 1
        Before this epoch, from 0, the first is unfrozen.
    freq : int, default 1
        The next one follows after so many epochs.

    Raises
    ------
    ValueError
        For no layers, and counts out of range; in training, for a path that the network has not, and for a module of
        which the optimizer lacks parameters.
    """

    def __init__(self, layers: Sequence[str | Sequence[str]], start_from_epoch: int = 1, freq: int = 1) -> None:
        parts = [] if isinstance(layers, str) or not isinstance(layers, Sequence) else layers
        if not parts or not all(isinstance(part, Sequence) and part for part in parts):
            raise ValueError(f"GradualUnfreezing: expected a list of paths, or of lists of them, got {layers!r}")
        self.layers = [[part] if isinstance(part, str) else list(part) for part in parts]
        self.start_from_epoch = require_count("GradualUnfreezing", "start_from_epoch", start_from_epoch, least=0)
        self.freq = require_count("GradualUnfreezing", "freq", freq)
        self.unfrozen = 0  # of the layers

    def on_train_begin(self, logs: Logs) -> None:
        modules = dict(self.model.named_modules(remove_duplicate=False))
        moved = {id(p) for group in self.trainer.optimizer.param_groups for p in group["params"]}
        for path in sum(self.layers, []):
            if path not in modules:
                raise ValueError(
                    f"GradualUnfreezing: there is no layer {path!r}, there are {', '.join(filter(None, modules))}"
                )
            if any(id(p) not in moved for p in modules[path].parameters()):
                raise ValueError(
                    f"GradualUnfreezing: {path} would not learn, the optimizer lacks its parameters; make it over "
                    "all parameters, those that are frozen are passed over"
                )
            freeze(modules[path])
        self.unfrozen = 0

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        if epoch >= self.start_from_epoch:
            self._unfreeze(1 + (epoch - self.start_from_epoch) // self.freq)

    def _unfreeze(self, count: int) -> None:
        """Let so many of the layers learn."""
        for path in sum(self.layers[self.unfrozen : count], []):
            unfreeze(self.model.get_submodule(path))
        self.unfrozen = max(self.unfrozen, min(count, len(self.layers)))

    def state_dict(self) -> dict[str, Any]:
        return {"unfrozen": self.unfrozen}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._unfreeze(state_dict["unfrozen"])
