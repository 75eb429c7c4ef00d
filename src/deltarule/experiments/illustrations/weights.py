"""What L2, L1 and dropout do to the weights of a network that learns digits."""

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
    "No remedy": BARE,
    "L2, λ = 0.003": BARE.replace(penalty=L2(3e-3)),
    "L1, λ = 0.002": BARE.replace(penalty=L1(2e-3, proximal=True)),
    "Dropout 0.5": BARE.replace(network=Network(hidden=HIDDEN, dropout=0.5)),
}


@dataclass(frozen=True)
class WeightSizes(Illustration):
    """Networks 64-32-10 from one start, on the same batches.

    weights : all weights of each network, biases left out, (2368,). accuracy : of each on the test part.
    """

    name: ClassVar[str] = "weights"
    shows: ClassVar[str] = "what L1, L2 and dropout do to the weights"

    weights: dict[str, Floats]
    accuracy: dict[str, float]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the four networks; the split of the digits varies with the seed as well."""
        data = load_dataset("digits", seed=seed)
        assert data.test is not None
        weights, accuracy = {}, {}
        for name, recipe in RECIPES.items():
            model = train(recipe.replace(seed=seed), data, engine="reference").model
            weights[name] = np.concatenate([each.ravel() for each in model.weights]).astype(np.float64)
            accuracy[name] = model.score(data.test.x, data.test.y)
        return cls(weights, accuracy)

    @property
    def facts(self) -> dict[str, Any]:
        """For each network the share of weights that are 0, the mean size of all, and the test accuracy."""
        return {
            "share_of_zeros": {name: float(np.mean(w == 0.0)) for name, w in self.weights.items()},
            "mean_size": {name: float(np.mean(np.abs(w))) for name, w in self.weights.items()},
            "test_accuracy": self.accuracy,
        }

    @property
    def sentence(self) -> str:
        """What each does."""
        zeros, size = self.facts["share_of_zeros"], self.facts["mean_size"]
        bare, l2, l1, dropout = self.weights
        return (
            f"L2 makes the weights smaller (mean size {size[l2]:.3f}, against {size[bare]:.3f} without a remedy), and "
            f"{100 * zeros[l2]:.0f} % of them zero. L1 with proximal steps makes {100 * zeros[l1]:.0f} % of them "
            f"exactly zero and lets a few stay large. Dropout asks nothing of their size: it is "
            f"{size[dropout]:.3f} here."
        )

    def picture(self) -> Figure:
        """A histogram of each network's weights, and their sizes in order."""
        from deltarule.experiments.figures.weights import weight_sizes

        return weight_sizes(self.weights, self.accuracy)
