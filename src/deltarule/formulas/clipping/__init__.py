"""Gradient clipping, applied before the optimizer step."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "clipping")
