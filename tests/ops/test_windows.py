"""`Tensor.unfold`: windows on the same memory, and what of them is refused."""

import pytest

import minidl as md


def test_windows_are_views():
    x = md.arange(6.0)
    apart, together = x.unfold(0, 2, 2), x.unfold(0, 3, 1)
    x[2] = 9
    assert apart.tolist() == [[0, 1], [9, 3], [4, 5]] and together[1].tolist() == [1, 9, 3]
    apart[0] = 7
    assert x.tolist() == [7, 7, 9, 3, 4, 5]


def test_patches_of_images():
    images = md.arange(2.0 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    patches = images.unfold(2, 2, 2).unfold(3, 3, 3)
    assert patches.shape == (2, 3, 2, 2, 2, 3) and md.equal(patches[1, 2, 1, 0], images[1, 2, 2:, :3])


REFUSALS = {
    "too wide": (lambda x: x.unfold(0, 5, 1), ValueError, "unfold: no windows of 5, one every 1, fit into dim 0 of 4"),
    "negative": (lambda x: x.unfold(0, -1, 1), ValueError, "unfold: no windows of -1"),
    "no step": (lambda x: x.unfold(0, 2, 0), ValueError, "unfold: no windows of 2, one every 0"),
    "a scalar": (lambda x: x[0].unfold(0, 1, 1), ValueError, "unfold: no windows .* of a scalar"),
    "a dim": (lambda x: x.unfold(1, 1, 1), IndexError, "unfold: dim 1 is out of range"),
    "a write into windows that overlap": (lambda x: x.unfold(0, 2, 1).zero_(), RuntimeError, "several of its elements"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case):
    call, kind, said = REFUSALS[case]
    with pytest.raises(kind, match=said):
        call(md.arange(4.0))
