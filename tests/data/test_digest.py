"""Digests recognise data in another process, whatever they are stored as."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import deltarule as dr
from deltarule.data.digest import digest_of

_ANOTHER = """
import numpy as np, deltarule as dr
from deltarule.data.digest import digest_of
from tests.data.test_digest import samples
print(digest_of(samples()))
"""


def samples():
    """Labels that are objects, as pandas has strings, and columns apart from each other."""
    labels = np.array([f"label {sample % 3}" for sample in range(12)], object)
    return dr.Dataset(train=(np.arange(60.0).reshape(12, 5)[:, ::2], labels))


def test_another_process_finds_the_same_digest_of_labels_that_are_objects():
    found = subprocess.run([sys.executable, "-c", _ANOTHER], capture_output=True, text=True, check=True).stdout
    assert found.strip() == digest_of(samples())


@pytest.mark.parametrize("kind", ["u1", "f4", "f8", ">f4", "?"])
def test_a_digest_depends_on_the_values_and_not_on_how_they_lie(kind):
    x, y = np.arange(24).reshape(8, 3).astype(kind), np.arange(8) % 2
    one = digest_of(dr.Dataset(train=(x, y)))
    assert digest_of(dr.Dataset(train=(np.asfortranarray(x), y))) == one
    x[-1, -1] = 0
    assert digest_of(dr.Dataset(train=(x, y))) != one
