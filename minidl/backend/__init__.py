"""What arrays are and where they live: NumPy or CuPy, dtypes, devices, copies, random streams, threads, memory.

Nothing here knows of Tensors and gradients.
"""

# ruff: noqa: F401
from minidl.backend.arrays import (
    Array,
    by_device,
    cupy,
    current,
    dims,
    full_like,
    in_memory_order,
    is_array,
    namespace,
    on_gpu,
    plain,
    special,
)
from minidl.backend.devices import (
    alike,
    device,
    device_name,
    device_of,
    get_default_device,
    gpu,
    set_default_device,
    using,
)
