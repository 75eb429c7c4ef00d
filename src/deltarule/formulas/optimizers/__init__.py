"""Optimizers: how a parameter moves, given its gradient. One step for one number, or for all at once."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "optimizer")
