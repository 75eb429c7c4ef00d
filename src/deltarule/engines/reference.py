"""The reference engine: backpropagation as it is defined, in float64 NumPy. Every other engine must equal it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deltarule.engines.parameters import Layers, layers, weight_mask
from deltarule.engines.problem import Figure, Figures, Problem, Progress, Samples, Sums, squared_distance, wrong_side
from deltarule.errors import DataError
from deltarule.formulas import Activation, Penalty
from deltarule.formulas.random import Floats, kept
from deltarule.recipes import improves


class Pass(NamedTuple):
    """A forward pass: for each layer its input x (n, fan_in) and its weighted sums z (n, fan_out)."""

    x: list[Floats]
    z: list[Floats]


def forward(theta: Layers, activations: Sequence[Activation], x: Floats, masks: Sequence[Floats] | None = None) -> Pass:
    """From inputs to raw outputs: z = x W + b, the next x being σ(z). Dropout's masks multiply each layer's x."""
    xs: list[Floats] = []
    zs: list[Floats] = []
    for number, (W, b) in enumerate(theta):
        if number > 0:
            x = activations[number - 1].value(zs[-1])
        if masks is not None:
            x = x * masks[number]
        xs.append(x)
        zs.append(x @ W + b)
    return Pass(xs, zs)


def backward(
    theta: Layers,
    activations: Sequence[Activation],
    run: Pass,
    dz: Floats,
    masks: Sequence[Floats] | None = None,
) -> Layers:
    """The gradient of every layer from dz = ∂C/∂z of the last: a layer's error is the next one's, sent back."""
    gradient: Layers = []
    for number in reversed(range(len(theta))):
        gradient.append((run.x[number].T @ dz, dz.sum(axis=0)))
        if number > 0:
            z = run.z[number - 1]
            dx = dz @ theta[number][0].T
            if masks is not None:
                dx = dx * masks[number]
            dz = dx * activations[number - 1].slope(z, activations[number - 1].value(z))
    return gradient[::-1]


def penalty_value(penalty: Penalty | None, theta: Floats, weights: npt.NDArray[np.bool_]) -> float:
    """The penalty's sum over all weights."""
    return 0.0 if penalty is None else float(np.sum(penalty.value(theta[weights])))


def objective(problem: Problem, theta: Floats, rows: Any, masks: Sequence[Floats] | None = None) -> float:
    """Mean loss of some training rows plus the penalty: what is made small."""
    samples, view = problem.train, layers(theta, problem.sizes)
    z = forward(view, problem.activations, problem.scaling(samples.inputs(rows)), masks).z[-1]
    w = samples.weight(rows)
    mean = np.sum(w * problem.loss.value(z, samples.y(rows))) / np.sum(w)
    penalty = problem.recipe.penalty
    cost = penalty_value(penalty, theta, weight_mask(problem.sizes))
    return float(mean) + (0.0 if penalty is None else penalty.share(float(np.sum(w))) * cost)


def gradient(problem: Problem, theta: Floats, rows: Any, masks: Sequence[Floats] | None = None) -> tuple[Floats, Sums]:
    """The gradient of the mean loss of some training rows, (parameters,), and their sums before the step."""
    samples, view = problem.train, layers(theta, problem.sizes)
    y, w = samples.y(rows), samples.weight(rows)
    run = forward(view, problem.activations, problem.scaling(samples.inputs(rows)), masks)
    z = run.z[-1]
    dz = problem.loss.gradient(z, y) * (w / np.sum(w))[:, None]
    g = backward(view, problem.activations, run, dz, masks)
    return np.concatenate([part.ravel() for layer in g for part in layer]), sums(problem, samples, z, y, w)


def sums(problem: Problem, samples: Samples, z: Floats, y: Floats, w: Floats) -> Sums:
    """Weight, loss and error of some samples, added up."""
    if samples.classes and samples.outputs > 1:
        error = np.argmax(z, axis=1) != np.argmax(y, axis=1)
    else:
        error = (wrong_side if samples.classes else squared_distance)(problem.loss, z, y)
    return Sums(float(np.sum(w)), float(np.sum(w * problem.loss.value(z, y))), float(np.sum(w * error)))


def evaluate(problem: Problem, theta: Floats, samples: Samples, block: int = 8192) -> Sums:
    """The sums over a whole part, without dropout."""
    view, total = layers(theta, problem.sizes), Sums()
    for start in range(0, len(samples), block):
        rows = slice(start, start + block)
        z = forward(view, problem.activations, problem.scaling(samples.inputs(rows))).z[-1]
        total += sums(problem, samples, z, samples.y(rows), samples.weight(rows))
    return total


