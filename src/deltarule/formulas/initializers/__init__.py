"""Initializers: the distribution of the initial weights, given a layer's numbers of inputs and outputs."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "initializer")
