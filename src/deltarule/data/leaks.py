"""What makes the parts of a data set say less than they seem to: samples in two of them, classes missing from one."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.data.arrays import Array
from deltarule.data.dataset import Dataset
from deltarule.data.table import Table
from deltarule.mapped import is_mapped

__all__ = ["leaks"]

_BYTES_AT_MOST = 1 << 30  # of samples that are compared


def leaks(dataset: Dataset) -> list[str]:
    """Sentences on what is doubtful in the parts; an empty list where nothing is.

    Samples of the validation or the test part that stand in the training part as well are counted: a model may know
    them by heart. A class that a part lacks cannot be learnt from it, or is not tested.

    >>> leaks(Dataset(train=([[0.0], [1.0]], ["a", "b"]), test=([[1.0], [2.0]], ["b", "b"])))
    ['1 of 2 samples of the test part also stands in the training part.', "The test part has no sample of class 'a'."]
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
            stand = "also stands" if count == 1 else "also stand"
            sentences.append(f"{count:,} of {len(part):,} samples of the {name} part {stand} in the training part.")
    return sentences


def _fingerprints(x: Any) -> Array:
    """A number (n,) for each sample, alike where samples are."""
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
            words = "training" if name == "train" else name
            sentences.append(f"The {words} part has no sample of class {shown}.")
    return sentences
