"""What a record is: recipes of networks, what they reached, and what others published."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.errors import RecipeError
from deltarule.formulas.copies.copies import Copies
from deltarule.recipes import Recipe
from deltarule.studies.compare.mean_inference import mean_inference

__all__ = ["ImageRecord", "Measured", "Published", "Spread"]

QUICK = 10
"""What the epochs are divided by in a quick run."""


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation and 95 % interval of the mean of n test errors, in percent; see `mean_inference`.

    >>> Spread.of([0.80, 0.84, 0.79]).text
    '0.81 (0.74 to 0.88)'
    """

    n: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, errors: Any) -> Spread:
        """Return the spread of errors (n,); of a single one nothing but the mean is known."""
        x = np.asarray(errors, np.float64)
        if len(x) < 2:
            return cls(len(x), float(x.mean()), None, None, None)
        found = mean_inference(x)
        return cls(len(x), float(x.mean()), float(x.std(ddof=1)), found.low, found.high)

    @property
    def text(self) -> str:
        """The mean, with its interval where there is one."""
        return f"{self.mean:.2f}" + ("" if self.low is None else f" ({self.low:.2f} to {self.high:.2f})")


@dataclass(frozen=True)
class Measured:
    """What a record reached.

    errors : the test error of each seed, in percent.
    seconds : of one seed, on average: training and prediction, without loading the data.
    processor : that they were measured on, with the number of its cores that were used.
    """

    errors: tuple[float, ...]
    seconds: float
    processor: str

    @property
    def spread(self) -> Spread:
        """Mean, standard deviation and interval of the errors."""
        return Spread.of(self.errors)


@dataclass(frozen=True)
class Published:
    """A test error that others published, in percent, and the seconds that it took where they are known."""

    error: float
    what: str
    source: str
    seconds: float | None = None


@dataclass(frozen=True)
class ImageRecord:
    """Networks for images, how they predict, and what is known of their test error.

    name : in the shell. title : in tables. dataset : the data set's name.
    recipes : one for each network; of several the mean of their probabilities is the prediction. Their seeds are set
        by the run: network i of seed s has seed s · networks + i.
    minutes : the time that one seed may take on two cores.
    published : by others, with perceptrons alone, the lowest error first.
    average_over : copies of each image over which predictions are averaged.
    fine_tuning : a second recipe, by which each network is trained further; its `network` is ignored.
    precision : of the compiled engine, where no other is requested.
    expected : what the record reached; None before it was measured.
    """

    name: str
    title: str
    dataset: str
    recipes: tuple[Recipe, ...]
    minutes: float
    published: tuple[Published, ...] = ()
    average_over: tuple[Copies, ...] = ()
    fine_tuning: Recipe | None = None
    precision: str = "bfloat16"
    expected: Measured | None = None

    @property
    def networks(self) -> int:
        """The number of networks."""
        return len(self.recipes)

    def seeded(self, seed: int, *, quick: bool = False) -> tuple[Recipe, ...]:
        """Return the recipes of a seed; of a quick run, with a tenth of the epochs."""
        if seed < 0 or (seed + 1) * self.networks > 2**32:
            raise RecipeError("a seed of at least 0", f"{seed}", "--seed 0", field="seed")
        return tuple(
            _run_of(recipe, seed * self.networks + place, quick=quick) for place, recipe in enumerate(self.recipes)
        )

    def stages(self, seed: int, *, quick: bool = False) -> tuple[tuple[Recipe, ...], ...]:
        """Return for each network of a seed the recipes that it is trained by, one after the other."""
        further = self.fine_tuning
        first = self.seeded(seed, quick=quick)
        if further is None:
            return tuple((recipe,) for recipe in first)
        return tuple(
            (recipe, _run_of(further.replace(network=recipe.network), recipe.seed, quick=quick)) for recipe in first
        )

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain data."""
        data = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        expected = None if self.expected is None else dataclasses.asdict(self.expected)
        return data | {
            "recipes": [recipe.to_json() for recipe in self.recipes],
            "average_over": [each.to_json() for each in self.average_over],
            "fine_tuning": None if self.fine_tuning is None else self.fine_tuning.to_json(),
            "published": [dataclasses.asdict(each) for each in self.published],
            "expected": expected and expected | {"spread": dataclasses.asdict(Spread.of(expected["errors"]))},
        }


def _run_of(recipe: Recipe, seed: int, *, quick: bool) -> Recipe:
    """Return a recipe as it is run: without early stopping, and in a quick run for a tenth of the epochs."""
    epochs = max(1, recipe.epochs // QUICK) if quick else recipe.epochs
    return recipe.replace(seed=seed, epochs=epochs, stopping=None)
