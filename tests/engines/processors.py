"""Processors of other kinds whose code an x86 processor runs: tests repeated in a process that compiles for one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from deltarule.native.processor import processor

PROCESSORS = {
    "AVX-512 without bfloat16": ("rocketlake", "", 64, 32, True),
    "AVX2": ("haswell", "+avx2,+fma", 32, 16, True),
    "SSE2 without fused multiply-add": ("generic", "+sse2", 16, 16, False),
}
"""LLVM's name and features, and what follows: bytes of a vector, registers, whether multiply-adds are fused."""


def repeat(file, name, chosen):
    """Run the tests of a file whose names pytest's expression `chosen` selects, compiled for a processor."""
    if "avx2" not in processor().features:
        pytest.skip("forces features of x86 processors")
    cpu, features, vector_bytes, registers, fused = PROCESSORS[name]
    if vector_bytes > processor().vector_bytes:
        pytest.skip("this processor has no such vectors")
    script = (
        "from deltarule.native.processor import processor; p = processor();"
        f"assert (p.vector_bytes, p.registers, p.fused) == ({vector_bytes}, {registers}, {fused}), p;"
        "assert not p.bfloat16, p;"
        "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
    )
    environment = os.environ | {"DELTARULE_CPU": cpu, "DELTARULE_CPU_FEATURES": features}
    command = [sys.executable, "-c", script, "-q", "-n", "0", "-p", "no:cacheprovider", "-k", chosen, file]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
