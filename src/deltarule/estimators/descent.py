"""Training in batches by scikit-learn's rules of stopping and of the learning rate, and its explicit state."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.engines.definition import penalty_value
from deltarule.engines.parameters import Shape
from deltarule.engines.problem import Engine, Figure, Problem, Samples, StopRequested, never
from deltarule.engines.registry import engine_of
from deltarule.errors import DataError
from deltarule.estimators.inputs import UNSCALED
from deltarule.estimators.reporting import ProgressReporter
from deltarule.formulas import HalfSquaredError, Loss, PoissonLoss
from deltarule.formulas.augmentations.composition import RawValues
from deltarule.formulas.formula import normalized
from deltarule.recipes import Recipe
from deltarule.types import Floats, Indices

# The smallest rate that learning_rate="adaptive" divides.
_LOWEST_RATE = 1e-6
# Multiply-adds of an epoch from which several threads are faster than one.
_WORTH_THREADS = 20_000_000
# Seconds that the engine runs between two checks for interruption.
_SECONDS = 0.05

AfterEpoch: TypeAlias = Callable[[int, Floats], bool]
"""A function of an epoch's number and θ that returns whether training should stop."""


@dataclass(frozen=True)
class OptimizerState:
    """The optimizer's state between two calls of `partial_fit`.

    learning_rate : of the next step.
    step : number of steps so far.
    slots : the optimizer's slots, (trained,) each; None before the first step.
    """

    learning_rate: float
    step: int = 0
    slots: tuple[Floats, ...] | None = None


@dataclass
class FitState:
    """The state of training: what warm starts and `partial_fit` continue, and what the estimator's attributes show.

    samples_seen : training samples over all epochs, scikit-learn's `t_`.
    epochs : of the last call; iterations of L-BFGS.
    loss : of the last epoch, with the penalty, in scikit-learn's units.
    without_improvement : number of epochs since the monitored metric improved by `tol`.
    optimizer : None before the first call, and for L-BFGS.
    """

    samples_seen: int = 0
    epochs: int = 0
    loss: float = math.nan
    loss_curve: list[float] = field(default_factory=list)
    best_loss: float | None = None
    validation_scores: list[float] | None = None
    validation_loss_curve: list[float] | None = None
    best_validation_score: float | None = None
    without_improvement: int = 0
    optimizer: OptimizerState | None = None

    def continued(self) -> Self:
        """Return a copy for the next call, which leaves this one unchanged should the call fail."""
        copied = (None if each is None else [*each] for each in (self.validation_scores, self.validation_loss_curve))
        scores, losses = copied
        return dataclasses.replace(
            self, epochs=0, loss_curve=[*self.loss_curve], validation_scores=scores, validation_loss_curve=losses
        )

    def monitor(self, *, early_stopping: bool) -> None:
        """Start with the worst value of the metric that is monitored, if it has none."""
        if early_stopping and self.best_validation_score is None:
            self.best_validation_score = -math.inf
        elif not early_stopping and self.best_loss is None:
            self.best_loss = math.inf

    def attributes(self, *, curves: bool) -> dict[str, Any]:
        """Return scikit-learn's attributes; those of epochs only with `curves`, as L-BFGS has none."""
        found: dict[str, Any] = {"t_": self.samples_seen, "n_iter_": self.epochs, "loss_": self.loss}
        if curves:
            names = ("loss_curve", "best_loss", "validation_scores", "validation_loss_curve", "best_validation_score")
            found |= {f"{name}_": getattr(self, name) for name in names}
        return found


