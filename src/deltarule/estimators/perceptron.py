"""The base class of both estimators: checks, initial parameters, training, and the fitted attributes."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, check_X_y, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from deltarule.engines.parameters import Shape, given
from deltarule.engines.parameters import first as first_theta
from deltarule.engines.problem import Samples, StopRequested, never
from deltarule.errors import DataError, OutOfMemory, RecipeError
from deltarule.estimators.descent import FitState, OptimizerState
from deltarule.estimators.fitting import Fit, FitCall, ValidationSet, descend, initial_theta, minimize, seed_from
from deltarule.estimators.inputs import (
    UNSCALED,
    FittedShape,
    RawColumns,
    RawOutputs,
    checked_inputs,
    dense_blocks,
    needs_no_check,
    suggesting_prepare,
)
from deltarule.estimators.parameters import check_parameters, network_of, output_name, stochastic
from deltarule.estimators.reporting import CallbackSupportMixin, FitCallbacks, with_callbacks
from deltarule.estimators.several import average, fit_members
from deltarule.formulas import Loss
from deltarule.models import Model
from deltarule.recipes import Network, Recipe
from deltarule.types import Booleans, Floats


class Perceptron(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """A multi-layer perceptron as a scikit-learn estimator; subclasses define targets and predictions.

    `_fit_state` is the state of training, `_fitted_shape`, `_loss`, `_normalization_state` and `_columns` determine
    predictions together with the weights in `coefs_` and `intercepts_`.
    """

    prepare: Any
    n_outputs_: int
    coefs_: list[npt.NDArray[Any]]
    intercepts_: list[npt.NDArray[Any]]
    _columns: RawColumns | None = None
    _loss: Loss
    _recipe: Recipe
    _fitted_shape: FittedShape
    _fit_state = FitState()
    _normalization_state: npt.NDArray[Any] = np.zeros(0)
    _raw_outputs: RawOutputs

    def _set_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Set the parameters of `__init__` as attributes, unchanged."""
        for name in self._get_param_names():
            setattr(self, name, parameters[name])

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on X (n, d), an array, a data frame or a sparse matrix, and y (n,) or (n, k).

        sample_weight : (n,), weights of the samples.
        X_val, y_val, sample_weight_val : a validation set, evaluated in `validation_scores_` and
            `validation_loss_curve_`; with `early_stopping` it replaces the held-out fraction.

        Raises RecipeError for invalid parameters, ValueError for invalid data.
        """
        if (X_val is None) != (y_val is None):
            got = "X_val alone" if y_val is None else "y_val alone"
            raise RecipeError("X_val and y_val together", got, "fit(X, y, X_val=X_val, y_val=y_val)")
        validation = None if X_val is None else (X_val, y_val, sample_weight_val)
        try:
            return self._fit(X, y, sample_weight, validation)
        except MemoryError as error:
            raise OutOfMemory.of(error) from error

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Any = None,
        *,
        incremental: bool = False,
        stop_requested: StopRequested = never,
    ) -> Self:
        """Train; `validation` is None or X, y and sample weights, `incremental` is `partial_fit`."""
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        parameters = self._checked_parameters(first=first, incremental=incremental)
        raw = X
        X, y = self._checked(X, y, reset=first)
        if validation is not None:
            validation = (*self._checked(*validation[:2], reset=False), validation[2])
        self._fit_targets(y, first=first, incremental=incremental)
        random = check_random_state(self.random_state)
        if self.n_ensemble > 1:
            fit_members(self, X, y, sample_weight, validation, random, first=first, incremental=incremental)
            return self
        weights = self._class_weighted(self._sample_weights(sample_weight, X), y)
        samples = Samples(X, self._targets(y), self.n_outputs_, weights)
        network, batches = network_of(parameters), stochastic(self.solver)
        sizes = network.sizes(X.shape[1], self.n_outputs_)
        theta = self._initial_theta(network, sizes, random, X.dtype, first=first)
        shape = FittedShape(sizes, network, X.dtype if batches else np.dtype(np.float64))
        state = FitState() if first else self._fit_state.continued()
        state.monitor(early_stopping=self.early_stopping)
        self._fitted_shape, self.n_layers_, self.out_activation_ = shape, len(sizes), output_name(self._loss)
        self.__dict__.pop("estimators_", None)

        def publish() -> None:
            self.__dict__.update(state.attributes(curves=batches))

        X_given, epochs = X if self._columns is None else raw, int(self.max_iter) if batches else 0
        call = FitCall(
            parameters=parameters,
            network=network,
            loss=self._loss,
            sizes=sizes,
            samples=samples,
            y=y,
            strata=self._strata(samples.targets),
            theta=theta,
            random=random,
            validation=None if validation is None else self._validation_set(validation, samples),
            score_from_metrics=self._score_from_metrics,
            scorer=self._scorer,
            attributes=lambda theta: shape.attributes(theta) | state.attributes(curves=batches),
            publish=publish,
            callbacks=None if incremental else FitCallbacks(self, X_given, y, epochs),
            stop_requested=stop_requested,
        )
        fit = descend(call, state) if batches else minimize(call, state)
        publish()
        self._set_fitted(fit, state)
        return self

    def _checked_parameters(self, *, first: bool, incremental: bool) -> dict[str, Any]:
        parameters: dict[str, Any] = self.get_params(deep=False)
        check_parameters(parameters)
        if not first and (number := len(self._members())) != self.n_ensemble:
            expected = f"the {number} of the previous call"
            raise RecipeError(expected, str(self.n_ensemble), f"n_ensemble={number}", field="n_ensemble")
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: a call sees a part of the data.")
        return parameters

    def _set_fitted(self, fit: Fit, state: FitState) -> None:
        """Set the attributes of a completed call; `_fitted_shape` is set already."""
        if not np.isfinite(fit.theta).all():
            # scikit-learn's message, which programs look for.
            why = "The input data may contain large values and need to be preprocessed."
            raise ValueError(f"Solver produced non-finite parameter weights. {why}")
        self._fit_state, self._recipe = state, fit.recipe
        self.__dict__.update(self._fitted_shape.attributes(fit.theta))
        if fit.history is not None:
            self.history_ = fit.history

    @property
    def _optimizer(self) -> OptimizerState | None:
        """The optimizer's state, under scikit-learn's name, which its own tests read."""
        return self._fit_state.optimizer

    @property
    def _no_improvement_count(self) -> int:
        """The number of epochs without improvement, under scikit-learn's name, which its own tests read."""
        return self._fit_state.without_improvement

    @_no_improvement_count.setter
    def _no_improvement_count(self, epochs: int) -> None:
        self._fit_state = dataclasses.replace(self._fit_state, without_improvement=epochs)

    def _initial_theta(
        self, network: Network, sizes: tuple[int, ...], random: np.random.RandomState, dtype: Any, *, first: bool
    ) -> Floats:
        """Return θ and the state of normalized layers before training: the current ones, or initial ones."""
        shape, state = Shape(sizes, network.normalization), np.zeros(0)
        if not first:
            theta = given(list(zip(self.coefs_, self.intercepts_, strict=True)), sizes)
            state = self._normalization_state
        elif self.initializer == "auto":
            theta = initial_theta(random, sizes, network.activations, dtype)
        else:
            theta = first_theta(network, sizes, seed_from(random))
        return (
            np.concatenate([theta, state])
            if len(state) == shape.total - shape.theta
            else shape.with_initial_state(theta)
        )

    def _validation_set(self, validation: Any, train: Samples) -> ValidationSet:
        """Return the validation set of the caller."""
        x, y, sample_weight = validation
        weights, targets = self._sample_weights(sample_weight, x), self._targets(y)
        if targets.shape[1:] != train.targets.shape[1:]:
            raise DataError(f"y_val of {train.outputs} outputs, as y has", f"shape {y.shape}")
        return ValidationSet(Samples(x, targets, train.outputs, weights), x, y, weights)

    def _scorer(self, validation: ValidationSet) -> Callable[[Floats], float]:
        """Return a function from θ to the score by one of scikit-learn's scorers, or the estimator's own `score`."""
        from sklearn.metrics import get_scorer

        scorer: Any = type(self).score if self.scoring is None else get_scorer(self.scoring)
        network = copy.copy(self)  # it takes arrays of encoded inputs, without names
        network._columns, network.n_features_in_ = None, validation.x.shape[1]
        network.__dict__.pop("feature_names_in_", None)
        weights = {} if validation.weights is None else {"sample_weight": validation.weights}

        def score(theta: Floats) -> float:
            if not np.isfinite(theta).all():
                return np.nan
            network.__dict__.update(self._fitted_shape.attributes(theta))
            return float(scorer(network, validation.x, validation.y, **weights))

        return score

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for each in (*getattr(self, "coefs_", ()), *getattr(self, "intercepts_", ())):
            each.flags.writeable = False

    def _weighted_sums(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the last layer's weighted sums for an array of checked inputs."""
        network = self._fitted_shape.network
        return self._raw_outputs(self.coefs_, self.intercepts_, self._normalization_state, network, x)

    def _outputs(self, X: Any) -> npt.NDArray[Any]:
        """Return the network's outputs (n, outputs): for an ensemble, the mean of its networks' outputs."""
        members = self._members()
        blocks = dense_blocks(X if needs_no_check(self, X) else checked_inputs(self, X))
        outputs = [average([self._loss.output.value(each._weighted_sums(x)) for each in members]) for x in blocks]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _members(self) -> list[Any]:
        """Return the networks that predict: this one, or those of an ensemble."""
        if "coefs_" not in vars(self):
            check_is_fitted(self)
        return vars(self).get("estimators_") or [self]

    def to_model(self) -> Model:
        """Return the trained network as a `deltarule.Model`, which can be saved; of an ensemble, the first network.

        Its recipe does not contain scikit-learn's stopping rules, nor L-BFGS.

        >>> from sklearn.datasets import load_iris
        >>> from deltarule import MLPClassifier
        >>> classifier = MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0)
        >>> classifier.fit(*load_iris(return_X_y=True)).to_model()
        Model(4-8-3, 67 parameters, 3 classes)
        """
        check_is_fitted(self)
        classes, sizes = self._model_classes(), self._fitted_shape.sizes
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        encoding = None if self._columns is None else self._columns.encoding
        names = tuple(getattr(self, "feature_names_in_", ())) if encoding is None else encoding.inputs
        return Model(
            recipe=self._recipe.replace(task=self._task()),
            sizes=sizes,
            theta=np.concatenate([each.ravel() for layer in pairs for each in layer]),
            scaling=UNSCALED,
            input_shape=sizes[:1],
            classes=classes,
            single=self.n_outputs_ == 1 or classes is not None,
            state=self._normalization_state,
            feature_names=names or None,
            encoding=encoding,
        )

    def _model_classes(self) -> npt.NDArray[Any] | None:
        return None

    def _task(self) -> str:
        return "regression"

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return X as a dense array of floats and y as an array, checked by scikit-learn."""
        raise NotImplementedError

    def _fit_targets(self, y: npt.NDArray[Any], *, first: bool, incremental: bool) -> None:
        """Set the classes, the loss and the number of outputs."""
        raise NotImplementedError

    def _targets(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return class indices (n,), or numbers (n, k)."""
        raise NotImplementedError

    def _strata(self, targets: npt.NDArray[Any]) -> Booleans | None:
        """Return the classes (n, 1) by which a held-out validation set is stratified, or None."""
        raise NotImplementedError

    def _score_from_metrics(self, validation: Samples) -> Callable[[Floats], float] | None:
        """Return the score as a function of an epoch's metrics, or None where they do not contain it."""
        raise NotImplementedError

    def _validated(self, X: Any, y: Any, *, reset: bool, numbers: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Return X as a dense, C-ordered array of floats, and y, checked by scikit-learn."""
        checks: dict[str, Any] = {"multi_output": True, "y_numeric": numbers, "dtype": (np.float64, np.float32)}
        if reset:
            self._columns = None if self.prepare is None else RawColumns.fit(self, X)
        if self._columns is not None:
            X, y = check_X_y(self._columns.inputs(self, X), y, estimator=self, **checks)
        else:
            with suggesting_prepare(X):
                X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], reset=reset, **checks)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return np.ascontiguousarray(X if isinstance(X, np.ndarray) else X.toarray()), y

    def _sample_weights(self, sample_weight: Any, X: npt.NDArray[Any]) -> Floats | None:
        """Return the samples' weights, or None if all are equal."""
        if sample_weight is None:
            return None
        weights: Floats = _check_sample_weight(sample_weight, X, dtype=np.float64)
        return weights

    def _class_weighted(self, weights: Floats | None, y: npt.NDArray[Any]) -> Floats | None:  # noqa: ARG002
        """Return the samples' weights, multiplied by those of their classes, if any."""
        return weights

    def _has_partial_fit(self) -> bool:
        """Return True; AttributeError for L-BFGS, which has no `partial_fit`."""
        if not stochastic(self.solver):
            raise AttributeError('partial_fit needs a solver that uses batches; solver="lbfgs" does not.')
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        prepared = self.prepare is not None
        tags.input_tags.sparse = not prepared
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = prepared
        return tags
