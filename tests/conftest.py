"""Profiles of hypothesis, tests of a GPU, and a stream of random numbers that starts anew for each test."""

import os
import sys
import zlib
from contextlib import nullcontext

import emulator
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import minidl as md
from minidl import backend
from minidl.backend.modes import mode
from minidl.engine.op import registry
from minidl.kernels.cpu import conv

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("dev", max_examples=12, deadline=None, suppress_health_check=quiet)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.register_profile("intense", settings.get_profile("dev"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

if "PYTEST_XDIST_WORKER" in os.environ:
    md.set_num_threads(1)  # the workers are threads enough
conv.PLACES = 0  # so that the small images of tests are worked on as large ones are


def pytest_configure():
    if emulator.loaded():
        emulator.build_once()


def name_of(item):
    """The parameter ``name`` of a test."""
    return item.callspec.params.get("name") if hasattr(item, "callspec") else None


def pytest_collection_modifyitems(config, items):
    """Tests that are marked ``gpu`` are skipped, with the reason, where no GPU can be used.

    Without fusion, test_ops.py goes over composites alone: other ops know nothing of it on the CPU.
    """
    if not mode.fused:
        alike = {item for item in items if item.path.name == "test_ops.py" and name_of(item) in registry}
        config.hook.pytest_deselected(items=alike)
        items[:] = [item for item in items if item not in alike]
    marked = [item for item in items if item.get_closest_marker("gpu")]
    try:
        if marked:
            backend.gpu("cuda")
    except RuntimeError as error:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=str(error)))


@pytest.fixture(autouse=True)
def seed(request):
    """Random numbers of its own for each test, whichever ran before it in the same process."""
    md.manual_seed(0)
    stream = getattr(sys.modules.get("parity", request.module), "RNG", None)
    if stream is not None:
        own = np.random.default_rng(zlib.crc32(request.node.name.encode()))
        stream.bit_generator.state = own.bit_generator.state


@pytest.fixture(autouse=True)
def fences(request):
    """The emulator shows what kernels read before they write it, and what they write beside their arrays."""
    with emulator.fenced() if emulator.loaded() and request.node.get_closest_marker("gpu") else nullcontext():
        yield
