"""One's own data, as people have them: which reader a file, a folder or a data frame is for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from deltarule import mapped
from deltarule.data.arrays import Array
from deltarule.data.arrow import read_feather, read_parquet
from deltarule.data.dataset import Dataset
from deltarule.data.delimited import read_delimited, read_json_lines
from deltarule.data.frames import table_of
from deltarule.data.idx import find_idx_files, read_idx_folder
from deltarule.data.images import ImageSize, is_image_folder, read_image_folder
from deltarule.data.numpy_files import read_npy, read_npz
from deltarule.data.parts import Part
from deltarule.data.table import Table
from deltarule.data.targets import TargetChoice, dataset_of_table
from deltarule.errors import DataError, DataFileError
from deltarule.regular_files import opened, reason

__all__ = ["READABLE", "is_table_file", "read_own", "read_table"]

_TABLES: dict[str, Callable[[Path, Mapping[str, Any] | None], Table]] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".data"), read_delimited),
    **dict.fromkeys((".jsonl", ".ndjson"), read_json_lines),
    **dict.fromkeys((".parquet", ".pq"), read_parquet),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), read_feather),
}
READABLE = "CSV, TSV, JSON lines, Parquet, Feather or Arrow, .npy, .npz, or a folder of IDX files, arrays or images"
"""What can be read, in words."""

_ARRAYS = {
    "train": (("x_train", "y_train"), ("X_train", "y_train"), ("x", "y"), ("X", "y")),
    "validation": (("x_validation", "y_validation"), ("x_val", "y_val"), ("X_val", "y_val")),
    "test": (("x_test", "y_test"), ("X_test", "y_test")),
}


def is_table_file(path: Path) -> bool:
    """Return whether a file's name is that of a table.

    >>> is_table_file(Path("adult.csv.gz")), is_table_file(Path("x.npy"))
    (True, False)
    """
    return _ending(path) in _TABLES


def read_table(path: Path, types: Mapping[str, Any] | None = None) -> Table:
    """The table in a file, by the ending of its name (a `.gz` after it is looked through).

    Raises DataFileError, naming file, row and column.
    """
    ending = _ending(path)
    if ending not in _TABLES:
        raise DataFileError(f"a file of a kind that can be read ({READABLE})", str(path))
    try:
        with opened(path) as stream:
            empty = not os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise DataFileError(f"the file {path}", reason(error)) from error
    if empty:
        raise DataFileError("a file with rows", f"{path}, which is empty")
    if path.suffix == ".gz" and _TABLES[ending] not in {read_delimited, read_json_lines}:
        raise DataFileError(f"a {ending} file that is not compressed", str(path), f"gunzip {path.name}")
    with _within_memory(path):
        return _TABLES[ending](path, types)


def read_own(
    data: Any,
    target: TargetChoice = None,
    types: Mapping[str, Any] | None = None,
    image_size: ImageSize | None = None,
) -> Dataset:
    """Return the data set in a file, a folder or a data frame, with its own split or all of it as training set."""
    if not isinstance(data, Path):
        return dataset_of_table(table_of(data, types), target, types=types)
    with _within_memory(data):
        return _read_own(data, target, types, image_size)


def _read_own(
    data: Path, target: TargetChoice, types: Mapping[str, Any] | None, image_size: ImageSize | None
) -> Dataset:
    if data.is_dir():
        dataset = _folder(data, image_size)
    elif image_size is not None:
        raise DataError("a folder of images for an image size", f"the file {data}")
    elif is_table_file(data):
        table = read_table(data, types)
        return _named(data, lambda: dataset_of_table(table, target, types=types))
    elif data.suffix == ".npz":
        dataset = _named(data, _of_arrays, read_npz(data), data)
    elif data.suffix == ".npy":
        array = read_npy(data)
        if array.dtype.names is None and array.ndim != 2:
            came = f"{data}: shape {array.shape}"
            raise DataFileError("rows and columns, one of which is the target", came, "x.npy and y.npy in a folder")
        return _named(data, lambda: dataset_of_table(table_of(array, types), target, types=types))
    else:
        folder = f"load_dataset({str(data.parent)!r})" if find_idx_files(data.parent) else None
        raise DataFileError(f"a file of a kind that can be read ({READABLE})", f"the file {data}", folder)
    if target is not None or types is not None:
        got = f"{data}, which has its labels already"
        raise DataFileError("a table for a target or types", got, "the data without a target and types")
    return dataset


@contextmanager
def _within_memory(path: Path) -> Iterator[None]:
    """Raise an error with the file's name for data that do not fit into memory."""
    try:
        yield
    except MemoryError as error:
        raise DataFileError("data that fit into memory", f"{path}, which takes more than there is") from error


def _named(path: Path, make: Callable[..., Dataset], *content: Any) -> Dataset:
    """A data set of a file's content, with the file's name; so have its errors."""
    try:
        made = make(*content)
    except DataFileError:
        raise
    except DataError as error:
        raise DataFileError.of(error, f"{error.value} ({path})") from error
    stem = path.with_suffix("") if path.suffix == ".gz" else path
    return replace(made, name=stem.stem, source=f"the file {path}")


def _folder(folder: Path, image_size: ImageSize | None) -> Dataset:
    try:
        arrays = {path.stem: path for path in folder.glob("*.npy")}
        if not find_idx_files(folder) and not any(x in arrays for x, _ in _ARRAYS["train"]) and is_image_folder(folder):
            return read_image_folder(folder, image_size)
    except OSError as error:
        raise DataFileError("a folder that can be read", f"{folder}: {error.strerror or error}") from error
    if image_size is not None:
        raise DataError("a folder of images for an image size", str(folder))
    if arrays and not find_idx_files(folder):
        named = {name: read_npy(path, mapped=_is_large(name, path)) for name, path in arrays.items()}
        return _named(folder, _of_arrays, named, folder)
    return read_idx_folder(folder)


def _is_large(name: str, path: Path) -> bool:
    """Return whether there are so many samples that they stay on the disk."""
    return name in {x for x, _ in _ARRAYS["train"]} and path.stat().st_size > mapped.MAPPED_FROM


def _of_arrays(arrays: Mapping[str, Array], path: Path) -> Dataset:
    """The parts that arrays have by their names."""
    parts: dict[str, Any] = {}
    for part, pairs in _ARRAYS.items():
        pair = next((pair for pair in pairs if set(pair) <= set(arrays)), None)
        if pair is not None:
            x, y = (arrays[name] for name in pair)
            parts[part] = Part(x, y[:, 0] if y.ndim == 2 and y.shape[1] == 1 and y.dtype.kind in "iub" else y)
    if "train" not in parts:
        came = f"{', '.join(sorted(arrays)[:10]) or 'none'} in {path}"
        instead = "x_train, y_train, x_test, y_test for parts"
        raise DataFileError("arrays x and y", came, instead)
    return Dataset(**parts)


def _ending(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()
