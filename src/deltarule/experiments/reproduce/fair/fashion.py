"""The fair version of `fashion`: the onset of overfitting and the effect of each remedy, over several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.experiments.reproduce.fair.experiment import FairExperiment, median_and_range
from deltarule.formulas import L2, HorizontalFlip, Translation
from deltarule.recipes import EarlyStopping, Network, Recipe
from deltarule.studies.compare import Comparison, Finished
from deltarule.studies.text_table import TextTable

BARE = "no regularization"
PUBLISHED_ONSET = 8
"""The epoch after which the published validation accuracy decreases."""


@dataclass(frozen=True)
class FairFashion(FairExperiment):
    """784-256-128-10, Adam at 0.001, batches of 64 in a new order each epoch, twenty epochs.

    patience, dropout, l2 : patience of early stopping, dropout rate, and strength of the penalty.
    shift : maximum translation in pixels of the augmentation, which also mirrors half of the images.
    """

    name: ClassVar[str] = "fashion"
    dataset: ClassVar[str | None] = "fashion"
    pictures: ClassVar[tuple[str, ...]] = ("scores", "curves", "score_curves")

    claims: ClassVar[tuple[tuple[str, str, str], ...]] = tuple(
        (f"{remedy} helps", remedy, BARE) for remedy in ("early stopping", "dropout", "L2", "all three", "augmentation")
    )

    hidden: tuple[int, ...] = (256, 128)
    batch_size: int = 64
    epochs: int = 20
    patience: int = 3
    dropout: float = 0.2
    l2: float = 1e-4
    shift: float = 1.0

    def variants(self) -> dict[str, Recipe]:
        """Return the network without remedies, with each remedy, and with early stopping, dropout and L2 together."""
        network = Network(hidden=self.hidden)
        bare = Recipe(
            network=network,
            batch_size=self.batch_size,
            epochs=self.epochs,
            stopping=None,
            scaling=255.0,
        )
        stopping, sparse, penalty = EarlyStopping(self.patience), network.replace(dropout=self.dropout), L2(self.l2)
        return {
            BARE: bare,
            "early stopping": bare.replace(stopping=stopping),
            "dropout": bare.replace(network=sparse),
            "L2": bare.replace(penalty=penalty),
            "augmentation": bare.replace(augmentation=(HorizontalFlip(), Translation(self.shift))),
            "all three": bare.replace(network=sparse, penalty=penalty, stopping=stopping),
        }

    def further_tables(self, comparison: Comparison) -> list[TextTable]:
        """Return a table of the best epochs on the validation set, by loss and by accuracy, and the claims."""
        rows = []
        for name in self.variants():
            networks = comparison.of(name).values()
            gaps = [100 * (each.curves["train_score"][-1] - each.curves["validation_score"][-1]) for each in networks]
            best = (median_and_range([found[place] for found in map(_best_epochs, networks)]) for place in (0, 1))
            rows.append((name, *best, f"{np.mean(gaps):.1f}"))
        columns = ("", "lowest loss", "best accuracy", "training − validation (points)")
        bare = [_best_epochs(each) for each in comparison.of(BARE).values()]
        late = sum(accuracy > PUBLISHED_ONSET for _, accuracy in bare)
        earlier = sum(loss < accuracy for loss, accuracy in bare)
        note = (
            f"Epochs: median and range. Last column: difference of the final accuracies. Published, from one run: the "
            f"validation accuracy decreases from epoch {PUBLISHED_ONSET} on. Without regularization it is highest "
            f"after that with {late} of {len(bare)} seeds, and the loss is lowest before the accuracy is highest "
            f"with {earlier} of them."
        )
        onset = TextTable("When overfitting begins: best epoch on the validation set", columns, tuple(rows), note)
        return [onset, *super().further_tables(comparison)]


def _best_epochs(network: Finished) -> tuple[int, int]:
    """Return the epochs of the lowest validation loss and of the best validation accuracy."""
    losses, scores = network.curves["validation_loss"], network.curves["validation_score"]
    return int(np.argmin(losses)) + 1, int(np.argmax(scores)) + 1
