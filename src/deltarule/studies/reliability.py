"""Reliability of probabilities: how often predictions of some confidence are right."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from deltarule.errors import ModelError
from deltarule.figures.displays import Picture
from deltarule.figures.style import LIGHT, Theme
from deltarule.formulas.metrics import ClassPredictions
from deltarule.models import Model
from deltarule.models.calibration import calibration_error, fitted_temperature, tempered
from deltarule.models.ensemble import Ensemble
from deltarule.recipes.checks import integer
from deltarule.studies.intervals import wilson
from deltarule.studies.results import results
from deltarule.training.arguments import Data
from deltarule.types import Floats, Positions

_RESAMPLES = 1000


@dataclass(frozen=True)
class ReliabilityBin:
    """Samples of similar confidence, and the fraction of right answers among them with a 95 % interval (Wilson)."""

    samples: int
    confidence: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Reliability:
    """Reliability of a classifier's probabilities on a set of samples.

    bins : of equal width of the confidence, those that have samples.
    error : the expected calibration error; low, high : its 95 % interval.
    if_calibrated : the 95 % quantile that the error would have by chance if the probabilities were right.
    temperature : that calibrates the probabilities on these samples best; `error_at_temperature` is the error there.
    samples : how many.
    """

    bins: tuple[ReliabilityBin, ...]
    error: float
    low: float
    high: float
    if_calibrated: float
    temperature: float
    error_at_temperature: float
    samples: int

    @property
    def calibrated(self) -> bool:
        """Whether the error is no larger than chance explains."""
        return self.error <= self.if_calibrated

    def __str__(self) -> str:
        confident = "over" if self.temperature > 1 else "under"
        verdict = "as chance explains it" if self.calibrated else f"more than chance explains: {confident}confident"
        return (
            f"Expected calibration error {100 * self.error:.2f} % (95 % interval {100 * self.low:.2f} to "
            f"{100 * self.high:.2f} %, {self.samples:,} samples), {verdict} (up to {100 * self.if_calibrated:.2f} %). "
            f"At temperature {self.temperature:.3g} it is {100 * self.error_at_temperature:.2f} %."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the reliability as data."""
        return asdict(self)

    def plot(self, *, theme: Theme = LIGHT) -> Picture:
        """Draw the accuracy over the confidence."""
        from deltarule.figures.result_displays import ReliabilityDisplay

        confidence, accuracy, low, high = (
            [getattr(each, name) for each in self.bins] for name in ("confidence", "accuracy", "low", "high")
        )
        counts = [each.samples for each in self.bins]
        return Picture(ReliabilityDisplay(confidence, accuracy, low, high, counts).plot(theme=theme).figure_)


def reliability(
    model: Model | Ensemble, data: Data, y: Any = None, *, part: str | None = None, bins: int = 15, seed: int = 0
) -> Reliability:
    """Return how reliable a classifier's probabilities are: curve, expected calibration error, temperature.

    data, y, part : as for `results`; samples that were neither trained on nor used for calibration.
    bins : number of bins of the confidence, the probability of the predicted class.

    The interval is the basic bootstrap's; the error that chance explains is that of labels drawn from the
    probabilities.  Guo, Pleiss, Sun, Weinberger (2017); Bröcker and Smith (2007) for drawing labels.

    >>> import deltarule as dr
    >>> data = dr.load_dataset("digits")
    >>> found = reliability(dr.train(dr.Recipe(epochs=5), data).model, data)
    >>> found.samples, found.low <= found.error <= found.high
    (180, True)
    """
    integer("bins", bins, 1, "bins=15")
    found = results(model, data, y, part=part).predictions
    if not isinstance(found, ClassPredictions):
        raise ModelError("a classifier of one label a sample", repr(model))
    probabilities, codes = found.probabilities, np.asarray(found.true, np.intp)
    error = calibration_error(probabilities, codes, bins)
    low, high, chance = _uncertainty(probabilities, codes, bins, error, seed)
    temperature = fitted_temperature(probabilities, codes)
    at = calibration_error(tempered(probabilities, temperature), codes, bins)
    curve = _bins(probabilities.max(axis=1), probabilities.argmax(axis=1) == codes, bins)
    return Reliability(curve, error, low, high, chance, temperature, at, len(codes))


def _bins(confidence: Floats, right: Any, bins: int) -> tuple[ReliabilityBin, ...]:
    of = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    made = []
    for each in np.unique(of):
        own = of == each
        n, accuracy = int(own.sum()), float(right[own].mean())
        low, high = wilson(accuracy, n)
        made.append(ReliabilityBin(n, float(confidence[own].mean()), accuracy, low, high))
    return tuple(made)


def _uncertainty(p: Floats, codes: Positions, bins: int, error: float, seed: int) -> tuple[float, float, float]:
    """Return the ends of the basic bootstrap's interval, and the error's 95 % quantile if the probabilities are right.

    Both need the confidence, the bin and whether the answer is right, of each sample; nothing else is drawn.
    """
    draws, n = np.random.default_rng(seed), len(codes)
    confidence, right = p.max(axis=1), (p.argmax(axis=1) == codes).astype(np.float64)
    of = np.minimum((confidence * bins).astype(np.intp), bins - 1)
    resampled, by_chance = np.empty(_RESAMPLES), np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        rows = draws.integers(0, n, n)
        gaps = np.bincount(of[rows], right[rows] - confidence[rows], minlength=bins)
        resampled[number] = np.abs(gaps).sum() / n
        drawn = draws.random(n) < confidence
        by_chance[number] = np.abs(np.bincount(of, drawn - confidence, minlength=bins)).sum() / n
    lowest, highest = np.quantile(resampled, (0.025, 0.975))
    low = max(0.0, min(error, 2 * error - float(highest)))
    return low, max(error, 2 * error - float(lowest)), float(np.quantile(by_chance, 0.95))
