"""Constraints on the incoming weights of hidden units."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "constraint")
