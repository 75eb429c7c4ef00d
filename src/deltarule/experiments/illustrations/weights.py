"""The effect of L2, L1 and dropout on the weights of a network that classifies digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import L1, L2, SGD
from deltarule.recipes import Network, Recipe
from deltarule.training import train
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HIDDEN = (32,)
BARE = Recipe(network=Network(hidden=HIDDEN), optimizer=SGD(0.2), batch_size=32, epochs=30, stopping=None)
RECIPES = {
    "No regularization": BARE,
    "L2, λ = 0.003": BARE.replace(penalty=L2(3e-3)),
    "L1, λ = 0.002": BARE.replace(penalty=L1(2e-3, proximal=True)),
    "Dropout 0.5": BARE.replace(network=Network(hidden=HIDDEN, dropout=0.5)),
}


@dataclass(frozen=True)
class WeightSizes(Illustration):
    """Networks 64-32-10 with the same initial weights and batches.

    weights : weights of each network without biases, (2368,). accuracy : accuracy of each on the test set.
    """

    name: ClassVar[str] = "weights"
    shows: ClassVar[str] = "the effect of L1, L2 and dropout on the weights"

    weights: dict[str, Floats]
    accuracy: dict[str, float]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the four networks; the split of the digits varies with the seed as well."""
        data = load_dataset("digits", seed=seed)
        assert data.test is not None
        weights, accuracy = {}, {}
        for name, recipe in RECIPES.items():
            model = train(recipe.replace(seed=seed), data).model
            weights[name] = np.concatenate([each.ravel() for each in model.weights]).astype(np.float64)
            accuracy[name] = model.score(data.test.x, data.test.y)
        return cls(weights, accuracy)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the fraction of zero weights, the mean absolute weight, and the test accuracy of each network."""
        return {
            "fraction_of_zeros": {name: float(np.mean(w == 0.0)) for name, w in self.weights.items()},
            "mean_size": {name: float(np.mean(np.abs(w))) for name, w in self.weights.items()},
            "test_accuracy": self.accuracy,
        }

    @property
    def sentence(self) -> str:
        """Describe the effect of each."""
        zeros, size = self.facts["fraction_of_zeros"], self.facts["mean_size"]
        bare, l2, l1, dropout = self.weights
        return (
            f"L2 makes the weights smaller (mean absolute weight {size[l2]:.3f}, compared with {size[bare]:.3f} "
            f"without regularization), and {100 * zeros[l2]:.0f} % of them zero. L1 with proximal steps makes "
            f"{100 * zeros[l1]:.0f} % of them exactly zero and leaves a few large. Dropout does not penalize their "
            f"size: the mean is {size[dropout]:.3f}."
        )

    def picture(self) -> Figure:
        """Draw a histogram of the weights of each network, and their sorted absolute values."""
        from deltarule.experiments.figures.weights import weight_sizes

        return weight_sizes(self.weights, self.accuracy)
