"""Optimizers: the update of a parameter, given its gradient."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "optimizer")
