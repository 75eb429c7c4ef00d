"""Settings of the network on Fashion-MNIST."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self

from deltarule.errors import RecipeError
from deltarule.experiments.reproduce.experiment import Experiment, chosen

REMEDIES = ("early_stopping", "dropout", "l2", "all_three")


@dataclass(frozen=True)
class FashionSettings(Experiment):
    """784-256-128-10, ReLU, softmax with cross-entropy, Adam at 0.001 in TensorFlow's form, batches of 64.

    Weights and biases are drawn Glorot-uniform. The batches are consecutive slices of scikit-learn's split, the same
    in every epoch; incomplete batches are dropped, also of the validation images. The published run was not seeded;
    here `seed` is the seed.

    remedies : further networks with the same seed: with early stopping (patience), dropout on the hidden layers
        (dropout, the rate), L2 (l2, the strength), and all three.
    report_every, report_validation_every : every n-th training and validation batch is reported.
    """

    name: ClassVar[str] = "fashion"
    dataset: ClassVar[str | None] = "fashion"
    selections: ClassVar[tuple[str, ...]] = ("remedies", "report_every", "report_validation_every")

    hidden: tuple[int, ...] = (256, 128)
    learning_rate: float = 0.001
    epsilon: float = 1e-8
    batch_size: int = 64
    epochs: int = 10
    test_size: float = 0.1
    split_seed: int = 2
    seed: int = 0
    report_every: int = 10
    report_validation_every: int = 5
    remedies: tuple[str, ...] = REMEDIES
    patience: int = 3
    dropout: float = 0.2
    l2: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("remedies", self.remedies, REMEDIES)
        if not 0 < self.test_size < 1:
            raise RecipeError("a number between 0 and 1", f"{self.test_size}", "--set test_size=0.1", field="test_size")

    @property
    def steps(self) -> int:
        """Return the epochs of all networks."""
        return self.epochs * (1 + len(self.remedies))

    def repeated(self, number: int) -> Self:
        """Return a copy with other initial weights and dropout masks, but the same split and batches."""
        return dataclasses.replace(self, seed=self.seed + number)
