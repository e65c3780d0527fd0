"""minidl and PyTorch: the same program, word for word; only the library differs."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.engines.engine import Engine, Work
from benchmarks.engines.model import Model, without_dropout


class Imperative(Engine):
    """An engine with PyTorch's interface."""

    library: Any  # with nn, optim and no_grad
    functional: Any

    def tensor(self, array: np.ndarray) -> Any:
        """The array as a tensor, in the layout in which this engine's own layers hand it on."""
        raise NotImplementedError

    def translate(self, model: Model) -> Any:
        """The network, of this library."""
        raise NotImplementedError

    def numpy(self, tensor: Any) -> np.ndarray:
        """A tensor's values."""
        raise NotImplementedError

    def inference(self, model: Model, images: np.ndarray) -> Work:
        network, x = self.translate(model).eval(), self.tensor(images)

        def forward() -> Any:
            with self.library.no_grad():
                return network(x)

        return Work(forward, lambda: [self.numpy(forward())])

    def gradients(self, model: Model, images: np.ndarray, cotangent: np.ndarray, of_images: bool) -> Work:
        network, x, g = self.translate(model), self.tensor(images), self.tensor(cotangent)
        x.requires_grad = of_images
        leaves = [x] * of_images + list(network.parameters())

        def forward_backward() -> None:
            for leaf in leaves:
                leaf.grad = None
            network(x).backward(g)

        def outputs() -> list[np.ndarray]:
            forward_backward()
            return [self.numpy(leaf.grad) for leaf in leaves]

        return Work(forward_backward, outputs)

    def cross_entropy(self, scores: np.ndarray, labels: np.ndarray) -> Work:
        x, y = self.tensor(scores), self.tensor(labels)
        x.requires_grad = True

        def forward_backward() -> Any:
            x.grad = None
            loss = self.functional.cross_entropy(x, y)
            loss.backward()
            return loss

        return Work(forward_backward, lambda: [self.numpy(forward_backward()), self.numpy(x.grad)])

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray], optimizer: str) -> Work:
        leaves = [self.tensor(p.copy()) for p in parameters]
        for leaf, g in zip(leaves, gradients, strict=True):
            leaf.requires_grad = True
            leaf.grad = self.tensor(g)
        options = {"momentum": 0.9} if optimizer == "SGD" else {}
        step = getattr(self.library.optim, optimizer)(leaves, lr=1e-3, **options).step

        def outputs() -> list[np.ndarray]:
            step()
            return [self.numpy(leaf) for leaf in leaves]

        return Work(step, outputs)

    def training(self, model: Model, images: np.ndarray, targets: np.ndarray) -> Work:
        network, x, y = self.translate(model), self.tensor(images), self.tensor(targets)
        optimizer = self.library.optim.Adam(network.parameters())
        criterion = getattr(self.functional, model.loss)

        def step() -> float:
            optimizer.zero_grad()
            loss = criterion(network(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        def outputs() -> list[np.ndarray]:
            with without_dropout(network.modules()):
                first = step()
                gradients = [self.numpy(p.grad).copy() for p in network.parameters()]
                return [*gradients, np.array([first, step(), step()])]

        return Work(step, outputs)

    def chain(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
        leaves = [self.tensor(array) for array in (x, a, b)]
        ones = self.tensor(np.ones_like(x))
        for leaf in leaves:
            leaf.requires_grad = True

        def forward_backward() -> None:
            z, a, b = leaves
            for leaf in leaves:
                leaf.grad = None
            for _ in range(5):
                z = (z * a + b).tanh() - b
            z.backward(ones)

        def outputs() -> list[np.ndarray]:
            forward_backward()
            return [self.numpy(leaf.grad) for leaf in leaves]

        return Work(forward_backward, outputs)
