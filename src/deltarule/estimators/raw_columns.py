"""Columns of words, dates and missing values as an estimator's inputs: what `prepare` asks for."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from deltarule.data import Table, table_of
from deltarule.data.frames import is_tabular
from deltarule.errors import DataError, DataWarning
from deltarule.models import Encoding
from deltarule.recipes import Preparation
from deltarule.training.columns import learn_encoding
from deltarule.types import SingleFloats


@dataclass(frozen=True)
class RawColumns:
    """What an estimator has learnt of the columns that it was fitted on.

    names : of all columns, in their order; those of an array are called x0, x1, … as scikit-learn calls them.
    encoding : how they become the network's inputs.
    """

    names: tuple[str, ...]
    encoding: Encoding

    @classmethod
    def learn(cls, estimator: Any, X: Any) -> Self:
        """Learn of X; its names and its number of columns are the estimator's from now on.

        Columns that nothing can be learnt from are left out with a `DataWarning`.
        """
        X = _rows_and_columns(X)
        validate_data(estimator, X, reset=True, skip_check_array=True)
        table = table_of(X, names=None if _is_frame(X) else [f"x{place}" for place in range(X.shape[1])])
        prepare = estimator.prepare
        encoding = learn_encoding(Preparation() if prepare == "auto" else Preparation.of(prepare), table)
        left_out = [f"{column.name} ({column.kind})" for column in table if not column.usable]
        if left_out:
            words = f"Columns that nothing can be learnt from are left out: {', '.join(left_out)}."
            warnings.warn(words, DataWarning, stacklevel=7)
        return cls(table.names, encoding)

    def inputs(self, estimator: Any, X: Any) -> SingleFloats:
        """The network's inputs (n, d) for raw columns like those that were learnt of.

        Raises ValueError, in scikit-learn's words, where their names or their number differ.
        """
        X = _rows_and_columns(X)
        validate_data(estimator, X, reset=False, skip_check_array=True)
        if not _is_frame(X):
            return self.encoding(table_of(X, self.encoding.expected(), names=self.names))
        if hasattr(estimator, "feature_names_in_"):
            return self.encoding(X)
        # The names are not what scikit-learn goes by, so the places are.
        columns = zip(table_of(X), self.names, strict=True)
        return self.encoding(Table(tuple(dataclasses.replace(column, name=name) for column, name in columns)))


@contextmanager
def naming_prepare(X: Any) -> Iterator[None]:
    """Let scikit-learn's errors of words, dates and missing values in X name `prepare="auto"`."""
    try:
        yield
    except (TypeError, ValueError) as error:
        dense = hasattr(X, "shape") and not _is_sparse(X)
        words = dense and "could not convert" in str(error) and np.asarray(X).dtype.kind not in "fiub"
        dates = isinstance(error, TypeError) and is_tabular(X)
        if not (words or dates or (dense and "Input X contains NaN" in str(error))):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(
            f'{error}\nWith prepare="auto", columns of words, dates and missing values are taken too.'
        ) from error


def _is_sparse(X: Any) -> bool:
    from scipy.sparse import issparse

    return bool(issparse(X))


def _is_frame(X: Any) -> bool:
    return not isinstance(X, np.ndarray)


def _rows_and_columns(X: Any) -> Any:
    """X, if it is a data frame; otherwise X as an array of rows and columns."""
    if _is_sparse(X):
        raise DataError("a data frame or a dense array for prepare", "a sparse matrix", "prepare=None")
    if hasattr(X, "shape") and is_tabular(X):
        return X
    given = X if hasattr(X, "__array__") else np.array(X, dtype=object)
    return check_array(given, dtype=None, ensure_all_finite="allow-nan")
