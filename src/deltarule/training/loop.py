"""The training loop: run an engine and record each epoch."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from deltarule.data import Dataset
from deltarule.deprecation import renamed_arguments
from deltarule.engines.forking import renewed_when_forked
from deltarule.engines.problem import Engine, Figure, Order, StopRequested, never
from deltarule.engines.registry import engine_of
from deltarule.errors import Diverged, Interrupted, memory_checked
from deltarule.models import Encoding, Model
from deltarule.recipes import Recipe
from deltarule.training.arguments import Data, OnEpoch, checked_recipe, dataset_of, explained_arguments, requests_stop
from deltarule.training.epoch import Epoch, History
from deltarule.training.monitoring import Monitor
from deltarule.training.preparing import Start, model_of, prepared, record_of
from deltarule.training.progress import Progress, shown
from deltarule.training.run import Run
from deltarule.types import Floats

_renamed = renamed_arguments(start="initial_parameters", order="batches")


@_renamed
@explained_arguments
def train(
    recipe: Recipe,
    data: Data,
    y: Any = None,
    *,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
    initial_parameters: Start = None,
    batches: Order | None = None,
    record: str | None = None,
    progress: bool | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Train a network by a recipe.

    data : a `Dataset`; or (x, y) or (x, y, weights); or x alone, an array or a data frame, followed by y.
    y : the targets of x, or the name of the data frame's column to predict. All samples of x and y are training
        samples, of which early stopping holds out a tenth.
    engine : "compiled", or "reference" for the definition in float64 NumPy.
    precision : "float32", "float64" or "bfloat16", of the compiled engine; with "bfloat16" the operands of the matrix
        products are rounded to 16 bits, and all else is float32.
    n_threads : number of threads; None uses all cores where a step is large enough to benefit, otherwise one. The
        weights do not depend on it, to the last bit.
    initial_parameters : initial weights (fan_in, fan_out) and biases (fan_out,), a pair for each layer; or a seed for
        them alone, in place of the recipe's.
    batches : for each epoch an iterable of index arrays into the training set; repeats are allowed.
    record : "batch" records each batch's loss before its update, "batch_after" after it, in `run.batch_losses`.
    progress : whether to show progress; None shows it in a notebook, and on standard error if it is a terminal.
    on_epoch : a function called with each `Epoch` before the next starts; if it returns True, training stops.

    Raises `Diverged` if the loss is no longer finite; its `.run` has the last finite weights.

    >>> import deltarule as dr
    >>> run = dr.train(dr.Recipe(epochs=2, stopping=None), dr.load_dataset("iris"))
    >>> len(run.history), run.model
    (2, Model(4-128-64-3, 9,091 parameters, 3 classes))
    """
    training = Training(
        checked_recipe(recipe), dataset_of(data, y), engine=engine, precision=precision, n_threads=n_threads,
        initial_parameters=initial_parameters, batches=batches, record=record,
    )  # fmt: skip
    score = "accuracy" if training.recipe.task != "regression" else "R²"
    with shown(progress, training.recipe.epochs, score) as display:
        training.finish(on_epoch=on_epoch, display=display)
    return training.run


@_renamed
@explained_arguments
def epochs(
    recipe: Recipe,
    data: Data,
    y: Any = None,
    *,
    engine: str = "compiled",
    precision: str = "float32",
    n_threads: int | None = None,
    initial_parameters: Start = None,
    batches: Order | None = None,
    record: str | None = None,
) -> Training:
    """Return training as an iterable, which yields each `Epoch` before the next one starts.

    The arguments are those of `train`. `.model` and `.run` are available at any time; `.stop()` ends the loop.

    >>> import deltarule as dr
    >>> training = dr.epochs(dr.Recipe(epochs=3, stopping=None), dr.load_dataset("iris"))
    >>> [epoch.number for epoch in training]
    [1, 2, 3]
    >>> training.run.status
    'finished'
    """
    return Training(
        checked_recipe(recipe), dataset_of(data, y), engine=engine, precision=precision, n_threads=n_threads,
        initial_parameters=initial_parameters, batches=batches, record=record,
    )  # fmt: skip


