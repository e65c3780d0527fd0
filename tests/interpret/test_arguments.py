"""Every function of `minidl.interpret` with each of its arguments off the default."""

from arguments import check, table


@table("interpret")
def test_arguments(call):
    check(call)
