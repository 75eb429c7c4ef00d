"""The method of a comparison in words: what its seeds vary, the use of the sets, and its statistics."""

from __future__ import annotations

from deltarule.studies.compare.comparison_data import ComparisonData
from deltarule.studies.compare.mean_inference import FEWEST
from deltarule.studies.compare.messages import listed
from deltarule.studies.compare.statistics import RESAMPLES


def method_notes(comparison: ComparisonData) -> tuple[str, ...]:
    """Return a paragraph each on the seeds, the sets of the data, the statistics, failures and the test samples."""
    numbers = ", ".join(map(str, comparison.seeds.numbers))
    pairs = "the chosen pairs" if comparison.pairs else "all pairs"
    return (
        (
            f"Each of the seeds ({numbers}) varies {comparison.seeds}. For each seed all variants have these in "
            "common, as far as their shapes allow: equal numbers are drawn for equal places in the network, and the "
            "samples come in the same order."
        ),
        _sets(comparison),
        (
            "p and the 95 % interval are each the more cautious of two methods: the sign-flip test with the interval "
            f"of subset means, and the bootstrap-t ({RESAMPLES:,} resamples or more). With fewer than {FEWEST} seeds "
            "intervals are Student's, and no difference can be significant. What is tested is whether the mean "
            f"difference is 0. Holm's correction is for {pairs} and for the tests of failure rates: where no variants "
            "differ, about 5 % of comparisons or fewer report a significant difference. Intervals are not corrected: "
            "each is of its pair alone."
        ),
        (
            "A network failed if it diverged, or if it is stuck at chance level: an outlier that gains less than a "
            "tenth of the upper quartile of its variant's gains over the best constant prediction. Failed networks "
            "are left out of means, intervals and tests of scores, with their pairs; their rate is tested separately "
            "(McNemar's, exact). In the ranking a diverged network counts as a score of 0, a stuck one with its score. "
            "Wins count a failed network as the lower score."
        ),
        (
            "Intervals are for new seeds: another network trained in the same way. Those with test samples are for new "
            "test samples too: the standard error of the samples' mean scores is added in quadrature."
        ),
    )


def _sets(comparison: ComparisonData) -> str:
    users = {
        "early stopping": any(variant.recipe.stopping is not None for variant in comparison.variants),
        "tuning": bool(comparison.sweeps),
        "halving": comparison.budget is not None,
    }
    names = [name for name, used in users.items() if used]
    evaluated = f"Each network was evaluated on the {comparison.part} set once, when it was finished."
    return f"{evaluated} The validation set was used by {listed(names)}." if names else evaluated
