"""The effect of dropout and of L2 on the size of the weights, over several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import L2, SGD
from deltarule.recipes import Network, Recipe
from deltarule.training import train_many
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS, HIDDEN = 10, (32,)
BARE = Recipe(network=Network(hidden=HIDDEN), optimizer=SGD(0.2), batch_size=32, epochs=30, stopping=None)
RECIPES = {
    "No regularization": BARE,
    "L2, λ = 0.001": BARE.replace(penalty=L2(1e-3)),
    "Dropout 0.5": BARE.replace(network=Network(hidden=HIDDEN, dropout=0.5)),
}


@dataclass(frozen=True)
class DropoutWeights(Illustration):
    """Networks 64-32-10 on digits; for each seed all three have the same initial weights.

    sizes : mean squared weight of the hidden and of the output layer, (seeds, 2), by the recipe.
    """

    name: ClassVar[str] = "dropout-weights"
    shows: ClassVar[str] = "the effect of dropout and of L2 on the weights, over seeds"

    sizes: dict[str, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train each recipe with ten seeds."""
        data = load_dataset("digits", seed=seed)
        sizes = {}
        for name, recipe in RECIPES.items():
            runs = train_many([recipe.replace(seed=SEEDS * seed + number) for number in range(SEEDS)], data)
            squares = [[float(np.mean(np.square(w, dtype=np.float64))) for w in run.model.weights] for run in runs]
            sizes[name] = np.array(squares)
        return cls(sizes)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the mean over the seeds of each layer, and the number of seeds with larger weights than without."""
        bare = self.sizes["No regularization"]
        return {
            "seeds": SEEDS,
            "mean_square": {name: each.mean(axis=0).tolist() for name, each in self.sizes.items()},
            "seeds_with_larger_weights": {
                name: (each > bare).sum(axis=0).tolist() for name, each in self.sizes.items() if each is not bare
            },
        }

    @property
    def sentence(self) -> str:
        """Compare the weights of the hidden layer."""
        bare, l2, dropout = (each[:, 0].mean() for each in self.sizes.values())
        larger = self.facts["seeds_with_larger_weights"]["Dropout 0.5"][0]
        return (
            f"Mean squared weight of the hidden layer over {SEEDS} seeds: {bare:.4f} without regularization, {l2:.4f} "
            f"with L2, {dropout:.4f} with dropout, where it is larger with {larger} of {SEEDS} seeds. Dropout "
            f"regularizes, but it does not shrink the weights as L2 does."
        )

    def picture(self) -> Figure:
        """Draw the mean squared weights of both layers, a dot for each seed."""
        from deltarule.experiments.figures.seeds import dots_by_name

        panels = {f"{layer} layer": {n: s[:, place] for n, s in self.sizes.items()} for place, layer in _LAYERS}
        return dots_by_name(panels, "Mean squared weight")


_LAYERS = ((0, "Hidden"), (1, "Output"))
