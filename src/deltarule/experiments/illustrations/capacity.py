"""Underfitting and overfitting: networks of three sizes on the same points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from deltarule.experiments.illustrations.moon_fits import FRESH, SAMPLES, MoonFits
from deltarule.formulas import Adam
from deltarule.recipes import Network, Recipe

HIDDEN: dict[str, tuple[int, ...]] = {"No hidden layer": (), "8 hidden units": (8,), "64 + 64 units": (64, 64)}
FITS = ("Underfits", "About right", "Overfits")


class Capacity(MoonFits):
    """Networks of three sizes, trained without regularization."""

    name: ClassVar[str] = "underfitting"
    shows: ClassVar[str] = "a network that is too small, about right, and too large"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        name: Recipe(
            network=Network(hidden=hidden), optimizer=Adam(0.01), batch_size=SAMPLES, epochs=600, stopping=None
        )
        for name, hidden in HIDDEN.items()
    }

    @property
    def sentence(self) -> str:
        """Compare the accuracies of the three networks."""
        small, right, large = (f"{100 * each:.1f}" for each in self.fresh.values())
        low, _, high = (f"{100 * each:.0f}" for each in self.training.values())
        return (
            f"Without a hidden layer the boundary is a straight line: {low} % of the {SAMPLES} training points and "
            f"{small} % of {FRESH:,} new points are correct. With 64 + 64 hidden units {high} % of the training points "
            f"are correct, but only {large} % of the new ones. With 8 units it is {right} %."
        )

    @property
    def notes(self) -> list[str]:
        """Return how well each network fits."""
        return [
            f"{fits}: {100 * self.training[name]:.0f} %, new points {100 * self.fresh[name]:.1f} %"
            for fits, name in zip(FITS, self.maps, strict=True)
        ]
