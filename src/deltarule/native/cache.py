"""Machine code that was compiled once, kept for the next process: only the first run on a machine compiles.

Code found there is run, so it is checked twice. Only this user and root can write to the folder or replace a
folder on the way to it. Each file begins with a hash of its key and of its content, which is compared before anything
else reads the content; a damaged, stale or foreign file is compiled anew. Where there is no such folder, or where it
cannot be written to, code is compiled in memory. Each of these is logged once, as a warning of the logger `deltarule`.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import platform
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import llvmlite
import numpy as np
from platformdirs import user_cache_path

__all__ = ["SOURCES", "cache_folder", "cache_folder_or_reason", "fingerprint", "load_code", "store_code"]

PACKAGE = Path(__file__).parents[1]
SOURCES = ("*.py", "data/*.py", "engines/**/*.py", "formulas/**/*.py", "native/*.py", "recipes/**/*.py")
"""Every source that compiled code may come from: functions and constants of any of them may be compiled in."""

_LONGEST = 1 << 28  # bytes of a file that is read; the longest today are a quarter of a megabyte
_OTHERS_WRITE = 0o022 if hasattr(os, "geteuid") else 0  # elsewhere, the user's cache is trusted
_DIGEST_BYTES = hashlib.sha256().digest_size
_warn_once = functools.cache(logging.getLogger("deltarule").warning)


@functools.cache
def cache_folder() -> Path | None:
    """Return the folder for compiled code, or None where there is none to be trusted.

    `DELTARULE_CACHE` names another place than the user's cache; the empty string asks for none.
    """
    folder, reason = cache_folder_or_reason()
    if folder is None and os.environ.get("DELTARULE_CACHE") != "":
        _warn_once(
            "No cache of compiled code is used, so each process compiles its own: %s. "
            "Try: DELTARULE_CACHE=FOLDER, where only you can write to FOLDER and to those above it.",
            reason,
        )
    return folder


def cache_folder_or_reason() -> tuple[Path | None, str]:
    """Return the folder for compiled code, or None and the reason why there is none."""
    named = os.environ.get("DELTARULE_CACHE")
    if named == "":
        return None, "DELTARULE_CACHE is empty"
    try:
        root = Path(named) if named else user_cache_path("deltarule")
        folder = root.absolute() / f"engine-{fingerprint(PACKAGE)}"
        _make_private(folder)
        exposed = _exposure(folder)
    except (OSError, RuntimeError) as error:
        exposed = str(error)
    return (folder, "") if exposed is None else (None, exposed)


def load_code(key: str) -> bytes | None:
    """Return what was stored under this key, or None if nothing was or if it is not what was stored."""
    folder = cache_folder()
    if folder is None:
        return None
    return _checked(folder / _file_name(folder, key))


def _checked(path: Path) -> bytes | None:
    """Return the code in a file, or None if there is none or if a hash says that it is not what was stored."""
    try:
        status = path.lstat()
        trusted = not _foreign(status) and not status.st_mode & _OTHERS_WRITE
        if stat.S_ISREG(status.st_mode) and trusted and status.st_size <= _LONGEST:
            content = path.read_bytes()
            if content[:_DIGEST_BYTES] == _digest(path.name, content[_DIGEST_BYTES:]):
                return content[_DIGEST_BYTES:]
    except FileNotFoundError:
        return None
    except OSError as error:
        _warn_once("Compiled code cannot be read and is compiled anew: %s.", error)
        return None
    _warn_once("Compiled code in %s is damaged and is compiled anew.", path)
    return None


def store_code(key: str, code: bytes) -> None:
    """Write a file whole or not at all; on a full disk the next process compiles again."""
    folder = cache_folder()
    if folder is None:
        return
    path, beside = folder / _file_name(folder, key), None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:  # readable by its owner only
            beside = Path(file.name)
            file.write(_digest(path.name, code) + code)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        reason = error.strerror
        _warn_once("Compiled code cannot be kept in %s, so each process compiles its own: %s.", folder, reason)
    finally:
        if beside is not None:
            with suppress(OSError):
                beside.unlink(missing_ok=True)


def fingerprint(package: Path) -> str:
    """Return a hash of the sources below `package` and of whatever compiles them."""
    versions = [llvmlite.__version__, np.__version__, platform.python_version()]
    digest = hashlib.sha256(" ".join(versions).encode())
    for source in sorted({source for pattern in SOURCES for source in package.glob(pattern)}):
        content = source.read_bytes()
        digest.update(f"\n{source.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _file_name(folder: Path, key: str) -> str:
    return hashlib.sha256(f"{folder.name}\n{key}".encode()).hexdigest()


def _digest(name: str, code: bytes) -> bytes:
    """The name is a hash of the key, so that a file copied over another's name is recognised."""
    return hashlib.sha256(name.encode() + code).digest()


def _make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing, for this user alone whatever the umask."""
    if not folder.is_dir():
        _make_private(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)


def _exposure(folder: Path) -> str | None:
    """Return how another user could replace `folder` or what is in it, or None if none can.

    Each folder on the way is looked at, and for a symbolic link also each on the way to its target. In a folder with
    the sticky bit, as /tmp, others may add entries but not replace them.
    """
    for place in (*reversed(folder.parents), folder):
        status = place.lstat()
        if _foreign(status):
            return f"{place} belongs to user {status.st_uid}"
        if stat.S_ISLNK(status.st_mode):
            if found := _exposure(place.parent / place.readlink()):
                return found
        elif status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
            return f"other users can write to {place}"
    return None


def _foreign(status: os.stat_result) -> bool:
    """Whether something belongs to neither this user nor root, who owns / (by another number in a user namespace)."""
    return hasattr(os, "geteuid") and status.st_uid not in {0, os.geteuid(), Path("/").stat().st_uid}
