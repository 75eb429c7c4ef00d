"""A learning curve: accuracy over the size of the training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas.random import permutation
from deltarule.recipes import Network, Recipe
from deltarule.training import train_many
from deltarule.types import Floats, Indices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SEEDS, SIZES, STEPS = 5, (45, 90, 180, 360, 720, 1437), 1500
RECIPE = Recipe(network=Network(hidden=(64,)), batch_size=32, stopping=None)


@dataclass(frozen=True)
class LearningCurve(Illustration):
    """Networks 64-64-10 on digits, trained with about equally many steps on training sets of several sizes.

    training, test : accuracy on the training samples and on the test set, (sizes, seeds).
    """

    name: ClassVar[str] = "learning-curve"
    shows: ClassVar[str] = "accuracy over the size of the training set"

    training: Floats
    test: Floats

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train on the first samples of five random orders."""
        data = load_dataset("digits", seed=seed)
        assert data.test is not None
        orders = [_order(data.train.y, SEEDS * seed + number) for number in range(SEEDS)]
        training, test = [], []
        for size in SIZES:
            rows = [order[:size] for order in orders]
            recipe = RECIPE.replace(epochs=round(STEPS / np.ceil(size / RECIPE.batch_size)))
            runs = train_many([recipe.replace(seed=SEEDS * seed + n) for n in range(SEEDS)], data, rows=rows)
            pairs = zip(runs, rows, strict=True)
            training.append([run.model.score(data.train.x[some], data.train.y[some]) for run, some in pairs])
            test.append([run.model.score(data.test.x, data.test.y) for run in runs])
        return cls(np.array(training), np.array(test))

    @property
    def facts(self) -> dict[str, Any]:
        """Return the mean accuracies for each size."""
        return {
            "sizes": list(SIZES),
            "seeds": SEEDS,
            "training_accuracy": self.training.mean(axis=1).tolist(),
            "test_accuracy": self.test.mean(axis=1).tolist(),
        }

    @property
    def sentence(self) -> str:
        """Describe how the gap between training and test accuracy changes."""
        test, gap = self.test.mean(axis=1), (self.training - self.test).mean(axis=1)
        return (
            f"With {SIZES[0]} training samples the test accuracy is {100 * test[0]:.1f} %, with {SIZES[-1]:,} it is "
            f"{100 * test[-1]:.1f} % (means over {SEEDS} seeds). The gap to the training accuracy falls from "
            f"{100 * gap[0]:.1f} to {100 * gap[-1]:.1f} points: more data reduce variance. The last doubling "
            f"gains {100 * (test[-1] - test[-2]):.1f} points."
        )

    def picture(self) -> Figure:
        """Draw both accuracies over the size, which is logarithmic."""
        from deltarule.experiments.figures.seeds import lines_over_seeds

        series = {"Training samples": 100 * self.training, "Test set": 100 * self.test}
        x = "Training samples (logarithmic)"
        return lines_over_seeds(SIZES, series, x=x, y="Accuracy (%)", logarithmic=True)


def _order(labels: Any, seed: int) -> Indices:
    """Return a random order of the samples that begins with one of each class, so that every part has all classes."""
    order = permutation(seed, 1, len(labels))
    first = order[np.unique(labels[order], return_index=True)[1]]
    return np.concatenate([first, order[~np.isin(order, first)]])
