"""Inputs of the estimators: checked arrays, preprocessed columns, and the outputs that the network gives for them."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from deltarule.data import Table, table_of
from deltarule.data.frames import is_tabular
from deltarule.engines.parameters import Shape
from deltarule.engines.predicting import all_finite
from deltarule.engines.registry import Predictor, predictor_of
from deltarule.errors import DataError, DataWarning
from deltarule.models import Encoding
from deltarule.recipes import Affine, Network, Preparation
from deltarule.training.columns import fit_encoding
from deltarule.types import Floats, SingleFloats

UNSCALED = Affine(np.array(0.0), np.array(1.0))

# Rows of a sparse matrix that are converted to a dense array at a time.
_DENSE_ROWS = 4096


@dataclass(frozen=True)
class FittedShape:
    """The layout of a fitted network's parameters.

    sizes : of the layers, including input and output.
    dtype : of the parameters.
    """

    sizes: tuple[int, ...]
    network: Network
    dtype: np.dtype[Any]

    def attributes(self, theta: Floats) -> dict[str, Any]:
        """Return the estimator's attributes that determine its predictions, for θ and the state of normalized layers.

        Weights and biases are read-only views, because predictions would not follow a change in place.
        """
        own = theta.astype(self.dtype)
        own.flags.writeable = False
        shape = Shape(self.sizes, self.network.normalization)
        pairs = shape.layers(own)
        weights, biases = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        return {
            "coefs_": weights,
            "intercepts_": biases,
            "_normalization_state": own[shape.theta :],
            "_raw_outputs": RawOutputs(),
        }


class RawOutputs:
    """The last layer's weighted sums of a network whose parameters may be replaced, but not changed in place.

    Predictors are cached until the parameters are replaced, and neither pickled nor copied.
    """

    def __init__(self) -> None:
        self._parameters: list[Any] = []
        self._predictors: dict[np.dtype[Any], Predictor] = {}

    def __call__(
        self,
        coefs: Sequence[npt.NDArray[Any]],
        intercepts: Sequence[npt.NDArray[Any]],
        state: npt.NDArray[Any],
        network: Network,
        x: npt.NDArray[Any],
    ) -> npt.NDArray[Any]:
        """Return the weighted sums (n, outputs) for inputs x (n, d), in the parameters' precision."""
        parameters = [*coefs, *intercepts, state]
        same = len(parameters) == len(self._parameters)
        if not same or any(one is not other for one, other in zip(parameters, self._parameters, strict=True)):
            self._parameters, self._predictors = parameters, {}
        predictor = self._predictors.get(x.dtype)
        if predictor is None:
            theta = np.concatenate([each.ravel() for layer in zip(coefs, intercepts, strict=True) for each in layer])
            sizes = (coefs[0].shape[0], *(len(biases) for biases in intercepts))
            vector = np.concatenate([theta, state.astype(theta.dtype)])
            predictor = predictor_of(Shape(sizes, network.normalization), network, vector, UNSCALED, x.dtype)
            self._predictors[x.dtype] = predictor
        return predictor(x)

    def __reduce__(self) -> tuple[type[RawOutputs], tuple[()]]:
        return RawOutputs, ()


def needs_no_check(estimator: Any, X: Any) -> bool:
    """Return whether X is a finite array of floats with the right number of columns, as in nearly all calls.

    Where feature names were seen in `fit`, an array needs the check: scikit-learn warns about it.
    """
    usual = (
        type(X) is np.ndarray
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and (X.dtype == np.float64 or X.dtype == np.float32)
        and estimator._columns is None
        and not hasattr(estimator, "feature_names_in_")
    )
    return usual and all_finite(X)


def checked_inputs(estimator: Any, X: Any) -> Any:
    """Return X as an array of floats (n, d), or as a sparse matrix of rows, checked by scikit-learn."""
    if estimator._columns is not None:
        return estimator._columns.inputs(estimator, X)
    return validate_data(estimator, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)


def dense_blocks(X: Any) -> list[npt.NDArray[Any]]:
    """Return an array itself, or a sparse matrix as dense blocks of rows."""
    if isinstance(X, np.ndarray):
        return [X]
    rows = X.tocsr()
    return [rows[start : start + _DENSE_ROWS].toarray() for start in range(0, rows.shape[0], _DENSE_ROWS)]


