"""Evaluation of a model on a set of samples: its loss and its score."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deltarule.data import Part
from deltarule.engines import definition
from deltarule.engines.problem import Problem, Samples, Sums
from deltarule.errors import DataError
from deltarule.formulas.metrics import metric, metric_names
from deltarule.mapped import forget
from deltarule.models import Model
from deltarule.models.model_data import columns_of
from deltarule.training.epoch import means
from deltarule.training.fitted_data import FittedData
from deltarule.training.metrics import ClassificationMetrics, RegressionMetrics, as_data, metrics_of, predictions_of
from deltarule.types import Floats

_BLOCK = 8192


@dataclass(frozen=True)
class Evaluation:
    """Metrics of a model on a set of samples.

    The loss is that of the network's outputs; all others are of what the model predicts: numbers within the bounds of
    `clamp_predictions`, probabilities at the temperature of a calibration.

    loss : mean loss over the samples, without the penalty, in the units used in training.
    score : accuracy, or R² for regression; R² is NaN if all targets are equal.
    samples : number of samples.
    metrics : further metrics of the classes, or of the numbers in the target's units.
    named : the metrics requested by name.
    sample_scores : (samples,), what each sample contributes to the score, which is their mean: 1 or 0 for a right or
        wrong answer; for R², and for weighted samples, the score plus the sample's influence on it.
    """

    loss: float
    score: float
    samples: int
    metrics: ClassificationMetrics | RegressionMetrics
    named: Mapping[str, float] = field(default_factory=dict)
    sample_scores: Floats = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation as data, without `sample_scores`; NaN becomes None."""
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.compare}
        data: dict[str, Any] = as_data(fields)
        return data


def evaluate(model: Model, part: Part, metrics: str | Sequence[str] | None = None) -> Evaluation:
    """Return a model's loss, score and other metrics on a set of samples, as the reference engine defines them.

    metrics : names of further metrics, for example "f1", or of scorers of scikit-learn (default: those of the recipe).

    Raises DataError for samples of another shape or labels unknown to the model.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> run = dr.train(dr.Recipe(epochs=30), data)
    >>> found = evaluate(run.model, data.test)
    >>> found.score == run.model.score(data.test.x, data.test.y), found.samples
    (True, 15)
    >>> len(found.metrics.classes), sorted(evaluate(run.model, data.test, "f1").named)
    (3, ['f1'])
    """
    asked = model.recipe.watched_metrics if metrics is None else metric_names(metrics)
    if model.encoding is None and part.x[0].size != model.shape.inputs:
        expected = " × ".join(map(str, model.input_shape))
        raise DataError(f"samples of shape {expected}", " × ".join(map(str, part.x.shape[1:])))
    outputs = model.shape.outputs
    if model.classes is None and (part.y.dtype.kind not in "fiub" or part.y[0].size != outputs):
        raise DataError(f"{outputs} numbers a sample to compare with", f"{part.y.dtype} of shape {part.y.shape}")
    if model.classes is not None and (
        part.y.ndim != 1 or (part.y.dtype.kind in "UT") != (model.classes.dtype.kind in "UT")
    ):
        raise DataError(f"labels like {model.classes[0]!r}", f"{part.y.dtype} of shape {part.y.shape}")
    fitted = FittedData(
        model.input_shape,
        model.scaling,
        model.classes,
        model.target_scaling,
        model.single,
        outputs,
        model.encoding,
        multilabel=model.recipe.task == "multilabel",
    )
    samples = fitted.samples(part)
    columns = columns_of(model.encoding, model.input_shape)
    problem = Problem(model.recipe, model.sizes, model.scaling, samples, None, model.parameters, columns=columns)
    total, outputs_of, errors = Sums(), [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(samples), _BLOCK):
            rows = slice(start, start + _BLOCK)
            z = model.raw_outputs(part.x[rows]).astype(np.float64)
            outputs_of.append(z)
            total += definition.sums(problem, samples, z, samples.y(rows), samples.weight(rows))
            errors.append(_errors(model, problem, samples, z, samples.y(rows)))
            forget(part.x[rows])
        error = np.concatenate(errors)
        total = dataclasses.replace(total, error=float(np.sum(samples.weight(slice(None)) * error)))
        loss, score = means(total, samples.spread())
        of_samples = _sample_scores(samples, error, score)
    made = predictions_of(model, samples, np.concatenate(outputs_of))
    record = metrics_of(made, _names(model))
    named = {name: metric(name)(made) for name in asked}
    return Evaluation(loss, score, len(samples), record, named, of_samples)


def _names(model: Model) -> Sequence[Any] | None:
    """Return the classes; or the names of several labels a sample, where the table's columns have any."""
    if model.classes is not None:
        classes: list[Any] = model.classes.tolist()
        return classes
    target = None if model.encoding is None else model.encoding.target
    return target if model.multilabel and isinstance(target, tuple) else None


def _errors(model: Model, problem: Problem, samples: Samples, z: Floats, y: Floats) -> Floats:
    """Return the error of each prediction, (n,): 1 for a wrong one, or the squared distance from the scaled target."""
    if samples.labelled:
        return np.asarray(definition.errors(problem, samples, z, y), np.float64)
    numbers = model.numbers(z)
    scaled = numbers if model.target_scaling is None else model.target_scaling(numbers)
    return np.asarray(np.sum((scaled - y) ** 2, axis=1))


def _sample_scores(samples: Samples, errors: Floats, score: float) -> Floats:
    """Return the contributions of samples to the score 1 − mean error / spread, (n,), whose mean is the score.

    For R² both means depend on the samples: the contribution is linearized (infinitesimal jackknife; Efron, 1982).
    """
    w = samples.weight(slice(None))
    each = 1.0 - errors
    if not samples.labelled:
        y = samples.y(slice(None))
        spread, mean = samples.spread() or np.nan, np.sum((w / np.sum(w))[:, None] * y, axis=0)
        each = score - (errors - (1.0 - score) * np.sum((y - mean) ** 2, axis=1)) / spread
    return score + (w / np.mean(w)) * (each - score)
