"""`.npy` and `.npz` files: arrays of numbers and of text. Nothing in them is ever unpickled."""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.limits import BYTES_AT_MOST, grows_too_much
from deltarule.errors import DataFileError
from deltarule.regular_files import opened, reason

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
        with opened(path) as stream:
            shape, fortran, dtype = _header(stream, str(path))
            start, size = stream.tell(), os.fstat(stream.fileno()).st_size
            _check_size(str(path), shape, dtype, size - start)
            order: Any = "F" if fortran else "C"
            if mapped:
                return np.memmap(stream, dtype, "r", start, shape, order)
            if size > BYTES_AT_MOST:
                raise DataFileError(f"at most {BYTES_AT_MOST:,} bytes in one array", f"{path}: {size:,}")
            return _array(stream.read(size - start), shape, fortran, dtype, str(path))
    except (OSError, MemoryError) as error:
        raise DataFileError("a .npy file", f"{path}: {reason(error)}") from error


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays in a .npz file, by their names.

    Raises DataFileError: cut short, foreign, objects, or an archive that claims more than it could hold.
    """
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            _check_archive(list(members.values()), os.fstat(file.fileno()).st_size, path)
            return {name: _member(archive, info, path) for name, info in members.items()}
    except DataFileError:
        raise
    except OSError as error:
        raise DataFileError("a .npz file", f"{path}: {reason(error)}") from error
    except Exception as error:  # zipfile raises errors of many kinds
        raise DataFileError("a whole .npz file", f"{path}: {reason(error)}, cut short or foreign") from error


def _check_archive(members: list[zipfile.ZipInfo], size: int, path: Path) -> None:
    claimed = sum(info.file_size for info in members)
    if grows_too_much(claimed, size) or claimed > BYTES_AT_MOST:
        raise DataFileError("an archive that stays in proportion", f"{path}: {claimed:,} bytes in {size:,}")
    if not {info.compress_type for info in members} <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise DataFileError("an archive stored or deflated, as NumPy writes it", f"{path}: another compression")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Array:
    where = f"{path}: {info.filename!r}"
    with archive.open(info) as stream:
        shape, fortran, dtype = _header(cast("BinaryIO", stream), where)
        content = stream.read(info.file_size)
    _check_size(where, shape, dtype, len(content))
    return _array(content, shape, fortran, dtype, where)


def _array(content: bytes, shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any], where: str) -> Array:
    if dtype.subdtype is not None:  # NumPy puts it into the shape
        raise DataFileError("an array of numbers or text", f"{where}: items of shape {dtype.shape}")
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
    _check_text(array, where)
    return array


def _check_text(array: Array, where: str) -> None:
    """Refuse code points that no letter has: Python could not make text of them."""
    for name in array.dtype.names or ():
        _check_text(array[name], where)
    if array.dtype.kind == "U":
        codes = np.ascontiguousarray(array).view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if (codes > 0x10FFFF).any():
            raise DataFileError("text of Unicode letters", f"{where}, which is damaged")


def _header(stream: BinaryIO, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type, from the header of an array."""
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except (zipfile.BadZipFile, zlib.error, OSError):
        raise
    except Exception as error:  # the header is read as Python, which fails in many ways
        raise DataFileError("an array in NumPy's format", f"{where}, which is cut short or foreign") from error
    if dtype.hasobject:
        instead = "np.save(path, x.astype(float)), or a text type for labels"
        raise DataFileError("an array of numbers or text", f"{where}: objects, which only a pickle can hold", instead)
    if not dtype.itemsize:  # of such items a header may claim any number
        raise DataFileError("an array of numbers or text", f"{where}: {dtype.str} of shape {shape}, items of no bytes")
    if any(type(size) is not int or size < 1 for size in shape):
        raise DataFileError("an array of at least one value in NumPy's format", f"{where}: the shape {shape}")
    return shape, fortran, dtype


def _check_size(where: str, shape: tuple[int, ...], dtype: np.dtype[Any], there: int) -> None:
    claimed = math.prod(shape) * dtype.itemsize
    if claimed != there:
        came = f"{where}, which holds {there:,}: cut short, or a header that is wrong"
        raise DataFileError(f"the {claimed:,} bytes that the header claims", came)
