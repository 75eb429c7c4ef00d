"""Fitted perceptrons of scikit-learn, alone or at the end of a pipeline of scalings."""

from __future__ import annotations

from typing import Any

import numpy as np

from deltarule.errors import ModelError
from deltarule.formulas import Activation
from deltarule.formulas.formula import formula
from deltarule.models.importing.imported import Imported, Layer
from deltarule.recipes import Affine
from deltarule.types import Floats

__all__ = ["from_scikit_learn"]

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "identity": "identity"}
_OUTPUTS = {"softmax": "softmax", "logistic": "sigmoid", "identity": "identity", "exp": "exponential"}


def from_scikit_learn(estimator: Any) -> Imported:
    """Return the network of a fitted MLPClassifier or MLPRegressor, or of a pipeline that ends with one."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline

    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    network = steps[-1]
    if not isinstance(network, (MLPClassifier, MLPRegressor)):
        came = f"{type(network).__name__}"
        raise ModelError("a fitted MLPClassifier or MLPRegressor, or a pipeline that ends with one", came)
    if not hasattr(network, "coefs_"):
        raise ModelError("a fitted network", f"one without weights, {type(network).__name__}", "estimator.fit(X, y)")
    pairs = zip(network.coefs_, network.intercepts_, strict=True)
    layers = [Layer(np.asarray(w), np.asarray(b), f"coefs_[{number}]") for number, (w, b) in enumerate(pairs)]
    hidden: Activation = formula("activation", _ACTIVATIONS[network.activation])
    task, classes = "regression", None
    if isinstance(network, MLPClassifier):
        several = network._label_binarizer.y_type_.startswith("multilabel")
        task = "multilabel" if several else "classification"
        classes = None if several else network.classes_.tolist()
    names = getattr(estimator, "feature_names_in_", None)
    return Imported(
        layers,
        [hidden] * (len(layers) - 1),
        _OUTPUTS[network.out_activation_],
        f"scikit-learn's {type(network).__name__}",
        task,
        _scaling(steps[:-1]),
        classes,
        feature_names=None if names is None else tuple(map(str, names)),
    )


def _scaling(steps: list[Any]) -> Affine | None:
    """Return the scalings x · factor + offset of a pipeline's first steps as one."""
    factor: Floats = np.array(1.0)
    offset: Floats = np.array(0.0)
    for step in steps:
        if isinstance(step, str) or step is None:  # "passthrough"
            continue
        own_factor, own_offset = _affine(step)
        factor, offset = factor * own_factor, offset * own_factor + own_offset
    if factor.shape == () and offset.shape == ():
        return None
    factor, offset = np.broadcast_arrays(factor, offset)
    if (factor == 0.0).any():
        raise ModelError("scalings with factors other than 0", "0")
    return Affine(np.array(-offset / factor), np.array(factor))


def _affine(step: Any) -> tuple[Any, Any]:
    """Return the factor and the offset of a fitted scaling."""
    kind = type(step).__name__
    if kind in {"StandardScaler", "RobustScaler"} and hasattr(step, "scale_"):
        centre = step.mean_ if kind == "StandardScaler" else step.center_
        centred = step.with_mean if kind == "StandardScaler" else step.with_centering
        factor = 1.0 if step.scale_ is None else 1.0 / step.scale_
        return factor, -centre * factor if centred else np.zeros_like(np.atleast_1d(factor))
    if kind == "MinMaxScaler" and hasattr(step, "min_") and not step.clip:
        return step.scale_, step.min_
    if kind == "MaxAbsScaler" and hasattr(step, "scale_"):
        return 1.0 / step.scale_, np.zeros_like(step.scale_)
    known = "StandardScaler, MinMaxScaler (without clip), MaxAbsScaler, RobustScaler"
    raise ModelError(f"fitted steps of {known} before the network", kind)
