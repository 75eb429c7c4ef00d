"""Published numbers, each with its source.

The lists of the deterministic runs on handwritten digits are not included; they are read from the user's own copy.
"""

from __future__ import annotations

from typing import NamedTuple

MOONS_LOSSES: dict[str, tuple[float, ...]] = {
    "momentum": (0.690741, 0.685341, 0.647145, 0.619594, 0.576665, 0.607324, 0.529476, 0.460936, 0.465780, 0.464740),
    "adam": (0.690552, 0.185501, 0.150830, 0.074454, 0.125959, 0.104344, 0.100676, 0.031652, 0.111973, 0.197940),
}
"""Loss of the last batch in epochs 0, 1000, …, 9000. Optimization methods, two moons: the second founding text."""

MOONS_ACCURACY: dict[str, float] = {"momentum": 0.7966666666666666, "adam": 0.94}
"""Accuracy on the 300 training points, as printed by the same text."""

FASHION_CLAIM = "after epoch 8 the validation accuracy begins to fall: from there on it overfits"
"""The first founding text on its network for Fashion-MNIST; one run, not seeded."""


class PublishedNetwork(NamedTuple):
    """A network on the handwritten digits and the accuracy published for it."""

    loss: str
    hidden: tuple[int, ...]
    learning_rate: float
    decay: float
    epochs: int
    accuracy: float | None

    @property
    def words(self) -> str:
        """Return the display name of the cost."""
        return {"half_squared_error": "quadratic", "sigmoid_cross_entropy": "cross-entropy"}[self.loss]

    @property
    def units(self) -> str:
        """Return the hidden units, separated by hyphens."""
        return "-".join(map(str, self.hidden))


COSTS: tuple[PublishedNetwork, ...] = (
    PublishedNetwork("half_squared_error", (30,), 3.0, 0.0, 30, 0.9542),
    PublishedNetwork("half_squared_error", (100,), 3.0, 0.0, 30, 0.9659),
    PublishedNetwork("sigmoid_cross_entropy", (30,), 0.5, 0.0, 30, 0.9549),
    PublishedNetwork("sigmoid_cross_entropy", (100,), 0.5, 0.0, 30, 0.9682),
    PublishedNetwork("sigmoid_cross_entropy", (30,), 0.5, 5.0, 30, 0.9649),
    PublishedNetwork("sigmoid_cross_entropy", (100,), 0.5, 5.0, 30, 0.9792),
    PublishedNetwork("sigmoid_cross_entropy", (100,), 0.1, 5.0, 60, 0.9804),
)
"""Nielsen, Neural Networks and Deep Learning (2015), chapters 1 and 3; single runs, the best epoch's accuracy."""

OVERFITTING_FILE = "overfitting.json"
"""Nielsen's four lists of 400: evaluation cost, evaluation accuracy, training cost, training accuracy."""

INITIAL_WEIGHTS_FILE = "weight_initialization_30.json"
"""Nielsen's evaluation accuracies for 30 epochs: with initial weights from N(0, 1/inputs), then from N(0, 1)."""
