"""Clipping: a limit on the size of the gradient, before the optimizer sees it."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "clipping")
