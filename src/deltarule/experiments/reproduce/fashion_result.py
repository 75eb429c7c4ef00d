"""What the network on Fashion-MNIST did, beside what was published of it."""

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


class EpochFigures(NamedTuple):
    """An epoch: training figures as its batches were met, validation figures at its end."""

    number: int
    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float


class BatchFigures(NamedTuple):
    """A batch's own loss and accuracy, before its update; `number` counts from the first batch of all."""

    epoch: int
    number: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Outcome:
    """A network at its end: epochs trained, the epoch kept, and (loss, accuracy) on the three whole parts."""

    name: str
    trained: int
    kept: int
    train: tuple[float, float]
    validation: tuple[float, float]
    test: tuple[float, float]

    @property
    def words(self) -> str:
        """Its name for people."""
        return {"l2": "L2"}.get(self.name, self.name.replace("_", " "))


@dataclass(eq=False)
class FashionResult(Result):
    """The published run epoch by epoch, then every network's outcome, the published one's first."""

    experiment: FashionSettings
    samples: Part
    class_names: tuple[str, ...]
    epochs: list[EpochFigures] = field(default_factory=list)
    batches: list[BatchFigures] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def lowest_loss(self) -> int:
        """The epoch with the lowest validation loss."""
        return min(self.epochs, key=lambda epoch: epoch.validation_loss).number

    @property
    def best_accuracy(self) -> int:
        """The epoch with the highest validation accuracy."""
        return max(self.epochs, key=lambda epoch: epoch.validation_score).number

    def to_json(self) -> dict[str, Any]:
        """Every epoch, every reported batch, every outcome."""
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
        """Batches, epochs, the claim, and what remedies change."""
        return [self._batch_table(), self._epoch_table(), self._claim_table(), self._outcome_table()]

    def headline(self) -> dict[str, float]:
        """Where it overfits, and each network on the test images."""
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
        """Samples, learning curves, batches."""
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
            rows = [(each.number, each.loss, each.accuracy) for each in self.batches]
            paths.append(save(batches_on_the_way(rows, title=title), folder / "batches.png"))
        return paths

    def _batch_table(self) -> TextTable:
        first_and_last = {self.epochs[0].number, self.epochs[-1].number}
        rows = tuple(
            (str(each.epoch), str(each.number), f"{each.loss:.4f}", percent(each.accuracy))
            for each in self.batches
            if each.epoch in first_and_last
        )
        every = self.experiment.report_every
        note = f"Every {every}th batch of the first and the last epoch; all stand in result.json."
        columns = ("epoch", "batch", "loss", "accuracy")
        return TextTable("On the way: single batches, before their update", columns, rows, note)

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
        note = f"At the end, on all test images: loss {loss:.4f}, accuracy {percent(accuracy)}."
        return TextTable("As published, epoch by epoch", columns, rows, note)

    def _claim_table(self) -> TextTable:
        rows = (
            ("published", FASHION_CLAIM),
            ("our validation loss", f"lowest at epoch {self.lowest_loss} of {len(self.epochs)}"),
            ("our validation accuracy", f"best at epoch {self.best_accuracy} of {len(self.epochs)}"),
        )
        note = "n = 1 seed here; --seeds N says how much the epochs vary, --set epochs=20 looks further."
        return TextTable("From where on does it overfit?", ("", ""), rows, note)

    def _outcome_table(self) -> TextTable:
        rows = tuple(
            (
                each.words, str(each.trained), str(each.kept), percent(each.train[1]), percent(each.validation[1]),
                percent(each.test[1]), percent(each.train[1] - each.test[1]), f"{each.test[0]:.4f}",
            )
            for each in self.outcomes
        )  # fmt: skip
        columns = ("", "epochs", "kept", "training", "validation", "test", "training − test", "test loss")
        e = self.experiment
        note = (
            f"Early stopping: patience {e.patience} on the validation loss. Dropout {e.dropout:g} of the hidden units. "
            f"L2 {e.l2:g}. A softmax before the loss, which ruins training, is refused: {softmax_twice()}"
        )
        return TextTable("The same network, seed and batches, and what holds overfitting back", columns, rows, note)


def softmax_twice() -> str:
    """What is said to a network with a softmax of its own before the loss that contains one."""
    activations: Any = ("relu", "relu", "softmax")
    try:
        Network(hidden=(256, 128), activation=activations)
    except RecipeError as error:
        return str(error)
    raise AssertionError
