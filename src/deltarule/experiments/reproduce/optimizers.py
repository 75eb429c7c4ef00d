"""Five optimizers on MNIST, and their paths in a valley of two variables, as published in a founding text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.experiments.descent import steps_of
from deltarule.experiments.figures.paths import optimizer_paths
from deltarule.experiments.reproduce.experiment import Experiment, Given, Result, needed, run_on
from deltarule.figures.iterations import loss_lines, smoothed
from deltarule.figures.style import save
from deltarule.formulas import SGD, AdaGrad, Adam, Momentum, Optimizer, RMSProp
from deltarule.recipes import Network, Recipe
from deltarule.studies.text_table import TextTable
from deltarule.training import epochs
from deltarule.types import Floats, Indices

PATH_START = (-7.0, 2.0)

MARKERS = {"SGD": "o", "Momentum": "x", "AdaGrad": "s", "RMSProp": "v", "Adam": "D"}
"""The markers of the published figure."""


@dataclass(frozen=True)
class Optimizers(Experiment):
    """784-100-100-100-100-10, ReLU, 2,000 batches of 128 drawn with replacement, the same batch for all five.

    Each optimizer has its own initial weights from N(0, 2 / inputs), as published, although this confounds the
    comparison. One seeded generator draws first the five networks and then the batches.
    `…_path_rate` are the learning rates of the paths on x²/20 + y²; the other settings are the same.
    """

    name: ClassVar[str] = "optimizers"
    dataset: ClassVar[str | None] = "mnist"
    selections: ClassVar[tuple[str, ...]] = ("table_every", "window", "window_beta")

    hidden: tuple[int, ...] = (100, 100, 100, 100)
    batch_size: int = 128
    iterations: int = 2000
    sgd_learning_rate: float = 0.01
    momentum_learning_rate: float = 0.01
    momentum: float = 0.9
    adagrad_learning_rate: float = 0.01
    rmsprop_learning_rate: float = 0.01
    decay: float = 0.99
    adam_learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7
    seed: int = 0
    table_every: int = 100
    window: int = 11
    window_beta: float = 2.0
    path_steps: int = 30
    sgd_path_rate: float = 0.95
    momentum_path_rate: float = 0.1
    adagrad_path_rate: float = 1.5
    rmsprop_path_rate: float = 0.12
    adam_path_rate: float = 0.3

    @property
    def steps(self) -> int:
        """Return the iterations of all optimizers."""
        return len(self.optimizers()) * self.iterations

    def repeated(self, number: int) -> Self:
        """Return a copy with other networks and other batches."""
        return dataclasses.replace(self, seed=self.seed + number)

    def optimizers(self) -> dict[str, Optimizer]:
        """Return the five optimizers with their published settings."""
        rate = self.adam_learning_rate
        return {
            "SGD": SGD(self.sgd_learning_rate),
            "Momentum": Momentum(self.momentum_learning_rate, self.momentum),
            "AdaGrad": AdaGrad(self.adagrad_learning_rate, self.epsilon),
            "RMSProp": RMSProp(self.rmsprop_learning_rate, self.decay, self.epsilon),
            "Adam": Adam(rate, self.beta1, self.beta2, self.epsilon, epsilon_place="before_correction"),
        }

    def run(self, given: Given) -> OptimizersResult:
        """Train with one optimizer after the other, on the same batches."""
        data = needed(given)
        train = Dataset(train=data.train, name=data.name)
        generator = np.random.RandomState(self.seed)
        sizes = (data.train.x[0].size, *self.hidden, len(np.unique(data.train.y)))
        starts = [_he(generator, sizes) for _ in self.optimizers()]
        batches = np.stack([generator.choice(len(data.train), self.batch_size) for _ in range(self.iterations)])
        losses = {}
        for (name, optimizer), start in zip(self.optimizers().items(), starts, strict=True):
            # An epoch of the engine is a hundred batches, so that progress is reported in between.
            order = [[*hundred] for hundred in _hundreds(batches)]
            recipe = Recipe(
                network=Network(hidden=self.hidden),
                optimizer=optimizer,
                batch_size=self.batch_size,
                epochs=len(order),
                stopping=None,
                scaling=255.0,
            )
            training = epochs(
                recipe, train, **given.trainer("float32"), initial_parameters=start, batches=order, record="batch_after"
            )
            losses[name] = run_on(training, _per_hundred(given, self.iterations), name).run.batch_losses
        return OptimizersResult(self, losses, self.paths())

    def paths(self, start: tuple[float, float] = PATH_START) -> dict[str, Floats]:
        """Return the steps of each optimizer in the valley; the first row is the start."""
        rates = (
            self.sgd_path_rate, self.momentum_path_rate, self.adagrad_path_rate, self.rmsprop_path_rate,
            self.adam_path_rate,
        )  # fmt: skip
        return {
            f"{name}, η {rate:g}": steps_of(rule.replace(learning_rate=rate), valley_gradient, start, self.path_steps)
            for (name, rule), rate in zip(self.optimizers().items(), rates, strict=True)
        }


def valley(x: Any, y: Any) -> Any:
    """Return f(x, y) = x²/20 + y², a long valley.

    >>> valley(-7.0, 2.0)
    6.45
    """
    return x**2 / 20.0 + y**2


def valley_gradient(w: Floats) -> Floats:
    """Return ∂f/∂x = x/10, ∂f/∂y = 2y."""
    return np.array([w[0] / 10.0, 2.0 * w[1]])


@dataclass(frozen=True)
class OptimizersResult(Result):
    """Loss of every batch after its update, and path (steps + 1, 2), for each optimizer."""

    experiment: Optimizers
    losses: dict[str, Floats]
    paths: dict[str, Floats]

    def to_json(self) -> dict[str, Any]:
        """Return every loss, the final ones, and the paths."""
        return {
            "losses": {name: losses.tolist() for name, losses in self.losses.items()},
            "last": {name: float(losses[-1]) for name, losses in self.losses.items()},
            "mean_of_last_100": {name: float(np.mean(losses[-100:])) for name, losses in self.losses.items()},
            "paths": {name: steps.tolist() for name, steps in self.paths.items()},
        }

    def tables(self) -> list[TextTable]:
        """Return tables of the losses, the final losses, and the last points of the paths."""
        n, every = self.experiment.iterations, self.experiment.table_every
        shown = sorted({*range(0, n, every), n - 1})
        rows = [(str(i), *(f"{losses[i]:.4f}" for losses in self.losses.values())) for i in shown]
        note = "Loss of the batch after its update. Each optimizer has its own initial weights."
        first = TextTable("Loss against the iteration", ("iteration", *self.losses), tuple(rows), note)
        ends = {name: (float(np.mean(each[-100:])), float(each[-1])) for name, each in self.losses.items()}
        ranked = sorted(ends.items(), key=lambda item: item[1][0])
        final = tuple((str(k), name, f"{mean:.4f}", f"{last:.4f}") for k, (name, (mean, last)) in enumerate(ranked, 1))
        columns = ("", "optimizer", "mean of the last 100", "last")
        best = TextTable("Final losses", columns, final, "One run each; no numbers were published.")
        stood = tuple(
            (name, f"{steps[-1, 0]:.3f}", f"{steps[-1, 1]:.3f}", f"{valley(*steps[-1]):.4f}")
            for name, steps in self.paths.items()
        )
        title = f"x²/20 + y² from (−7, 2), after {self.experiment.path_steps} steps"
        return [first, best, TextTable(title, ("optimizer", "x", "y", "f"), stood)]

    def headline(self) -> dict[str, float]:
        """Return the final loss of each optimizer."""
        return {f"{name}: mean loss of the last 100": float(np.mean(each[-100:])) for name, each in self.losses.items()}

    def write(self, folder: Path) -> list[Path]:
        """Draw the smoothed losses, and the paths."""
        e = self.experiment
        lines = {
            name: (np.arange(len(losses)), smoothed(losses, e.window, e.window_beta))
            for name, losses in self.losses.items()
        }
        depth = len(e.hidden) + 1
        title = f"MNIST, {depth} layers, batches of {e.batch_size}: loss after each update, smoothed"
        losses = loss_lines(lines, "Iteration", "Cross-entropy of the batch (nats)", title, markers=MARKERS, top=1.0)
        paths = optimizer_paths(self.paths, valley, f"{e.path_steps} steps on f(x, y) = x²/20 + y² from (−7, 2)")
        return [save(losses, folder / "losses.png"), save(paths, folder / "paths.png")]


def _he(generator: np.random.RandomState, sizes: tuple[int, ...]) -> list[tuple[Floats, Floats]]:
    return [
        (np.sqrt(2.0 / inputs) * generator.randn(inputs, units), np.zeros(units)) for inputs, units in pairwise(sizes)
    ]


def _hundreds(batches: Indices) -> Iterator[Indices]:
    for begin in range(0, len(batches), 100):
        yield batches[begin : begin + 100]


def _per_hundred(given: Given, iterations: int) -> Given:
    """Return the same inputs with progress reported in iterations."""
    left = iterations

    def progress(hundreds: int, note: str) -> None:
        nonlocal left
        done = min(100 * hundreds, left)
        left -= done
        given.progress(done, note)

    return dataclasses.replace(given, progress=progress)
