"""Learning-rate range test: the loss of batches while the learning rate grows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset
from deltarule.errors import Diverged, RecipeError
from deltarule.formulas import ExponentialGrowth
from deltarule.formulas.random import permutation
from deltarule.markup import card, curves
from deltarule.recipes import Recipe
from deltarule.recipes.checks import integer
from deltarule.training import Run, train
from deltarule.training.arguments import Data, dataset_of
from deltarule.types import Floats, Positions

WINDOW = 0.4
"""Half-width of the smoothing window, in decades of the learning rate."""
CERTAIN = 5.0
"""Number of standard errors by which the smoothed loss must fall for a suggestion."""

FLAT = 0.02
"""Fraction of the total decrease within which a loss counts as the lowest, so that of a flat minimum the first does."""


@dataclass(frozen=True, eq=False)
class LearningRateRange:
    """Result of a learning-rate range test.

    rates : (steps,), the learning rate of each step, growing by the same factor from one to the next.
    losses : (seeds, steps), the mean loss of each batch before its update; NaN after a run has diverged.
    smoothed : (steps,), the mean over the seeds, smoothed along the logarithm of the rate.
    steepest : the rate at which the smoothed loss falls fastest, a cautious choice. None if it does not fall.
    largest : the rate at which it is lowest, before it rises: the maximum for a schedule.
    rises : whether it rises after that; if not, larger rates may be as good.
    """

    rates: Floats
    losses: Floats
    smoothed: Floats
    steepest: float | None
    largest: float | None
    rises: bool

    @property
    def suggestion(self) -> float | None:
        """A constant rate: the geometric mean of the steepest and the largest."""
        return None if self.steepest is None or self.largest is None else math.sqrt(self.steepest * self.largest)

    def __str__(self) -> str:
        low, high = (f"{rate:.2g}" for rate in (self.rates[0], self.rates[-1]))
        runs = "run" if len(self.losses) == 1 else "runs"
        how = f"({len(self.losses)} {runs} of {len(self.rates)} steps, from {low} to {high})"
        if self.suggestion is None:
            without = "The loss falls at none of these learning rates by more than its noise"
            return f"{without} {how}: try more runs, larger rates, or another recipe."
        then = "then it rises" if self.rises else "and nothing shows that larger ones are worse"
        return (
            f"Take learning rate {self.suggestion:.2g}, or one that decays from {self.largest:.2g}: the loss falls "
            f"fastest at {self.steepest:.2g} and is lowest at {self.largest:.2g}, {then} {how}."
        )

    def _repr_html_(self) -> str:
        """Return the suggestion and the smoothed loss by the learning rate, for a notebook."""
        rows = [
            ("Learning rate", "none" if self.suggestion is None else f"{self.suggestion:.2g}"),
            ("Result", str(self)),
        ]
        lines = curves(
            {"smoothed loss": self.smoothed.tolist()},
            x=self.rates.tolist(),
            mark=self.suggestion,
            x_label="learning rate",
        )
        return card("Learning-rate range test", "", rows, lines)

    def to_json(self) -> dict[str, Any]:
        """The result as data; NaN becomes None."""
        return {
            "suggestion": self.suggestion,
            "steepest": self.steepest,
            "largest": self.largest,
            "rises": self.rises,
            "rates": self.rates.tolist(),
            "smoothed": self.smoothed.tolist(),
            "losses": [[loss if math.isfinite(loss) else None for loss in run] for run in self.losses.tolist()],
        }


def learning_rate_range(
    recipe: Recipe,
    data: Data,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int = 300,
    seeds: int = 3,
    engine: str = "compiled",
) -> LearningRateRange:
    """Increase the learning rate from batch to batch, and find the rates at which the loss falls.

    data : as for `train`: a `Dataset`, or (x, y).
    lowest, highest : the rates of the first and of the last step; the recipe's own rate and schedule are not used.
    steps : updates of a run. seeds : number of runs to average, starting with the recipe's seed.

    Good rates depend on the batch size, the scaling and the network: test the recipe that will be trained. A short run
    from the initial weights does not show what is good late in training.
    Smith (2017), section 3.3; growing exponentially and judged by the loss, as in fastai, Howard and Gugger (2020).

    >>> import deltarule as dr
    >>> recipe = dr.Recipe(network=dr.Network(hidden=(16,)), optimizer="sgd")
    >>> found = dr.learning_rate_range(recipe, dr.load_dataset("digits"))
    >>> 0.003 < found.suggestion < 1, found.suggestion < found.largest
    (True, True)
    """
    data = dataset_of(data)
    integer("steps", steps, 20, "steps=300")
    integer("seeds", seeds, 1, "seeds=3")
    if recipe.optimizer.granularity == "full-batch":
        came = f"{recipe.optimizer.name}, whose line search finds how far to go"
        raise RecipeError("an optimizer that steps by a learning rate", came, 'optimizer="adam"', field="optimizer")
    if not 0 < highest < math.inf:
        raise RecipeError("a finite number above 0", f"{highest:g}", "highest=10.0", field="highest")
    if not 0 < lowest * 10 <= highest:
        wanted = "a learning rate above 0 and at most a tenth of the highest"
        raise RecipeError(wanted, f"{lowest:g}, and {highest:g} as the highest", "lowest=1e-6", field="lowest")
    growing = recipe.replace(
        optimizer=recipe.optimizer.replace(learning_rate=highest),
        schedule=ExponentialGrowth(lowest / highest, steps=steps),
        epochs=1,
        stopping=None,
    )
    rates = highest * growing.schedule.rate(np.arange(1.0, steps + 1), steps)
    training = dataclasses.replace(data, validation=None, test=None)
    losses = np.full((seeds, steps), np.nan)
    for place in range(seeds):
        seeded = growing.replace(seed=growing.seed + place)
        order = [list(islice(_batches(seeded, len(data.train)), steps))]
        met = _until_it_diverges(seeded, training, order, engine).batch_losses[:steps]
        sound = np.isfinite(met).cumprod().astype(bool)
        losses[place, : len(met)] = np.where(sound, met, np.nan)
    return found_in(rates, losses)


def found_in(rates: npt.ArrayLike, losses: npt.ArrayLike) -> LearningRateRange:
    """Analyse the losses, (seeds, steps) or (steps,), of growing rates, (steps,); NaN after a run has diverged.

    The rates grow by the same factor from each to the next, and by 10 in total at least.

    Losses are clipped as far above the first ones as the lowest is below them, and NaN counts as this limit: the size
    of the last jumps does not matter, and would dominate the smoothing.

    >>> rates = np.geomspace(1e-4, 10, 100)
    >>> found = found_in(rates, np.where(rates < 0.5, 2 - np.tanh(np.log10(rates / 0.01)), 9.0))
    >>> bool(0.008 < found.steepest < 0.0125), found.rises
    (True, True)
    """
    rates, losses = np.asarray(rates, np.float64), np.atleast_2d(np.asarray(losses, np.float64))
    early = max(len(rates) // 10, 1)
    first = losses[:, :early][np.isfinite(losses[:, :early])]
    if not len(first):
        return LearningRateRange(rates, losses, np.full(len(rates), np.nan), None, None, rises=False)
    begun, met = float(first.mean()), np.where(np.isfinite(losses), losses, np.inf)
    fall = begun - float(_smoothed(rates, np.minimum(met, first.max()).mean(axis=0))[0].min())
    smoothed, slopes, error = _smoothed(rates, np.minimum(met, max(begun + fall, first.max())).mean(axis=0))
    begun = float(smoothed[:early].mean())
    rise = _first_rise(smoothed, max(CERTAIN * error, 0.25 * (begun - smoothed.min())))
    least = float(smoothed[:rise].min())
    if not begun - least > CERTAIN * error:
        return LearningRateRange(rates, losses, smoothed, None, None, rises=False)
    lowest = int(np.argmax(smoothed[:rise] <= least + FLAT * (begun - least)))
    # At the start a local line has neighbours on one side only, and its slope is mostly noise.
    inside = min(early, lowest)
    steepest = inside + int(np.argmin(slopes[inside : lowest + 1]))
    rises = rise < len(rates)
    return LearningRateRange(rates, losses, smoothed, float(rates[steepest]), float(rates[lowest]), rises=rises)


def _first_rise(smoothed: Floats, least: float) -> int:
    """Return the first step that exceeds the minimum before it by more than `least`; the length if there is none.

    After it a network may have broken down and have a lower loss again.
    """
    above = smoothed - np.minimum.accumulate(smoothed) > least
    return int(np.argmax(above)) if above.any() else len(smoothed)


def _smoothed(rates: Floats, losses: Floats) -> tuple[Floats, Floats, float]:
    """Fit local lines over log₁₀ rate (Cleveland, 1979): values, slopes, and the standard error of a value."""
    step = math.log10(rates[-1] / rates[0]) / (len(rates) - 1)
    half = max(WINDOW, 3.5 * step)
    away = step * np.arange(-int(half / step), int(half / step) + 1)
    weights = (1.0 - np.abs(away / half) ** 3) ** 3

    def added(values: Floats, power: int) -> Floats:
        """Return Σ weight · distance^power · value around each step."""
        around: Floats = np.correlate(values, weights * away**power, mode="same")
        return around

    one = np.ones_like(losses)
    total = added(one, 0)
    centre, mean = added(one, 1) / total, added(losses, 0) / total
    slopes = (added(losses, 1) / total - centre * mean) / (added(one, 2) / total - centre**2)
    # Differences of neighbours contain the noise and almost nothing of the curve.
    noise = np.median(np.abs(np.diff(losses[: max(len(losses) // 3, 2)]))) / 0.954
    return mean - slopes * centre, slopes, float(noise * np.sqrt(np.sum(weights**2)) / np.sum(weights))


def _batches(recipe: Recipe, samples: int) -> Iterator[Positions]:
    """Yield batches without end, shuffled in each epoch."""
    size, epoch = min(recipe.batch_size, samples), 0
    while True:
        shuffled = permutation(recipe.seed, epoch, samples)
        yield from (shuffled[at : at + size] for at in range(0, samples - size + 1, size))
        epoch += 1


def _until_it_diverges(recipe: Recipe, data: Dataset, order: Any, engine: str) -> Run:
    try:
        return train(recipe, data, engine=engine, batches=order, record="batch")
    except Diverged as diverged:
        return cast("Run", diverged.run)
