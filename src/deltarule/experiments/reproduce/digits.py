"""Nielsen's runs on handwritten digits, on which two founding texts are based, reproduced digit for digit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.experiments.reproduce.digits_result import CostRow, DigitsResult, Reloaded
from deltarule.experiments.reproduce.digits_settings import DigitsSettings
from deltarule.experiments.reproduce.experiment import Given, needed
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
from deltarule.experiments.reproduce.published import COSTS, PublishedNetwork
from deltarule.experiments.reproduce.slowdown import slowdown
from deltarule.formulas import SigmoidCrossEntropy, formula
from deltarule.models import Model, load_model

VALIDATION = slice(50_000, 60_000)
"""The last 10,000 of the official training images, used for validation."""

PIXEL_COUNT = 784


@dataclass(frozen=True)
class Digits(DigitsSettings):  # noqa: D101 - documented with its fields
    def run(self, given: Given) -> DigitsResult:
        """Run the parts selected by `parts`."""
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
            cost = PublishedNetwork("half_squared_error", self.hidden, rate, 0.0, passes, None)
            result.costs.append(self._cost(cost, data, given))
        if "costs" in self.parts:
            result.costs += [self._cost(cost, data, given) for cost in COSTS]
        return result

    def _overfitting(self, data: Dataset, given: Given, decay: float) -> tuple[Monitors, Model]:
        """Train on the first images, evaluate on the test images; the second of two draws of initial values is used."""
        small = Dataset(train=data.train.rows(slice(0, self.images)), validation=data.test)
        protocol = Protocol(SigmoidCrossEntropy(), self.hidden, self.learning_rate, decay, self.batch_size, self.epochs)
        generators = Generators(self.seed, len(small.train))
        generators.start(self._sizes, scaled=True)
        start = generators.start(self._sizes, scaled=False)
        return trained(protocol, small, generators, start, given, f"{self.images} images, λ {decay:g}")

    def _initial_weights(self, data: Dataset, given: Given) -> dict[str, tuple[int, ...]]:
        """Train with narrow, then with wide initial weights; the generators and the order continue between the two."""
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

    def _cost(self, cost: PublishedNetwork, data: Dataset, given: Given) -> CostRow:
        """Train a network on 50,000 images; return the best validation accuracy and the final test accuracy."""
        assert data.test is not None
        split = self._split(data)
        sigmoid = {"inverse_link": "sigmoid"} if cost.loss == "half_squared_error" else {}
        loss = formula("loss", {"name": cost.loss, **sigmoid})
        protocol = Protocol(loss, cost.hidden, cost.learning_rate, cost.decay, self.batch_size, cost.epochs)
        generators = Generators(self.seed, len(split.train))
        start = generators.start((PIXEL_COUNT, *cost.hidden, 10), scaled=False)
        note = f"{cost.words}, {cost.units} units"
        monitors, model = trained(protocol, split, generators, start, given, note, evaluate_train=False)
        shares = [count / (VALIDATION.stop - VALIDATION.start) for count in monitors.evaluation_accuracy]
        return CostRow(cost, max(shares), 1 + int(np.argmax(shares)), model.score(data.test.x, data.test.y))

    def _split(self, data: Dataset) -> Dataset:
        """Return the first of the official training images as training set, the last ones as validation set."""
        return Dataset(train=data.train.rows(slice(0, self.initial_images)), validation=data.train.rows(VALIDATION))

    @property
    def _sizes(self) -> tuple[int, ...]:
        return (PIXEL_COUNT, *self.hidden, 10)


def _reloaded(model: Model, part: Part) -> Reloaded:
    """Save a network as readable JSON, load it again, and compare the predictions of both."""
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_model(model.save(Path(folder) / "network.json"))
    # The file contains the network only, without the scaling of pixels.
    scaled = part.x.reshape(len(part), -1) / PIXELS
    same = int(np.sum(loaded.predict(scaled) == model.predict(part.x)))
    apart = np.max(np.abs(loaded.predict_proba(scaled) - model.predict_proba(part.x)))
    return Reloaded(same, len(part), float(apart))
