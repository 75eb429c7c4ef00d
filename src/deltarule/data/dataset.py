"""A data set: a training, a validation and a test set."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from deltarule.data.labels import Task, task_of
from deltarule.data.parts import Part, shape_of
from deltarule.data.strata import shuffled_parts, stratified_parts
from deltarule.data.table import Table
from deltarule.errors import DataError
from deltarule.language import count_of
from deltarule.mapped import is_mapped
from deltarule.markup import card, table

__all__ = ["SET_NAMES", "Dataset", "PartLike"]

SET_NAMES = {"train": "training", "validation": "validation", "test": "test"}
"""What the sets are called in messages."""

PartLike: TypeAlias = Part | tuple[Any, Any] | tuple[Any, Any, Any]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Dataset:
    """Raw values in up to three sets, each a Part or a tuple (x, y) or (x, y, weights).

    train : the training set.
    validation : the validation set, or None; training then splits one off `train` where it needs one.
    test : the test set, to be evaluated once, at the end; or None.
    name : a short name for tables and pictures.
    class_names : of integer labels: the name of the class with label i.
    feature_names : one for each feature of x (n, d).
    source : the origin of the samples, one line.
    target : of tables: the name of the target column, or a tuple of several.
    declared_task : the task that the declared type of the target means; None: inferred from y.

    Raises DataError for an invalid set, and where the sets differ in the shape of a sample or the kind of y.

    >>> Dataset(train=([[0.0], [1.0], [2.0]], ["a", "b", "b"]), test=([[1.5]], ["b"]), name="tiny")
    Dataset('tiny': 3 train, 0 validation, 1 test; x 1 float64; 2 classes)
    """

    train: Part
    validation: Part | None = None
    test: Part | None = None
    name: str = ""
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    source: str = ""
    target: str | tuple[str, ...] | None = None
    declared_task: Task | None = None

    def __init__(
        self,
        train: PartLike,
        validation: PartLike | None = None,
        test: PartLike | None = None,
        name: str = "",
        class_names: Sequence[str] | None = None,
        feature_names: Sequence[str] | None = None,
        source: str = "",
        target: str | tuple[str, ...] | None = None,
        declared_task: Task | None = None,
    ) -> None:
        values = {
            "train": _part(train, "train"),
            "validation": None if validation is None else _part(validation, "validation"),
            "test": None if test is None else _part(test, "test"),
            "name": name,
            "class_names": _names(class_names, "class_names"),
            "feature_names": _names(feature_names, "feature_names"),
            "source": source,
            "target": target,
            "declared_task": declared_task,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)
        self._take_kinds_of_train()
        self._check_agreement()
        self._check_names()

    @property
    def parts(self) -> dict[str, Part]:
        """The existing sets, by name.

        >>> list(Dataset(train=([[0.0]], [0]), test=([[0.0]], [0])).parts)
        ['train', 'test']
        """
        all_three = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in all_three.items() if part is not None}

    @property
    def task(self) -> Task:
        """The declared task, or that of the training set's targets; see `task_of`.

        >>> Dataset(train=([[0.0], [1.0]], [0.5, 0.7])).task
        'regression'
        """
        return self.declared_task or task_of(self.train.y)

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{0 if part is None else len(part)} {name}"
            for name, part in (("train", self.train), ("validation", self.validation), ("test", self.test))
        )
        y = self.train.y
        if self.task == "classification":
            of = f"{len(np.unique(y))} classes"
        else:
            count, word = (1 if y.ndim == 1 else y.shape[1]), ("label" if self.task == "multilabel" else "target")
            of = f"{count} {word}{'' if count == 1 else 's'}"
        name = f"{self.name!r}: " if self.name else ""
        return f"Dataset({name}{sizes}; x {shape_of(self.train.x)}; {of})"

    def _repr_html_(self) -> str:
        """Return the sets, the classes and the columns, for a notebook."""
        rows = [("Sets", ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items()))]
        rows.append(("Samples", shape_of(self.train.x)))
        if self.task == "classification":
            labels, counts = np.unique(self.train.y, return_counts=True)
            names = self.class_names or [str(label) for label in labels.tolist()]
            shown = ", ".join(f"{name} ({n:,})" for name, n in list(zip(names, counts.tolist(), strict=False))[:20])
            rows.append((f"{len(labels)} classes", shown + (", …" if len(labels) > 20 else "")))
        else:
            y = self.train.y.reshape(len(self.train), -1).astype(np.float64)
            given = [self.target] if isinstance(self.target, str) else self.target or ()
            names = given or ([f"y{number + 1}" for number in range(y.shape[1])] if y.shape[1] > 1 else ["y"])
            rows += [
                (f"Label {name}", f"{100 * values.mean():.3g} % of the training samples")
                if self.task == "multilabel"
                else (f"Target {name}", f"mean {values.mean():.4g}, standard deviation {values.std():.4g}")
                for name, values in list(zip(names, y.T, strict=True))[:20]
            ]
        if self.source:
            rows.append(("Source", self.source))
        x = self.train.x
        kinds = [(column.name, column.kind) for column in x][:100] if isinstance(x, Table) else []
        return card("Dataset", self.name, rows, table(("column", "kind"), kinds) if kinds else "")

    def with_validation(
        self, fraction: float | None = None, size: int | None = None, seed: int = 0, *, share: float | None = None
    ) -> Dataset:
        """Return the data set with a validation set split off the training set, stratified by class.

        fraction : of the training set, between 0 and 1; or
        size : in samples. With neither: the size of the test set, but at most a fifth of the training set; without a
            test set a tenth of the training set. At most 10,000 in both cases.
        seed : random seed of the split. Of samples in a mapped file the last ones are taken.
        share : the former name of `fraction`.

        Raises DataError where there is a validation set already, or no training sample would be left.

        >>> Dataset(train=([[0.0]] * 20, [0, 1] * 10)).with_validation(fraction=0.2)
        Dataset(16 train, 4 validation, 0 test; x 1 float64; 2 classes)
        """
        if self.validation is not None:
            raise DataError("a data set without a validation set", f"one of {count_of(len(self.validation), 'sample')}")
        if share is not None:
            message = "`share` of with_validation is deprecated and will be removed in the next version. Use: fraction"
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            fraction = share
        n = len(self.train)
        taken = self._validation_size(fraction, size)
        if not 1 <= taken < n:
            came = f"a validation set of {taken} out of {count_of(n, 'sample')}"
            raise DataError("at least one training and one validation sample", came)
        if is_mapped(self.train.x):
            rest, held = self.train.rows(slice(0, n - taken)), self.train.rows(slice(n - taken, n)).in_memory()
            return replace(self, train=rest, validation=held)
        sizes = [n - taken, taken]
        by_class = task_of(self.train.y) == "classification"
        rows = stratified_parts(self.train.y, sizes, seed) if by_class else shuffled_parts(n, sizes, seed)
        return replace(self, train=self.train.rows(rows[0]), validation=self.train.rows(rows[1]))

    def _validation_size(self, fraction: float | None, size: int | None) -> int:
        n = len(self.train)
        if fraction is not None and size is not None:
            came = f"fraction={fraction} and size={size}"
            raise DataError("a fraction or a size", came, f"with_validation(fraction={fraction})")
        if fraction is not None:
            if not 0 < fraction < 1:
                raise DataError(
                    "a fraction between 0 and 1", f"{fraction}", "with_validation(fraction=0.1)", field="fraction"
                )
            return max(1, round(fraction * n))
        if size is not None:
            if not isinstance(size, int | np.integer):
                raise DataError("a number of samples", repr(size), "with_validation(size=1000)", field="size")
            return int(size)
        default = n // 10 if self.test is None else min(len(self.test), n // 5)
        return max(1, min(default, 10_000))

    def _take_kinds_of_train(self) -> None:
        """Convert the tables of all sets to the columns and kinds of the training set's."""
        table = self.train.x
        for name in ("validation", "test"):
            part = getattr(self, name)
            if part is None or part is self.train or not (isinstance(table, Table) and isinstance(part.x, Table)):
                continue
            known = set(part.x.names)
            absent = [each for each in table.names if each not in known]
            if absent:
                raise DataError(f"the columns of train in {name} too", f"a table without {', '.join(absent[:10])}")
            if part.x.names != table.names or part.x.kinds != table.kinds:
                columns = tuple(part.x.column(column.name).to_kind(column.kind) for column in table)
                object.__setattr__(self, name, Part(Table(columns), part.y, part.weights))

    def _check_agreement(self) -> None:
        shape, y = self.train.x.shape[1:], self.train.y
        for name, part in self.parts.items():
            if part.x.shape[1:] != shape:
                came = f"{shape} in train and {part.x.shape[1:]} in {name}"
                raise DataError("samples of one shape in all sets", came)
            if part.y.shape[1:] != y.shape[1:]:
                raise DataError("y of one shape in all sets", f"{y.shape} in train and {part.y.shape} in {name}")
            if (part.y.dtype.kind in "biuf") != (y.dtype.kind in "biuf"):
                came = f"{y.dtype} in train and {part.y.dtype} in {name}"
                raise DataError("y of numbers or of text in all sets alike", came)

    def _check_names(self) -> None:
        features = math.prod(self.train.x.shape[1:])
        if self.feature_names is not None and len(self.feature_names) != features:
            raise DataError(f"{features} feature names, one for each feature", f"{len(self.feature_names)}")
        if self.class_names is None:
            return
        for name, part in self.parts.items():
            if part.y.ndim != 1 or part.y.dtype.kind not in "biu":
                raise DataError("integer labels (n,) where classes are named", f"{part.y.dtype} of {part.y.shape}")
            low, high = int(part.y.min()), int(part.y.max())
            if low < 0 or high >= len(self.class_names):
                came = f"label {low if low < 0 else high} in the {SET_NAMES[name]} set"
                raise DataError(f"labels from 0 to {len(self.class_names) - 1}, one for each class name", came)


def _part(given: Any, name: str) -> Part:
    if isinstance(given, Part):
        return given
    if not isinstance(given, tuple) or len(given) not in {2, 3}:
        came = f"{type(given).__name__}" + (f" of {len(given)}" if isinstance(given, tuple) else "")
        raise DataError(f"{name} as a Part, (x, y) or (x, y, weights)", came, f"Dataset({name}=(x, y))")
    try:
        return Part(*given)
    except DataError as error:
        raise error.replace(expected=f"{error.expected} in the {SET_NAMES[name]} set") from error


def _names(names: Sequence[str] | None, field: str) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{field} as a tuple of text", repr(names), f"{field}=('first', 'second')")
    return tuple(str(name) for name in names)
