"""Training batch by batch, with scikit-learn's rules for when to stop and what to do with the learning rate."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.engines.definition import penalty_value
from deltarule.engines.parameters import Shape
from deltarule.engines.problem import Engine, Figure, Problem, Progress, Samples
from deltarule.engines.registry import engine_of
from deltarule.errors import DataError
from deltarule.estimators.callbacks import Tasks
from deltarule.estimators.order import Ordered, shuffles
from deltarule.estimators.prediction import UNSCALED
from deltarule.estimators.telling import Teller
from deltarule.estimators.units import Units
from deltarule.estimators.validation import Held
from deltarule.formulas import Loss
from deltarule.formulas.augmentations.composition import RawValues
from deltarule.formulas.formula import normalized
from deltarule.recipes import Recipe
from deltarule.types import Floats

# Adaptive rates end here.
_LOWEST_RATE = 1e-6
# Multiply-adds of an epoch for which threads are worth starting.
_WORTH_THREADS = 20_000_000
# Seconds that the engine runs before the interpreter looks again.
_SECONDS = 0.05


@dataclass(frozen=True)
class OptimizerState:
    """What the optimizer has come to between two calls.

    learning_rate : of the next step.
    step : how many steps have been.
    slots : what it remembers, each shaped like θ.
    """

    learning_rate: float
    step: int = 0
    slots: tuple[Floats, ...] | None = None


@dataclass(frozen=True)
class Task:
    """One call of `fit` or `partial_fit`.

    raw : what augmentations know of the training part; None where there are none.
    recipe_at : the recipe at some learning rate, or at its own.
    score : of an epoch's figures, or of θ where the engine has no figure for it; None where nothing is watched.
    by_theta : which of the two `score` takes.
    stopping : whether the validation part's score decides, rather than the training loss.
    """

    sizes: tuple[int, ...]
    samples: Samples
    theta: Floats
    state: OptimizerState
    recipe_at: Callable[[float | None], Recipe]
    random: np.random.RandomState | None
    raw: RawValues | None = None
    held: Held | None = None
    score: Callable[..., float] | None = None
    by_theta: bool = False
    stopping: bool = False
    incremental: bool = False


class Descent:
    """A task under way. What it finds is appended to the estimator's own attributes as it goes."""

    def __init__(self, estimator: Any, task: Task, tasks: Tasks | None) -> None:
        self._estimator, self._task, self._tasks = estimator, task, tasks
        self._rate = task.state.learning_rate
        recipe = task.recipe_at(self._rate)
        assert isinstance(recipe.loss, Loss)
        self._units = Units.of(recipe.loss, task.samples)
        self._held_units = None if task.held is None else Units.of(recipe.loss, task.held.samples)
        self._first_rate = task.recipe_at(None).optimizer.learning_rate
        size = recipe.batch_size
        self._batches = -(-len(task.samples) // size)
        self._order = shuffles(task.random, len(task.samples), size)
        self._engine = self._engine_at(task.theta, Progress(0, task.state.step, self._first_slots(recipe)))
        self._best_here, self._best_theta = False, task.theta
        self._penalty = self._first_penalty(recipe)
        self._tables: list[Floats] = []
        if task.held is not None and estimator.validation_scores_ is None:
            estimator.validation_scores_, estimator.validation_loss_curve_ = [], []
        self._teller = Teller(estimator.verbose, estimator.max_iter)

    def run(self) -> None:
        """Train until a rule ends it; what the estimator is to have is then in its attributes."""
        estimator, most = self._estimator, 1 if self._task.incremental else int(self._estimator.max_iter)
        estimator.n_iter_ = 0
        with self._teller:
            try:
                self._epochs(most)
            except KeyboardInterrupt:
                warnings.warn("Training was interrupted; the weights are those it had come to.", stacklevel=6)
        theta = self._best() if self._task.stopping else self._engine.theta
        self.theta = theta.astype(np.float64)
        progress = self._engine.progress
        estimator._optimizer = OptimizerState(self._rate, progress.step, progress.slots)
        self.table = np.concatenate([np.zeros((0, Figure.COUNT)), *self._tables])

    def _epochs(self, most: int) -> None:
        estimator, ended = self._estimator, False
        while not ended and estimator.n_iter_ < most and not self._engine.finished and not self._interrupted():
            # No rule can end it sooner, so that the interpreter need not look.
            ahead = min(self._ahead(), most - estimator.n_iter_)
            figures = self._engine.advance(ahead, _SECONDS)
            self._tables.append(figures.table)
            for row in figures.table:
                ended = self._epoch(row) or ended
            if figures.interruption is not None:
                raise figures.interruption
            ended = self._after() or ended
        if not ended and not self._task.incremental and estimator.n_iter_ == most:
            from sklearn.exceptions import ConvergenceWarning

            words = f"Training stopped at max_iter={most} epochs, before it converged; allow for more of them."
            warnings.warn(words, ConvergenceWarning, stacklevel=7)

    def _interrupted(self) -> bool:
        """Whether the others of an ensemble are given up."""
        event = vars(self._estimator).get("_interrupted")
        return event is not None and bool(event.is_set())

    def _ahead(self) -> int:
        """How many epochs are sure to be wanted: patience is not spent before."""
        estimator = self._estimator
        step_by_step = self._task.by_theta or (self._tasks is not None and self._tasks.listened)
        if step_by_step or self._scaled_each_epoch:
            return 1
        left = estimator.n_iter_no_change - estimator._no_improvement_count + 1
        return max(1, int(min(left, estimator.max_iter)))

    def _epoch(self, figures: Floats) -> bool:
        """Take an epoch's figures into the estimator's attributes; whether a callback wants an end."""
        estimator, task = self._estimator, self._task
        estimator.n_iter_ += 1
        estimator.t_ += len(task.samples)
        estimator.loss_ = self._loss(figures)
        estimator.loss_curve_.append(estimator.loss_)
        score = None
        if self._held_units is not None and task.score is not None:
            mean = figures[Figure.VALIDATION_LOSS] / figures[Figure.VALIDATION_WEIGHT]
            estimator.validation_loss_curve_.append(self._held_units.theirs(mean))
            score = task.score(self._engine.theta if task.by_theta else figures)
            estimator.validation_scores_.append(score)
        self._watch(score)
        self._teller.epoch(estimator.n_iter_, estimator.loss_, score)
        if self._tasks is None:
            return False
        return self._tasks.epoch_ends(estimator.n_iter_, lambda: estimator._attributes_at(self._engine.theta))

    def _loss(self, figures: Floats) -> float:
        """The mean loss and the penalty of an epoch, each batch's taken before its step, as scikit-learn means it."""
        mean = self._units.theirs(figures[Figure.TRAIN_LOSS] / figures[Figure.TRAIN_WEIGHT])
        # The weights move little in an epoch: between its ends the penalty goes straight.
        before, self._penalty = self._penalty, float(figures[Figure.PENALTY])
        return float(mean + before + (self._penalty - before) * (self._batches - 1) / (2 * self._batches))

    def _watch(self, score: float | None) -> None:
        """Count the epochs without an improvement of at least `tol`."""
        estimator = self._estimator
        if self._task.stopping and score is not None:
            improved = not score < estimator.best_validation_score_ + estimator.tol
            if score > estimator.best_validation_score_:
                estimator.best_validation_score_ = score
                self._best_here = True
                if self._task.by_theta:
                    self._best_theta = self._engine.theta.copy()
        else:
            improved = not estimator.loss_ > estimator.best_loss_ - estimator.tol
            estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1

    def _after(self) -> bool:
        """What follows when patience is spent: an end, or a smaller rate."""
        estimator = self._estimator
        if self._scaled_each_epoch:
            self._change_rate(self._first_rate / (estimator.t_ + 1) ** estimator.power_t)
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        if not self._adaptive or self._rate <= _LOWEST_RATE:
            self._teller.ended(stopping=self._task.stopping)
            return True
        self._change_rate(self._rate / 5.0)
        estimator._no_improvement_count = 0
        return False

    @property
    def _scaled_each_epoch(self) -> bool:
        return self._scheduled and self._estimator.learning_rate == "invscaling" and self._estimator.power_t > 0

    @property
    def _adaptive(self) -> bool:
        return self._scheduled and self._estimator.learning_rate == "adaptive"

    @property
    def _scheduled(self) -> bool:
        """Adam has no schedule in scikit-learn."""
        solver = self._estimator.solver
        return normalized(solver) != "adam"

    def _change_rate(self, rate: float) -> None:
        """Go on with another rate, from where the engine stands."""
        self._best_theta = self._best()
        self._best_here, self._rate = False, rate
        if not self._engine.finished:
            self._engine = self._engine_at(self._engine.theta.astype(np.float64), self._engine.progress)

    def _best(self) -> Any:
        """θ of the epoch with the best score so far."""
        if self._best_here and not self._task.by_theta:
            return self._engine.best_theta
        return self._best_theta

    def _engine_at(self, theta: Floats, progress: Progress) -> Engine:
        task, estimator = self._task, self._estimator
        held = None if task.held is None else task.held.samples
        recipe = task.recipe_at(self._rate)
        problem: Problem = Ordered(
            recipe, task.sizes, UNSCALED, task.samples, held, theta, self._order, raw=task.raw, progress=progress
        )
        precision = np.dtype(task.samples.x.dtype).name
        threads = estimator.n_threads
        if threads is None and (task.incremental or self._scaled_each_epoch):
            # An engine of one epoch: threads take longer to start than they save on little work.
            threads = 1 if len(task.samples) * len(theta) < _WORTH_THREADS else None
        return engine_of(problem, estimator.engine, precision, threads)

    def _first_slots(self, recipe: Recipe) -> tuple[Floats, ...]:
        task = self._task
        slots, learnt = task.state.slots, Shape(task.sizes, recipe.network.normalization).learnt
        if slots is None:
            return tuple(np.zeros(learnt) for _ in recipe.optimizer.slots)
        if len(slots) != len(recipe.optimizer.slots) or any(slot.shape != (learnt,) for slot in slots):
            came = "another network or optimizer than before"
            raise DataError(
                "the network and the optimizer that partial_fit began with", came, "fit(X, y) to start anew"
            )
        return slots

    def _first_penalty(self, recipe: Recipe) -> float:
        """The penalty before the first step, as figures have it: its mean over the batches of an epoch."""
        task = self._task
        problem = Problem(recipe, task.sizes, UNSCALED, task.samples, None, task.theta)
        return penalty_value(problem, task.theta, problem.batch_weight)
