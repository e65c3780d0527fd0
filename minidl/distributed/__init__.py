"""Training on many processes and machines, by MPI: ranks, what they do together, and networks on all of them.

Which batches they learn from is decided here; how a training goes is not.
"""

# ruff: noqa: F401
from minidl.distributed.collectives import (
    ReduceOp,
    Work,
    all_gather,
    all_gather_object,
    all_reduce,
    barrier,
    broadcast,
    broadcast_object_list,
    gather,
)
from minidl.distributed.group import (
    destroy_process_group,
    get_node_local_rank,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
    is_initialized,
)
from minidl.distributed.normalisation import SyncBatchNorm
from minidl.distributed.parallel import DistributedDataParallel
from minidl.distributed.sampler import DistributedSampler
