"""Optimizers: how a parameter moves, given its gradient. One step for one number, or for all at once."""

from deltarule.formulas.optimizers.adam import Adam, Adamax, AdamW, AMSGrad, NAdam, RAdam
from deltarule.formulas.optimizers.adaptive import AdaDelta, AdaGrad, RMSProp
from deltarule.formulas.optimizers.momentum import SGD, Lion, Momentum, Nesterov
from deltarule.formulas.optimizers.optimizer import Optimizer
from deltarule.formulas.optimizers.whole import LBFGS, Muon

__all__ = [
    "LBFGS",
    "SGD",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "Optimizer",
    "RAdam",
    "RMSProp",
]
