"""The specification of the preprocessing of tables; what is fitted to the data is an `Encoding`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from deltarule.errors import RecipeError
from deltarule.recipes.checks import boolean, fields_of, integer, later_fields, one_of
from deltarule.recipes.suggestions import explained

NUMBERS = ("standard", "quantiles", "robust", "none")
CATEGORIES = ("one_hot", "signed", "ordinal")


@explained
@dataclass(frozen=True)
class Preparation:
    """Preprocessing of a table's columns to a network's inputs, fitted to the training set only.

    numbers : of numbers, dates (as days) and booleans (as 0 and 1): "standard", each to mean 0 and standard deviation
        1; "quantiles", each to a normal distribution by its ranks, for long-tailed values; "robust", each by its median
        and quartiles, and then clipped smoothly to (−3, 3); "none", unchanged.
    categories : "one_hot", an input for each category; "signed", the same, except that two categories have one input, 1
        for the first and −1 for the second; or "ordinal", one standardised input, for categories whose sorted order is
        meaningful.
    missing : imputation of missing numbers: "median", "mean" or "most_frequent". For a column with missing numbers in
        training, an additional input indicates them. Missing categories form a separate category; with "signed" they
        are 0 in all inputs of the column, as unknown ones are.
    categories_at_most : maximum number of inputs for the categories of one column; the rarest share the last one.
    robust_categories : whether "robust" applies to the inputs of categories and of missing numbers too.
    embedded_above : the number of categories above which a column is one input of codes, each of which has a trained
        vector in the network; see `Network(category_embedding=...)`. None for no such columns.
    arrays : whether arrays (n, d) are preprocessed as tables of numbers. Otherwise they are scaled: see `Scaling`.

    For what is preprocessed `scaling="auto"` has no further effect.

    "robust", with the median m, the quartiles q₁, q₃ and the extremes of a column's training values:

        u = s (x − m),  s = 1 / (q₃ − q₁), or 2 / (max − min) where the quartiles are equal, or 0 where all values are
        x' = u / √(1 + (u / 3)²)

    Robust scaling and smooth clipping, and signed categories: Holzmüller, Grinsztajn, Steinwart (2024), RealMLP.

    >>> Preparation(numbers="quantiles").to_json()["numbers"]
    'quantiles'
    """

    numbers: str = "standard"
    categories: str = "one_hot"
    missing: str = "median"
    categories_at_most: int = 100
    robust_categories: bool = False
    embedded_above: int | None = None
    arrays: bool = False

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "numbers", one_of("numbers", self.numbers, NUMBERS))
        set_(self, "categories", one_of("categories", self.categories, CATEGORIES))
        set_(self, "missing", one_of("missing", self.missing, ("median", "mean", "most_frequent")))
        most = integer("categories_at_most", self.categories_at_most, 2, "categories_at_most=100")
        set_(self, "categories_at_most", most)
        boolean("robust_categories", self.robust_categories)
        boolean("arrays", self.arrays)
        if self.embedded_above is not None:
            integer("embedded_above", self.embedded_above, 1, "embedded_above=8, or None")
        if self.robust_categories and (self.numbers != "robust" or self.categories == "ordinal"):
            came = f"numbers={self.numbers!r} and categories={self.categories!r}"
            expected = 'numbers="robust" and one_hot or signed categories'
            raise RecipeError(expected, came, "robust_categories=False", field="robust_categories")

    def to_json(self, *, all_fields: bool = False) -> dict[str, Any]:
        """Return the preparation as data.

        all_fields : whether to include fields that files of earlier versions lack and that have their defaults.
        """
        data = dataclasses.asdict(self)
        return data if all_fields else later_fields(data, _LATER, _LATER)

    @classmethod
    def of(cls, spec: Any) -> Preparation:
        """Convert JSON to a preparation. Unknown fields are errors."""
        return spec if isinstance(spec, Preparation) else cls(**fields_of(cls, spec))


_LATER = {"robust_categories": False, "embedded_above": None, "arrays": False}
"""Fields that files of earlier versions lack, with their defaults."""
