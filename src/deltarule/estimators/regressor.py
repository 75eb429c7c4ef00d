"""scikit-learn's `MLPRegressor`, trained by deltarule."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from deltarule.engines.problem import Samples
from deltarule.errors import DataError, OutOfMemory
from deltarule.estimators.fitting import r_squared
from deltarule.estimators.parameters import number_loss
from deltarule.estimators.perceptron import Perceptron
from deltarule.formulas import Activation, Augmentation, Initializer, Loss, Normalization, Optimizer, Schedule
from deltarule.formulas.formula import Spec
from deltarule.recipes import Preparation
from deltarule.types import Floats

_DOMAINS: dict[str, tuple[str, Callable[[npt.NDArray[Any]], Any]]] = {
    "unit": ("between 0 and 1", lambda y: (y >= 0) & (y <= 1)),
    "non_negative": ("of at least 0", lambda y: y >= 0),
    "positive": ("above 0", lambda y: y > 0),
}


class MLPRegressor(RegressorMixin, Perceptron):  # type: ignore[misc]
    """Multi-layer perceptron regressor: scikit-learn's estimator, trained by deltarule.

    Every parameter of scikit-learn's `MLPRegressor` has the same meaning and default, and the same `random_state` gives
    the same weights, up to rounding. `loss` is "squared_error" or "poisson", which include scikit-learn's factor ½, or
    any registered loss, by its name or as a formula; `scoring=None` monitors R². The other parameters, and the
    attributes except `classes_`, are those of `MLPClassifier`.

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", max_iter=5000, random_state=0)
    >>> regressor.fit(10 * X, y / 100).predict(X[:2]).shape
    (2,)
    """

    def __init__(
        self,
        loss: Spec | Loss = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: Spec | Activation | Sequence[Spec | Activation] = "relu",
        *,
        solver: Spec | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int | str = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0,
        normalization: Spec | Normalization | None = None,
        l1: float = 0.0,
        max_norm: float | None = None,
        schedule: Spec | Schedule | None = None,
        initializer: Spec | Initializer = "auto",
        scoring: str | Callable[..., float] | None = None,
        prepare: str | Preparation | Mapping[str, Any] | None = None,
        augmentation: Spec | Augmentation | Sequence[Spec | Augmentation] | None = None,
        image_shape: Sequence[int] | None = None,
        n_ensemble: int = 1,
        engine: str = "compiled",
        precision: str | None = None,
        n_threads: int | None = None,
    ) -> None:
        self._set_parameters(locals())

    @available_if(lambda self: self._has_partial_fit())  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on X (n, d) and y, continuing from the last call."""
        try:
            return self._fit(X, y, sample_weight, incremental=True)
        except MemoryError as error:
            raise OutOfMemory.of(error) from error

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the predicted numbers: (n,), or (n, k) for k targets; float64 for columns that were prepared."""
        a = self._outputs(X)
        if self.prepare is not None:
            a = a.astype(np.float64)
        return a[:, 0] if a.shape[1] == 1 else a

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self._validated(X, y, reset=reset, numbers=True)

    def _fit_targets(self, y: npt.NDArray[Any], *, first: bool, incremental: bool) -> None:  # noqa: ARG002
        self._loss = number_loss(self.loss)
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]

    def _targets(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        numbers = y.astype(np.float64).reshape(len(y), -1)
        if self._loss.domain in _DOMAINS:
            domain, holds = _DOMAINS[self._loss.domain]
            if not holds(numbers).all():
                got = f"numbers from {numbers.min():g} to {numbers.max():g}"
                raise DataError(f"targets {domain} for {self._loss.name}", got, 'loss="squared_error"')
        return numbers

    def _strata(self, targets: npt.NDArray[Any]) -> None:  # noqa: ARG002
        """Return None: numbers are not stratified."""
        return

    def _score_from_metrics(self, validation: Samples) -> Callable[[Floats], float] | None:
        if validation.outputs > 1 or self.scoring not in (None, "r2"):
            return None
        return functools.partial(r_squared, spread=validation.spread())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
