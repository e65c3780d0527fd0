"""`minidl.data.transforms`: each transform and each of its functions with each argument off the default.

What draws is given one thing to draw; what it draws otherwise is in `test_draws.py`.
"""

import numpy as np

from arguments.table import converted, each, fixed, flat, given, gradients, of, row, wave

IMAGES = abs(wave(2, 3, 7, 9))
BYTES = (255 * abs(wave(2, 3, 8, 6))).astype(np.uint8)
SINGLE = of(lambda m: m.tensor(IMAGES, dtype=m.float32))  # torchvision rounds something to float32
GRAY = abs(wave(2, 1, 6, 5))
POINTS = [[0, 0], [8, 0], [8, 6], [0, 6]]
MOVED = [[1, 1], [7, 0], [8, 5], [0, 6]]


def function(name, /, **base):
    """A row of a function of images."""
    return row(f"data.transforms.functional.{name}", **base)


for name in ("horizontal_flip", "vertical_flip"):
    function(name, inpt=IMAGES)(inpt=BYTES)
function("crop", inpt=IMAGES, top=1, left=2, height=4, width=3)(
    top=each(3, -2), left=each(0, -1, 8), height=6, width=each(2, 9)
)  # fmt: skip
function("center_crop", inpt=IMAGES, output_size=(4, 5))(output_size=each(3, [2], (10, 11), (4, 12)), inpt=BYTES)
function("pad", inpt=IMAGES, padding=(1, 2, 0, 3))(
    padding=each(2, [1], (0, 2)), fill=each(0.5, (0.1, 0.2, 0.3)), padding_mode=each("edge", "reflect", "symmetric"),
    inpt=BYTES,
)  # fmt: skip
function("resize", inpt=IMAGES, size=(5, 6))(
    size=each(4, [6], (12, 20), given(None, max_size=5)), interpolation=each("nearest", "nearest-exact", "bicubic", 0),
    max_size=given(8, size=[7]), antialias=each(False, given(None, interpolation="bicubic")),
)  # fmt: skip
function("resized_crop", inpt=IMAGES, top=1, left=2, height=5, width=6, size=(4, 3))(
    top=0, left=1, height=6, width=4, size=(8, 3), antialias=each(False, given(False, interpolation="bicubic")),
    interpolation=each("nearest", "nearest-exact", "bicubic"),
)  # fmt: skip
function("rotate", inpt=IMAGES, angle=33.0)(
    angle=-100.0, interpolation=each("bilinear", 2), expand=True, center=(2.0, 3.0), fill=(0.5, 0.2, 0.1)
)  # fmt: skip
function("rotate", inpt=fixed(IMAGES), angle=33.0, interpolation="bilinear")(fill=each(0, 0.5))
function("affine", inpt=IMAGES, angle=20.0, translate=[1, -2], scale=1.3, shear=[5.0, -8.0])(
    angle=-50.0, translate=[-1, 3], scale=0.7, shear=each(10.0, [-7.0, 9.0]), interpolation="bilinear", fill=0.5,
    center=[2.0, 3.0],
)  # fmt: skip
function("perspective", inpt=SINGLE, startpoints=POINTS, endpoints=MOVED)(
    startpoints=[[1, 0], *POINTS[1:]], endpoints=[[2, 0], *MOVED[1:]], interpolation="nearest", fill=each(0, 0.5),
    coefficients=given([1.1, 0.1, -0.3, 0.05, 0.9, 0.4, 0.01, -0.02], startpoints=None, endpoints=None),
)  # fmt: skip
function("rgb_to_grayscale", inpt=IMAGES)(num_output_channels=each(3, given(3, inpt=GRAY)), inpt=each(BYTES, GRAY))
function("grayscale_to_rgb", inpt=GRAY)(inpt=BYTES)
for name in ("brightness", "contrast", "saturation", "sharpness"):
    function(f"adjust_{name}", inpt=fixed(IMAGES) if name == "sharpness" else IMAGES, **{f"{name}_factor": 0.6})(
        **{f"{name}_factor": each(0.0, 1.7)}, inpt=each(BYTES, fixed(GRAY))
    )
function("adjust_hue", inpt=SINGLE, hue_factor=0.2)(hue_factor=each(-0.4, 0.5), inpt=each(BYTES, fixed(GRAY)))
for name in ("autocontrast", "invert"):
    function(name, inpt=fixed(IMAGES))(inpt=BYTES)
function("posterize", inpt=fixed(IMAGES), bits=2)(bits=each(0, 5), inpt=BYTES)
function("solarize", inpt=IMAGES, threshold=0.4)(threshold=0.8, inpt=given(BYTES, threshold=100))
function("gaussian_blur", inpt=IMAGES, kernel_size=3)(
    kernel_size=each(5, [5, 3]), sigma=each(1.1, [0.5, 1.2]), inpt=BYTES
)  # fmt: skip
function("normalize", inpt=IMAGES, mean=[0.4, 0.5, 0.6], std=[0.2, 0.3, 0.4])(
    mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7], inplace=True
)  # fmt: skip
function("erase", inpt=IMAGES, i=1, j=2, h=3, w=4, v=fixed(wave(3, 3, 4)))(
    i=2, j=0, h=given(2, v=fixed(wave(3, 1, 1))), w=given(5, v=fixed(wave(1, 3, 5))), v=fixed(wave(1, 1, 1)),
    inplace=True,
)  # fmt: skip
function("to_dtype", inpt=fixed(IMAGES), dtype=of("float32"))(
    dtype=each(of("float64"), given(of("uint8"), scale=True), given(of("int16"), scale=True)),
    scale=given(True, dtype=of("uint8")),
    inpt=each(given(BYTES, scale=True), given(BYTES, dtype=of("int32"), scale=True)),
)  # fmt: skip
function("to_image", inpt=of(lambda m: BYTES[0].transpose(1, 2, 0)))(inpt=of(lambda m: BYTES[0, 0]))


