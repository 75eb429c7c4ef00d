"""Decision boundaries on two moons: a network that memorizes its few points, and two regularized ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from deltarule.experiments.illustrations.moon_fits import FRESH, SAMPLES, MoonFits
from deltarule.formulas import L2, Adam
from deltarule.recipes import Network, Recipe

BARE = Recipe(
    network=Network(hidden=(64, 64)), optimizer=Adam(0.01), batch_size=SAMPLES, epochs=600, stopping=None
)  # fmt: skip


class Overfitting(MoonFits):
    """Three networks with the same initial weights, one without regularization."""

    name: ClassVar[str] = "overfitting"
    shows: ClassVar[str] = "decision boundaries on two moons, overfitted and regularized"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "No regularization": BARE,
        "L2, λ = 0.02": BARE.replace(penalty=L2(0.02)),
        "Dropout 0.5": BARE.replace(network=Network(hidden=(64, 64), dropout=0.5)),
    }

    @property
    def sentence(self) -> str:
        """Compare the accuracies on the training points and on new points."""
        bare, *held = self.fresh
        others = " and ".join(f"{100 * self.fresh[name]:.1f} % with {_within(name)}" for name in held)
        return (
            f"Without regularization, the accuracy is {100 * self.training[bare]:.0f} % on the {SAMPLES} training "
            f"points, and the boundary bends around single points; on {FRESH:,} new points the accuracy is "
            f"{100 * self.fresh[bare]:.1f} %, compared with {others}."
        )

    @property
    def notes(self) -> list[str]:
        """Return the accuracies of each network."""
        return [
            f"{100 * self.training[name]:.0f} % here, {100 * self.fresh[name]:.1f} % on new points"
            for name in self.maps
        ]


def _within(name: str) -> str:
    """Return a name for use within a sentence: without its numbers, dropout in lower case.

    >>> _within("L2, λ = 0.02"), _within("Dropout 0.5")
    ('L2', 'dropout')
    """
    word = name.replace(",", "").split()[0]
    return word if word.isupper() else word.lower()
