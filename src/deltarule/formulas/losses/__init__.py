"""Losses as functions of the raw output z, and their inverse links a = σ(z)."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "loss")
