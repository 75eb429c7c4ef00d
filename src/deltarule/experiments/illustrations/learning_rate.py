"""Gradient descent on a bowl: too small a learning rate, a good one, and two that are too large."""

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
    """The bowl f(w) = ½ w²; its gradient is w, its curvature 1.

    >>> bowl(4.0)
    8.0
    """
    return 0.5 * w**2


@dataclass(frozen=True)
class LearningRate(Illustration):
    """For each rate the places of its steps: (steps + 1,). The start is between 3 and 4, where the seed says.

    On a bowl of curvature c a step multiplies the distance by 1 − η c, so descent converges where 0 < η < 2 / c.
    """

    name: ClassVar[str] = "learning-rate"
    shows: ClassVar[str] = "a learning rate too small, good, and too large, on a bowl"

    paths: dict[float, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Descend at each rate from the same start."""
        start = 3.0 + float(uniform(seed, Purpose.WEIGHTS, (1, 1))[0, 0])
        return cls({rate: steps_of(SGD(rate), lambda w: w, start, STEPS) for rate in RATES})

    @property
    def facts(self) -> dict[str, Any]:
        """The start, and where each rate ends."""
        start = float(next(iter(self.paths.values()))[0])
        return {"start": start, "steps": STEPS, "end": {f"{rate:g}": float(w[-1]) for rate, w in self.paths.items()}}

    @property
    def sentence(self) -> str:
        """What each rate does."""
        small, good, large, too_large = (abs(float(w[-1])) for w in self.paths.values())
        start = self.facts["start"]
        return (
            f"From w = {start:.2f} on the bowl ½ w², after {STEPS} steps: η = 0.05 has crept to |w| = {small:.2f}, "
            f"η = 0.5 has arrived ({good:.4f}), η = 1.9 leaps from wall to wall and closes in slowly ({large:.2f}), "
            f"and η = 2.1 leaps farther each time ({too_large:.1f}). The border is at 2 divided by the curvature: "
            f"here 2."
        )

    def picture(self) -> Figure:
        """A bowl for each rate, and the loss against the step."""
        from deltarule.experiments.figures.descent import bowl_steps

        return bowl_steps(bowl, self.paths, RATES)
