"""Profiles of hypothesis, and a stream of random numbers that starts anew for each test."""

import os
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import minidl as md
from minidl.kernels.cpu import conv

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("dev", max_examples=12, deadline=None, suppress_health_check=quiet)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.register_profile("intense", settings.get_profile("dev"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

if "PYTEST_XDIST_WORKER" in os.environ:
    md.set_num_threads(1)  # the workers are threads enough
conv.PLACES = 0  # so that the small images of tests are worked on as large ones are


@pytest.fixture(autouse=True)
def seed(request):
    """Random numbers of its own for each test, whichever ran before it in the same process."""
    md.manual_seed(0)
    stream = getattr(sys.modules.get("parity", request.module), "RNG", None)
    if stream is not None:
        own = np.random.default_rng(zlib.crc32(request.node.name.encode()))
        stream.bit_generator.state = own.bit_generator.state
