"""Augmentations: changes of samples that leave their meaning; `composition` applies a list of them to a batch."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "augmentation")