# --- classes ----------------------------------------------------------------------------------------------------------


def on_images(m, row, make, args, options):
    """What a transform makes of images and of bytes, with gradients."""
    transform, leaves = make(*args, **options), []
    images = converted(m, IMAGES, leaves)
    out = list(flat(transform(images)))
    return [
        *out,
        *gradients(m, out, leaves),
        images.detach(),
        *[repr(transform)] * (not hasattr(transform, "transforms")),
    ]


def on_numbers(m, row, make, args, options):
    """The same without gradients, where torchvision's fail."""
    transform = make(*args, **options)
    return [transform(m.tensor(IMAGES, dtype=m.float32)), transform(m.tensor(BYTES)), repr(transform)]


def transform(name, /, **base):
    """A row of a transform, which is called on images."""
    return row(f"data.transforms.{name}", on_images, **base)


transform("CenterCrop", size=4)(size=each([5], (3, 6)))
transform("Pad", padding=2)(padding=each([1, 2], (1, 0, 2, 3)), fill=each(0.5, (0.1, 0.2, 0.3)), padding_mode="edge")
transform("Resize", size=5)(
    size=each((4, 3), [6]), interpolation="nearest", max_size=6, antialias=given(False, size=3)
)  # fmt: skip
transform("Grayscale")(num_output_channels=3)
transform("Normalize", mean=[0.4, 0.5, 0.6], std=[0.2, 0.3, 0.4])(
    mean=[0.1, 0.2, 0.3], std=[1.0, 2.0, 3.0], inplace=True
)
MATRICES = [of(lambda m, i=i: m.tensor(wave(189, 189, phase=i))) for i in range(2)]
MEANS = [of(lambda m, i=i: m.tensor(wave(189, phase=i))) for i in range(2)]
transform("LinearTransformation", transformation_matrix=MATRICES[0], mean_vector=MEANS[0])(
    transformation_matrix=MATRICES[1], mean_vector=MEANS[1]
)
for name in ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomGrayscale", "RandomInvert"):
    transform(name, p=1.0)(p=0.0)
transform("RandomPosterize", bits=2, p=1.0)(bits=4, p=0.0)
transform("RandomSolarize", threshold=0.4, p=1.0)(threshold=0.7, p=0.0)
row("data.transforms.RandomAutocontrast", on_numbers, p=1.0)(p=0.0)
row("data.transforms.RandomAdjustSharpness", on_numbers, sharpness_factor=0.4, p=1.0)(sharpness_factor=1.5, p=0.0)
transform("RandomCrop", size=(11, 13), padding=2)(
    size=given(11, padding=(1, 2)), padding=[3, 2, 1, 2], fill=0.5, padding_mode=each("edge", "symmetric", "reflect")
)  # fmt: skip
transform("RandomResizedCrop", size=(5, 4), scale=(1.0, 1.0), ratio=(9 / 7, 9 / 7))(
    size=each(4, [6]), scale=given((0.9, 1.0), ratio=(3.0, 3.0)), ratio=each((1.0, 1.0), (2.0, 2.0)),
    interpolation="nearest", antialias=False,
)  # fmt: skip
row("data.transforms.RandomRotation", on_numbers, degrees=(33, 33))(
    degrees=(-50, -50), interpolation="bilinear", expand=True, center=(2, 3), fill=(0.5, 0.2, 0.1)
)  # fmt: skip
row("data.transforms.RandomAffine", on_numbers, degrees=(20, 20))(
    degrees=(-50, -50), translate=given((0.0, 0.0), degrees=(7, 7)), scale=(1.3, 1.3),
    shear=each((8, 8), (8, 8, -9, -9)), interpolation="bilinear", fill=0.5, center=(2, 3),
)  # fmt: skip
transform("ColorJitter", brightness=(1.4, 1.4))(
    brightness=(0.5, 0.5), contrast=given((0.4, 0.4), brightness=None), saturation=given((0.4, 0.4), brightness=None),
)  # fmt: skip
row("data.transforms.ColorJitter", on_numbers, brightness=(1.4, 1.4))(
    hue=each(given((0.2, 0.2), brightness=None), given((-0.3, -0.3), brightness=None))
)  # fmt: skip
transform("GaussianBlur", kernel_size=3, sigma=(0.9, 0.9))(kernel_size=each([5], (3, 5)), sigma=1.3)
transform("GaussianNoise", mean=0.2, sigma=0.0)(mean=-0.4, clip=False)
transform("Compose", transforms=of(lambda m: [m.data.transforms.Resize((4, 4)), m.data.transforms.CenterCrop(3)]))(
    transforms=of(lambda m: [m.data.transforms.CenterCrop(3), m.data.transforms.Resize((4, 4))])
)  # fmt: skip
HALF = of(lambda m: [m.data.transforms.Resize((7, 9)), m.data.transforms.Grayscale(3)])
transform("RandomApply", transforms=HALF, p=1.0)(transforms=of(lambda m: [m.data.transforms.Pad(1)]), p=0.0)
transform("RandomChoice", transforms=HALF, p=[0.0, 1.0])(
    transforms=of(lambda m: [m.data.transforms.Pad(i) for i in (1, 2)]), p=[3, 0]
)
