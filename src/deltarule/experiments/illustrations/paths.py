"""Five optimizers in a long valley, each with its own learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from deltarule.experiments.figures.paths import optimizer_paths
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.reproduce.optimizers import PATH_START, Optimizers, valley
from deltarule.formulas.random import Purpose, uniform
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Paths(Illustration):
    """The steps of each optimizer on x²/20 + y², (31, 2); with seed 0 the published ones.

    With another seed the start is random: x between −8 and −6, y between 1.5 and 2.5.
    """

    name: ClassVar[str] = "optimizers"
    shows: ClassVar[str] = "five optimizers in a long valley, step by step"

    paths: dict[str, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Follow each optimizer from one start."""
        across, up = uniform(seed, Purpose.WEIGHTS, (1, 2))[0]
        start = PATH_START if seed == 0 else (-8.0 + 2.0 * float(across), 1.5 + float(up))
        return cls(Optimizers().paths(start))

    @property
    def facts(self) -> dict[str, Any]:
        """Return the last value of the function, and the number of sign changes of y, for each optimizer."""
        return {
            "end": {name: float(valley(*steps[-1])) for name, steps in self.paths.items()},
            "crossings": {name: int((steps[1:, 1] * steps[:-1, 1] < 0).sum()) for name, steps in self.paths.items()},
        }

    @property
    def sentence(self) -> str:
        """Describe each path."""
        crossings = {name.partition(",")[0]: number for name, number in self.facts["crossings"].items()}
        return (
            f"In {len(next(iter(self.paths.values()))) - 1} steps SGD crosses the axis of the valley "
            f"{crossings['SGD']} times. Momentum moves in wide curves and overshoots the minimum. AdaGrad and RMSProp "
            f"divide by the size of earlier gradients and soon move along the valley. Adam combines both."
        )

    def picture(self) -> Figure:
        """Draw each path on the contours, and all together."""
        start = next(iter(self.paths.values()))[0]
        title = f"30 steps on x²/20 + y² from ({start[0]:.3g}, {start[1]:.3g})".replace("-", "−")
        return optimizer_paths(self.paths, valley, title, columns=2, panel=(3.4, 2.4))
