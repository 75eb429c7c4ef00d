"""Exclusive or: not linearly separable, but learned with a hidden layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from deltarule.data import load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.experiments.illustrations.plane import PlaneMap
from deltarule.formulas import Adam
from deltarule.recipes import Network, Recipe
from deltarule.training import train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPAN = (-0.5, 1.5, -0.5, 1.5)
HIDDEN: dict[str, tuple[int, ...]] = {"One neuron": (), "4 hidden units": (4,)}


@dataclass(frozen=True)
class Xor(Illustration):
    """Two networks on the four corners: their predictions in the plane, accuracy and loss."""

    name: ClassVar[str] = "xor"
    shows: ClassVar[str] = "exclusive or: one neuron fails, a hidden layer succeeds"

    x: Any
    y: Any
    maps: dict[str, PlaneMap]
    accuracy: dict[str, float]
    loss: dict[str, float]

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train one neuron, and a network with four hidden units, on the same four points."""
        data = load_dataset("xor")
        x, y = data.train.x, data.train.y
        runs = {
            name: train(
                Recipe(
                    network=Network(hidden=hidden, activation="tanh"),
                    loss="sigmoid_cross_entropy",
                    optimizer=Adam(0.05),
                    batch_size=4,
                    epochs=500,
                    stopping=None,
                    scaling="none",
                    seed=seed,
                ),
                data,
                engine="reference",
            )
            for name, hidden in HIDDEN.items()
        }
        return cls(
            x,
            y,
            {name: PlaneMap.of(run.model, SPAN) for name, run in runs.items()},
            {name: run.model.score(x, y) for name, run in runs.items()},
            {name: run.history[-1].train_loss for name, run in runs.items()},
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Return the accuracy on the four corners, and the final cross-entropy."""
        return {"accuracy": self.accuracy, "loss": self.loss}

    @property
    def sentence(self) -> str:
        """Compare the two networks."""
        right = {name: round(4 * share) for name, share in self.accuracy.items()}
        loss = self.loss["One neuron"]
        return (
            f"The boundary of one neuron is a straight line: it classifies {right['One neuron']} of the 4 corners "
            f"correctly, and its cross-entropy ends at {loss:.3f} = ln 2, the value of the constant prediction ½. With "
            f"four hidden units {right['4 hidden units']} of 4 are correct."
        )

    def picture(self) -> Figure:
        """Draw the regions of both under the four corners."""
        from deltarule.experiments.figures.boundaries import boundaries

        notes = [
            f"{round(4 * self.accuracy[name])} of 4 correct, cross-entropy {self.loss[name]:.3f}" for name in self.maps
        ]
        maps = {name: (each.span, each.probabilities) for name, each in self.maps.items()}
        return boundaries(self.x, self.y, maps, notes, ("y = 0", "y = 1"), large=True)
