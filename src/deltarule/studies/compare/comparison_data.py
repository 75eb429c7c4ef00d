"""A comparison as data: trained networks of several variants, and the statistics of their scores and costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from deltarule.errors import RecipeError
from deltarule.studies.compare import statistics
from deltarule.studies.compare.seeds import Seeds
from deltarule.studies.compare.statistics import Difference, Summary
from deltarule.studies.compare.trial import Finished
from deltarule.studies.compare.tuning import Sweep
from deltarule.studies.compare.variants import Variant
from deltarule.types import Floats


@dataclass(frozen=True)
class TrainingCost:
    """What the networks of a variant cost.

    seconds, epochs : to the end of training.
    reached : the share of the networks that came to the target score on the validation part.
    target_seconds, target_epochs : medians over the networks until they came to it; infinite where less than half did.
    """

    seconds: Summary
    epochs: Summary
    reached: float
    target_seconds: float
    target_epochs: float


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonData:
    """Several variants, each trained with several seeds, from the same starts on the same batches.

    variants : what is compared; a tuned one has the value that was found for it.
    networks : a record for each network, those that tuned left out.
    seeds : the seeds, and what they vary.
    part : "test", or "validation" where there is no test part: where the scores come from.
    task : "classification", whose score is the accuracy, or "regression", whose score is R².
    data : the name of the data set, the samples of its parts, the shape of one.
    sweeps : how a field was tuned, for each variant.
    given_target_score : the validation score whose cost was asked for; None where nobody named one.
    budget : the seconds there were; None where nobody counted them.
    seconds : from the beginning to the end.
    machine : what it ran on, in words.
    """

    variants: tuple[Variant, ...]
    networks: tuple[Finished, ...]
    seeds: Seeds
    part: str
    task: str
    data: Mapping[str, Any] = field(default_factory=dict)
    sweeps: tuple[Sweep, ...] = ()
    given_target_score: float | None = None
    budget: float | None = None
    seconds: float = 0.0
    machine: Mapping[str, str] = field(default_factory=dict)

    @property
    def score_name(self) -> str:
        """What the score is called."""
        return "Accuracy" if self.task != "regression" else "R²"

    def of(self, name: str) -> dict[int, Finished]:
        """The networks of a variant, by their seeds."""
        return self._by_variant[name]

    def scores(self, name: str) -> Floats:
        """The scores of a variant, one for each seed it was trained with, in the order of the seeds."""
        own = self.of(name)
        return np.array([own[seed].score for seed in self.seeds.numbers if seed in own], dtype=np.float64)

    @cached_property
    def ranked(self) -> tuple[str, ...]:
        """The names of the variants that have networks, the best mean score first, those with fewer seeds last."""
        some = [variant.name for variant in self.variants if self.of(variant.name)]
        return tuple(sorted(some, key=lambda name: (len(self.of(name)), _or_least(self.summaries[name].mean)))[::-1])

    @cached_property
    def summaries(self) -> dict[str, Summary]:
        """For each variant its score over the seeds."""
        bounds = (0.0, 1.0) if self.task != "regression" else (-math.inf, 1.0)
        return {variant.name: statistics.summary(self.scores(variant.name), bounds) for variant in self.variants}

    @cached_property
    def differences(self) -> dict[tuple[str, str], Difference]:
        """For each pair, the better ranked first, what they differ by on the seeds that both have.

        Holm's correction is for the pairs that are tested: those with seeds enough for the test to see anything.
        """
        pairs = list(itertools.combinations(self.ranked, 2))
        found = dict(zip(pairs, statistics.differences([self._paired(*pair) for pair in pairs]), strict=True))
        tested = [pair for pair, each in found.items() if each.tested]
        for pair, adjusted in zip(tested, statistics.holm([found[pair].p for pair in tested]), strict=True):
            found[pair] = replace(found[pair], adjusted=adjusted)
        return found

    @property
    def tested(self) -> int:
        """How many pairs are tested."""
        return sum(each.tested for each in self.differences.values())

    def difference(self, first: str, second: str) -> Difference:
        """What two variants differ by, the first less the second; `adjusted` is for all pairs."""
        pairs = self.differences
        return pairs[first, second] if (first, second) in pairs else pairs[second, first].turned

    @cached_property
    def target_score(self) -> float:
        """The validation score whose cost is asked for: the one given, or the one that half of all networks reach."""
        if self.given_target_score is not None:
            return self.given_target_score
        best = [max(network.curves["validation_score"], default=math.nan) for network in self.networks]
        finite = [score for score in best if math.isfinite(score)]
        return math.floor(1000 * float(np.median(finite))) / 1000 if finite else math.nan

    @cached_property
    def costs(self) -> dict[str, TrainingCost]:
        """For each variant that has networks what they cost."""
        return {name: self._cost(list(self.of(name).values())) for name in self.ranked}

    @cached_property
    def _by_variant(self) -> dict[str, dict[int, Finished]]:
        found: dict[str, dict[int, Finished]] = {variant.name: {} for variant in self.variants}
        for network in self.networks:
            found[network.variant][network.seed] = network
        return found

    def _paired(self, first: str, second: str) -> tuple[list[float], list[float]]:
        one, other = self.of(first), self.of(second)
        both = [seed for seed in self.seeds.numbers if seed in one and seed in other]
        return [one[seed].score for seed in both], [other[seed].score for seed in both]

    def _cost(self, networks: list[Finished]) -> TrainingCost:
        reached = np.array([network.reached(self.target_score) for network in networks])
        there = np.isfinite(reached[:, 0])
        # A median of infinities is taken by rank: half of them have to be there.
        epochs, seconds = np.quantile(reached, 0.5, axis=0, method="higher")
        return TrainingCost(
            statistics.summary([network.seconds for network in networks]),
            statistics.summary([network.epochs for network in networks]),
            float(there.mean()),
            float(seconds),
            float(epochs),
        )


def settings_of(comparison: ComparisonData) -> tuple[str, str]:
    """The two fields that vary, as a heat map needs them.

    Raises RecipeError where there are more or fewer, or nobody said which.
    """
    fields = list(dict.fromkeys(name for variant in comparison.variants for name in variant.settings))
    if len(fields) != 2:
        came = f"{', '.join(fields) or 'none known'}"
        raise RecipeError("two fields that vary, for a heat map", came, "vary(recipe, optimizer=…, l2=…)")
    return fields[0], fields[1]


def _or_least(number: float) -> float:
    return -math.inf if math.isnan(number) else number
