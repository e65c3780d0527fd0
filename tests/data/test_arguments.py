"""Every transform and each of its functions with each argument off the default."""

from arguments import check, table


@table("data.transforms", "data.transforms.functional")
def test_arguments(call):
    check(call)
