"""The results of a model on a set of samples: confusion, curves, worst predictions, residuals."""

from deltarule.studies.results.classes import ClassCurves, ClassificationResults, ConfusedPair, WorstClass
from deltarule.studies.results.numbers import RegressionResults, WorstNumber
from deltarule.studies.results.reading import results

__all__ = [
    "ClassCurves",
    "ClassificationResults",
    "ConfusedPair",
    "RegressionResults",
    "WorstClass",
    "WorstNumber",
    "results",
]
