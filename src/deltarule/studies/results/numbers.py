"""Results of a regression: residuals and worst predictions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from deltarule.data import Part
from deltarule.figures.style import LIGHT, Theme, plain
from deltarule.formulas.metrics import Predictions
from deltarule.studies.text_table import TextTable
from deltarule.training.metrics import RegressionMetrics, as_data, as_text
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class WorstNumber:
    """A prediction far from its target.

    row : of the sample in the set, from 0. target : its name.
    """

    row: int
    target: str
    true: float
    predicted: float
    residual: float


@dataclass(frozen=True, eq=False, repr=False)
class RegressionResults:
    """Results of a regression on a set of samples.

    names : of the targets.
    predictions : true and predicted numbers (n, k), in the targets' units.
    part : the samples. set_name : of the set, for titles.
    """

    names: tuple[str, ...]
    predictions: Predictions
    part: Part
    set_name: str = ""

    @cached_property
    def metrics(self) -> RegressionMetrics:
        """RMSE, MAE and R², pooled over the targets."""
        return RegressionMetrics.of(self.predictions)

    @property
    def residuals(self) -> Floats:
        """True minus predicted numbers (n, k)."""
        return self.predictions.true - self.predictions.predicted

    def worst(self, most: int = 24) -> list[WorstNumber]:
        """Return the predictions with the largest residuals, in units of each target's RMSE, the worst first."""
        residuals = self.residuals
        scale = np.sqrt(np.mean(residuals**2, axis=0))
        relative = np.abs(residuals) / np.where(scale > 0, scale, 1.0)
        places = np.argsort(-relative, axis=None, kind="stable")[:most]
        true, predicted = self.predictions.true, self.predictions.predicted
        return [
            WorstNumber(int(i), self.names[j], float(true[i, j]), float(predicted[i, j]), float(residuals[i, j]))
            for i, j in zip(*np.unravel_index(places, residuals.shape), strict=True)
        ]

    def quantiles(self) -> dict[str, dict[float, float]]:
        """Return the quantiles of the residuals of each target: smallest, 5, 25, 50, 75, 95 %, largest."""
        found = np.quantile(self.residuals, _QUANTILES, axis=0).T.tolist()
        return {name: dict(zip(_QUANTILES, row, strict=True)) for name, row in zip(self.names, found, strict=True)}

    def pictures(self, theme: Theme = LIGHT) -> dict[str, Figure]:
        """Draw the results: "predicted" over true numbers, and "residuals" over predicted ones."""
        from deltarule.figures import samples
        from deltarule.figures.result_displays import ResidualsDisplay

        true, predicted, names = self.predictions.true, self.predictions.predicted, [plain(each) for each in self.names]
        residuals = ResidualsDisplay(predicted[:, 0], self.residuals[:, 0], names[0])
        return {
            "predicted": samples.predicted_against_true(true, predicted, names=names),
            "residuals": residuals.plot(theme=theme).figure_,
        }

    def __str__(self) -> str:
        rows = tuple((plain(name), *map(as_text, each.values())) for name, each in self.quantiles().items())
        heads = ("residuals of", *(f"{100 * q:g} %" for q in _QUANTILES))
        worst = "; ".join(f"row {w.row}: {as_text(w.predicted)} for {as_text(w.true)}" for w in self.worst(3))
        m = self.metrics
        fit = f"RMSE {as_text(m.rmse)}, MAE {as_text(m.mae)}, R² {as_text(m.r2)}."
        return f"{TextTable(self.set_name, heads, rows)}\n{fit} Worst: {worst}."

    def to_json(self) -> dict[str, Any]:
        """Return the metrics, the quantiles of the residuals and the worst predictions as data; NaN becomes None."""
        quantiles = {name: {f"{q:g}": value for q, value in each.items()} for name, each in self.quantiles().items()}
        found: dict[str, Any] = as_data({"metrics": self.metrics, "residuals": quantiles, "worst": self.worst()})
        return found
