"""Gradient descent in batch, mini-batch and stochastic form, on the surface of one linear neuron's loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import SGD
from deltarule.formulas.random import Purpose, normal, permutation, uniform
from deltarule.recipes import Network, Recipe
from deltarule.training import epochs
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES, EPOCHS, RATE, START = 64, 12, 0.15, (-1.0, 2.6)
SIZES = {"Batch": SAMPLES, "Mini-batch": 8, "Stochastic": 1}


@dataclass(frozen=True)
class Batches(Illustration):
    """One neuron a = w x + b on 64 points of y = 2x + 1 with noise, under the half squared error.

    x, y : (64,). paths : for each form w and b before the first step and after each: (steps + 1, 2).
    lowest : w and b of the minimum, (2,).
    """

    name: ClassVar[str] = "batches"
    shows: ClassVar[str] = "gradient descent in batch, mini-batch and stochastic form, on one surface"

    x: Floats
    y: Floats
    paths: dict[str, Floats]
    lowest: Floats

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the same neuron from the same initial weights, with batches of 64, 8 and 1 samples."""
        x = 2.0 * uniform(seed, Purpose.NOISE, (1, SAMPLES))[0] - 1.0
        y = 2.0 * x + 1.0 + 0.5 * normal(seed, Purpose.NOISE, (1, SAMPLES), layer=1)[0]
        lowest = np.polyfit(x, y, 1)
        return cls(x, y, {name: _path(x, y, size, seed) for name, size in SIZES.items()}, lowest)

    def loss(self, w: Any, b: Any) -> Any:
        """Return the mean loss over all points, for w and b of one shape."""
        a = np.multiply.outer(w, self.x) + np.asarray(b)[..., None]
        return 0.5 * np.mean((a - self.y) ** 2, axis=-1)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the steps of each form, and its mean loss over the last epoch minus the minimum."""
        bottom = float(self.loss(*self.lowest))
        excess = {
            name: float(self.loss(*path[-SAMPLES // SIZES[name] :].T).mean()) - bottom
            for name, path in self.paths.items()
        }
        return {
            "epochs": EPOCHS,
            "learning_rate": RATE,
            "lowest_loss": bottom,
            "steps": {name: len(path) - 1 for name, path in self.paths.items()},
            "steps_that_raise_the_loss": {
                name: int((np.diff(self.loss(*path.T)) > 0).sum()) for name, path in self.paths.items()
            },
            "loss_above_the_lowest": excess,
        }

    @property
    def sentence(self) -> str:
        """Compare the forms at an equal number of samples."""
        above = self.facts["loss_above_the_lowest"]
        return (
            f"{EPOCHS} epochs over the same {SAMPLES} points at η = {RATE:g}. Batch gradient descent takes {EPOCHS} "
            f"smooth steps; in the last epoch its loss is still {above['Batch']:.2g} above the minimum. Stochastic "
            f"gradient descent takes {EPOCHS * SAMPLES} steps: it is close soon, and then fluctuates "
            f"({above['Stochastic']:.2g} above). Mini-batches of 8 are in between and stay closer "
            f"({above['Mini-batch']:.2g})."
        )

    def picture(self) -> Figure:
        """Draw three paths on the contours, and the loss over the epochs."""
        from deltarule.experiments.figures.descent import paths_on_a_surface

        seen = {name: np.arange(len(path)) * SIZES[name] / SAMPLES for name, path in self.paths.items()}
        losses = {name: self.loss(*path.T) for name, path in self.paths.items()}
        return paths_on_a_surface(self.paths, self.loss, self.lowest, seen, losses)


def _path(x: Floats, y: Floats, size: int, seed: int) -> Floats:
    """Return w and b after each step; every step is passed as an epoch, so that the engine reports it."""
    recipe = Recipe(
        network=Network(hidden=()),
        loss="half_squared_error",
        optimizer=SGD(RATE),
        batch_size=size,
        epochs=EPOCHS * SAMPLES // size,
        stopping=None,
        scaling="none",
        target_scaling="none",
        task="regression",
    )
    orders = (permutation(seed, epoch, SAMPLES) for epoch in range(1, EPOCHS + 1))
    steps = [[rows[begin : begin + size]] for rows in orders for begin in range(0, SAMPLES, size)]
    start = [(np.array([[START[0]]]), np.array([START[1]]))]
    data = Dataset(train=(x[:, None], y))
    training = epochs(recipe, data, engine="reference", initial_parameters=start, batches=steps)
    return np.array([START, *(training.model.theta for _ in training)])
