"""Activation functions a = σ(z), and their derivatives ∂a/∂z."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "activation")
