"""When to stop: the rule that watches the validation part and keeps the best weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from deltarule.recipes.checks import fields_of, non_negative, one_of, truth, whole


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the validation part has not improved for `patience` epochs, and go back to the best epoch.

    monitor : "loss" (smaller is better) or "score" (larger is better), of the validation part.
    patience : epochs without improvement before training stops.
    min_improvement : how much better an epoch must be to count.
    restore_best : whether the model takes the best epoch's weights, also where training ran to its end.

    Prechelt (1998).

    >>> EarlyStopping(patience=5).monitor
    'loss'
    """

    patience: int = 10
    monitor: str = "loss"
    min_improvement: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        whole("patience", self.patience, 1, "EarlyStopping(patience=10)")
        one_of("monitor", self.monitor, ("loss", "score"))
        truth("restore_best", self.restore_best)
        object.__setattr__(self, "min_improvement", non_negative("min_improvement", self.min_improvement))

    def to_json(self) -> dict[str, Any]:
        """The rule as data."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The rule that `to_json` wrote."""
        return cls(**fields_of(cls, data))


def improves(figure: float, best: float, min_improvement: float, larger_is_better: bool) -> bool:
    """Whether an epoch's figure beats the best one so far.

    >>> improves(0.4, 0.5, 0.0, False), improves(0.5, 0.5, 0.0, False)
    (True, False)
    """
    if larger_is_better:
        return figure > best + min_improvement
    return figure < best - min_improvement
