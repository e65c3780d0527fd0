"""What runs: the quick form of the suite, or ``--deep``; tests of a GPU; random numbers anew for each test."""

import os
import sys
import zlib
from contextlib import nullcontext

import emulator
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from progress import Reporter

import minidl as md
from minidl import backend
from minidl.backend.modes import mode
from minidl.engine.op import registry
from minidl.kernels import loops

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("quick", max_examples=5, derandomize=True, deadline=None, suppress_health_check=quiet)
settings.register_profile("deep", settings.get_profile("quick"), max_examples=15)
settings.register_profile("intense", settings.get_profile("deep"), max_examples=300, derandomize=False)

if "PYTEST_XDIST_WORKER" in os.environ:
    md.set_num_threads(1)  # the workers are threads enough


@pytest.fixture
def loops_serve(monkeypatch):
    """Kernels that consist of loops serve, by the interpreter where numba is not installed."""
    if not loops.installed():
        monkeypatch.setattr(loops, "COMPILED", False)


def pytest_addoption(parser):
    parser.addoption(
        "--deep", action="store_true", help="run what is marked deep, too, and draw more examples of each property"
    )


def pytest_configure(config):
    settings.load_profile("deep" if config.option.deep else "quick")  # `--hypothesis-profile intense` draws others
    if emulator.loaded():
        emulator.build_once()
    if config.get_verbosity() < 0 and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporter(config))


def name_of(item):
    """The parameter ``name`` of a test."""
    return item.callspec.params.get("name") if hasattr(item, "callspec") else None


def deselect(config, items, chosen):
    """Leave these out, without a word each."""
    config.hook.pytest_deselected(items=chosen)
    items[:] = [item for item in items if item not in chosen]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Tests that are marked ``deep`` are left out without ``--deep``.

    Tests that are marked ``gpu`` are skipped, with the reason, where no GPU can be used. Without fusion, test_ops.py
    goes over composites alone: other ops know nothing of it on the CPU.
    """
    if not config.option.deep:
        deselect(config, items, {item for item in items if item.get_closest_marker("deep")})
    if not mode.fused:
        alike = {item for item in items if item.path.name == "test_ops.py" and name_of(item) in registry}
        deselect(config, items, alike)
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
