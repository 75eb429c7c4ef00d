"""Normalization of a layer's weighted sums to mean 0 and variance 1, followed by a trained scale and shift."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "normalization")
