"""Where compiled code is kept: only in a folder of this user's own, renewed when a source changes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import deltarule

PROGRAM = """
import deltarule as dr
run = dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("iris"))
from deltarule.engines.compiled.cache import cache_folder
from deltarule.engines.compiled.processor import _ADDRESSED
print(cache_folder(), sum(function.cache_hits for function in _ADDRESSED), run.model.theta.sum())
"""
PACKAGE = Path(deltarule.__file__).parent


def run(environment=None, source=PACKAGE.parent):
    """The folder, whether the loop came out of it, and a figure of the run."""
    full = {**os.environ, "PYTHONPATH": str(source), **(environment or {})}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=full, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder, hits, total = done.stdout.split()
    return folder, int(hits), total


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A copy of the package, and a cache that it has filled."""
    root = tmp_path_factory.mktemp("warm")
    shutil.copytree(PACKAGE, root / "source" / "deltarule", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {"DELTARULE_CACHE": str(root / "cache")}
    first = run(environment, root / "source")
    return root, environment, first


def test_the_second_process_finds_what_the_first_compiled(warm):
    root, environment, first = warm
    assert first[1] == 0
    again = run(environment, root / "source")
    assert again[1] > 0
    assert again[0::2] == first[0::2]
    folder = Path(first[0])
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_edited_tile_is_compiled_anew(warm):
    root, environment, first = warm
    edited = root / "edited"
    shutil.copytree(root / "source", edited)
    tiles = edited / "deltarule" / "engines" / "compiled" / "tiles.py"
    tiles.write_text(tiles.read_text() + "\n# edited\n")
    assert run(environment, edited)[0] != first[0]


def test_a_folder_that_others_may_write_to_is_not_trusted(warm):
    root, environment, first = warm
    Path(first[0]).chmod(0o777)
    try:
        assert run(environment, root / "source")[:2] == ("None", 0)
    finally:
        Path(first[0]).chmod(0o700)


def test_without_a_place_to_write_everything_is_compiled_in_memory(tmp_path):
    """A home and a cache that cannot be made: their parent is a file."""
    wall = tmp_path / "file"
    wall.write_text("")
    nowhere = {"HOME": str(wall / "home"), "XDG_CACHE_HOME": str(wall / "cache"), "NUMBA_CACHE_DIR": ""}
    assert run(nowhere)[:2] == ("None", 0)


def test_an_installation_that_cannot_be_written_to(warm):
    root, environment, _ = warm
    source = root / "source"
    for path in [source, *source.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert run(environment, source)[1] > 0
    finally:
        for path in [source, *source.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
