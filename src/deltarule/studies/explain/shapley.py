"""Shapley values of a network's predictions: exact over all subsets, or sampled over permutations.

The value of a set S of features is v(S) = mean over background samples b of f(x_S, b_rest). Subsets are never turned
into inputs: the first layer's sums are linear in the features' terms, so the sums of S with one feature more are one
addition away, O(units) in place of O(inputs · units); the rest of the network runs on large blocks of sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from deltarule.engines.threads import allowed_threads
from deltarule.studies.explain.explained import Evaluator, Explained, Prefixes
from deltarule.types import Floats, Positions

Tool = TypeVar("Tool")

EXACT = 12
"""The number of features up to which all subsets are evaluated."""
_NUMBERS = 8192
"""Sums of one prefix of a permutation that are worked on together: enough to outweigh the calls."""
_SAMPLES = 128
"""The most samples that are worked on together: a step's sums and outputs stay in a core's nearest cache."""
_REPEATED = 4
"""With one pair, one background sample in so many has a second pair, for the standard errors."""
_SUBSETS = 2**18
"""Numbers of a block of subsets."""


@dataclass(frozen=True, eq=False)
class Shapley:
    """values : (n, features, outputs); errors : their standard errors, 0 where exact; base : (outputs,)."""

    values: Floats
    errors: Floats
    base: Floats


@dataclass(frozen=True, eq=False)
class Game:
    """The predictions of samples x and of background samples, and their features' terms in the first layers' sums.

    terms : (features, n, units) of x, computed for blocks of rows; `background` (features, m, units).
    of_x, of_background : their predictions, (n, outputs) and (m, outputs).
    """

    explained: Explained
    inputs: npt.NDArray[Any]
    background: npt.NDArray[Any]
    of_x: Floats
    of_background: Floats

    @classmethod
    def of(cls, explained: Explained, x: npt.NDArray[Any], background: npt.NDArray[Any]) -> Game:
        """Return the game of network inputs x (n, d) and background inputs (m, d)."""
        predictions = explained.predictions
        return cls(explained, x, explained.terms(background), predictions(x), predictions(background))

    @property
    def features(self) -> int:
        """The number of features."""
        return len(self.background)

    def blocks(self, most: int, create: Callable[[], Tool], work: Callable[[slice, Tool], None]) -> None:
        """Call `work` with blocks of up to so many rows of x, on all cores, each thread with what `create` gives it."""
        n, cores = len(self.inputs), allowed_threads()
        count = math.ceil(math.ceil(n / most) / cores) * cores  # so that no core waits for the last block
        rows = math.ceil(n / count)
        starts = range(0, n, rows)
        threads = min(cores, len(starts))
        tools: SimpleQueue[Tool] = SimpleQueue()
        for _ in range(threads):
            tools.put(create())

        def one(start: int) -> None:
            tool = tools.get()
            work(slice(start, start + rows), tool)
            tools.put(tool)

        if threads == 1:
            for start in starts:
                one(start)
            return
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(one, starts):
                pass


def sampled(game: Game, pairs: int, seed: int) -> Shapley:
    """Return Shapley values by antithetic permutations, `pairs` for each background sample, with standard errors.

    A permutation π adds the features of x to a background sample one by one; the change of the prediction is the
    feature's contribution. Its reversal is evaluated, too. Castro, Gómez, Tejada (2009); Mitchell, Cooper, Frank,
    Holmes (2022), section 3.2, for reversals.

    All changes of a permutation add up to f(x) − f(b), so the values add up to f(x) − mean f(b) exactly. The standard
    error is that of a stratified mean, √(Σ_b s² / k_b) / m for k_b pairs of background sample b; s², the variance of a
    pair, is the mean over background samples with several pairs. With pairs=1 these are a random quarter, with two.
    """
    n, d, outputs = len(game.inputs), game.features, game.of_x.shape[1]
    orders = _orders(len(game.of_background), pairs, d, seed)
    m, repeated = len(orders), sum(len(own) > 1 for own in orders)
    scale = sum(1 / len(own) for own in orders) / repeated / m**2
    values, errors = np.zeros((n, d, outputs)), np.zeros((n, d, outputs))

    def work(rows: slice, prefixes: Prefixes) -> None:
        ends = game.of_x[rows].T
        prefixes.take(game.explained.terms(game.inputs[rows]))
        total, variance = np.zeros((outputs, d, ends.shape[1])), np.zeros((outputs, d, ends.shape[1]))
        each = np.empty((max(pairs, 2), *total.shape))
        for b, own in enumerate(orders):
            for pair, order in enumerate(own):
                found = prefixes(game.background[:, b], order)
                each[pair][:, order] = _contributions(found, game.of_background[b], ends)
            if len(own) == 1:
                total += each[0]
                continue
            mean = each.mean(axis=0)
            total += mean
            variance += np.sum((each - mean) ** 2, axis=0) / (len(own) - 1)
        values[rows], errors[rows] = total.T / m, np.sqrt(scale * variance).T

    together = max(1, min(_SAMPLES, _NUMBERS // len(game.explained.biases)))
    game.blocks(together, lambda: game.explained.prefixes(together), work)
    return Shapley(values, errors, game.of_background.mean(axis=0))


def _orders(m: int, pairs: int, d: int, seed: int) -> list[list[Positions]]:
    """Return the permutations of each background sample: `pairs`, or of one pair some samples have a second one."""
    draws = np.random.default_rng(seed)
    count = np.full(m, pairs)
    if pairs == 1:
        count[draws.permutation(m)[: math.ceil(m / _REPEATED)]] = 2
    return [[draws.permutation(d) for _ in range(k)] for k in count]


def _contributions(found: Floats, background: Floats, ends: Floats) -> Floats:
    """Return the mean contributions (outputs, steps, n) along a permutation and its reversal, in the former's order.

    found : the predictions (outputs, features − 1, 2, n) of prefixes and of their complements, which are the reversal's
    prefixes from its end. background : (outputs,), of no feature. ends : (outputs, n), of all.
    """
    change = ends - background[:, None]
    difference = np.concatenate([-change[:, None], found[:, :, 0] - found[:, :, 1], change[:, None]], axis=1)
    steps: Floats = 0.5 * np.diff(difference, axis=1)
    return steps


def exact(game: Game) -> Shapley:
    """Return Shapley values over all 2ᵈ subsets of the features.

    φⱼ = Σ over S without j of |S|! (d − |S| − 1)! / d! · (v(S ∪ j) − v(S)).  Shapley (1953); Lundberg and Lee (2017).
    """
    n, d, outputs = len(game.inputs), game.features, game.of_x.shape[1]
    subsets, units = 2**d, len(game.explained.biases)
    weights = coefficients(d)
    values = np.zeros((n, d, outputs))
    together = max(1, _SUBSETS // (subsets * units))
    sums_of_background = game.explained.biases + game.background.sum(axis=0)

    def work(rows: slice, evaluate: Evaluator) -> None:
        terms = game.explained.terms(game.inputs[rows])
        for row, place in enumerate(range(*rows.indices(n))):
            value = np.zeros((subsets, outputs))
            for start in range(0, len(game.of_background), together):
                some = slice(start, start + together)
                steps = terms[:, row, None] - game.background[:, some]
                sums = np.empty((subsets, *steps.shape[1:]), steps.dtype)
                sums[0] = sums_of_background[some]
                for feature in range(d):
                    np.add(sums[: 2**feature], steps[feature], out=sums[2**feature : 2 ** (feature + 1)])
                value += evaluate(sums.reshape(-1, units)).reshape(subsets, -1, outputs).sum(axis=1)
            value /= len(game.of_background)
            value[0], value[-1] = game.of_background.mean(axis=0), game.of_x[place]
            values[place] = weights @ value

    game.blocks(8, game.explained.evaluator, work)
    return Shapley(values, np.zeros_like(values), game.of_background.mean(axis=0))


def coefficients(d: int) -> Floats:
    """Return the matrix (d, 2ᵈ) from the values of all subsets to Shapley values; bit j of a subset is feature j.

    >>> coefficients(2).tolist()
    [[-0.5, 0.5, -0.5, 0.5], [-0.5, -0.5, 0.5, 0.5]]
    """
    subsets = np.arange(2**d)
    inside = (subsets[None, :] >> np.arange(d)[:, None]) & 1
    size = inside.sum(axis=0)
    weight = np.array([1.0 / (d * math.comb(d - 1, s)) for s in range(d)])  # |S|! (d − |S| − 1)! / d!
    with_it, without = weight[np.maximum(size - 1, 0)], weight[np.minimum(size, d - 1)]
    signed: Floats = np.where(inside == 1, with_it, -without)
    return signed
