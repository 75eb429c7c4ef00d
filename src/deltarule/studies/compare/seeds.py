"""Seeds of a comparison: what they vary, initial weights, order of the samples or split, for all variants alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part, Split, Table
from deltarule.data.splits import split
from deltarule.errors import RecipeError
from deltarule.recipes import Recipe
from deltarule.recipes.checks import integer

START, ORDER, SPLIT = "start", "order", "split"
USUAL = (START, ORDER)


@dataclass(frozen=True)
class Seeds:
    """The seeds of a comparison, and what they vary.

    numbers : one network of each variant is trained with each of them.
    vary : "start", the initial weights; "order", the order of the samples and dropout's masks; "split", the split into
        training and validation set. What is not varied is that of the first seed.

    >>> Seeds.of(3, first=5).numbers
    (5, 6, 7)
    """

    numbers: tuple[int, ...]
    vary: tuple[str, ...] = USUAL

    @classmethod
    def of(cls, seeds: int | Sequence[int], first: int = 0, vary: Sequence[str] = USUAL) -> Seeds:
        """Make a number of seeds starting with the first, or the given seeds."""
        if isinstance(seeds, Sequence):
            numbers = tuple(integer("a seed", each, 0, "seeds=(0, 1, 2)") for each in seeds)
        else:
            numbers = tuple(range(first, first + integer("seeds", seeds, 1, "seeds=10")))
        if not numbers or len(set(numbers)) < len(numbers):
            raise RecipeError("seeds that differ, at least one", repr(tuple(numbers)), "seeds=10", field="seeds")
        known = (START, ORDER, SPLIT)
        chosen = (vary,) if isinstance(vary, str) else tuple(vary)
        if not chosen or not set(chosen) <= set(known):
            raise RecipeError(
                f"some of {', '.join(map(repr, known))}", repr(vary), f"seeds_vary={USUAL}", field="seeds_vary"
            )
        return cls(numbers, tuple(each for each in known if each in chosen))

    def recipe(self, recipe: Recipe, seed: int) -> Recipe:
        """Return the recipe of a network; its seed determines the order of the samples."""
        return recipe.replace(seed=seed if ORDER in self.vary else self.numbers[0])

    def start(self, seed: int) -> int:
        """Return the seed of the initial weights."""
        return seed if START in self.vary else self.numbers[0]

    def split(self, seed: int) -> int | None:
        """Return the seed of the split into training and validation set; None for the split of the data."""
        return seed if SPLIT in self.vary else None

    def __str__(self) -> str:
        names = {START: "the initial weights", ORDER: "the order of the samples", SPLIT: "the validation set"}
        words = [names[each] for each in self.vary]
        return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def resplit(dataset: Dataset, seed: int) -> Dataset:
    """Split the training and validation samples again, into sets of the same sizes.

    >>> import deltarule as dr
    >>> resplit(dr.load_dataset("iris"), seed=1)
    Dataset('iris': 120 train, 15 validation, 15 test; x 4 float64; 3 classes)
    """
    train, held = dataset.train, dataset.validation
    assert held is not None
    x = Table.joined([train.x, held.x]) if isinstance(train.x, Table) else np.concatenate([train.x, held.x])
    y = np.concatenate([train.y, held.y])
    weights = None
    if train.weights is not None or held.weights is not None:
        weights = np.concatenate([_weights(train), _weights(held)])
    parts = split(x, y, Split(validation=len(held), test=0, seed=seed), weights)
    return replace(dataset, train=parts.train, validation=parts.validation)


def _weights(part: Part) -> npt.NDArray[Any]:
    return np.ones(len(part)) if part.weights is None else part.weights
