"""Preparation of a training run: the task, the classes, the loss and the scaling, fitted to the training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part, Table, Task, require_classes, table_of
from deltarule.engines import parameters
from deltarule.engines.initialization import fit_to_data
from deltarule.engines.input_stage import Columns
from deltarule.engines.problem import Order, Problem, Samples
from deltarule.errors import DataError, RecipeError, UnknownName
from deltarule.formulas import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from deltarule.formulas.augmentations import composition
from deltarule.mapped import rows_read_together
from deltarule.models import Encoding, Model
from deltarule.models.model_data import columns_of
from deltarule.models.record import Record, versions
from deltarule.recipes import Affine, Recipe, Scaling
from deltarule.training.columns import fit_encoding
from deltarule.training.fine_tuning import as_fitted, known_scalings, parameters_of, preprocessed_as
from deltarule.training.fitted_data import FittedData, check_labels
from deltarule.types import Floats, Indices

Start: TypeAlias = Sequence[tuple[Any, Any]] | int | Model | None
"""Initial weights and biases, a pair for each layer; a seed for them; a model; or None for the recipe's seed."""


def prepared(
    recipe: Recipe,
    data: Dataset,
    start: Start = None,
    order: Order | None = None,
    record: str | None = None,
    rows: Any = None,
    scalings: dict[Any, Any] | None = None,
    encoding: Encoding | None = None,
) -> tuple[Problem, FittedData]:
    """Return the problem that a recipe poses on a data set, and what was fitted to the data.

    rows : selected rows of the training set, repeats allowed; they are not copied.
    scalings : cache of what was fitted to this data set's training set, by specification.
    encoding : preprocessing that has been fitted already, in place of one fitted to this training set; ignored where
        the run starts from a model, which has its own.
    """
    given = data
    _check_start(start)
    if isinstance(start, Model):
        recipe = preprocessed_as(start, recipe)
    chosen = None if rows is None else checked_rows(rows, len(data.train))
    data, chosen, held_rows = _with_validation(recipe, data, chosen)
    if record not in (None, "batch", "batch_after"):
        raise RecipeError('record="batch" or "batch_after"', repr(record))
    train = data.train
    task = task_of(recipe, data)
    loss = _loss(recipe, task)
    recipe = recipe.replace(loss=loss, task=task)
    # The cache is valid only for the same training set.
    known = scalings if data is given and rows is None else None
    known = known if encoding is None else {recipe.preparation: encoding}
    known = known_scalings(start) if isinstance(start, Model) else known
    fitted = replace(_fit(recipe, loss, data, chosen, known, task), data=data)
    if isinstance(start, Model):
        fitted = as_fitted(start, recipe, fitted)
    _check_targets(loss, train, fitted)
    validation = None if data.validation is None else fitted.samples(data.validation)
    if held_rows is not None:
        validation = fitted.samples(train, held_rows)
    samples = fitted.samples(train, chosen, recipe.class_weight)
    problem = _problem(recipe, fitted, samples, validation, start)
    return replace(problem, order=order, record=record), fitted


def _check_start(start: Any) -> None:
    """Raise RecipeError for initial parameters of another type than `Start`."""
    if start is None or isinstance(start, Model):
        return
    if isinstance(start, bool) or (isinstance(start, int) and not 0 <= start < 2**64):
        raise RecipeError("a seed from 0 to 2**64 − 1", repr(start), field="initial_parameters")
    pairs = isinstance(start, Sequence) and not isinstance(start, str)
    pairs = pairs and all(hasattr(each, "__len__") and len(each) == 2 for each in start)
    if not pairs and not isinstance(start, int):
        got = repr(start) if isinstance(start, (str, float)) else type(start).__name__
        expected = "a model, a seed, or a pair of weights and biases for each layer"
        raise RecipeError(expected, got, "initial_parameters=run.model", field="initial_parameters")


def _problem(recipe: Recipe, fitted: FittedData, samples: Samples, validation: Samples | None, start: Start) -> Problem:
    """Return the problem, with its parameters before the first step."""
    assert isinstance(recipe.loss, Loss)
    if recipe.network.members > 1:
        recipe.loss.output.of_mean(np.zeros((1, 1, fitted.outputs)))  # raises an error where a mean has no raw output
    columns = columns_of(fitted.encoding, fitted.input_shape)
    shape = parameters.Shape.of(recipe.network, columns, fitted.outputs)
    seed = start if isinstance(start, int) else recipe.seed
    if isinstance(start, Model):
        initial = parameters_of(start, recipe.network, shape)
    else:
        initial = shape.with_initial_state(_first(recipe, shape.sizes, start), seed)
    raw = None
    if recipe.augmentation:
        composition.check(recipe.augmentation, fitted.input_shape)
        raw = composition.RawValues(samples.x, fitted.input_shape, samples.rows)
    if recipe.perturbation is not None and shape.stage is not None:
        instead = "preparation.embedded_above=None, or perturbation=None"
        raise RecipeError("inputs that are numbers", "categories that are embedded", instead, field="perturbation")
    problem = Problem(
        recipe,
        shape.sizes,
        fitted.scaling,
        samples,
        validation,
        initial,
        stretch=rows_read_together(samples.x),
        raw=raw,
        columns=columns,
    )
    if not isinstance(start, Model):
        fit_to_data(problem, seed, layers=start is None or isinstance(start, int))
    return problem


