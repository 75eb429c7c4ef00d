"""Penalties on the weights (regularization). The objective is the mean loss plus the sum over all weights."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "penalty")
