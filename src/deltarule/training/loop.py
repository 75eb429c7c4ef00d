"""The training loop: run an engine and record each epoch."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.deprecation import renamed_arguments
from deltarule.engines.forking import renewed_when_forked
from deltarule.engines.predicting import all_finite
from deltarule.engines.problem import Engine, Figure, Order, StopRequested, never
from deltarule.engines.registry import engine_of
from deltarule.errors import CheckpointWarning, Diverged, Interrupted, OutputError, memory_checked
from deltarule.models import Encoding, Model
from deltarule.recipes import Recipe
from deltarule.training.arguments import OnEpoch, requests_stop
from deltarule.training.checkpoint import Checkpoint, check_state
from deltarule.training.checkpoints import Checkpoints
from deltarule.training.epoch import Epoch, History
from deltarule.training.identity import RunIdentity, digest_of_samples, digest_of_start
from deltarule.training.monitoring import Monitor
from deltarule.training.preparing import Start, model_of, prepared, record_of
from deltarule.training.progress import Progress
from deltarule.training.run import Run
from deltarule.types import Floats


class Training:
    """A training run in progress: iterate over it for epochs.

    Several threads may use it: they alternate, one epoch each. After an exception within an epoch, for example a
    second Ctrl-C, `.run` and `.model` remain available, and continuing raises `Interrupted`.
    """

    @renamed_arguments(start="initial_parameters", order="batches")
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
        self._done, self._delivered, self._seconds = 0, 0, 0.0
        self._undelivered: deque[int] = deque()
        self._saved: tuple[int, int, bool] | None = None
        self._checkpoints: Checkpoints | None = None
        start = initial_parameters
        self._identify: Callable[[], RunIdentity] = lambda: RunIdentity(
            self.recipe, engine, precision, record, digest_of_samples(data, rows, encoding), digest_of_start(start),
            data.name,
        )  # fmt: skip
        renewed_when_forked(self)

    def __iter__(self) -> Iterator[Epoch]:
        """Yield each epoch as it ends, before the next one starts."""
        return self._deliver(1, 0.0, never)

    def ahead(self, seconds: float = 0.05, interrupted: StopRequested = never) -> Iterator[Epoch]:
        """Yield each epoch, running the engine for about `seconds` at a time; stop once `interrupted()` is true."""
        return self._deliver(self._problem.recipe.epochs, seconds, interrupted)

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
        with self._kept():
            self._report(on_epoch, display)
            while self._goes_on() and not ends():
                self._advance(at_most, seconds, ends)
                self._report(on_epoch, display)
                self._check()
                self._save(only_if_due=True)

    def keep(self, checkpoints: Checkpoints | None) -> Self:
        """Continue from the newest checkpoint, if there is one, and write further ones; for None, do nothing."""
        if checkpoints is not None:
            self._checkpoints, self._identity = checkpoints, self._identify()
            found = checkpoints.newest()
            if found is not None:
                self._identity.check(found.run, str(checkpoints.path), any_start=checkpoints.any_start)
                self._restore(found)
        return self

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
    def delivered(self) -> int:
        """The number of epochs that the caller has been given, also before the run was resumed."""
        return self._delivered

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
        if not math.isfinite(self._tables[-1][-1, Figure.TRAIN_LOSS]):
            return True
        return self._engine.finished and not all_finite(self._engine.theta)

    def _deliver(self, at_most: int, seconds: float, interrupted: StopRequested) -> Iterator[Epoch]:
        with self._kept():
            while self._undelivered or (self._goes_on() and not interrupted()):
                if not self._undelivered:
                    self._advance(at_most, seconds, interrupted)
                while (epoch := self._next_epoch()) is not None:
                    self._delivered += 1
                    yield epoch
                self._check()
                self._save(only_if_due=True)

    def _next_epoch(self) -> Epoch | None:
        """Return the next epoch that the caller has not been given, if there is one."""
        try:
            return self.history[self._undelivered.popleft()]
        except IndexError:
            return None

    def _report(self, on_epoch: OnEpoch | None, display: Progress | None) -> None:
        """Report the epochs that have not been reported."""
        if display is not None and self._undelivered:
            display.epoch(self.history[-1])
        if on_epoch is None:
            self._delivered += len(self._undelivered)
            self._undelivered.clear()
        while on_epoch is not None and (epoch := self._next_epoch()) is not None:
            stop = requests_stop(on_epoch(epoch))
            self._delivered += 1
            if stop:
                self.stop()

    @memory_checked
    def _advance(self, at_most: int, seconds: float, interrupted: StopRequested) -> None:
        """Run the engine, until a checkpoint is due at the longest, but never without a step."""
        asked = 0

        def ends() -> bool:
            nonlocal asked
            asked += 1
            return interrupted() or (asked > 1 and self._checkpoints is not None and self._checkpoints.due())

        with self._lock:
            self._goes_on()
            self._broken_off = True
            began = time.perf_counter()
            figures = self._engine.advance(at_most if self._monitor is None else 1, seconds, ends)
            if self._monitor is not None and len(figures.table):
                self._monitor.after(self._engine)
            self._tables.append(figures.table)
            self._batch_losses += figures.batch_losses
            done = self._done + len(figures.table)
            self._undelivered.extend(range(self._done, done - self._diverged))
            self._done = done
            self._seconds += time.perf_counter() - began
            self._broken_off = False
        if figures.interruption is not None:
            raise figures.interruption

    def _goes_on(self) -> bool:
        """Return whether epochs are left; raise an error if the run cannot continue."""
        with self._lock:
            if self._broken_off:
                raise Interrupted(*(_TORN if self._torn else _BROKEN_OFF))
            return not self._finished

    def after_fork(self) -> None:
        """Reset the lock in a child process, and note whether another thread of the parent was running an epoch.

        The checkpoints are the parent's.
        """
        self._lock, self._torn, self._checkpoints = threading.RLock(), self._broken_off, None

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Hold the folder of the checkpoints while training runs, and write one however it ends."""
        checkpoints = self._checkpoints
        if checkpoints is None:
            yield
            return
        with checkpoints.held():
            if self._saved is None and checkpoints.result:
                self._save(necessary=True)
            try:
                yield
            finally:
                if checkpoints.result or not self._finished:
                    self._save()

    def _save(self, *, only_if_due: bool = False, necessary: bool = False) -> None:
        """Write a checkpoint, unless there is nothing new; if it cannot be written, training continues."""
        with self._lock:
            checkpoints = self._checkpoints
            if checkpoints is None or (only_if_due and not checkpoints.due()) or self._broken_off or self._diverged:
                return
            try:
                made = self._checkpoint()
                new = (made.state.step, made.delivered, self._finished)
                if new != self._saved:
                    checkpoints.write(made)
                self._saved = new
            except (OutputError, MemoryError) as error:
                if necessary:
                    raise
                came = "Training goes on; the checkpoint before it is kept."
                warnings.warn(CheckpointWarning(f"A checkpoint was not written. {error} {came}"), stacklevel=4)

    def _checkpoint(self) -> Checkpoint:
        """Return the run as it is."""
        return Checkpoint(
            run=self._identity,
            state=self._engine.state,
            figures=self.history.table,
            batch_losses=self._batch_losses,
            monitor=None if self._monitor is None else self._monitor.state,
            seconds=self._seconds,
            stopped=self._stopped,
            delivered=self._delivered,
        )

    def _restore(self, found: Checkpoint) -> None:
        """Continue from a checkpoint of this run."""
        check_state(found, self._problem, None if self._monitor is None else self._monitor.names)
        self._engine.restore(found.state)
        if self._monitor is not None and found.monitor is not None:
            self._monitor.restore(found.monitor)
        self._tables, self._batch_losses = [found.figures], list(found.batch_losses)
        self._done, self._delivered, self._seconds = len(found.figures), found.delivered, found.seconds
        self._undelivered.extend(range(found.delivered, self._done))
        self._stopped = found.stopped
        self._saved = (found.state.step, found.delivered, self._finished)

    def _check(self) -> None:
        """Raise `Diverged` if the last epoch's loss is not finite, or the weights after it are not."""
        if not self._diverged:
            return
        epoch = self.history[-1]
        rate = self.recipe.optimizer.learning_rate
        of_loss = not math.isfinite(epoch.train_loss)
        error = Diverged(
            "a training loss that stays finite" if of_loss else "weights that stay finite",
            f"{epoch.train_loss if of_loss else 'overflow'} in epoch {epoch.number} at learning rate {rate:g}",
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
