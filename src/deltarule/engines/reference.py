"""The reference engine: the definition of training, in float64 NumPy. Other engines must equal it up to rounding."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.backpropagation import Draws, Pass, backward, forward
from deltarule.engines.problem import (
    Figure,
    Figures,
    Problem,
    Progress,
    Samples,
    StopRequested,
    Sums,
    never,
    squared_distance,
    wrong_side,
)
from deltarule.engines.rates import Rates
from deltarule.engines.stepping import stepped
from deltarule.engines.watching import Watched
from deltarule.errors import DataError
from deltarule.formulas.augmentations.composition import Drawn, augment
from deltarule.formulas.random import Purpose, kept, normal
from deltarule.types import Floats


def penalty_value(problem: Problem, parameters: npt.NDArray[Any], weight: float) -> float:
    """Return the sum of the penalties over all weights, for a batch of this weight."""
    layers = zip(problem.recipe.penalties, problem.shape.layers(parameters), strict=True)
    sums = (penalty.share(weight) * np.sum(penalty.value(W)) for penalty, (W, _) in layers if penalty is not None)
    return float(sum(sums))


def objective(problem: Problem, parameters: npt.NDArray[Any], rows: Any, draws: Draws | None = None) -> float:
    """Return the objective, which is minimised: mean loss of some training rows plus the penalties."""
    samples = problem.train
    z = forward(problem, parameters, problem.scaling(samples.inputs(rows)), draws, training=True).z[-1]
    w = samples.weight(rows)
    mean = np.sum(w * problem.loss.value(z, samples.y(rows))) / np.sum(w)
    return float(mean) + penalty_value(problem, parameters, float(np.sum(w)))


def batch(problem: Problem, rows: Any, step: int) -> tuple[Floats, Floats]:
    """Return scaled inputs and targets of some training rows, augmented if `step` is not 0."""
    samples = problem.train
    x, y = samples.inputs(rows), samples.y(rows)
    if problem.raw is not None and step:
        x, y = augment(x, y, problem.recipe.augmentation, problem.raw, Drawn(problem.recipe.seed, step))
    return problem.scaling(x), y


def gradient(
    problem: Problem, parameters: npt.NDArray[Any], rows: Any, draws: Draws | None = None, step: int = 0
) -> tuple[Floats, Sums, Pass]:
    """Return the gradient of the mean loss of some training rows, (learnt,), their sums, and the forward pass.

    The rows are augmented if `step` is not 0.
    """
    samples = problem.train
    x, y = batch(problem, rows, step)
    w = samples.weight(rows)
    run = forward(problem, parameters, x, draws, training=True)
    z = run.z[-1]
    # A batch whose weights are all 0 contributes nothing to the gradient; the step is made nevertheless.
    dz = problem.loss.gradient(z, y) * (w / (np.sum(w) or 1.0))[:, None]
    return backward(problem, parameters, run, dz, draws), sums(problem, samples, z, y, w), run


def add_penalties(problem: Problem, parameters: npt.NDArray[Any], g: Floats, weight: float) -> None:
    """Add the gradients of the penalties to that of the mean loss, except for proximal penalties."""
    layers = zip(problem.recipe.penalties, problem.shape.layers(parameters), problem.shape.layers(g), strict=True)
    for penalty, (W, _), (g_W, _) in layers:
        if penalty is not None and not penalty.takes_prox:
            g_W += penalty.share(weight) * penalty.gradient(W)


def errors(problem: Problem, samples: Samples, z: Floats, y: Floats) -> Any:
    """Return the error of each sample, (n,): 1 for a misclassification, or the squared distance."""
    if samples.classes and samples.outputs > 1:
        return np.argmax(z, axis=1) != np.argmax(y, axis=1)
    return (wrong_side if samples.classes else squared_distance)(problem.loss, z, y)


def sums(problem: Problem, samples: Samples, z: Floats, y: Floats, w: Floats) -> Sums:
    """Return the sums of weight, loss and error of some samples."""
    error = errors(problem, samples, z, y)
    return Sums(float(np.sum(w)), float(np.sum(w * problem.loss.value(z, y))), float(np.sum(w * error)))


def evaluate(problem: Problem, parameters: npt.NDArray[Any], samples: Samples, block: int = 8192) -> Sums:
    """Return the sums over a set of samples, with the network in prediction mode."""
    total = Sums()
    for start in range(0, len(samples), block):
        rows = slice(start, start + block)
        z = forward(problem, parameters, problem.scaling(samples.inputs(rows))).z[-1]
        total += sums(problem, samples, z, samples.y(rows), samples.weight(rows))
    return total


class Reference(Watched):
    """Train a problem batch by batch."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._parameters, self._mean = problem.theta.copy(), problem.theta.copy()
        begun = problem.begun
        self._slots: list[Floats] = [slot.copy() for slot in begun.slots]
        self._step, self._epoch = begun.step, begun.epoch
        self._rates = Rates(problem)
        self._epochs = self._run()
        self._interrupted: StopRequested = never

    @property
    def theta(self) -> Floats:
        """θ and the state, or their average where weights are averaged."""
        return self._parameters if self.problem.recipe.averaging is None else self._mean

    @property
    def progress(self) -> Progress:
        """What another engine needs, in addition to `theta`, to continue after the last complete epoch."""
        return Progress(self._epoch, self._step, tuple(slot.copy() for slot in self._slots))

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
        for number, batches in enumerate(problem.epochs(), start=self._epoch + 1):
            if number > recipe.epochs:
                return
            began = time.perf_counter()
            met, recorded = Sums(), []
            for rows in batches:
                if self._interrupted():
                    yield None
                with np.errstate(over="ignore", invalid="ignore"):
                    batch = self.step(rows)
                    met += batch
                    if problem.record is not None:
                        recorded.append(self._recorded(batch, rows))
            if met.weight == 0:
                raise DataError("batches with at least one sample", "an epoch without any")
            with np.errstate(over="ignore", invalid="ignore"):
                train = evaluate(problem, self.theta, problem.train) if recipe.evaluate_train else met
                held = problem.validation
                validation = None if held is None else evaluate(problem, self.theta, held)
                penalty = penalty_value(problem, self.theta, problem.batch_weight)
            self._epoch = number
            self._watch.after(number, self.theta, train, validation)
            if validation is not None:
                self._rates.watch(validation)
            seconds = time.perf_counter() - began
            row = [value for part in (train, validation or Sums()) for value in (part.weight, part.loss, part.error)]
            yield [*row, penalty, seconds], np.array(recorded)

    def step(self, rows: npt.NDArray[Any]) -> Sums:
        """Update the parameters by one batch; return the sums before the update."""
        problem, recipe, parameters = self.problem, self.problem.recipe, self._parameters
        self._step += 1
        g, met, run = gradient(problem, parameters, rows, self._draws(len(rows)), self._step)
        add_penalties(problem, parameters, g, met.weight)
        rate = float(self._rates.ahead(self._step, 1)[0])
        self._slots = stepped(problem, parameters, g, met.weight, self._step, rate, self._slots)
        if recipe.constraint is not None:
            for W, _ in problem.shape.layers(parameters)[:-1]:
                W *= recipe.constraint.factor(np.sqrt(np.sum(W**2, axis=0)))
        for state, normalized in zip(problem.shape.states(parameters), run.normalized, strict=True):
            if problem.normalization.keeps:
                m, v = normalized.m[0], normalized.v[0]
                state.mean[:], state.variance[:] = problem.normalization.keep(*state[2:], m, v, float(len(rows)))
        if recipe.averaging is not None:
            learnt = problem.shape.learnt
            average = recipe.averaging.average(self._mean[:learnt], parameters[:learnt], self._step)
            self._mean = np.concatenate([average, parameters[learnt:]])
        return met

    def _draws(self, n: int) -> Draws | None:
        """Draw noise and inverted dropout masks: 0 for dropped units, 1 / (1 − rate) for others."""
        network, seed = self.problem.recipe.network, self.problem.recipe.seed
        rates, deviations = network.dropout_rates, network.noise_deviations
        if not any(rates) and not any(deviations):
            return None
        units = self.problem.sizes[:-1]
        noise = [
            deviation * normal(seed, Purpose.NOISE, (n, units[layer]), layer, self._step) if deviation else 0.0
            for layer, deviation in enumerate(deviations)
        ]
        masks = [
            kept(seed, layer, self._step, n, units[layer], rate) / (1.0 - rate) if rate else 1.0
            for layer, rate in enumerate(rates)
        ]
        return Draws(noise, masks)

    def _recorded(self, before: Sums, rows: Any) -> float:
        if self.problem.record == "batch":
            return before.mean
        samples = self.problem.train
        x, y = batch(self.problem, rows, self._step)
        z = forward(self.problem, self._parameters, x).z[-1]
        after = sums(self.problem, samples, z, y, samples.weight(rows))
        return after.mean
