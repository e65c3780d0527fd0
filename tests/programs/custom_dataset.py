"""A data set of one's own with transforms as callables, its loader, batches of dicts, a collate of one's own."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Subset

rng = np.random.default_rng(36)


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, sample):
        for t in self.transforms:
            sample = t(sample)
        return sample


class Rescale(object):
    def __init__(self, output_size):
        assert isinstance(output_size, (int, tuple))
        self.output_size = output_size

    def __call__(self, sample):
        image, landmarks = sample["image"], sample["landmarks"]
        step = image.shape[0] // self.output_size
        return {"image": image[::step, ::step], "landmarks": landmarks / step}


class ToTensor:
    def __call__(self, sample):
        image, landmarks = sample["image"], sample["landmarks"]
        image = image.transpose((2, 0, 1))  # H x W x C to C x H x W
        return {"image": torch.from_numpy(np.ascontiguousarray(image)), "landmarks": torch.from_numpy(landmarks)}


class FaceLandmarks(Dataset):
    def __init__(self, n, transform=None):
        self.images = rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
        self.landmarks = rng.uniform(0, 8, (n, 4, 2))
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, idx):
        if torch.is_tensor(idx):
            idx = idx.tolist()
        sample = {"image": self.images[idx], "landmarks": self.landmarks[idx].astype("float32").reshape(-1, 2)}
        if self.transform:
            sample = self.transform(sample)
        return sample


dataset = FaceLandmarks(7, transform=Compose([Rescale(4), ToTensor()]))
dataloader = DataLoader(dataset, batch_size=3, shuffle=False, num_workers=0)
shapes, means = [], []
for i_batch, sample_batched in enumerate(dataloader):
    shapes.append([i_batch, tuple(sample_batched["image"].size()), tuple(sample_batched["landmarks"].size())])
    means.append(sample_batched["image"].float().mean(dim=(0, 2, 3)))
    means.append(sample_batched["landmarks"].mean(1))


def collate_fn(batch):
    images, targets = zip(*[(sample["image"], len(sample["landmarks"])) for sample in batch])
    return torch.stack(images).float().div(255), torch.tensor(targets)


subset = Subset(dataset, range(0, 7, 3))
images, targets = next(iter(DataLoader(subset, batch_size=2, collate_fn=collate_fn)))


def mean_std(loader):
    channels_sum, channels_squared_sum, num_batches = 0, 0, 0
    for data in loader:
        data = data["image"].float() / 255.0
        channels_sum += torch.mean(data, dim=[0, 2, 3])
        channels_squared_sum += torch.mean(data**2, dim=[0, 2, 3])
        num_batches += 1
    mean = channels_sum / num_batches
    return mean, (channels_squared_sum / num_batches - mean**2) ** 0.5


pairs = DataLoader([(np.float32(i), i, f"name{i}") for i in range(4)], batch_size=2)
floats, ints, names = next(iter(pairs))
results = {
    "shapes": shapes,
    "means": means,
    "collated": [images.mean(), targets, len(dataloader), len(subset)],
    "mean_std": mean_std(dataloader),
    "pairs": [floats, ints, list(names), str(floats.dtype)[-7:], str(ints.dtype)[-5:]],
}
