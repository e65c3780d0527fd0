"""Every network with each of its constructor's arguments off the default."""

from arguments import check, table


@table("models")
def test_arguments(call):
    check(call)
