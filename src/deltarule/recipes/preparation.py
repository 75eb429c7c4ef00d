"""Preparation: how the columns of a table become numbers for a network, as data; what is learnt is another record."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from deltarule.recipes.checks import fields_of, one_of, whole


@dataclass(frozen=True)
class Preparation:
    """How the columns of a table become a network's inputs; all of it is learnt on the training part alone.

    numbers : of numbers, dates (as days) and booleans (as 0 and 1): "standard", each to mean 0 and deviation 1;
        "quantiles", each to a normal distribution by its ranks, which suits long tails; "none", as they are.
    categories : "one_hot", an input for each category; or "ordinal", one input, standardised, for categories whose
        sorted order means something.
    missing : what stands for a missing number: the "median", the "mean" or the "most_frequent" one. Where numbers are
        missing in training, an input beside them says where. A missing category is a category of its own.
    categories_at_most : inputs for the categories of one column; the rarest share the last one.

    Arrays are not prepared but scaled: see `Scaling`. For tables `scaling="auto"` does nothing more.

    >>> Preparation(numbers="quantiles").to_json()["numbers"]
    'quantiles'
    """

    numbers: str = "standard"
    categories: str = "one_hot"
    missing: str = "median"
    categories_at_most: int = 100

    def __post_init__(self) -> None:
        one_of("numbers", self.numbers, ("standard", "quantiles", "none"))
        one_of("categories", self.categories, ("one_hot", "ordinal"))
        one_of("missing", self.missing, ("median", "mean", "most_frequent"))
        most = whole("categories_at_most", self.categories_at_most, 2, "categories_at_most=100")
        object.__setattr__(self, "categories_at_most", most)

    def to_json(self) -> dict[str, Any]:
        """The preparation as data, every field named."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, spec: Any) -> Preparation:
        """The preparation that JSON means. Unknown fields are errors."""
        return spec if isinstance(spec, Preparation) else cls(**fields_of(cls, spec))
