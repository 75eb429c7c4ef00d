"""Embeddings of numbers: from each numeric input to several inputs of the first layer, with trained parameters."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "embedding")
