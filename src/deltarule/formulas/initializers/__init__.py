"""Distributions of the initial weights, given the numbers of inputs and outputs of a layer."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "initializer")
