"""Fashion-MNIST as it should be: when overfitting sets in over several seeds, and what each remedy is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from deltarule.formulas import L2
from deltarule.recipes import EarlyStopping, Network, Recipe
from deltarule.studies.compare import Comparison
from deltarule.studies.reproduce.fair.experiment import FairExperiment, spread_words
from deltarule.studies.table import Table

BARE = "no remedy"


@dataclass(frozen=True)
class FairFashion(FairExperiment):
    """784-256-128-10, Adam at 0.001, batches of 64 in a new order each epoch, twenty epochs.

    patience, dropout, l2 : of early stopping, of the hidden units left out, of the penalty.
    """

    name: ClassVar[str] = "fashion"
    dataset: ClassVar[str | None] = "fashion"
    pictures: ClassVar[tuple[str, ...]] = ("scores", "curves", "score_curves")

    seeds: int = 6
    hidden: tuple[int, ...] = (256, 128)
    batch_size: int = 64
    epochs: int = 20
    patience: int = 3
    dropout: float = 0.2
    l2: float = 1e-4

    def variants(self) -> dict[str, Recipe]:
        """The bare network, one with each remedy, and one with all three."""
        network = Network(hidden=self.hidden)
        bare = Recipe(
            network=network,
            batch_size=self.batch_size,
            epochs=self.epochs,
            stopping=None,
            scaling=255.0,  # type: ignore[arg-type]
        )
        stopping, sparse, penalty = EarlyStopping(self.patience), network.replace(dropout=self.dropout), L2(self.l2)
        return {
            BARE: bare,
            "early stopping": bare.replace(stopping=stopping),
            "dropout": bare.replace(network=sparse),
            "L2": bare.replace(penalty=penalty),
            "all three": bare.replace(network=sparse, penalty=penalty, stopping=stopping),
        }

    def further_tables(self, comparison: Comparison) -> list[Table]:
        """When each network is at its best on the validation part, by loss and by accuracy."""
        rows = []
        for name in self.variants():
            networks = comparison.of(name).values()
            losses = [int(np.argmin(each.curves["validation_loss"])) + 1 for each in networks]
            scores = [int(np.argmax(each.curves["validation_score"])) + 1 for each in networks]
            gaps = [100 * (each.curves["train_score"][-1] - each.curves["validation_score"][-1]) for each in networks]
            rows.append(
                (name, *spread_words(losses), *spread_words(scores), f"{np.mean(gaps):.1f} points")
            )  # fmt: skip
        columns = ("", "loss: median", "range", "accuracy: median", "range", "training − validation at the end")
        title = "The epoch of the lowest validation loss, and of the best validation accuracy"
        bare = comparison.of(BARE).values()
        late = sum(int(np.argmax(each.curves["validation_score"])) + 1 > 8 for each in bare)
        note = (
            f"Published, from one run: from epoch 8 on the validation accuracy falls. Here the accuracy of the bare "
            f"network is at its best after epoch 8 with {late} of {len(bare)} seeds; its loss turns up earlier."
        )
        return [Table(title, columns, tuple(rows), note)]
