"""Activations: what a unit makes of its weighted sum. a = σ(z), and the slope ∂a/∂z."""

from deltarule.formulas.activations.activation import Activation
from deltarule.formulas.activations.bounded import HardSigmoid, Sigmoid, Softsign, Tanh
from deltarule.formulas.activations.links import Exponential, Identity, Softmax
from deltarule.formulas.activations.rectified import CELU, ELU, SELU, LeakyReLU, ReLU
from deltarule.formulas.activations.smooth import GELU, Mish, SiLU, Softplus

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "Exponential",
    "HardSigmoid",
    "Identity",
    "LeakyReLU",
    "Mish",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]
