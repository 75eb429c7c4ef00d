"""Prediction: inputs checked as lightly as is right, and taken through the network by the machine that trained it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import validate_data

from deltarule.recipes import Affine, Network

UNSCALED = Affine(np.array(0.0), np.array(1.0))

# Rows of a sparse matrix that are written out at a time.
_DENSE_ROWS = 4096


class RawOutputs:
    """The last layer's weighted sums of a network whose parameters may be replaced, but not changed in place.

    What was made of the parameters is kept until other ones come, and is neither pickled nor copied.
    """

    def __init__(self) -> None:
        self._of: list[Any] = []
        self._predictors: dict[np.dtype[Any], Any] = {}

    def __call__(
        self,
        coefs: Sequence[npt.NDArray[Any]],
        intercepts: Sequence[npt.NDArray[Any]],
        state: npt.NDArray[Any],
        network: Network,
        x: npt.NDArray[Any],
    ) -> npt.NDArray[Any]:
        """Weighted sums (n, outputs) for inputs x (n, d), in the parameters' precision."""
        parameters = [*coefs, *intercepts, state]
        same = len(parameters) == len(self._of)
        if not same or any(one is not other for one, other in zip(parameters, self._of, strict=True)):
            self._of, self._predictors = parameters, {}
        predictor = self._predictors.get(x.dtype)
        if predictor is None:
            from deltarule.engines.registry import predictor_of

            theta = np.concatenate([part.ravel() for layer in zip(coefs, intercepts, strict=True) for part in layer])
            sizes = (coefs[0].shape[0], *(len(biases) for biases in intercepts))
            whole = np.concatenate([theta, state.astype(theta.dtype)])
            predictor = predictor_of(sizes, network, whole, UNSCALED, x.dtype)
            self._predictors[x.dtype] = predictor
        made: npt.NDArray[Any] = predictor(x)
        return made

    def __reduce__(self) -> tuple[type[RawOutputs], tuple[()]]:
        return RawOutputs, ()


def plain(estimator: Any, X: Any) -> bool:
    """Whether X is what nearly all calls bring, a finite array of floats of the right width, and needs no more checks.

    An array where names of features were seen in `fit` is not: scikit-learn warns of it.
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
    # A sum is finite unless one of its numbers is not, or it overflows; then the longer check decides.
    with np.errstate(over="ignore", invalid="ignore"):
        return usual and bool(np.isfinite(np.add.reduce(X, axis=None)))


def checked_inputs(estimator: Any, X: Any) -> Any:
    """X as an array of floats (n, d), or as a sparse matrix of rows, by scikit-learn's own checks."""
    if estimator._columns is not None:
        return estimator._columns.inputs(estimator, X)
    return validate_data(estimator, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)


def dense_blocks(X: Any) -> list[npt.NDArray[Any]]:
    """An array itself, or a sparse matrix written out some rows at a time."""
    if isinstance(X, np.ndarray):
        return [X]
    rows = X.tocsr()
    return [rows[start : start + _DENSE_ROWS].toarray() for start in range(0, rows.shape[0], _DENSE_ROWS)]
