"""Transforms beside torchvision's: on bytes, on the same parameters; and what is drawn, by its distribution."""

import numpy as np
import pytest
from scipy.stats import ks_2samp
from vision import torch

import minidl as md
from minidl.data import transforms as ours

theirs = pytest.importorskip("torchvision.transforms.v2")
RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (3, 21, 17)).astype(np.uint8)
WARPED = dict(interpolation="bilinear", fill=9)
CALLS = {
    "resize": [dict(size=s, interpolation=i, antialias=a) for s in (9, (30, 11)) for a in (True, False)
               for i in ("bilinear", "bicubic", "nearest")],
    "resized_crop": [dict(top=2, left=3, height=15, width=11, size=(8, 20))],
    "pad": [dict(padding=(1, 2, 3, 0), fill=(1, 2, 3)),
            *[dict(padding=3, padding_mode=m) for m in ("edge", "symmetric")]],
    "rotate": [dict(angle=a, expand=e, **WARPED) for a in (17.0, -123.0) for e in (True, False)],
    "affine": [dict(angle=20.0, translate=[3, -2], scale=s, shear=[5.0, -7.0], **WARPED) for s in (0.6, 1.7)],
    "perspective": [dict(startpoints=[[0, 0], [16, 0], [16, 20], [0, 20]],
                         endpoints=[[2, 1], [15, 0], [16, 18], [1, 20]], **WARPED)],
    **{f"adjust_{n}": [{f"{n}_factor": f} for f in (0.0, 0.37, 1.0, 2.9)] for n in
       ("brightness", "contrast", "saturation", "sharpness")},
    "adjust_hue": [dict(hue_factor=f) for f in (-0.5, -0.11, 0.0, 0.27)],
    "autocontrast": [{}], "invert": [{}], "solarize": [dict(threshold=99)],
    "posterize": [dict(bits=b) for b in (1, 4, 8)],
    "rgb_to_grayscale": [dict(num_output_channels=n) for n in (1, 3)],
    "gaussian_blur": [dict(kernel_size=[5, 3], sigma=[0.7, 1.9])],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_bytes(name):
    """Few differ, by 1, where something else is rounded; sizes by weights that torchvision rounds."""
    share = 0.06 if name.startswith("resize") else 0.02
    for options in CALLS[name]:
        got = getattr(ours.functional, name)(md.tensor(BYTES), **options).numpy()
        want = getattr(theirs.functional, name)(torch.tensor(BYTES), **options).numpy()
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        away = abs(got.astype(int) - want)
        assert away.max() <= 1 and (away > 0).mean() < share, options


N = 1500
COLOURS = ("brightness", "contrast", "saturation", "hue")
DRAWN = {
    "RandomResizedCrop": ((8,), ["top", "left", "height", "width"]),
    "RandomRotation": ((30,), ["angle"]),
    "RandomAffine": ((10, (0.2, 0.4), (0.5, 1.5), (1, 2, 3, 5)), ["angle", "translate", "scale", "shear"]),
    "RandomPerspective": ((0.6, 1.0), ["coefficients"]),
    "RandomCrop": ((13, 2), ["top", "left"]),
    "ColorJitter": ((0.5, 0.4, (0.3, 2.0), 0.2), [f"{n}_factor" for n in COLOURS]),
    "GaussianBlur": ((3,), ["sigma"]),
    "RandomErasing": ((1.0,), ["i", "j", "h", "w"]),
}  # fmt: skip


@pytest.mark.deep
@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn(name):
    """By the test of Kolmogorov and Smirnov, each number by itself."""
    args, names = DRAWN[name]
    md.manual_seed(0)
    torch.manual_seed(0)
    ours_drawn = getattr(ours, name)(*args).make_params(md.zeros(1, 3, 41, 31).expand(N, 3, 41, 31))
    transform, image = getattr(theirs, name)(*args), torch.zeros(3, 41, 31)
    theirs_drawn = [transform.make_params([image]) for _ in range(N)]
    for key in names:
        got = np.asarray(ours_drawn[key], float).reshape(N, -1)
        want = np.array([np.ravel(params[key]) for params in theirs_drawn], float)
        if name == "RandomErasing":  # what fits nowhere has no rectangle here, and all of the image there
            fits = [params["v"] is not None for params in theirs_drawn]
            got, want = got[ours_drawn["h"] > 0], want[fits]
        for column in range(want.shape[1]):
            assert ks_2samp(got[:, column], want[:, column]).pvalue > 1e-3, (key, column)
