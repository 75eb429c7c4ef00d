"""Bringing the files of a public set into the cache: checked, resumed, from the first mirror that has them."""

from __future__ import annotations

import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from deltarule.data.sources import DatasetSource, SourceFile
from deltarule.errors import DataFileError

__all__ = ["DownloadProgress", "cache_folder", "cached", "download"]

Report: TypeAlias = Callable[[str, int, int | None], None]
DownloadProgress: TypeAlias = bool | Report
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


def cached(source: DatasetSource) -> Path | None:
    """The folder in the cache that holds all files of the set, official to the byte, or None."""
    folder = cache_folder() / source.name
    return folder if all(file.matches(folder / file.name) for file in source.files) else None


def download(source: DatasetSource, progress: DownloadProgress = False) -> Path:
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


def _fetch(source: DatasetSource, file: SourceFile, target: Path, report: Report) -> None:
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
    interrupted: OSError | None = None
    with _claimed(target, url) as part:
        for _ in range(_ATTEMPTS):
            if file.matches(target) or _place(part, file, target):
                return
            before = _size(part)
            try:
                fresh = _receive(url, part, report)
            except OSError as error:
                # 416: the part is longer than the file, so it is none of it.
                if getattr(getattr(error, "response", None), "status_code", 0) == 416:
                    part.unlink(missing_ok=True)
                elif _size(part) <= before:
                    raise
                interrupted = error
                continue
            if _place(part, file, target):
                return
            size = _size(part)
            part.unlink(missing_ok=True)
            if fresh:  # one that was continued gets a second chance, from its start
                raise OSError(f"a file of {size:,} bytes with a wrong checksum")
    raise interrupted or OSError(f"a wrong checksum, {_ATTEMPTS} times")


@contextmanager
def _claimed(target: Path, url: str) -> Iterator[Path]:
    """A path for the part that no other process writes to, holding what an earlier attempt left, if any.

    Renaming is atomic, so of several processes one continues the partial file and the others start from the beginning.
    """
    # Mirrors may have compressed the same content differently, so each has a separate partial file.
    stem = f"{target.name}.{zlib.crc32(url.encode()):08x}"
    left, part = target.with_name(f"{stem}.part"), target.with_name(f"{stem}.{uuid.uuid4().hex}.part")
    for candidate in (left, *sorted(target.parent.glob(f"{stem}.*.part"))):
        with suppress(OSError):
            # A download that lives writes more often than this, or has given up: this one was killed.
            if candidate == left or time.time() - candidate.stat().st_mtime > 3 * _SECONDS:
                candidate.rename(part)
                break
    try:
        yield part
    finally:
        with suppress(OSError):
            part.replace(left)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _place(part: Path, file: SourceFile, target: Path) -> bool:
    """Move the part to its place if it is the official file."""
    # A process that was assumed dead may still write to the part, but not to its copy.
    copy = target.with_name(f"{target.name}.{uuid.uuid4().hex}.whole")
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


def _receive(url: str, part: Path, report: Report) -> bool:
    """Append the missing bytes to the partial file; return whether the server sent the file from its start."""
    import pooch

    with part.open("ab") as stream:
        receiver = _Receiver(stream, url.rpartition("/")[2], report)
        headers = {"Accept-Encoding": "identity"}  # or a server may send the file uncompressed
        if receiver.size:
            headers["Range"] = f"bytes={receiver.size}-"
        fetch = pooch.HTTPDownloader(
            chunk_size=1 << 14, headers=headers, timeout=_SECONDS, hooks={"response": receiver.answered}
        )
        try:
            fetch(url, receiver, None)
        finally:
            receiver.close()
    if receiver.total is not None and receiver.size < receiver.total:
        raise OSError(f"the connection ended after {receiver.size:,} of {receiver.total:,} bytes")
    return receiver.fresh


class _Receiver:
    """A file open for appending with the number of bytes that are still missing."""

    def __init__(self, stream: BinaryIO, name: str, report: Report) -> None:
        self.stream, self.name, self.report = stream, name, report
        self.size = stream.seek(0, os.SEEK_END)
        self.fresh = not self.size
        self.response: Any = None
        self.total: int | None = None

    def answered(self, response: Any, *_: object, **__: object) -> None:
        """Check the response before its body is read: whether it continues the partial file."""
        self.close()
        self.response = response
        if response.status_code == 200:
            self.stream.truncate(0)
            self.size, self.fresh = 0, True
        elif response.status_code == 206:
            came = response.headers.get("content-range", "")
            if not came.startswith(f"bytes {self.size}-"):
                raise OSError(f"expected bytes from {self.size}, got {came!r}")
        else:  # a redirection, or an error that is raised elsewhere
            return
        length = response.headers.get("content-length", "")
        if length.isdecimal() and "content-encoding" not in response.headers:
            self.total = self.size + int(length)

    def write(self, chunk: bytes) -> None:
        if self.size + len(chunk) > _LARGEST:
            raise OSError(f"more than {_LARGEST:,} bytes came")
        self.stream.write(chunk)
        self.size += len(chunk)
        self.report(self.name, self.size, self.total)

    def flush(self) -> None:
        self.stream.flush()

    def close(self) -> None:
        """End the connection, which pooch leaves open where it is interrupted."""
        if self.response is not None:
            self.response.close()


def _by_hand(source: DatasetSource) -> str:
    files = ", ".join(file.name for file in source.files)
    return (
        f"place {files} (from {source.mirrors[0]}) in a folder and "
        f"load_dataset({source.name!r}, data_dir=folder), or name it in DELTARULE_DATA"
    )


@contextmanager
def _reporting(progress: DownloadProgress) -> Iterator[Report]:
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
