"""Machine code that was compiled once, kept for the next process: only the first run on a machine pays.

The folder belongs to this user alone (mode 0700), for code found there is run. It is named by the sources that the code
was made from and by the compilers' versions, so an edited file is never met by an older one's code. Where no such
folder can be had, everything is compiled in memory.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import llvmlite
import numba
from platformdirs import user_cache_path

__all__ = ["cache_folder", "remembered"]

_PACKAGE = Path(__file__).parents[2]
_SOURCES = ("engines/compiled/*.py", "formulas/random.py", "recipes/stopping.py")


@functools.cache
def cache_folder() -> Path | None:
    """The folder for compiled code, or None where there is none to be trusted.

    `DELTARULE_CACHE` names another place than the user's cache; the empty string asks for none.
    """
    named = os.environ.get("DELTARULE_CACHE")
    if named == "":
        return None
    try:
        root = Path(named) if named else user_cache_path("deltarule")
        folder = root / f"engine-{_fingerprint()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        return folder if _is_ours_alone(folder) else None
    except (OSError, RuntimeError):
        return None


def remembered(key: str, make: Callable[[], bytes]) -> bytes:
    """What `make` makes, from the folder if it was made before under this key."""
    folder = cache_folder()
    if folder is None:
        return make()
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.o"
    try:
        return path.read_bytes()
    except OSError:
        made = make()
        _write(path, made)
        return made


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; a full disk only costs the next process its time."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as beside:
            beside.write(content)
        Path(beside.name).replace(path)
    except OSError:
        return


def _fingerprint() -> str:
    """A hash of the sources and of whatever compiles them."""
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {platform.python_version()}".encode())
    for pattern in _SOURCES:
        for source in sorted(_PACKAGE.glob(pattern)):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _is_ours_alone(folder: Path) -> bool:
    """Whether nobody else may write into the folder. Where there are no user numbers, the user's cache is trusted."""
    if not hasattr(os, "getuid"):
        return True
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
