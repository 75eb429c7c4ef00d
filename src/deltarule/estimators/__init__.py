"""The scikit-learn door: networks as estimators."""

from deltarule.estimators.classifier import MLPClassifier
from deltarule.estimators.regressor import MLPRegressor
from deltarule.estimators.search import NetworkSearchCV

__all__ = ["MLPClassifier", "MLPRegressor", "NetworkSearchCV"]
