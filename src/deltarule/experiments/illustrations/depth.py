"""Depth, tried: accuracy over the number of hidden layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.recipes import Network, Recipe
from deltarule.training import train_many
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS, DEPTHS, UNITS = 5, (1, 2, 4, 8, 16), 32
ACTIVATIONS = {"ReLU": "relu", "Sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Depth(Illustration):
    """Networks with 1 to 16 hidden layers of 32 units on digits, with the same recipe otherwise.

    accuracy : on the test set, (depths, seeds), by the activation.
    """

    name: ClassVar[str] = "depth"
    shows: ClassVar[str] = "accuracy over the number of hidden layers"

    accuracy: dict[str, Floats]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train every depth and activation with five seeds."""
        data = load_dataset("digits", seed=seed)
        assert data.test is not None
        x, y = data.test.x, data.test.y
        accuracy = {}
        for name, activation in ACTIVATIONS.items():
            recipes = [
                Recipe(
                    network=Network(hidden=(UNITS,) * depth, activation=activation),
                    epochs=20,
                    stopping=None,
                    seed=SEEDS * seed + number,
                )
                for depth in DEPTHS
                for number in range(SEEDS)
            ]
            scores = [run.model.score(x, y) for run in train_many(recipes, data)]
            accuracy[name] = np.array(scores).reshape(len(DEPTHS), SEEDS)
        return cls(accuracy)

    @property
    def facts(self) -> dict[str, Any]:
        """Return the mean accuracy for each depth."""
        return {
            "seeds": SEEDS,
            "accuracy": {
                name: dict(zip(map(str, DEPTHS), each.mean(axis=1).tolist(), strict=True))
                for name, each in self.accuracy.items()
            },
        }

    @property
    def sentence(self) -> str:
        """Compare the shallowest and the deepest networks."""
        relu, sigmoid = (100 * each.mean(axis=1) for each in self.accuracy.values())
        best = DEPTHS[int(np.argmax(relu))]
        return (
            f"Deeper is not always better: with ReLU the test accuracy is {relu.max():.1f} % with {best} hidden "
            f"layer{'s' if best > 1 else ''} and {relu[-1]:.1f} % with {DEPTHS[-1]}; with sigmoid units it falls from "
            f"{sigmoid[0]:.1f} to {sigmoid[-1]:.1f} %, because their gradients vanish. Same units, epochs and learning "
            f"rate; means over {SEEDS} seeds."
        )

    def picture(self) -> Figure:
        """Draw the accuracy over the depth."""
        from deltarule.experiments.figures.seeds import lines_over_seeds

        series = {name: 100 * each for name, each in self.accuracy.items()}
        x = f"Hidden layers of {UNITS} units (logarithmic)"
        return lines_over_seeds(DEPTHS, series, x=x, y="Test accuracy (%)", logarithmic=True)
