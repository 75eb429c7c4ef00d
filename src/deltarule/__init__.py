"""deltarule: train, compare and diagnose deep feedforward networks.

>>> import deltarule as dr
>>> digits = dr.load_dataset("digits")
>>> recipe = dr.Recipe(network=dr.Network(hidden=(32,)), epochs=5, stopping=None)
>>> run = dr.train(recipe, digits)
>>> run.model.predict(digits.test.x[:3]).shape
(3,)
"""

from deltarule.data import Dataset, Part, Split, dataset_names, load_dataset, split
from deltarule.errors import DeltaruleError, Diverged
from deltarule.formulas import (
    L1,
    L2,
    SGD,
    AbsoluteError,
    AdaGrad,
    Adam,
    HalfSquaredError,
    Momentum,
    RMSProp,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
    formula,
    register,
)
from deltarule.models import Model, load_model
from deltarule.recipes import EarlyStopping, Network, Recipe, Scaling
from deltarule.studies.gradient_check import GradientCheck, gradient_check
from deltarule.studies.verdict import Verdict, verdict
from deltarule.training import Epoch, Evaluation, Run, Training, epochs, evaluate, train, train_many

__version__ = "0.1.0"

__all__ = [
    "L1",
    "L2",
    "SGD",
    "AbsoluteError",
    "AdaGrad",
    "Adam",
    "Dataset",
    "DeltaruleError",
    "Diverged",
    "EarlyStopping",
    "Epoch",
    "Evaluation",
    "GradientCheck",
    "HalfSquaredError",
    "Model",
    "Momentum",
    "Network",
    "Part",
    "RMSProp",
    "Recipe",
    "Run",
    "Scaling",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "Split",
    "SquaredError",
    "Training",
    "Verdict",
    "__version__",
    "dataset_names",
    "epochs",
    "evaluate",
    "formula",
    "gradient_check",
    "load_dataset",
    "load_model",
    "register",
    "split",
    "train",
    "train_many",
    "verdict",
]
