"""A network before and after augmentation: accuracy on shifted images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import Translation
from deltarule.recipes import Network, Recipe
from deltarule.training import train_many
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS, SHIFTS = 5, (-2, -1, 0, 1, 2)
BARE = Recipe(network=Network(hidden=(128,)), epochs=100, stopping=None)
RECIPES = {
    "Without augmentation": BARE,
    "With shifts of up to 1.5 pixels": BARE.replace(augmentation=(Translation(1.5),)),
}


@dataclass(frozen=True)
class Shifted(Illustration):
    """Networks 64-128-10 on digits of 8 × 8 pixels, with and without augmentation by translation.

    accuracy : on test images shifted horizontally, (shifts, seeds), by the recipe.
    """

    name: ClassVar[str] = "augmentation"
    shows: ClassVar[str] = "a network on shifted images, before and after augmentation"

    accuracy: dict[str, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train both recipes with five seeds, and evaluate them on shifted test images."""
        data = load_dataset("digits", seed=seed)
        assert data.test is not None
        images = [shifted(data.test.x, pixels) for pixels in SHIFTS]
        accuracy = {}
        for name, recipe in RECIPES.items():
            runs = train_many([recipe.replace(seed=SEEDS * seed + number) for number in range(SEEDS)], data)
            accuracy[name] = np.array([[run.model.score(x, data.test.y) for run in runs] for x in images])
        return cls(accuracy)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the mean accuracy for each shift in pixels."""
        means = {name: each.mean(axis=1) for name, each in self.accuracy.items()}
        return {
            "seeds": SEEDS,
            "accuracy": {name: dict(zip(map(str, SHIFTS), each.tolist(), strict=True)) for name, each in means.items()},
        }

    @property
    def sentence(self) -> str:
        """Compare the accuracy on images shifted by one pixel."""
        before, after = (100 * each.mean(axis=1) for each in self.accuracy.values())
        still, one = SHIFTS.index(0), SHIFTS.index(1)
        return (
            f"A perceptron does not recognize a shifted image by itself: one pixel to the right lowers the accuracy "
            f"from {before[still]:.1f} to {before[one]:.1f} %. Trained on shifted images it has {after[one]:.1f} % "
            f"there, and {after[still]:.1f} % on the original ones (means over {SEEDS} seeds)."
        )

    def picture(self) -> Figure:
        """Draw the accuracy over the shift."""
        from deltarule.experiments.figures.seeds import lines_over_seeds

        series = {name: 100 * each for name, each in self.accuracy.items()}
        return lines_over_seeds(
            SHIFTS, series, x="Shift to the right (pixels of 8)", y="Accuracy on the test images (%)"
        )


def shifted(images: Floats, pixels: int) -> Floats:
    """Return images (n, height, width) shifted to the right, with background 0 on the other side.

    >>> shifted(np.array([[[1.0, 2.0, 3.0]]]), 1).tolist(), shifted(np.array([[[1.0, 2.0, 3.0]]]), -1).tolist()
    ([[[0.0, 1.0, 2.0]]], [[[2.0, 3.0, 0.0]]])
    """
    moved = np.roll(images, pixels, axis=2)
    moved[:, :, slice(None, pixels) if pixels >= 0 else slice(pixels, None)] = 0
    return moved
