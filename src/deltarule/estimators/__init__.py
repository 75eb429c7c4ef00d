"""scikit-learn's interface: networks as estimators."""

from deltarule.estimators.classifier import MLPClassifier
from deltarule.estimators.onnx_converter import register_onnx_converters
from deltarule.estimators.regressor import MLPRegressor
from deltarule.estimators.several import NetworkSearchCV
from deltarule.estimators.tabular_classifier import TabularClassifier
from deltarule.estimators.tabular_regressor import TabularRegressor

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "NetworkSearchCV",
    "TabularClassifier",
    "TabularRegressor",
    "register_onnx_converters",
]
