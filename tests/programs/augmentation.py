"""Pictures changed as tensors: flips, crops, cutout, mixup, normalisation, brightness, a grid of images."""

import numpy as np
import torch

rng = np.random.default_rng(44)
images = torch.from_numpy(rng.integers(0, 256, (4, 3, 6, 6), dtype=np.uint8))
labels = torch.tensor([0, 1, 2, 1])
x = images.float() / 255
mean, std = torch.tensor((0.4914, 0.4822, 0.4465)), torch.tensor((0.2470, 0.2435, 0.2616))


def normalize(t):
    return (t - mean[None, :, None, None]) / std[None, :, None, None]


def batch_crop(images, r, shifts):
    padded = torch.nn.functional.pad(images, (r,) * 4, "reflect")
    crop_size = images.shape[-1]
    images_out = torch.empty((len(images), 3, crop_size, crop_size), dtype=images.dtype)
    for sy in range(-r, r + 1):
        for sx in range(-r, r + 1):
            mask = (shifts[:, 0] == sy) & (shifts[:, 1] == sx)
            images_out[mask] = padded[mask, :, r + sy : r + sy + crop_size, r + sx : r + sx + crop_size]
    return images_out


def batch_flip_lr(inputs, flip):
    flip_mask = flip.view(-1, 1, 1, 1)
    return torch.where(flip_mask, inputs.flip(-1), inputs)


def cutout(img, length, y, x):
    h, w = img.size(1), img.size(2)
    mask = np.ones((h, w), np.float32)
    mask[max(y - length // 2, 0) : y + length // 2, max(x - length // 2, 0) : x + length // 2] = 0.0
    mask = torch.from_numpy(mask)
    mask = mask.expand_as(img)
    img = img * mask
    return img


def mixup_data(x, y, lam, index):
    mixed_x = lam * x + (1 - lam) * x[index, :]
    return mixed_x, y, y[index]


def make_grid(tensor, nrow, padding):
    nmaps = tensor.size(0)
    ymaps = int(np.ceil(float(nmaps) / nrow))
    height, width = int(tensor.size(2) + padding), int(tensor.size(3) + padding)
    grid = tensor.new_full((3, height * ymaps + padding, width * nrow + padding), 0.5)
    k = 0
    for y in range(ymaps):
        for x in range(nrow):
            if k >= nmaps:
                break
            grid.narrow(1, y * height + padding, height - padding).narrow(
                2, x * width + padding, width - padding
            ).copy_(tensor[k])
            k = k + 1
    return grid


shifts = torch.tensor([[0, 0], [1, -1], [-1, 1], [0, 1]])
mixed, y_a, y_b = mixup_data(x, labels, 0.3, torch.from_numpy(rng.permutation(4)))
gray = (x * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
picture = make_grid(x, 3, 1)
results = {
    "normalized": normalize(x).mean(dim=(0, 2, 3)),
    "crop": batch_crop(x, 1, shifts)[:, 0, 0],
    "flip": batch_flip_lr(x, torch.tensor([True, False, False, True]))[:, 1, 2],
    "cutout": cutout(x[0], 4, 1, 2)[0],
    "mixed": [mixed.std(), y_a, y_b],
    "bright": (images[0].int() + 100).clamp(max=255).to(torch.uint8)[0, 0],
    "gray": gray.expand(-1, 3, -1, -1).sum(),
    "grid": [list(picture.shape), picture.sum(), picture[:, 0, 0]],
    "numpy": picture.mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", torch.uint8).numpy()[1, 1:4],
    "rotated": torch.rot90(x[0], 1, (1, 2))[0, 0],
}
