"""Weights that are computed before each forward, from parameters that stand in their place."""

from __future__ import annotations

from typing import Any

from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.functional.dense import normalize
from minidl.nn.parameter import Parameter, Uninitialized
from minidl.nn.tree import require_module
from minidl.ops.linalg import dot, mv, norm


def rows(weight: Tensor, dim: int) -> Tensor:
    """A matrix of a weight, with a row for each index of `dim`."""
    return weight.movedim(dim, 0).reshape(weight.shape[dim], -1)


class Computed:
    """What a module calls before its forward: it sets the attribute `name` to a weight of these parameters."""

    parameters: tuple[str, ...]  # what follows `name` in theirs, and in the buffers'
    buffers: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Any, args: Any) -> None:
        setattr(module, self.name, self.weight(module))

    def weight(self, module: Any, final: bool = False) -> Tensor:
        """The weight of a module in its mode; `final`: as it shall stay."""
        raise NotImplementedError

    def values(self, weight: Tensor) -> dict[str, Tensor]:
        """The parameters and buffers that make up a weight."""
        raise NotImplementedError

    @classmethod
    def of(cls, module: Any, name: str) -> Any:
        """The hook on a module that computes this weight, or None."""
        found = [h for h in module._registered_hooks if isinstance(h.function, cls) and h.function.name == name]
        return found[0] if found else None

    def put(self, said: str, module: Any) -> Any:
        """Put parameters in the place of a module's parameter, and return the module."""
        require_module(said, module)
        weight = module._parameters.get(self.name)
        if self.of(module, self.name) is not None:
            raise RuntimeError(f"{said}: {self.name} of {type(module).__name__} is computed by it already")
        if not isinstance(weight, Parameter) or isinstance(weight, Uninitialized):
            raise RuntimeError(f"{said}: {type(module).__name__} has no parameter {self.name!r} whose shape is known")
        values = self.values(weight.detach())
        delattr(module, self.name)
        for end in self.parameters:
            module.register_parameter(self.name + end, Parameter(values[end], weight.requires_grad))
        for end in self.buffers:
            module.register_buffer(self.name + end, values[end])
        setattr(module, self.name, weight.detach())
        module.register_forward_pre_hook(self)
        return module

    @classmethod
    def take(cls, said: str, module: Any, name: str) -> Any:
        """Make a parameter of the weight as it is, and return the module."""
        require_module(said, module)
        hook = cls.of(module, name)
        if hook is None:
            raise ValueError(f"{said}: {name} of {type(module).__name__} is not computed by it")
        with no_grad():
            weight = hook.function.weight(module, final=True)
        for end in ("", *cls.parameters, *cls.buffers):
            delattr(module, name + end)
        module.register_parameter(name, Parameter(weight))
        module._registered_hooks = tuple(other for other in module._registered_hooks if other is not hook)
        return module


class SpectralNorm(Computed):
    """A weight over its largest singular value, of which power iterations know more at each forward in training."""

    parameters = ("_orig",)
    buffers = ("_u", "_v")

    def __init__(self, name: str, steps: int, eps: float, dim: int) -> None:
        super().__init__(name)
        self.steps, self.eps, self.dim = steps, eps, dim

    def values(self, weight: Tensor) -> dict[str, Tensor]:  # noqa: D102
        u, v = (weight.new_empty(size).normal_() for size in rows(weight, self.dim).shape)
        return {"_orig": weight, "_u": normalize(u, dim=0, eps=self.eps), "_v": normalize(v, dim=0, eps=self.eps)}

    def weight(self, module: Any, final: bool = False) -> Tensor:  # noqa: D102
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = rows(weight, self.dim)
        if module.training and not final:
            with no_grad():
                for _ in range(self.steps):
                    v.copy_(normalize(mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(normalize(mv(matrix, v), dim=0, eps=self.eps))
        return weight / dot(u.clone(), mv(matrix, v.clone()))  # the next forward writes into both


class WeightNorm(Computed):
    """A weight as a length and a direction."""

    parameters = ("_g", "_v")

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def length(self, weight: Tensor) -> Tensor:
        """Its norm over all dimensions but `dim`, or over all."""
        if self.dim is None or self.dim == -1:
            return norm(weight)
        sizes = [1] * weight.ndim
        sizes[self.dim] = -1
        return norm(rows(weight, self.dim), 2, 1).reshape(sizes)

    def values(self, weight: Tensor) -> dict[str, Tensor]:  # noqa: D102
        return {"_g": self.length(weight), "_v": weight}

    def weight(self, module: Any, final: bool = False) -> Tensor:  # noqa: D102
        g, v = (getattr(module, self.name + end) for end in ("_g", "_v"))
        return v * (g / self.length(v))


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a weight of a module by its largest singular value, before each forward (Miyato et al., 2018).

    The parameter becomes ``weight_orig``; the buffers ``weight_u`` and ``weight_v`` approach the singular vectors.

    Parameters
    ----------
    module : the module, which is returned
    name : the name of its parameter
    n_power_iterations : steps towards the singular vectors at each forward in training
    eps : the smallest length by which these are divided
    dim : the dimension of the outputs; 1 for transposed convolutions, 0 for others

    Raises
    ------
    RuntimeError
        For a name that is no parameter, or is normed already.
    ValueError
        For less than one step.
    """
    if n_power_iterations <= 0:
        raise ValueError(f"spectral_norm: n_power_iterations must be positive, got {n_power_iterations}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    return SpectralNorm(name, n_power_iterations, eps, dim).put("spectral_norm", module)


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo `spectral_norm`, and return the module: the weight as it is becomes a parameter. ValueError for others."""
    return SpectralNorm.take("remove_spectral_norm", module, name)


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn the length of a weight and its direction apart (Salimans and Kingma, 2016): ``g · v / ‖v‖``.

    The parameter becomes ``weight_g`` and ``weight_v``.

    Parameters
    ----------
    module : the module, which is returned
    name : the name of its parameter
    dim : the dimension along which there is a length for each index; None, or -1, for a single length

    Raises
    ------
    RuntimeError
        For a name that is no parameter, or is normed already.
    """
    return WeightNorm(name, dim).put("weight_norm", module)


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo `weight_norm`, and return the module: the weight as it is becomes a parameter. ValueError for others."""
    return WeightNorm.take("remove_weight_norm", module, name)
