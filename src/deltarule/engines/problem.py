"""What an engine is given, and what it gives back: arrays on one side, figures on the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from deltarule.engines.parameters import Shape
from deltarule.errors import DataError
from deltarule.formulas import Activation, Loss, Normalization
from deltarule.formulas.augmentations.composition import RawValues
from deltarule.formulas.random import permutation, permutation_by_stretches
from deltarule.mapped import TOGETHER
from deltarule.recipes import Affine, Recipe
from deltarule.types import Floats, Indices

Order: TypeAlias = Iterable[Iterable[Any]]
"""For each epoch the batches, each an array of row numbers; rows may repeat."""


StopRequested: TypeAlias = Callable[[], bool]
"""Whether somebody has asked for an end."""


def never() -> bool:
    """Nobody asks for an end."""
    return False


# Beyond these, products of a weight with a loss leave float32's range.
_SMALL, _LARGE = 1e-30, 1e30


@dataclass(frozen=True)
class Samples:
    """One part of the data as numbers.

    x : (n, d), raw, of any real type; scaled when a batch is built.
    targets : (n,) class numbers, or (n, k) float64 numbers to be met.
    outputs : k, the network's outputs; with two classes and one output, class 1 is the target 1.
    weights : (n,), or None where all samples count the same. A batch whose weights are all 0 adds nothing to the
        gradient: its step is that of the penalties and of what the optimizer remembers.
    rows : which of the n are meant, repeats allowed; None for all. Places below are places among them.
    """

    x: npt.NDArray[Any]
    targets: npt.NDArray[Any]
    outputs: int
    weights: Floats | None = None
    rows: Indices | None = None

    def __post_init__(self) -> None:
        if self.weights is None:
            return
        weights = self.weights if self.rows is None else self.weights[self.rows]
        largest = float(weights.max(initial=0.0))
        if largest == 0.0:
            raise DataError("at least one weight above 0", f"{len(weights)} samples with weights of 0")
        if not _SMALL <= largest <= _LARGE:
            instead = "weights / weights.mean(): only their ratios count"
            raise DataError(f"a largest weight between {_SMALL:g} and {_LARGE:g}", f"{largest:g}", instead)

    def __len__(self) -> int:
        return len(self.x) if self.rows is None else len(self.rows)

    def inputs(self, places: Any) -> npt.NDArray[Any]:
        """Raw inputs at some places: (places, d)."""
        inputs: npt.NDArray[Any] = self.x[self._rows(places)]
        return inputs

    @property
    def classes(self) -> bool:
        """Whether the targets are class numbers."""
        return self.targets.ndim == 1

    def y(self, places: Any) -> Floats:
        """The targets at some places as the loss wants them: (places, k), one-hot for classes."""
        targets: npt.NDArray[Any] = self.targets[self._rows(places)]
        if not self.classes:
            return targets
        if self.outputs == 1:
            targets = targets[:, None]
            return targets.astype(np.float64)
        one_hot: Floats = (targets[:, None] == np.arange(self.outputs)).astype(np.float64)
        return one_hot

    def weight(self, places: Any) -> Floats:
        """The weights at some places, 1 where none were given."""
        rows = self._rows(places)
        if self.weights is None:
            return np.ones(len(self.targets[rows]))
        weights: Floats = self.weights[rows]
        return weights

    def spread(self) -> float:
        """The error, per unit of weight, of the best constant answer's yardstick: 1 for classes, else the variance."""
        if self.classes:
            return 1.0
        w = self.weight(slice(None))[:, None] / np.sum(self.weight(slice(None)))
        targets = self.y(slice(None))
        return float(np.sum(w * (targets - np.sum(w * targets, axis=0)) ** 2))

    def _rows(self, places: Any) -> Any:
        return places if self.rows is None else self.rows[places]


