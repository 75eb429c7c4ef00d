"""Metrics of the validation set after each epoch, and early stopping by one of them.

Engines compute a loss and a score while they train. A recipe that names further metrics has the engine return after
each epoch, so that they cost time only where they are requested.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from deltarule.engines.problem import Engine, Problem
from deltarule.errors import RecipeError
from deltarule.formulas.metrics import metric
from deltarule.training.fitted_data import FittedData
from deltarule.training.metrics import predictions_of
from deltarule.training.preparing import model_of
from deltarule.types import Floats


@dataclass(frozen=True, eq=False)
class MonitorState:
    """The metrics of each epoch (epochs, names), and the best epoch by early stopping with its value and parameters."""

    table: Floats
    best_value: float
    best_epoch: int
    best_theta: Floats | None
    finished: bool


class Monitor:
    """The metrics of a run's validation set, and the best epoch by the one that early stopping monitors.

    names : of the metrics.
    table : a row of values for each epoch.
    best_theta : the parameters of the best epoch, where early stopping monitors a metric; otherwise None.
    """

    def __init__(self, problem: Problem, fitted: FittedData) -> None:
        self.names = problem.recipe.watched_metrics
        if problem.validation is None:
            raise RecipeError(
                "a validation set for the metrics of each epoch", "none", "data.with_validation()", field="metrics"
            )
        self._problem, self._fitted, self._validation = problem, fitted, problem.validation
        self._metrics = [metric(name) for name in self.names]
        for each in self._metrics:
            each.check(problem.recipe.task)
        self.table: Floats = np.zeros((0, len(self.names)))
        rule = problem.recipe.stopping
        self._rule = None if rule is None or rule.metric is None else rule
        self._by = None if self._rule is None else metric(self._rule.monitor)
        self._best = 0.0 if self._by is None else -math.inf if self._by.larger_is_better else math.inf
        self.best_epoch = 0
        self.best_theta: Floats | None = None
        self.finished = False

    @property
    def decides(self) -> bool:
        """Whether early stopping monitors a metric, rather than what the engine monitors."""
        return self._rule is not None

    def for_engine(self) -> Problem:
        """Return the problem as the engine gets it: without early stopping where that is decided here."""
        problem = self._problem
        return dataclasses.replace(problem, recipe=problem.recipe.replace(stopping=None)) if self.decides else problem

    @property
    def state(self) -> MonitorState:
        """The state after the last epoch."""
        return MonitorState(self.table, self._best, self.best_epoch, self.best_theta, self.finished)

    def restore(self, state: MonitorState) -> None:
        """Continue from a state."""
        self.table, self._best, self.best_epoch = state.table, state.best_value, state.best_epoch
        self.best_theta, self.finished = state.best_theta, state.finished

    def after(self, engine: Engine) -> None:
        """Compute the metrics of the epoch that has just ended, and decide whether it is the best and the last."""
        theta = engine.theta
        values = self._values(theta)
        self.table = np.vstack([self.table, values])
        if self._rule is None or self._by is None:
            return
        epoch, value = len(self.table), float(values[self.names.index(self._by.name)])
        if self._rule.better(value, self._best, self._by.larger_is_better):
            self._best, self.best_epoch, self.best_theta = value, epoch, theta.copy()
        self.finished = self._rule.exhausted(epoch, self.best_epoch)

    def _values(self, theta: Floats) -> Floats:
        if not np.isfinite(theta).all():
            return np.full(len(self.names), math.nan)
        samples, model = self._validation, model_of(self._problem, self._fitted, theta)
        z = model.outputs_of(np.ascontiguousarray(samples.inputs(slice(None))))
        predictions = predictions_of(model, samples, z)
        return np.array([each(predictions) for each in self._metrics])
