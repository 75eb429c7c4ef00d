"""`.npy` and `.npz` files: arrays of numbers and of text. Nothing in them is ever unpickled."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.limits import BYTES_AT_MOST, grows_too_much
from deltarule.errors import DataFileError

__all__ = ["read_npy", "read_npz"]


def read_npy(path: Path, *, mapped: bool = False) -> Array:
    """The array in a .npy file; mapped: it stays on the disk, and what is used of it is read then.

    Raises DataFileError: missing, cut short, foreign, objects (which only a pickle could hold).

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "x.npy"
    >>> np.save(path, np.eye(2))
    >>> read_npy(path).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    try:
        with path.open("rb") as stream:
            shape, fortran, dtype = _header(cast("BinaryIO", stream), path)
            start, size = stream.tell(), path.stat().st_size
        claimed = math.prod(shape) * dtype.itemsize
        if claimed != size - start:
            _refuse_size(path, claimed, size - start)
        order: Any = "F" if fortran else "C"
        if mapped and claimed:
            return np.memmap(path, dtype, "r", start, shape, order)
        return np.fromfile(path, dtype, offset=start).reshape(shape, order=order)
    except OSError as error:
        raise DataFileError("a .npy file", f"{path}: {error.strerror or error}") from error


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays in a .npz file, by their names.

    Raises DataFileError: cut short, foreign, objects, or an archive that claims more than it could hold.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            claimed = sum(info.file_size for info in members.values())
            size = path.stat().st_size
            if grows_too_much(claimed, size) or claimed > BYTES_AT_MOST:
                raise DataFileError("an archive that stays in proportion", f"{path}: {claimed:,} bytes in {size:,}")
            return {name: _member(archive, info, path) for name, info in members.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataFileError("a whole .npz file", f"{path}: {error}, cut short or foreign") from error
    except OSError as error:
        raise DataFileError("a .npz file", f"{path}: {error.strerror or error}") from error


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Array:
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(cast("BinaryIO", stream), path)
        content = stream.read(info.file_size)
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != len(content):
        _refuse_size(path, claimed, len(content), info.filename)
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _header(stream: BinaryIO, path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type, from the header of an array."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except (ValueError, SyntaxError, tokenize.TokenError, EOFError, TypeError, RecursionError, MemoryError) as error:
        raise DataFileError("an array in NumPy's format", f"{path}, which is cut short or foreign") from error
    if dtype.hasobject:
        instead = "np.save(path, x.astype(float)), or a text type for labels"
        raise DataFileError("an array of numbers or text", f"{path}: objects, which only a pickle can hold", instead)
    if not dtype.itemsize:  # of such items a header may claim any number
        raise DataFileError("an array of numbers or text", f"{path}: {dtype.str} of shape {shape}, items of no bytes")
    if any(size < 0 for size in shape):
        raise DataFileError("an array in NumPy's format", f"{path}: the shape {shape}")
    return shape, fortran, dtype


def _refuse_size(path: Path, claimed: int, there: int, member: str = "") -> None:
    where = f"{path}{': ' if member else ''}{member}"
    came = f"{where}, which holds {there:,}: cut short, or a header that is wrong"
    raise DataFileError(f"the {claimed:,} bytes that the header claims", came)
