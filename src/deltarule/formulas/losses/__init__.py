"""Losses: what a wrong output costs. Each is a function of the raw output z and holds the link that turns z into a."""

from deltarule.formulas.losses.classes import (
    Hinge,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SoftmaxFocal,
)
from deltarule.formulas.losses.distances import (
    AbsoluteError,
    HalfSquaredError,
    Huber,
    LogCosh,
    Quantile,
    SquaredError,
)
from deltarule.formulas.losses.likelihoods import GammaLoss, PoissonLoss
from deltarule.formulas.losses.loss import Loss

__all__ = [
    "AbsoluteError",
    "GammaLoss",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "PoissonLoss",
    "Quantile",
    "SigmoidCrossEntropy",
    "SigmoidFocal",
    "SoftmaxCrossEntropy",
    "SoftmaxFocal",
    "SquaredError",
]
