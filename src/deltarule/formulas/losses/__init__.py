"""Losses: what a wrong output costs, as a function of the raw output z, with the inverse link that turns z into a."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "loss")
