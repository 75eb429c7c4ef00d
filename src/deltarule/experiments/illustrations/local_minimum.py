"""A local minimum, and how momentum and noise leave it."""

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
    """Return f(w) = ¼ w⁴ − w² + 0.3 w, with minima at 1.33 and, deeper, at −1.48, and a maximum between them at 0.15.

    >>> bool(two_valleys(-1.48) < two_valleys(1.33) < two_valleys(0.15))
    True
    """
    return 0.25 * w**4 - w**2 + 0.3 * w


def slope(w: Any) -> Any:
    """Return ∂f/∂w = w³ − 2w + 0.3."""
    return w**3 - 2.0 * w + 0.3


@dataclass(frozen=True)
class LocalMinimum(Illustration):
    """The points of each method, (steps + 1,), and the last points of many noisy runs, (runs,).

    Normal noise is added to the gradient, as by small batches; the learning rate follows a cosine decay, so that the
    run converges.
    """

    name: ClassVar[str] = "local-minimum"
    shows: ClassVar[str] = "a local minimum, and how momentum and noise leave it"

    paths: dict[str, Floats]
    noisy_ends: Floats

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Follow gradient descent alone, with momentum, and with noise; show the first noisy run that leaves."""
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
        """Return the last point of each, and the number of noisy runs that end in the deeper minimum."""
        return {
            "end": {name: float(path[-1]) for name, path in self.paths.items()},
            "noisy_runs": REPEATS,
            "noisy_runs_in_the_deeper_minimum": int((self.noisy_ends < 0).sum()),
        }

    @property
    def sentence(self) -> str:
        """Describe which methods leave the local minimum."""
        plain, rolled, noisy = self.facts["end"].values()
        deeper = self.facts["noisy_runs_in_the_deeper_minimum"]
        return (
            f"From w = {START:g}, gradient descent converges to the nearer minimum, at {plain:.2f}. Momentum "
            f"{'crosses the ridge' if rolled < 0 else 'returns'} and ends at {rolled:.2f}. With noise it depends on "
            f"chance: {deeper} of {REPEATS} noisy runs end in the deeper minimum; the one shown ends at {noisy:.2f}."
        )

    def picture(self) -> Figure:
        """Draw the function with each path on it, and w over the steps."""
        from deltarule.experiments.figures.descent import valley_steps

        return valley_steps(two_valleys, self.paths)
