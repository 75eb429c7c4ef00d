"""The specification of the preprocessing of tables; what is fitted to the data is an `Encoding`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from deltarule.recipes.checks import fields_of, integer, one_of
from deltarule.recipes.suggestions import explained


@explained
@dataclass(frozen=True)
class Preparation:
    """Preprocessing of a table's columns to a network's inputs, fitted to the training set only.

    numbers : of numbers, dates (as days) and booleans (as 0 and 1): "standard", each to mean 0 and standard deviation
        1; "quantiles", each to a normal distribution by its ranks, for long-tailed values; "none", unchanged.
    categories : "one_hot", an input for each category; or "ordinal", one standardised input, for categories whose
        sorted order is meaningful.
    missing : imputation of missing numbers: "median", "mean" or "most_frequent". For a column with missing numbers in
        training, an additional input indicates them. Missing categories form a category of their own.
    categories_at_most : maximum number of inputs for the categories of one column; the rarest share the last one.

    Arrays are not preprocessed but scaled: see `Scaling`. For tables `scaling="auto"` has no further effect.

    >>> Preparation(numbers="quantiles").to_json()["numbers"]
    'quantiles'
    """

    numbers: str = "standard"
    categories: str = "one_hot"
    missing: str = "median"
    categories_at_most: int = 100

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "numbers", one_of("numbers", self.numbers, ("standard", "quantiles", "none")))
        set_(self, "categories", one_of("categories", self.categories, ("one_hot", "ordinal")))
        set_(self, "missing", one_of("missing", self.missing, ("median", "mean", "most_frequent")))
        most = integer("categories_at_most", self.categories_at_most, 2, "categories_at_most=100")
        set_(self, "categories_at_most", most)

    def to_json(self) -> dict[str, Any]:
        """Return the preparation as data, with every field."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, spec: Any) -> Preparation:
        """Convert JSON to a preparation. Unknown fields are errors."""
        return spec if isinstance(spec, Preparation) else cls(**fields_of(cls, spec))
