"""Averaging of the parameters over the steps; the average is used for validation and prediction."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "averaging")
