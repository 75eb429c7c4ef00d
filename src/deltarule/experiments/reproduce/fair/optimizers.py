"""The fair version of `optimizers`: equal initial weights and batches for all optimizers, over several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.experiments.reproduce.fair.experiment import FairExperiment
from deltarule.experiments.reproduce.optimizers import Optimizers
from deltarule.recipes import Network, Recipe


@dataclass(frozen=True)
class FairOptimizers(FairExperiment):
    """784-100-100-100-100-10, batches of 128, five epochs of 50,000 images: 1,955 steps, at the published rates.

    `rates=tuned` uses for each the learning rate with the best result on the 10,000 validation images.
    """

    name: ClassVar[str] = "optimizers"
    dataset: ClassVar[str | None] = "mnist"

    pictures: ClassVar[tuple[str, ...]] = ("scores", "curves", "iterations")
    record: ClassVar[str | None] = "batch"

    claims: ClassVar[tuple[tuple[str, str, str], ...]] = tuple(
        (f"{name} beats SGD", name, "SGD") for name in ("Momentum", "AdaGrad", "RMSProp", "Adam")
    )

    hidden: tuple[int, ...] = (100, 100, 100, 100)
    batch_size: int = 128
    epochs: int = 5

    def variants(self) -> dict[str, Recipe]:
        """Return the five optimizers with their published settings in one recipe."""
        recipe = Recipe(
            network=Network(hidden=self.hidden, initializer="he"),
            batch_size=self.batch_size,
            epochs=self.epochs,
            stopping=None,
            scaling=255.0,
        )
        return {name: recipe.replace(optimizer=rule) for name, rule in Optimizers().optimizers().items()}
