"""Activations: what a unit makes of its weighted sum. a = σ(z), and the slope ∂a/∂z."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "activation")
