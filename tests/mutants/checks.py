"""The promises of test_ops.py and test_hard_points.py, as checks of one op on cases that stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import pytest
from engine import test_engine_steps
from hypothesis import HealthCheck, Phase, given, seed, settings
from kernels import test_convolution, test_depthwise, test_rows, test_winograd
from ops import test_elementwise, test_hard_points, test_ops, test_points
from ops.test_hard_points import test_value_and_gradients
from specs import OPS, SPECS, Case, cases

import minidl as md
from mutants import sources

Check = Callable[[], None]
DRAWS = 150
# of draws among which every fault shows, and no two numbers tie
SEED = 0x533B6EAB19CCDF4A30A72BC7DE2C53F9B7BB9C2683EC0AE20E8638B24D873131F130CB2FAF3F41A9E78C25AE645B4608
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
OF_KERNELS = [test_ops.test_memory_and_dtype, test_ops.test_only_what_is_needed_is_computed]
POINTS = [
    test_ops.test_ties,
    test_ops.test_an_infinite_gradient_stays_where_it_is,
    test_points.test_corners,
    test_points.test_extremes_of_all_give_their_gradient_to_what_is_equal_or_nan,
    test_points.test_hardswish_beyond_its_bends,
    test_points.test_normalisation_by_its_reference,
    test_points.test_normalisation_far_from_zero,
    test_points.test_normalisation_of_a_batch_that_drifts,
    test_points.test_normalisation_of_many_short_rows,
    test_points.test_normalisation_and_its_gradients_far_from_zero,
    test_points.test_a_kernel_leaves_out_what_is_not_needed,
    test_points.test_a_maximum_of_zero_passes_its_gradient_unless_relu_is_asked_for,
    test_points.test_max_pool_tells_the_places_of_maxima,
    test_winograd.test_pooling_gives_the_gradient_to_the_first_maximum,
    *[partial(test_elementwise.test_order_in_memory_and_what_is_kept, name) for name in test_elementwise.NAMES],
    *[partial(test_elementwise.test_corners, name) for name in test_elementwise.NAMES],
    test_engine_steps.test_a_hook_sees_a_tensor_and_its_result_goes_on,
]
POINTS += [partial(test_value_and_gradients, point, "float64", 1e-12) for point in test_hard_points.POINTS]
OF_ONE_KERNEL = {
    "NormalizeChannels": [test_points.test_moments_of_what_is_far_from_zero],
    "Columns": [
        test_convolution.test_of_equal_places_the_first_is_chosen_and_an_infinite_gradient_stays_there,
        test_convolution.test_what_is_not_needed_is_left_out,
        test_convolution.test_nan_is_largest,
    ],
    "Winograd": [
        test_winograd.test_only_what_is_needed_is_computed,
        test_winograd.test_results_fill_their_tiles_or_do_not,
    ],
    "Depthwise": [test_depthwise.test_what_is_not_needed_is_left_out],
    "NormalizeRows": [
        test_rows.test_a_bias_alone_tells_the_groups,
        test_rows.test_far_from_zero,
        test_rows.test_what_is_not_needed_is_left_out,
    ],
}


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


def promised(name: str, some: list[Case], tests: list[Any] = PROMISES) -> list[Check]:
    """Every property test that walks over an op, on some cases."""
    walking = [test for test in tests if name in test.pytestmark[0].args[1]]
    return [partial(test.hypothesis.inner_test, name, Drawn(case)) for test in walking for case in some]


def compared(name: str, some: list[Case]) -> list[Check]:
    """The value and all gradients that a kernel gives are the reference's: what `md.gradcheck` asks, in little time."""
    with md.no_fusion():
        right = [test_ops.gradients(name, case) for case in some]
    sizes = sources.FEW, sources.MANY
    return [partial(as_before, name, *z, size) for z in zip(some, right, strict=True) for size in sizes]


def as_before(name: str, case: Case, right: tuple[Any, ...], elements: int) -> None:
    with sources.chunked(elements):
        test_ops.same(test_ops.gradients(name, case), right, 1e-11)


def pointed(name: str, kernel: str = "") -> list[Check]:
    """The tests of single points that an op has a part in: they fail where it has no derivatives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OPS[name], "pull", None)
        patch.setattr(OPS[name], "serving", None, raising=False)
        return OF_ONE_KERNEL.get(kernel, []) + [check for check in POINTS if not passes(check)]


def passes(check: Check) -> bool:
    try:
        check()
    except (Exception, pytest.fail.Exception):
        return False
    return True


@cache
def examples(name: str) -> list[Case]:
    """Cases of an op, some for each kernel, all different: as hypothesis draws them, always the same."""
    found: dict[str, Case] = {}

    @seed(SEED)  # which does not change with the source here, as hypothesis's own would
    @settings(
        max_examples=DRAWS * max(1, len(sources.kernels(OPS[name]))),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(SPECS[name]))
    def collect(case):
        found[str(([a if a is None else a.shape for a in case.arrays], case.options))] = case

    collect()
    return list(found.values())


def divided(drawn: list[Case], few: int = 16) -> tuple[list[Case], list[Case]]:
    """A few cases, as different as can be, and the others."""
    step = -(-len(drawn) // few)
    return drawn[::step], [case for i, case in enumerate(drawn) if i % step]
