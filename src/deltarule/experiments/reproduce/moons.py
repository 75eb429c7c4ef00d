"""Momentum and Adam on two moons: the run of the second founding text, reproduced to every printed digit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.data.generated import moons
from deltarule.experiments.reproduce.experiment import Experiment, Given, Result, run_on
from deltarule.experiments.reproduce.published import MOONS_ACCURACY, MOONS_LOSSES
from deltarule.figures.iterations import loss_lines
from deltarule.figures.style import save
from deltarule.formulas import Adam, Momentum, Optimizer
from deltarule.recipes import Network, Recipe
from deltarule.studies.text_table import TextTable
from deltarule.training import epochs
from deltarule.types import Floats, Indices


@dataclass(frozen=True)
class Moons(Experiment):
    """2-5-2-1, ReLU, binary cross-entropy, batches of 64, 10,000 epochs, on 300 points; deterministic.

    Points, initial weights and the order of each epoch come from NumPy's legacy generator, seeded as published: points
    and weights by their own seeds, the order of epoch i by order_seed + i.
    """

    name: ClassVar[str] = "moons"
    selections: ClassVar[tuple[str, ...]] = ("table_every", "plot_every")

    samples: int = 300
    noise: float = 0.2
    hidden: tuple[int, ...] = (5, 2)
    batch_size: int = 64
    epochs: int = 10_000
    learning_rate: float = 0.0007
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    points_seed: int = 3
    weights_seed: int = 3
    order_seed: int = 11
    table_every: int = 1000
    plot_every: int = 100

    @property
    def steps(self) -> int:
        """Return the epochs of both optimizers."""
        return 2 * self.epochs

    def repeated(self, number: int) -> Self:
        """Return a copy with other points, other initial weights and other orders."""
        return dataclasses.replace(
            self,
            points_seed=self.points_seed + number,
            weights_seed=self.weights_seed + number,
            order_seed=self.order_seed + number * self.epochs,
        )

    def optimizers(self) -> dict[str, Optimizer]:
        """Return momentum as a moving average of gradients, and Adam with ε inside the root."""
        rate = self.learning_rate
        return {
            "momentum": Momentum(learning_rate=rate, momentum=self.momentum, dampening=self.momentum),
            "adam": Adam(rate, self.beta1, self.beta2, self.epsilon, epsilon_place="inside"),
        }

    def start(self) -> list[tuple[Floats, Floats]]:
        """Return the initial weights: N(0, 2 / inputs), drawn layer by layer in rows of units; biases 0."""
        generator = np.random.RandomState(self.weights_seed)
        sizes = (2, *self.hidden, 1)
        return [
            ((generator.randn(units, inputs) * np.sqrt(2.0 / inputs)).T, np.zeros(units))
            for inputs, units in pairwise(sizes)
        ]

    def order(self) -> Iterator[list[Indices]]:
        """Iterate over the batches of each epoch: consecutive slices of a permutation with its own seed."""
        generator = np.random.RandomState()
        for epoch in range(self.epochs):
            generator.seed(self.order_seed + epoch)
            rows = generator.permutation(self.samples)
            yield [rows[begin : begin + self.batch_size] for begin in range(0, self.samples, self.batch_size)]

    def run(self, given: Given) -> MoonsResult:
        """Train with momentum, then with Adam."""
        data = Dataset(train=moons(self.samples, self.noise, self.points_seed), name="moons")
        losses: dict[str, Floats] = {}
        accuracy: dict[str, float] = {}
        batches = -(-self.samples // self.batch_size)
        for name, optimizer in self.optimizers().items():
            recipe = Recipe(
                network=Network(hidden=self.hidden),
                loss="sigmoid_cross_entropy",
                optimizer=optimizer,
                batch_size=self.batch_size,
                epochs=self.epochs,
                stopping=None,
                scaling="none",
            )
            how = given.trainer("float64")
            training = epochs(
                recipe, data, initial_parameters=self.start(), batches=self.order(), record="batch", **how
            )
            run = run_on(training, given, name, every=100).run
            # The published loss of an epoch is that of its last batch.
            losses[name] = run.batch_losses[batches - 1 :: batches]
            accuracy[name] = run.model.score(data.train.x, data.train.y)
        return MoonsResult(self, losses, accuracy)


@dataclass(frozen=True)
class MoonsResult(Result):
    """Loss of the last batch of every epoch, and accuracy on the training points, for each optimizer."""

    experiment: Moons
    losses: dict[str, Floats]
    accuracy: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the losses, rounded as published, and the accuracy of each optimizer."""
        every = self.experiment.table_every
        return {
            name: {
                "losses": {str(epoch): round(float(losses[epoch]), 6) for epoch in range(0, len(losses), every)},
                "accuracy": self.accuracy[name],
            }
            for name, losses in self.losses.items()
        }

    def tables(self) -> list[TextTable]:
        """Return a table for each optimizer."""
        every = self.experiment.table_every
        tables = []
        for name, losses in self.losses.items():
            published = {1000 * number: f"{loss:.6f}" for number, loss in enumerate(MOONS_LOSSES[name])}
            rows = [
                _row(f"loss, epoch {epoch}", f"{losses[epoch]:.6f}", published.get(epoch, ""))
                for epoch in range(0, len(losses), every)
            ]
            of = f"accuracy on the {self.experiment.samples}"
            rows.append(_row(of, str(self.accuracy[name]), str(MOONS_ACCURACY[name])))
            columns = ("", "ours", "published", "difference")
            note = "Loss of the last batch of the epoch, before its update."
            tables.append(TextTable(f"{name.capitalize()} on two moons", columns, tuple(rows), note))
        return tables

    def headline(self) -> dict[str, float]:
        """Return the final loss and accuracy of each optimizer."""
        figures = {}
        for name, losses in self.losses.items():
            figures[f"{name}: mean loss of the last 100 epochs"] = float(np.mean(losses[-100:]))
            figures[f"{name}: accuracy on the training points"] = self.accuracy[name]
        return figures

    def write(self, folder: Path) -> list[Path]:
        """Draw the loss over the epochs."""
        every = self.experiment.plot_every
        epochs_shown = np.arange(0, self.experiment.epochs, every)
        shown = {name.capitalize(): (epochs_shown, losses[::every]) for name, losses in self.losses.items()}
        rate = self.experiment.learning_rate
        title = f"Two moons, learning rate {rate:g}: loss of the last batch, every {every} epochs"
        picture = loss_lines(shown, "Epoch", "Binary cross-entropy of a batch (nats)", title)
        return [save(picture, folder / "losses.png")]


def _row(what: str, ours: str, published: str) -> tuple[str, ...]:
    difference = f"{float(ours) - float(published):.6g}" if published else ""
    return what, ours, published, difference
