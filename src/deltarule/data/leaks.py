"""Doubts about the sets of a data set: samples in two of them, classes missing from one."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.dataset import SET_NAMES, Dataset
from deltarule.data.table import Table
from deltarule.mapped import is_mapped

__all__ = ["leaks"]

_BYTES_AT_MOST = 1 << 30  # of samples that are compared


def leaks(dataset: Dataset) -> list[str]:
    """Return sentences on what is doubtful in the sets; an empty list where nothing is.

    Validation and test samples that are also training samples are counted: a model may have memorized them. A class
    that is missing from a set is not trained on, or not evaluated.

    >>> leaks(Dataset(train=([[0.0], [1.0]], ["a", "b"]), test=([[1.0], [2.0]], ["b", "b"])))
    ['1 of 2 test samples is also a training sample.', "The test set has no sample of class 'a'."]
    """
    return [*_repeated(dataset), *_classes_missing(dataset)]


def _repeated(dataset: Dataset) -> list[str]:
    x: Any = dataset.train.x
    if is_mapped(x) or (not isinstance(x, Table) and x.nbytes > _BYTES_AT_MOST):
        return []
    known, sentences = _fingerprints(x), []
    for name, part in dataset.parts.items():
        if name == "train" or part is dataset.train:
            continue
        count = int(np.isin(_fingerprints(part.x), known).sum())
        if count:
            also = "is also a training sample" if count == 1 else "are also training samples"
            sentences.append(f"{count:,} of {len(part):,} {name} samples {also}.")
    return sentences


def _fingerprints(x: Any) -> Array:
    """Return a number (n,) for each sample, equal for equal samples."""
    if isinstance(x, Table):
        return x.fingerprints()
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    return np.array([hash(row.tobytes()) for row in rows])


def _classes_missing(dataset: Dataset) -> list[str]:
    if dataset.task != "classification":
        return []
    classes = {name: set(np.unique(part.y).tolist()) for name, part in dataset.parts.items()}
    everywhere = set().union(*classes.values())
    sentences = []
    for name, there in classes.items():
        absent = sorted(everywhere - there)
        if absent:
            shown = ", ".join(repr(label) for label in absent[:5]) + (", …" if len(absent) > 5 else "")
            sentences.append(f"The {SET_NAMES[name]} set has no sample of class {shown}.")
    return sentences