@dataclass(frozen=True)
class Progress:
    """How far a run has come, beside its parameters: what another engine needs to go on from there.

    epoch, step : how many have been.
    slots : what the optimizer remembers, in the order of its `slots`, (learnt,) each.

    Means of weights, and what a schedule has seen of the validation part, begin anew.
    """

    epoch: int = 0
    step: int = 0
    slots: tuple[Floats, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A training run as an engine sees it. `recipe.loss` has been decided; `theta` is float64, as `shape` says.

    stretch : of samples that lie in a file: how many of them are read together; None where all are in memory.
    raw : what augmentations know of the raw values, where the recipe has any.
    progress : where another engine left off, with `theta` as it was then; an order then begins with the next epoch.
    """

    recipe: Recipe
    sizes: tuple[int, ...]
    scaling: Affine
    train: Samples
    validation: Samples | None
    theta: Floats
    order: Order | None = None
    record: str | None = None
    stretch: int | None = None
    raw: RawValues | None = None
    progress: Progress | None = None

    @property
    def ordered(self) -> bool:
        """Whether `epochs` says in which order samples are met, rather than the plain shuffle of all of them."""
        return self.order is not None or self.stretch is not None

    @property
    def loss(self) -> Loss:
        """The recipe's loss."""
        assert isinstance(self.recipe.loss, Loss)
        return self.recipe.loss

    @property
    def shape(self) -> Shape:
        """How `theta`, and whatever an engine makes of it, holds the network."""
        return Shape(self.sizes, self.recipe.network.normalization)

    @property
    def normalization(self) -> Normalization:
        """The hidden layers' normalisation, where there is one."""
        assert self.recipe.network.normalization is not None
        return self.recipe.network.normalization

    @property
    def activations(self) -> Sequence[Activation]:
        """The hidden layers' activations."""
        return self.recipe.network.activations

    @property
    def steps(self) -> int:
        """The updates of the whole run, as the batch size has them."""
        return self.recipe.epochs * -(-len(self.train) // self.recipe.batch_size)

    @property
    def begun(self) -> Progress:
        """Where the run starts: at its beginning, with slots of 0, or where another left off."""
        if self.progress is not None:
            return self.progress
        return Progress(slots=tuple(np.zeros(self.shape.learnt) for _ in self.recipe.optimizer.slots))

    @property
    def batch_weight(self) -> float:
        """What a batch weighs in the mean, by which figures divide a penalty that each batch divides by its own."""
        weight = float(np.sum(self.train.weight(slice(None))))
        return weight / -(-len(self.train) // self.recipe.batch_size)

    def epochs(self) -> Iterator[Iterable[Indices]]:
        """For each epoch its batches: the caller's own order, or seeded shuffles."""
        if self.order is not None:
            for batches in self.order:
                yield (self.checked(rows) for rows in batches)
        else:
            n, size = len(self.train), self.recipe.batch_size
            for epoch in range(self.begun.epoch, self.recipe.epochs):
                shuffled = self._shuffled(epoch)
                yield [shuffled[start : start + size] for start in range(0, n, size)]

    def _shuffled(self, epoch: int) -> Indices:
        n, seed = len(self.train), self.recipe.seed
        if self.stretch is None:
            return permutation(seed, epoch, n)
        together = max(1, TOGETHER // max(1, self.stretch * self.train.x[:1].nbytes))
        return permutation_by_stretches(seed, epoch, n, self.stretch, together)

    def checked(self, rows: Any) -> Indices:
        """A batch of the caller's own order: at least one row, and all of them there."""
        indices, n = np.asarray(rows), len(self.train)
        if indices.ndim != 1 or indices.dtype.kind not in "iu" or not len(indices):
            came = f"{indices.dtype} of shape {indices.shape}"
            raise DataError("a batch as an array of at least one row number", came, "order=[[np.arange(64), ...], ...]")
        if indices.min() < 0 or indices.max() >= n:
            raise DataError(f"row numbers from 0 to {n - 1}", f"{indices.min()} to {indices.max()}")
        return indices.astype(np.int64)


@dataclass(frozen=True)
class Sums:
    """What is added up over samples: weight, loss, and error (wrong answers, or squared distances)."""

    weight: float = 0.0
    loss: float = 0.0
    error: float = 0.0

    @property
    def mean(self) -> float:
        """The mean loss; NaN where all weights are 0."""
        return self.loss / self.weight if self.weight else math.nan

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.weight + other.weight, self.loss + other.loss, self.error + other.error)


def squared_distance(loss: Loss, z: Any, y: Any) -> Any:
    """How wrong numbers are, (n,): their squared distance from the targets."""
    return np.sum((loss.output.value(z) - y) ** 2, axis=-1)


def wrong_side(loss: Loss, z: Any, y: Any) -> Any:
    """How wrong a single output for two classes is, (n,): 1 where it lies on the other class's side of ½, else 0."""
    return np.sum(np.where(loss.output.value(z) > 0.5, 1.0 - y, y), axis=-1)


class Figure(IntEnum):
    """The columns of `Figures.table`: sums over the training part, over the validation part, and what else there is."""

    TRAIN_WEIGHT = 0
    TRAIN_LOSS = 1
    TRAIN_ERROR = 2
    VALIDATION_WEIGHT = 3
    VALIDATION_LOSS = 4
    VALIDATION_ERROR = 5
    PENALTY = 6
    SECONDS = 7
    COUNT = 8


@dataclass(frozen=True)
class Figures:
    """Some epochs in numbers: a row of `table` for each, its columns as `Figure` names them, float64.

    Sums of the validation part are 0 where there is none; the penalty is the epoch's last. `batch_losses` holds an
    array for each epoch where losses were recorded, else none.

    interruption : an exception that a signal handler raised while the engine ran, such as KeyboardInterrupt. The
        figures are complete: it is to be raised again once they have been stored.
    """

    table: Floats
    batch_losses: list[Floats] = field(default_factory=list)
    interruption: BaseException | None = None


@runtime_checkable
class Planned(Protocol):
    """An engine that follows plans."""

    def plan_text(self) -> str:
        """What each thread does in a training step, and to evaluate a block of samples: a line for each instruction."""
        ...


class Engine(Protocol):
    """Whatever can train: it is made from a problem, advances by epochs, and holds θ."""

    @property
    def finished(self) -> bool:
        """Whether all epochs have run, or early stopping has ended them."""
        ...

    @property
    def best_epoch(self) -> int:
        """The number of the epoch that early stopping likes best; 0 where it does not watch."""
        ...

    def advance(self, epochs: int, seconds: float, interrupted: StopRequested = never) -> Figures:
        """Run at least one epoch and at most `epochs`, for about `seconds` at the longest.

        Once `interrupted()` it ends where it stands, also in the middle of an epoch; the next call goes on from there.
        That is asked about twenty times a second, or after 16 steps where they take longer.
        """
        ...

    @property
    def theta(self) -> Floats:
        """θ and the state after the last epoch, as `Problem.shape` says; their mean where weights are averaged."""
        ...

    @property
    def progress(self) -> Progress:
        """What another engine needs, beside `theta`, to go on after the last whole epoch."""
        ...

    @property
    def best_theta(self) -> Floats:
        """The same after the best epoch, where early stopping restores it; otherwise after the last finite one."""
        ...
