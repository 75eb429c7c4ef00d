"""The mathematics: activations, losses, penalties, optimizers, initial weights, and the random numbers they need.

A formula is written once, for one number, next to its derivative; every engine reads it from here.
"""

from deltarule.formulas.activations import Activation, Identity, ReLU, Sigmoid, Softmax, Tanh
from deltarule.formulas.formula import Formula, formula, register, registered
from deltarule.formulas.initializers import (
    GlorotNormal,
    GlorotUniform,
    He,
    Initializer,
    LeCun,
    StandardNormal,
    Zeros,
)
from deltarule.formulas.losses import (
    AbsoluteError,
    HalfSquaredError,
    Loss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)
from deltarule.formulas.optimizers import SGD, AdaGrad, Adam, Momentum, Optimizer, RMSProp
from deltarule.formulas.penalties import L1, L2, Penalty

__all__ = [
    "L1",
    "L2",
    "SGD",
    "AbsoluteError",
    "Activation",
    "AdaGrad",
    "Adam",
    "Formula",
    "GlorotNormal",
    "GlorotUniform",
    "HalfSquaredError",
    "He",
    "Identity",
    "Initializer",
    "LeCun",
    "Loss",
    "Momentum",
    "Optimizer",
    "Penalty",
    "RMSProp",
    "ReLU",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "StandardNormal",
    "Tanh",
    "Zeros",
    "formula",
    "register",
    "registered",
]
