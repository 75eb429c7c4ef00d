"""The engine for full-batch optimizers: SciPy minimises the objective of the training set, in float64."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from enum import Enum
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np

from deltarule.engines.definition import evaluate
from deltarule.engines.objective import Objective
from deltarule.engines.problem import Figure, Figures, Problem, StopRequested, Sums, never
from deltarule.engines.state import EngineState
from deltarule.engines.watching import Watched
from deltarule.errors import Interrupted, OutOfThreads, RecipeError
from deltarule.formulas import LBFGS
from deltarule.types import Floats

__all__ = ["FullBatch"]


class FullBatch(Watched):
    """Train a problem by L-BFGS, one iteration per epoch. `objective` creates the objective of a problem."""

    def __init__(self, problem: Problem, objective: Callable[[Problem], Objective]) -> None:
        _check(problem)
        super().__init__(problem)
        self.theta = problem.theta.copy()
        self._process = os.getpid()
        self._epoch, self._objective = 0, objective(problem)
        self._repeated, self._restored = 0, problem.theta
        self._points = _accepted(self._objective, problem.theta, problem.recipe.optimizer, problem.recipe.epochs)

    @property
    def state(self) -> EngineState:
        """A copy of the state; that of the search is in SciPy, and is its number of iterations here."""
        none = np.zeros(0)
        return EngineState(
            epoch=self._epoch,
            batch=0,
            step=self._epoch,
            finished=self.finished,
            parameters=self.theta.copy(),
            average=None,
            best=self.best_theta.copy(),
            slots=np.zeros((0, self.problem.shape.trained)),
            sums=np.zeros(3),
            losses=none,
            schedule=none,
            best_epoch=self.best_epoch,
            best_value=self._watch.best_value,
            seconds=0.0,
        )

    def restore(self, state: EngineState) -> None:
        """Continue from a state, before the first iteration: `advance` then repeats the iterations up to it."""
        self._epoch = self._repeated = state.epoch
        self._restored = self.theta = state.parameters.astype(np.float64)
        self._restore_watch(state)

    def _repeat(self, interrupted: StopRequested) -> bool:
        """Repeat the iterations up to the state that was restored; whether none are left."""
        while self._repeated and not interrupted():
            point = next(self._points, None)
            self._repeated -= 1
            if not self._repeated and (point is None or point.tobytes() != self._restored.tobytes()):
                came = "other weights after the same iterations"
                raise Interrupted("the NumPy and the SciPy of the checkpoint", came, "a new training run")
        return not self._repeated

    def advance(self, epochs: int, seconds: float, interrupted: StopRequested = never) -> Figures:
        """Run at least one iteration and at most `epochs`, for at most about `seconds`, or until interrupted."""
        if os.getpid() != self._process:
            came = "a child process, which has no thread of its parent"
            raise Interrupted("L-BFGS in the process that it began in", came, "a new training run in the child process")
        rows: list[list[float]] = []
        recorded: list[Floats] = []
        end = time.perf_counter() + seconds
        if not self.finished and not self._repeat(interrupted):
            return Figures(np.zeros((0, Figure.COUNT)))
        while not self.finished and len(rows) < epochs and (not rows or time.perf_counter() < end):
            if interrupted():
                break
            began = time.perf_counter()
            before = self.theta
            point = next(self._points, None)
            if point is None:
                self._ended = True
                break
            self.theta, problem = point, self.problem
            self._epoch += 1
            train = self._objective.sums(point)
            held = None if problem.validation is None else evaluate(problem, point, problem.validation)
            self._watch.after(self._epoch, point, train, held)
            sums = [value for part in (train, held or Sums()) for value in (part.weight, part.loss, part.error)]
            rows.append([*sums, self._objective.penalty(point), time.perf_counter() - began])
            noted = self._objective.sums(before if problem.record == "batch" else point)
            recorded.append(np.array([noted.loss / noted.weight] if problem.record else []))
        if self.finished:
            self._points.close()
        return Figures(np.array(rows).reshape(-1, Figure.COUNT), recorded)


def _check(problem: Problem) -> None:
    """Raise an error for settings that are undefined for the full batch, or that L-BFGS ignores."""
    recipe, network = problem.recipe, problem.recipe.network
    given = {
        "dropout": any(network.dropout_rates),
        "noise": any(network.noise_deviations),
        "a normalisation that keeps statistics": network.normalization is not None and network.normalization.keeps,
        "augmentation": bool(recipe.augmentation),
        "adversarial training": recipe.perturbation is not None,
        "a schedule": recipe.schedule.name != "constant",
        "clipping": recipe.clipping is not None,
        "a constraint": recipe.constraint is not None,
        "averaging": recipe.averaging is not None,
        "a proximal penalty": any(penalty is not None and penalty.takes_prox for penalty in recipe.penalties),
        "an order of one's own": problem.order is not None,
    }
    for what, is_given in given.items():
        if is_given:
            raise RecipeError(f"no {what.removeprefix('a ')} under {recipe.optimizer.name}", what, 'optimizer="adam"')


class _Asked(Enum):
    ANOTHER = 1
    NO_MORE = 2


class _Ended(Exception):
    """Raised in the search when no further point is requested."""


def _start(thread: Thread) -> None:
    try:
        thread.start()
    except RuntimeError as error:
        raise OutOfThreads("a thread for the search of L-BFGS", str(error), 'optimizer="adam"') from error


def _accepted(objective: Objective, start: Floats, optimizer: Any, most: int) -> Generator[Any]:
    """Yield each point that the search accepts; it runs in its own thread and waits for each request."""
    from scipy.optimize import minimize

    assert isinstance(optimizer, LBFGS)
    asked: SimpleQueue[_Asked] = SimpleQueue()
    found: SimpleQueue[Floats | BaseException | None] = SimpleQueue()

    def wait() -> None:
        if asked.get() is _Asked.NO_MORE:
            raise _Ended

    def accepted(point: Floats) -> None:
        found.put(point.copy())
        wait()

    def search() -> None:
        try:
            wait()
            options = {
                "maxiter": most,
                "maxfun": 20 * most + 100,
                "maxcor": optimizer.memory,
                "ftol": optimizer.tolerance,
                "gtol": optimizer.gradient_tolerance,
            }
            minimize(objective, start, jac=True, method="L-BFGS-B", callback=accepted, options=options)
            found.put(None)
        except _Ended:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by the consumer
            found.put(error)

    try:
        _start(Thread(target=search, name="deltarule", daemon=True))
        while True:
            asked.put(_Asked.ANOTHER)
            point = found.get()
            if point is None:
                return
            if isinstance(point, BaseException):
                raise point
            yield point
    finally:
        asked.put(_Asked.NO_MORE)
