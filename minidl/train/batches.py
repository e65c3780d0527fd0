"""What a trainer is fed: data sets and arrays as loaders, and batches as inputs, targets and weights on one device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Number, Real
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import transfer
from minidl.data.dataset import Dataset, IterableDataset, Subset, TensorDataset
from minidl.data.loader import DataLoader
from minidl.data.sampler import require_count
from minidl.distributed.group import is_initialized, joined
from minidl.distributed.sampler import DistributedSampler
from minidl.engine.core import Tensor

BATCH_SIZE = 32


def loader_of(
    name: str, x: Any, fields: Sequence[Any], batch_size: int | None, shuffle: bool = False, shares: str | None = None
) -> Iterable[Any]:
    """What gives batches of `x`: tensors and arrays with further `fields`, a data set, or batches already.

    Of arrays and data sets each rank of a process group gets its share: with `shares` "equal" some samples may come
    twice, so that all have as many; with "exact" none does. The order is the same for any number of ranks. Loaders
    have their own.

    Raises
    ------
    TypeError
        For anything else, and for an iterator, which is used up after an epoch.
    ValueError
        If `fields` or `batch_size` are given with what has its own; for an array without its targets.
    """
    given = [field for field in fields if field is not None]
    rows = BATCH_SIZE if batch_size is None else batch_size
    if is_array(x):
        if fields and fields[0] is None:
            raise ValueError(f"{name}: {'sample_weight' if given else 'x'} came without y; give the targets, too")
        return shared(name, TensorDataset(*map(as_tensor, (x, *given))), rows, shuffle, shares)
    if isinstance(x, (list, tuple)) and is_numbers(x):
        raise TypeError(f"{name}: expected tensors or arrays, got a list of numbers; np.array(x) makes an array of it")
    if given:
        raise ValueError(f"{name}: y and sample_weight go with arrays; a {type(x).__name__} has its own in its batches")
    if is_samples(x):
        return shared(name, x, rows, shuffle, shares)
    if batch_size is not None:
        raise ValueError(f"{name}: batch_size goes with arrays and data sets; a {type(x).__name__} has its own batches")
    if isinstance(x, Iterator) or not isinstance(x, Iterable):
        raise TypeError(
            f"{name}: expected tensors, a Dataset or a DataLoader, got {type(x).__name__}; an iterator is used up "
            "after an epoch, what has __iter__() begins anew"
        )
    return x


def shared(name: str, dataset: Any, rows: int, shuffle: bool, shares: str | None) -> DataLoader:
    """A loader of the share that this rank has of a data set; ValueError where it can't be shared."""
    group = joined()
    streamed = isinstance(dataset, IterableDataset)
    if shares is None or not is_initialized() or (streamed and group.size == 1):
        return DataLoader(dataset, rows, shuffle and not streamed)
    if streamed or len(dataset) < group.size:
        what = "an IterableDataset" if streamed else f"{len(dataset)} samples"
        raise ValueError(f"{name}: {what} can't be shared by {group.size} ranks; give each a DataLoader of its part")
    sampler = DistributedSampler(dataset, shuffle=shuffle) if shares == "equal" else share(dataset)
    return DataLoader(dataset, rows, sampler=sampler)


def share(dataset: Any) -> range:
    """The indices of the share of this rank, of which none is another's; ValueError where a rank would have none."""
    if len(dataset) < joined().size:
        raise ValueError(f"{len(dataset)} samples can't be shared by {joined().size} ranks; start fewer, or give more")
    return range(joined().rank, len(dataset), joined().size)


def separated(name: str, data: Any) -> tuple[Any, list[Any]]:
    """Inputs, and what goes with them, of validation data; ValueError for a tuple of more than that.

    A tuple is ``(x, y)`` or ``(x, y, sample_weight)``, and so is a list that begins with an array, as Keras takes it;
    any other list is one of batches.
    """
    if not (isinstance(data, tuple) or isinstance(data, list) and data and is_array(data[0])):
        return data, [None]
    if len(data) not in (2, 3):
        raise ValueError(f"{name}: validation_data must be (x, y) or (x, y, sample_weight), got {len(data)} parts")
    x, *fields = data
    return x, fields


