"""What both estimators do: checks, weights to start from, training, and what is left behind."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, check_X_y, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from deltarule.engines.parameters import Shape, given
from deltarule.engines.parameters import first as first_theta
from deltarule.engines.problem import Samples
from deltarule.errors import OutOfMemory, RecipeError
from deltarule.estimators.callbacks import CallbackSupportMixin, Tasks, with_callbacks
from deltarule.estimators.ensemble import average, fit_members
from deltarule.estimators.first_weights import drawn
from deltarule.estimators.fitting import descend, minimise, seed_from
from deltarule.estimators.parameters import check_parameters, stochastic
from deltarule.estimators.prediction import UNSCALED, RawOutputs, checked_inputs, dense_blocks, plain
from deltarule.estimators.raw_columns import RawColumns, naming_prepare
from deltarule.estimators.specification import network_of, output_name
from deltarule.formulas import Loss
from deltarule.models import Model
from deltarule.recipes import Network, Recipe
from deltarule.types import Floats


class Perceptron(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """A multi-layer perceptron as scikit-learn's estimators are: parameters in, attributes out."""

    prepare: Any
    _columns: RawColumns | None = None
    _loss: Loss
    _recipe: Recipe
    _state: npt.NDArray[Any]
    _outputs: RawOutputs
    _sizes: tuple[int, ...]
    _network: Network
    best_loss_: float | None
    best_validation_score_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None

    def _remember(self, parameters: Mapping[str, Any]) -> None:
        """Keep the parameters of `__init__` under their names, as they came."""
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

        sample_weight : (n,), how much each sample counts.
        X_val, y_val, sample_weight_val : a validation part of one's own. `validation_scores_` and
            `validation_loss_curve_` then tell of it, and with `early_stopping` it stands for the share held out.

        Raises RecipeError for parameters that cannot be meant, ValueError for data that cannot be learnt from.
        """
        if (X_val is None) != (y_val is None):
            came = "X_val alone" if y_val is None else "y_val alone"
            raise RecipeError("X_val and y_val together", came, "fit(X, y, X_val=X_val, y_val=y_val)")
        brought = None if X_val is None else (X_val, y_val, sample_weight_val)
        try:
            return self._fit(X, y, sample_weight, brought)
        except MemoryError as error:
            raise OutOfMemory.of(error) from error

    def _fit(self, X: Any, y: Any, sample_weight: Any, brought: Any = None, *, incremental: bool = False) -> Self:
        parameters = self.get_params(deep=False)
        check_parameters(parameters)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: it sees a part of the data at a time.")
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        raw = X
        X, y = self._checked(X, y, reset=first)
        if brought is not None:
            brought = (*self._checked(*brought[:2], reset=False), brought[2])
        self._learn_targets(y, anew=first, incremental=incremental)
        random = check_random_state(self.random_state)
        if self.n_ensemble > 1:
            fit_members(self, X, y, sample_weight, brought, random, anew=first, incremental=incremental)
            return self
        weights = self._class_weighted(self._sample_weights(sample_weight, X), y)
        samples = Samples(X, self._targets(y), self.n_outputs_, weights)
        network = network_of(parameters)
        sizes = network.sizes(X.shape[1], self.n_outputs_)
        theta = self._start(network, sizes, random, X.dtype, anew=first)
        self._begin(sizes, anew=first)
        self._sizes, self._network, self._dtype = sizes, network, X.dtype
        told = X if self._columns is None else raw
        if stochastic(self.solver):
            tasks = None if incremental else Tasks(self, told, y, int(self.max_iter))
            theta = descend(self, samples, y, sizes, theta, brought, random, tasks)
        else:
            self._dtype = np.dtype(np.float64)
            theta = minimise(self, samples, sizes, theta, Tasks(self, told, y, 0))
        if not np.isfinite(theta).all():
            # scikit-learn's words, which programs look for.
            why = "The input data may contain large values and need to be preprocessed."
            raise ValueError(f"Solver produced non-finite parameter weights. {why}")
        self._set_theta(theta)
        return self

    def _start(
        self, network: Network, sizes: tuple[int, ...], random: np.random.RandomState, dtype: Any, *, anew: bool
    ) -> Floats:
        """θ, and the state of normalised layers, that training starts from: those there are, or new ones."""
        shape = Shape(sizes, network.normalization)
        state = np.zeros(0)
        if not anew:
            theta = given(list(zip(self.coefs_, self.intercepts_, strict=True)), sizes)
            state = getattr(self, "_state", state)
        elif self.initializer == "auto":
            theta = drawn(random, sizes, network.activations, dtype)
        else:
            theta = first_theta(network, sizes, seed_from(random))
        return np.concatenate([theta, state]) if len(state) == shape.total - shape.theta else shape.begun(theta)

    def _begin(self, sizes: tuple[int, ...], *, anew: bool) -> None:
        """The attributes that training goes on from: as they were, or anew."""
        self.n_layers_, self.out_activation_ = len(sizes), output_name(self._loss)
        self.__dict__.pop("estimators_", None)
        if anew:
            self.t_ = 0
        if not stochastic(self.solver):
            return
        first: dict[str, Any] = {"loss_curve_": [], "validation_scores_": None, "validation_loss_curve_": None}
        first |= {"t_": 0, "best_loss_": None, "best_validation_score_": None, "_no_improvement_count": 0}
        for name, value in first.items():
            if anew or not hasattr(self, name):
                setattr(self, name, value)
        if self.early_stopping and self.best_validation_score_ is None:
            self.best_validation_score_ = -np.inf
        elif not self.early_stopping and self.best_loss_ is None:
            self.best_loss_ = np.inf

    def _attributes_at(self, theta: npt.NDArray[Any]) -> dict[str, Any]:
        """The attributes that make predictions, for θ.

        Weights and biases are views that cannot be written to, for predictions would not follow.
        """
        own = theta.astype(self._dtype)
        own.flags.writeable = False
        shape = Shape(self._sizes, self._network.normalization)
        pairs = shape.layers(own)
        weights, biases = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        return {"coefs_": weights, "intercepts_": biases, "_state": own[shape.theta :], "_outputs": RawOutputs()}

    def _set_theta(self, theta: npt.NDArray[Any]) -> None:
        self.__dict__.update(self._attributes_at(theta))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for part in (*getattr(self, "coefs_", ()), *getattr(self, "intercepts_", ())):
            part.flags.writeable = False

    def _raw_outputs(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The last layer's weighted sums for an array of inputs that has been checked."""
        return self._outputs(self.coefs_, self.intercepts_, self._state, self._network, x)

    def _activated(self, X: Any) -> npt.NDArray[Any]:
        """The network's outputs (n, outputs), of an ensemble their mean."""
        members = self._members()
        blocks = dense_blocks(X if plain(self, X) else checked_inputs(self, X))
        outputs = [average([self._loss.output.value(each._raw_outputs(x)) for each in members]) for x in blocks]
        return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)

    def _of_inputs(self, width: int) -> Self:
        """A copy that takes the network's own inputs (n, width): arrays of numbers without names."""
        viewed = copy.copy(self)
        viewed._columns, viewed.n_features_in_ = None, width
        viewed.__dict__.pop("feature_names_in_", None)
        return viewed

    def _members(self) -> list[Any]:
        """The networks that predict: this one, or those of an ensemble."""
        if "coefs_" not in vars(self):
            check_is_fitted(self)
        return vars(self).get("estimators_") or [self]

    def to_model(self) -> Model:
        """The trained network as a `deltarule.Model`, to be saved and looked into; of an ensemble the first one.

        Its recipe has no word for scikit-learn's rules of stopping, nor for L-BFGS.

        >>> from sklearn.datasets import load_iris
        >>> from deltarule import MLPClassifier
        >>> classifier = MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0)
        >>> classifier.fit(*load_iris(return_X_y=True)).to_model()
        Model(4-8-3, 67 parameters, 3 classes)
        """
        check_is_fitted(self)
        classes = self._model_classes()
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        encoding = None if self._columns is None else self._columns.encoding
        names = tuple(getattr(self, "feature_names_in_", ())) if encoding is None else encoding.inputs
        return Model(
            recipe=self._recipe.replace(task=self._task()),
            sizes=self._sizes,
            theta=np.concatenate([part.ravel() for layer in pairs for part in layer]),
            scaling=UNSCALED,
            input_shape=self._sizes[:1],
            classes=classes,
            single=self.n_outputs_ == 1 or classes is not None,
            state=self._state,
            feature_names=names or None,
            encoding=encoding,
        )

    def _model_classes(self) -> npt.NDArray[Any] | None:
        return None

    def _task(self) -> str:
        return "regression"

    def _validated(self, X: Any, y: Any, *, reset: bool, numbers: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """X as a dense array of floats, rows whole, and y, by scikit-learn's own checks."""
        checks: dict[str, Any] = {"multi_output": True, "y_numeric": numbers, "dtype": (np.float64, np.float32)}
        if reset:
            self._columns = None if self.prepare is None else RawColumns.learn(self, X)
        if self._columns is not None:
            X, y = check_X_y(self._columns.inputs(self, X), y, estimator=self, **checks)
        else:
            with naming_prepare(X):
                X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], reset=reset, **checks)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return np.ascontiguousarray(X if isinstance(X, np.ndarray) else X.toarray()), y

    def _sample_weights(self, sample_weight: Any, X: npt.NDArray[Any]) -> Floats | None:
        """How much each sample counts, or None where all count the same."""
        if sample_weight is None:
            return None
        weights: Floats = _check_sample_weight(sample_weight, X, dtype=np.float64)
        return weights

    def _class_weighted(self, weights: Floats | None, y: npt.NDArray[Any]) -> Floats | None:  # noqa: ARG002
        """The samples' weights times those of their classes, where there are any."""
        return weights

    def _may_step(self) -> bool:
        """Whether there is a `partial_fit`: L-BFGS has none."""
        if not stochastic(self.solver):
            raise AttributeError('partial_fit needs a solver that goes batch by batch, and solver="lbfgs" does not.')
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        prepared = self.prepare is not None
        tags.input_tags.sparse = not prepared
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = prepared
        return tags
