"""Handwritten digits and the right cost: Nielsen's runs, on which two founding texts rest, digit for digit."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.experiments.reproduce.digits_result import CostRow, DigitsResult, Reloaded
from deltarule.experiments.reproduce.experiment import Experiment, Given, chosen, needed
from deltarule.experiments.reproduce.nielsen import (
    NARROW,
    PIXELS,
    WIDE,
    Generators,
    Monitors,
    Protocol,
    published_counts,
    published_monitors,
    trained,
)
from deltarule.experiments.reproduce.published import COSTS, Cost
from deltarule.experiments.reproduce.slowdown import slowdown
from deltarule.formulas import SigmoidCrossEntropy, formula
from deltarule.models import Model, load_model

PARTS = ("slowdown", "overfitting", "regularization", "initial_weights", "quadratic", "costs")

VALIDATION = slice(50_000, 60_000)
"""The last 10,000 of the official training images are for validation."""

PIXEL_COUNT = 784


@dataclass(frozen=True)
class Digits(Experiment):
    """784-30-10 with sigmoid units on MNIST, plain gradient descent, batches of 10.

    parts : what is done. "overfitting" and "initial_weights" have published lists, "regularization" is the overfitting
        run with λ = regularization_decay, "quadratic" ten epochs of the quadratic cost; "costs", the seven published
        accuracies, takes as long as all others together several times over and must be asked for.
    """

    name: ClassVar[str] = "digits"
    dataset: ClassVar[str | None] = "mnist"

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
        """Epochs of all parts."""
        each = {
            "overfitting": self.epochs,
            "regularization": self.epochs,
            "initial_weights": 2 * self.initial_epochs,
            "quadratic": self.quadratic_epochs,
            "costs": sum(cost.epochs for cost in COSTS),
        }
        return sum(each.get(part, 0) for part in self.parts)

    def repeated(self, number: int) -> Self:
        """The seed of both generators moves on."""
        return dataclasses.replace(self, seed=self.seed + number)

    def run(self, given: Given) -> DigitsResult:
        """Do the parts that were asked for."""
        data = needed(given)
        assert data.test is not None
        result = DigitsResult(self, data.train.x[0], str(data.train.y[0]))
        if "slowdown" in self.parts:
            result.slowdown = slowdown(self.slowdown_starts, self.slowdown_rates, self.slowdown_epochs)
        if "overfitting" in self.parts:
            result.published_overfitting = published_monitors(given.published)
            result.overfitting, result.model = self._overfitting(data, given, self.decay)
            result.reloaded = _reloaded(result.model, data.test)
        if "regularization" in self.parts:
            result.regularization, _ = self._overfitting(data, given, self.regularization_decay)
        if "initial_weights" in self.parts:
            result.published_initial = published_counts(given.published)
            result.initial = self._initial_weights(data, given)
        if "quadratic" in self.parts:
            rate, passes = self.quadratic_learning_rate, self.quadratic_epochs
            cost = Cost("half_squared_error", self.hidden, rate, 0.0, passes, None)
            result.costs.append(self._cost(cost, data, given))
        if "costs" in self.parts:
            result.costs += [self._cost(cost, data, given) for cost in COSTS]
        return result

    def _overfitting(self, data: Dataset, given: Given, decay: float) -> tuple[Monitors, Model]:
        """The first images only, evaluated on the test images; of two drawings of first values the second is used."""
        small = Dataset(train=data.train.rows(slice(0, self.images)), validation=data.test)
        protocol = Protocol(SigmoidCrossEntropy(), self.hidden, self.learning_rate, decay, self.batch_size, self.epochs)
        generators = Generators(self.seed, len(small.train))
        generators.start(self._sizes, scaled=True)
        start = generators.start(self._sizes, scaled=False)
        return trained(protocol, small, generators, start, given, f"{self.images} images, λ {decay:g}")

    def _initial_weights(self, data: Dataset, given: Given) -> dict[str, tuple[int, ...]]:
        """Narrow weights, then wide ones; generators and shuffled order run on from the first to the second."""
        split = self._split(data)
        protocol = Protocol(
            SigmoidCrossEntropy(), self.hidden, self.initial_learning_rate, self.initial_decay, self.batch_size,
            self.initial_epochs,
        )  # fmt: skip
        generators = Generators(self.seed, len(split.train))
        counts = {}
        for name, scaled in ((NARROW, True), (WIDE, False)):
            start = generators.start(self._sizes, scaled=scaled)
            monitors, _ = trained(protocol, split, generators, start, given, f"weights {name}", evaluate_train=False)
            counts[name] = monitors.evaluation_accuracy
        return counts

    def _cost(self, cost: Cost, data: Dataset, given: Given) -> CostRow:
        """One network on 50,000 images, chosen by the validation images and looked at once on the test images."""
        assert data.test is not None
        split = self._split(data)
        sigmoid = {"link": "sigmoid"} if cost.loss == "half_squared_error" else {}
        loss = formula("loss", {"name": cost.loss, **sigmoid})
        protocol = Protocol(loss, cost.hidden, cost.learning_rate, cost.decay, self.batch_size, cost.epochs)
        generators = Generators(self.seed, len(split.train))
        start = generators.start((PIXEL_COUNT, *cost.hidden, 10), scaled=False)
        note = f"{cost.words}, {cost.units} units"
        monitors, model = trained(protocol, split, generators, start, given, note, evaluate_train=False)
        shares = [count / (VALIDATION.stop - VALIDATION.start) for count in monitors.evaluation_accuracy]
        return CostRow(cost, max(shares), 1 + int(np.argmax(shares)), model.score(data.test.x, data.test.y))

    def _split(self, data: Dataset) -> Dataset:
        """The official training images in their order: the first ones to train on, the last ones to validate with."""
        return Dataset(train=data.train.rows(slice(0, self.initial_images)), validation=data.train.rows(VALIDATION))

    @property
    def _sizes(self) -> tuple[int, ...]:
        return (PIXEL_COUNT, *self.hidden, 10)


def _reloaded(model: Model, part: Part) -> Reloaded:
    """Save a network to the readable JSON, load it again, and compare what both say of some images."""
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_model(model.save(Path(folder) / "network.json"))
    # The file holds the network alone: it takes pixels as the network saw them.
    scaled = part.x.reshape(len(part), -1) / PIXELS
    same = int(np.sum(loaded.predict(scaled) == model.predict(part.x)))
    apart = np.max(np.abs(loaded.predict_proba(scaled) - model.predict_proba(part.x)))
    return Reloaded(same, len(part), float(apart))
