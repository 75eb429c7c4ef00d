"""What a race is about, as a client describes it: data, and two to six variants of a recipe in the one grammar."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deltarule.data import Dataset, Part, load_dataset
from deltarule.errors import DataError, RecipeError
from deltarule.formulas import registered
from deltarule.recipes import Network, Recipe
from deltarule.recipes.edit import edited, read
from deltarule.web.guard import Refusal
from deltarule.web.rows import read_csv

FIELDS = (
    "hidden", "activation", "optimizer", "learning_rate", "loss", "l2", "l1", "dropout", "normalization", "schedule",
    "batch_size", "initializer",
)  # fmt: skip
"""The fields of a recipe that a variant may set."""
GENERATED = ("moons", "circles", "spiral", "blobs")
IMAGES = ("digits", "fashion")
VARIANTS, SEEDS, EPOCHS, UNITS, LAYERS, ROWS = 6, 5, 2000, 1024, 6, 20_000
NETWORK = Network(hidden=(8, 8))
_IMAGES_USED = 4000
"""Training images of a race, at most."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """A race: its data set, the recipe of each variant, and the seeds with which each is trained."""

    data: Dataset
    recipes: tuple[Recipe, ...]
    seeds: int

    @classmethod
    def of(cls, asked: Mapping[str, Any], data_dir: Path | None) -> Plan:
        """Return the race that a request describes.

        Raises DeltaruleError or Refusal for what is invalid or too large.
        """
        variants = asked.get("variants")
        if not isinstance(variants, list) or not 2 <= len(variants) <= VARIANTS:
            raise RecipeError(f"2 to {VARIANTS} variants", "others", field="variants")
        epochs = _integer(asked, "epochs", 1, EPOCHS)
        recipes = tuple(recipe_of(each, epochs) for each in variants)
        return cls(data_of(asked, data_dir), recipes, _integer(asked, "seeds", 1, SEEDS))


def recipe_of(variant: Any, epochs: int) -> Recipe:
    """Return the recipe of a variant: fields of `FIELDS` as text, as the shell takes them.

    >>> recipe_of({"hidden": "8,8", "optimizer": "sgd", "learning_rate": "0.1"}, 50).optimizer
    SGD(learning_rate=0.1)
    """
    if not isinstance(variant, Mapping):
        raise RecipeError("an object with fields of a recipe", type(variant).__name__, field="variants")
    unknown = sorted(set(variant) - set(FIELDS))
    if unknown:
        raise RecipeError(f"fields among {', '.join(FIELDS)}", repr(unknown[0][:80]))
    values = {}
    for name, text in variant.items():
        if not isinstance(text, (str, int, float)) or len(str(text)) > 200:
            raise RecipeError("a text or a number", type(text).__name__, field=name)
        if text != "":
            values[name] = read(name, str(text))
    base = Recipe(network=NETWORK, epochs=epochs, stopping=None)
    recipe = edited(base, values)
    hidden = recipe.network.hidden
    if len(hidden) > LAYERS or sum(hidden) > UNITS:
        raise RecipeError(f"at most {LAYERS} hidden layers with {UNITS} units together", str(hidden), field="hidden")
    if recipe.optimizer.granularity == "full-batch":
        raise RecipeError("an optimizer of mini-batches", recipe.optimizer.name, "adam", field="optimizer")
    return recipe


def data_of(asked: Mapping[str, Any], data_dir: Path | None) -> Dataset:
    """Return the data set that a request names, or that its CSV text holds."""
    name = asked.get("data", "moons")
    if name == "csv":
        return _table(asked)
    if name not in (*GENERATED, *IMAGES):
        raise DataError(f"one of {', '.join((*GENERATED, *IMAGES, 'csv'))}", repr(name)[:80], field="data")
    if name == "fashion" and not has_fashion(data_dir):
        raise Refusal(400, "Expected the files of fashion on the server. Try: deltarule data fetch fashion")
    data = load_dataset(name, data_dir=data_dir if name == "fashion" else None)
    return data if len(data.train) <= _IMAGES_USED else _fewer(data)


def has_fashion(data_dir: Path | None) -> bool:
    """Whether the images of Fashion-MNIST are here, without a download."""
    from deltarule.data.download import cached
    from deltarule.data.idx import find_idx_files
    from deltarule.data.sources import SOURCES

    if data_dir is not None and find_idx_files(data_dir / "fashion"):
        return True
    return cached(SOURCES["fashion"]) is not None


def _fewer(data: Dataset) -> Dataset:
    assert data.validation is not None
    train = Part(data.train.x[:_IMAGES_USED], data.train.y[:_IMAGES_USED])
    validation = Part(data.validation.x[: _IMAGES_USED // 4], data.validation.y[: _IMAGES_USED // 4])
    return dataclasses.replace(data, train=train, validation=validation)


def _table(asked: Mapping[str, Any]) -> Dataset:
    text, target = asked.get("csv"), asked.get("target")
    if not isinstance(text, str) or not text.strip():
        raise DataError("a CSV text", "nothing", field="csv")
    table = read_csv(text.encode())
    if len(table) > ROWS:
        raise DataError(f"at most {ROWS:,} rows", f"{len(table):,}", field="csv")
    chosen = target if isinstance(target, str) and target else table.names[-1]
    return load_dataset(table, target=chosen)


def _integer(asked: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = asked.get(name, least)
    if type(value) is not int or not least <= value <= most:
        raise RecipeError(f"an integer from {least} to {most}", repr(value)[:80], field=name)
    return value


def choices() -> dict[str, list[str]]:
    """Return the names that a variant's fields may have, from the registries.

    >>> "tanh" in choices()["activation"], "lbfgs" in choices()["optimizer"]
    (True, False)
    """
    of = {name: [cls.name for cls in registered(name)] for name in ("loss", "normalization", "schedule")}
    return {
        "activation": [cls.name for cls in registered("activation") if cls.granularity == "elementwise"],
        "optimizer": [cls.name for cls in registered("optimizer") if cls.granularity != "full-batch"],
        "loss": ["auto", *of["loss"]],
        "normalization": ["none", *of["normalization"]],
        "schedule": of["schedule"],
    }


def usual() -> dict[str, str]:
    """Return what the fields with choices are where a variant does not set them.

    >>> usual()["loss"]
    'auto'
    """
    recipe = Recipe(network=NETWORK)
    activation = NETWORK.activations[0].name
    return {"activation": activation, "optimizer": recipe.optimizer.name, "loss": "auto", "normalization": "none"}


def plane(data: Dataset) -> np.ndarray[Any, Any] | None:
    """Return the training samples (n, 2) of a classification in the plane; None for other data."""
    x: Any = data.train.x
    if data.task != "classification":
        return None
    if hasattr(x, "columns"):
        numbers = all(column.kind == "number" and not np.isnan(column.values).any() for column in x)
        return np.column_stack([column.values for column in x]) if len(x.columns) == 2 and numbers else None
    return np.asarray(x, np.float64) if x.ndim == 2 and x.shape[1] == 2 else None
