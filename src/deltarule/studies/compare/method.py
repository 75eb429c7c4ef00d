"""How a comparison was made, in plain words: what its seeds vary, who saw which part, and how sure its figures are."""

from __future__ import annotations

from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.statistics import ENOUGH_TO_RESAMPLE, RESAMPLES
from deltarule.studies.compare.words import listed


def method(comparison: ComparisonData) -> tuple[str, ...]:
    """A paragraph for each: the seeds, the parts of the data, the statistics, and what they do not speak of."""
    numbers = ", ".join(map(str, comparison.seeds.numbers))
    return (
        (
            f"Each of the seeds ({numbers}) varies {comparison.seeds}. Seed by seed all variants share these, as far "
            "as their shapes allow: equal numbers are drawn for equal places in the network, and the samples come in "
            "the same order."
        ),
        _parts(comparison),
        (
            f"Intervals of 95 % are bootstrapped (BCa, {RESAMPLES:,} resamples), at a level that makes up for few "
            f"seeds; of fewer than {ENOUGH_TO_RESAMPLE} they are Student's. The test is a paired permutation test that "
            "turns signs, with Holm's correction for all pairs: where no variants differ, a difference is announced in "
            "at most 5 % of comparisons. Intervals are of each pair by itself."
        ),
        (
            "All this speaks of seeds: of another network trained in the same way. How well the test part stands for "
            "samples yet to come is another question."
        ),
    )


def _parts(comparison: ComparisonData) -> str:
    watched = {
        "early stopping": any(variant.recipe.stopping is not None for variant in comparison.variants),
        "tuning": bool(comparison.sweeps),
        "halving": comparison.budget is not None,
    }
    judges = [name for name, there in watched.items() if there]
    met = f"Each network met the {comparison.part} part once, when it was finished."
    return f"{met} The validation part is what {listed(judges)} saw." if judges else met
