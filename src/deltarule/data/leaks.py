"""Doubts about the sets of a data set: samples in two of them, copies of samples, classes missing from one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deltarule.data.dataset import SET_NAMES, Dataset
from deltarule.data.parts import Part
from deltarule.data.table import Table
from deltarule.mapped import is_mapped
from deltarule.types import Integers, Positions

__all__ = ["WithoutCopies", "leaks", "samples_by_inputs", "without_copies"]

_BYTES_AT_MOST = 1 << 30  # of samples that are compared
_DIFFERENT = 0.05
"""Samples with the same inputs are copies if their targets differ at most this often, relative to any two samples."""


def leaks(dataset: Dataset) -> list[str]:
    """Return sentences on what is doubtful in the sets; an empty list where nothing is.

    Validation and test samples that are also training samples are counted: a model may have memorized them. A class
    that is missing from a set is not trained on, or not evaluated.

    >>> leaks(Dataset(train=([[0.0], [1.0]], ["a", "b"]), test=([[1.0], [2.0]], ["b", "b"])))
    ['1 of 2 test samples is also a training sample.', "The test set has no sample of class 'a'."]
    """
    return [*_repeated(dataset), *_classes_missing(dataset)]


@dataclass(frozen=True)
class WithoutCopies:
    """A data set with each training sample once, and with each validation sample once that is not a training sample.

    data : its validation set is None where no sample of it is left.
    sentences : what was left out.
    trained : the fraction of the validation samples that were left out because they are training samples.
    """

    data: Dataset
    sentences: tuple[str, ...] = ()
    trained: float = 0.0


def without_copies(dataset: Dataset) -> WithoutCopies:
    """Return the data set without copies of its training samples, and of its validation samples.

    Copies are no further evidence, and a validation sample that was trained on is none at all. In a table of few
    different rows, samples can be equal without being copies: then their targets differ as those of other samples do.

    >>> found = without_copies(Dataset(([[0.0], [0.0], [1.0]], [3, 3, 4]), ([[1.0], [2.0]], [4, 5])))
    >>> found.data
    Dataset(2 train, 1 validation, 0 test; x 1 float64; 2 classes)
    >>> for sentence in found.sentences:
    ...     print(sentence)
    1 of 3 training samples is a copy of another and is not counted again.
    1 of 2 validation samples is also a training sample and is not counted.
    """
    train, held = dataset.train, dataset.validation
    if not _comparable(train.x) or train is held:
        return WithoutCopies(dataset)
    parts, n = [train] if held is None else [train, held], len(train)
    inputs = np.concatenate([_fingerprints(part.x) for part in parts])
    targets = np.unique(np.concatenate([part.y for part in parts]), axis=0, return_inverse=True)[1].reshape(-1)
    if not _are_copies(inputs, targets):
        return WithoutCopies(dataset)
    samples = np.unique(np.stack([inputs, targets]), axis=1, return_inverse=True)[1].reshape(-1)
    kept = _firsts(samples[:n])
    first = train.rows(kept)
    sentences = _left_out(n - len(kept), n, "training", "a copy of another", "copies of others", " again")
    if held is None:
        return WithoutCopies(replace(dataset, train=first), tuple(sentences))
    fresh = np.flatnonzero(~np.isin(samples[n:], samples[:n]))
    rows = fresh[_firsts(samples[n:][fresh])]
    m = len(held)
    sentences += _left_out(m - len(fresh), m, "validation", "also a training sample", "also training samples")
    sentences += _left_out(len(fresh) - len(rows), m, "validation", "a copy of another", "copies of others", " again")
    data = replace(dataset, train=first, validation=held.rows(rows) if len(rows) else None)
    return WithoutCopies(data, tuple(sentences), 1.0 - len(fresh) / m)


def samples_by_inputs(part: Part) -> Positions | None:
    """Return a number (n,) for each sample, equal for equal inputs; None where there are too many to compare.

    >>> first, second, third = samples_by_inputs(Part([[0.5], [0.1], [0.5]], [1, 2, 3]))
    >>> bool(first == third), bool(first == second)
    (True, False)
    """
    if not _comparable(part.x):
        return None
    found: Positions = np.unique(_fingerprints(part.x), return_inverse=True)[1].reshape(-1)
    return found


def _left_out(count: int, n: int, of: str, one: str, several: str, again: str = "") -> list[str]:
    what = f"is {one} and is" if count == 1 else f"are {several} and are"
    return [f"{count:,} of {n:,} {of} samples {what} not counted{again}."] if count else []


def _repeated(dataset: Dataset) -> list[str]:
    x: Any = dataset.train.x
    if not _comparable(x):
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


def _comparable(x: Any) -> bool:
    return not is_mapped(x) and (isinstance(x, Table) or x.nbytes <= _BYTES_AT_MOST)


def _are_copies(inputs: Integers, targets: Positions) -> bool:
    """Return whether samples of equal inputs have equal targets more often than chance alone would have it."""
    order = np.argsort(inputs, kind="stable")
    equal = inputs[order][1:] == inputs[order][:-1]
    if not equal.any():
        return False
    different = float(np.mean(targets[order][1:][equal] != targets[order][:-1][equal]))
    by_chance = 1.0 - float(np.sum((np.bincount(targets) / len(targets)) ** 2))
    return different <= _DIFFERENT * by_chance


def _firsts(values: Positions) -> Positions:
    """Return the places of the first of each value, rising."""
    return np.sort(np.unique(values, return_index=True)[1])


def _fingerprints(x: Any) -> Integers:
    """Return a number (n,) for each sample, equal for equal samples."""
    if isinstance(x, Table):
        return x.fingerprints().view(np.int64)
    rows = np.ascontiguousarray(x).reshape(len(x), -1)
    return np.array([hash(row.tobytes()) for row in rows], np.int64)


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
