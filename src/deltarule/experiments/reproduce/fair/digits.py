"""The fair version of `digits`: costs, L2 and initial weights over several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deltarule.experiments.reproduce.fair.experiment import FairExperiment
from deltarule.experiments.reproduce.nielsen import PIXELS
from deltarule.formulas import L2, SGD, HalfSquaredError
from deltarule.recipes import Network, Recipe

TRAINING_IMAGES = 50_000
"""The divisor of a published λ."""


@dataclass(frozen=True)
class FairDigits(FairExperiment):
    """784-30-10, sigmoid units, gradient descent, batches of 10; variants differ in one setting.

    decay : the published λ, which is L2(λ / 50,000).
    """

    name: ClassVar[str] = "digits"
    dataset: ClassVar[str | None] = "mnist"

    claims: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("cross-entropy beats quadratic", "cross-entropy", "quadratic"),
        ("L2 helps", "cross-entropy, L2", "cross-entropy"),
        ("narrow initial weights help", "cross-entropy, narrow weights", "cross-entropy"),
        ("with L2 as well", "cross-entropy, L2, narrow weights", "cross-entropy, L2"),
    )

    hidden: tuple[int, ...] = (30,)
    batch_size: int = 10
    epochs: int = 30
    learning_rate: float = 0.5
    quadratic_learning_rate: float = 3.0
    decay: float = 5.0

    def variants(self) -> dict[str, Recipe]:
        """Return three costs with N(0, 1) weights, and cross-entropy with L2, with narrow weights, and with both."""
        wide = Network(hidden=self.hidden, activation="sigmoid", initializer="standard_normal")
        narrow = wide.replace(initializer="lecun")
        cross = Recipe(
            network=wide,
            loss="sigmoid_cross_entropy",
            optimizer=SGD(self.learning_rate),
            batch_size=self.batch_size,
            epochs=self.epochs,
            stopping=None,
            scaling=PIXELS,
        )
        quadratic = cross.replace(
            loss=HalfSquaredError(inverse_link="sigmoid"), optimizer=SGD(self.quadratic_learning_rate)
        )  # fmt: skip
        penalty = L2(self.decay / TRAINING_IMAGES)
        return {
            "quadratic": quadratic,
            "cross-entropy": cross,
            "log-likelihood": cross.replace(loss="softmax_cross_entropy"),
            "cross-entropy, L2": cross.replace(penalty=penalty),
            "cross-entropy, narrow weights": cross.replace(network=narrow),
            "cross-entropy, L2, narrow weights": cross.replace(network=narrow, penalty=penalty),
        }
