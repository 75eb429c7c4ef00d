"""Settings of the runs on handwritten digits."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self

from deltarule.experiments.reproduce.experiment import Experiment, chosen
from deltarule.experiments.reproduce.published import COSTS

PARTS = ("slowdown", "overfitting", "regularization", "initial_weights", "quadratic", "costs")


@dataclass(frozen=True)
class DigitsSettings(Experiment):
    """784-30-10 with sigmoid units on MNIST, plain gradient descent, batches of 10.

    parts : the parts to run. "overfitting" and "initial_weights" have published lists; "regularization" is the
        overfitting run with λ = regularization_decay; "quadratic" is ten epochs of the quadratic cost; "costs", the
        seven published accuracies, takes several times as long as all others together and is not run by default.
    """

    name: ClassVar[str] = "digits"
    dataset: ClassVar[str | None] = "mnist"
    selections: ClassVar[tuple[str, ...]] = ("parts",)

    parts: tuple[str, ...] = PARTS[:-1]
    hidden: tuple[int, ...] = (30,)
    batch_size: int = 10
    seed: int = 12345678
    epochs: int = 400
    images: int = 1000
    learning_rate: float = 0.5
    decay: float = 0.0
    regularization_decay: float = 0.1
    initial_epochs: int = 30
    initial_images: int = 50_000
    initial_learning_rate: float = 0.1
    initial_decay: float = 5.0
    quadratic_epochs: int = 10
    quadratic_learning_rate: float = 3.0
    slowdown_epochs: int = 300
    slowdown_rates: tuple[float, ...] = (0.15, 0.005)
    slowdown_starts: tuple[float, ...] = (0.6, 2.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("parts", self.parts, PARTS)

    @property
    def steps(self) -> int:
        """Return the epochs of all parts."""
        each = {
            "overfitting": self.epochs,
            "regularization": self.epochs,
            "initial_weights": 2 * self.initial_epochs,
            "quadratic": self.quadratic_epochs,
            "costs": sum(cost.epochs for cost in COSTS),
        }
        return sum(each.get(part, 0) for part in self.parts)

    def repeated(self, number: int) -> Self:
        """Return a copy with another seed of both generators."""
        return dataclasses.replace(self, seed=self.seed + number)
