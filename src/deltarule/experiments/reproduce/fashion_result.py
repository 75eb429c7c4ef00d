"""Results of the network on Fashion-MNIST, compared with the published ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from deltarule.data import Part
from deltarule.errors import RecipeError
from deltarule.experiments.figures.images import captioned_images
from deltarule.experiments.figures.progress import batches_on_the_way
from deltarule.experiments.reproduce.experiment import Result, percent
from deltarule.experiments.reproduce.fashion_settings import FashionSettings
from deltarule.experiments.reproduce.published import FASHION_CLAIM
from deltarule.figures.curves import learning_curves
from deltarule.figures.style import save
from deltarule.recipes import Network
from deltarule.studies.text_table import TextTable
from deltarule.writing import write_whole


class EpochFigures(NamedTuple):
    """Metrics of an epoch: training metrics over its batches, validation metrics at its end."""

    number: int
    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float


class BatchFigures(NamedTuple):
    """Loss and accuracy of a training batch before its update, or of a validation batch at the end of an epoch.

    part : "training" or "validation". number : of the batch, in the whole run for training, in the epoch otherwise.
    """

    epoch: int
    part: str
    number: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Outcome:
    """Result of a network: epochs trained, the epoch restored, and (loss, accuracy) on the three sets."""

    name: str
    trained: int
    kept: int
    train: tuple[float, float]
    validation: tuple[float, float]
    test: tuple[float, float]

    @property
    def words(self) -> str:
        """Return the name to display."""
        return {"l2": "L2"}.get(self.name, self.name.replace("_", " "))


@dataclass(eq=False)
class FashionResult(Result):
    """The epochs of the published run, and the outcomes of all networks, the published one first."""

    experiment: FashionSettings
    samples: Part
    class_names: tuple[str, ...]
    epochs: list[EpochFigures] = field(default_factory=list)
    batches: list[BatchFigures] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def lowest_loss(self) -> int:
        """Return the epoch with the lowest validation loss."""
        return min(self.epochs, key=lambda epoch: epoch.validation_loss).number

    @property
    def best_accuracy(self) -> int:
        """Return the epoch with the highest validation accuracy."""
        return max(self.epochs, key=lambda epoch: epoch.validation_score).number

    def to_json(self) -> dict[str, Any]:
        """Return every epoch, every reported batch and every outcome."""
        loss, accuracy = self.outcomes[0].test
        return {
            "epochs": [each._asdict() for each in self.epochs],
            "batches": [each._asdict() for each in self.batches],
            "test_loss": loss,
            "test_accuracy": accuracy,
            "lowest_validation_loss_at_epoch": self.lowest_loss,
            "best_validation_accuracy_at_epoch": self.best_accuracy,
            "outcomes": [
                {
                    "name": each.name, "trained_epochs": each.trained, "kept_epoch": each.kept,
                    **{f"{part}_{what}": number for part in ("train", "validation", "test")
                       for what, number in zip(("loss", "accuracy"), getattr(each, part), strict=True)},
                }
                for each in self.outcomes
            ],
        }  # fmt: skip

    def tables(self) -> list[TextTable]:
        """Return tables of batches, epochs, the published claim, and the remedies."""
        return [self._batch_table(), self._epoch_table(), self._claim_table(), self._outcome_table()]

    def headline(self) -> dict[str, float]:
        """Return the best epochs, and the test results of each network."""
        figures: dict[str, float] = {
            "lowest validation loss at epoch": self.lowest_loss,
            "best validation accuracy at epoch": self.best_accuracy,
        }
        for each in self.outcomes:
            figures[f"{each.words}: test accuracy"] = each.test[1]
            figures[f"{each.words}: test loss"] = each.test[0]
            figures[f"{each.words}: training minus test accuracy"] = each.train[1] - each.test[1]
        return figures

    def write(self, folder: Path) -> list[Path]:
        """Draw samples, learning curves and batches."""
        captions = [
            f"{number}: {self.class_names[int(label)] if self.class_names else label}"
            for number, label in enumerate(self.samples.y, start=1)
        ]
        title = f"784-{'-'.join(map(str, self.experiment.hidden))}-10 on Fashion-MNIST, as published"
        history = [{**each._asdict()} for each in self.epochs]
        curves = learning_curves(history, best_epoch=self.lowest_loss, title=title)
        paths = [
            save(captioned_images(list(self.samples.x), captions), folder / "samples.png"),
            save(curves, folder / "curves.png"),
        ]
        if self.batches:
            rows = [(each.number, each.loss, each.accuracy) for each in self.batches if each.part == "training"]
            paths.append(save(batches_on_the_way(rows, title=title), folder / "batches.png"))
            paths.append(folder / "batches.csv")
            write_whole(paths[-1], self._csv().encode())
        return paths

    def _csv(self) -> str:
        """Return every reported batch as CSV."""
        rows = [BatchFigures._fields, *self.batches]
        return "".join(",".join(map(str, row)) + "\n" for row in rows)

    def _batch_table(self) -> TextTable:
        rows = tuple(
            (each.part, str(each.number), f"{each.loss:.4f}", percent(each.accuracy))
            for each in self.batches
            if each.epoch == 1
        )
        e = self.experiment
        note = (
            f"Every {e.report_every}th training batch, before its update, and every {e.report_validation_every}th "
            f"validation batch, at the end of the epoch. All epochs are in batches.csv."
        )
        return TextTable("Single batches of the first epoch", ("", "batch", "loss", "accuracy"), rows, note)

    def _epoch_table(self) -> TextTable:
        rows = tuple(
            (
                str(each.number), f"{each.train_loss:.4f}", percent(each.train_score), f"{each.validation_loss:.4f}",
                percent(each.validation_score),
            )
            for each in self.epochs
        )  # fmt: skip
        loss, accuracy = self.outcomes[0].test
        columns = ("epoch", "training loss", "training accuracy", "validation loss", "validation accuracy")
        note = f"Final result on all test images: loss {loss:.4f}, accuracy {percent(accuracy)}."
        return TextTable("As published, epoch by epoch", columns, rows, note)

    def _claim_table(self) -> TextTable:
        rows = (
            ("published", FASHION_CLAIM),
            ("our validation loss", f"lowest at epoch {self.lowest_loss} of {len(self.epochs)}"),
            ("our validation accuracy", f"best at epoch {self.best_accuracy} of {len(self.epochs)}"),
        )
        note = "n = 1 seed; use --seeds N to see the variation between seeds, --set epochs=20 to train longer."
        return TextTable("When does overfitting begin?", ("", ""), rows, note)

    def _outcome_table(self) -> TextTable:
        rows = tuple(
            (
                each.words, str(each.trained), str(each.kept), percent(each.train[1]), percent(each.validation[1]),
                percent(each.test[1]), percent(each.train[1] - each.test[1]), f"{each.test[0]:.4f}",
            )
            for each in self.outcomes
        )  # fmt: skip
        columns = ("", "epochs", "restored", "training", "validation", "test", "training − test", "test loss")
        e = self.experiment
        note = (
            f"Early stopping: patience {e.patience} on the validation loss. Dropout {e.dropout:g} of the hidden units. "
            f"L2 {e.l2:g}. A second softmax, of which the text warns, is an error: {softmax_twice()}"
        )
        return TextTable("Remedies against overfitting, with the same network, seed and batches", columns, rows, note)


def softmax_twice() -> str:
    """Return the error message for a network with a softmax before a loss that contains one."""
    activations: Any = ("relu", "relu", "softmax")
    try:
        Network(hidden=(256, 128), activation=activations)
    except RecipeError as error:
        return str(error)
    raise AssertionError
