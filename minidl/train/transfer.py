"""Transfer learning: what a network has learned from many images serves to tell apart a few hundred others.

Four schemes, each thorougher than the one before, and a control. In all but the last the head is new and the base has
learned already (Yosinski et al. 2014, "How transferable are features in deep neural networks?"):

========  =============================================================================================
features  what the base makes of each image is computed once, and a dense head learns from that alone
frozen    the base stands frozen in the graph, and the head learns from images, which may be augmented
top       the head learns as in "features"; then the blocks nearest to it learn on, too, at small rates
whole     the same, of all blocks, the nearer to the input the slower
scratch   a network with first values learns everything from these images: the control
========  =============================================================================================
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from minidl import files
from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.backend.random import Generator
from minidl.data import DataLoader, TensorDataset
from minidl.data.sampler import require_count
from minidl.engine.core import Tensor
from minidl.models import get_classifier, list_blocks, param_groups_layer_decay
from minidl.nn import BatchNorm1d, BatchNorm2d, CrossEntropyLoss, Linear, Module, freeze, unfreeze
from minidl.nn.modes import modes_kept
from minidl.ops.joining import cat, stack
from minidl.optim import Adam
from minidl.train.callbacks import EarlyStopping, TerminateOnNaN
from minidl.train.history import History
from minidl.train.metrics import Accuracy
from minidl.train.trainer import Trainer

SCHEMES = ("features", "frozen", "top", "whole", "scratch")


def fit(
    network: Module,
    scheme: str,
    train_data: Any,
    validation_data: Any,
    *,
    epochs: int = 30,
    lr: float = 1e-3,
    fine_tuning_epochs: int = 10,
    fine_tuning_lr: float = 1e-4,
    layer_decay: float = 0.75,
    top: int = 4,
    batch_size: int = 32,
    augmented_data: Any = None,
    cache: str | os.PathLike[str] | None = None,
    patience: int = 5,
    verbose: str | int = 0,
) -> list[History]:
    """Let a network learn from few images, by one of the schemes; it ends with the weights of its best epoch.

    With so few images batch norm keeps the statistics and the scales that it has, but from scratch. What is frozen
    stays so; `nn.unfreeze` lets it learn again.

    Parameters
    ----------
    network : Module
        With a head for the classes at hand (`models.reset_classifier`), and with weights, but for "scratch".
    scheme : {"features", "frozen", "top", "whole", "scratch"}
    train_data, validation_data : Dataset of (image, label)
        Images as the network takes them. The loss on the latter decides which epoch is the best.
    epochs : int
        Of the head; of all from scratch.
    lr : float
        Of the head, and of all from scratch, by Adam.
    fine_tuning_epochs : int
        Of "top" and "whole", after those of the head.
    fine_tuning_lr : float
        Of the head in them.
    layer_decay : float
        The rate of each block as a share of that of the next (`models.param_groups_layer_decay`).
    top : int
        How many of `models.list_blocks`, from the head on, "top" lets learn.
    batch_size : int
    augmented_data : Dataset of (image, label), optional
        The training images as they are when they are learnt from in the graph, such as
        ``images.with_transform(Compose([RandomHorizontalFlip(), normalize]))`` where `train_data` is
        ``images.with_transform(normalize)``.
    cache : path, optional
        A folder to keep features in (see `features`).
    patience : int
        After so many epochs without a better one the training stops.
    verbose : {"auto", 0, 1, 2}
        As in `Trainer.fit`.

    Returns
    -------
    list of History
        One; two of "top" and "whole", that of the head and that of fine-tuning.

    Raises
    ------
    ValueError
        For another scheme, for "features" with `augmented_data`, where the head is no `Linear` for "features", for
        no images, and for a `top` or a `patience` out of range.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"transfer: scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
    if scheme == "features" and augmented_data is not None:
        raise ValueError("transfer: features are computed once, images can't be augmented; scheme='frozen' takes them")
    require_count("transfer", "top", top)
    require_count("transfer", "patience", patience, 0)
    head = get_classifier(network)
    seen = train_data if augmented_data is None else augmented_data

    def learn(model: Module, parameters: Any, rate: float, count: int, learnt: Any, held_out: Any) -> History:
        trainer = Trainer(model, CrossEntropyLoss(), Adam(parameters, rate), [Accuracy()])
        callbacks = [TerminateOnNaN(raise_error=True), EarlyStopping(patience=patience, restore_best_weights=True)]
        return trainer.fit(
            learnt, None, batch_size, count, verbose=verbose, callbacks=callbacks, validation_data=held_out
        )

    if scheme == "scratch":
        unfreeze(network)
        return [learn(network, network.parameters(), lr, epochs, seen, validation_data)]
    freeze(network)
    unfreeze(head)
    if scheme == "frozen":
        return [learn(network, head.parameters(), lr, epochs, seen, validation_data)]
    if scheme == "features" or isinstance(head, Linear):
        data = [TensorDataset(*features(network, part, cache, batch_size)) for part in (train_data, validation_data)]
        histories = [learn(head, head.parameters(), lr, epochs, *data)]
    else:
        histories = [learn(network, head.parameters(), lr, epochs, train_data, validation_data)]
    if scheme == "features":
        return histories
    blocks = list(list_blocks(network).values())
    still = blocks[:-top] if scheme == "top" else []
    frozen = {id(module) for block in still for module in block.modules()}
    for block in blocks[len(still) :]:
        unfreeze(block)
    for module in network.modules():
        if isinstance(module, (BatchNorm1d, BatchNorm2d)):
            freeze(module)
        elif id(module) not in frozen and not list(module.state_dict()):  # dropout between blocks, or before the head
            unfreeze(module)
    groups = param_groups_layer_decay(network, fine_tuning_lr, layer_decay)
    return [*histories, learn(network, groups, fine_tuning_lr, fine_tuning_epochs, seen, validation_data)]


