"""How many faults are planted today: counted by the machinery of ``tests/mutants`` itself, without planting any."""

from __future__ import annotations

import sys
import warnings
from collections import Counter

from docs.markdown import CHECKOUT


def counts() -> str:
    """The faults by kind, and the ops with most of them."""
    sys.path.append(str(CHECKOUT / "tests"))
    from mutants import cuda, engine, sources
    from mutants.equivalent import EQUIVALENT
    from specs import DIFFERENTIABLE, oracles

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python, about the code that a fault makes
        faults = {name: sources.mutants(name) for name in DIFFERENTIABLE}
    kinds = Counter(fault.kind for found in faults.values() for fault in found)
    proven = [name for name in DIFFERENTIABLE if all(len(set(by)) >= 2 for by in oracles(name).values())]
    said = (
        f"Today {len(proven)} of {len(DIFFERENTIABLE)} ops have two oracles at both orders, and there are "
        f"**{kinds.total():,}** faults of ops and their kernels, {len(engine.FAULTS)} of the engine and "
        f"{len(cuda.FAULTS)} of CUDA kernels to be planted; {len(EQUIVALENT)} are listed as changing nothing.\n"
    )
    most = sorted(faults, key=lambda name: -len(faults[name]))[:12]
    by_kind = "".join(f"| {kind} | {count:,} |\n" for kind, count in kinds.most_common())
    by_op = "".join(f"| `{name}` | {len(faults[name]):,} |\n" for name in most)
    head = "\n| %s | planted |\n|---|---|\n"
    return said + head % "kind of fault" + by_kind + head % "op with most of them" + by_op
