"""The base class of activations: a = σ(z), and the derivative ∂a/∂z."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.errors import RecipeError
from deltarule.formulas.formula import Formula, Values


@dataclass(frozen=True)
class Activation(Formula):
    """An elementwise function and its derivative.

    `value(z)` and `slope(z, a)` accept numbers and arrays of any shape. `slope` also receives a = value(z), because
    many derivatives are simpler in terms of a.
    """

    kind: ClassVar[str] = "activation"
    initializer: ClassVar[str] = "glorot_uniform"

    def value(self, z: Values) -> Values:
        """Return σ(z)."""
        raise NotImplementedError

    def slope(self, z: Values, a: Values) -> Values:
        """Return ∂σ/∂z, where a = σ(z)."""
        raise NotImplementedError

    def of_mean(self, z: Values) -> Values:
        """Return the raw output (n, k) whose value is the mean of the values of z, (n, members, k).

        Only activations of output units have it: those that define `mean_terms` and `from_means`.
        """
        return self.from_means(*(np.mean(term, axis=1) for term in self.mean_terms(z)))

    def mean_terms(self, z: Values) -> tuple[Values, ...]:
        """Return what `of_mean` takes the means of over the members, each of the shape of z."""
        instead = 'loss="squared_error" or "softmax_cross_entropy"'
        raise RecipeError("an inverse link whose mean has an inverse", self.name, instead, field="loss")

    def from_means(self, *means: Values) -> Values:
        """Return the raw output for the means of `mean_terms`."""
        raise NotImplementedError
