"""The base class of fair experiments: variants, seeds, tuning, and a comparison as the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import closing
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
"""Name of the folder of the comparison, within that of the result."""


@dataclass(frozen=True)
class FairExperiment(Experiment):
    """Variants with equal initial weights and batches, over several seeds, with a test set that is used once.

    seeds, seed : number of seeds, and the first one. rates : "published" learning rates, or "tuned" on the validation
    set for each variant. claims : conclusion of the text, the variant claimed to be better, and the other one.
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
        """Return the number of networks, without those for tuning."""
        return self.seeds * len(self.variants())

    def repeated(self, number: int) -> Self:
        """Return a copy with the seeds after those of the previous repetitions."""
        return dataclasses.replace(self, seed=self.seed + number * self.seeds)

    def variants(self) -> dict[str, Recipe]:
        """Return the recipes to compare, by name."""
        raise NotImplementedError

    def data(self, given: Given) -> Dataset:
        """Return the data set given, with a validation set split off its training set."""
        return needed(given).with_validation(seed=self.seed)

    def further_tables(self, comparison: Comparison) -> list[TextTable]:
        """Return tables besides the scores: the conclusions of the text, tested."""
        return [claims_table(self.claims, comparison)] if self.claims else []

    def run(self, given: Given) -> FairResult:
        """Compare the variants, reporting progress after each network.

        With a folder, each network is stored in it as it ends, and an interrupted comparison is resumed; its report is
        written also after an interruption.
        """
        folder = None if given.folder is None else given.folder / COMPARISON
        comparing = Comparing(
            {name: recipe.replace(seed=self.seed) for name, recipe in self.variants().items()},
            self.data(given),
            range(self.seed, self.seed + self.seeds),
            against=[(better, other) for _, better, other in self.claims] or None,
            seeds_vary=self.seeds_vary,
            tune="learning_rate" if self.rates == "tuned" else None,
            record=self.record,
            engine=given.engine,
            folder=folder,
        )
        try:
            with closing(iter(comparing)) as networks:
                for each in networks:
                    given.networks(each.done, each.total, f"{each.stage}: {each.done:,} of {each.total:,} networks")
        except KeyboardInterrupt:
            if folder is not None:
                comparing.comparison.write(folder)
            raise
        comparison = comparing.comparison
        return FairResult(comparison, self.further_tables(comparison), self.pictures)


@dataclass(frozen=True)
class FairResult(Result):
    """A comparison, and further tables of its experiment."""

    comparison: Comparison
    further: list[TextTable] = field(default_factory=list)
    pictures: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the comparison and the further tables as plain data."""
        tables = [{"title": each.title, "columns": each.columns, "rows": each.rows} for each in self.further]
        return {**self.comparison.to_json(), "tables": tables}

    def tables(self) -> list[TextTable]:
        """Return tables of the scores, the further tables, and the findings."""
        return [self._scores(), *self.further, self._said()]

    def headline(self) -> dict[str, float]:
        """Return the mean score of each variant."""
        return {f"{name}: mean score": each.mean for name, each in self.comparison.summaries.items()}

    def write(self, folder: Path) -> list[Path]:
        """Write the pictures, and the comparison in a separate folder."""
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
        columns = ("", "rate", "mean", "standard deviation", "95 % interval", "range")
        note = f"{seeds} seeds, equal initial weights and batches for all variants. The interval is that of the mean."
        unit = " (%)" if percent else ""
        return TextTable(f"{comparison.score_name} on the {comparison.part} set{unit}", columns, rows, note)

    def _said(self) -> TextTable:
        rows = tuple(("•", sentence) for sentence in self.comparison.sentences)
        return TextTable("Findings over the seeds", ("", ""), rows)


def claims_table(claims: Sequence[tuple[str, str, str]], comparison: Comparison) -> TextTable:
    """Return a table of the difference of the two variants of each claim, and whether it is significant."""
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
    return TextTable("Conclusions of the text", columns, tuple(rows), note)


def median_and_range(values: Sequence[float]) -> str:
    """Return the median and the range of some values as text.

    >>> median_and_range([3, 9, 5, 6])
    '5.5 (3 to 9)'
    """
    return f"{np.median(values):g} ({min(values):g} to {max(values):g})"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _number(number: float) -> str:
    return f"{number:.4f}"
