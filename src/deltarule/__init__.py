"""deltarule: train, compare and diagnose deep feedforward networks.

>>> import deltarule as dr
>>> digits = dr.load_dataset("digits")
>>> recipe = dr.Recipe(network=dr.Network(hidden=(32,)), epochs=5, stopping=None)
>>> run = dr.train(recipe, digits)
>>> run.model.predict(digits.test.x[:3]).shape
(3,)
"""

TYPE_CHECKING = False  # nothing is imported before it is used, and nothing here either
if TYPE_CHECKING:
    from deltarule.data import Dataset, Part, Split, Table, dataset_names, load_dataset, split
    from deltarule.data.folds import folds
    from deltarule.errors import DeltaruleError, Diverged
    from deltarule.estimators import MLPClassifier, MLPRegressor, NetworkSearchCV, TabularClassifier, TabularRegressor
    from deltarule.formulas import (
        L1,
        L2,
        LBFGS,
        PBLD,
        SGD,
        AbsoluteError,
        AdaDelta,
        AdaGrad,
        Adam,
        Adamax,
        AdamW,
        AMSGrad,
        BatchNormalization,
        Brightness,
        ClipByNorm,
        ClipByValue,
        Colour,
        ConstantRate,
        Contrast,
        CosineDecay,
        CosineLog,
        CosineRestarts,
        Cutout,
        Elastic,
        ElasticNet,
        ExponentialAverage,
        ExponentialDecay,
        ExponentialGrowth,
        FeatureNoise,
        FlatCosine,
        GammaLoss,
        GaussianNoise,
        HalfSquaredError,
        Hinge,
        HorizontalFlip,
        Huber,
        InverseTimeDecay,
        LayerNormalization,
        LinearToZero,
        Lion,
        LogCosh,
        MaxNorm,
        Milestones,
        Mixup,
        Momentum,
        Muon,
        NAdam,
        Nesterov,
        OneCycle,
        PoissonLoss,
        PolynomialDecay,
        Quantile,
        RAdam,
        RandomCrop,
        ReduceOnPlateau,
        RMSProp,
        Rotation,
        Shear,
        SigmoidCrossEntropy,
        SigmoidFocal,
        SoftmaxCrossEntropy,
        SoftmaxFocal,
        SquaredError,
        StepDecay,
        Translation,
        VerticalFlip,
        WarmUp,
        Zoom,
        activations,
        augmentations,
        averaging,
        clipping,
        constraints,
        embeddings,
        formula,
        initializers,
        losses,
        normalizations,
        optimizers,
        penalties,
        register,
        schedules,
    )
    from deltarule.models import Model, load_model
    from deltarule.recipes import (
        EarlyStopping,
        Network,
        ParameterGroup,
        ParameterGroups,
        Preparation,
        Recipe,
        Scaling,
        preset,
    )
    from deltarule.studies.bias_variance import bias_variance
    from deltarule.studies.compare import Comparison, compare, vary
    from deltarule.studies.explain import (
        Explanation,
        accumulated_local_effects,
        explain,
        partial_dependence,
        permutation_importance,
    )
    from deltarule.studies.gradient_check import GradientCheck, gradient_check
    from deltarule.studies.learning_rate_range import LearningRateRange, learning_rate_range
    from deltarule.studies.out_of_fold import cross_calibrated, out_of_fold
    from deltarule.studies.reliability import reliability
    from deltarule.studies.results import results
    from deltarule.studies.suspicious_labels import suspicious_labels
    from deltarule.studies.verdict import Remedy, Verdict, verdict, verdict_of
    from deltarule.training import Epoch, Evaluation, Run, Training, augmented, epochs, evaluate, train, train_many

__version__ = "0.1.0"

