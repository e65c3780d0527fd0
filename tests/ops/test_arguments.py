"""Every function of tensors, and every method, with each of its arguments off the default."""

from arguments import check, table


@table("", "Tensor")
def test_arguments(call):
    check(call)
