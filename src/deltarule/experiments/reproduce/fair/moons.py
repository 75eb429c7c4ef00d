"""The fair version of `moons`: over seeds, on new points, each optimizer with its own tuned learning rate."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from deltarule.data import Dataset
from deltarule.data.generated import moons
from deltarule.experiments.reproduce.experiment import Given
from deltarule.experiments.reproduce.fair.experiment import FairExperiment
from deltarule.formulas import Adam, Momentum
from deltarule.recipes import Network, Recipe
from deltarule.studies.compare import Comparison
from deltarule.studies.text_table import TextTable


@dataclass(frozen=True)
class FairMoons(FairExperiment):
    """2-5-2-1 as published; each seed resplits training and validation points, and the test points are new.

    Each learning rate is tuned around the given one; `rates=published` uses 0.0007 for both.
    """

    name: ClassVar[str] = "moons"
    seeds_vary: ClassVar[tuple[str, ...]] = ("start", "order", "split")

    claims: ClassVar[tuple[tuple[str, str, str], ...]] = (("Adam beats momentum", "adam", "momentum"),)

    samples: int = 300
    fresh: int = 5000
    noise: float = 0.2
    hidden: tuple[int, ...] = (5, 2)
    batch_size: int = 64
    epochs: int = 2000
    rates: str = "tuned"
    published_rate: float = 0.0007
    momentum_learning_rate: float = 0.1
    adam_learning_rate: float = 0.01
    momentum: float = 0.9

    def variants(self) -> dict[str, Recipe]:
        """Return momentum as a moving average of gradients, and Adam with ε inside the root."""
        tuned = self.rates == "tuned"
        momentum = Momentum(
            self.momentum_learning_rate if tuned else self.published_rate, self.momentum, dampening=self.momentum
        )
        adam = Adam(self.adam_learning_rate if tuned else self.published_rate, epsilon_place="inside")
        recipe = Recipe(
            network=Network(hidden=self.hidden, initializer="he"),
            loss="sigmoid_cross_entropy",
            batch_size=self.batch_size,
            epochs=self.epochs,
            stopping=None,
            scaling="none",
        )
        return {"momentum": recipe.replace(optimizer=momentum), "adam": recipe.replace(optimizer=adam)}

    def data(self, given: Given) -> Dataset:  # noqa: ARG002 - it generates its own points
        """Return a validation set as large as the training set, and a test set of new points."""
        x, y = moons(2 * self.samples, self.noise, self.seed)
        held = slice(self.samples, None)
        return Dataset(
            train=(x[: self.samples], y[: self.samples]),
            validation=(x[held], y[held]),
            test=moons(self.fresh, self.noise, self.seed + 1),
            name="moons",
        )

    def further_tables(self, comparison: Comparison) -> list[TextTable]:
        """Return the table of the published conclusion, with its basis."""
        (table,) = super().further_tables(comparison)
        basis = "Published: 0.94 and 0.797, from one run each at learning rate 0.0007, on the training points."
        return [dataclasses.replace(table, note=f"{basis} {table.note}")]
