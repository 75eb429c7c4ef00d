"""The one way from a name or a folder to a data set."""

from __future__ import annotations

import gzip
import importlib.util
import os
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.catalogue import DATASETS
from deltarule.data.dataset import Dataset
from deltarule.data.download import Progress, cached, download
from deltarule.data.generated import moons, xor
from deltarule.data.idx import IDX_NAMES, find_idx_files, read_idx_folder, read_idx_folder_and_md5
from deltarule.data.parts import Part
from deltarule.data.sources import SOURCES, Source
from deltarule.data.splits import Split, default_split
from deltarule.data.splits import split as split_samples
from deltarule.errors import DataError, DataFileError, UnknownDataset, nearest

__all__ = ["SplitChoice", "fetch_dataset", "load_dataset"]

SplitChoice: TypeAlias = Split | Literal["official"] | None


def load_dataset(
    name_or_path: str | PathLike[str],
    *,
    data_dir: str | PathLike[str] | None = None,
    split: SplitChoice = None,
    seed: int = 0,
    progress: Progress = False,
) -> Dataset:
    """A data set by its name (see `dataset_names`), or from a folder of IDX files, in raw values.

    name_or_path  a name comes first; write "./digits" for a folder of that name
    data_dir      where the files of mnist, fashion or kmnist lie: this folder or one in it with the set's name.
                  Without it the environment's DELTARULE_DATA is looked at, then the cache, then the mirrors
    split         None: an official test part stays as it is, and as many samples (10,000 for mnist) are taken
                  out of train, by class, to validate with; a set without one is split 80/10/10, by class.
                  "official": train whole, test where there is one, no validation part.
                  A Split: all samples, train before test, are shared out anew, by the split's own seed
    seed          of the default split, and of the points of "moons"
    progress      True for a bar while downloading, or a function (file name, bytes received, all bytes)

    "xor" is so small that its four points are train, validation and test alike (unless a Split is given).
    Files in one's own folder need not be the official ones; downloaded ones must be.
    Raises UnknownDataset, DataFileError for files that are missing or unsound.

    >>> load_dataset("digits")
    Dataset('digits': 1437 train, 180 validation, 180 test; x 8×8 uint8; 10 classes)
    >>> load_dataset("diabetes", split=Split(validation=0, test=0.2))
    Dataset('diabetes': 354 train, 0 validation, 88 test; x 10 float64; 1 number)
    """
    if split is not None and not isinstance(split, Split) and split != "official":
        raise DataError('a Split, "official" or None for split', repr(split), "Split(validation=0.1, test=0.1)")
    if isinstance(name_or_path, str) and name_or_path in DATASETS:
        if name_or_path in SOURCES:
            official = _public(SOURCES[name_or_path], data_dir, progress)
        else:
            official = _small(name_or_path, seed)
    else:
        official = _own(name_or_path)
    if split == "official":
        return official
    if isinstance(split, Split):
        return _pooled(official, split)
    if official.name == "xor":
        return replace(official, validation=official.train, test=official.train)
    if official.test is not None:
        return official.with_validation(seed=seed)
    return _pooled(official, default_split(len(official.train), seed))


def fetch_dataset(name: str, progress: Progress = False) -> Path:
    """The folder in the cache with the files of a downloadable set; what is missing there is downloaded.

    Raises UnknownDataset, or DataError for a set that needs no download.

    >>> fetch_dataset("digits")
    Traceback (most recent call last):
        ...
    deltarule.errors.DataError: Wanted a set that is downloaded (mnist, fashion, kmnist), got 'digits'...
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
    return UnknownDataset("the name of a data set or a folder of IDX files that exists", repr(str(name)), instead)


def _own(path: str | PathLike[str]) -> Dataset:
    try:
        folder = Path(path).expanduser()
        exists = bool(str(path)) and folder.exists()
    except (OSError, RuntimeError):  # a name too long, a home that is not known
        exists = False
    if not exists:
        raise _unknown(path)
    if folder.is_dir():
        return read_idx_folder(folder)
    wanted = "the name of a data set or a folder of IDX files"
    raise DataFileError(wanted, f"the file {folder}", f"load_dataset({str(folder.parent)!r})")


def _public(source: Source, data_dir: str | PathLike[str] | None, progress: Progress) -> Dataset:
    """A set with official parts, from the user's folder, the cache or a mirror, in this order."""
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
    # One's own files under a public set's name: its classes are theirs only if the labels fit.
    fits = all(part.y.min() >= 0 and part.y.max() < len(source.class_names) for part in dataset.parts.values())
    return replace(
        dataset,
        class_names=source.class_names if fits else None,
        source=f"files in {folder}, not the official ones of {source.name!r}",
    )


def _users_folder(source: Source, data_dir: str | PathLike[str] | None) -> Path | None:
    """The user's folder, or the one in it with the set's name, if it holds IDX files."""
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
    # All these sets have the same file names: one must not be taken for another in silence.
    raise DataFileError(f"the files of {source.name!r} in {folder}", f"those of {other!r}", f"load_dataset({other!r})")


def _set_of(test_labels: Path | None) -> str | None:
    """The public set to which this file of test labels belongs, or None."""
    if test_labels is None:
        return None
    return next((name for name, source in SOURCES.items() if source.files[3].matches(test_labels)), None)


def _small(name: str, seed: int) -> Dataset:
    """A set that is bundled with scikit-learn or generated, all of it in train."""
    source = DATASETS[name].source
    if name == "moons":
        return Dataset(moons(seed=seed), name=name, class_names=("upper", "lower"), source=source)
    if name == "xor":
        return Dataset(xor(), name=name, class_names=("equal", "different"), source=source)
    if name == "digits":
        return Dataset(_digits(), name=name, class_names=[str(label) for label in range(10)], source=source)
    import sklearn.datasets

    bunch: Any = getattr(sklearn.datasets, f"load_{name}")()
    classes = [str(label) for label in bunch.target_names] if DATASETS[name].classes else None
    features = [str(feature) for feature in bunch.feature_names]
    return Dataset((bunch.data, bunch.target), name=name, class_names=classes, feature_names=features, source=source)


def _digits() -> tuple[Array, Array]:
    """The images (n, 8, 8), 0 to 16, and their labels, from the file that scikit-learn bundles.

    It is read without importing scikit-learn, which takes longer than to learn the digits, where it lies as expected.
    """
    found = importlib.util.find_spec("sklearn")
    bundled = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz" if found and found.origin else None
    if bundled is not None and bundled.is_file():
        table = np.array(
            [line.split(",") for line in gzip.decompress(bundled.read_bytes()).decode().split()], np.float64
        )
        return table[:, :-1].astype(np.uint8).reshape(-1, 8, 8), table[:, -1].astype(np.int64)
    import sklearn.datasets

    bunch: Any = sklearn.datasets.load_digits()
    return bunch.images.astype(np.uint8), bunch.target


def _pooled(dataset: Dataset, split: Split) -> Dataset:
    """All samples of all parts, train before test, shared out anew."""
    parts: list[Part] = list(dataset.parts.values())
    x, y = (_joined([getattr(part, field) for part in parts]) for field in ("x", "y"))
    return split_samples(
        x,
        y,
        split,
        name=dataset.name,
        class_names=dataset.class_names,
        feature_names=dataset.feature_names,
        source=dataset.source,
    )


def _joined(arrays: list[Array]) -> Array:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
