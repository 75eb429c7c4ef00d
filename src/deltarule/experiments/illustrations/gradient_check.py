"""Backpropagation compared with finite differences: the error as a function of the step h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.recipes import Network, Recipe
from deltarule.studies.gradient_check import gradient_check
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class GradientSteps(Illustration):
    """Largest relative error over all parameters of a network 4-8-3 on iris, for each step h."""

    name: ClassVar[str] = "gradient-check"
    shows: ClassVar[str] = "backpropagation compared with finite differences, by the step h"

    steps: Floats
    errors: Floats
    parameters: int

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Check the gradient of one network with each step."""
        recipe = Recipe(network=Network(hidden=(8,), activation="tanh"), seed=seed)
        iris = load_dataset("iris", seed=seed)
        steps = 10.0 ** -np.arange(0.0, 13.0)
        checks = [gradient_check(recipe, iris, step=float(step)) for step in steps]
        return cls(steps, np.array([check.largest_relative_error for check in checks]), checks[0].parameters)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the best step and its error, and the error of each step."""
        best = int(np.argmin(self.errors))
        return {
            "parameters": self.parameters,
            "best_step": float(self.steps[best]),
            "smallest_error": float(self.errors[best]),
            "errors": {f"{h:.0e}": float(error) for h, error in zip(self.steps, self.errors, strict=True)},
        }

    @property
    def sentence(self) -> str:
        """Describe how closely the two gradients agree."""
        facts = self.facts
        return (
            f"Over {self.parameters} parameters the two gradients agree to a relative error of "
            f"{facts['smallest_error']:.0e}, at h = {facts['best_step']:.0e}. With larger h the truncation error of "
            f"the difference grows as h²; with smaller h its rounding error as 1 / h. Backpropagation has neither."
        )

    def picture(self) -> Figure:
        """Draw the error over h, both logarithmic."""
        from deltarule.experiments.figures.differences import difference_errors

        return difference_errors(self.steps, self.errors)
