"""Augmentations: random changes of samples that preserve the label; `composition` applies a list to a batch."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "augmentation")
