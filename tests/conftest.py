"""Profiles of hypothesis, and a stream of random numbers that starts anew for each test."""

import os

import pytest
from hypothesis import HealthCheck, settings

import minidl as md

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("dev", max_examples=12, deadline=None, suppress_health_check=quiet)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True)
settings.register_profile("intense", settings.get_profile("dev"), max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def seed():
    md.manual_seed(0)
