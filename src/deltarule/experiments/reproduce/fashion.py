"""A deep feedforward network on Fashion-MNIST, and what holds it back from overfitting: the first founding text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from deltarule.data import Dataset
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
class Fashion(FashionSettings):  # noqa: D101 - it is explained where its fields are
    def recipe(self, *, dropout: float = 0.0, l2: float = 0.0, patience: int = 0) -> Recipe:
        """The published recipe, or one with remedies."""
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
        """The published network, then those with remedies."""
        data = self._split(needed(given))
        result = FashionResult(self, needed(given).train.rows(slice(1, 5)), data.class_names or ())
        self._published(data, given, result)
        for name in self.remedies:
            result.outcomes.append(self._remedy(name, data, given))
        return result

    def batches(self, images: int) -> list[Indices]:
        """Consecutive slices of so many images; what does not fill one is dropped."""
        full = images // self.batch_size
        return list(np.arange(full * self.batch_size).reshape(full, self.batch_size))

    def _split(self, data: Dataset) -> Dataset:
        from sklearn.model_selection import train_test_split

        rows = train_test_split(np.arange(len(data.train)), test_size=self.test_size, random_state=self.split_seed)
        train, held = (data.train.rows(each) for each in rows)
        if min(len(train), len(held)) < self.batch_size:
            came = f"{len(train):,} training and {len(held):,} validation images in batches of {self.batch_size}"
            raise RecipeError("at least one full batch of each part", came, "--set batch_size=64")
        whole = len(held) - len(held) % self.batch_size
        return Dataset(train, held.rows(slice(0, whole)), data.test, data.name, data.class_names)

    def _published(self, data: Dataset, given: Given, result: FashionResult) -> None:
        """The published run. The engine is given short epochs: up to each batch that is reported, and that batch."""
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
        result.outcomes.append(_outcome("as_published", training.model, data, self.epochs, self.epochs))

    def _pieces(self, images: int) -> list[list[Indices]]:
        """An epoch's batches in pieces, every reported batch a piece of its own."""
        batches, every = self.batches(images), self.report_every
        pieces = []
        for begin in range(0, len(batches), every):
            hundred = batches[begin : begin + every]
            pieces += [hundred[:-1], hundred[-1:]] if len(hundred) == every else [hundred]
        return [piece for piece in pieces if piece]

    def _reported(self, epoch: int, records: tuple[Epoch, ...], pieces: list[list[Indices]]) -> Iterator[BatchFigures]:
        done = (epoch - 1) * sum(len(piece) for piece in pieces)
        within = 0
        for record, piece in zip(records, pieces, strict=True):
            within += len(piece)
            if len(piece) == 1 and within % self.report_every == 0:
                yield BatchFigures(epoch, done + within, record.train_loss, record.train_score)

    def _remedy(self, name: str, data: Dataset, given: Given) -> Outcome:
        """The same network, seed and batches, with one remedy or all of them."""
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
    """What a network makes of whole parts."""
    assert data.validation is not None
    assert data.test is not None
    figures = (evaluate(model, part) for part in (data.train, data.validation, data.test))
    return Outcome(name, trained, kept, *((each.loss, each.score) for each in figures))


def _means(records: tuple[Epoch, ...], pieces: list[list[Indices]]) -> tuple[float, float]:
    """Loss and accuracy over an epoch's batches as they were met."""
    weights = [len(piece) for piece in pieces]
    losses, scores = zip(*((record.train_loss, record.train_score) for record in records), strict=True)
    return float(np.average(losses, weights=weights)), float(np.average(scores, weights=weights))