@dataclass(frozen=True)
class RawColumns:
    """The preprocessing that `prepare` fits to the columns of the training data.

    names : of all columns, in their order; those of an array are x0, x1, …, as in scikit-learn.
    encoding : converts columns to the network's inputs.
    """

    names: tuple[str, ...]
    encoding: Encoding

    @classmethod
    def fit(cls, estimator: Any, X: Any) -> Self:
        """Fit the preprocessing to X, and set the estimator's feature names and number of features.

        Columns without usable information are left out with a `DataWarning`.
        """
        table, prepare = table_of_inputs(estimator, X), estimator.prepare
        encoding = fit_encoding(Preparation() if prepare == "auto" else Preparation.of(prepare), table)
        return cls(table.names, encoding)

    def inputs(self, estimator: Any, X: Any) -> SingleFloats:
        """Return the network's inputs (n, d) for raw columns like those of `fit`.

        Raises ValueError, with scikit-learn's message, if their names or their number differ.
        """
        X = _rows_and_columns(estimator, X)
        validate_data(estimator, X, reset=False, skip_check_array=True)
        if not _is_frame(X):
            return self.inputs_of_array(X)
        if hasattr(estimator, "feature_names_in_"):
            return self.encoding(X)
        # scikit-learn has not stored names, so the columns are identified by their positions.
        columns = zip(table_of(X), self.names, strict=True)
        return self.encoding(Table(tuple(dataclasses.replace(column, name=name) for column, name in columns)))

    def inputs_of_array(self, X: npt.NDArray[Any]) -> SingleFloats:
        """Return the network's inputs (n, d) for an array of raw columns in their order."""
        return self.encoding(X if self._used is None else X[:, self._used])

    @cached_property
    def _used(self) -> list[int] | None:
        """The positions of the columns that have inputs; None where they are all columns."""
        place_of = {name: place for place, name in enumerate(self.names)}
        places = [place_of[column.name] for column in self.encoding.columns]
        return None if places == list(range(len(self.names))) else places


def table_of_inputs(estimator: Any, X: Any) -> Table:
    """Return X of `fit` as a table, and set the estimator's feature names and number of features.

    Columns without usable information will be left out, which a `DataWarning` says.
    """
    X = _rows_and_columns(estimator, X)
    validate_data(estimator, X, reset=True, skip_check_array=True)
    table = table_of(X, names=None if _is_frame(X) else [f"x{place}" for place in range(X.shape[1])])
    left_out = [f"{column.name} ({column.kind})" for column in table if not column.usable]
    if left_out:
        shown = ", ".join(left_out[:20]) + (", …" if len(left_out) > 20 else "")
        warnings.warn(f"Columns without usable information are left out: {shown}.", DataWarning, stacklevel=8)
    return table


@contextmanager
def suggesting_prepare(X: Any) -> Iterator[None]:
    """Add `prepare="auto"` to scikit-learn's errors about text, dates and missing values in X."""
    try:
        yield
    except (TypeError, ValueError) as error:
        dense = hasattr(X, "shape") and not _is_sparse(X)
        text = dense and "could not convert" in str(error) and np.asarray(X).dtype.kind not in "fiub"
        dates = isinstance(error, TypeError) and is_tabular(X)
        if not (text or dates or (dense and "Input X contains NaN" in str(error))):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f'{error}\nColumns of text, dates and missing values need prepare="auto".') from error


def _is_sparse(X: Any) -> bool:
    from scipy.sparse import issparse

    return bool(issparse(X))


def _is_frame(X: Any) -> bool:
    return not isinstance(X, np.ndarray)


def _rows_and_columns(estimator: Any, X: Any) -> Any:
    """Return a data frame unchanged, and anything else as an array of rows and columns."""
    if _is_sparse(X):
        instead = "prepare=None" if hasattr(estimator, "prepare") else "X.toarray()"
        raise DataError("a data frame or a dense array", "a sparse matrix", instead, field="X")
    if isinstance(X, (list, dict)) and is_tabular(X):
        got = "a dict of columns" if isinstance(X, dict) else "a list of dicts"
        raise DataError("a data frame or an array", got, "pandas.DataFrame(X)", field="X")
    if hasattr(X, "shape") and is_tabular(X):
        return X
    given = X if hasattr(X, "__array__") else np.array(X, dtype=object)
    return check_array(given, dtype=None, ensure_all_finite="allow-nan")
