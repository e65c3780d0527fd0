"""Every function with each of its arguments off the default."""

from arguments import check, table


@table("functional")
def test_arguments(call):
    check(call)
