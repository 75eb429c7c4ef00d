"""A deep feedforward network on Fashion-MNIST, and remedies against overfitting: the first founding text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from deltarule.data import Dataset, Part
from deltarule.errors import RecipeError
from deltarule.experiments.reproduce.experiment import Given, needed, run_on
from deltarule.experiments.reproduce.fashion_result import BatchFigures, EpochFigures, FashionResult, Outcome
from deltarule.experiments.reproduce.fashion_settings import FashionSettings
from deltarule.formulas import L2, Adam
from deltarule.models import Model
from deltarule.recipes import EarlyStopping, Network, Recipe
from deltarule.training import Epoch, epochs, evaluate
from deltarule.types import Indices


@dataclass(frozen=True)
class Fashion(FashionSettings):  # noqa: D101 - documented with its fields
    def recipe(self, *, dropout: float = 0.0, l2: float = 0.0, patience: int = 0) -> Recipe:
        """Return the published recipe, with remedies if given."""
        return Recipe(
            network=Network(
                hidden=self.hidden,
                dropout=dropout,
                initializer="glorot_uniform",
                bias_initializer="glorot_uniform",
            ),
            optimizer=Adam(self.learning_rate, epsilon=self.epsilon, epsilon_place="before_correction"),
            penalty=L2(l2) if l2 else None,
            batch_size=self.batch_size,
            epochs=self.epochs,
            stopping=EarlyStopping(patience=patience) if patience else None,
            scaling=255.0,
            seed=self.seed,
        )

    def run(self, given: Given) -> FashionResult:
        """Train the published network, then those with remedies."""
        data = self._split(needed(given))
        result = FashionResult(self, needed(given).train.rows(slice(1, 5)), data.class_names or ())
        self._published(data, given, result)
        for name in self.remedies:
            result.outcomes.append(self._remedy(name, data, given))
        return result

    def batches(self, images: int) -> list[Indices]:
        """Return consecutive slices of the images; the incomplete last one is dropped."""
        full = images // self.batch_size
        return list(np.arange(full * self.batch_size).reshape(full, self.batch_size))

    def _split(self, data: Dataset) -> Dataset:
        from sklearn.model_selection import train_test_split

        rows = train_test_split(np.arange(len(data.train)), test_size=self.test_size, random_state=self.split_seed)
        train, held = (data.train.rows(each) for each in rows)
        if min(len(train), len(held)) < self.batch_size:
            given = f"{len(train):,} training and {len(held):,} validation images in batches of {self.batch_size}"
            wanted = "at least one full batch in the training and the validation set"
            raise RecipeError(wanted, given, "--set batch_size=64")
        whole = len(held) - len(held) % self.batch_size
        return Dataset(train, held.rows(slice(0, whole)), data.test, data.name, data.class_names)

    def _published(self, data: Dataset, given: Given, result: FashionResult) -> None:
        """Run the published experiment in short epochs, which end before and after each reported batch."""
        assert data.validation is not None
        pieces = self._pieces(len(data.train))
        order = (piece for _ in range(self.epochs) for piece in pieces)
        recipe = self.recipe().replace(epochs=self.epochs * len(pieces))
        alone = Dataset(train=data.train, class_names=data.class_names)
        training = epochs(recipe, alone, **given.trainer("float32"), batches=order)
        delivered = iter(training)
        for number in range(1, self.epochs + 1):
            records = tuple(islice(delivered, len(pieces)))
            model = training.model
            held = evaluate(model, data.validation)
            loss, accuracy = held.loss, held.score
            result.epochs.append(EpochFigures(number, *_means(records, pieces), loss, accuracy))
            given.progress(1, f"as published, validation accuracy {accuracy:.4f}")
            result.batches += self._reported(number, records, pieces)
            result.batches += self._reported_validation(number, model, data.validation)
        result.outcomes.append(_outcome("as_published", training.model, data, self.epochs, self.epochs))

    def _pieces(self, images: int) -> list[list[Indices]]:
        """Split the batches of an epoch so that every reported batch is a separate piece."""
        batches, every = self.batches(images), self.report_every
        pieces = []
        for begin in range(0, len(batches), every):
            some = batches[begin : begin + every]
            pieces += [some[:-1], some[-1:]] if len(some) == every else [some]
        return [piece for piece in pieces if piece]

    def _reported(self, epoch: int, records: tuple[Epoch, ...], pieces: list[list[Indices]]) -> Iterator[BatchFigures]:
        done = (epoch - 1) * sum(len(piece) for piece in pieces)
        within = 0
        for record, piece in zip(records, pieces, strict=True):
            within += len(piece)
            if len(piece) == 1 and within % self.report_every == 0:
                yield BatchFigures(epoch, "training", done + within, record.train_loss, record.train_score)

    def _reported_validation(self, epoch: int, model: Model, validation: Part) -> Iterator[BatchFigures]:
        """Evaluate every n-th full batch of the validation set at the end of an epoch."""
        for number in range(
            self.report_validation_every, len(validation) // self.batch_size + 1, self.report_validation_every
        ):
            batch = validation.rows(slice((number - 1) * self.batch_size, number * self.batch_size))
            found = evaluate(model, batch)
            yield BatchFigures(epoch, "validation", number, found.loss, found.score)

    def _remedy(self, name: str, data: Dataset, given: Given) -> Outcome:
        """Train the same network, with the same seed and batches, with one remedy or all of them."""
        every = name == "all_three"
        recipe = self.recipe(
            dropout=self.dropout if every or name == "dropout" else 0.0,
            l2=self.l2 if every or name == "l2" else 0.0,
            patience=self.patience if every or name == "early_stopping" else 0,
        )
        batches = self.batches(len(data.train))
        order = (batches for _ in range(self.epochs))
        training = run_on(
            epochs(recipe, data, **given.trainer("float32"), batches=order), given, name.replace("_", " ")
        )
        run = training.run
        given.progress(self.epochs - len(run.history), name)
        return _outcome(name, run.model, data, len(run.history), run.best_epoch)


def _outcome(name: str, model: Model, data: Dataset, trained: int, kept: int) -> Outcome:
    """Return the result of a network on the whole training, validation and test set."""
    assert data.validation is not None
    assert data.test is not None
    figures = (evaluate(model, part) for part in (data.train, data.validation, data.test))
    return Outcome(name, trained, kept, *((each.loss, each.score) for each in figures))


def _means(records: tuple[Epoch, ...], pieces: list[list[Indices]]) -> tuple[float, float]:
    """Return the mean loss and accuracy of the batches of an epoch, each before its update."""
    weights = [len(piece) for piece in pieces]
    losses, scores = zip(*((record.train_loss, record.train_score) for record in records), strict=True)
    return float(np.average(losses, weights=weights)), float(np.average(scores, weights=weights))
