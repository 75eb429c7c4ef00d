"""The reference engine: training as it is defined, in float64 NumPy. Other engines must equal it up to rounding."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.backpropagation import Draws, forward
from deltarule.engines.definition import add_penalties, batch, evaluate, gradient, penalty_value, sums
from deltarule.engines.problem import Figure, Figures, Problem, StopRequested, Sums, never
from deltarule.engines.rates import Rates
from deltarule.engines.state import EngineState
from deltarule.engines.stepping import stepped
from deltarule.engines.watching import Watched
from deltarule.errors import DataError
from deltarule.formulas import formula
from deltarule.formulas.random import Purpose, kept, normal
from deltarule.types import Floats


class Reference(Watched):
    """Train a problem batch by batch."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._parameters, self._mean = problem.theta.copy(), problem.theta.copy()
        self._slots: list[Floats] = [np.zeros(problem.shape.trained) for _ in problem.recipe.optimizer.slots]
        self._epoch = self._batch = self._step = 0
        self._met, self._losses, self._seconds = Sums(), list[float](), 0.0
        self._rates, constant = Rates(problem), formula("schedule", "constant")
        self._dropout_rates = Rates(problem, problem.recipe.dropout_schedule or constant)
        self._decay_rates = Rates(problem, problem.recipe.decay_schedule or constant)
        self._epochs = self._run()
        self._interrupted: StopRequested = never

    @property
    def theta(self) -> Floats:
        """θ and the state, or their average where weights are averaged."""
        return self._parameters if self.problem.recipe.averaging is None else self._mean

    @property
    def state(self) -> EngineState:
        """A copy of the state after the last step."""
        met = self._met
        return EngineState(
            epoch=self._epoch,
            batch=self._batch,
            step=self._step,
            finished=self.finished,
            parameters=self._parameters.copy(),
            average=None if self.problem.recipe.averaging is None else self._mean.copy(),
            best=self.best_theta.copy(),
            slots=np.array(self._slots).reshape(-1, self.problem.shape.trained),
            sums=np.array([met.weight, met.loss, met.error]),
            losses=np.array(self._losses, np.float64),
            schedule=np.array(self._rates.state, np.float64),
            best_epoch=self.best_epoch,
            best_value=self._watch.best_value,
            seconds=self._seconds,
        )

    def restore(self, state: EngineState) -> None:
        """Continue from a state of an engine of the same problem."""
        self._epoch, self._batch, self._step = state.epoch, state.batch, state.step
        self._parameters = state.parameters.astype(np.float64)
        self._mean = self._parameters if state.average is None else state.average.astype(np.float64)
        self._slots = [slot.astype(np.float64) for slot in state.slots]
        self._met, self._losses, self._seconds = Sums(*state.sums.tolist()), state.losses.tolist(), state.seconds
        self._rates.state = tuple(state.schedule.tolist())
        self._restore_watch(state)
        self._epochs = self._run()

    def advance(self, epochs: int, seconds: float, interrupted: StopRequested = never) -> Figures:
        """Run at least one epoch and at most `epochs`, for at most about `seconds`, or until interrupted."""
        self._interrupted = interrupted
        rows: list[list[float]] = []
        recorded: list[Floats] = []
        end = time.perf_counter() + seconds
        while not self.finished and len(rows) < epochs and (not rows or time.perf_counter() < end):
            try:
                each = next(self._epochs)
            except StopIteration:
                self._ended = True
                break
            if each is None:
                break
            rows.append(each[0])
            recorded.append(each[1])
        return Figures(np.array(rows).reshape(-1, Figure.COUNT), recorded)

    def _run(self) -> Iterator[tuple[list[float], Floats] | None]:
        """Yield each epoch's metrics and its batches' losses; None within an epoch that is interrupted."""
        problem, recipe = self.problem, self.problem.recipe
        for number, batches in enumerate(problem.epochs(self._epoch), start=self._epoch + 1):
            if number > recipe.epochs:
                return
            began = time.perf_counter() - self._seconds
            for rows in islice(batches, self._batch, None):
                while self._interrupted():
                    self._seconds = time.perf_counter() - began
                    yield None
                with np.errstate(over="ignore", invalid="ignore"):
                    batch = self.step(rows)
                    self._met += batch
                    if problem.record is not None:
                        self._losses.append(self._recorded(batch, rows))
                self._batch += 1
            met, recorded = self._met, np.array(self._losses)
            if not self._batch:
                raise DataError("batches with at least one sample", "an epoch without any")
            with np.errstate(over="ignore", invalid="ignore"):
                train = evaluate(problem, self.theta, problem.train) if recipe.evaluate_train else met
                held = problem.validation
                validation = None if held is None else evaluate(problem, self.theta, held)
                penalty = penalty_value(problem, self.theta, problem.batch_weight)
            self._epoch, self._batch = number, 0
            self._met, self._losses, self._seconds = Sums(), [], 0.0
            self._watch.after(number, self.theta, train, validation)
            if validation is not None:
                self._rates.watch(validation)
            seconds = time.perf_counter() - began
            row = [value for part in (train, validation or Sums()) for value in (part.weight, part.loss, part.error)]
            yield [*row, penalty, seconds], recorded

    def step(self, rows: npt.NDArray[Any]) -> Sums:
        """Update the parameters by one batch; return the sums before the update."""
        problem, recipe, parameters = self.problem, self.problem.recipe, self._parameters
        self._step += 1
        g, met, run = gradient(problem, parameters, rows, self._draws(len(rows)), self._step)
        add_penalties(problem, parameters, g, met.weight)
        rate, decay = (float(rates.ahead(self._step, 1)[0]) for rates in (self._rates, self._decay_rates))
        self._slots = stepped(problem, parameters, g, met.weight, self._step, rate, self._slots, decay)
        if recipe.constraint is not None:
            for W, _ in problem.shape.layers(parameters)[:-1]:
                W *= recipe.constraint.factor(np.sqrt(np.sum(W**2, axis=0)))
        for state, normalized in zip(problem.shape.states(parameters), run.normalized, strict=True):
            if problem.normalization.keeps:
                m, v = normalized.m[0], normalized.v[0]
                state.mean[:], state.variance[:] = problem.normalization.keep(*state[2:], m, v, float(len(rows)))
        if recipe.averaging is not None:
            trained = problem.shape.trained
            average = recipe.averaging.average(self._mean[:trained], parameters[:trained], self._step)
            self._mean = np.concatenate([average, parameters[trained:]])
        return met

    def _draws(self, n: int) -> Draws | None:
        """Draw noise and inverted dropout masks: 0 for dropped units, 1 / (1 − rate) for others."""
        network, seed = self.problem.recipe.network, self.problem.recipe.seed
        factor = float(self._dropout_rates.ahead(self._step, 1)[0])
        rates, deviations = [rate * factor for rate in network.dropout_rates], network.noise_deviations
        if not any(rates) and not any(deviations):
            return None
        units = self.problem.sizes[:-1]
        # Each member has separate draws in the hidden layers: member i of sample j has row j · members + i.
        of_members = (network.members,) if network.members > 1 else ()
        shapes = [(n, *of_members * (layer > 0), width) for layer, width in enumerate(units)]
        noise = [
            deviation
            * normal(seed, Purpose.NOISE, (math.prod(shape[:-1]), shape[-1]), layer, self._step).reshape(shape)
            if deviation
            else 0.0
            for layer, (deviation, shape) in enumerate(zip(deviations, shapes, strict=True))
        ]
        masks = [
            kept(seed, layer, self._step, math.prod(shape[:-1]), shape[-1], rate).reshape(shape) / (1.0 - rate)
            if rate
            else 1.0
            for layer, (rate, shape) in enumerate(zip(rates, shapes, strict=True))
        ]
        return Draws(noise, masks, network.noise_before_activation)

    def _recorded(self, before: Sums, rows: Any) -> float:
        if self.problem.record == "batch":
            return before.mean
        samples = self.problem.train
        x, y = batch(self.problem, rows, self._step)
        z = forward(self.problem, self._parameters, x).z[-1]
        after = sums(self.problem, samples, z, y, samples.weight(rows))
        return after.mean
