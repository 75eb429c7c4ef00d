"""Diagnose a run or a model: run the checks, and try remedies where that is requested."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from deltarule.data import Dataset
from deltarule.errors import DataError
from deltarule.models import Model
from deltarule.recipes.checks import integer
from deltarule.studies.compare import ComparisonProgress
from deltarule.studies.diagnose import findings as _all_checks  # noqa: F401 - registers them
from deltarule.studies.diagnose.attempts import SEEDS, attempted
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.check import CHECKS
from deltarule.studies.diagnose.diagnosis import Diagnosis
from deltarule.studies.diagnose.estimates import check_reference_error
from deltarule.studies.diagnose.finding import ORDER, Finding
from deltarule.training import Epoch, Run
from deltarule.training.arguments import Data, dataset_of


def diagnose(
    run: Run | Model,
    data: Data | None = None,
    *,
    reference_error: float | None = None,
    short: bool = False,
    try_remedies: int = 0,
    seeds: int = SEEDS,
    progress: Callable[[ComparisonProgress], Any] | None = None,
) -> Diagnosis:
    """Find out what is wrong with a trained network, how it is known, and what to do about it.

    run : a run; or a model, of which the course of training is unknown.
    data : the data of the run; None for those that the run has. The test set is not used.
    reference_error : the lowest error that can be reached, by people or another method: an error rate, or a mean
        squared error.
    short : leave out what trains further networks and other methods, as the end of `deltarule train` does.
    try_remedies : the number of remedies to try. Networks with each, and with the recipe as it is, are trained with
        `seeds` seeds and compared on the validation set; a remedy that was not tried is a suggestion.
    progress : called after each network that is trained to try remedies.

    Without `short`, 19 networks like this one are trained, most of them on a part of the samples.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("iris")
    >>> recipe = dr.Recipe(network=dr.Network(hidden=(16, 8), bias_initializer={"name": "constant", "value": -9.0}))
    >>> found = dr.diagnose(dr.train(recipe, data), data, short=True)
    >>> found.findings[0].check
    'dead-at-start'
    """
    further: dict[str, Any] = {"reference_error": reference_error, "short": short, "try_remedies": try_remedies}
    further |= {"seeds": seeds, "progress": progress}
    if isinstance(run, Run):
        given = run.data if data is None else data
        if given is None:
            raise DataError("the data of the run", None, "dr.diagnose(run, data)", field="data")
        return diagnose_model(run.model, given, run.history, run.status, **further)
    if not isinstance(run, Model):
        raise DataError("a run or a model", type(run).__name__, "dr.diagnose(run, data)", field="run")
    if data is None:
        raise DataError("data beside a model", None, "dr.diagnose(model, data)", field="data")
    return diagnose_model(run, data, **further)


def diagnose_model(
    model: Model,
    data: Data,
    history: Sequence[Epoch] = (),
    status: str | None = None,
    *,
    reference_error: float | None = None,
    short: bool = False,
    try_remedies: int = 0,
    seeds: int = SEEDS,
    progress: Callable[[ComparisonProgress], Any] | None = None,
) -> Diagnosis:
    """Diagnose a model by its history, as `diagnose` does; a status of None is taken from the history."""
    integer("try_remedies", try_remedies, 0, "try_remedies=3")
    integer("seeds", seeds, 2, "seeds=8")
    check_reference_error(reference_error, is_rate=model.labelled)
    if status is None:
        status = "diverged" if history and not math.isfinite(history[-1].train_loss) else "finished"
    case = Case(model, dataset_of(data), history, status, reference_error, trains=not short)
    found = examined(case)
    if not try_remedies:
        return found
    chosen = found.changes[:try_remedies]
    tried = attempted(chosen, case.recipe, case.data, seeds=seeds, progress=progress)
    return dataclasses.replace(found, attempts=tried)


def examined(case: Case, without: Sequence[str] = ()) -> Diagnosis:
    """The diagnosis of a case by all checks but some."""
    found: list[Finding] = []
    for check in sorted(CHECKS.values(), key=lambda check: check.rank):
        if check.name not in without and (case.trains or not check.trains):
            found += check.findings(case)
    found.sort(key=lambda each: ORDER.index(each.severity))
    data: Dataset = case.data
    return Diagnosis(
        tuple(found),
        None if case.diverged else case.errors,
        case.recipe,
        data.name,
        tuple((name, len(part)) for name, part in data.parts.items()),
        () if case.diverged else case.references_known,
        None if case.diverged or not case.trains or "more-data" in without else case.learning_curve,
    )
