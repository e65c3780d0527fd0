"""A training loop, and what is done around it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from minidl.backend.modes import require_flag
from minidl.data.sampler import require_count
from minidl.distributed.collectives import anywhere, objects
from minidl.distributed.group import agree, differ, joined
from minidl.distributed.parallel import DistributedDataParallel, bare
from minidl.engine.core import Tensor
from minidl.nn.modes import modes_kept
from minidl.nn.module import Module
from minidl.nn.utils import clip_grad_norm_, clip_grad_value_
from minidl.ops.draw import get_rng_state, set_rng_state
from minidl.optim.lr_scheduler import ReduceLROnPlateau
from minidl.optim.optimizer import Optimizer
from minidl.train import batches as feed
from minidl.train.callbacks.callback import Callbacks
from minidl.train.callbacks.progress import Progress
from minidl.train.evaluator import Evaluator, listed, require
from minidl.train.history import History
from minidl.train.logs import Measured
from minidl.train.stateful import Stateful, all_or_none
from minidl.train.weights import ClassWeights, Loss

INTERVALS = ("epoch", "step")


class Trainer(Evaluator):
    """Trains a network, evaluates it, and predicts with it.

    On several ranks (`minidl.distributed`) the network is a `DistributedDataParallel`, and all make the same calls. Of
    arrays and data sets each learns from its share, by batches of `batch_size`; numbers of epochs are of all ranks,
    those that callbacks see in batches of one. What prints and writes does so on rank 0.

    Parameters
    ----------
    model : Module
    loss : callable, optional
        ``loss(outputs, targets)`` gives the mean over a batch, such as ``nn.CrossEntropyLoss()``. `predict` needs none.
        Penalties that `nn.regularizers.regularized` declares are added to it.
    optimizer : Optimizer, optional
        Over parameters of the network. `evaluate` and `predict` need none.
    metrics : list of Metric, or dict of names to them, optional
        Or functions of outputs and targets, whose mean is measured.
    scheduler : optional
        What has ``step()`` and ``state_dict()``, such as a learning-rate schedule over `optimizer`. For one that
        steps by a metric there is `callbacks.ReduceLROnPlateau`.
    scheduler_interval : {"epoch", "step"}
        Whether it steps after each epoch, or after each step of the optimizer.
    device : str or device, optional
        Where to compute: the network and each batch are moved there. By default where the network is.
    gradient_accumulation_steps : int, default 1
        The optimizer steps after so many batches, by the gradient of the mean loss over all of their samples; and at
        the end of an epoch.
    max_norm : float, optional
        Gradients are scaled so that the norm of all of them is at most this, as by `nn.utils.clip_grad_norm_`.
    clip_value : float, optional
        Each element of a gradient is limited to ± this, as by `nn.utils.clip_grad_value_`.

    Attributes
    ----------
    history : History
        Of the last `fit`.
    epoch, batch : int
        The epoch that is running, or comes next, and how many of its batches are done.
    stop_training : bool
        Set by a callback: the training ends after this batch and the validation of its epoch.
    current : tuple
        The inputs, targets and weights (or None) of the batch at hand.
    loss_value : Tensor
        Its loss.

    Raises
    ------
    TypeError, ValueError
        For an argument of another type, such as a class in place of an instance, or out of range.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        metrics: Any = None,
        *,
        scheduler: Any = None,
        scheduler_interval: str = "epoch",
        device: Any = None,
        gradient_accumulation_steps: int = 1,
        max_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(model, loss, metrics, device)
        require("optimizer", optimizer, optimizer is None or isinstance(optimizer, Optimizer), "an Optimizer")
        require("scheduler", scheduler, scheduler is None or callable(getattr(scheduler, "step", 0)), "what has step()")
        if isinstance(scheduler, ReduceLROnPlateau):
            raise TypeError("Trainer: scheduler steps by a metric; use callbacks.ReduceLROnPlateau(…) in its place")
        if scheduler_interval not in INTERVALS:
            raise ValueError(f"Trainer: scheduler_interval must be 'epoch' or 'step', got {scheduler_interval!r}")
        for name, limit in ("max_norm", max_norm), ("clip_value", clip_value):
            if limit is not None and (isinstance(limit, bool) or not (isinstance(limit, Real) and limit > 0)):
                raise ValueError(f"Trainer: {name} must be a positive number, got {limit!r}")
        self.optimizer: Any = optimizer
        self.scheduler, self.scheduler_interval = scheduler, scheduler_interval
        self.gradient_accumulation_steps = require_count(
            "Trainer", "gradient_accumulation_steps", gradient_accumulation_steps
        )
        self.max_norm, self.clip_value = max_norm, clip_value
        self.history = History()
        self.epoch = self.batch = self.pending = 0  # samples whose gradients wait for the optimizer
        self.stop_training = False
        self.current: Any = None
        self.loss_value: Tensor | None = None
        self.measured = Measured(self.metrics)
        self.class_weights: ClassWeights | None = None
        self.callbacks = Callbacks((), self)
        self.loader: Any = None
        self.saved: Mapping[str, Any] | None = None  # a state that the next `fit` goes on from

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Train the network; Keras's ``Model.fit``.

        Parameters
        ----------
        x : Tensor or array of inputs (N, …), Dataset, or DataLoader
            A data set has samples (input, target) or (input, target, weight), a loader batches of them. A loader may be
            anything that can be iterated over anew. Inputs may be tuples, which the network is called with.
        y : Tensor or array of targets (N, …), beside an array `x`
        batch_size : int, optional
            Of an array or a data set; by default 32.
        epochs : int
            The epoch to stop before: how many there are, from `initial_epoch` 0.
        verbose : {"auto", 0, 1, 2}
            See `callbacks.Progress`.
        callbacks : list of Callback, optional
        validation_split : float
            This share of the samples, the last ones, is validated on and not learnt from.
        validation_data : tuple (x, y) or (x, y, sample_weight) of arrays, Dataset or DataLoader, optional
            What is validated on after each epoch, under names with ``val_``.
        shuffle : bool
            Whether an array or a data set comes in a new order in each epoch.
        class_weight : dict of int to float, optional
            How much the samples of a class count in training.
        sample_weight : Tensor or array (N,), optional
            How much each sample of an array counts. The loss is the mean of losses times weights.
        initial_epoch : int
            The number of the first epoch.
        validation_steps : int, optional
            The batches of a validation to stop after; by default all are taken.
        validation_batch_size : int, optional
            By default `batch_size`.
        validation_freq : int
            Validation follows on each so many epochs.

        Returns
        -------
        History
            The numbers of each epoch.

        Raises
        ------
        ValueError, TypeError
            For data that don't fit together, and for arguments of another type or out of range; on ranks, for loaders
            of other lengths, and batches of other sizes, whose gradients have no plain mean.
        """
        require("optimizer", self.optimizer, self.optimizer is not None, "an Optimizer, to fit")
        require_parallel(self.model)
        require_count("fit", "epochs", epochs, least=0)
        require_count("fit", "validation_freq", validation_freq)
        self.epoch = require_count("fit", "initial_epoch", initial_epoch, least=0)
        require_flag("fit", "shuffle", shuffle)
        feed.limit("fit", "validation_steps", validation_steps)
        fields = [y, sample_weight]
        validation_data, validation_fields = feed.separated("fit", validation_data)
        if validation_split and validation_data is None:
            x, fields, validation_data, validation_fields = feed.held_out("fit", x, fields, validation_split)
        self.loader = feed.loader_of("fit", x, fields, batch_size, shuffle, "equal")
        validation = None
        if validation_data is not None:
            rows = validation_batch_size
            if rows is None and feed.is_samples(validation_data):
                rows = batch_size
            validation = feed.loader_of("fit", validation_data, validation_fields, rows, shares="exact")
        self.class_weights = None if class_weight is None else ClassWeights(class_weight, self.device)
        steps = feed.count(self.loader)
        differ("fit: batches of an epoch", [str(count) for count in objects(joined(), steps, "fit")])
        params = {"epochs": epochs, "steps": steps, "verbose": verbose}
        self.callbacks = Callbacks([*listed(callbacks), Progress(verbose)], self, **params)
        self.history, self.measured = History(), Measured(self.metrics)
        self.batch, self.pending, self.stop_training = 0, 0, False
        with modes_kept(self.model), self.callbacks.cleaned():
            if not self.model.training:
                self.model.train()
            self.callbacks("on_train_begin", {})
            self._go_on()
            row: dict[str, Any] = {}
            while self.epoch < epochs and (self.batch or not self.stop_training):
                if self.batch == 0:
                    self.measured = Measured(self.metrics)
                    self.callbacks("on_epoch_begin", self.epoch, {})
                feed.begin_epoch(self.loader, self.epoch)
                self._learn()
                row = dict(self.measured.of_all_ranks())
                if validation is not None and (self.epoch + 1) % validation_freq == 0:
                    row |= {
                        f"val_{name}": v
                        for name, v in self._evaluate(validation, self.callbacks, validation_steps).items()
                    }
                self._end_epoch(row)
                self.stop_training = anywhere(self.stop_training)
            self.callbacks("on_train_end", row)
        return self.history

    def _learn(self) -> None:
        """The batches of an epoch, or the rest of them: forward, loss, backward, step."""
        ended = self.stop_training and self.batch  # by a batch before the state that this goes on from was saved
        for inputs, targets, weights in () if ended else self._fed(self.loader, self.class_weights):
            self.current = inputs, targets, weights
            self.callbacks("on_train_batch_begin", self.batch, self.measured)
            if not self.pending:
                self.optimizer.zero_grad()
            count = feed.size(inputs)
            require_equal(count)
            outputs = self.run(inputs)
            loss = self.loss_of(outputs, targets, weights)
            (loss if self.gradient_accumulation_steps == 1 else loss * count).backward()
            self.pending += count
            self.loss_value = loss
            self.measured.update(outputs, targets, loss, count)
            if (self.batch + 1) % self.gradient_accumulation_steps == 0:
                self._step(self.batch)
            self.batch += 1
            self.callbacks("on_train_batch_end", self.batch - 1, self.measured)
            self.stop_training = anywhere(self.stop_training)
            if self.stop_training:
                break
        if self.pending:
            self._step(self.batch - 1)
        if not self.batch:
            raise ValueError(f"fit: epoch {self.epoch} has no batches; is the data empty, or used up?")

    def _step(self, batch: int) -> None:
        """Move the parameters by the gradients that have come together."""
        if self.gradient_accumulation_steps > 1:
            for p in self._parameters():
                p.grad = None if p.grad is None else p.grad / self.pending
        if self.max_norm is not None:
            clip_grad_norm_(self._parameters(), self.max_norm)
        if self.clip_value is not None:
            clip_grad_value_(self._parameters(), self.clip_value)
        self.callbacks("on_before_optimizer_step", batch, self.measured)
        self.optimizer.step()
        self.pending = 0
        if self.scheduler is not None and self.scheduler_interval == "step":
            self.scheduler.step()

    def _parameters(self) -> list[Tensor]:
        """What the optimizer moves."""
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _end_epoch(self, row: dict[str, Any]) -> None:
        """Put the numbers of an epoch on record, and turn to the next."""
        row["learning_rate"] = float(self.optimizer.param_groups[0]["lr"])
        if self.scheduler is not None and self.scheduler_interval == "epoch":
            self.scheduler.step()
        epoch, self.epoch, self.batch = self.epoch, self.epoch + 1, 0
        self.history.append(epoch, row)
        self.callbacks("on_epoch_end", epoch, row)

    def state_dict(self) -> dict[str, Any]:
        """All that a training can go on from, to the bit, as `minidl.save` takes it.

        It may be asked for in `on_train_batch_end` and `on_epoch_end`, by a callback that is `last`, and between
        trainings. The tensors of the network and the optimizer are their own: training on changes them.

        All ranks of a process group must ask. What rank 0 gets is the state of them all, as if it were of one process:
        the network's own, without `DistributedDataParallel`, and what all have measured.
        """
        model = bare(self.model)
        waiting = model.named_parameters() if self.pending else ()
        return {
            "model": model.state_dict(),
            "optimizer": None if self.optimizer is None else self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "epoch": self.epoch,
            "batch": self.batch,
            "ranks": joined().size,
            "pending": self.pending,
            "stop_training": self.stop_training,
            "gradients": {name: p.grad for name, p in waiting if p.grad is not None},
            "loader": self.loader.state_dict() if isinstance(self.loader, Stateful) else None,
            "measured": self.measured.of_all_ranks().state_dict(),
            "callbacks": self.callbacks.state_dict(),
            "history": self.history.state_dict(),
            "random": get_rng_state(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the state of network, optimizer and scheduler; the next `fit` goes on where it was saved.

        That `fit` must be given the same data, arguments and callbacks; `initial_epoch` is then the state's.

        Raises
        ------
        ValueError
            If it is no state of a trainer, and nothing is then loaded; in `fit`, for other metrics or callbacks, and if
            it was saved within an epoch and the data can't say where that was.
        """
        if not isinstance(state_dict, Mapping) or (missing := KEYS - set(state_dict)):
            lacks = ", ".join(sorted(missing)) if isinstance(state_dict, Mapping) else type(state_dict).__name__
            raise ValueError(f"Trainer: load_state_dict: expected what state_dict() gives; this lacks {lacks}")
        for name in "optimizer", "scheduler":
            if (getattr(self, name) is None) != (state_dict[name] is None):
                has, lacks = ("state", "trainer") if getattr(self, name) is None else ("trainer", "state")
                raise ValueError(f"Trainer: load_state_dict: the {has} has a {name}, the {lacks} has none")
        parts = {"model": bare(self.model), "optimizer": self.optimizer, "scheduler": self.scheduler}
        there = {name: part for name, part in parts.items() if part is not None}
        with all_or_none(list(there.values())):
            for name, part in there.items():
                part.load_state_dict(state_dict[name])
        self.saved = state_dict

    def _go_on(self) -> None:
        """Stand where the loaded state was saved, if there is one."""
        state, self.saved = self.saved, None
        if state is None:
            return
        parts = state["ranks"] / joined().size  # of what is pending each rank has one, and gradients are their mean
        self.epoch, self.batch, self.pending = state["epoch"], state["batch"], state["pending"] * parts
        self.stop_training = state["stop_training"]
        if joined().rank == 0:  # to which the others add what is new
            self.measured.load_state_dict(state["measured"])
        self.callbacks.load_state_dict(state["callbacks"])
        self.history.load_state_dict(state["history"])
        for name, gradient in state["gradients"].items():
            bare(self.model).get_parameter(name).grad = gradient.to(self.device) * parts
        if isinstance(self.loader, Stateful) and state["loader"] is not None:
            self.loader.load_state_dict(state["loader"])
        elif self.batch:
            raise ValueError(
                f"fit: the state was saved after batch {self.batch} of an epoch, and a {type(self.loader).__name__} "
                "can't say where that was; save at the end of epochs, or use a DataLoader"
            )
        set_rng_state(state["random"])


def require_parallel(model: Module) -> None:
    """Raise RuntimeError where several ranks would each train a network of their own."""
    size = joined().size
    if size > 1 and not isinstance(model, DistributedDataParallel):
        raise RuntimeError(
            f"fit: {size} ranks train together, and this is a {type(model).__name__} of one; "
            "Trainer(distributed.DistributedDataParallel(model), …)"
        )


def require_equal(count: int) -> None:
    """Raise ValueError, on all ranks, unless each has a batch of as many samples as the others."""
    group = joined()
    if group.size > 1:
        agree(group, "fit", f"with a batch of {count} samples")


KEYS = {"model", "optimizer", "scheduler", "epoch", "batch", "ranks", "pending", "stop_training", "gradients"}
KEYS |= {"loader", "measured", "callbacks", "history", "random"}
