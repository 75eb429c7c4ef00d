"""Adversarial perturbations: changes of the inputs that increase the loss, made before each training step."""

from deltarule.formulas.namespace import fill

__getattr__, __dir__ = fill(__name__, "perturbation")
