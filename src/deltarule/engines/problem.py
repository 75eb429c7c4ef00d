"""The inputs and outputs of an engine, and the protocol of engines."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from deltarule.engines.factors import Factors, factors_of_parameters
from deltarule.engines.input_stage import Columns
from deltarule.engines.parameters import Shape
from deltarule.errors import DataError
from deltarule.formulas import Activation, Loss, Normalization
from deltarule.formulas.augmentations.composition import RawValues
from deltarule.formulas.random import permutation, permutation_by_stretches
from deltarule.mapped import TOGETHER
from deltarule.recipes import Affine, Recipe
from deltarule.types import Floats, Indices

Order: TypeAlias = Iterable[Iterable[Any]]
"""The batches of each epoch, each an array of row numbers; rows may repeat."""


StopRequested: TypeAlias = Callable[[], bool]
"""A function that returns whether training should stop."""


def never() -> bool:
    """Return False: no stop is requested."""
    return False


# Beyond these, products of a weight with a loss overflow or underflow in float32.
_SMALL, _LARGE = 1e-30, 1e30


@dataclass(frozen=True)
class Samples:
    """A training, validation or test set as arrays.

    x : (n, d), raw, of any real type; scaled when a batch is built.
    targets : (n,) class indices, or (n, k) float64 regression targets or labels.
    outputs : k, the number of the network's outputs; with two classes and one output, class 1 has the target 1.
    weights : (n,), or None for equal weights. A batch whose weights are all 0 contributes nothing to the gradient: its
        step consists of the penalties and the optimizer's state.
    rows : selected rows of x, repeats allowed; None for all. `places` in the methods index the selected rows.
    multilabel : whether targets (n, k) are labels, 0 or 1 each, rather than numbers.
    """

    x: npt.NDArray[Any]
    targets: npt.NDArray[Any]
    outputs: int
    weights: Floats | None = None
    rows: Indices | None = None
    multilabel: bool = False

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
        """Return the raw inputs at some places: (places, d)."""
        inputs: npt.NDArray[Any] = self.x[self._rows(places)]
        return inputs

    @property
    def classes(self) -> bool:
        """Whether the targets are class indices."""
        return self.targets.ndim == 1

    @property
    def labelled(self) -> bool:
        """Whether a prediction is right or wrong: of classes or of labels."""
        return self.classes or self.multilabel

    def y(self, places: Any) -> Floats:
        """Return the targets at some places for the loss: (places, k), one-hot for classes."""
        targets: npt.NDArray[Any] = self.targets[self._rows(places)]
        if not self.classes:
            return targets
        if self.outputs == 1:
            targets = targets[:, None]
            return targets.astype(np.float64)
        one_hot: Floats = (targets[:, None] == np.arange(self.outputs)).astype(np.float64)
        return one_hot

    def weight(self, places: Any) -> Floats:
        """Return the weights at some places, 1 where none were given."""
        rows = self._rows(places)
        if self.weights is None:
            return np.ones(len(self.targets[rows]))
        weights: Floats = self.weights[rows]
        return weights

    def spread(self) -> float:
        """Return the divisor of the mean error in the score: 1 for classes and labels, the variance for regression."""
        if self.labelled:
            return 1.0
        # Sums are exact, as NumPy's order of additions differs between processors.
        weights, targets = self.weight(slice(None)), self.y(slice(None))
        w = weights[:, None] / math.fsum(weights)
        means = [math.fsum(column) for column in (w * targets).T]
        return math.fsum((w * (targets - means) ** 2).ravel())

    def _rows(self, places: Any) -> Any:
        return places if self.rows is None else self.rows[places]


@dataclass(frozen=True)
class Progress:
    """Progress of a run: what another engine needs to continue it, in addition to the parameters.

    epoch, step : number of completed epochs and steps.
    slots : the optimizer's state, in the order of its `slots`, (trained,) each.

    Averages of the weights and the state of the schedule start again.
    """

    epoch: int = 0
    step: int = 0
    slots: tuple[Floats, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A training run, the input of an engine. `recipe.loss` is a `Loss`; `theta` is float64, with the layout `shape`.

    stretch : for samples in a file, the number of samples read together; None for samples in memory.
    raw : the raw values' properties for augmentations, where the recipe has any.
    progress : the progress of another engine, with its `theta`; an order then starts with the next epoch.
    columns : the kinds of the inputs; None where all are numbers.
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
    columns: Columns | None = None

    @property
    def ordered(self) -> bool:
        """Whether the order of the samples is given by `epochs`, rather than by a shuffle of all samples."""
        return self.order is not None or self.stretch is not None

    @property
    def loss(self) -> Loss:
        """The recipe's loss."""
        assert isinstance(self.recipe.loss, Loss)
        return self.recipe.loss

    @cached_property
    def shape(self) -> Shape:
        """The layout of `theta` and of an engine's parameters."""
        columns = Columns.of_numbers(self.sizes[0]) if self.columns is None else self.columns
        return Shape.of(self.recipe.network, columns, self.sizes[-1] // self.recipe.network.members)

    @cached_property
    def factors(self) -> Factors:
        """The factors on the optimizer's hyperparameters, of every parameter or as numbers."""
        return factors_of_parameters(self.recipe, self.shape)

    @property
    def normalization(self) -> Normalization:
        """The hidden layers' normalisation, which must exist."""
        assert self.recipe.network.normalization is not None
        return self.recipe.network.normalization

    @property
    def activations(self) -> Sequence[Activation]:
        """The hidden layers' activations."""
        return self.recipe.network.activations

    @property
    def batches(self) -> int:
        """Number of batches in an epoch, by the batch size."""
        whole, rest = divmod(len(self.train), self.recipe.batch_size)
        return max(1, whole + (rest > 0 and not self.recipe.drop_last))

    @property
    def steps(self) -> int:
        """Number of updates in the whole run, by the batch size."""
        return self.recipe.epochs * self.batches

    @property
    def begun(self) -> Progress:
        """The progress at the start: that of another engine, or none, with slots of 0."""
        if self.progress is not None:
            return self.progress
        return Progress(slots=tuple(np.zeros(self.shape.trained) for _ in self.recipe.optimizer.slots))

    @property
    def batch_weight(self) -> float:
        """The mean weight of a batch, used to report penalties that are divided by the weight of each batch."""
        weight = float(np.sum(self.train.weight(slice(None))))
        return weight / self.batches

    def epochs(self) -> Iterator[Iterable[Indices]]:
        """Yield the batches of each epoch: the caller's order, or seeded shuffles."""
        if self.order is not None:
            for batches in self.order:
                yield (self.checked(rows) for rows in batches)
        else:
            size = self.recipe.batch_size
            for epoch in range(self.begun.epoch, self.recipe.epochs):
                shuffled = self._shuffled(epoch)
                yield [shuffled[number * size : (number + 1) * size] for number in range(self.batches)]

    def _shuffled(self, epoch: int) -> Indices:
        n, seed = len(self.train), self.recipe.seed
        if self.stretch is None:
            return permutation(seed, epoch, n)
        together = max(1, TOGETHER // max(1, self.stretch * self.train.x[:1].nbytes))
        return permutation_by_stretches(seed, epoch, n, self.stretch, together)

    def checked(self, rows: Any) -> Indices:
        """Return a batch of the caller's order with at least one row, all valid."""
        indices, n = np.asarray(rows), len(self.train)
        if indices.ndim != 1 or indices.dtype.kind not in "iu" or not len(indices):
            came = f"{indices.dtype} of shape {indices.shape}"
            raise DataError(
                "a batch as an array of at least one row number", came, "batches=[[np.arange(64), ...], ...]"
            )
        if indices.min() < 0 or indices.max() >= n:
            raise DataError(f"row numbers from 0 to {n - 1}", f"{indices.min()} to {indices.max()}")
        return indices.astype(np.int64)


@dataclass(frozen=True)
class Sums:
    """Sums over samples: weight, loss, and error (misclassifications or squared distances)."""

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
    """Return the errors of regression outputs, (n,): the squared distances from the targets."""
    return np.sum((loss.output.value(z) - y) ** 2, axis=-1)


def wrong_side(loss: Loss, z: Any, y: Any) -> Any:
    """Return the errors of independent outputs, (n,): 1 if any of them is on the wrong side of ½, else 0."""
    return np.max(np.where(loss.output.value(z) > 0.5, 1.0 - y, y), axis=-1)


class Figure(IntEnum):
    """The columns of `Figures.table`: sums over the training and validation sets, penalty and duration."""

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
    """Metrics of some epochs: a row of `table` for each, with the columns of `Figure`, float64.

    Sums over the validation set are 0 where there is none; the penalty is that at the end of the epoch. `batch_losses`
    contains an array for each epoch where losses were recorded.

    interruption : an exception that a signal handler raised while the engine ran, for example KeyboardInterrupt. The
        metrics are complete: the caller raises it again after storing them.
    """

    table: Floats
    batch_losses: list[Floats] = field(default_factory=list)
    interruption: BaseException | None = None


@runtime_checkable
class Planned(Protocol):
    """An engine that executes plans."""

    def plan_text(self) -> str:
        """Return what each thread does in a training step and in evaluation, one line for each instruction."""
        ...


class Engine(Protocol):
    """An engine is created from a problem, advances by epochs, and holds θ."""

    @property
    def finished(self) -> bool:
        """Whether all epochs have run, or early stopping has ended them."""
        ...

    @property
    def best_epoch(self) -> int:
        """The number of the best epoch by early stopping; 0 without early stopping."""
        ...

    def advance(self, epochs: int, seconds: float, interrupted: StopRequested = never) -> Figures:
        """Run at least one epoch and at most `epochs`, for at most about `seconds`.

        Once `interrupted()` is true, it stops, even within an epoch; the next call continues from there. `interrupted`
        is checked about twenty times a second, or after 16 steps if they take longer.
        """
        ...

    @property
    def theta(self) -> Floats:
        """θ and the state after the last epoch, with the layout `Problem.shape`, averaged if the recipe says so."""
        ...

    @property
    def progress(self) -> Progress:
        """What another engine needs, in addition to `theta`, to continue after the last complete epoch."""
        ...

    @property
    def best_theta(self) -> Floats:
        """`theta` after the best epoch, where early stopping restores it; otherwise after the last finite epoch."""
        ...
