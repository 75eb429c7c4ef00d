"""Early stopping, on the learning curves of a network that overfits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from deltarule.data import Dataset, load_dataset
from deltarule.experiments.illustrations.illustration import Illustration
from deltarule.formulas import Adam
from deltarule.recipes import EarlyStopping, Network, Recipe
from deltarule.training import train
from deltarule.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATIENCE, EPOCHS, TRAINING = 10, 50, 250


@dataclass(frozen=True)
class EarlyStop(Illustration):
    """One network on the diabetes data, with early stopping and, on the same batches, without.

    training, validation : loss of each epoch without early stopping, (50,).
    best, stopped : the epoch with the lowest validation loss, and the epoch after which training stops.
    kept_score, last_score : R² on the test set, of the best epoch and of the last epoch without early stopping.
    """

    name: ClassVar[str] = "early-stopping"
    shows: ClassVar[str] = "early stopping on the learning curves of a network that overfits"

    training: Floats
    validation: Floats
    best: int
    stopped: int
    kept_score: float
    last_score: float

    @classmethod
    def made(cls, seed: int = 0) -> Self:
        """Train the same recipe with early stopping and without."""
        diabetes = load_dataset("diabetes", seed=seed)
        x, y, test = diabetes.train.x, diabetes.train.y, diabetes.test
        assert test is not None
        data = Dataset(train=(x[:TRAINING], y[:TRAINING]), validation=(x[TRAINING:], y[TRAINING:]), test=test)
        recipe = Recipe(
            network=Network(hidden=(64, 64)),
            optimizer=Adam(3e-3),
            epochs=EPOCHS,
            stopping=EarlyStopping(patience=PATIENCE),
            evaluate_train=True,
            seed=seed,
        )
        ruled = train(recipe, data, engine="reference")
        free = train(recipe.replace(stopping=None), data, engine="reference")
        return cls(
            np.array([epoch.train_loss for epoch in free.history]),
            np.array([epoch.validation_loss for epoch in free.history]),
            ruled.best_epoch,
            len(ruled.history),
            ruled.model.score(test.x, test.y),
            free.model.score(test.x, test.y),
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Return the epochs, their losses, and R² on the test set."""
        return {
            "best_epoch": self.best,
            "stopped_after": self.stopped,
            "validation_loss": {"best": float(self.validation[self.best - 1]), "last": float(self.validation[-1])},
            "training_loss": {"best": float(self.training[self.best - 1]), "last": float(self.training[-1])},
            "test_r2": {"best": self.kept_score, "last": self.last_score},
        }

    @property
    def sentence(self) -> str:
        """Describe where training stops, and the result of longer training."""
        return (
            f"The training loss keeps falling; the validation loss is lowest after epoch {self.best}. With patience "
            f"{PATIENCE}, training stops after epoch {self.stopped} and keeps the weights of epoch {self.best}. On the "
            f"test set, R² is then {self.kept_score:.2f}; after {EPOCHS} epochs it is {self.last_score:.2f}."
        )

    def picture(self) -> Figure:
        """Draw both losses, with the two epochs marked."""
        from deltarule.experiments.figures.stopping import stopping_point

        return stopping_point(self.training, self.validation, self.best, self.stopped)
