"""The engine for optimizers of reach "run": SciPy minimises the objective of the whole training part, in float64."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from enum import Enum
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np

from deltarule.engines.problem import Figure, Figures, Problem, Sums
from deltarule.engines.reference import add_penalties, evaluate, gradient, penalty_value
from deltarule.engines.watching import Watch
from deltarule.errors import RecipeError
from deltarule.formulas import LBFGS
from deltarule.formulas.random import Floats

__all__ = ["FullBatch"]

_BLOCK = 8192
Objective = Callable[[Floats], tuple[float, Floats]]


class FullBatch:
    """Train a problem by L-BFGS, an iteration an epoch."""

    def __init__(self, problem: Problem) -> None:
        _check(problem)
        self.problem, self.theta = problem, problem.theta.copy()
        self._watch, self._ended, self._epoch = Watch(problem), False, 0
        self._met: dict[bytes, Sums] = {}
        self._points = _accepted(self._objective, problem.theta, problem.recipe.optimizer, problem.recipe.epochs)

    @property
    def finished(self) -> bool:
        """Whether all iterations have run, none lowers the objective any more, or early stopping has ended them."""
        return self._ended or self._watch.finished

    @property
    def best_epoch(self) -> int:
        """The iteration that early stopping likes best; 0 where it does not watch."""
        return self._watch.best_epoch

    @property
    def best_theta(self) -> Floats:
        """θ after that iteration, or after the last finite one."""
        return self._watch.best_theta

    def advance(self, epochs: int, seconds: float) -> Figures:
        """Run at least one iteration and at most `epochs`, for about `seconds` at the longest."""
        rows: list[list[float]] = []
        recorded: list[Floats] = []
        end = time.perf_counter() + seconds
        while not self.finished and len(rows) < epochs and (not rows or time.perf_counter() < end):
            began = time.perf_counter()
            before = self.theta
            point = next(self._points, None)
            if point is None:
                self._ended = True
                break
            self.theta, problem = point, self.problem
            self._epoch += 1
            train = self._sums(point)
            held = None if problem.validation is None else evaluate(problem, point, problem.validation)
            self._watch.after(self._epoch, point, train, held)
            sums = [value for part in (train, held or Sums()) for value in (part.weight, part.loss, part.error)]
            rows.append([*sums, penalty_value(problem, point), time.perf_counter() - began])
            noted = self._sums(before if problem.record == "batch" else point)
            recorded.append(np.array([noted.loss / noted.weight] if problem.record else []))
        if self.finished:
            self._points.close()
        return Figures(np.array(rows).reshape(-1, Figure.COUNT), recorded)

    def _objective(self, point: Floats) -> tuple[float, Floats]:
        """The objective and its gradient over the whole training part, block by block."""
        problem, samples = self.problem, self.problem.train
        total, g = Sums(), np.zeros(len(point))
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(samples), _BLOCK):
                part, met, _ = gradient(problem, point, slice(start, start + _BLOCK))
                total += met
                g += met.weight * part
            g /= total.weight
            add_penalties(problem, point, g)
            value = total.loss / total.weight + penalty_value(problem, point)
        self._met = {point.tobytes(): total, **dict(list(self._met.items())[:1])}
        return value, g

    def _sums(self, point: Floats) -> Sums:
        """The training part's sums at a point: mostly one where the search has just been."""
        return self._met.get(point.tobytes()) or evaluate(self.problem, point, self.problem.train)


def _check(problem: Problem) -> None:
    """Refuse what has no meaning on the whole training part, or that L-BFGS would not see."""
    recipe, network = problem.recipe, problem.recipe.network
    given = {
        "dropout": any(network.dropout_rates),
        "noise": any(network.noise_deviations),
        "a normalisation that keeps statistics": network.normalization is not None and network.normalization.keeps,
        "augmentation": bool(recipe.augmentation),
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
    """Nobody asks for another point."""


def _accepted(objective: Objective, start: Floats, optimizer: Any, most: int) -> Generator[Any]:
    """Each point that the search accepts, which goes on in a thread of its own when the next is asked for."""
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
        except BaseException as error:  # noqa: BLE001 - raised again where the point was asked for
            found.put(error)

    Thread(target=search, name="deltarule", daemon=True).start()
    try:
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
