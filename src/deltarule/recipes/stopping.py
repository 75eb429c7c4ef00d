"""Early stopping: the rule that monitors the validation set and keeps the best weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from deltarule.recipes.checks import boolean, fields_of, integer, non_negative, one_of
from deltarule.recipes.suggestions import explained


@explained
@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation metric has not improved for `patience` epochs, and restore the best epoch.

    monitor : "loss" (smaller is better) or "score" (larger is better), on the validation set.
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
        object.__setattr__(self, "monitor", one_of("monitor", self.monitor, ("loss", "score")))
        boolean("restore_best", self.restore_best)
        object.__setattr__(self, "min_improvement", non_negative("min_improvement", self.min_improvement))

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
