"""What the experiments share as they should be: variants, seeds, tuning, and a comparison for a result."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.experiments.reproduce.experiment import Experiment, Given, Result, chosen, needed
from deltarule.figures.style import save
from deltarule.recipes import Recipe
from deltarule.studies.compare import Comparing, Comparison
from deltarule.studies.compare.seeds import USUAL
from deltarule.studies.text_table import TextTable

RATES = ("published", "tuned")

COMPARISON = "comparison"
"""The folder of the whole comparison, in that of the result."""


@dataclass(frozen=True)
class FairExperiment(Experiment):
    """Variants from the same starts on the same batches, over several seeds, the test part met once.

    seeds, seed : how many seeds, and the first. rates : "published" learning rates, or "tuned" ones: for each variant
    the one that does best on the validation part. claims : what a text concludes, the variant that should be better,
    and the one that it should be better than.
    """

    seeds_vary: ClassVar[tuple[str, ...]] = USUAL
    pictures: ClassVar[tuple[str, ...]] = ("scores", "curves")
    record: ClassVar[str | None] = None
    claims: ClassVar[tuple[tuple[str, str, str], ...]] = ()

    seeds: int = 10
    seed: int = 0
    rates: str = "published"

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen("rates", (self.rates,), RATES)

    @property
    def steps(self) -> int:
        """Networks, those that tune left out."""
        return self.seeds * len(self.variants())

    def repeated(self, number: int) -> Self:
        """The seeds that come after those of the repetitions before."""
        return dataclasses.replace(self, seed=self.seed + number * self.seeds)

    def variants(self) -> dict[str, Recipe]:
        """What is compared, by name."""
        raise NotImplementedError

    def data(self, given: Given) -> Dataset:
        """What it is compared on: the set that was given, with a validation part from its training part."""
        return needed(given).with_validation(seed=self.seed)

    def further_tables(self, comparison: Comparison) -> list[TextTable]:
        """What this experiment says beside the scores: what has become of the text's conclusions."""
        return [claims_table(self.claims, comparison)] if self.claims else []

    def run(self, given: Given) -> FairResult:
        """Compare, telling the progress after each network."""
        comparing = Comparing(
            {name: recipe.replace(seed=self.seed) for name, recipe in self.variants().items()},
            self.data(given),
            range(self.seed, self.seed + self.seeds),
            against=[(better, other) for _, better, other in self.claims] or None,
            seeds_vary=self.seeds_vary,
            tune="learning_rate" if self.rates == "tuned" else None,
            record=self.record,
            engine=given.engine,
        )
        for progress in comparing:
            given.progress(progress.stage == "comparing", f"{progress.stage}: {progress.network.variant}")
        comparison = comparing.comparison
        return FairResult(comparison, self.further_tables(comparison), self.pictures)


@dataclass(frozen=True)
class FairResult(Result):
    """A comparison, and what else its experiment makes of it."""

    comparison: Comparison
    further: list[TextTable] = field(default_factory=list)
    pictures: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """The comparison as data, and the further tables as they stand."""
        tables = [{"title": each.title, "columns": each.columns, "rows": each.rows} for each in self.further]
        return {**self.comparison.to_json(), "tables": tables}

    def tables(self) -> list[TextTable]:
        """The scores, what they say, and what is further said."""
        return [self._scores(), *self.further, self._said()]

    def headline(self) -> dict[str, float]:
        """The mean score of each variant."""
        return {f"{name}: mean score": each.mean for name, each in self.comparison.summaries.items()}

    def write(self, folder: Path) -> list[Path]:
        """The whole comparison in a folder of its own, its report first; and its pictures."""
        written = self.comparison.write(folder / COMPARISON)
        drawn = [save(self.comparison.plot(kind).figure_, folder / f"{kind}.png") for kind in self.pictures]
        return [*drawn, *written]

    def _scores(self) -> TextTable:
        comparison = self.comparison
        percent = comparison.task == "classification"
        show = _percent if percent else _number
        rates = {variant.name: variant.recipe.optimizer.learning_rate for variant in comparison.variants}
        rows = tuple(
            (
                name, f"{rates[name]:.3g}", show(each.mean), show(each.deviation),
                f"{show(each.low)} to {show(each.high)}", f"{show(each.smallest)} to {show(each.largest)}",
            )
            for name in comparison.ranked
            for each in [comparison.summaries[name]]
        )  # fmt: skip
        seeds = len(comparison.seeds.numbers)
        columns = ("", "rate", "mean", "deviation", "95 % interval", "range")
        note = f"{seeds} seeds each, from the same starts on the same batches. The interval is that of the mean."
        unit = " (%)" if percent else ""
        return TextTable(f"{comparison.score_name} on the {comparison.part} part{unit}", columns, rows, note)

    def _said(self) -> TextTable:
        rows = tuple(("•", sentence) for sentence in self.comparison.sentences)
        return TextTable("What holds over the seeds", ("", ""), rows)


def claims_table(claims: Sequence[tuple[str, str, str]], comparison: Comparison) -> TextTable:
    """For each claim the difference of its two variants, and whether it is seen."""
    percent = comparison.task == "classification"
    scale, show = (100, "{:+.2f}".format) if percent else (1, "{:+.4f}".format)
    rows = []
    for claim, better, other in claims:
        found = comparison.difference(better, other)
        said = "not significant" if not found.significant else "holds" if found.mean > 0 else "the opposite holds"
        interval = f"{show(scale * found.low)} to {show(scale * found.high)}"
        rows.append((claim, show(scale * found.mean), interval, f"{found.adjusted:.2g}", said))
    unit = " (points)" if percent else ""
    columns = ("", f"difference{unit}", "95 % interval", "p", "")
    note = "p is corrected (Holm) for the claims of this table; a difference is significant where it is at most 0.05."
    return TextTable("What the text concludes", columns, tuple(rows), note)


def spread_words(values: Sequence[float]) -> str:
    """The median of some values, and their range, in words.

    >>> spread_words([3, 9, 5, 6])
    '5.5 (3 to 9)'
    """
    return f"{np.median(values):g} ({min(values):g} to {max(values):g})"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _number(number: float) -> str:
    return f"{number:.4f}"