def _first(recipe: Recipe, sizes: tuple[int, ...], start: Sequence[tuple[Any, Any]] | int | None) -> Floats:
    """Return θ before the first step."""
    if start is None or isinstance(start, int):
        return parameters.first(recipe.network, sizes, recipe.seed if start is None else start)
    return parameters.given(start, sizes)


def checked_rows(rows: Any, n: int) -> Indices:
    """Return valid row numbers of a set of n samples, at least one."""
    indices = np.asarray(rows)
    if indices.dtype == np.bool_ and indices.shape == (n,):
        indices = np.flatnonzero(indices)
    whole = indices.ndim == 1 and indices.dtype.kind in "iu" and len(indices) > 0
    if not whole or indices.min() < 0 or indices.max() >= n:
        got = f"{indices.dtype} of shape {indices.shape}" if not whole else f"{indices.min()} to {indices.max()}"
        raise DataError(f"row numbers from 0 to {n - 1}", got)
    return indices.astype(np.int64)


def _with_validation(recipe: Recipe, data: Dataset, rows: Indices | None) -> tuple[Dataset, Indices | None, Any]:
    """Hold out validation samples where they are needed and absent; return the data, training and validation rows."""
    needed = recipe.stopping is not None or recipe.schedule.watches or recipe.metrics
    if not needed or data.validation is not None:
        return data, rows, None
    if rows is None:
        return data.with_validation(seed=recipe.seed), None, None
    return data, *_held_out(data.train, rows, recipe.seed)


def _held_out(train: Part, rows: Indices, seed: int) -> tuple[Indices, Indices]:
    """Split rows into training and validation rows, stratified by class where there are any."""
    # A data set of row numbers, so that repeats of a row are not in both sets.
    once = np.unique(rows)
    parts = Dataset(train=(once[:, None], train.y[once])).with_validation(seed=seed)
    assert parts.validation is not None
    held = parts.validation.x[:, 0]
    return rows[~np.isin(rows, held)], held


def model_of(problem: Problem, fitted: FittedData, theta: npt.NDArray[Any]) -> Model:
    """Return the model with the parameters θ."""
    data, encoding = fitted.data, fitted.encoding
    return Model(
        recipe=problem.recipe,
        sizes=problem.sizes,
        theta=theta[: problem.shape.theta],
        state=theta[problem.shape.theta :],
        scaling=fitted.scaling,
        input_shape=fitted.input_shape,
        classes=fitted.classes,
        target_scaling=fitted.target_scaling,
        single=fitted.single,
        class_names=None if data is None else data.class_names,
        feature_names=encoding.inputs if encoding is not None else None if data is None else data.feature_names,
        encoding=encoding,
        target_bounds=fitted.target_bounds,
    )


def record_of(data: Dataset | None, epochs: int, best_epoch: int, status: str) -> Record:
    """Return the record of a training run on some data, without scores."""
    samples = () if data is None else tuple((name, len(part)) for name, part in data.parts.items())
    name = "" if data is None else data.name
    return Record(name, samples, epochs, best_epoch, status, versions=versions())


def task_of(recipe: Recipe, data: Dataset) -> Task:
    """Return the task: the recipe's, that of the target's declared type, that of the loss, or that of the targets."""
    declared = data.declared_task
    if recipe.task != "auto":
        task: Task = recipe.task  # type: ignore[assignment]
        if declared not in {None, task}:
            came = f"{task!r}, while the declared type of the target means {declared}"
            raise RecipeError(f'"auto" or {declared!r}', came, f"task={declared!r}, or another type", field="task")
        return task
    loss = recipe.loss if isinstance(recipe.loss, Loss) else None
    ambiguous = declared is None and data.class_names is None and data.train.y.dtype.kind in "iu"
    ambiguous = ambiguous and recipe.class_weight is None
    return "regression" if ambiguous and loss is not None and loss.regression_only else data.task


def _loss(recipe: Recipe, task: Task) -> Loss:
    if isinstance(recipe.loss, Loss):
        loss = recipe.loss
    elif task == "classification":
        loss = SoftmaxCrossEntropy()
    else:
        labels = recipe.loss == "cross_entropy" or task == "multilabel"
        loss = SigmoidCrossEntropy() if labels else SquaredError()
    if task == "regression" and loss.output.granularity == "rowwise":
        instead = 'loss="squared_error", or task="classification"'
        raise RecipeError("a loss for regression", loss.name, instead, field="loss")
    if task == "multilabel" and (loss.output.granularity == "rowwise" or loss.regression_only):
        raise RecipeError("a loss for several labels a sample", loss.name, 'loss="sigmoid_cross_entropy"', field="loss")
    return loss


