"""Averaging: a mean of the weights over the steps, which predicts in their place."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "averaging")
