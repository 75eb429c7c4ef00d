"""What the errors, the baselines and the history of a run on its data say of bias and variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deltarule.data import Dataset, without_copies
from deltarule.data.leaks import WithoutCopies
from deltarule.models import Model
from deltarule.studies.diagnose.baselines import baselines_of, ranks
from deltarule.studies.diagnose.error_analysis import ErrorAnalysis, analyze_errors
from deltarule.studies.diagnose.estimates import error_of
from deltarule.training import Epoch, Run

_FEW_TRAINED = 0.01
"""The fraction of validation samples that are training samples beyond which the history is not used."""


def analyze_run(run: Run, data: Dataset, reference_error: float | None = None) -> ErrorAnalysis:
    """The analysis on a run: of its errors on the data's training and validation sets, its history, and baselines.

    The baselines are trained here, in a fraction of a second. Copies of samples are not counted again, and validation
    samples that were trained on are not counted.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("breast_cancer")
    >>> said = analyze_run(dr.train(dr.Recipe(), data), data)
    >>> [each.name for each in said.baselines]
    ["always answering 'benign'", 'a linear model']
    """
    if data.validation is None and (run.recipe.stopping is not None or run.recipe.metrics):
        data = data.with_validation(seed=run.recipe.seed)
    return analyze(run.model, data, without_copies(data), run.history, reference_error)


def analyze(
    model: Model,
    data: Dataset,
    distinct: WithoutCopies,
    history: Sequence[Epoch] = (),
    reference_error: float | None = None,
) -> ErrorAnalysis:
    """The same for a model and its history, which may be empty; `distinct` is the data without copies."""
    held = distinct.data.validation
    found = analyze_errors(
        error_of(model, distinct.data.train),
        None if held is None else error_of(model, held),
        reference_error,
        history=history if distinct.trained <= _FEW_TRAINED else None,
        recipe=model.recipe,
        baselines=baselines_of(model, replace(data, validation=held)),
        ranked=held is not None and ranks(model, held),
        images=data.train.x.ndim > 2,
    )
    return replace(found, sentences=(*distinct.sentences, *found.sentences))
