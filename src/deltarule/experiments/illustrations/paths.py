"""Five optimizers on a long valley of two numbers, each with its own rate."""

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
    """For each optimizer its steps on x²/20 + y², (31, 2): those of the second founding text where the seed is 0.

    Another seed starts elsewhere: between −8 and −6, and between 1.5 and 2.5.
    """

    name: ClassVar[str] = "optimizers"
    shows: ClassVar[str] = "five optimizers on a long valley, step by step"

    paths: dict[str, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Let each optimizer's own formula step."""
        across, up = uniform(seed, Purpose.WEIGHTS, (1, 2))[0]
        start = PATH_START if seed == 0 else (-8.0 + 2.0 * float(across), 1.5 + float(up))
        return cls(Optimizers().paths(start))

    @property
    def facts(self) -> dict[str, Any]:
        """The value of the function where each ends, and how often y changed its sign on the way."""
        return {
            "end": {name: float(valley(*steps[-1])) for name, steps in self.paths.items()},
            "crossings": {name: int((steps[1:, 1] * steps[:-1, 1] < 0).sum()) for name, steps in self.paths.items()},
        }

    @property
    def sentence(self) -> str:
        """How each moves."""
        crossings = {name.partition(",")[0]: number for name, number in self.facts["crossings"].items()}
        return (
            f"In {len(next(iter(self.paths.values()))) - 1} steps SGD crosses the valley's floor {crossings['SGD']} "
            f"times, from wall to wall. Momentum swings in wide curves and rolls on past the lowest point. AdaGrad and "
            f"RMSProp divide by the size of earlier gradients and turn straight along the floor. Adam does both."
        )

    def picture(self) -> Figure:
        """Each path on the contours, and all in one."""
        start = next(iter(self.paths.values()))[0]
        title = f"30 steps on x²/20 + y² from ({start[0]:.3g}, {start[1]:.3g})".replace("-", "−")
        return optimizer_paths(self.paths, valley, title, columns=2, panel=(3.4, 2.4))