@no_grad()
def features(
    network: Module, data: Any, cache: str | os.PathLike[str] | None = None, batch_size: int = 32
) -> tuple[Tensor, Tensor]:
    """What a network's head is given for each image, in evaluation mode, and the labels.

    Parameters
    ----------
    network : Module
        Whose head is a `Linear`.
    data : Dataset of (image, label)
    cache : path, optional
        A folder, made where it is missing, in which the features of each image are kept: under the SHA-256 of the
        network's layers, parameters and statistics (without the head), and of the image as the network sees it. What is
        there is not computed again, in whichever split it comes and for however many classes.
    batch_size : int

    Returns
    -------
    Tensor (N, F), Tensor (N,)
        On the CPU.

    Raises
    ------
    ValueError
        If the head is no `Linear`, for no images, and for a cache that is damaged.
    """
    head = get_classifier(network)
    if not isinstance(head, Linear):
        raise ValueError(
            f"transfer: features are for a dense head, the network's is {head!r}; scheme='frozen' trains any head"
        )
    device = head.weight.device
    file = None if cache is None else Path(cache).expanduser() / f"{fingerprint(network, head)}.safetensors"
    known = {} if file is None or not file.is_file() else kept(file)
    before, seen = len(known), []
    handle = head.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    names: list[str] = []
    labels: list[Tensor] = []
    try:
        with modes_kept(network):
            network.eval()
            for images, targets in DataLoader(data, batch_size, generator=Generator()):  # draws nothing from others
                keys = [hashlib.sha256(image.tobytes()).hexdigest() for image in images.numpy()]
                new = [i for i, key in enumerate(keys) if key not in known]
                if new:
                    seen.clear()
                    network(images[new].to(device))
                    known |= zip([keys[i] for i in new], seen[0].to("cpu"), strict=True)
                names += keys
                labels.append(targets)
    finally:
        handle.remove()
    if not names:
        raise ValueError("transfer: there are no images to compute features of; is a part of the data empty?")
    if file is not None and len(known) > before:
        file.parent.mkdir(parents=True, exist_ok=True)
        digests = np.array([list(bytes.fromhex(key)) for key in known], np.uint8)
        files.save({"features": stack(list(known.values())), "images": Tensor(digests)}, file)
    return stack([known[name] for name in names]), cat(labels)


def fingerprint(network: Module, head: Module) -> str:
    """The SHA-256 of all that decides what a network's head is given: its layers, its parameters, its statistics."""
    layers = {path: module for path, module in network.named_modules() if module is not head}
    kinds = [f"{path}: {type(module).__name__}({module.extra_repr()})" for path, module in layers.items()]
    digest = hashlib.sha256("\n".join(kinds).encode())
    left_out = {id(p) for p in head.parameters()}
    for name, tensor in network.state_dict(keep_vars=True).items():
        if id(tensor) not in left_out and not name.endswith("num_batches_tracked"):
            array = tensor.detach().to("cpu").numpy()
            digest.update(f"{name} {array.dtype} {dims(array.shape)}".encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def kept(file: Path) -> dict[str, Tensor]:
    """The features in a file, by the SHA-256 of their images."""
    found = files.load(file)
    try:
        rows, digests = found["features"], found["images"].numpy()
        return dict(zip([bytes(digest).hex() for digest in digests], rows, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file}: no features of images; delete it, and they are computed again") from error
