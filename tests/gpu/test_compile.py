"""Every CUDA kernel is compiled for two generations of GPUs, and keeps what it works on in registers. No GPU is needed.

Skipped without ``pip install 'minidl[nvrtc]'``.
"""

import re
from itertools import product
from typing import NamedTuple

import pytest

from minidl.kernels.cuda.source import FOLDER, INTEGERS, OPTIONS, TYPES, entries, text

nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="pip install 'minidl[nvrtc]' brings CUDA's compiler")
pathfinder = pytest.importorskip("cuda.pathfinder")

NAMES = sorted(path.stem for path in FOLDER.glob("*.cu"))
ARCHITECTURES = ["sm_80", "sm_90"]
USED = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
    r".*?Used (\d+) registers",
    re.DOTALL,
)  # what the assembler says of each kernel


class Use(NamedTuple):
    """The registers of a thread, and the bytes of slow local memory: those of arrays, and those of spilt registers."""

    registers: int
    stack: int
    stores: int
    loads: int


def done(answer):
    """What a function of NVRTC's gives, after its status."""
    status, *results = answer
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, status
    return results[0] if results else None


def compiled(source, kernels, architecture, *options):
    """What each kernel uses; `kernels` are expressions that stand for one each.

    Raises AssertionError, with all that the compiler says, if it finds an error or warns.
    """
    include = pathfinder.find_nvidia_header_directory("cudart")
    program = done(nvrtc.nvrtcCreateProgram(source.encode(), b"kernels.cu", 0, None, None))
    try:
        for kernel in kernels:
            done(nvrtc.nvrtcAddNameExpression(program, kernel.encode()))
        options = (f"-arch={architecture}", f"-I{include}", "--ptxas-options=-v", *options)
        (status,) = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
        log = bytearray(done(nvrtc.nvrtcGetProgramLogSize(program)))
        done(nvrtc.nvrtcGetProgramLog(program, log))
        said = bytes(log).rstrip(b"\0").decode()
        assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS and "warning" not in said, said
        uses = {name: Use(*map(int, (registers, *rest))) for name, *rest, registers in USED.findall(said)}
        return {kernel: uses[done(nvrtc.nvrtcGetLoweredName(program, kernel.encode())).decode()] for kernel in kernels}
    finally:
        done(nvrtc.nvrtcDestroyProgram(program))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name, dtype", [*product(NAMES, TYPES), *product(["extremes", "scatter"], INTEGERS)])
def test_every_kernel_compiles_and_spills_nothing(name, dtype, architecture):
    uses = compiled(text(name), entries(name, dtype).values(), architecture, *OPTIONS)
    spilling = [kernel for kernel, use in uses.items() if use.stack or use.stores or use.loads]
    assert not spilling, "\n".join(f"{kernel}: {use}" for kernel, use in uses.items())


def test_every_kernel_is_found():
    """A kernel whose head is written in another way would be compiled by nobody."""
    for path in FOLDER.glob("*.cu"):
        assert path.read_text("utf-8").count("__global__") == len(entries(path.stem, "float32")) > 0


# --- the check itself -------------------------------------------------------------------------------------------------

SUMS = """
__global__ void sums(float* x) {
  float kept[100], sum = 0;
  for (int i = 0; i < 100; i++) kept[i] = x[i];
  __syncthreads();
  for (int i = 99; i >= 0; i--) x[i] = sum += kept[i];
}
"""


def used(*options, old="", new=""):
    """What SUMS uses, with a change in it."""
    return compiled(SUMS.replace(old, new), ["sums"], "sm_80", *options)["sums"]


def test_spilt_registers_are_seen():
    roomy, narrow = used(), used("--maxrregcount=32")
    assert roomy.registers > 100 and roomy[1:] == (0, 0, 0)
    assert narrow.registers == 32 and narrow.stack and narrow.stores and narrow.loads


def test_an_array_out_of_registers_is_seen():
    use = used(old="kept[i];\n}", new="kept[(int)x[i]];\n}")
    assert use.stack and not use.stores


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("sum +=", "total +=", 'identifier "total" is undefined'),
        ("sum = 0", "sum = 0, rest", 'variable "rest" was declared but never referenced'),
    ],
)
def test_errors_and_warnings_are_seen(old, new, says):
    with pytest.raises(AssertionError, match=says):
        used(old=old, new=new)