class Training:
    """A training run in progress: iterate over it for epochs.

    Several threads may use it: they alternate, one epoch each. After an exception within an epoch, for example a
    second Ctrl-C, `.run` and `.model` remain available, and continuing raises `Interrupted`.
    """

    @_renamed
    @memory_checked
    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        *,
        engine: str = "compiled",
        precision: str = "float32",
        n_threads: int | None = None,
        initial_parameters: Start = None,
        batches: Order | None = None,
        record: str | None = None,
        rows: Any = None,
        scalings: dict[Any, Any] | None = None,
        encoding: Encoding | None = None,
    ) -> None:
        self._lock, self._broken_off, self._torn, self._stopped = threading.RLock(), False, False, False
        self._problem, self._fitted = prepared(
            recipe, data, initial_parameters, batches, record, rows, scalings, encoding
        )
        self._monitor = Monitor(self._problem, self._fitted) if self._problem.recipe.watched_metrics else None
        posed = self._problem if self._monitor is None else self._monitor.for_engine()
        self._engine: Engine = engine_of(posed, engine, precision, n_threads)
        held = self._problem.validation
        self._spreads = (self._problem.train.spread(), math.nan if held is None else held.spread())
        self._tables: list[Floats] = []
        self._batch_losses: list[Floats] = []
        self._done, self._seconds = 0, 0.0
        renewed_when_forked(self)

    def __iter__(self) -> Iterator[Epoch]:
        """Yield each epoch as it ends, before the next one starts."""
        return self._delivered(1, 0.0, never)

    def ahead(self, seconds: float = 0.05, interrupted: StopRequested = never) -> Iterator[Epoch]:
        """Yield each epoch, running the engine for about `seconds` at a time; stop once `interrupted()` is true."""
        return self._delivered(self._problem.recipe.epochs, seconds, interrupted)

    def finish(
        self, interrupted: StopRequested = never, *, on_epoch: OnEpoch | None = None, display: Progress | None = None
    ) -> None:
        """Train to the end, or until `interrupted()` is true, which is checked about twenty times a second.

        on_epoch : called with each epoch before the next starts; if it returns True, training stops.
        display : shows progress.
        """

        def ends() -> bool:
            if display is not None:
                display.tick()
            return interrupted()

        at_most, seconds = (self.recipe.epochs, 0.05) if on_epoch is None else (1, 0.0)
        while self._goes_on() and not ends():
            number, table = self._advance(at_most, seconds, ends)
            if len(table) and (display is not None or on_epoch is not None):
                epoch = self.history[number + len(table) - 1]
                if display is not None:
                    display.epoch(epoch)
                if on_epoch is not None and not self._diverged and requests_stop(on_epoch(epoch)):
                    self.stop()
            self._check()

    def stop(self) -> None:
        """Stop training after the current epoch; the status of the run is then "stopped".

        >>> import deltarule as dr
        >>> training = dr.epochs(dr.Recipe(epochs=50), dr.load_dataset("iris"))
        >>> for epoch in training:
        ...     if epoch.number == 3:
        ...         training.stop()
        >>> training.run
        Run(stopped, 3 epochs, ...)
        """
        self._stopped = True

    @property
    def recipe(self) -> Recipe:
        """The recipe, its "auto" fields resolved."""
        return self._problem.recipe

    @property
    @memory_checked
    def model(self) -> Model:
        """The current network, with the best epoch's weights where early stopping restores them."""
        with self._lock:
            if self._torn:
                raise Interrupted(*_TORN)
            rule = self.recipe.stopping
            restore = self._best_epoch > 0 and rule is not None and rule.restore_best
            theta = self._best_theta if restore or self._diverged else self._engine.theta
            return model_of(self._problem, self._fitted, theta.copy())

    @property
    @memory_checked
    def history(self) -> History:
        """The epochs so far."""
        with self._lock:
            self._tables = [np.concatenate([np.zeros((0, Figure.COUNT)), *self._tables])]
            metrics = None if self._monitor is None else (self._monitor.names, self._monitor.table)
            return History(self._tables[0], self._spreads, metrics)

    @property
    def run(self) -> Run:
        """The run so far."""
        with self._lock:
            return self._run()

    @memory_checked
    def _run(self) -> Run:
        history = self.history
        done = len(history)
        if self._diverged:
            status = "diverged"
        elif self._broken_off or not self._finished:
            status = "interrupted"
        elif self._stopped and not self._engine.finished:
            status = "stopped"
        else:
            status = "finished" if done == self.recipe.epochs or self._problem.order is not None else "stopped"
        rule = self.recipe.stopping
        # The best epoch may be one that was interrupted before it was added to the history.
        best = min(self._best_epoch, done) if rule is not None and rule.restore_best else 0
        losses = np.concatenate([np.zeros(0), *self._batch_losses])
        data = self._fitted.data
        record = record_of(data, done, best or done, status)
        model = dataclasses.replace(self.model, record=record)
        return Run(history, model, self.recipe, self._seconds, status, best or done, losses, data)

    @property
    def _finished(self) -> bool:
        monitored = self._monitor is not None and self._monitor.finished
        return self._engine.finished or self._stopped or monitored

    @property
    def _best_epoch(self) -> int:
        decides = self._monitor is not None and self._monitor.decides
        return self._monitor.best_epoch if decides and self._monitor is not None else self._engine.best_epoch

    @property
    def _best_theta(self) -> Floats:
        kept = None if self._monitor is None else self._monitor.best_theta
        return self._engine.best_theta if kept is None else kept

    @property
    def _diverged(self) -> bool:
        if not self._tables or not len(self._tables[-1]):
            return False
        return not math.isfinite(self._tables[-1][-1, Figure.TRAIN_LOSS])

    def _delivered(self, at_most: int, seconds: float, interrupted: StopRequested) -> Iterator[Epoch]:
        while self._goes_on() and not interrupted():
            number, table = self._advance(at_most, seconds, interrupted)
            for place in range(number, number + len(table) - self._diverged):
                yield self.history[place]
            self._check()

    @memory_checked
    def _advance(self, at_most: int, seconds: float, interrupted: StopRequested) -> tuple[int, Floats]:
        """Run the engine; return the number of epochs before, and the metrics of the epochs that ended."""
        with self._lock:
            self._goes_on()
            self._broken_off = True
            before, began = self._done, time.perf_counter()
            figures = self._engine.advance(at_most if self._monitor is None else 1, seconds, interrupted)
            if self._monitor is not None and len(figures.table):
                self._monitor.after(self._engine)
            self._tables.append(figures.table)
            self._batch_losses += figures.batch_losses
            self._done += len(figures.table)
            self._seconds += time.perf_counter() - began
            self._broken_off = False
        if figures.interruption is not None:
            raise figures.interruption
        return before, figures.table

    def _goes_on(self) -> bool:
        """Return whether epochs are left; raise an error if the run cannot continue."""
        with self._lock:
            if self._broken_off:
                raise Interrupted(*(_TORN if self._torn else _BROKEN_OFF))
            return not self._finished

    def after_fork(self) -> None:
        """Reset the lock in a child process, and note whether another thread of the parent was running an epoch."""
        self._lock, self._torn = threading.RLock(), self._broken_off

    def _check(self) -> None:
        """Raise `Diverged` if the last epoch's loss is not finite."""
        if not self._diverged:
            return
        epoch = self.history[-1]
        rate = self.recipe.optimizer.learning_rate
        error = Diverged(
            "a training loss that stays finite",
            f"{epoch.train_loss} in epoch {epoch.number} at learning rate {rate:g}",
            f"a smaller learning rate, for example {rate / 10:g}, or scaled inputs",
        )
        error.run = self.run
        raise error


_BROKEN_OFF = (
    "a training run that can continue",
    "one that an exception interrupted within an epoch",
    "training.run for its history and model, or a new training run",
)
_TORN = (
    "a training run that can continue in this process",
    "one that another thread was training when the process was forked",
    "a new training run in the child process, or to fork between epochs",
)
