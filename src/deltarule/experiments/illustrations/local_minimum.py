"""A local minimum: where plain descent stays, and how momentum and noise leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.experiments.descent import steps_of
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import SGD, CosineDecay, Momentum
from deltarule.formulas.random import Purpose, normal
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

START, STEPS, RATE, NOISE, MOMENTUM, REPEATS = 2.1, 200, 0.05, 7.0, 0.9, 200


def two_valleys(w: Any) -> Any:
    """f(w) = ¼ w⁴ − w² + 0.3 w: a valley at w = 1.33, a deeper one at −1.48, and a ridge between them at 0.15.

    >>> bool(two_valleys(-1.48) < two_valleys(1.33) < two_valleys(0.15))
    True
    """
    return 0.25 * w**4 - w**2 + 0.3 * w


def slope(w: Any) -> Any:
    """∂f/∂w = w³ − 2w + 0.3."""
    return w**3 - 2.0 * w + 0.3


@dataclass(frozen=True)
class LocalMinimum(Illustration):
    """For each way the places of its steps, (steps + 1,); and where many noisy runs ended, (runs,).

    Noise is normal, added to the gradient as a batch of few samples would; the rate falls along a cosine, so that the
    run comes to rest.
    """

    name: ClassVar[str] = "local-minimum"
    shows: ClassVar[str] = "a local minimum, and how momentum and noise leave it"

    paths: dict[str, Floats]
    noisy_ends: Floats

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Descend plainly, with momentum, and with noise; noise many times, of which the first that left is shown."""
        drawn = iter(NOISE * normal(seed, Purpose.NOISE, (STEPS, REPEATS)))
        noisy = steps_of(SGD(RATE), lambda w: slope(w) + next(drawn), np.full(REPEATS, START), STEPS, CosineDecay())
        first = int(np.argmax(noisy[-1] < 0))
        paths = {
            "Gradient descent": steps_of(SGD(RATE), slope, START, STEPS),
            f"Momentum {MOMENTUM:g}": steps_of(Momentum(RATE, MOMENTUM), slope, START, STEPS),
            "Noisy gradients": noisy[:, first],
        }
        return cls(paths, noisy[-1])

    @property
    def facts(self) -> dict[str, Any]:
        """Where each ends, and how many noisy runs ended in the deeper valley."""
        return {
            "end": {name: float(path[-1]) for name, path in self.paths.items()},
            "noisy_runs": REPEATS,
            "noisy_runs_in_the_deeper_valley": int((self.noisy_ends < 0).sum()),
        }

    @property
    def sentence(self) -> str:
        """Who stays and who leaves."""
        plain, rolled, noisy = self.facts["end"].values()
        deeper = self.facts["noisy_runs_in_the_deeper_valley"]
        return (
            f"From w = {START:g}, plain descent comes to rest in the nearer valley, at {plain:.2f}. Momentum rolls "
            f"{'over the ridge and ends' if rolled < 0 else 'back and ends'} at {rolled:.2f}. Noise is luck: {deeper} "
            f"of {REPEATS} noisy runs end in the deeper valley; the one shown ends at {noisy:.2f}."
        )

    def picture(self) -> Figure:
        """The curve with each path on it, and the place against the step."""
        from deltarule.experiments.figures.descent import valley_steps

        return valley_steps(two_valleys, self.paths)
