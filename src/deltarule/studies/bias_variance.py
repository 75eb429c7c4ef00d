"""Decomposition of the error into bias, variance and noise, over networks of resampled training sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from deltarule.data import Dataset
from deltarule.errors import DataError, Diverged
from deltarule.models.model import codes_of
from deltarule.recipes import Recipe
from deltarule.recipes.checks import integer
from deltarule.studies.text_table import TextTable
from deltarule.training import train_many
from deltarule.training.arguments import Data, dataset_of
from deltarule.types import Floats, Integers

_RESAMPLES = 400
Quantities: TypeAlias = dict[str, float]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, over networks and test samples."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True)
class Decomposition:
    """The parts of the mean error of networks that differ in their training sets and seeds.

    loss : "squared error" or "zero-one".
    error : the mean loss on the test samples.
    bias : bias² of squared errors; of zero-one loss the fraction of samples whose main prediction is wrong.
        Without a known truth it includes the noise.
    variance : of squared errors; of zero-one loss the net variance, error − bias without noise, as Kong and Dietterich
        (1995) define it; `unbiased_variance` − `biased_variance`, Domingos (2000), is the same.
    noise : what an optimal prediction would still lose; None where the truth is not known.
    networks, samples : how many networks, and test samples.
    """

    loss: str
    error: Estimate
    bias: Estimate
    variance: Estimate
    noise: Estimate | None
    unbiased_variance: Estimate | None
    biased_variance: Estimate | None
    networks: int
    samples: int

    def __str__(self) -> str:
        squared = self.loss == "squared error"
        bias = "bias²" if squared else "bias"
        named = {
            "error": self.error,
            bias if self.noise else f"{bias} and noise": self.bias,
            "variance" if squared else "net variance": self.variance,
            "  unbiased variance": self.unbiased_variance,
            "  biased variance": self.biased_variance,
            "noise": self.noise,
        }
        rows = tuple(
            (name, f"{each.value:.4g}", f"{each.low:.4g} to {each.high:.4g}")
            for name, each in named.items()
            if each is not None
        )
        title = f"{self.loss.capitalize()} of {self.networks} networks on {self.samples:,} samples"
        return str(TextTable(title, ("part", "value", "95 % interval"), rows))

    def to_json(self) -> dict[str, Any]:
        """Return the decomposition as data."""
        return asdict(self)


def bias_variance(
    recipe: Recipe,
    data: Data | Sequence[Dataset],
    y: Any = None,
    *,
    networks: int = 50,
    truth: Any = None,
    seed: int = 0,
    n_threads: int | None = None,
) -> Decomposition:
    """Decompose the error into bias, variance and noise, over networks of bootstrap training sets, trained at once.

    data : a data set with a test set, or else a validation set, on which errors are measured. Or a list of data sets
        with independent training sets, where there are so many: one network each, on the first one's test set.
    networks : number of bootstrap samples of the training set; each network has its own seed, too.
    truth : the expected target, or the most probable class, of each test sample, where it is known.

    Squared error: E(y − ŷ)² = noise + (E ŷ − truth)² + var ŷ; the estimate of bias² is corrected by var / networks.
    Zero-one loss: the main prediction is the most frequent one; variance adds errors where it is right and takes some
    away where it is wrong.  Geman, Bienenstock, Doursat (1992); Kong and Dietterich (1995); Domingos (2000).

    A bootstrap sample has 63 % of the different samples: variances are those of slightly smaller training sets.

    >>> import deltarule as dr
    >>> found = bias_variance(dr.Recipe(epochs=10), dr.load_dataset("diabetes"), networks=8)
    >>> found.loss, found.noise, found.networks
    ('squared error', None, 8)
    """
    given: Any = data
    several = isinstance(data, (list, tuple)) and len(data) > 0 and all(isinstance(each, Dataset) for each in data)
    sets: list[Dataset] = list(given) if several else [dataset_of(given, y)]
    test = sets[0].test or sets[0].validation
    if test is None:
        raise DataError("a test set to measure errors on", "a data set without one", "Dataset(train=..., test=...)")
    count = len(sets) if several else integer("networks", networks, 2, "networks=50")
    if count < 2:
        raise DataError("at least 2 training sets", f"{count}", field="data")
    draws, n = np.random.default_rng(seed), len(sets[0].train)
    rows = None if several else [draws.integers(0, n, n) for _ in range(count)]
    recipes = [recipe.replace(seed=recipe.seed + number) for number in range(count)]
    runs = train_many(recipes, sets if several else sets[0], rows=rows, n_threads=n_threads)
    finished = [run.model for run in runs if run.status != "diverged"]
    if len(finished) < 2:
        raise Diverged("training losses that stay finite", f"{count - len(finished)} of {count} networks diverged")
    predictions = [model.predict(test.x, strict=None) for model in finished]
    if finished[0].multilabel:
        raise DataError("classes or numbers", "several labels a sample", field="y")
    if finished[0].classes is None:
        numbers = np.stack([np.asarray(each, np.float64).reshape(len(test), -1) for each in predictions])
        shape = numbers.shape[1:]
        targets = test.y.astype(np.float64).reshape(shape)
        return decomposed(numbers, targets, None if truth is None else _checked(truth, shape), seed=seed)
    labels = np.unique(np.concatenate([test.y, *predictions, *([] if truth is None else [np.asarray(truth)])]))
    codes = np.stack([codes_of(labels, each) for each in predictions])
    known = None if truth is None else codes_of(labels, _checked(truth, test.y.shape))
    return decomposed(codes, codes_of(labels, test.y), known, seed=seed)


def decomposed(
    predictions: Floats | Integers, y: npt.NDArray[Any], truth: npt.NDArray[Any] | None = None, *, seed: int = 0
) -> Decomposition:
    """Return the decomposition of given predictions, of L networks for n samples: numbers (L, n, k), or classes (L, n).

    Intervals are the quantiles of bootstrap samples of networks and test samples, shifted to have the estimate as mean.

    >>> print(decomposed(np.array([[0, 1], [0, 0], [0, 0]]), np.array([0, 1]), np.array([0, 1])).error.value)
    0.3333333333333333
    """
    squared = predictions.ndim == 3
    parts = _squared if squared else _zero_one
    found = parts(predictions, y, truth)
    draws, (networks, samples) = np.random.default_rng(seed), predictions.shape[:2]
    drawn = []
    for _ in range(_RESAMPLES):
        some, rows = draws.integers(0, networks, networks), draws.integers(0, samples, samples)
        drawn.append(parts(predictions[some][:, rows], y[rows], None if truth is None else truth[rows]))

    def estimate(name: str) -> Estimate | None:
        if name not in found:
            return None
        values, value = np.array([each[name] for each in drawn]), found[name]
        # Drawn networks repeat: the mean over them is off by more than that over all, on one side.
        low, high = np.quantile(values, (0.025, 0.975)) - values.mean() + value
        return Estimate(value, float(low), float(high))

    error, bias, variance = (estimate(name) for name in ("error", "bias", "variance"))
    assert error is not None
    assert bias is not None
    assert variance is not None
    unbiased, biased = estimate("unbiased_variance"), estimate("biased_variance")
    noise, loss = estimate("noise"), "squared error" if squared else "zero-one"
    return Decomposition(loss, error, bias, variance, noise, unbiased, biased, networks, samples)


def _squared(predictions: npt.NDArray[Any], y: Floats, truth: Floats | None) -> Quantities:
    """Return the parts of the squared error, summed over the targets."""
    aim, (networks, samples) = y if truth is None else truth, predictions.shape[:2]
    main = predictions.mean(axis=0)
    variance = _sum_of_squares(predictions - main) / (networks - 1) / samples
    bias = _sum_of_squares(main - aim) / samples - variance / networks
    parts = {"error": _sum_of_squares(predictions - y) / networks / samples, "bias": bias, "variance": variance}
    if truth is not None:
        parts["noise"] = _sum_of_squares(y - truth) / samples
    return parts


def _sum_of_squares(numbers: npt.NDArray[Any]) -> float:
    return float(np.vdot(numbers, numbers))


def _zero_one(predictions: npt.NDArray[Any], y: Integers, truth: Integers | None) -> Quantities:
    """Return the parts of the zero-one loss."""
    aim = y if truth is None else truth
    classes = int(max(predictions.max(), y.max(), aim.max())) + 1
    votes = np.stack([(predictions == code).sum(axis=0) for code in range(classes)])
    main = votes.argmax(axis=0)
    wrong = main != aim
    unbiased = np.where(wrong, 0.0, (predictions != main).mean(axis=0)).mean()
    biased = np.where(wrong, (predictions == aim).mean(axis=0), 0.0).mean()
    parts = {
        "error": (predictions != y).mean(), "bias": wrong.mean(), "variance": unbiased - biased,
        "unbiased_variance": unbiased, "biased_variance": biased,
    }  # fmt: skip
    if truth is not None:
        parts["noise"] = (y != truth).mean()
    return {name: float(value) for name, value in parts.items()}


def _checked(truth: Any, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    known = np.asarray(truth)
    if known.size != np.prod(shape):
        raise DataError(f"a truth of shape {shape}, one for each test sample", f"shape {known.shape}", field="truth")
    return known.reshape(shape)
