"""How layers are printed, and what can be read off them: as PyTorch has it."""

import pytest
from arguments import recorded
from arguments.surface import CASES, SILENT, made

import minidl as md
from minidl import nn


@pytest.mark.parametrize(
    "layer, text",
    [
        (nn.Upsample(scale_factor=2), "Upsample(scale_factor=2.0, mode='nearest')"),
        (nn.Upsample((3, 4), mode="bilinear"), "Upsample(size=(3, 4), mode='bilinear')"),
        (nn.UpsamplingNearest2d(scale_factor=3), "UpsamplingNearest2d(scale_factor=3.0, mode='nearest')"),
        (nn.Hardshrink(0.3), "Hardshrink(0.3)"),
        (nn.Softshrink(0.3), "Softshrink(0.3)"),
        (nn.Threshold(0.1, 2), "Threshold(threshold=0.1, value=2)"),
        (nn.Softplus(2, 3), "Softplus(beta=2, threshold=3)"),
        (nn.Hardtanh(-2, 3), "Hardtanh(min_val=-2, max_val=3)"),
        (nn.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)"),
        (nn.ELU(0.5), "ELU(alpha=0.5)"),
        (nn.CELU(0.5), "CELU(alpha=0.5)"),
        (nn.GELU("tanh"), "GELU(approximate='tanh')"),
        (nn.GLU(1), "GLU(dim=1)"),
        (nn.Softmax(1), "Softmax(dim=1)"),
        (nn.ReLU(True), "ReLU(inplace=True)"),
        (nn.ReLU6(True), "ReLU6(inplace=True)"),
        (nn.MaxPool1d(3, 2, 1), "MaxPool1d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False)"),
        (nn.MaxUnpool2d(2), "MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"),
        (nn.AvgPool1d(2), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))"),
        (nn.AdaptiveAvgPool2d((2, None)), "AdaptiveAvgPool2d(output_size=(2, None))"),
        (nn.AdaptiveMaxPool1d(3), "AdaptiveMaxPool1d(output_size=3)"),
        (nn.PixelShuffle(2), "PixelShuffle(upscale_factor=2)"),
        (nn.Embedding(3, 2, 0), "Embedding(3, 2, padding_idx=0)"),
        (nn.PixelUnshuffle(2), "PixelUnshuffle(downscale_factor=2)"),
        (nn.ChannelShuffle(2), "ChannelShuffle(groups=2)"),
        (nn.Unfold(2, 1, 0, 2), "Unfold(kernel_size=2, dilation=1, padding=0, stride=2)"),
        (nn.Fold(4, 2), "Fold(output_size=4, kernel_size=2, dilation=1, padding=0, stride=1)"),
        (nn.LocalResponseNorm(3, 0.1), "LocalResponseNorm(3, alpha=0.1, beta=0.75, k=1.0)"),
        (nn.LayerNorm((2, 3), 0.1, bias=False), "LayerNorm((2, 3), eps=0.1, elementwise_affine=True, bias=False)"),
        (nn.GroupNorm(2, 4, affine=False), "GroupNorm(2, 4, eps=1e-05, affine=False, bias=False)"),
        (
            nn.InstanceNorm1d(4),
            "InstanceNorm1d(4, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)",
        ),
        (nn.Embedding(5, 3, padding_idx=-1), "Embedding(5, 3, padding_idx=4)"),
        (nn.PReLU(3), "PReLU(num_parameters=3)"),
        (nn.Unflatten(1, (2, 3)), "Unflatten(dim=1, unflattened_size=(2, 3))"),
        (nn.ConstantPad2d(1, 2.5), "ConstantPad2d(padding=(1, 1, 1, 1), value=2.5)"),
        (nn.ReflectionPad1d((1, 2)), "ReflectionPad1d((1, 2))"),
        (nn.Dropout2d(0.2, True), "Dropout2d(p=0.2, inplace=True)"),
        (
            nn.ConvTranspose1d(4, 2, 3, 2, 1, 1, bias=False),
            "ConvTranspose1d(4, 2, kernel_size=(3,), stride=(2,), padding=(1,), output_padding=(1,), bias=False)",
        ),
        (nn.Identity(3), "Identity()"),
    ],
)
def test_repr(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_on_record_of_layers(case):
    """PyTorch's repr, and the values of its attributes."""
    layer, (text, attributes) = made(md, *case), recorded()["layers"][str(case)]
    assert repr(layer) == text or case[0] in SILENT and layer.inplace
    assert {name: repr(getattr(layer, name, None)) for name in attributes} == attributes
