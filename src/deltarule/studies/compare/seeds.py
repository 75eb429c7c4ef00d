"""What a seed varies: the first weights, the order of the samples, the split. Variants share it seed by seed."""

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

    numbers : a network of each variant is trained with each of them.
    vary : "start", the first weights; "order", the order of the samples and dropout's masks; "split", which samples are
        learnt from and which validated with. What is not varied is that of the first seed.

    >>> Seeds.of(3, first=5).numbers
    (5, 6, 7)
    """

    numbers: tuple[int, ...]
    vary: tuple[str, ...] = USUAL

    @classmethod
    def of(cls, seeds: int | Sequence[int], first: int = 0, vary: Sequence[str] = USUAL) -> Seeds:
        """So many seeds from the first on, or just these."""
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
        """The recipe of a network: its seed decides the order, and the first weights unless `start` does."""
        return recipe.replace(seed=seed if ORDER in self.vary else self.numbers[0])

    def start(self, seed: int) -> int:
        """The seed that draws the first weights."""
        return seed if START in self.vary else self.numbers[0]

    def split(self, seed: int) -> int | None:
        """The seed that deals out training and validation anew; None where they stay as they came."""
        return seed if SPLIT in self.vary else None

    def __str__(self) -> str:
        names = {START: "the first weights", ORDER: "the order of the samples", SPLIT: "the validation part"}
        words = [names[each] for each in self.vary]
        return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def dealt_anew(dataset: Dataset, seed: int) -> Dataset:
    """The samples of the training and the validation part, dealt out anew in parts of the same sizes.

    >>> import deltarule as dr
    >>> dealt_anew(dr.load_dataset("iris"), seed=1)
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
