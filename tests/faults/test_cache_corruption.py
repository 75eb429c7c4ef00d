"""Each file of a cache of compiled code, damaged in each way: it is recognised, and training ends as without it."""

import os
import random
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

import deltarule as dr
from deltarule.native import cache

PROGRAM = """
import hashlib, deltarule as dr
run = dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("iris"))
print(hashlib.sha256(run.model.theta.tobytes()).hexdigest())
"""


def in_process(folder):
    """The program in a process of its own, with a folder for compiled code."""
    environment = {**os.environ, "DELTARULE_CACHE": str(folder), "PYTHONPATH": str(Path(dr.__file__).parents[1])}
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def loaded_script():
    path = Path(__file__).parents[2] / "scripts" / "corrupt-cache"
    loader = SourceFileLoader("corrupt_cache", str(path))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache with the code of one training, and its result."""
    root = tmp_path_factory.mktemp("filled")
    result, _ = in_process(root)
    return root, result


def test_every_file_damaged_in_every_way_is_recognised(filled, tmp_path):
    root, _ = filled
    script, chance = loaded_script(), random.Random(0)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    sound = {path: path.read_bytes() for path in files}
    assert len(files) > 10
    for path in files:
        assert cache._checked(path) == sound[path][32:]
        for way in script.WAYS:
            other = sound[chance.choice([found for found in files if sound[found] != sound[path]])]
            path.write_bytes(way(sound[path], other, chance))
            assert cache._checked(path) is None, way
        path.unlink()
        path.mkdir()
        assert cache._checked(path) is None
        path.rmdir()
        path.write_bytes(sound[path])


def test_every_bit_counts(tmp_path):
    path = tmp_path / "name"
    content = cache._digest(path.name, b"code") + b"code"
    path.touch(mode=0o600)
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert cache._checked(path) is None
    path.write_bytes(content)
    assert cache._checked(path) == b"code"


def test_training_with_a_damaged_cache_ends_as_without(filled, tmp_path):
    root, wanted = filled
    script, chance = loaded_script(), random.Random(0)
    damaged = shutil.copytree(root, tmp_path / "cache")
    files = sorted(path for path in damaged.rglob("*") if path.is_file())
    sound = [path.read_bytes() for path in files]
    for place, path in enumerate(files):
        way = script.WAYS[place % len(script.WAYS)]
        path.write_bytes(way(sound[place], sound[place - 1], chance))

    for repaired in (False, True):
        result, said = in_process(damaged)
        assert result == wanted
        assert ("is damaged and is compiled again" not in said) == repaired
