"""The derivative tables: every op with its rules beside it, by family."""

from minidl.ops import methods as methods
