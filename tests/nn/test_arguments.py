"""Every layer with each of its arguments off the default."""

from arguments import check, table


@table("nn", "nn.init", "nn.utils", "nn.Module")
def test_arguments(call):
    check(call)
