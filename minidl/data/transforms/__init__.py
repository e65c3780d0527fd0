"""Images changed on their way into training: torchvision's transforms, drawn anew for each image of a batch.

A transform belongs to the data set of the training, ``train.with_transform(augment)``, which leaves the set that it is
made of as it is. There is no switch: what validates is another data set, so nothing is to be switched off for it.
"""

# ruff: noqa: F401, I001
# fmt: off
from minidl.data.transforms import functional
from minidl.data.transforms.color import (
    ColorJitter, Grayscale, RandomAutocontrast, RandomGrayscale, RandomInvert, RandomPosterize, RandomSolarize,
)
from minidl.data.transforms.containers import Compose, Lambda, RandomApply, RandomChoice
from minidl.data.transforms.conversion import PILToTensor, ToDtype, ToImage, ToPILImage, ToTensor
from minidl.data.transforms.filters import (
    GaussianBlur, GaussianNoise, LinearTransformation, Normalize, RandomAdjustSharpness, RandomErasing,
)
from minidl.data.transforms.functional.images import InterpolationMode
from minidl.data.transforms.geometry import (
    CenterCrop, Pad, RandomCrop, RandomHorizontalFlip, RandomResizedCrop, RandomVerticalFlip, Resize,
)
from minidl.data.transforms.mixing import CutMix, MixUp
from minidl.data.transforms.transform import Transform
from minidl.data.transforms.warps import RandomAffine, RandomPerspective, RandomRotation
