"""Compare: which variant is better, by how much, and whether that is luck."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deltarule.data import Dataset
from deltarule.recipes import Recipe
from deltarule.studies.compare.comparison import Comparison
from deltarule.studies.compare.comparison_data import TrainingCost
from deltarule.studies.compare.running import Comparing, ComparisonProgress
from deltarule.studies.compare.seeds import USUAL, Seeds
from deltarule.studies.compare.statistics import Difference, Summary
from deltarule.studies.compare.trial import Finished
from deltarule.studies.compare.tuning import Sweep
from deltarule.studies.compare.variants import Variant, varied, vary

__all__ = [
    "Comparing",
    "Comparison",
    "ComparisonProgress",
    "Difference",
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
    seeds: int | Sequence[int] = 10,
    *,
    seeds_vary: Sequence[str] = USUAL,
    tune: str | None = None,
    budget: str | float | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[ComparisonProgress], Any] | None = None,
    backend: str | None = None,
    **further: Any,
) -> Comparison:
    """Train a network of each variant with each seed, on all cores, and say which variant is better, and how surely.

    recipes : recipes by name; or what `vary` makes, the product of all that varies.
    seeds : how many, the first one being that of the first recipe; or the seeds themselves.
    seeds_vary : what a seed varies: "start", the first weights, "order", the order of the samples and dropout's masks,
        "split", which samples validate. All variants share these seed by seed, as far as their shapes allow.
    tune : a field whose value is chosen for each variant on the validation part, by a sweep around the variant's own:
        "learning_rate".
    budget : a time such as "60s": successive halving gives further seeds to the better half of the variants only.
    folder : where each network is written as it ends; a later comparison with the same folder goes on from there.
    progress : called with a record after each network.
    backend : who trains: "threads" of this process; a joblib backend, such as "loky"; a Dask cluster, by the address of
        its scheduler, "tcp://host:8786". None takes the joblib backend that is active, or else threads. The figures
        are the same to the last bit.
    further : keep_models=True, to keep each model in the folder; record="batch", to keep each batch's loss;
        target_score=0.95, the validation score whose cost is asked for; engine, precision, n_threads, as for
        `train_many`.

    The seeds of the recipes themselves are replaced. Each finished network meets the test part once, for the report;
    tuning, halving and early stopping see the validation part alone. Without a validation part one is taken from the
    training part.

    >>> import deltarule as dr
    >>> recipe = dr.Recipe(network=dr.Network(hidden=(8,)), epochs=5)
    >>> comparison = dr.compare(dr.vary(recipe, learning_rate=(0.01, 1e-5)), dr.load_dataset("iris"), seeds=8)
    >>> comparison
    Comparison(2 variants, 16 networks)
    >>> comparison.difference("learning_rate=0.01", "learning_rate=1e-05").seen
    True
    """
    under_way = Comparing(
        recipes, data, seeds, seeds_vary=seeds_vary, tune=tune, budget=budget, folder=folder, backend=backend, **further
    )
    for each in under_way:
        if progress is not None:
            progress(each)
    return under_way.comparison
