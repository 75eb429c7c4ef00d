"""scikit-learn's `MLPClassifier`, trained by deltarule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from deltarule.engines.problem import Samples
from deltarule.errors import DataError, OutOfMemory, RecipeError
from deltarule.estimators.perceptron import Perceptron
from deltarule.estimators.specification import class_loss
from deltarule.estimators.validation import accuracy
from deltarule.types import Booleans, Floats


class MLPClassifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """A multi-layer perceptron that tells classes apart: scikit-learn's estimator, trained by deltarule.

    Every parameter of scikit-learn's `MLPClassifier` means what it means there, has the same default, and with the same
    `random_state` leads to the same weights, up to rounding. Those below it lacks, or takes less for.

    Parameters
    ----------
    activation : scikit-learn's names or any registered activation, by its name or as a formula; a sequence has one for
        each hidden layer.
    solver : "adam", "sgd", "lbfgs", or any registered optimizer. A name takes `learning_rate_init`, a formula has a
        rate of its own.
    verbose : True for a line each epoch, "bar" for a progress bar.
    early_stopping : watch `scoring` on the validation part and go back to the best epoch.
    scoring : what early stopping watches: None for the accuracy, "loss", or any of scikit-learn's scorers.
    loss : "log_loss", or any registered loss, by its name or as a formula.
    dropout : the share of units left out: a number for all hidden layers, or a list, the input's first.
    normalization : of the hidden layers: "batch", "layer", or a formula.
    l1 : strength of an L1 penalty, divided by each batch's weight as `alpha` is.
    max_norm : the largest norm of the weights into a hidden unit; None for no bound.
    schedule : any registered schedule: a factor on the learning rate, from step to step.
    class_weight : None, "balanced", or a dictionary of weights, multiplied into `sample_weight`.
    initializer : "auto" draws what scikit-learn draws; otherwise any registered initializer.
    prepare : "auto" takes data frames and arrays with words, dates and missing values too: `fit` learns how they become
        numbers. A `deltarule.Preparation` says how. None takes numbers only, as they are.
    augmentation : changes of the training samples, new at every step: an augmentation's name, a formula, or several.
    image_shape : (height, width), or (height, width, channels), of the image in each row; most augmentations need it.
    n_ensemble : how many networks are trained side by side and averaged.
    engine : "compiled", or "reference": NumPy, the definition.
    n_threads : how many threads train; None leaves it to the engine. The weights are the same to the last bit.

    Attributes
    ----------
    coefs_, intercepts_, classes_, loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_, n_iter_,
    t_, n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_ : scikit-learn's.
    validation_loss_curve_ : the mean loss of the validation part after each epoch, without the penalty.
    history_ : the last call's epochs, each a `deltarule.Epoch`.
    estimators_ : the networks of an ensemble; the other attributes are then those of the first. With `prepare` they
        take what the columns have become.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((16,), learning_rate_init=0.01, max_iter=2000, random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.95)
    True
    """

    _multilabel: bool

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
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
        loss: Any = "log_loss",
        dropout: Any = 0.0,
        normalization: Any = None,
        l1: float = 0.0,
        max_norm: float | None = None,
        schedule: Any = None,
        class_weight: Any = None,
        initializer: Any = "auto",
        scoring: Any = None,
        prepare: Any = None,
        augmentation: Any = None,
        image_shape: tuple[int, ...] | None = None,
        n_ensemble: int = 1,
        engine: str = "compiled",
        n_threads: int | None = None,
    ) -> None:
        self._remember(locals())

    @available_if(lambda self: self._may_step())  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch on X (n, d) and y, going on from where the last call left off.

        classes : all labels that any call will bring; the first call needs them.
        """
        if self.class_weight == "balanced":
            came = 'class_weight="balanced" in partial_fit, which sees a part of the data at a time'
            raise RecipeError("the classes' weights as a dictionary", came, 'class_weight={"yes": 2.0, "no": 1.0}')
        self._meet_classes(classes)
        try:
            return self._fit(X, y, sample_weight, incremental=True)
        except MemoryError as error:
            raise OutOfMemory.of(error) from error

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The label of each sample (n,), or 0 and 1 for each of several labels (n, k)."""
        a = self._activated(X)
        if self._multilabel:
            return (a > 0.5).astype(np.int64)
        codes = (a[:, 0] > 0.5).astype(np.intp) if a.shape[1] == 1 else np.argmax(a, axis=1)
        labels: npt.NDArray[Any] = self.classes_[np.minimum(codes, len(self.classes_) - 1)]
        return labels

    def predict_proba(self, X: Any) -> npt.NDArray[Any]:
        """The probability of each class (n, classes); of several labels each by itself.

        Outputs that are not probabilities are clipped to [0, 1], and rows of independent ones divided by their sum.
        """
        a = self._activated(X)
        if a.shape[1] == 1 and not self._multilabel:
            a = np.clip(a, 0.0, 1.0)
            return np.hstack([1 - a, a])
        if self._multilabel or self._loss.output.reach == "row":
            return a
        a = np.clip(a, 0.0, 1.0)
        total = a.sum(axis=1, keepdims=True)
        shares: Floats = np.where(total > 0, a / np.where(total > 0, total, 1.0), 1.0 / a.shape[1])
        return shares

    def predict_log_proba(self, X: Any) -> npt.NDArray[Any]:
        """The logarithm of `predict_proba`; of a probability of 0 it is −∞."""
        with np.errstate(divide="ignore"):
            logarithms: npt.NDArray[Any] = np.log(self.predict_proba(X))
        return logarithms

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self._validated(X, y, reset=reset, numbers=False)

    def _meet_classes(self, classes: Any) -> None:
        """Keep the labels that partial_fit is told of, once."""
        known = getattr(self, "classes_", None)
        if classes is None:
            if known is None:
                came, instead = "none in the first one", "partial_fit(X, y, classes=np.unique(all_labels))"
                raise DataError("all classes of the calls to come", came, instead)
        elif known is None:
            self.classes_ = unique_labels(classes)
        elif not np.array_equal(known, unique_labels(classes)):
            raise DataError(f"the classes of the calls before, {known}", f"{classes}")

    def _learn_targets(self, y: npt.NDArray[Any], *, anew: bool, incremental: bool) -> None:
        """The classes and what tells them apart; ValueError where `y` does not agree with what was learnt before."""
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            came = f"{y.shape[1]} columns of several classes each"
            raise DataError("labels (n,), or 0 and 1 for each of several labels (n, k)", came)
        self._multilabel = kind == "multilabel-indicator"
        found = unique_labels(y)
        if not incremental and (anew or not hasattr(self, "classes_")):
            self.classes_ = found
        elif self.warm_start and set(found) != set(self.classes_):
            # scikit-learn's words, which programs look for.
            wanted = "warm_start can only be used where `y` has the same classes as in the previous call to fit."
            raise ValueError(f"{wanted} Previously got {self.classes_}, `y` has {found}")
        elif len(np.setdiff1d(found, self.classes_)):
            raise DataError(f"classes among {self.classes_}", f"{found}")
        self._loss = class_loss(self.loss, several=not self._multilabel and len(self.classes_) > 2)
        if self._multilabel and self._loss.output.reach == "row":
            raise RecipeError("a loss for several labels at once", self._loss.name, 'loss="log_loss"')
        if self._loss.domain in ("non_negative", "positive"):
            raise RecipeError("a loss for classes", self._loss.name, 'loss="log_loss"')
        two = len(self.classes_) <= 2 and self._loss.output.reach == "element"
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
        """Weights that make all classes count the same, by what their samples weigh."""
        codes = np.searchsorted(self.classes_, y)
        totals = np.bincount(codes, weights, minlength=len(self.classes_))
        met = totals > 0
        each = np.where(met, totals.sum() / (met.sum() * np.where(met, totals, 1.0)), 0.0)
        balanced: Floats = each[codes]
        return balanced

    def _strata(self, targets: npt.NDArray[Any]) -> Booleans | None:
        """What a split keeps the shares of; scikit-learn does so for two classes only."""
        return (targets == 1)[:, None] if targets.ndim == 1 and self.n_outputs_ == 1 else None

    def _score_of_figures(self, held: Samples) -> Callable[..., float] | None:
        return accuracy if held.classes and self.scoring in (None, "accuracy") else None

    def _model_classes(self) -> npt.NDArray[Any] | None:
        return None if self._multilabel else self.classes_

    def _task(self) -> str:
        return "multilabel" if self._multilabel else "classification"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
