"""Packages that only the lessons need, imported when first used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def extra(module: str) -> ModuleType:
    """Import a module of the extra ``lessons``.

    Raises
    ------
    ImportError
        If it is not installed, with the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"the lessons need {module}: pip install 'minidl[lessons]'") from error
