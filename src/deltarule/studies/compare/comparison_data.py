"""A comparison as data: trained networks of several variants, and the statistics of their scores and costs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from deltarule.errors import RecipeError
from deltarule.studies.compare import statistics
from deltarule.studies.compare.costs import TrainingCost, default_target, training_cost
from deltarule.studies.compare.mean_inference import FEWEST
from deltarule.studies.compare.pairs import Pair
from deltarule.studies.compare.seeds import SPLIT, Seeds
from deltarule.studies.compare.statistics import Difference, FailureRates, Summary
from deltarule.studies.compare.trial import Finished
from deltarule.studies.compare.tuning import Sweep
from deltarule.studies.compare.variants import Variant
from deltarule.types import Floats

STUCK, LEARNED, OUTLIER = 0.1, 0.2, 5.0
"""What is stuck: see `ComparisonData.failed`."""


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonData:
    """Several variants, each trained with several seeds, with the same initial weights and batches.

    variants : the compared recipes; a tuned one has the value that was found for it.
    networks : a record for each network, without those of tuning.
    seeds : the seeds, and what they vary.
    part : "test", or "validation" where there is no test set: where the scores come from.
    task : "classification", whose score is the accuracy, or "regression", whose score is R².
    data : name of the data set, sizes of its sets, shape of a sample.
    sweeps : how a field was tuned, for each variant.
    given_target_score : the validation score whose cost is reported; None for `default_target`.
    budget : time limit in seconds; None for no limit.
    seconds : duration of the comparison.
    machine : the machine, in words.
    pairs : the pairs to compare; empty for all pairs. Holm's correction is for these.
    chance : the score of the best constant prediction on the set that scores come from; NaN if it is unknown.
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
    pairs: tuple[Pair, ...] = ()
    chance: float = math.nan

    @property
    def score_name(self) -> str:
        """Name of the score."""
        return "Accuracy" if self.task != "regression" else "R²"

    def of(self, name: str) -> dict[int, Finished]:
        """The networks of a variant, by their seeds."""
        return self._by_variant[name]

    def scores(self, name: str) -> Floats:
        """The scores of a variant in the order of the seeds, those of failed networks too."""
        own = self.of(name)
        return np.array([own[seed].score for seed in self.seeds.numbers if seed in own], dtype=np.float64)

    @cached_property
    def failed(self) -> frozenset[tuple[str, int]]:
        """The networks that failed, as (variant, seed): diverged, or stuck at chance level.

        A network is stuck if its gain, the score minus `chance`, is less than a tenth of the upper quartile of its
        variant's gains, which is at least a fifth of the way from chance to 1; and if it is an outlier, more than 5
        standard deviations below the median of the networks with larger gains, by their median absolute deviation.
        Only variants with at least 6 networks have stuck ones.
        """
        found = {(each.variant, each.seed) for each in self.networks if each.diverged}
        for variant in self.variants:
            sound = [each for each in self.of(variant.name).values() if not each.diverged]
            if len(sound) < FEWEST:
                continue
            scores = np.array([each.score for each in sound])
            gain = float(np.quantile(scores, 0.75)) - self.chance
            limit = self.chance + STUCK * gain
            learned = scores[scores >= limit]
            if gain >= LEARNED * (1 - self.chance):
                median = float(np.median(learned))
                limit = min(limit, median - OUTLIER * 1.4826 * float(np.median(np.abs(learned - median))))
                found |= {(each.variant, each.seed) for each in sound if each.score < limit}
        return frozenset(found)

    @cached_property
    def ranked(self) -> tuple[str, ...]:
        """The names of the variants that have networks, the highest mean score first, those with fewer seeds last.

        A network stuck at chance level counts with its score; a diverged one with 0, or the lowest score if below.
        """
        lowest = min([0.0, *(network.score for network in self.networks if not network.diverged)])

        def rank(name: str) -> tuple[int, float, int]:
            own = self.of(name).values()
            sound = [network.score for network in own if not network.diverged]
            return len(own), (sum(sound) + lowest * (len(own) - len(sound))) / len(own), len(sound)

        return tuple(sorted([each.name for each in self.variants if self.of(each.name)], key=rank)[::-1])

    @cached_property
    def summaries(self) -> dict[str, Summary]:
        """For each variant its score over the seeds with which it did not fail."""
        bounds = (0.0, 1.0) if self.task != "regression" else (-math.inf, 1.0)
        found = {}
        for variant in self.variants:
            finished = [network for network in self.of(variant.name).values() if self._sound(network)]
            error = statistics.sample_error(self._sample_scores(finished))
            found[variant.name] = statistics.summary([network.score for network in finished], bounds, error)
        return found

    @cached_property
    def compared(self) -> tuple[Pair, ...]:
        """The pairs to compare whose variants both have networks, the better ranked first."""
        both = itertools.combinations(self.ranked, 2)
        asked = {frozenset(pair) for pair in self.pairs}
        return tuple(pair for pair in both if not asked or frozenset(pair) in asked)

    @cached_property
    def differences(self) -> dict[Pair, Difference]:
        """For each compared pair its difference; `adjusted` for the `tests` of the comparison."""
        return {pair: replace(each, adjusted=self._adjusted[pair, 0]) for pair, each in self._differences.items()}

    @cached_property
    def failures(self) -> dict[Pair, FailureRates]:
        """For each compared pair with a failed network how often either failed."""
        return {pair: replace(each, adjusted=self._adjusted[pair, 1]) for pair, each in self._failures.items()}

    @property
    def tests(self) -> int:
        """The number of tests that Holm's correction is for: those with seeds enough to be significant."""
        return sum(each.tested for found in (self.differences, self.failures) for each in found.values())

    def difference(self, first: str, second: str) -> Difference:
        """Return the difference of two variants, first minus second.

        Raises RecipeError for a pair that is not compared.
        """
        found = self.differences
        if (first, second) in found:
            return found[first, second]
        if (second, first) in found:
            return found[second, first].swapped
        known = ", ".join(map(repr, self.compared[:5]))
        raise RecipeError("a pair that the comparison compares", repr((first, second)), known or None)

    @cached_property
    def target_score(self) -> float:
        """The validation score whose cost is reported: the given one, or the one that half of all networks reach."""
        return default_target(self.networks) if self.given_target_score is None else self.given_target_score

    @cached_property
    def costs(self) -> dict[str, TrainingCost]:
        """For each variant that has networks its cost."""
        return {name: training_cost(list(self.of(name).values()), self.target_score) for name in self.ranked}

    @cached_property
    def _by_variant(self) -> dict[str, dict[int, Finished]]:
        found: dict[str, dict[int, Finished]] = {variant.name: {} for variant in self.variants}
        for network in self.networks:
            found[network.variant][network.seed] = network
        return found

    def _paired(self, pair: Pair) -> tuple[list[Finished], list[Finished]]:
        """The networks of two variants with the seeds that both have."""
        one, other = (self.of(name) for name in pair)
        both = [seed for seed in self.seeds.numbers if seed in one and seed in other]
        return [one[seed] for seed in both], [other[seed] for seed in both]

    def _sound(self, network: Finished) -> bool:
        return (network.variant, network.seed) not in self.failed

    def _sample_scores(self, networks: Sequence[Finished]) -> Floats:
        """Return the scores of samples, (networks, samples); empty where they are unknown or other samples each."""
        known = [each.sample_scores for each in networks if each.sample_scores is not None]
        fixed = self.part == "test" or SPLIT not in self.seeds.vary
        if not fixed or not known or len(known) < len(networks) or len({each.count for each in known}) > 1:
            return np.zeros((0, 0))
        return np.stack([each.values for each in known])

    @cached_property
    def _differences(self) -> dict[Pair, Difference]:
        resamples = statistics.resamples_for(len(self.compared))
        found = {}
        for pair in self.compared:
            first, second = self._paired(pair)
            scores = [[each.score if self._sound(each) else -math.inf for each in some] for some in (first, second)]
            finished = [both for both in zip(first, second, strict=True) if all(map(self._sound, both))]
            samples = [self._sample_scores(networks) for networks in zip(*finished, strict=True)]
            alike = len(samples) == 2 and samples[0].shape == samples[1].shape
            error = statistics.sample_error(samples[0] - samples[1]) if alike else math.nan
            found[pair] = statistics.difference(scores[0], scores[1], error, resamples)
        return found

    @cached_property
    def _failures(self) -> dict[Pair, FailureRates]:
        found = {}
        for pair in self.compared:
            first, second = ([not self._sound(each) for each in networks] for networks in self._paired(pair))
            if any(first) or any(second):
                found[pair] = statistics.failure_rates(first, second)
        return found

    @cached_property
    def _adjusted(self) -> dict[tuple[Pair, int], float]:
        """Holm's p for all tests together; p itself where there are too few seeds to test."""
        each: dict[tuple[Pair, int], Difference | FailureRates] = {
            **{(pair, 0): found for pair, found in self._differences.items()},
            **{(pair, 1): found for pair, found in self._failures.items()},
        }
        tested = [key for key, found in each.items() if found.tested]
        adjusted = dict(zip(tested, statistics.holm([each[key].p for key in tested]), strict=True))
        return {key: adjusted.get(key, found.p) for key, found in each.items()}


def settings_of(comparison: ComparisonData) -> tuple[str, str]:
    """Return the two fields that vary, the axes of a heat map.

    Raises RecipeError where there are more or fewer, or they are unknown.
    """
    fields = list(dict.fromkeys(name for variant in comparison.variants for name in variant.settings))
    if len(fields) != 2:
        came = f"{', '.join(fields) or 'none known'}"
        raise RecipeError("two fields that vary, for a heat map", came, "vary(recipe, optimizer=…, l2=…)")
    return fields[0], fields[1]
