"""DCGAN: a network that draws images, and one that tells them from real ones.

Radford et al. (2016), "Unsupervised representation learning with deep convolutional generative adversarial networks",
as PyTorch's tutorial has it.
"""

from __future__ import annotations

from minidl.models.registry import register_model
from minidl.nn import BatchNorm2d, Conv2d, ConvTranspose2d, LeakyReLU, Module, ReLU, Sequential, Tanh, init


def halvings(size: int) -> int:
    """How often an image is halved until it is 4×4; ValueError for a size that is no power of 2 from 8 on."""
    if size < 8 or size & (size - 1):
        raise ValueError(f"dcgan: size must be a power of 2, 8 at least, got {size}")
    return size.bit_length() - 3


def start(network: Sequential) -> Sequential:
    """Draw the weights as the paper does: normal with σ = 0.02, those of norms around 1."""
    for layer in network.modules():
        if isinstance(layer, (Conv2d, ConvTranspose2d)):
            init.normal_(layer.weight, 0, 0.02)
        elif isinstance(layer, BatchNorm2d):
            init.normal_(layer.get_parameter("weight"), 1, 0.02)
    return network


@register_model(100, 1, 1)
def dcgan_generator(latent: int = 100, channels: int = 3, width: int = 64, size: int = 64) -> Sequential:
    """Noise (N, latent, 1, 1) to images (N, channels, size, size) between −1 and 1: 3,576,704 parameters.

    Parameters
    ----------
    latent : how many numbers an image is drawn from
    channels : of the images
    width : channels at half their size; twice as many at each size before
    size : a power of 2, 8 at least
    """
    wide = width << halvings(size) - 1
    layers: list[Module] = [ConvTranspose2d(latent, wide, 4, bias=False), BatchNorm2d(wide), ReLU()]  # → 4×4
    while wide > width:
        layers += [ConvTranspose2d(wide, wide // 2, 4, 2, 1, bias=False), BatchNorm2d(wide // 2), ReLU()]
        wide //= 2
    return start(Sequential(*layers, ConvTranspose2d(wide, channels, 4, 2, 1, bias=False), Tanh()))


@register_model(3, 64, 64)
def dcgan_discriminator(channels: int = 3, width: int = 64, size: int = 64) -> Sequential:
    """Images (N, channels, size, size) to scores (N, 1, 1, 1), positive for real ones: 2,765,568 parameters.

    Parameters
    ----------
    channels : of the images
    width : channels at half their size; twice as many at each size after
    size : a power of 2, 8 at least
    """
    wide = width << halvings(size) - 1
    layers: list[Module] = [Conv2d(channels, width, 4, 2, 1, bias=False), LeakyReLU(0.2)]
    while width < wide:
        layers += [Conv2d(width, 2 * width, 4, 2, 1, bias=False), BatchNorm2d(2 * width), LeakyReLU(0.2)]
        width *= 2
    return start(Sequential(*layers, Conv2d(wide, 1, 4, bias=False)))
