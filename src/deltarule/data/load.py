"""Loading of data sets: by name, from a file, a folder, or a data frame."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.bundled import bundled
from deltarule.data.catalogue import DATASETS
from deltarule.data.column_warnings import column_warnings
from deltarule.data.dataset import Dataset
from deltarule.data.download import DownloadProgress, cached, download
from deltarule.data.files import read_own
from deltarule.data.frames import is_tabular
from deltarule.data.generated import blobs, circles, moons, spiral, xor
from deltarule.data.idx import IDX_NAMES, find_idx_files, read_idx_folder_and_md5
from deltarule.data.images import ImageSize
from deltarule.data.leaks import leaks
from deltarule.data.openml import PREFIX, load_openml
from deltarule.data.parts import Part
from deltarule.data.sources import SOURCES, DatasetSource
from deltarule.data.splits import Split, default_split
from deltarule.data.splits import split as split_samples
from deltarule.data.table import Table
from deltarule.data.targets import TargetChoice
from deltarule.errors import DataError, DataFileError, DataWarning, UnknownDataset, nearest

__all__ = ["SplitChoice", "fetch_dataset", "load_dataset"]

_GENERATED: dict[str, tuple[Callable[..., tuple[Any, Any]], tuple[str, ...]]] = {
    "moons": (moons, ("upper", "lower")),
    "circles": (circles, ("outer", "inner")),
    "spiral": (spiral, ("first", "second")),
    "blobs": (blobs, ("right", "upper", "lower")),
}

SplitChoice: TypeAlias = Split | Literal["official"] | None


def load_dataset(
    data: Any,
    *,
    target: TargetChoice = None,
    types: Mapping[str, Any] | None = None,
    image_size: ImageSize | None = None,
    data_dir: str | PathLike[str] | None = None,
    split: SplitChoice = None,
    seed: int = 0,
    progress: DownloadProgress = False,
) -> Dataset:
    """Load a data set by its name (see `dataset_names`), from a file, a folder or a data frame, in raw values.

    data : a name; "openml:NAME"; a file (CSV, TSV, JSON lines, Parquet, Feather, Arrow, .npy, .npz); a folder of IDX
        files, of x.npy and y.npy, or of images by class; a data frame of pandas, Polars or Arrow; a list of dicts; a
        dict of columns. Names have precedence: write "./digits" for a folder of that name.
    target : of tables: the column to predict, by its name or its place (-1 is the last), or a list of several.
    types : of tables: kinds of columns that are not to be inferred ("number", "category", "boolean", "date",
        "ignored"), for example {"zip": "category"}; with a notation: {"day": "date:d/m/y"}. The type of the target
        decides the task.
    image_size : of folders of images: the height and width that all are resized to.
    data_dir : folder with the files of mnist, fashion or kmnist, or with a folder of that name. Without it the
        environment variable DELTARULE_DATA, the cache and the mirrors are tried.
    split : None keeps an official test set, and splits as many validation samples (10,000 for mnist) off the training
        set; data without a test set are split 80/10/10; both stratified. "official": the complete training set, the
        test set if there is one, no validation set. A `Split`: all samples are split again, by its own seed.
    seed : random seed of the default split, and of generated points ("moons", "circles", "spiral", "blobs").
    progress : True for a progress bar of downloads, or a function (file name, bytes received, all bytes).

    "xor" has only four points, which are the training, validation and test set alike (unless a `Split` is given).
    Files in a folder of your own need not be the official ones; downloaded ones must be.

    A `DataWarning` reports, in your own data, samples in two sets, classes missing from a set, and columns that are
    left out, ambiguous, identifiers, or nearly decide the target alone.

    Raises UnknownDataset, or DataFileError for missing or invalid files, with file, row and column.

    >>> load_dataset("digits")
    Dataset('digits': 1437 train, 180 validation, 180 test; x 8×8 uint8; 10 classes)
    >>> load_dataset("diabetes", split=Split(validation=0, test=0.2))
    Dataset('diabetes': 354 train, 0 validation, 88 test; x 10 float64; 1 target)
    """
    if split is not None and not isinstance(split, Split) and split != "official":
        raise DataError('a Split, "official" or None for split', repr(split), "Split(validation=0.1, test=0.1)")
    if isinstance(data, str) and data in DATASETS:
        _check_named(data, target, types, image_size)
        official = _public(SOURCES[data], data_dir, progress) if data in SOURCES else _small(data, seed)
        if data == "xor" and split is None:
            return replace(official, validation=official.train, test=official.train)
        return _split_again(official, split, seed)
    if isinstance(data, str) and data.startswith(PREFIX):
        official = load_openml(data, target, types)
    elif is_tabular(data):
        official = read_own(data, target, types)
    else:
        official = read_own(_existing(data), target, types, image_size)
    made = _split_again(official, split, seed)
    for warning in _warnings(official, made, types):
        warnings.warn(warning, stacklevel=2)
    return made


def _check_named(name: str, target: TargetChoice, types: Mapping[str, Any] | None, size: ImageSize | None) -> None:
    """Refuse what is only for files and tables."""
    if target is not None or types is not None:
        got = f"the named set {name!r}, which has its labels already"
        raise DataError("a table for a target or types", got, "the data without a target and types")
    if size is not None:
        raise DataError("a folder of images for an image size", f"the named set {name!r}")


def _warnings(official: Dataset, made: Dataset, types: Mapping[str, Any] | None) -> list[DataWarning]:
    """Return what is doubtful in the caller's own data: samples in two sets, then columns."""
    # The sets of a folder of IDX files have been decided by others.
    split_here = made is not official and (isinstance(made.train.x, Table) or official.test is None)
    doubts = [DataWarning(sentence) for sentence in leaks(made)] if split_here else []
    return [*doubts, *column_warnings(made, types or ())]