class Reference:
    """Train a problem, one batch after the other."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        recipe = problem.recipe
        self.theta = problem.theta.copy()
        self.best_theta = problem.theta.copy()
        self.best_epoch = 0
        self.finished = False
        begun = problem.begun
        self._slots: list[Floats] = [slot.copy() for slot in begun.slots]
        self._step, self._epoch = begun.step, begun.epoch
        self._weights = weight_mask(problem.sizes)
        larger = recipe.stopping is not None and recipe.stopping.monitor == "score"
        self._best = -np.inf if larger else np.inf
        self._epochs = self._run()

    def advance(self, epochs: int, seconds: float) -> Figures:
        """Run at least one epoch and at most `epochs`, for about `seconds` at the longest."""
        rows: list[list[float]] = []
        recorded: list[Floats] = []
        end = time.perf_counter() + seconds
        while not self.finished and len(rows) < epochs and (not rows or time.perf_counter() < end):
            each = next(self._epochs, None)
            if each is None:
                self.finished = True
            else:
                rows.append(each[0])
                recorded.append(each[1])
        return Figures(np.array(rows).reshape(-1, Figure.COUNT), recorded)

    @property
    def progress(self) -> Progress:
        """What another engine needs, beside `theta`, to go on after the last whole epoch."""
        return Progress(self._epoch, self._step, tuple(slot.copy() for slot in self._slots))

    def _run(self) -> Iterator[tuple[list[float], Floats]]:
        """Each epoch's figures, and its batches' losses."""
        problem, recipe = self.problem, self.problem.recipe
        for number, batches in enumerate(problem.epochs(), start=self._epoch + 1):
            if number > recipe.epochs:
                return
            began = time.perf_counter()
            with np.errstate(over="ignore", invalid="ignore"):
                met, recorded, steps = Sums(), [], 0
                for rows in batches:
                    batch = self.step(rows)
                    met, steps = met + batch, steps + 1
                    if problem.record is not None:
                        recorded.append(self._recorded(batch, rows))
                if met.weight == 0:
                    raise DataError("batches with at least one sample", "an epoch without any")
                train = evaluate(problem, self.theta, problem.train) if recipe.evaluate_train else met
                held = problem.validation
                validation = None if held is None else evaluate(problem, self.theta, held)
                penalty = penalty_value(recipe.penalty, self.theta, self._weights)
                if recipe.penalty is not None:
                    penalty *= recipe.penalty.share(met.weight / steps)
            self._epoch = number
            self._watch(number, train, validation)
            seconds = time.perf_counter() - began
            row = [value for part in (train, validation or Sums()) for value in (part.weight, part.loss, part.error)]
            yield [*row, penalty, seconds], np.array(recorded)

    def step(self, rows: npt.NDArray[Any]) -> Sums:
        """One update from one batch; the sums are those before it."""
        problem, recipe = self.problem, self.problem.recipe
        self._step += 1
        g, met = gradient(problem, self.theta, rows, self._masks(len(rows)))
        penalty, weights = recipe.penalty, self._weights
        if penalty is not None and not penalty.takes_prox:
            g[weights] += penalty.share(met.weight) * penalty.gradient(self.theta[weights])
        self.theta, *self._slots = recipe.optimizer.step(self.theta, g, self._step, *self._slots)
        if penalty is not None and penalty.takes_prox:
            step = recipe.optimizer.learning_rate * penalty.share(met.weight)
            self.theta[weights] = penalty.prox(self.theta[weights], step)
        return met

    def _masks(self, n: int) -> list[Floats] | None:
        """Inverted dropout: 0 for a unit left out, 1 / (1 − rate) for one kept, so the mean stays."""
        rates = self.problem.recipe.network.dropout_rates
        if not any(rates):
            return None
        seed = self.problem.recipe.seed
        return [
            kept(seed, layer, self._step, n, units, rate) / (1.0 - rate) if rate else np.ones((1, units))
            for layer, (units, rate) in enumerate(zip(self.problem.sizes, rates, strict=False))
        ]

    def _recorded(self, before: Sums, rows: Any) -> float:
        if self.problem.record == "batch":
            return before.loss / before.weight
        samples = self.problem.train
        z = forward(
            layers(self.theta, self.problem.sizes), self.problem.activations, self.problem.scaling(samples.inputs(rows))
        ).z[-1]
        after = sums(self.problem, samples, z, samples.y(rows), samples.weight(rows))
        return after.loss / after.weight

    def _watch(self, epoch: int, train: Sums, held: Sums | None) -> None:
        """Keep the best weights where early stopping watches, else the last finite ones; end when patience does."""
        rule = self.problem.recipe.stopping
        finite = bool(np.isfinite(train.loss) and np.isfinite(self.theta).all())
        if rule is None or held is None:
            if finite:
                self.best_theta = self.theta.copy()
        else:
            larger = rule.monitor == "score"
            figure = -held.error / held.weight if larger else held.loss / held.weight
            if improves(figure, self._best, rule.min_improvement, larger):
                self._best, self.best_epoch = figure, epoch
                self.best_theta = self.theta.copy()
            self.finished = epoch - self.best_epoch >= rule.patience
        self.finished = self.finished or not finite or epoch >= self.problem.recipe.epochs
