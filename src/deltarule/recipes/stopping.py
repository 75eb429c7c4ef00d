"""Early stopping: the rule that monitors the validation set and keeps the best weights."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Self

from deltarule.formulas.metrics import metric
from deltarule.recipes.checks import boolean, fields_of, integer, later_fields, non_negative, one_of
from deltarule.recipes.suggestions import explained

FIGURES = ("loss", "score")
"""What engines themselves monitor; every other name is a metric's."""


@explained
@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation metric has not improved for `patience` epochs, and restore the best epoch.

    monitor : "loss" (smaller is better), "score" (larger is better), or the name of a metric, for example "roc_auc", on
        the validation set; see `Recipe.metrics`.
    patience : epochs without improvement before training stops; None never stops it, and restores the best epoch.
    min_improvement : minimum change that counts as an improvement.
    restore_best : whether the model has the best epoch's weights, even if all epochs ran.
    ties : "first" or "last": which of several equally good epochs is the best one.

    Prechelt (1998).

    >>> EarlyStopping(patience=5).monitor
    'loss'
    """

    patience: int | None = 10
    monitor: str = "loss"
    min_improvement: float = 0.0
    restore_best: bool = True
    ties: str = "first"

    def __post_init__(self) -> None:
        hint = "EarlyStopping(patience=10), or stopping=None to run all epochs"
        if self.patience == math.inf:
            object.__setattr__(self, "patience", None)
        if self.patience is not None:
            integer("patience", self.patience, 1, hint)
        monitor = str(self.monitor).strip().lower()
        name = monitor if monitor in FIGURES else metric(self.monitor, "monitor", FIGURES).name
        object.__setattr__(self, "monitor", name)
        boolean("restore_best", self.restore_best)
        object.__setattr__(self, "ties", one_of("ties", self.ties, ("first", "last")))
        object.__setattr__(self, "min_improvement", non_negative("min_improvement", self.min_improvement))

    @property
    def metric(self) -> str | None:
        """The name of the metric that is monitored; None for the loss or the score, which engines monitor."""
        return None if self.monitor in FIGURES else self.monitor

    def to_json(self, *, all_fields: bool = False) -> dict[str, Any]:
        """Return the rule as data.

        all_fields : whether to include fields that files of earlier versions lack and that have their defaults.
        """
        data = dataclasses.asdict(self)
        return data if all_fields else later_fields(data, {"ties": "first"}, ["ties"])

    def better(self, figure: float, best: float, larger_is_better: bool) -> bool:
        """Return whether an epoch's metric makes it the best one so far.

        >>> EarlyStopping(ties="last").better(0.5, 0.5, False), EarlyStopping().better(0.5, 0.5, False)
        (True, False)
        """
        tie = self.ties == "last" and figure == best
        return tie or improves(figure, best, self.min_improvement, larger_is_better)

    def exhausted(self, epoch: int, best_epoch: int) -> bool:
        """Return whether training stops after an epoch, the best one so far being `best_epoch`."""
        return self.patience is not None and epoch - best_epoch >= self.patience

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
