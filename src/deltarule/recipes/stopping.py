"""Early stopping: the rule that monitors the validation set and keeps the best weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from deltarule.formulas.metrics import metric
from deltarule.recipes.checks import boolean, fields_of, integer, non_negative
from deltarule.recipes.suggestions import explained

FIGURES = ("loss", "score")
"""What engines themselves monitor; every other name is a metric's."""


@explained
@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation metric has not improved for `patience` epochs, and restore the best epoch.

    monitor : "loss" (smaller is better), "score" (larger is better), or the name of a metric, for example "roc_auc", on
        the validation set; see `Recipe.metrics`.
    patience : epochs without improvement before training stops.
    min_improvement : minimum change that counts as an improvement.
    restore_best : whether the model has the best epoch's weights, even if all epochs ran.

    Prechelt (1998).

    >>> EarlyStopping(patience=5).monitor
    'loss'
    """

    patience: int = 10
    monitor: str = "loss"
    min_improvement: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        hint = "EarlyStopping(patience=10), or stopping=None to run all epochs"
        integer("patience", self.patience, 1, hint)
        monitor = self.monitor.strip().lower() if isinstance(self.monitor, str) else self.monitor
        name = monitor if monitor in FIGURES else metric(self.monitor, "monitor", FIGURES).name
        object.__setattr__(self, "monitor", name)
        boolean("restore_best", self.restore_best)
        object.__setattr__(self, "min_improvement", non_negative("min_improvement", self.min_improvement))

    @property
    def metric(self) -> str | None:
        """The name of the metric that is monitored; None for the loss or the score, which engines monitor."""
        return None if self.monitor in FIGURES else self.monitor

    def to_json(self) -> dict[str, Any]:
        """Return the rule as data."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the rule that `to_json` wrote."""
        return cls(**fields_of(cls, data))


def improves(figure: float, best: float, min_improvement: float, larger_is_better: bool) -> bool:
    """Return whether an epoch's metric is better than the best one so far.

    >>> improves(0.4, 0.5, 0.0, False), improves(0.5, 0.5, 0.0, False)
    (True, False)
    """
    if larger_is_better:
        return figure > best + min_improvement
    return figure < best - min_improvement