__all__ = [
    "L1",
    "L2",
    "LBFGS",
    "PBLD",
    "SGD",
    "AMSGrad",
    "AbsoluteError",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "BatchNormalization",
    "Brightness",
    "ClipByNorm",
    "ClipByValue",
    "Colour",
    "Comparison",
    "ConstantRate",
    "Contrast",
    "CosineDecay",
    "CosineLog",
    "CosineRestarts",
    "Cutout",
    "Dataset",
    "DeltaruleError",
    "Diverged",
    "EarlyStopping",
    "Elastic",
    "ElasticNet",
    "Epoch",
    "Evaluation",
    "Explanation",
    "ExponentialAverage",
    "ExponentialDecay",
    "ExponentialGrowth",
    "FeatureNoise",
    "FlatCosine",
    "GammaLoss",
    "GaussianNoise",
    "GradientCheck",
    "HalfSquaredError",
    "Hinge",
    "HorizontalFlip",
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
    "Milestones",
    "Mixup",
    "Model",
    "Momentum",
    "Muon",
    "NAdam",
    "Nesterov",
    "Network",
    "NetworkSearchCV",
    "OneCycle",
    "ParameterGroup",
    "ParameterGroups",
    "Part",
    "PoissonLoss",
    "PolynomialDecay",
    "Preparation",
    "Quantile",
    "RAdam",
    "RMSProp",
    "RandomCrop",
    "Recipe",
    "ReduceOnPlateau",
    "Remedy",
    "Rotation",
    "Run",
    "Scaling",
    "Shear",
    "SigmoidCrossEntropy",
    "SigmoidFocal",
    "SoftmaxCrossEntropy",
    "SoftmaxFocal",
    "Split",
    "SquaredError",
    "StepDecay",
    "Table",
    "TabularClassifier",
    "TabularRegressor",
    "Training",
    "Translation",
    "Verdict",
    "VerticalFlip",
    "WarmUp",
    "Zoom",
    "__version__",
    "accumulated_local_effects",
    "activations",
    "augmentations",
    "augmented",
    "averaging",
    "bias_variance",
    "clipping",
    "compare",
    "constraints",
    "cross_calibrated",
    "dataset_names",
    "embeddings",
    "epochs",
    "evaluate",
    "explain",
    "folds",
    "formula",
    "gradient_check",
    "initializers",
    "learning_rate_range",
    "load_dataset",
    "load_model",
    "losses",
    "normalizations",
    "optimizers",
    "out_of_fold",
    "partial_dependence",
    "penalties",
    "permutation_importance",
    "preset",
    "register",
    "reliability",
    "results",
    "schedules",
    "split",
    "suspicious_labels",
    "train",
    "train_many",
    "vary",
    "verdict",
    "verdict_of",
]

# Everything public is imported when it is first used: `import deltarule` takes milliseconds.
_HOMES = (
    "deltarule.data",
    "deltarule.errors",
    "deltarule.formulas",
    "deltarule.models",
    "deltarule.recipes",
    "deltarule.studies.bias_variance",
    "deltarule.studies.explain",
    "deltarule.studies.gradient_check",
    "deltarule.studies.learning_rate_range",
    "deltarule.studies.out_of_fold",
    "deltarule.studies.reliability",
    "deltarule.studies.results",
    "deltarule.studies.suspicious_labels",
    "deltarule.studies.verdict",
    "deltarule.training",
)
# These import scikit-learn, or much else that most programs do not use.
_SEPARATE = {
    "Comparison": "deltarule.studies.compare",
    "MLPClassifier": "deltarule.estimators",
    "MLPRegressor": "deltarule.estimators",
    "NetworkSearchCV": "deltarule.estimators",
    "TabularClassifier": "deltarule.estimators",
    "TabularRegressor": "deltarule.estimators",
    "compare": "deltarule.studies.compare",
    "vary": "deltarule.studies.compare",
}
_PACKAGES = {
    "data",
    "engines",
    "errors",
    "experiments",
    "formulas",
    "models",
    "recipes",
    "studies",
    "training",
    "types",
}


def __getattr__(name: str) -> object:
    """Import a public name or a subpackage on its first use."""
    import importlib

    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in __all__:
        for home in (_SEPARATE[name],) if name in _SEPARATE else _HOMES:
            module = importlib.import_module(home)
            if hasattr(module, name):
                globals()[name] = getattr(module, name)
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})
