"""The promises of test_ops.py and test_hard_points.py, as checks of one op on cases that stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import test_convolution
import test_elementwise
import test_engine_steps
import test_hard_points
import test_ops
import test_points
from hypothesis import HealthCheck, Phase, given, settings
from specs import OPS, SPECS, Case, cases
from test_hard_points import test_value_and_gradients

Check = Callable[[], None]
PROMISES = [
    test_ops.test_value,
    test_ops.test_first_order,
    test_ops.test_first_order_exactly,
    test_ops.test_adjoint_identity,
    test_ops.test_second_order,
    test_ops.test_second_order_exactly,
    test_ops.test_adjoint_identity_at_second_order,
    test_ops.test_memory_and_dtype,
    test_ops.test_only_what_is_needed_is_computed,
]
POINTS = [
    test_ops.test_ties,
    test_ops.test_an_infinite_gradient_stays_where_it_is,
    test_points.test_corners,
    test_points.test_normalisation_far_from_zero,
    test_points.test_normalisation_of_a_batch_that_drifts,
    test_points.test_a_kernel_leaves_out_what_is_not_needed,
    test_points.test_max_pool_tells_the_places_of_maxima,
    test_convolution.test_what_is_not_needed_is_left_out,
    test_convolution.test_nan_is_largest,
    *[partial(test_elementwise.test_order_in_memory_and_what_is_kept, name) for name in test_elementwise.NAMES],
    *[partial(test_elementwise.test_corners, name) for name in test_elementwise.NAMES],
    test_engine_steps.test_a_hook_sees_a_tensor_and_its_result_goes_on,
]
POINTS += [partial(test_value_and_gradients, point, "float64", 1e-12) for point in test_hard_points.POINTS]


class Drawn:
    """Stands in for hypothesis' ``data``: gives the one case that it holds, in arrays that may be spoilt."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def draw(self, strategy: Any) -> Case:
        return Case([a if a is None else a.copy() for a in self.case.arrays], self.case.options)


@contextmanager
def undrawn() -> Iterator[None]:
    """No strategies are built for cases that are at hand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_ops, "cases", lambda spec: None)
        yield


def promised(name: str, some: list[Case]) -> list[Check]:
    """Every property test that walks over an op, on some cases."""
    walking = [test for test in PROMISES if name in test.pytestmark[0].args[1]]
    return [partial(test.hypothesis.inner_test, name, Drawn(case)) for test in walking for case in some]


def pointed(name: str) -> list[Check]:
    """The tests of single points that an op has a part in: they fail where it has no derivatives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OPS[name], "pull", None)
        patch.setattr(OPS[name], "serving", None, raising=False)
        return [check for check in POINTS if not passes(check)]


def passes(check: Check) -> bool:
    try:
        check()
    except (Exception, pytest.fail.Exception):
        return False
    return True


def examples(name: str, few: int = 16, draws: int = 150) -> tuple[list[Case], list[Case]]:
    """A few cases of an op, as different as can be, and the others: as hypothesis draws them, always the same."""
    found: dict[str, Case] = {}

    @settings(
        max_examples=draws,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(SPECS[name]))
    def collect(case):
        found[str(([a if a is None else a.shape for a in case.arrays], case.options))] = case

    collect()
    drawn = list(found.values())
    step = -(-len(drawn) // few)
    return drawn[::step], [case for i, case in enumerate(drawn) if i % step]
