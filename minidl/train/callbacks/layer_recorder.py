"""What goes on inside a network while it learns: activations, dead units and gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.backend.modes import no_grad
from minidl.data.sampler import require_count
from minidl.engine.core import Tensor
from minidl.nn.module import Module
from minidl.train.callbacks.callback import Callback, Logs
from minidl.train.history import shown

COLUMNS = ("epoch", "batch", "layer", "mean", "std", "dead", "weight_norm", "gradient_norm")


class LayerRecorder(Callback):
    """Records each layer's activations and gradients, in some batches alone: others run as if it were not there.

    Parameters
    ----------
    layers : list of str, optional
        Paths of modules, such as ``["features.0"]``. By default all that have no module in them.
    freq : "epoch" or int, default "epoch"
        The first batch of each epoch; or the first, and each so many batches later.

    Attributes
    ----------
    records : list of dict
        Of each layer in each of these batches: ``"epoch"`` and ``"batch"``, from 0; ``"layer"``, its path; ``"mean"``
        and ``"std"`` of its outputs; ``"dead"``, the share of units (channels) that gave nothing above 0 for any sample
        of the batch; the 2-norms of its own parameters, ``"weight_norm"``, and of their gradients after limits,
        ``"gradient_norm"``, before the step that the batch is a part of; None without parameters.

    Raises
    ------
    ValueError
        For another frequency; in training, for a path that the network has not.
    """

    def __init__(self, layers: list[str] | None = None, freq: str | int = "epoch") -> None:
        self.layers = layers
        self.freq = freq if freq == "epoch" else require_count("LayerRecorder", "freq", freq)
        self.records: list[dict[str, Any]] = []
        self.hooks: list[Any] = []
        self.seen = 0  # batches

    def on_train_begin(self, logs: Logs) -> None:
        self.records, self.seen = [], 0
        self.rows: dict[str, dict[str, Any]] = {}  # of this batch
        self.waiting: list[dict[str, Any]] = []  # records of batches whose gradients are still coming together
        modules = dict(self.model.named_modules())
        paths = [path for path, module in modules.items() if not any(True for _ in module.children())]
        if unknown := [path for path in self.layers or () if path not in modules]:
            raise ValueError(
                f"LayerRecorder: there is no layer {unknown[0]!r}, there are {', '.join(filter(None, modules))}"
            )
        self.modules = {path: modules[path] for path in (self.layers or paths)}

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        if batch == 0 if self.freq == "epoch" else self.seen % self.freq == 0:  # type: ignore[operator]
            for path, module in self.modules.items():
                hook = lambda _, __, output, path=path: self._outputs(path, output)  # noqa: E731
                self.hooks.append(module.register_forward_hook(hook))
        self.seen += 1

    def _outputs(self, path: str, output: Any) -> None:
        if isinstance(output, Tensor):
            self.rows[path] = {"layer": path, **activations(output)}

    def on_before_optimizer_step(self, batch: int, logs: Logs) -> None:
        self._put_down(batch)
        for row in self.waiting:
            row |= norms(self.modules[row["layer"]])
        self.waiting = []

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self.cleanup()
        self._put_down(batch)

    def _put_down(self, batch: int) -> None:
        where = {"epoch": self.trainer.epoch, "batch": batch, "weight_norm": None, "gradient_norm": None}
        rows = [where | row for row in self.rows.values()]
        self.rows = {}
        self.records += rows
        self.waiting += rows

    def cleanup(self) -> None:
        for hook in self.hooks:
            hook.remove()
        self.hooks = []

    def __str__(self) -> str:
        rows = [COLUMNS, *[tuple(shown(row[name]) for name in COLUMNS) for row in self.records]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows)

    def state_dict(self) -> dict[str, Any]:
        return {"records": self.records, "seen": self.seen, "waiting": len(self.waiting)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.records, self.seen = list(state_dict["records"]), state_dict["seen"]
        self.waiting = self.records[len(self.records) - state_dict["waiting"] :]


@no_grad()
def activations(output: Tensor) -> dict[str, float]:
    """Mean, standard deviation and share of dead units of a layer's outputs (N, C, …)."""
    values = output.detach().double()
    alive = (values > 0).transpose(0, 1).flatten(1).any(1) if values.ndim > 1 else values > 0
    spread = values.std(correction=0).item()
    return {"mean": values.mean().item(), "std": spread, "dead": 1 - alive.double().mean().item()}


@no_grad()
def norms(module: Module) -> dict[str, float | None]:
    """The 2-norms of a module's own parameters, and of their gradients; None where it has none."""
    parameters = list(module.parameters(recurse=False))
    gradients = [p.grad for p in parameters if p.grad is not None]
    return {"weight_norm": norm(parameters), "gradient_norm": norm(gradients)}


def norm(tensors: list[Any]) -> float | None:
    """The 2-norm of all elements of some tensors."""
    return sum((t.detach().double() ** 2).sum().item() for t in tensors) ** 0.5 if tensors else None
