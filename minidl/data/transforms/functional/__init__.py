"""What transforms do with what they have drawn: pure functions of images, with torchvision's names and arguments.

They take images (C, H, W), batches (N, C, H, W) and Pillow's images, and give what they are given. Of a batch each
image may have its own parameter: where torchvision takes a number, here stands one number for all, or one for each.
"""

from minidl.data.transforms.functional.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    autocontrast,
    grayscale_to_rgb,
    invert,
    posterize,
    rgb_to_grayscale,
    solarize,
)
from minidl.data.transforms.functional.conversion import pil_to_tensor, to_dtype, to_image, to_pil_image
from minidl.data.transforms.functional.filters import adjust_sharpness, gaussian_blur, gaussian_noise
from minidl.data.transforms.functional.pixels import erase, normalize
from minidl.data.transforms.functional.places import (
    center_crop,
    crop,
    hflip,
    horizontal_flip,
    pad,
    resize,
    resized_crop,
    vertical_flip,
    vflip,
)
from minidl.data.transforms.functional.warps import affine, perspective, rotate

__all__ = [
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "adjust_sharpness",
    "affine",
    "autocontrast",
    "center_crop",
    "crop",
    "erase",
    "gaussian_blur",
    "gaussian_noise",
    "grayscale_to_rgb",
    "hflip",
    "horizontal_flip",
    "invert",
    "normalize",
    "pad",
    "perspective",
    "pil_to_tensor",
    "posterize",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "solarize",
    "to_dtype",
    "to_image",
    "to_pil_image",
    "vertical_flip",
    "vflip",
]