@dataclass(frozen=True)
class Rules:
    """The parameters that decide how long training runs, how its learning rate changes, and what computes it.

    learning_rate : "constant", "invscaling" or "adaptive"; Adam's is constant in scikit-learn.
    """

    max_iter: int
    tol: float
    n_iter_no_change: float
    learning_rate: str
    power_t: float
    early_stopping: bool
    verbose: bool | int | str
    engine: str
    precision: str | None
    n_threads: int | None

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the rules in an estimator's parameters."""
        values = {each.name: parameters[each.name] for each in dataclasses.fields(cls)}
        if normalized(parameters["solver"]) == "adam":
            values["learning_rate"] = "constant"
        return cls(**values | {"max_iter": int(values["max_iter"]), "early_stopping": bool(values["early_stopping"])})

    @property
    def rate_changes_each_epoch(self) -> bool:
        """Whether each epoch has another learning rate."""
        return self.learning_rate == "invscaling" and self.power_t > 0


@dataclass(frozen=True)
class LossUnits:
    """The units of scikit-learn's losses: its mean loss of some samples is ours times a factor, plus a constant."""

    factor: float = 1.0
    constant: float = 0.0

    @classmethod
    def of(cls, loss: Loss, samples: Samples) -> Self:
        """Return the units of a loss: scikit-learn's squared error is a mean over outputs, its Poisson loss half the
        deviance, which adds y ln y − y.
        """
        if isinstance(loss, HalfSquaredError):
            return cls(factor=1.0 / samples.outputs)
        if isinstance(loss, PoissonLoss):
            y, w = samples.y(slice(None)), samples.weight(slice(None))
            each = np.sum(y * np.log(np.where(y > 0, y, 1.0)) - y, axis=1)
            return cls(constant=float(np.sum(w * each) / np.sum(w)))
        return cls()

    def to_sklearn(self, mean: float) -> float:
        """Convert our mean loss to scikit-learn's units."""
        return float(mean * self.factor + self.constant)


@dataclass(frozen=True)
class Task:
    """What one call of `fit` or `partial_fit` trains.

    recipe_at : returns the recipe with a learning rate, or with its own for None.
    random : shuffles the samples; None keeps their order.
    raw : the raw values' properties for augmentations, if there are any.
    validation : the samples whose score is recorded, if any.
    score : of an epoch's metrics, or of θ where the engine does not compute it; None without validation samples.
    by_theta : whether `score` takes θ.
    epochs : maximum number of epochs.
    single_epoch : whether this is a call of `partial_fit`.
    epoch_by_epoch : whether `after_epoch` must be called before the next epoch starts.
    """

    sizes: tuple[int, ...]
    samples: Samples
    theta: Floats
    optimizer: OptimizerState
    recipe_at: Callable[[float | None], Recipe]
    random: np.random.RandomState | None
    raw: RawValues | None = None
    validation: Samples | None = None
    score: Callable[..., float] | None = None
    by_theta: bool = False
    single_epoch: bool = False
    after_epoch: AfterEpoch | None = None
    epoch_by_epoch: bool = False
    stop_requested: StopRequested = never


