"""IDX files: the format of MNIST and its relatives.

Two zero bytes, a type, the number of dimensions, each dimension as four bytes, then the values, all
with the highest byte first. What the header claims is believed only after the bytes have been counted.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.dataset import Dataset
from deltarule.data.limits import BYTES_AT_MOST
from deltarule.errors import DataError, DataFileError
from deltarule.regular_files import opened, reason

__all__ = ["IDX_NAMES", "find_idx_files", "md5_of_idx", "read_idx", "read_idx_folder"]

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
"""Images and labels to train on, images and labels to test with."""

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_DEFLATE = 1032  # bytes that one compressed byte can become at most
_CHUNK = 1 << 20
_DIMENSIONS = 8


def read_idx(path: str | PathLike[str]) -> Array:
    """The array in an IDX file, plain or compressed by gzip (by its first bytes), in the machine's byte order.

    Raises DataFileError, naming the file: missing, not IDX, cut short, bytes after the end, corrupt or
    exploding compression, a header that claims more than 4 GiB or more than the file could hold.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    11
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    return _stored(Path(path)).array


def md5_of_idx(path: str | PathLike[str]) -> str:
    """The MD5 of an IDX file's uncompressed bytes in hexadecimal digits; errors are those of `read_idx`."""
    return _stored(Path(path)).md5


@dataclass(frozen=True)
class _Stored:
    """What an IDX file has: its header's bytes, the type of the numbers after it, and these in native byte order."""

    header: bytes
    dtype: np.dtype[Any]
    array: Array

    @property
    def md5(self) -> str:
        made = hashlib.md5(self.header, usedforsecurity=False)
        made.update(self.array.astype(self.dtype, copy=False).reshape(-1).view(np.uint8).data)
        return made.hexdigest()


def _stored(path: Path) -> _Stored:
    try:
        with opened(path) as plain:
            size = os.fstat(plain.fileno()).st_size
            compressed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            if not compressed:
                return _read(plain, path, size)
            with gzip.GzipFile(fileobj=plain, mode="rb") as stream:
                return _read(cast("BinaryIO", stream), path, size * _DEFLATE)
    except EOFError as error:
        raise DataFileError(f"the whole of {path}", "a compressed file that is cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(f"a sound gzip file {path}", f"corrupt bytes ({error})") from error
    except (OSError, MemoryError) as error:
        raise DataFileError(f"a file that can be read, {path}", reason(error)) from error


def find_idx_files(folder: str | PathLike[str]) -> dict[str, Path]:
    """Those of the four files that the folder holds, by their names in `IDX_NAMES`.

    `train-images-idx3-ubyte` and `train-images.idx3-ubyte` are both usual, with or without `.gz`.

    >>> find_idx_files("no such folder")
    {}
    """
    found = {}
    for name in IDX_NAMES:
        variants = [spelling + end for spelling in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
        path = next((p for p in (Path(folder) / variant for variant in variants) if p.is_file()), None)
        if path is not None:
            found[name] = path
    return found


def read_idx_folder(folder: str | PathLike[str], name: str = "") -> Dataset:
    """The data set in a folder with the four files of MNIST: its training and test set, no validation set.

    x is (n, height, width) as stored, y (n,) the labels.
    Raises DataFileError: files missing (they are listed), unsound, or images and labels that differ in number.

    >>> read_idx_folder("no such folder")
    Traceback (most recent call last):
        ...
    deltarule.errors.DataFileError: Expected a folder of IDX files, got 'no such folder', which is no folder.
    """
    return _dataset(Path(folder), name)[0]


def read_idx_folder_and_md5(folder: str | PathLike[str], name: str = "") -> tuple[Dataset, dict[str, str]]:
    """As `read_idx_folder`, and the MD5 of the uncompressed bytes of each file, by its name in `IDX_NAMES`."""
    dataset, contents = _dataset(Path(folder), name)
    return dataset, {file: stored.md5 for file, stored in contents.items()}


def _dataset(folder: Path, name: str) -> tuple[Dataset, dict[str, _Stored]]:
    if not folder.is_dir():
        raise DataFileError("a folder of IDX files", f"{str(folder)!r}, which is no folder")
    paths = find_idx_files(folder)
    missing = [file for file in IDX_NAMES if file not in paths]
    if missing:
        had = "without " + ", ".join(missing) if paths else "with none of them"
        wanted = f"the files {', '.join(IDX_NAMES)} (with or without .gz) in {folder}"
        raise DataFileError(wanted, f"a folder {had}")
    contents = {file: _stored(path) for file, path in paths.items()}
    parts = []
    for images, labels in (IDX_NAMES[:2], IDX_NAMES[2:]):
        x, y = contents[images].array, contents[labels].array
        if y.ndim != 1 or y.dtype.kind not in "iu":
            raise DataFileError(f"labels in {paths[labels]}", f"{y.dtype} of shape {y.shape}")
        if len(x) != len(y):
            wanted = f"one label in {paths[labels].name} for each image in {paths[images].name} of {folder}"
            raise DataFileError(wanted, f"{len(x)} images and {len(y)} labels")
        parts.append((x, y))
    try:
        dataset = Dataset(parts[0], test=parts[1], name=name or folder.resolve().name, source=f"files in {folder}")
    except DataError as error:
        raise DataFileError(f"{error.expected}, in the files of {folder}", error.value, error.suggestion) from error
    return dataset, contents


def _read(stream: BinaryIO, path: Path, most: int) -> _Stored:
    """Read and check everything; `most` bytes are all that the file on the disk could possibly hold."""
    start = stream.read(4)
    dimensions = start[3] if len(start) == 4 else 0
    if start[:2] != b"\0\0"[: len(start)] or (len(start) == 4 and start[2] not in _TYPES):
        raise DataFileError(f"an IDX file {path}", f"a file that begins with {start.hex(' ')}")
    if len(start) == 4 and not 1 <= dimensions <= _DIMENSIONS:
        raise DataFileError(f"an IDX file of 1 to {_DIMENSIONS} dimensions, {path}", f"{dimensions}")
    lengths = stream.read(4 * dimensions)
    if len(start) < 4 or len(lengths) < 4 * dimensions:
        raise DataFileError(f"the header of an IDX file {path}", f"{len(start) + len(lengths)} bytes, cut short")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(_TYPES[start[2]])
    claimed = math.prod(shape) * dtype.itemsize
    if math.prod(length or 1 for length in shape) * dtype.itemsize > BYTES_AT_MOST:
        raise DataFileError(
            f"at most {BYTES_AT_MOST:,} bytes in {path}", f"a header that claims {claimed:,} (shape {shape})"
        )
    if claimed > most:
        came = f"a file that cannot hold them: cut short, or a header that is wrong (shape {shape})"
        raise DataFileError(f"the {claimed:,} bytes that the header of {path} claims", came)
    content = bytearray()
    while len(content) < claimed and (chunk := stream.read(min(_CHUNK, claimed - len(content)))):
        content += chunk
    if len(content) < claimed:
        came = f"{len(content):,}: the file is cut short"
        raise DataFileError(f"the {claimed:,} bytes that the header of {path} claims", came)
    if stream.read(1):
        raise DataFileError(f"the end of {path} after {claimed:,} bytes (shape {shape})", "more bytes after it")
    array = np.frombuffer(content, dtype).reshape(shape)
    return _Stored(start + lengths, dtype, array.astype(dtype.newbyteorder("="), copy=False))
