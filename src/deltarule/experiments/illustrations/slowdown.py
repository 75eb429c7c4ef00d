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
    """One unit with input 1 and target 0, from an unsaturated and a saturated start; Nielsen's values with seed 0.

    With another seed, a random number below ½ is added to both.
    """

    name: ClassVar[str] = "slowdown"
    shows: ClassVar[str] = "the learning slowdown: a saturated unit under three costs"

    curves: list[Curve]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train from both starts with each cost."""
        moved = 0.0 if seed == 0 else round(0.5 * float(uniform(seed, Purpose.WEIGHTS, (1, 1))[0, 0]), 2)
        return cls(slowdown((0.6 + moved, 2.0 + moved), (RATE,), EPOCHS))

    @property
    def facts(self) -> dict[str, Any]:
        """Return the first epoch with an output below 0.3 for each cost and start, or None."""
        return {
            f"{curve.loss}, start {curve.start:g}": next(
                (epoch for epoch, output in enumerate(curve.outputs) if output < TAUGHT), None
            )
            for curve in self.curves
        }

    @property
    def sentence(self) -> str:
        """Compare the costs from the saturated start."""
        start = max(curve.start for curve in self.curves)
        quadratic, cross = (self.facts[f"{loss}, start {start:g}"] for loss in ("quadratic", "cross-entropy"))
        slow = f"needs {quadratic} epochs" if quadratic is not None else f"does not reach it in {EPOCHS} epochs"
        return (
            f"From w = b = {start:g} the output is close to 1; the target is 0. With the cross-entropy it is below "
            f"{TAUGHT:g} after {cross} epochs; the quadratic cost {slow}, because its gradient has the factor σ′(z), "
            f"which is close to 0 there. Softmax with log-likelihood learns like the cross-entropy."
        )

    def picture(self) -> Figure:
        """Draw the output over the epochs, from each start."""
        return slowdown_curves([dataclasses.asdict(curve) for curve in self.curves], panel=(3.4, 3.0))