class Descent:
    """A task in progress; `state` is updated after each epoch."""

    def __init__(self, task: Task, rules: Rules, state: FitState) -> None:
        self._task, self._rules, self.state = task, rules, state
        self._rate = task.optimizer.learning_rate
        recipe = task.recipe_at(self._rate)
        assert isinstance(recipe.loss, Loss)
        self._units = LossUnits.of(recipe.loss, task.samples)
        self._validation_units = None if task.validation is None else LossUnits.of(recipe.loss, task.validation)
        self._first_rate = task.recipe_at(None).optimizer.learning_rate
        size = recipe.batch_size
        self._batches = -(-len(task.samples) // size)
        self._shuffled = shuffled_batches(task.random, len(task.samples), size)
        self._engine = self._engine_at(task.theta, task.optimizer.step, self._first_slots(recipe))
        self._best_is_the_engines, self._best_theta = False, task.theta
        self._penalty = self._first_penalty(recipe)
        self._tables: list[Floats] = []
        if task.validation is not None and state.validation_scores is None:
            state.validation_scores, state.validation_loss_curve = [], []
        self._reporter = ProgressReporter(rules.verbose, rules.max_iter)

    def run(self) -> None:
        """Train until a rule ends it; the result is in `theta`, `table` and `state`."""
        most = 1 if self._task.single_epoch else self._rules.max_iter
        with self._reporter:
            try:
                self._epochs(most)
            except KeyboardInterrupt:
                warnings.warn("Training was interrupted; the weights are the current ones.", stacklevel=6)
        theta = self._best() if self._rules.early_stopping else self._engine.theta
        self.theta = theta.astype(np.float64)
        ended = self._engine.state
        slots = tuple(slot.astype(np.float64) for slot in ended.slots)
        self.state.optimizer = OptimizerState(self._rate, ended.step, slots)
        self.table = np.concatenate([np.zeros((0, Figure.COUNT)), *self._tables])

    def _epochs(self, most: int) -> None:
        state, ended = self.state, False
        while not ended and state.epochs < most and not self._engine.finished and not self._task.stop_requested():
            # No rule can end training before these epochs have run, so the engine runs them without returning.
            figures = self._engine.advance(min(self._certain_epochs(), most - state.epochs), _SECONDS)
            self._tables.append(figures.table)
            for row in figures.table:
                ended = self._epoch(row) or ended
            if figures.interruption is not None:
                raise figures.interruption
            ended = self._apply_rules() or ended
        if not ended and not self._task.single_epoch and state.epochs == most:
            from sklearn.exceptions import ConvergenceWarning

            message = f"Training reached max_iter={most} epochs without converging. Try: a larger max_iter"
            warnings.warn(message, ConvergenceWarning, stacklevel=7)

    def _certain_epochs(self) -> int:
        """Return the number of epochs that no rule can prevent: patience is not exhausted before."""
        if self._task.by_theta or self._task.epoch_by_epoch or self._rules.rate_changes_each_epoch:
            return 1
        left = self._rules.n_iter_no_change - self.state.without_improvement + 1
        return max(1, int(min(left, self._rules.max_iter)))

    def _epoch(self, metrics: Floats) -> bool:
        """Add an epoch's metrics to the state; return whether a callback requests a stop."""
        state, task = self.state, self._task
        state.epochs += 1
        state.samples_seen += len(task.samples)
        state.loss = self._loss(metrics)
        state.loss_curve.append(state.loss)
        score = None
        if self._validation_units is not None and task.score is not None:
            assert state.validation_scores is not None
            assert state.validation_loss_curve is not None
            mean = metrics[Figure.VALIDATION_LOSS] / metrics[Figure.VALIDATION_WEIGHT]
            state.validation_loss_curve.append(self._validation_units.to_sklearn(mean))
            score = task.score(self._engine.theta if task.by_theta else metrics)
            state.validation_scores.append(score)
        self._count_improvements(score)
        self._reporter.epoch(state.epochs, state.loss, score)
        return task.after_epoch is not None and task.after_epoch(state.epochs, self._engine.theta)

    def _loss(self, metrics: Floats) -> float:
        """Return an epoch's mean loss and penalty, each batch's before its step, as scikit-learn defines it."""
        mean = self._units.to_sklearn(metrics[Figure.TRAIN_LOSS] / metrics[Figure.TRAIN_WEIGHT])
        # The weights change little in an epoch: the penalty is interpolated between its ends.
        before, self._penalty = self._penalty, float(metrics[Figure.PENALTY])
        return float(mean + before + (self._penalty - before) * (self._batches - 1) / (2 * self._batches))

    def _count_improvements(self, score: float | None) -> None:
        """Count the epochs without an improvement of at least `tol`."""
        state, tol = self.state, self._rules.tol
        if self._rules.early_stopping and score is not None:
            assert state.best_validation_score is not None
            improved = not score < state.best_validation_score + tol
            if score > state.best_validation_score:
                state.best_validation_score = score
                self._best_is_the_engines = True
                if self._task.by_theta:
                    self._best_theta = self._engine.theta.copy()
        else:
            assert state.best_loss is not None
            improved = not state.loss > state.best_loss - tol
            state.best_loss = min(state.best_loss, state.loss)
        state.without_improvement = 0 if improved else state.without_improvement + 1

    def _apply_rules(self) -> bool:
        """Change the learning rate if a rule says so; return whether training ends."""
        rules, state = self._rules, self.state
        if rules.rate_changes_each_epoch:
            self._change_rate(self._first_rate / (state.samples_seen + 1) ** rules.power_t)
        if state.without_improvement <= rules.n_iter_no_change:
            return False
        if rules.learning_rate != "adaptive" or self._rate <= _LOWEST_RATE:
            self._reporter.stopped(early_stopping=rules.early_stopping)
            return True
        self._change_rate(self._rate / 5.0)
        state.without_improvement = 0
        return False

    def _change_rate(self, rate: float) -> None:
        """Continue with another learning rate from the current parameters."""
        self._best_theta = self._best()
        self._best_is_the_engines, self._rate = False, rate
        if not self._engine.finished:
            now = self._engine.state
            self._engine = self._engine_at(self._engine.theta.astype(np.float64), now.step, now.slots)

    def _best(self) -> Any:
        """Return θ of the epoch with the best score so far."""
        if self._best_is_the_engines and not self._task.by_theta:
            return self._engine.best_theta
        return self._best_theta

    def _engine_at(self, theta: Floats, step: int, slots: npt.NDArray[Any]) -> Engine:
        """Return an engine that continues from θ after so many steps; the order continues from there."""
        task, rules = self._task, self._rules
        problem: Problem = TrustedOrder(
            task.recipe_at(self._rate),
            task.sizes,
            UNSCALED,
            task.samples,
            task.validation,
            theta,
            self._shuffled,
            raw=task.raw,
        )
        precision = rules.precision or np.dtype(task.samples.x.dtype).name
        threads = rules.n_threads
        if threads is None and (task.single_epoch or rules.rate_changes_each_epoch):
            # This engine runs one epoch: for little work, starting threads takes longer than they save.
            threads = 1 if len(task.samples) * len(theta) < _WORTH_THREADS else None
        engine = engine_of(problem, rules.engine, precision, threads)
        if step:
            engine.restore(dataclasses.replace(engine.state, step=step, slots=slots))
        return engine

    def _first_slots(self, recipe: Recipe) -> Floats:
        """Return the slots of the optimizer before the first step of this call: (slots, trained)."""
        task = self._task
        slots, length = task.optimizer.slots, Shape(task.sizes, recipe.network.normalization).trained
        if slots is None:
            return np.zeros((len(recipe.optimizer.slots), length))
        if len(slots) != len(recipe.optimizer.slots) or any(slot.shape != (length,) for slot in slots):
            expected = "the network and the optimizer of the first partial_fit"
            raise DataError(expected, "another network or optimizer", "fit(X, y) to start again")
        return np.array(slots).reshape(-1, length)

    def _first_penalty(self, recipe: Recipe) -> float:
        """Return the penalty before the first step: its mean over the batches of an epoch."""
        task = self._task
        problem = Problem(recipe, task.sizes, UNSCALED, task.samples, None, task.theta)
        return penalty_value(problem, task.theta, problem.batch_weight)


def shuffled_batches(random: np.random.RandomState | None, samples: int, size: int) -> Iterator[Iterator[Indices]]:
    """Yield the batches of each epoch as scikit-learn draws them: each epoch shuffles the previous epoch's order.

    random : None keeps the order.
    """
    places = np.arange(samples)
    while True:
        if random is not None:
            drawn = np.arange(samples)
            random.shuffle(drawn)
            places = places[drawn]
        yield (places[start : start + size] for start in range(0, samples, size))


@dataclass(frozen=True)
class TrustedOrder(Problem):
    """A problem whose batches come from `shuffled_batches`, so that their rows need no check."""

    def checked(self, rows: Indices) -> Indices:
        """Return the batch unchanged."""
        return rows
