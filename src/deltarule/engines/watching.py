"""Early stopping for engines that evaluate it after each epoch."""

from __future__ import annotations

import numpy as np

from deltarule.engines.problem import Problem, Sums
from deltarule.engines.state import EngineState
from deltarule.types import Floats

__all__ = ["Watch", "Watched"]


class Watch:
    """Early stopping's state, with the best parameters, or the last finite ones without early stopping."""

    def __init__(self, problem: Problem) -> None:
        self.best_theta: Floats = problem.theta.copy()
        self.best_epoch = 0
        self.finished = False
        self._rule, self._last = problem.recipe.stopping, problem.recipe.epochs
        self._larger = self._rule is not None and self._rule.monitor == "score"
        self.best_value: float = -np.inf if self._larger else np.inf

    def after(self, epoch: int, theta: Floats, train: Sums, held: Sums | None) -> None:
        """Record an epoch; finish the run if patience is exhausted or the values are not finite."""
        rule = self._rule
        finite = bool(np.isfinite(train.loss) and np.isfinite(theta).all())
        if rule is None or held is None:
            if finite:
                self.best_theta = theta.copy()
        else:
            figure = -held.error / held.weight if self._larger else held.loss / held.weight
            if finite and rule.better(figure, self.best_value, self._larger):
                self.best_value, self.best_epoch = figure, epoch
                self.best_theta = theta.copy()
            self.finished = rule.exhausted(epoch, self.best_epoch)
        self.finished = self.finished or not finite or epoch >= self._last


class Watched:
    """Base of engines that use a `Watch` after each epoch."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._watch, self._ended = Watch(problem), False

    @property
    def finished(self) -> bool:
        """Whether all epochs have run, or early stopping or the engine itself has ended them."""
        return self._ended or self._watch.finished

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch by early stopping; 0 without early stopping."""
        return self._watch.best_epoch

    @property
    def best_theta(self) -> Floats:
        """θ and the state after the best epoch, or after the last finite one."""
        return self._watch.best_theta

    def _restore_watch(self, state: EngineState) -> None:
        """Continue early stopping from a state."""
        watch = self._watch
        watch.best_theta, watch.best_epoch = state.best.astype(np.float64), state.best_epoch
        watch.best_value, self._ended = state.best_value, state.finished
