"""Schedules and averages with each of their arguments off the default."""

from arguments import check, table


@table("optim.lr_scheduler", "optim.swa_utils")
def test_arguments(call):
    check(call)
