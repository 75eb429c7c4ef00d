"""Random recipes, interruptions and refused memory under guard pages; `scripts/guard` does more of the same."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.guarded import built

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def guards(tmp_path_factory):
    folder = built(tmp_path_factory.mktemp("guard")) if sys.platform == "linux" else None
    if folder is None:
        pytest.skip("there is no C compiler, or no headers of Python and NumPy, to build the guarded allocator with")
    return str(folder)


@pytest.mark.parametrize(
    "kind, count, said",
    [("recipes", 25, "trained"), ("interruptions", 4, "ended"), ("refusals", 0, "OutOfMemory")],
)
def test_under_guard_pages(guards, kind, count, said):
    command = [sys.executable, "-m", "tests.faults.guarded", "--child", "--folder", guards, "--seed", "1"]
    command += ["--kind", kind, str(count), "--stride", "19", "--front", "0"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{done.stdout[-200:]}{done.stderr[-2000:]}"
    assert done.stdout.count(said) > 0.7 * count
    assert done.stdout.count("late") == 0
