"""Constraints: a limit on the size of the weights into a unit."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "constraint")
