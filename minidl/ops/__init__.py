"""The derivative tables: every op with its rules beside it, by family; and what tensors do, as their methods.

No parameters, no layers, and no kernels: how an op is computed fast is not said here.
"""

from minidl.ops import methods as methods
