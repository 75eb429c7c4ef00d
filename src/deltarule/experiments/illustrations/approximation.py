"""Universal approximation, tried: one hidden layer of growing width, within and beyond the training interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import Adam, CosineDecay
from deltarule.recipes import Network, Recipe
from deltarule.training import train
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS, SAMPLES, EPOCHS, LIMIT, BEYOND = (2, 8, 32, 128), 200, 10_000, 1.0, 1.5


def target(x: Any) -> Any:
    """Return sin 6x + ½ cos 15x, the function to approximate.

    >>> float(target(0.0))
    0.5
    """
    return np.sin(6.0 * x) + 0.5 * np.cos(15.0 * x)


@dataclass(frozen=True)
class Approximation(Illustration):
    """Networks 1-n-1 with tanh units, trained on 200 points of a function on [−1, 1] without noise.

    x : positions from −1.5 to 1.5, (points,). outputs : of each width, (points,).
    """

    name: ClassVar[str] = "approximation"
    shows: ClassVar[str] = "universal approximation: one hidden layer of growing width"

    x: Floats
    outputs: dict[int, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train each width on the same points."""
        points = np.linspace(-LIMIT, LIMIT, SAMPLES)
        data = Dataset(train=(points[:, None], target(points)))
        x = np.linspace(-BEYOND, BEYOND, 601)
        outputs = {}
        for width in WIDTHS:
            recipe = Recipe(
                network=Network(hidden=(width,), activation="tanh"),
                optimizer=Adam(0.01),
                schedule=CosineDecay(),
                batch_size=SAMPLES,
                epochs=EPOCHS,
                stopping=None,
                task="regression",
                seed=seed,
            )
            outputs[width] = np.asarray(train(recipe, data).model.predict(x[:, None]), np.float64).ravel()
        return cls(x, outputs)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the largest error of each width within the training interval and beyond it."""
        inside = np.abs(self.x) <= LIMIT
        errors = {str(width): np.abs(output - target(self.x)) for width, output in self.outputs.items()}
        return {
            "largest_error": {width: float(error[inside].max()) for width, error in errors.items()},
            "largest_error_beyond": {width: float(error[~inside].max()) for width, error in errors.items()},
        }

    @property
    def sentence(self) -> str:
        """Describe the errors within and beyond the training interval."""
        inside, beyond = self.facts["largest_error"], self.facts["largest_error_beyond"]
        widths = ", ".join(f"{inside[str(width)]:.2g} with {width}" for width in WIDTHS)
        best = min(inside, key=lambda width: inside[width])
        return (
            f"The largest error on [−1, 1] is {widths} hidden units. The theorem says that some width suffices there, "
            f"but not which one, nor that training finds the weights, and nothing about other inputs: beyond the "
            f"interval the error with {best} units is up to {beyond[best]:.1f}."
        )

    def picture(self) -> Figure:
        """Draw the function and the output of each width."""
        from deltarule.experiments.figures.approximation import approximations

        return approximations(self.x, target(self.x), self.outputs, LIMIT)
