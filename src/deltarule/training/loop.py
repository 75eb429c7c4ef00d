"""Training: an engine advances, and every epoch becomes a record as it ends."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from deltarule.data import Dataset
from deltarule.engines.forking import renewed_when_forked
from deltarule.engines.problem import Engine, Figure, Order, Problem, StopRequested, never
from deltarule.engines.reference import Reference
from deltarule.errors import Diverged, Interrupted, memory_checked
from deltarule.formulas.random import Floats
from deltarule.models import Model
from deltarule.recipes import Affine, Recipe
from deltarule.recipes.checks import one_of, whole
from deltarule.training.preparing import Start, model_of, prepared
from deltarule.training.run import Epoch, History, Run, epoch_of

ENGINES = ("compiled", "reference")
PRECISIONS = ("float32", "float64")


def train(
    recipe: Recipe,
    data: Dataset,
    *,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
    start: Start = None,
    order: Order | None = None,
    record: str | None = None,
) -> Run:
    """Train a network to the end of its recipe.

    engine : "compiled", or "reference": float64 NumPy, the definition.
    precision : "float32" or "float64", of the compiled engine.
    n_threads : how many threads train; None takes all cores where a step is large enough to gain, otherwise one. The
        weights are the same to the last bit.
    start : one's own initial weights (fan_in, fan_out) and biases (fan_out,), a pair for each layer; or a seed of
        their own that draws them, the recipe's then deciding all the rest.
    order : one's own batches: for each epoch an iterable of index arrays into the training part; repeats allowed.
    record : "batch" keeps each batch's loss before its update, "batch_after" after it, in `run.batch_losses`.

    Raises `Diverged` where the numbers leave the finite range; its `.run` has the last good weights.

    >>> import deltarule as dr
    >>> run = dr.train(dr.Recipe(epochs=2, stopping=None), dr.load_dataset("iris"))
    >>> len(run.history), run.model
    (2, Model(4-128-64-3, 9,091 parameters, 3 classes))
    """
    training = Training(
        recipe, data, engine=engine, precision=precision, n_threads=n_threads, start=start, order=order, record=record
    )
    training.finish()
    return training.run


def epochs(
    recipe: Recipe,
    data: Dataset,
    *,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
    start: Start = None,
    order: Order | None = None,
    record: str | None = None,
) -> Training:
    """Training as an iterable: each `Epoch` is delivered before the next begins.

    The arguments are those of `train`. `.model` and `.run` are there at any moment.

    >>> import deltarule as dr
    >>> training = dr.epochs(dr.Recipe(epochs=3, stopping=None), dr.load_dataset("iris"))
    >>> [epoch.number for epoch in training]
    [1, 2, 3]
    >>> training.run.status
    'finished'
    """
    return Training(
        recipe, data, engine=engine, precision=precision, n_threads=n_threads, start=start, order=order, record=record
    )


class Training:
    """A training run under way: iterate over it for epochs.

    Several threads may use it: they take turns, an epoch each. After an exception in the middle of an epoch, such as a
    second Ctrl-C, `.run` and `.model` are there as before, and going on raises `Interrupted`.
    """

    @memory_checked
    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        *,
        engine: str = "compiled",
        precision: str = "float32",
        n_threads: int | None = None,
        start: Start = None,
        order: Order | None = None,
        record: str | None = None,
        rows: Any = None,
        scalings: dict[Any, Affine] | None = None,
    ) -> None:
        self._data = data
        self._lock, self._broken_off, self._torn = threading.RLock(), False, False
        self._problem, self._learnt = prepared(recipe, data, start, order, record, rows, scalings)
        self._engine: Engine = engine_of(self._problem, engine, precision, n_threads)
        held = self._problem.validation
        self._spreads = (self._problem.train.spread(), math.nan if held is None else held.spread())
        self._tables: list[Floats] = []
        self._batch_losses: list[Floats] = []
        self._done, self._seconds = 0, 0.0
        renewed_when_forked(self)

    def __iter__(self) -> Iterator[Epoch]:
        """Each epoch as it ends, before the next begins."""
        return self._delivered(1, 0.0, never)

    def ahead(self, seconds: float = 0.05, interrupted: StopRequested = never) -> Iterator[Epoch]:
        """Each epoch, the engine running ahead for about `seconds` at a time; none any more once `interrupted()`."""
        return self._delivered(self._problem.recipe.epochs, seconds, interrupted)

    def finish(self, interrupted: StopRequested = never) -> None:
        """Train to the end, or until `interrupted` says so; it is asked some twenty times a second."""
        while self._goes_on() and not interrupted():
            self._advance(self._problem.recipe.epochs, 0.05, interrupted)
            self._check()

    @property
    def recipe(self) -> Recipe:
        """The recipe, its "auto" fields decided."""
        return self._problem.recipe

    @property
    @memory_checked
    def model(self) -> Model:
        """The network as it stands: the best epoch's weights where early stopping restores them."""
        with self._lock:
            if self._torn:
                raise Interrupted(*_TORN)
            rule = self.recipe.stopping
            restore = self._engine.best_epoch > 0 and rule is not None and rule.restore_best
            theta = self._engine.best_theta if restore or self._diverged else self._engine.theta
            return model_of(self._problem, self._learnt, self._data, theta.copy())

    @property
    @memory_checked
    def history(self) -> History:
        """The epochs so far."""
        with self._lock:
            self._tables = [np.concatenate([np.zeros((0, Figure.COUNT)), *self._tables])]
            return History(self._tables[0], self._spreads)

    @property
    def run(self) -> Run:
        """The run as far as it has come."""
        with self._lock:
            return self._run()

    @memory_checked
    def _run(self) -> Run:
        history = self.history
        done = len(history)
        if self._diverged:
            status = "diverged"
        elif self._broken_off or not self._engine.finished:
            status = "interrupted"
        else:
            status = "finished" if done == self.recipe.epochs or self._problem.order is not None else "stopped"
        rule = self.recipe.stopping
        # The best epoch may be one of those that were broken off before they came into the history.
        best = min(self._engine.best_epoch, done) if rule is not None and rule.restore_best else 0
        losses = np.concatenate([np.zeros(0), *self._batch_losses])
        return Run(history, self.model, self.recipe, self._seconds, status, best or done, losses)

    @property
    def _diverged(self) -> bool:
        if not self._tables or not len(self._tables[-1]):
            return False
        return not math.isfinite(self._tables[-1][-1, Figure.TRAIN_LOSS])

    def _delivered(self, at_most: int, seconds: float, interrupted: StopRequested) -> Iterator[Epoch]:
        while self._goes_on() and not interrupted():
            number, table = self._advance(at_most, seconds, interrupted)
            for row in table[:-1] if self._diverged else table:
                number += 1
                yield epoch_of(row, number, self._spreads)
            self._check()

    @memory_checked
    def _advance(self, at_most: int, seconds: float, interrupted: StopRequested) -> tuple[int, Floats]:
        """Have the engine advance; how many epochs there were before, and the figures of those that it ended."""
        with self._lock:
            self._goes_on()
            self._broken_off = True
            before, began = self._done, time.perf_counter()
            figures = self._engine.advance(at_most, seconds, interrupted)
            self._seconds += time.perf_counter() - began
            self._tables.append(figures.table)
            self._batch_losses += figures.batch_losses
            self._done += len(figures.table)
            self._broken_off = False
        if figures.interruption is not None:
            raise figures.interruption
        return before, figures.table

    def _goes_on(self) -> bool:
        """Whether there are epochs left; an error where they cannot be run any more."""
        with self._lock:
            if self._broken_off:
                raise Interrupted(*(_TORN if self._torn else _BROKEN_OFF))
            return not self._engine.finished

    def after_fork(self) -> None:
        """In a child process: where another thread of the parent was training, it is not there to end the epoch."""
        self._lock, self._torn = threading.RLock(), self._broken_off

    def _check(self) -> None:
        """Raise where the last epoch's loss is no longer a number."""
        if not self._diverged:
            return
        epoch = self.history[-1]
        rate = self.recipe.optimizer.learning_rate
        error = Diverged(
            "a training loss that stays finite",
            f"{epoch.train_loss} in epoch {epoch.number} at learning rate {rate:g}",
            f"a smaller learning rate, such as {rate / 10:g}, or scaled inputs",
        )
        error.run = self.run
        raise error


_BROKEN_OFF = (
    "a training run that can go on",
    "one that an exception broke off in the middle of an epoch",
    "training.run for what it had come to, or a new training run",
)
_TORN = (
    "a training run that can go on in this process",
    "one that another thread was training when the process was forked",
    "a new training run in the child process, or to fork between epochs",
)


def engine_of(problem: Problem, name: str, precision: str, n_threads: int | None) -> Engine:
    """The engine of that name, at work on a problem."""
    one_of("engine", name, ENGINES)
    one_of("precision", precision, PRECISIONS)
    if n_threads is not None:
        whole("n_threads", n_threads, 1, "n_threads=None, which lets the engine choose")
    if problem.recipe.optimizer.reach == "run":
        from deltarule.engines.full_batch import FullBatch
        from deltarule.engines.objective import Objective

        if name == "reference":
            return FullBatch(problem, Objective)
        from deltarule.engines.compiled.objective import CompiledObjective

        return FullBatch(problem, lambda posed: CompiledObjective(posed, n_threads))
    if name == "reference":
        return Reference(problem)
    from deltarule.engines.compiled import Compiled

    return Compiled(problem, precision, n_threads)
