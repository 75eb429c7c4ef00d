"""Normalizations: a layer's weighted sums brought to mean 0 and variance 1, then scaled and shifted."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "normalization")
