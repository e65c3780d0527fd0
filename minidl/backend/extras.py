"""Packages that are not needed by all, imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def extra(module: str, name: str, user: str) -> ModuleType:
    """Import a module of the extra `name` for `user`.

    Raises
    ------
    ImportError
        If it is not installed, with the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f"{user}: {package} is not installed; pip install 'minidl[{name}]' brings it") from error
