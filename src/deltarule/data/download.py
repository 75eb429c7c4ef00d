"""Bringing the files of a public set into the cache: checked, resumed, from the first mirror that has them."""

from __future__ import annotations

import os
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from deltarule.data.sources import Source, SourceFile
from deltarule.errors import DataFileError

__all__ = ["Progress", "cache_folder", "cached", "download"]

Report: TypeAlias = Callable[[str, int, int | None], None]
Progress: TypeAlias = bool | Report
"""True for a bar in the terminal, or a function of the file's name, the bytes received and all bytes (or None)."""

_LARGEST = 1 << 28  # bytes after which a mirror cannot be sending one of these files
_ATTEMPTS = 4
_SECONDS = 20.0  # of silence until a mirror counts as down


def cache_folder() -> Path:
    """The folder that keeps downloaded sets, one folder for each, at the system's place for caches.

    >>> cache_folder().name
    'data'
    """
    import pooch

    return Path(pooch.os_cache("deltarule")) / "data"


def cached(source: Source) -> Path | None:
    """The folder in the cache that holds all files of the set, official to the byte, or None."""
    folder = cache_folder() / source.name
    return folder if all(file.matches(folder / file.name) for file in source.files) else None


def download(source: Source, progress: Progress = False) -> Path:
    """The folder in the cache with all files of the set; those that are missing or damaged are downloaded.

    What an interrupted download left is continued. A file takes its place only when its checksum is right.
    Raises DataFileError, saying how to place the files by hand, where no mirror gives a file or none can be kept.
    """
    folder = cache_folder() / source.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFileError(f"a cache folder {folder}", str(error), _by_hand(source)) from error
    with _reporting(progress) as report:
        for file in source.files:
            _fetch(source, file, folder / file.name, report)
    return folder


def _fetch(source: Source, file: SourceFile, target: Path, report: Report) -> None:
    failures = []
    for mirror in source.mirrors:
        url = mirror + file.name
        try:
            _from_mirror(url, file, target, report)
        except OSError as error:
            reason = str(getattr(error, "strerror", None) or error).splitlines()[0][:200]
            failures.append(f"{url}: {reason}")
        else:
            return
    raise DataFileError(f"{file.name} of {source.name!r}", "; ".join(failures), _by_hand(source))


def _from_mirror(url: str, file: SourceFile, target: Path, report: Report) -> None:
    """Receive one file; OSError where this mirror does not give the right one."""
    # Mirrors may have compressed the same content differently, so each has a part of its own.
    part = target.with_name(f"{target.name}.{zlib.crc32(url.encode()):08x}.part")
    interrupted: OSError | None = None
    for _ in range(_ATTEMPTS):
        if file.matches(target) or _place(part, file, target):
            return
        before = part.stat().st_size if part.exists() else 0
        try:
            received = _receive(url, part, report)
        except OSError as error:
            # 416: the part is longer than the file, so it is none of it.
            if getattr(getattr(error, "response", None), "status_code", 0) == 416:
                part.unlink(missing_ok=True)
            elif not part.exists() or part.stat().st_size <= before:
                raise
            interrupted = error
            continue
        if _place(part, file, target):
            return
        alone = part.exists() and part.stat().st_size == received
        with suppress(OSError):
            part.unlink(missing_ok=True)
        # A part that was continued, or that another process wrote to as well, gets a second chance.
        if alone:
            raise OSError(f"a file of {received:,} bytes with a wrong checksum")
    raise interrupted or OSError(f"a wrong checksum, {_ATTEMPTS} times")


def _place(part: Path, file: SourceFile, target: Path) -> bool:
    """Move the part to its place if it is the official file; a copy is checked, since others may write to the part."""
    copy = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.whole")
    try:
        shutil.copyfile(part, copy)
        if not file.matches(copy):
            return False
        copy.replace(target)
        part.unlink(missing_ok=True)
    except FileNotFoundError:
        return False
    finally:
        copy.unlink(missing_ok=True)
    return True


def _receive(url: str, part: Path, report: Report) -> int:
    """Append to the part what is missing of the file; the number of bytes received now."""
    import pooch

    with part.open("ab") as stream:
        receiver = _Receiver(stream, url.rpartition("/")[2], report)
        headers = {"Accept-Encoding": "identity"}  # or a server may send the file uncompressed
        if receiver.size:
            headers["Range"] = f"bytes={receiver.size}-"
        fetch = pooch.HTTPDownloader(
            chunk_size=1 << 16, headers=headers, timeout=_SECONDS, hooks={"response": receiver.answered}
        )
        fetch(url, receiver, None)
    if receiver.total is not None and receiver.size < receiver.total:
        raise OSError(f"the connection ended after {receiver.size:,} of {receiver.total:,} bytes")
    return receiver.received


class _Receiver:
    """A file open for appending that knows how much is still to come."""

    def __init__(self, stream: BinaryIO, name: str, report: Report) -> None:
        self.stream, self.name, self.report = stream, name, report
        self.size = stream.seek(0, os.SEEK_END)
        self.received = 0
        self.total: int | None = None

    def answered(self, response: Any, *_: object, **__: object) -> None:  # noqa: ANN401 - requests has no types
        """Look at the answer before its bytes come: does it continue where we are?"""
        if response.status_code == 200:
            self.stream.truncate(0)
            self.size = 0
        elif response.status_code == 206:
            came = response.headers.get("content-range", "")
            if not came.startswith(f"bytes {self.size}-"):
                raise OSError(f"bytes from {self.size} were asked for, {came!r} came")
        else:
            return
        length = response.headers.get("content-length", "")
        if length.isdecimal() and "content-encoding" not in response.headers:
            self.total = self.size + int(length)

    def write(self, chunk: bytes) -> None:
        if self.size + len(chunk) > _LARGEST:
            raise OSError(f"more than {_LARGEST:,} bytes came")
        self.stream.write(chunk)
        self.size += len(chunk)
        self.received += len(chunk)
        self.report(self.name, self.size, self.total)

    def flush(self) -> None:
        self.stream.flush()


def _by_hand(source: Source) -> str:
    files = ", ".join(file.name for file in source.files)
    return (
        f"place {files} (from {source.mirrors[0]}) in a folder and "
        f"load_dataset({source.name!r}, data_dir=folder), or name it in DELTARULE_DATA"
    )


@contextmanager
def _reporting(progress: Progress) -> Iterator[Report]:
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda _name, _received, _total: None
    else:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Bars(*columns, console=Console(stderr=True)) as bars:
            rows = {}

            def show(name: str, received: int, total: int | None) -> None:
                if name not in rows:
                    rows[name] = bars.add_task(name, total=total)
                bars.update(rows[name], completed=received, total=total)

            yield show
