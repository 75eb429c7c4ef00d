"""Baselines trained beside a network: always the same answer, and a linear model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part
from deltarule.errors import Diverged
from deltarule.formulas import Adam, CosineDecay
from deltarule.formulas.metrics import roc_auc_of
from deltarule.models import Model
from deltarule.recipes import EarlyStopping, Network, Recipe
from deltarule.studies.diagnose.estimates import (
    ONE_SIDED,
    ErrorEstimate,
    error_from,
    losses_of,
    mean_interval,
    mean_test,
    sign_test,
    wrong_answers,
)
from deltarule.training import Training
from deltarule.types import Floats

_BATCH = 64
_STEPS, _FEWEST_STEPS = 2000, 200
_PRODUCTS = 4e8  # multiplications by weights in all steps of the linear model: a few tenths of a second at most


@dataclass(frozen=True)
class Baseline:
    """Something simpler than the network, and its errors on the same samples.

    name : what it does, as a noun phrase.
    linear : whether it is the linear model, rather than always the same answer.
    train, validation : its errors.
    difference : its validation error minus the network's, with the ends of the 95 % interval; None without a
        validation set. The samples are the same, so this is surer than the two errors' intervals.
    certain : 1 where the network is certainly better on the validation set, −1 where the baseline is, 0 where the
        samples cannot tell.
    chance : one-sided p of the baseline's being better: how likely chance alone would favour it as much.
    recipe : by which it was trained, or None.
    """

    name: str
    linear: bool
    train: ErrorEstimate
    validation: ErrorEstimate | None = None
    difference: tuple[float, float, float] | None = None
    certain: int = 0
    chance: float = 1.0
    recipe: Recipe | None = None

    def to_json(self) -> dict[str, Any]:
        """The baseline as data."""
        held = None if self.validation is None else self.validation.value
        return {"name": self.name, "train_error": self.train.value, "validation_error": held, "certain": self.certain}


def baselines_of(model: Model, data: Dataset) -> tuple[Baseline, ...]:
    """The baselines of a model on its data: always the same answer, and a linear model for a network that is not one.

    The linear model has the network's loss, inputs and preprocessing; its training is short, whatever the data's size.
    """
    made = [_constant(model, data)]
    if model.recipe.network.hidden:
        linear = _linear(model, data)
        if linear is not None:
            made.append(linear)
    return tuple(made)


def constant_losses(model: Model, train: Part, part: Part) -> Floats:
    """The error of each sample of `part` where always the training set's most frequent class, or mean, is answered."""
    if model.labelled:
        return wrong_answers(np.broadcast_to(most_frequent(train.y), part.y.shape), part.y)
    mean = train.y.astype(np.float64).reshape(len(train), -1).mean(axis=0)
    return np.asarray(np.mean((part.y.astype(np.float64).reshape(len(part), -1) - mean) ** 2, axis=1))


def most_frequent(y: npt.NDArray[Any]) -> Any:
    """The label that occurs most often; for several labels a sample, (n, k), that value of each.

    >>> most_frequent(np.array(["a", "b", "b"])).item()
    'b'
    """
    if y.ndim == 2:
        return np.array([most_frequent(column) for column in y.T])
    labels, counts = np.unique(y, return_counts=True)
    return labels[np.argmax(counts)]


def ranks(model: Model, part: Part) -> bool:
    """Whether the probabilities of some class rank the samples certainly better than chance (Mann and Whitney's test).

    The level is divided by the number of classes that are tested.
    """
    if model.classes is None or part.y.ndim != 1:
        return False
    probabilities = model.predict_proba(part.x, strict=None)
    tested = range(1, 2) if len(model.classes) == 2 else range(len(model.classes))
    return any(
        _rank_p(part.y == model.classes[code], probabilities[:, code]) <= ONE_SIDED / len(tested) for code in tested
    )


def _rank_p(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """One-sided p that positive samples have higher scores, by the normal approximation, corrected for ties."""
    n, ones = len(positive), int(positive.sum())
    if ones in (0, n):
        return 1.0
    ties = np.unique(scores, return_counts=True)[1].astype(np.float64)
    spread = (n + 1 - float(np.sum(ties**3 - ties)) / (n * (n - 1))) / (12.0 * ones * (n - ones))
    if spread <= 0:
        return 1.0
    return 0.5 * math.erfc((roc_auc_of(positive, scores) - 0.5) / math.sqrt(2.0 * spread))


def _constant(model: Model, data: Dataset) -> Baseline:
    name = "always giving the most frequent labels" if model.multilabel else "always answering the mean"
    if model.classes is not None:
        name = f"always answering {model.name_of(most_frequent(data.train.y).item())!r}"
    held = None if data.validation is None else constant_losses(model, data.train, data.validation)
    return _compared(name, model, data, constant_losses(model, data.train, data.train), held, linear=False)


def _linear(model: Model, data: Dataset) -> Baseline | None:
    inputs, outputs, n = model.shape.inputs, model.shape.outputs, len(data.train)
    steps = int(np.clip(_PRODUCTS / (3 * _BATCH * inputs * outputs), _FEWEST_STEPS, _STEPS))
    rows = None
    if n > steps * _BATCH:
        rows = np.sort(np.random.default_rng(0).choice(n, steps * _BATCH, replace=False))
    epochs = max(1, -(-steps // max(1, -(-min(n, steps * _BATCH) // _BATCH))))
    stopping = None if data.validation is None else EarlyStopping(patience=epochs)
    recipe = Recipe(
        network=Network(hidden=()),
        loss=model.recipe.loss,
        optimizer=Adam(learning_rate=0.02),
        schedule=CosineDecay(),
        class_weight=model.recipe.class_weight,
        batch_size=_BATCH,
        epochs=epochs,
        stopping=stopping,
        scaling=model.recipe.scaling,
        preparation=model.recipe.preparation,
        target_scaling=model.recipe.target_scaling,
        task=model.recipe.task,
    )
    training = Training(recipe, data, n_threads=1, rows=rows)
    try:
        training.finish()
    except Diverged:
        return None
    linear = training.model
    held = None if data.validation is None else losses_of(linear, data.validation)
    found = _compared("a linear model", model, data, losses_of(linear, data.train), held, linear=True)
    return replace(found, recipe=recipe)


def _compared(
    name: str, model: Model, data: Dataset, train: Floats, validation: Floats | None, *, linear: bool
) -> Baseline:
    """A baseline by its errors on each sample, beside the model's on the validation set."""
    is_rate = model.labelled
    trained = error_from(train, is_rate=is_rate)
    if validation is None or data.validation is None:
        return Baseline(name, linear, trained)
    gaps = validation - losses_of(model, data.validation)
    gap, low, high = mean_interval(gaps)
    estimate = error_from(validation, is_rate=is_rate)
    if is_rate:
        better, worse = int(np.sum(gaps > 0)), int(np.sum(gaps < 0))
        chance = sign_test(worse, better)
        certain = int(sign_test(better, worse) <= ONE_SIDED) - int(chance <= ONE_SIDED)
    else:
        chance, certain = mean_test(gaps), int(low > 0) - int(high < 0)
    return Baseline(name, linear, trained, estimate, (gap, low, high), certain, chance)
