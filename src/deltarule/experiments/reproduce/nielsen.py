"""Nielsen's protocol: his random generators, order of images and costs, and his published lists.

Two generators have the same seed: NumPy's draws the initial biases and weights, Python's shuffles the list of training
images in place, so that its order is carried over from one epoch, and from one training run, to the next.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from deltarule.data import Dataset
from deltarule.errors import DataFileError
from deltarule.experiments.reproduce.experiment import Given
from deltarule.experiments.reproduce.published import INITIAL_WEIGHTS_FILE, OVERFITTING_FILE
from deltarule.formulas import L2, SGD, Loss
from deltarule.models import Model
from deltarule.recipes import Network, Recipe
from deltarule.regular_files import read_json, reason
from deltarule.training import Epoch, epochs
from deltarule.types import Floats, Indices

PIXELS = 256.0
"""The divisor of the pixels."""

NARROW, WIDE = "N(0, 1/inputs)", "N(0, 1)"
"""The two distributions of initial weights."""


class Generators:
    """The two random generators, and the shuffled list of training images.

    >>> generators = Generators(12345678, images=4)
    >>> [batch.tolist() for batch in next(generators.order(1, 2))]
    [[3, 0], [1, 2]]
    """

    def __init__(self, seed: int, images: int) -> None:
        self._python = random.Random(seed)  # noqa: S311 - a published run, not a secret
        self._numpy = np.random.RandomState(seed)
        self._rows = list(range(images))

    def start(self, sizes: tuple[int, ...], *, scaled: bool) -> list[tuple[Floats, Floats]]:
        """Return initial values: all biases N(0, 1), then all weights N(0, 1), or scaled to N(0, 1 / inputs)."""
        biases = [self._numpy.randn(units, 1) for units in sizes[1:]]
        weights = [self._numpy.randn(units, inputs) for inputs, units in pairwise(sizes)]
        return [((W / np.sqrt(W.shape[1]) if scaled else W).T, b[:, 0]) for W, b in zip(weights, biases, strict=True)]

    def order(self, number: int, batch_size: int) -> Iterator[list[Indices]]:
        """Iterate over the batches of the next `number` epochs; the list is shuffled in place before each."""
        return islice(self._shuffled(batch_size), number)

    def _shuffled(self, batch_size: int) -> Iterator[list[Indices]]:
        while True:
            rows, drawn = self._rows, self._python.random
            # Fisher–Yates as in Python 2's random.shuffle; Python 3's draws other numbers.
            for i in range(len(rows) - 1, 0, -1):
                j = int(drawn() * (i + 1))
                rows[i], rows[j] = rows[j], rows[i]
            yield [np.array(rows[begin : begin + batch_size]) for begin in range(0, len(rows), batch_size)]


@dataclass(frozen=True)
class Monitors:
    """The four lists: cost and number of correctly classified images, on evaluation and on training data."""

    evaluation_cost: tuple[float, ...]
    evaluation_accuracy: tuple[int, ...]
    training_cost: tuple[float, ...]
    training_accuracy: tuple[int, ...]

    def lists(self) -> dict[str, tuple[float, ...] | tuple[int, ...]]:
        """Return each list by its name, in the order of the published file."""
        return dict(vars(self))


@dataclass(frozen=True)
class Protocol:
    """Settings of a run: gradient descent with λ divided by the number of training images."""

    loss: Loss
    hidden: tuple[int, ...]
    learning_rate: float
    decay: float
    batch_size: int
    epochs: int

    def recipe(self, images: int, *, evaluate_train: bool) -> Recipe:
        """Return the recipe: his update w ← (1 − ηλ/n) w is the penalty L2(λ/n)."""
        return Recipe(
            network=Network(hidden=self.hidden, activation="sigmoid"),
            loss=self.loss,
            optimizer=SGD(learning_rate=self.learning_rate),
            penalty=L2(self.decay / images) if self.decay else None,
            batch_size=self.batch_size,
            epochs=self.epochs,
            stopping=None,
            scaling=PIXELS,
            evaluate_train=evaluate_train,
        )


def trained(
    protocol: Protocol,
    data: Dataset,
    generators: Generators,
    start: list[tuple[Floats, Floats]],
    given: Given,
    note: str,
    *,
    evaluate_train: bool = True,
) -> tuple[Monitors, Model]:
    """Train by this protocol; `data.validation` is the evaluation data."""
    assert data.validation is not None
    n, m = len(data.train), len(data.validation)
    order = generators.order(protocol.epochs, protocol.batch_size)
    recipe = protocol.recipe(n, evaluate_train=evaluate_train)
    training = epochs(recipe, data, **given.trainer("float64"), initial_parameters=start, batches=order)
    history: list[Epoch] = []
    for epoch in training.ahead():
        history.append(epoch)
        given.progress(1, note)
    # His cost includes ½ (λ/m) Σ w² for m evaluated images, our objective ½ (λ/n) Σ w² for n training images.
    monitors = Monitors(
        tuple(e.validation_loss + (e.validation_objective - e.validation_loss) * n / m for e in history),
        tuple(round(e.validation_score * m) for e in history),
        tuple(e.train_objective for e in history),
        tuple(round(e.train_score * n) for e in history),
    )
    return monitors, training.model


def published_monitors(folder: Path | None) -> Monitors | None:
    """Return the four published lists of the overfitting run, or None without the file."""
    content = _content(folder, OVERFITTING_FILE)
    if content is None:
        return None
    if not (isinstance(content, list) and len(content) == 4 and all(map(_numbers, content))):
        raise DataFileError(f"four lists of numbers in {OVERFITTING_FILE}", "something else")
    evaluation_cost, evaluation, training_cost, training = content
    return Monitors(tuple(evaluation_cost), _counts(evaluation), tuple(training_cost), _counts(training))


def published_counts(folder: Path | None) -> dict[str, tuple[int, ...]] | None:
    """Return the published accuracies of the initial-weights run, narrow and wide, or None without the file."""
    content = _content(folder, INITIAL_WEIGHTS_FILE)
    if content is None:
        return None
    try:
        counts = {NARROW: content["default_weight_initialization"][1], WIDE: content["large_weight_initialization"][1]}
    except (TypeError, LookupError) as error:
        raise DataFileError(f"two runs of four lists in {INITIAL_WEIGHTS_FILE}", "something else") from error
    if not all(map(_numbers, counts.values())):
        raise DataFileError(f"lists of numbers in {INITIAL_WEIGHTS_FILE}", "something else")
    return {name: _counts(each) for name, each in counts.items()}


def _content(folder: Path | None, name: str) -> Any:
    path = None if folder is None else folder / name
    if path is None or not path.exists():
        return None
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise DataFileError(f"the published lists in {path}", reason(error)) from error


def _numbers(each: Any) -> bool:
    return isinstance(each, list) and all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in each)


def _counts(each: list[Any]) -> tuple[int, ...]:
    return tuple(int(count) for count in each)
