"""Programs that write in place give PyTorch's results and gradients."""

import numpy as np
import pytest
from engine.test_inplace import PROGRAMS, outcome

import minidl as md

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_that_write(program):
    (ours, gradient), (theirs, expected) = outcome(md, program), outcome(torch, program)
    for y, z in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-13)
