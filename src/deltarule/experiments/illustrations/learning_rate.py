"""Gradient descent on a parabola, with learning rates that are too small, good, large and too large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from deltarule.experiments.descent import steps_of
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import SGD
from deltarule.formulas.random import Purpose, uniform
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATES = {0.05: "Too small", 0.5: "Good", 1.9: "Large: it overshoots", 2.1: "Too large: it diverges"}
STEPS = 15


def bowl(w: Any) -> Any:
    """Return f(w) = ½ w², a parabola with gradient w and curvature 1.

    >>> bowl(4.0)
    8.0
    """
    return 0.5 * w**2


@dataclass(frozen=True)
class LearningRate(Illustration):
    """The points of each learning rate, (steps + 1,). The start is random, between 3 and 4.

    On a parabola of curvature c, a step multiplies w by 1 − η c, so gradient descent converges for 0 < η < 2 / c.
    """

    name: ClassVar[str] = "learning-rate"
    shows: ClassVar[str] = "a learning rate too small, good, and too large, on a parabola"

    paths: dict[float, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Follow gradient descent with each learning rate from one start."""
        start = 3.0 + float(uniform(seed, Purpose.WEIGHTS, (1, 1))[0, 0])
        return cls({rate: steps_of(SGD(rate), lambda w: w, start, STEPS) for rate in RATES})

    @property
    def facts(self) -> dict[str, Any]:
        """Return the start, and the last point of each learning rate."""
        start = float(next(iter(self.paths.values()))[0])
        return {"start": start, "steps": STEPS, "end": {f"{rate:g}": float(w[-1]) for rate, w in self.paths.items()}}

    @property
    def sentence(self) -> str:
        """Describe each learning rate."""
        small, good, large, too_large = (abs(float(w[-1])) for w in self.paths.values())
        start = self.facts["start"]
        return (
            f"From w = {start:.2f} on ½ w², after {STEPS} steps: η = 0.05 is slow (|w| = {small:.2f}), η = 0.5 has "
            f"converged ({good:.4f}), η = 1.9 changes sides at every step and converges slowly ({large:.2f}), and "
            f"η = 2.1 diverges ({too_large:.1f}). Gradient descent converges for rates below 2 divided by the "
            f"curvature: here 2."
        )

    def picture(self) -> Figure:
        """Draw the steps of each learning rate, and the loss over the steps."""
        from deltarule.experiments.figures.descent import bowl_steps

        return bowl_steps(bowl, self.paths, RATES)
