"""A comparison with its interface: sentences, pictures, files, data, notebooks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from deltarule.figures.displays import Display
from deltarule.markup import card, curves
from deltarule.studies.compare import messages, page, pictures, writing
from deltarule.studies.compare.comparison_data import ComparisonData


class Comparison(ComparisonData):  # noqa: D101 - the fields have the explanation
    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in sentences."""
        return messages.sentences(self)

    def plot(self, kind: str = "scores", ax: Any = None) -> Display:
        """Draw a picture: a display like scikit-learn's, with `.figure_` and `.ax_`.

        kind : "scores", every score with its box; "intervals", means with their intervals; "differences", the best
            variant minus the others, or the chosen pairs; "curves" and "score_curves", loss and score of the
            validation set by epoch, with bands over the seeds; "iterations", the smoothed loss of each batch, which
            needs `record="batch"`; "cost", seconds and score; "heat_map", the score over two fields that vary.
        ax : matplotlib axes to draw on; None makes a figure.
        """
        return pictures.display(self, kind).plot(ax)

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write report.html, result.json and the tables variants.csv, pairs.csv, networks.csv and epochs.csv.

        Raises OutputError if one cannot be written.
        """
        return writing.write(self, Path(folder))

    def to_json(self) -> dict[str, Any]:
        """Return everything but the curves as data; None for numbers that are not finite."""
        return writing.result_of(self)

    def __repr__(self) -> str:
        done = len(self.networks)
        return f"Comparison({len(self.variants)} variants, {done} network{'' if done == 1 else 's'})"

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        """The sentences, the table and each variant's curve, for a notebook."""
        lines = {name: values.tolist() for name, values in pictures.median_losses(self).items()}
        return card("Comparison", repr(self), [], page.fragment(self), curves(lines))
