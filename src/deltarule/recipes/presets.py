"""Recipes for tables that are known to be good, by name: data, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deltarule.recipes.checks import integer, one_of
from deltarule.recipes.recipe import Recipe

DEFAULT_PRESET = "realmlp"
"""The preset of `deltarule train` where none is named."""
RACE = ("realmlp", "realmlp-ple")
"""The presets that the estimators for tables try on a fold where none is named."""
BEST_OF_BENCHMARK = "of deltarule's single networks it has the best mean rank on 13 tables"
"""Why it is the default."""

BATCHES = ((30_000, 256), (100_000, 512), (None, 1024))
"""Batch sizes by the number of training rows: up to so many, and the size. RealMLP's, as in pytabkit."""


def _merged(fields: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with others in their place; objects other than formulas are merged."""
    merged = dict(fields)
    for name, value in others.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping) and "name" not in value
        merged[name] = _merged(merged[name], value) if both else value
    return merged


@dataclass(frozen=True)
class Preset:
    """A recipe as data, with what differs by task and by the number of rows.

    source : where its constants come from.
    fields : of the recipe, as its JSON; fields that are absent have the recipe's defaults.
    by_task : fields that replace those, by task.
    batches : batch sizes by the number of rows: (up to so many, size), the last without a limit.
    """

    name: str
    source: str
    fields: Mapping[str, Any]
    by_task: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    batches: tuple[tuple[int | None, int], ...] = BATCHES

    def recipe(self, task: str, rows: int) -> Recipe:
        """Return the recipe for a task and a number of training rows."""
        size = next(size for most, size in self.batches if most is None or rows <= most)
        own = {"task": task, "batch_size": min(size, rows)}
        return Recipe.from_json(_merged(_merged(self.fields, self.by_task.get(task, {})), own))


_PREPARATION = {
    "numbers": "robust",
    "categories": "signed",
    "missing": "mean",
    "robust_categories": True,
    "arrays": True,
}
_REALMLP = {
    "network": {"hidden": [256, 256, 256], "input_scale": True, "parametrization": "ntk"},
    "groups": {"biases": {"learning_rate": 0.1}, "scale": {"learning_rate": 6.0}},
    "schedule": {"name": "cosine_log", "cycles": 4},
    "preparation": _PREPARATION,
    "epochs": 256,
    "drop_last": True,
    "stopping": {"patience": None, "monitor": "score", "ties": "last"},
}
_SMOOTHED = {"name": "softmax_cross_entropy", "label_smoothing": 0.1}

_PLAIN = Preset(
    "plain",
    "MLP-D of Holzmüller, Grinsztajn, Steinwart (2024), table B.5, with their robust scaling and smooth clipping in "
    "place of quantiles; the constants are those of TabZilla's MLP (McElfresh and others, 2023)",
    {
        "network": {"hidden": [128, 256, 128], "activation": "relu", "dropout": 0.1},
        "optimizer": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01},
        "preparation": _PREPARATION,
        "epochs": 256,
        "stopping": {"patience": 20},
    },
    batches=((None, 128),),
)

_REALMLP_S = Preset(
    "realmlp-s",
    "RealMLP-TD-S of Holzmüller, Grinsztajn, Steinwart (2024), as in pytabkit and in the authors' stand-alone "
    "implementation; all categories are one-hot inputs, the rarest of a column sharing the last",
    _merged(
        _REALMLP,
        {
            "network": {
                "initializer": [*["lecun"] * 3, "zeros"],
                "bias_initializer": [*["standard_normal"] * 3, "zeros"],
            },
        },
    ),
    {
        "classification": {
            "network": {"activation": "selu"},
            "optimizer": {"name": "adam", "learning_rate": 0.04, "beta2": 0.95},
            "loss": _SMOOTHED,
        },
        "multilabel": {
            "network": {"activation": "selu"},
            "optimizer": {"name": "adam", "learning_rate": 0.04, "beta2": 0.95},
        },
        "regression": {
            "network": {"activation": "mish"},
            "optimizer": {"name": "adam", "learning_rate": 0.07, "beta2": 0.95},
        },
    },
)

_DECAYED = {"name": "adamw", "beta2": 0.95, "weight_decay": 0.02}
_REALMLP_TD = Preset(
    "realmlp",
    "RealMLP-TD, the tuned defaults of Holzmüller, Grinsztajn, Steinwart (2024), as in pytabkit, in whose code the "
    "factor of a group on the learning rate enters the weight decay twice; 128 epochs in place of 256: half the time, "
    "and no significant difference of the score (docs/tables.md)",
    _merged(
        _REALMLP,
        {
            "network": {
                "dropout": 0.15,
                "initializer": "data",
                "bias_initializer": "data_points",
                "parametric_activation": 1.0,
                "embedding": {"name": "pbld", "frequencies": 16, "deviation": 0.1, "outputs": 3},
                "category_embedding": 8,
            },
            "groups": {
                "biases": {"learning_rate": 0.1, "decay": 0.0},
                "scale": {"learning_rate": 6.0, "decay": 6.0},
                "slopes": {"learning_rate": 0.1, "decay": 0.1},
                "embeddings": {"learning_rate": 0.1, "decay": 0.1},
            },
            "preparation": {"embedded_above": 8},
            "dropout_schedule": {"name": "flat_cosine"},
            "decay_schedule": {"name": "flat_cosine"},
            "clamp_predictions": True,
            "epochs": 128,
        },
    ),
    {
        "classification": {
            "network": {"activation": "selu"},
            "optimizer": _DECAYED | {"learning_rate": 0.04},
            "loss": _SMOOTHED,
        },
        "multilabel": {"network": {"activation": "selu"}, "optimizer": _DECAYED | {"learning_rate": 0.04}},
        "regression": {"network": {"activation": "mish"}, "optimizer": _DECAYED | {"learning_rate": 0.2}},
    },
)

_REALMLP_PLE = Preset(
    "realmlp-ple",
    "RealMLP-TD, as `realmlp`, with piecewise-linear embeddings of numbers (Gorishniy, Rubachev, Babenko, 2022) in "
    "place of periodic ones, for targets that change in steps",
    _merged(
        _REALMLP_TD.fields,
        {"network": {"embedding": {"name": "piecewise_linear", "bins": 48, "outputs": 4, "form": "linear"}}},
    ),
    _REALMLP_TD.by_task,
)

_UNIFORM = {"name": "he_uniform", "negative_slope": 5**0.5}  # U(−1/√d, 1/√d)
_TABM = Preset(
    "tabm",
    "TabM with piecewise-linear embeddings of Gorishniy, Kotelnikov, Babenko (2025), as in the authors' package; the "
    "batch sizes, and no weight decay of biases, as in TabArena; half as many members and units: a sixth of the time, "
    "and no significant difference of the score (docs/tables.md)",
    {
        "network": {
            "hidden": [256, 256],
            "activation": "relu",
            "dropout": 0.1,
            "members": 16,
            "embedding": {"name": "piecewise_linear", "bins": 48, "outputs": 16, "form": "linear"},
            "initializer": _UNIFORM,
            "bias_initializer": _UNIFORM,
        },
        "optimizer": {"name": "adamw", "learning_rate": 2e-3, "weight_decay": 3e-4},
        "groups": {"biases": {"decay": 0.0}},
        "clipping": {"name": "norm", "limit": 1.0},
        "preparation": {"numbers": "quantiles", "missing": "mean", "arrays": True},
        "epochs": 1000,
        "stopping": {"patience": 16, "monitor": "score"},
    },
    batches=((2_799, 32), (4_499, 64), (6_399, 128), (31_999, 256), (None, 512)),
)

PRESETS: dict[str, Preset] = {each.name: each for each in (_REALMLP_TD, _REALMLP_PLE, _REALMLP_S, _TABM, _PLAIN)}
"""The presets by name."""


def preset(name: str, task: str = "auto", data: Any = None) -> Recipe:
    """Return a recipe for tables that is known to be good, with every field visible.

    name : "realmlp", "realmlp-ple", "realmlp-s", "tabm" or "plain"; `deltarule.recipes.presets.PRESETS` has their
        sources.
    task : "classification", "regression" or "multilabel"; "auto" takes that of a `Dataset`.
    data : the training data, which decide the batch size: a `Dataset`, samples, or their number.

    Raises UnknownName for an unknown preset, RecipeError for a missing task.

    >>> recipe = preset("plain", "regression", 1000)
    >>> recipe.network.hidden, recipe.batch_size, Recipe.from_json(recipe.to_json()) == recipe
    ((128, 256, 128), 128, True)
    """
    chosen = PRESETS[one_of("preset", name, tuple(PRESETS))]
    task = one_of("task", getattr(data, "task", task) if task == "auto" else task, _TASKS)
    samples = getattr(data, "train", data)
    rows = len(samples) if hasattr(samples, "__len__") else samples
    return chosen.recipe(task, integer("data", rows, 1, f'preset("{name}", "{task}", data)'))


_TASKS = ("classification", "regression", "multilabel")
