"""Compare variants of a recipe over seeds: differences, intervals and tests."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deltarule.data import Dataset
from deltarule.errors import SeedsWarning
from deltarule.recipes import Recipe
from deltarule.studies.compare.comparing import Comparing, ComparisonProgress
from deltarule.studies.compare.comparison import Comparison
from deltarule.studies.compare.costs import TrainingCost
from deltarule.studies.compare.pairs import Against
from deltarule.studies.compare.seeds import USUAL, Seeds
from deltarule.studies.compare.statistics import Difference, FailureRates, Summary
from deltarule.studies.compare.trial import Finished
from deltarule.studies.compare.tuning import Sweep
from deltarule.studies.compare.variants import Variant, varied, vary

__all__ = [
    "Comparing",
    "Comparison",
    "ComparisonProgress",
    "Difference",
    "FailureRates",
    "Finished",
    "Seeds",
    "Summary",
    "Sweep",
    "TrainingCost",
    "Variant",
    "compare",
    "varied",
    "vary",
]


def compare(
    recipes: Mapping[str, Recipe] | Sequence[Recipe | Variant],
    data: Dataset,
    seeds: int | Sequence[int] | None = None,
    *,
    against: Against = None,
    seeds_vary: Sequence[str] = USUAL,
    tune: str | None = None,
    budget: str | float | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[ComparisonProgress], Any] | None = None,
    backend: str | None = None,
    **further: Any,
) -> Comparison:
    """Train a network of each variant with each seed, on all cores, and test the differences of their scores.

    recipes : recipes by name, or the variants that `vary` returns.
    seeds : the number of seeds, starting with that of the first recipe; or the seeds themselves. None takes 10, or as
        many as the number of tests needs.
    against : what to test, as Holm's correction is for these tests: None for all pairs, the name of a variant for each
        other against it, or pairs of names, [("adam", "sgd"), ...].
    seeds_vary : what a seed varies: "start", the initial weights, "order", the order of the samples and dropout's
        masks, "split", the split into training and validation set. For each seed all variants have these in common, as
        far as their shapes allow.
    tune : a field whose value is chosen for each variant on the validation set, by a sweep around its own value:
        "learning_rate".
    budget : a time limit, for example "60s": successive halving gives further seeds to the better half only.
    folder : where each network is written as it ends; a later comparison with the same folder resumes.
    progress : called with a `ComparisonProgress` after each network.
    backend : what trains: "threads" of this process; a joblib backend, for example "loky"; a Dask cluster, by the
        address of its scheduler, "tcp://host:8786". None takes the active joblib backend, or else threads. The results
        are the same to the last bit.
    further : keep_models=True, to keep each model in the folder; record="batch", to record the loss of each batch;
        target_score=0.95, the validation score whose cost is reported; engine, precision, n_threads, as for
        `train_many`.

    The seeds of the recipes themselves are replaced. Each finished network is evaluated on the test set once, for the
    report; tuning, halving and early stopping use the validation set only. Without a validation set one is split off
    the training set. Warns with a SeedsWarning, before training, if no difference can be significant with so few seeds.

    >>> import deltarule as dr
    >>> recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=5)
    >>> comparison = dr.compare(dr.vary(recipe, learning_rate=(0.01, 1e-5)), dr.load_dataset("iris"), seeds=8)
    >>> comparison
    Comparison(2 variants, 16 networks)
    >>> comparison.difference("learning_rate=0.01", "learning_rate=1e-05").significant
    True
    """
    comparing = Comparing(
        recipes, data, seeds, against=against, seeds_vary=seeds_vary, tune=tune, budget=budget, folder=folder,
        backend=backend, **further,
    )  # fmt: skip
    for note in comparing.notes:
        warnings.warn(note, SeedsWarning, stacklevel=2)
    for each in comparing:
        if progress is not None:
            progress(each)
    return comparing.comparison
