"""The learning slowdown: a saturated unit under three costs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from deltarule.experiments.figures.slowdown import slowdown_curves
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.reproduce.slowdown import Curve, slowdown
from deltarule.formulas.random import Purpose, uniform

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATE, EPOCHS, TAUGHT = 0.15, 300, 0.3


@dataclass(frozen=True)
class Slowdown(Illustration):
    """One unit, one input of 1, target 0, from a mild start and from a saturated one; Nielsen's where the seed is 0.

    Another seed moves both starts up by less than a half.
    """

    name: ClassVar[str] = "slowdown"
    shows: ClassVar[str] = "the learning slowdown: a saturated unit under three costs"

    curves: list[Curve]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Learn from both starts under each cost."""
        moved = 0.0 if seed == 0 else round(0.5 * float(uniform(seed, Purpose.WEIGHTS, (1, 1))[0, 0]), 2)
        return cls(slowdown((0.6 + moved, 2.0 + moved), (RATE,), EPOCHS))

    @property
    def facts(self) -> dict[str, Any]:
        """For each cost and start the first epoch after which the output is below 0.3; None where there is none."""
        return {
            f"{curve.loss}, start {curve.start:g}": next(
                (epoch for epoch, output in enumerate(curve.outputs) if output < TAUGHT), None
            )
            for curve in self.curves
        }

    @property
    def sentence(self) -> str:
        """How long each takes from the saturated start."""
        start = max(curve.start for curve in self.curves)
        quadratic, cross = (self.facts[f"{loss}, start {start:g}"] for loss in ("quadratic", "cross-entropy"))
        slow = f"needs {quadratic} epochs" if quadratic is not None else f"has not done it after {EPOCHS} epochs"
        return (
            f"From w = b = {start:g} the output is nearly 1 and should be 0. The cross-entropy brings it below "
            f"{TAUGHT:g} in {cross} epochs; the quadratic cost {slow}, because its gradient carries σ′(z), which is "
            f"nearly 0 there. "
            f"Softmax with log-likelihood learns as the cross-entropy does."
        )

    def picture(self) -> Figure:
        """The output against the epoch, from each start."""
        return slowdown_curves([dataclasses.asdict(curve) for curve in self.curves], panel=(3.4, 3.0))