def _fit(
    recipe: Recipe, loss: Loss, data: Dataset, rows: Indices | None, known: dict[Any, Any] | None, task: Task
) -> FittedData:
    train = data.train
    known = {} if known is None else known
    encoding, shape = None, train.x.shape[1:]
    if isinstance(train.x, Table) or (recipe.preparation.arrays and train.x.ndim == 2):
        encoding = known.get(recipe.preparation)
        if encoding is None:
            train_rows = train.x if rows is None else train.x[rows]
            table = train_rows if isinstance(train_rows, Table) else table_of(train_rows, names=_names(data))
            encoding = known[recipe.preparation] = fit_encoding(recipe.preparation, table, data.target)
        shape = (len(encoding.inputs),)
    scaling = _scaling(recipe, train, rows, known, encoding)
    selected = train.y if rows is None else train.y[rows]
    if task == "classification":
        if train.y.ndim != 1:
            instead = 'task="multilabel" for 0 and 1, or task="regression"'
            raise RecipeError("labels (n,) for classification", f"shape {train.y.shape}", instead)
        labels = require_classes(selected)
        if train.y.dtype.kind == "f" and len(labels) > len(selected) / 2:
            expected = f"regression with targets of {len(labels):,} different numbers"
            raise UnknownName(expected, f"{task!r}", nearest="regression", field="task")
        outputs = 1 if len(labels) == 2 and loss.output.granularity == "elementwise" else len(labels)
        return FittedData(shape, scaling, labels, None, single=True, outputs=outputs, encoding=encoding)
    if train.y.dtype.kind not in "fiub":
        expected = "classification with targets of text" if train.y.dtype.kind in "UTO" else "targets of numbers"
        raise UnknownName(expected, f"{task!r}", nearest="classification", field="task")
    y = selected.astype(np.float64).reshape(len(selected), -1)
    if task == "multilabel":
        check_labels(y)
        return FittedData(shape, scaling, None, None, train.y.ndim == 1, y.shape[1], encoding, multilabel=True)
    standard = recipe.target_scaling
    if standard == "auto":
        standard = "standard" if loss.output.name == "identity" else "none"
    target = Scaling("standard").learn(y, image=False) if standard == "standard" else None
    bounds = np.array([y.min(axis=0), y.max(axis=0)]) if recipe.clamp_predictions else None
    return FittedData(shape, scaling, None, target, train.y.ndim == 1, y.shape[1], encoding, target_bounds=bounds)


def _names(data: Dataset) -> list[str]:
    """Return the names of an array's columns: those of its features, or else x0, x1, …"""
    return list(data.feature_names or (f"x{place}" for place in range(data.train.x.shape[1])))


def _scaling(
    recipe: Recipe, train: Part, rows: Indices | None, known: dict[Any, Any], encoding: Encoding | None
) -> Affine:
    """Return the scaling of a training set's inputs; preprocessed columns have none unless the recipe names one."""
    if encoding is not None and recipe.scaling.kind == "auto":
        return Affine(np.array(0.0), np.array(1.0))
    kind = (recipe.scaling, None if encoding is None else recipe.preparation)
    scaling: Affine | None = known.get(kind)
    if scaling is None:
        x = train.x.reshape(len(train.x), -1) if encoding is None else encoding(train.x)
        scaling = recipe.scaling.learn(x, image=train.x.ndim > 2, rows=rows)
        if encoding is not None and encoding.network_columns.categories:
            scaling = _without_codes(scaling, encoding.network_columns)
        known[kind] = scaling
    return scaling


def _without_codes(scaling: Affine, columns: Columns) -> Affine:
    """Return a scaling that leaves the columns of codes as they are."""
    shift, factor = (np.array(np.broadcast_to(each, columns.inputs)) for each in (scaling.shift, scaling.factor))
    codes = [place for place, _ in columns.categories]
    shift[codes], factor[codes] = 0.0, 1.0
    return Affine(shift, factor)


def _check_targets(loss: Loss, train: Part, fitted: FittedData) -> None:
    if fitted.classes is not None or loss.domain == "real":
        return
    y = train.y.astype(np.float64)
    domain, holds = {
        "unit": ("between 0 and 1", y.min() >= 0 and y.max() <= 1),
        "non_negative": ("of at least 0", y.min() >= 0),
        "positive": ("above 0", y.min() > 0),
    }[loss.domain]
    if not holds:
        got = f"numbers from {y.min():g} to {y.max():g}"
        raise DataError(f"targets {domain} for {loss.name}", got, 'loss="squared_error"')
