"""scikit-learn's interface: networks as estimators."""

from deltarule.estimators.classifier import MLPClassifier
from deltarule.estimators.regressor import MLPRegressor
from deltarule.estimators.several import NetworkSearchCV

__all__ = ["MLPClassifier", "MLPRegressor", "NetworkSearchCV"]
