"""From raw data and a recipe to numbers: the task, the classes, the loss, the scaling, learnt on the training part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part, require_classes, task_of
from deltarule.engines import parameters
from deltarule.engines.problem import Order, Problem, Samples
from deltarule.errors import DataError, RecipeError
from deltarule.formulas import Loss, SoftmaxCrossEntropy, SquaredError
from deltarule.models import Model
from deltarule.recipes import Affine, Recipe, Scaling


@dataclass(frozen=True)
class Learnt:
    """What a model keeps of its data beside θ."""

    input_shape: tuple[int, ...]
    scaling: Affine
    classes: npt.NDArray[Any] | None
    target_scaling: Affine | None
    single: bool
    outputs: int

    def samples(self, part: Part) -> Samples:
        """A part as the engine sees it."""
        x = part.x.reshape(len(part.x), -1)
        return Samples(x, self._targets(part.y), self.outputs, _float_weights(part))

    def _targets(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.classes is None:
            numbers = y.astype(np.float64).reshape(len(y), self.outputs)
            return numbers if self.target_scaling is None else self.target_scaling(numbers)
        codes = np.searchsorted(self.classes, y)
        codes = np.minimum(codes, len(self.classes) - 1)
        unknown = self.classes[codes] != y
        if unknown.any():
            came = f"{y[unknown][0]!r} in another part"
            raise DataError(f"labels that the training part has ({len(self.classes)} classes)", came)
        return codes.astype(np.int64)


def prepared(
    recipe: Recipe,
    data: Dataset,
    start: Sequence[tuple[Any, Any]] | None = None,
    order: Order | None = None,
    record: str | None = None,
) -> tuple[Problem, Learnt]:
    """The problem that a recipe poses on a data set, and what is learnt of the data on the way."""
    if recipe.stopping is not None and data.validation is None:
        data = data.with_validation(seed=recipe.seed)
    if record not in (None, "batch", "batch_after"):
        raise RecipeError('record="batch" or "batch_after"', repr(record))
    train = data.train
    task = task_of(train.y) if recipe.task == "auto" else recipe.task
    loss = _loss(recipe, task)
    learnt = _learnt(recipe, loss, train, classes=task == "classification")
    _check_targets(loss, train, learnt)
    sizes = recipe.network.sizes(int(np.prod(learnt.input_shape)), learnt.outputs)
    drawn = start is None
    theta = parameters.first(recipe.network, sizes, recipe.seed) if drawn else parameters.given(start or (), sizes)
    held = None if data.validation is None else learnt.samples(data.validation)
    recipe = recipe.replace(loss=loss, task=task)
    problem = Problem(recipe, sizes, learnt.scaling, learnt.samples(train), held, theta, order, record)
    return problem, learnt


def model_of(problem: Problem, learnt: Learnt, data: Dataset, theta: npt.NDArray[Any]) -> Model:
    """The model that θ makes."""
    return Model(
        recipe=problem.recipe,
        sizes=problem.sizes,
        theta=theta,
        scaling=learnt.scaling,
        input_shape=learnt.input_shape,
        classes=learnt.classes,
        target_scaling=learnt.target_scaling,
        single=learnt.single,
        class_names=data.class_names,
        feature_names=data.feature_names,
    )


def _loss(recipe: Recipe, task: str) -> Loss:
    if isinstance(recipe.loss, Loss):
        loss = recipe.loss
    else:
        loss = SoftmaxCrossEntropy() if task == "classification" else SquaredError()
    if task == "regression" and loss.output.reach == "row":
        raise RecipeError("a loss for numbers", loss.name, 'loss="squared_error", or task="classification"')
    return loss


def _learnt(recipe: Recipe, loss: Loss, train: Part, *, classes: bool) -> Learnt:
    shape = train.x.shape[1:]
    scaling = recipe.scaling.learn(train.x.reshape(len(train.x), -1), image=len(shape) > 1)
    if classes:
        if train.y.ndim != 1:
            raise RecipeError("labels (n,) for classification", f"shape {train.y.shape}", 'task="regression"')
        require_classes(train.y)
        labels = np.unique(train.y)
        outputs = 1 if len(labels) == 2 and loss.output.reach == "element" else len(labels)
        return Learnt(shape, scaling, labels, None, single=True, outputs=outputs)
    if train.y.dtype.kind not in "fiub":
        raise RecipeError("numbers for regression", f"labels of dtype {train.y.dtype}", 'task="classification"')
    y = train.y.astype(np.float64).reshape(len(train.y), -1)
    standard = recipe.target_scaling
    if standard == "auto":
        standard = "standard" if loss.output.name == "identity" else "none"
    target = Scaling("standard").learn(y, image=False) if standard == "standard" else None
    return Learnt(shape, scaling, None, target, train.y.ndim == 1, y.shape[1])


def _check_targets(loss: Loss, train: Part, learnt: Learnt) -> None:
    if learnt.classes is None and loss.domain == "unit":
        y = train.y.astype(np.float64)
        if y.min() < 0 or y.max() > 1:
            came = f"numbers from {y.min():g} to {y.max():g}"
            raise DataError(f"targets between 0 and 1 for {loss.name}", came, 'loss="squared_error"')


def _float_weights(part: Part) -> npt.NDArray[np.float64] | None:
    return None if part.weights is None else np.asarray(part.weights, dtype=np.float64)