def begin_epoch(loader: Any, epoch: int) -> None:
    """Tell a sampler that asks for it, such as `DistributedSampler`, which epoch begins."""
    set_epoch = getattr(getattr(loader, "sampler", None), "set_epoch", None)
    if set_epoch is not None:
        set_epoch(epoch)


def held_out(name: str, x: Any, fields: Sequence[Any], share: float) -> tuple[Any, list[Any], Any, list[Any]]:
    """Arrays with their fields, or a data set, without the last `share` of the samples; and these.

    Raises
    ------
    ValueError
        If the share is not in (0, 1), leaves one part empty, or is asked of a loader.
    """
    if not isinstance(share, Real) or not 0 < share < 1:
        raise ValueError(f"{name}: validation_split must be a fraction between 0 and 1, got {share!r}")
    if not is_samples(x) or isinstance(x, IterableDataset):
        raise ValueError(f"{name}: validation_split goes with arrays and data sets, not with a {type(x).__name__}")
    count = len(x)
    cut = int(count * (1 - share))
    if not 0 < cut < count:
        raise ValueError(f"{name}: validation_split={share} of {count} samples leaves one part empty")
    if not is_array(x):
        return Subset(x, range(cut)), [], Subset(x, range(cut, count)), []
    parts = [[None if a is None else a[part] for a in (x, *fields)] for part in (slice(cut), slice(cut, None))]
    (first, *rest), (other, *others) = parts
    return first, rest, other, others


def parted(batch: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and the weight of each sample, or None, of a batch; ValueError where it is no such batch."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        got = f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else type(batch).__name__
        raise ValueError(f"Trainer: a batch must be (inputs, targets) or (inputs, targets, sample_weight), got {got}")
    inputs, targets, *weights = batch
    return inputs, targets, weights[0] if weights else None


def inputs_of(batch: Any) -> Any:
    """The inputs of a batch that may hold targets, too."""
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def moved(value: Any, device: str) -> Any:
    """Tensors and arrays, in tuples, lists and dicts, too, as tensors on a device."""
    if isinstance(value, Tensor):
        return value if value.device == device else value.to(device)
    if backend.is_array(value):
        return Tensor(transfer.move(value, device))
    if isinstance(value, (tuple, list)):
        return getattr(type(value), "_make", type(value))([moved(part, device) for part in value])
    if isinstance(value, Mapping):
        return {key: moved(part, device) for key, part in value.items()}
    return value


def size(value: Any) -> int:
    """How many samples the first tensor in it holds."""
    if isinstance(value, Tensor):
        return len(value) if value.ndim else 1
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    return next(filter(None, map(size, parts)), 0)


def limit(name: str, argument: str, steps: Any) -> int | None:
    """A number of batches to stop after, or None; ValueError, in the name of its caller, for any other value."""
    return None if steps is None else require_count(name, argument, steps)


def count(batches: Iterable[Any], most: int | None = None) -> int | None:
    """How many batches there are, or are taken of them at most, where that is known."""
    try:
        found = len(batches)  # type: ignore[arg-type]
    except TypeError:
        return most
    return found if most is None else min(found, most)


def is_samples(x: Any) -> bool:
    """Whether it is samples, of which batches are to be made."""
    return is_array(x) or isinstance(x, Dataset)


def is_array(x: Any) -> bool:
    """Whether it is a Tensor or an array."""
    return isinstance(x, Tensor) or backend.is_array(x)


def is_numbers(x: Any, depth: int = 2) -> bool:
    """Whether it is a number, or a list of numbers, or of lists of them; deeper ones may be batches."""
    return depth > 0 and is_numbers(x[0], depth - 1) if isinstance(x, (list, tuple)) and x else isinstance(x, Number)


def as_tensor(x: Any) -> Any:
    """Numbers in a list as an array; anything else as it is."""
    return np.asarray(x) if isinstance(x, (list, tuple)) else x