def _split_again(official: Dataset, split: SplitChoice, seed: int) -> Dataset:
    """Return the requested sets of official data."""
    if split == "official":
        return official
    if isinstance(split, Split):
        return _pooled(official, split)
    if official.validation is not None:
        return official
    if official.test is not None:
        return official.with_validation(seed=seed)
    return _pooled(official, default_split(len(official.train), seed))


def fetch_dataset(name: str, progress: DownloadProgress = False) -> Path:
    """Return the cache folder of a downloadable data set; missing files are downloaded.

    Raises UnknownDataset, or DataError for a set that needs no download.

    >>> fetch_dataset("digits")
    Traceback (most recent call last):
        ...
    deltarule.errors.DataError: Expected a set that is downloaded (mnist, fashion, kmnist), got 'digits'...
    """
    if name not in DATASETS:
        raise _unknown(name)
    if name not in SOURCES:
        wanted = f"a set that is downloaded ({', '.join(SOURCES)})"
        raise DataError(wanted, f"{name!r}, which is {DATASETS[name].where}", f"load_dataset({name!r})")
    return download(SOURCES[name], progress)


def _unknown(name: str | PathLike[str]) -> UnknownDataset:
    near = nearest(str(name).lower(), DATASETS)
    instead = (f"load_dataset({near!r}); " if near else "") + "dataset_names() or `deltarule data list` names them all"
    return UnknownDataset("the name of a data set, or a file or folder that exists", repr(str(name)), instead)


def _existing(path: Any) -> Path:
    """Return the path of a file or folder, which must exist."""
    if not isinstance(path, (str, PathLike)):
        came = f"{type(path).__name__}"
        raise DataError("a name, a path or a data frame", came, "load_dataset('digits'), or split(x, y) for arrays")
    try:
        found = Path(path).expanduser()
        exists = bool(str(path)) and found.exists()
    except (OSError, RuntimeError, ValueError):  # a name too long, a home that is not known, a NUL in it
        exists = False
    if not exists:
        raise _unknown(path)
    return found


def _public(source: DatasetSource, data_dir: str | PathLike[str] | None, progress: DownloadProgress) -> Dataset:
    """Return an official data set, from the user's folder, the cache or a mirror, in this order."""
    folder = _users_folder(source, data_dir)
    if folder is None:
        folder = cached(source) or download(source, progress)
    dataset, md5 = read_idx_folder_and_md5(folder, source.name)
    paths = find_idx_files(folder)
    official = all(
        md5[name] == file.content or (file.content is None and file.matches(paths[name]))
        for name, file in zip(IDX_NAMES, source.files, strict=True)
    )
    if official:
        return replace(dataset, class_names=source.class_names, source=source.credit)
    # Other files under a public name have its class names only if the labels fit.
    fits = all(part.y.min() >= 0 and part.y.max() < len(source.class_names) for part in dataset.parts.values())
    return replace(
        dataset,
        class_names=source.class_names if fits else None,
        source=f"files in {folder}, not the official ones of {source.name!r}",
    )


def _users_folder(source: DatasetSource, data_dir: str | PathLike[str] | None) -> Path | None:
    """Return the user's folder, or the one in it with the data set's name, if it contains IDX files."""
    named = data_dir if data_dir is not None else os.environ.get("DELTARULE_DATA") or None
    if named is None:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        what = "data_dir" if data_dir is not None else "the environment's DELTARULE_DATA"
        raise DataFileError(f"a folder in {what}", f"{str(folder)!r}, which is no folder")
    if find_idx_files(folder / source.name):
        return folder / source.name
    paths = find_idx_files(folder)
    if not paths:
        return None
    other = _set_of(paths.get(IDX_NAMES[3]))
    if other is None or other == source.name:
        return folder
    if data_dir is None:
        return None
    # All these data sets have the same file names; one must not be used for another silently.
    raise DataFileError(f"the files of {source.name!r} in {folder}", f"those of {other!r}", f"load_dataset({other!r})")


def _set_of(test_labels: Path | None) -> str | None:
    """Return the public data set to which this file of test labels belongs, or None."""
    if test_labels is None:
        return None
    return next((name for name, source in SOURCES.items() if source.files[3].matches(test_labels)), None)


def _small(name: str, seed: int) -> Dataset:
    """Return a data set that is included in scikit-learn or generated, all of it as training set."""
    source = DATASETS[name].source
    if name in _GENERATED:
        points, names = _GENERATED[name]
        return Dataset(points(seed=seed), name=name, class_names=names, source=source)
    if name == "xor":
        return Dataset(xor(), name=name, class_names=("equal", "different"), source=source)
    found = bundled(name)
    classes, features = found.class_names, found.feature_names
    return Dataset((found.x, found.y), name=name, class_names=classes, feature_names=features, source=source)


def _pooled(dataset: Dataset, split: Split) -> Dataset:
    """Split all samples again, training before test samples."""
    parts: list[Part] = list(dataset.parts.values())
    y = _joined([part.y for part in parts])
    tables = [part.x for part in parts if isinstance(part.x, Table)]
    x: Any = Table.joined(tables) if tables else _joined([part.x for part in parts])
    return split_samples(
        x,
        y,
        split,
        name=dataset.name,
        class_names=dataset.class_names,
        feature_names=dataset.feature_names,
        source=dataset.source,
        target=dataset.target,
        declared_task=dataset.declared_task,
    )


def _joined(arrays: list[Any]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
