"""deltarule: train, compare and diagnose deep feedforward networks.

>>> import deltarule as dr
>>> digits = dr.load_dataset("digits")
>>> recipe = dr.Recipe(network=dr.Network(hidden=(32,)), epochs=5, stopping=None)
>>> run = dr.train(recipe, digits)
>>> run.model.predict(digits.test.x[:3]).shape
(3,)
"""

from typing import TYPE_CHECKING, Any

from deltarule.data import Dataset, Part, Split, dataset_names, load_dataset, split
from deltarule.errors import DeltaruleError, Diverged
from deltarule.formulas import (
    L1,
    L2,
    LBFGS,
    SGD,
    AbsoluteError,
    AdaDelta,
    AdaGrad,
    Adam,
    Adamax,
    AdamW,
    AMSGrad,
    BatchNormalization,
    ClipByNorm,
    ClipByValue,
    ConstantRate,
    CosineDecay,
    CosineRestarts,
    ElasticNet,
    ExponentialAverage,
    ExponentialDecay,
    ExponentialGrowth,
    GammaLoss,
    HalfSquaredError,
    Hinge,
    Huber,
    InverseTimeDecay,
    LayerNormalization,
    LinearToZero,
    Lion,
    LogCosh,
    MaxNorm,
    Momentum,
    Muon,
    NAdam,
    Nesterov,
    OneCycle,
    PoissonLoss,
    PolynomialDecay,
    Quantile,
    RAdam,
    ReduceOnPlateau,
    RMSProp,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SoftmaxFocal,
    SquaredError,
    StepDecay,
    WarmUp,
    formula,
    register,
)
from deltarule.models import Model, load_model
from deltarule.recipes import EarlyStopping, Network, Recipe, Scaling
from deltarule.studies.compare import Comparison, compare, vary
from deltarule.studies.gradient_check import GradientCheck, gradient_check
from deltarule.studies.learning_rate_range import LearningRateRange, learning_rate_range
from deltarule.studies.verdict import Verdict, verdict
from deltarule.training import Epoch, Evaluation, Run, Training, epochs, evaluate, train, train_many

if TYPE_CHECKING:
    from deltarule.estimators import MLPClassifier, MLPRegressor, NetworkSearchCV

__version__ = "0.1.0"

__all__ = [
    "L1",
    "L2",
    "LBFGS",
    "SGD",
    "AMSGrad",
    "AbsoluteError",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "BatchNormalization",
    "ClipByNorm",
    "ClipByValue",
    "Comparison",
    "ConstantRate",
    "CosineDecay",
    "CosineRestarts",
    "Dataset",
    "DeltaruleError",
    "Diverged",
    "EarlyStopping",
    "ElasticNet",
    "Epoch",
    "Evaluation",
    "ExponentialAverage",
    "ExponentialDecay",
    "ExponentialGrowth",
    "GammaLoss",
    "GradientCheck",
    "HalfSquaredError",
    "Hinge",
    "Huber",
    "InverseTimeDecay",
    "LayerNormalization",
    "LearningRateRange",
    "LinearToZero",
    "Lion",
    "LogCosh",
    "MLPClassifier",
    "MLPRegressor",
    "MaxNorm",
    "Model",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "Network",
    "NetworkSearchCV",
    "OneCycle",
    "Part",
    "PoissonLoss",
    "PolynomialDecay",
    "Quantile",
    "RAdam",
    "RMSProp",
    "Recipe",
    "ReduceOnPlateau",
    "Run",
    "Scaling",
    "SigmoidCrossEntropy",
    "SigmoidFocal",
    "SoftmaxCrossEntropy",
    "SoftmaxFocal",
    "Split",
    "SquaredError",
    "StepDecay",
    "Training",
    "Verdict",
    "WarmUp",
    "__version__",
    "compare",
    "dataset_names",
    "epochs",
    "evaluate",
    "formula",
    "gradient_check",
    "learning_rate_range",
    "load_dataset",
    "load_model",
    "register",
    "split",
    "train",
    "train_many",
    "vary",
    "verdict",
]

_ESTIMATORS = ("MLPClassifier", "MLPRegressor", "NetworkSearchCV")


def __getattr__(name: str) -> Any:
    """The estimators, which import scikit-learn, when they are asked for."""
    if name in _ESTIMATORS:
        from deltarule import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ESTIMATORS})
