"""scikit-learn's `MLPClassifier`, trained by deltarule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from deltarule.engines.problem import Samples
from deltarule.errors import DataError, OutOfMemory, RecipeError
from deltarule.estimators.fitting import accuracy
from deltarule.estimators.parameters import class_loss
from deltarule.estimators.perceptron import Perceptron
from deltarule.formulas import Activation, Augmentation, Initializer, Loss, Normalization, Optimizer, Schedule
from deltarule.formulas.formula import Spec
from deltarule.models.calibration import probabilities_of_outputs
from deltarule.recipes import Preparation
from deltarule.types import Booleans, Floats


class MLPClassifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """Multi-layer perceptron classifier: scikit-learn's estimator, trained by deltarule.

    Every parameter of scikit-learn's `MLPClassifier` has the same meaning and default, and the same `random_state`
    gives the same weights, up to rounding. The parameters below are additions, or accept more.

    Parameters
    ----------
    activation : scikit-learn's names or any registered activation, by its name or as a formula; a sequence has one for
        each hidden layer.
    solver : "adam", "sgd", "lbfgs", or any registered optimizer. A name takes `learning_rate_init`, a formula has its
        own rate.
    verbose : True for a line each epoch, "bar" for a progress bar.
    early_stopping : monitor `scoring` on the validation set and restore the best epoch's weights.
    scoring : the metric that early stopping monitors: None for the accuracy, "loss", or any of scikit-learn's scorers.
    loss : "log_loss", or any registered loss, by its name or as a formula.
    dropout : dropout rate of all hidden layers, or a list starting with the input's.
    normalization : of the hidden layers: "batch", "layer", or a formula.
    l1 : strength of an L1 penalty, divided by each batch's weight like `alpha`.
    max_norm : maximum norm of the weights into a hidden unit; None for no bound.
    schedule : any registered schedule: a factor on the learning rate at each step.
    class_weight : None, "balanced", or a dictionary of weights, multiplied into `sample_weight`.
    initializer : "auto" draws the same weights as scikit-learn; otherwise any registered initializer.
    prepare : "auto" accepts data frames and arrays with text, dates and missing values, and fits their preprocessing;
        a `deltarule.Preparation` sets its options. None accepts numbers only, unchanged.
    augmentation : random changes of the training samples at every step: an augmentation's name, a formula, or several.
    image_shape : (height, width), or (height, width, channels), of the image in each row; most augmentations need it.
    n_ensemble : number of networks that are trained in parallel and averaged.
    engine : "compiled", or "reference": NumPy, the definition.
    precision : of training: None for that of the data, "float32", "float64", or "bfloat16", which rounds the operands
        of the products; the solver "lbfgs" takes float64.
    n_threads : number of threads; None lets the engine choose. The weights do not depend on it, to the last bit.

    Attributes
    ----------
    coefs_, intercepts_, classes_, loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_, n_iter_,
    t_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_ : scikit-learn's.
    validation_loss_curve_ : mean loss of the validation set after each epoch, without the penalty.
    history_ : the last call's epochs, each a `deltarule.Epoch`.
    estimators_ : the networks of an ensemble; the other attributes are then those of the first. With `prepare` they
        take preprocessed inputs.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((16,), learning_rate_init=0.01, max_iter=2000, random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.95)
    True
    """

    _multilabel: bool

    def __init__(
        self,
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
        loss: Spec | Loss = "log_loss",
        dropout: float | Sequence[float] = 0.0,
        normalization: Spec | Normalization | None = None,
        l1: float = 0.0,
        max_norm: float | None = None,
        schedule: Spec | Schedule | None = None,
        class_weight: str | Mapping[Any, float] | Sequence[Mapping[Any, float]] | None = None,
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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on X (n, d) and y, continuing from the last call.

        classes : all labels of this and later calls; required in the first call.
        """
        if self.class_weight == "balanced":
            got = 'class_weight="balanced" in partial_fit, where a call sees a part of the data'
            raise RecipeError("the classes' weights as a dictionary", got, 'class_weight={"yes": 2.0, "no": 1.0}')
        self._set_classes(classes)
        try:
            return self._fit(X, y, sample_weight, incremental=True)
        except MemoryError as error:
            raise OutOfMemory.of(error) from error

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the label of each sample (n,), or 0 and 1 for each of several labels (n, k)."""
        a = self._outputs(X)
        if self._multilabel:
            return (a > 0.5).astype(np.int64)
        codes = (a[:, 0] > 0.5).astype(np.intp) if a.shape[1] == 1 else np.argmax(a, axis=1)
        labels: npt.NDArray[Any] = self.classes_[np.minimum(codes, len(self.classes_) - 1)]
        return labels

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """Return the probability of each class (n, classes), or of each of several labels.

        Outputs that are not probabilities are clipped to [0, 1], and rows of independent ones divided by their sum.
        """
        a = self._outputs(X)
        if self._multilabel:
            of_labels: npt.NDArray[Any] = np.clip(a, 0.0, 1.0)
            return of_labels
        probabilities: Floats = a if self._loss.output.granularity == "rowwise" else probabilities_of_outputs(a)
        return probabilities

    def predict_log_proba(self, X: Any) -> npt.NDArray[Any]:
        """Return the logarithm of `predict_proba`: −∞ for a probability of 0."""
        with np.errstate(divide="ignore"):
            logarithms: npt.NDArray[Any] = np.log(self.predict_proba(X))
        return logarithms

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self._validated(X, y, reset=reset, numbers=False)

    def _set_classes(self, classes: Any) -> None:
        """Set the classes from the argument of the first `partial_fit`; later ones must agree."""
        known = getattr(self, "classes_", None)
        if classes is None:
            if known is None:
                instead = "partial_fit(X, y, classes=np.unique(all_labels))"
                raise DataError("all classes of this and later calls", "none in the first call", instead)
        elif known is None:
            self.classes_ = unique_labels(classes)
        elif not np.array_equal(known, unique_labels(classes)):
            raise DataError(f"the classes of earlier calls, {known}", f"{classes}")

    def _fit_targets(self, y: npt.NDArray[Any], *, first: bool, incremental: bool) -> None:
        """Set the classes and the loss; ValueError if `y` does not agree with earlier calls."""
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            got = f"{y.shape[1]} columns of several classes each"
            raise DataError("labels (n,), or 0 and 1 for each of several labels (n, k)", got)
        self._multilabel = kind == "multilabel-indicator"
        found = unique_labels(y)
        if not incremental and (first or not hasattr(self, "classes_")):
            self.classes_ = found
        elif self.warm_start and set(found) != set(self.classes_):
            # scikit-learn's message, which programs look for.
            expected = "warm_start can only be used where `y` has the same classes as in the previous call to fit."
            raise ValueError(f"{expected} Previously got {self.classes_}, `y` has {found}")
        elif len(np.setdiff1d(found, self.classes_)):
            raise DataError(f"classes among {self.classes_}", f"{found}")
        self._loss = class_loss(self.loss, several=not self._multilabel and len(self.classes_) > 2)
        if self._multilabel and self._loss.output.granularity == "rowwise":
            raise RecipeError("a loss for several labels per sample", self._loss.name, 'loss="log_loss"')
        if self._loss.domain in ("non_negative", "positive"):
            raise RecipeError("a loss for classification", self._loss.name, 'loss="log_loss"')
        two = len(self.classes_) <= 2 and self._loss.output.granularity == "elementwise"
        self.n_outputs_ = y.shape[1] if self._multilabel else 1 if two else max(2, len(self.classes_))

    def _targets(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self._multilabel:
            return y.astype(np.float64)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise DataError(f"classes among {self.classes_}", f"{unknown[0]!r}")
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _class_weighted(self, weights: Floats | None, y: npt.NDArray[Any]) -> Floats | None:
        if self.class_weight is None:
            return weights
        if self.class_weight == "balanced" and not self._multilabel:
            of_classes = self._balanced(weights, y)
        else:
            of_classes = compute_sample_weight(self.class_weight, y)
        return of_classes if weights is None else weights * of_classes

    def _balanced(self, weights: Floats | None, y: npt.NDArray[Any]) -> Floats:
        """Return weights that give all classes the same total weight."""
        codes = np.searchsorted(self.classes_, y)
        totals = np.bincount(codes, weights, minlength=len(self.classes_))
        present = totals > 0
        each = np.where(present, totals.sum() / (present.sum() * np.where(present, totals, 1.0)), 0.0)
        balanced: Floats = each[codes]
        return balanced

    def _strata(self, targets: npt.NDArray[Any]) -> Booleans | None:
        """Return two classes as strata; scikit-learn does not stratify several classes."""
        return (targets == 1)[:, None] if targets.ndim == 1 and self.n_outputs_ == 1 else None

    def _score_from_metrics(self, validation: Samples) -> Callable[[Floats], float] | None:
        return accuracy if validation.classes and self.scoring in (None, "accuracy") else None

    def _model_classes(self) -> npt.NDArray[Any] | None:
        return None if self._multilabel else self.classes_

    def _task(self) -> str:
        return "multilabel" if self._multilabel else "classification"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
