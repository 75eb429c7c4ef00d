"""Attacks on the cache of compiled code: a file that is not what was stored is not used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.faults.attacks import Attack

from deltarule.errors import DeltaruleError
from deltarule.native import cache

NAME, CODE = "0" * 64, bytes(range(256)) * 4


def read(path: Path) -> bytes:
    """Return the code in a file; raise an error where the cache would compile it again."""
    code = cache._checked(path)
    if code is None:
        raise DeltaruleError("code that was stored", str(path))
    return code


sound = cache._digest(NAME, CODE) + CODE


def attacks() -> Iterator[Attack]:
    """All files."""
    half = len(sound) // 2
    yield Attack("cache", "empty", b"")
    yield Attack("cache", "code without a hash", b"\x7fELF" + bytes(400))
    yield Attack("cache", "a pickle", b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    yield Attack("cache", "the half of a file", sound[:half])
    yield Attack("cache", "a byte more", sound + b"\0")
    yield Attack("cache", "a bit of the code", sound[:-3] + bytes([sound[-3] ^ 1]) + sound[-2:])
    yield Attack("cache", "a bit of the hash", bytes([sound[0] ^ 1]) + sound[1:])
    yield Attack("cache", "zeros", bytes(len(sound)))
