"""The case: a run or a model with its data, and what the checks need of them, each computed once when it is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset, Part, Table, without_copies
from deltarule.data.column_warnings import SuspectedColumns, suspected_columns
from deltarule.data.columns import Column
from deltarule.data.leaks import WithoutCopies
from deltarule.engines.problem import Problem
from deltarule.errors import Diverged, ModelError
from deltarule.mapped import is_mapped
from deltarule.models import Model
from deltarule.studies.diagnose.error_analysis import ErrorAnalysis
from deltarule.studies.diagnose.estimates import losses_of
from deltarule.studies.diagnose.finding import Severity
from deltarule.studies.diagnose.learning_curve import LearningCurve, learning_curve_of
from deltarule.studies.diagnose.rate_probe import RateProbe, probe_rates
from deltarule.studies.diagnose.references import Reference, references_of
from deltarule.studies.diagnose.replay import Replay, replayed
from deltarule.studies.diagnose.run_analysis import analyze
from deltarule.studies.out_of_fold import OutOfFold, out_of_fold
from deltarule.training import Epoch
from deltarule.training.fitted_data import FittedData
from deltarule.training.preparing import prepared
from deltarule.types import Floats

FOLDS = 3
"""Folds of the out-of-fold predictions: as many networks are trained, each on the samples of the others."""
ROWS = 4000
"""The largest number of training samples that columns are looked at in."""


@dataclasses.dataclass(frozen=True)
class ColumnValues:
    """A column of the training set: its name and some of its values as numbers, (n,), NaN where missing.

    coded : whether the numbers are codes of categories.
    """

    name: str
    values: Floats
    coded: bool = False


class Case:
    """What is diagnosed.

    model, recipe : the network and how it was trained.
    data : with a validation set where training held one out.
    history : its epochs; empty where unknown. status : of the run.
    reference_error : the lowest error that can be reached, or None.
    trains : whether other methods may be trained beside the network.
    """

    def __init__(
        self,
        model: Model,
        data: Dataset,
        history: Sequence[Epoch] = (),
        status: str = "finished",
        reference_error: float | None = None,
        *,
        trains: bool = True,
    ) -> None:
        recipe = model.recipe
        if data.validation is None and (recipe.stopping is not None or recipe.metrics):
            data = data.with_validation(seed=recipe.seed)
        self.model, self.recipe, self.data = model, recipe, data
        self.history, self.status, self.reference_error, self.trains = history, status, reference_error, trains

    @cached_property
    def diverged(self) -> bool:
        """Whether the loss stopped being finite, or outputs overflow; errors then mean nothing."""
        if self.status == "diverged":
            return True
        try:
            return not bool(np.isfinite(self.train_errors).all())
        except ModelError:
            return True

    @cached_property
    def distinct(self) -> WithoutCopies:
        """The data with each sample once."""
        return without_copies(self.data)

    @cached_property
    def errors(self) -> ErrorAnalysis:
        """What the errors say of bias and variance."""
        return analyze(self.model, self.data, self.distinct, self.history, self.reference_error)

    @cached_property
    def _prepared(self) -> tuple[Problem, FittedData]:
        return prepared(self.recipe, self.data)

    @property
    def problem(self) -> Problem:
        """The problem that the recipe poses on the data, with its parameters before the first step."""
        return self._prepared[0]

    @cached_property
    def distinct_inputs(self) -> tuple[Floats, ...]:
        """The scaled inputs of the training and the validation set, without copies: (n, inputs) each."""
        parts = (self.distinct.data.train, self.distinct.data.validation)
        samples = (self._prepared[1].samples(part) for part in parts if part is not None)
        return tuple(np.asarray(self.problem.scaling(each.inputs(slice(None))), np.float64) for each in samples)

    @cached_property
    def names(self) -> list[str]:
        """The names of the network's inputs."""
        given = self.model.feature_names
        return list(given) if given else [f"x{place}" for place in range(self.problem.shape.inputs)]

    @cached_property
    def scaled(self) -> Floats:
        """The scaled inputs of some training samples, evenly spaced: (n, inputs)."""
        return np.asarray(self.problem.scaling(self.problem.train.inputs(self._spaced)), np.float64)

    @property
    def _spaced(self) -> npt.NDArray[np.intp]:
        n = len(self.data.train)
        return np.unique(np.linspace(0, n - 1, min(n, ROWS)).astype(np.intp))

    @property
    def images(self) -> bool:
        """Whether the inputs are images, whose columns mean nothing alone."""
        return bool(self.data.train.x.ndim > 2)

    @cached_property
    def columns(self) -> tuple[ColumnValues, ...]:
        """The columns of some training samples; none of images and of mapped files."""
        x: Any = self.data.train.x
        if self.images or is_mapped(x):
            return ()
        rows = self._spaced
        if isinstance(x, Table):
            usable = (column for column in x if column.usable)
            return tuple(ColumnValues(each.name, each.values[rows].astype(float), each.coded) for each in usable)
        return tuple(
            ColumnValues(name, values) for name, values in zip(self.names, x[rows].T.astype(float), strict=True)
        )

    @cached_property
    def suspected_columns(self) -> SuspectedColumns:
        """Columns that number the rows, or alone nearly decide the target."""
        return SuspectedColumns() if self.table is None else suspected_columns(self.table)

    @cached_property
    def table(self) -> Dataset | None:
        """The training set with a table of its columns; None of images and of mapped files."""
        part = self.data.train
        if self.images or is_mapped(part.x):
            return None
        if isinstance(part.x, Table):
            return self.data
        columns = (_column(name, values) for name, values in zip(self.names, part.x.T, strict=True))
        as_table = Part(Table(tuple(columns)), part.y, part.weights)
        return dataclasses.replace(self.data, train=as_table, validation=None, test=None, feature_names=None)

    @cached_property
    def replay(self) -> Replay:
        """The activations and gradients before the first step and with the weights of the model."""
        return replayed(self.problem, self.model.parameters.astype(np.float64))

    @cached_property
    def rates(self) -> RateProbe | None:
        """Networks trained with a tenth and with ten times the learning rate."""
        return None if self.diverged else probe_rates(self.model, self.data, self.problem)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Other methods, trained on the same samples."""
        return references_of(
            self.model, dataclasses.replace(self.data, validation=self.distinct.data.validation), self.problem
        )

    @cached_property
    def learning_curve(self) -> LearningCurve | None:
        """The validation error by the number of training samples."""
        return learning_curve_of(self.recipe, self.data)

    @cached_property
    def out_of_fold(self) -> OutOfFold | None:
        """Predictions for each training sample by networks that were not trained on it.

        None where one diverged, or where a class has a single sample, which one of them would not know.
        """
        if self.labels is not None and np.unique(self.labels, return_counts=True)[1].min() < 2:
            return None
        try:
            return out_of_fold(self.recipe.replace(metrics=(), perturbation=None), self.data, folds=FOLDS)
        except Diverged:
            return None

    @cached_property
    def train_errors(self) -> Floats:
        """The error of each training sample, (n,): 1 for a wrong answer, or a squared distance."""
        return losses_of(self.model, self.data.train)

    @property
    def labels(self) -> npt.NDArray[Any] | None:
        """The classes of the training samples; None for regression and several labels a sample."""
        return self.data.train.y if self.model.classes is not None else None

    @property
    def references_known(self) -> tuple[Reference, ...]:
        """The references, unless nothing is trained beside the network."""
        return self.references if self.trains else ()

    @cached_property
    def broken(self) -> bool:
        """Whether training failed: it diverged, or the network is not better than the simplest methods."""
        if self.diverged:
            return True
        linear = self.errors.evidence.linear
        return not self.errors.evidence.learned or (linear is not None and linear.certain < 0)

    @property
    def cause(self) -> Severity:
        """The severity of what may be the cause of failed training: an error where it failed."""
        return Severity.ERROR if self.broken else Severity.WARNING

    @cached_property
    def unscaled(self) -> bool:
        """Whether the inputs are far from 1, from which further faults follow."""
        return bool(self.scaled.size) and float(np.sqrt(np.mean(self.scaled**2, axis=0)).max()) > 10

    @property
    def starts_flat(self) -> bool:
        """Whether most hidden units are dead or saturated before the first step."""
        layers = self.replay.first.layers
        return bool(any(each.dead >= 0.5 * each.units or each.saturated >= 0.3 for each in layers))

    @property
    def perturbed(self) -> bool:
        """Whether training was made harder than prediction: by dropout, noise, augmentation or a perturbation."""
        recipe, network = self.recipe, self.recipe.network
        drawn = any(network.dropout_rates) or any(network.noise_deviations)
        return bool(drawn or recipe.augmentation or recipe.perturbation)


def _column(name: str, values: npt.NDArray[Any]) -> Column:
    """An input of an array as a column of numbers: integers, where all are whole."""
    numbers = values.astype(np.float64)
    whole = np.isfinite(numbers).all() and np.abs(numbers).max(initial=0.0) < 2.0**53
    return Column(name, "number", numbers, integer=bool(whole and (numbers == np.round(numbers)).all()))
